// A protocol header for the compression layers: its fields in wire order, a check of the fields that are not sent, and
// functions to recompute them. There is one object per header; a build contains those it imports. The functions are
// properties, not methods: plain functions need no self parameter on Lua.

/** Role of a field in Diet-ESP's rules [draft-ietf-ipsecme-diet-esp §6.1]. */
export const ROLE_SENT = 0;
export const ROLE_VERSION = 1;
export const ROLE_DSCP = 2;
export const ROLE_ECN = 3;
/** Flow Label, or IPv4 Identification. */
export const ROLE_FLOW = 4;
/** Length and checksum fields. */
export const ROLE_COMPUTE = 5;
export const ROLE_PROTO = 6;
export const ROLE_HOPS = 7;
export const ROLE_SRC = 8;
export const ROLE_DST = 9;
export const ROLE_SRC_PORT = 10;
export const ROLE_DST_PORT = 11;

/** Numbers per field in `Header.fields`: field identifier (fid.ts), length in bits, role. */
export const FIELD_STRIDE = 3;

/**
 * A header format as rules see it: its fields in order, its checks, and how what is computed is put back. Offsets are octets
 * in the packet's buffer.
 *
 * @noSelf
 */
export interface Header {
  /** IP protocol number of this header: 41 IPv6, 4 IPv4, 17 UDP, ... */
  proto: number;
  /** Octets of the fixed header, which has the field descriptors. */
  size: number;
  /** Flat, in wire order without gaps: FID, bits, ROLE_*. */
  fields: number[];
  /**
   * Checks the header at `offset` of a packet that ends at `end`: the fixed header is there, and every computed field
   * is right. `ip` is the offset of the IP header, for the pseudo-header. Returns 0; 1 where the checksum FFFF stands for
   * 0000 [RFC 1071] and so comes back as 0000; or a drop code. After 0 and 1 all fixed fields can be read.
   */
  verify: (buffer: Uint8Array, offset: number, end: number, ip: number) => number;
  /** Writes length fields (called first, inner to outer or outer to inner: they do not depend on each other). */
  putLengths: (buffer: Uint8Array, offset: number, end: number) => void;
  /** Writes the checksum, from all other fields (called last; IP before transport). */
  putChecksums: (buffer: Uint8Array, offset: number, end: number, ip: number) => void;
}

/** Slots: values that a decompressor takes from the received outer header ("lower") or makes anew ("generated"). */
export const SLOT_NONE = -1;
export const SLOT_DSCP = 0;
export const SLOT_ECN = 1;
/** Flow Label or IPv4 Identification. */
export const SLOT_FLOW = 2;
export const SLOT_HOPS = 3;
export const SLOT_GENERATED = 4;
export const SLOT_COUNT = 5;

/**
 * The further functions of an IP header. All need a verified header.
 *
 * @noSelf
 */
export interface Network extends Header {
  /** 4 or 6. */
  version: number;
  /** Octets of an address, and where source and destination are. */
  addressSize: number;
  /** Offset of the source address. */
  src: number;
  /** Offset of the destination address. */
  dst: number;
  /** Offset of Next Header / Protocol. */
  protocol: number;
  /** Octets of the whole packet, as its header says. */
  packetSize: (buffer: Uint8Array, offset: number) => number;
  /** Octets of the header with options. */
  headerSize: (buffer: Uint8Array, offset: number) => number;
  /** 0: a whole packet, 1: a first fragment, 2: a later fragment (no transport header). */
  fragment: (buffer: Uint8Array, offset: number) => number;
  /** Reads SLOT_DSCP, SLOT_ECN, SLOT_FLOW and SLOT_HOPS. */
  read: (buffer: Uint8Array, offset: number, slots: Int32Array) => void;
  /**
   * Writes a header without options for a packet of `length` octets in all (addresses are there already), with DSCP,
   * ECN and hop limit of `slots` and the given flow label (IPv4: `emitIpv4`'s identification).
   */
  emit: (buffer: Uint8Array, offset: number, length: number, protocol: number, slots: Int32Array, flow: number) => void;
  /** Sets the ECN field; the IPv4 checksum is left to putChecksums. */
  putEcn: (buffer: Uint8Array, offset: number, ecn: number) => void;
}
