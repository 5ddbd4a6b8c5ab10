// What the compression layers know of a protocol header: its fields in wire order, how to check the fields that will
// not be sent, and how to recompute them. One object per header; a build carries those it imports.

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

export interface Header {
  /** IP protocol number of what this header begins: 41 IPv6, 4 IPv4, 17 UDP, ... */
  proto: number;
  /** Octets of the fixed header, the part that has field descriptors. */
  size: number;
  /** Flat, in wire order without gaps: FID, bits, ROLE_*. */
  fields: number[];
  /**
   * Checks the header at `offset` of a packet that ends at `end`: the fixed header is there, and every computed field
   * has the value that `restore` would give it. `ip` is the offset of the IP header, for the pseudo-header.
   * Returns 0 or a drop code; after 0 all fixed fields can be read.
   */
  verify(buffer: Uint8Array, offset: number, end: number, ip: number): number;
  /** Writes length fields (called first, inner to outer or outer to inner: they do not depend on each other). */
  putLengths(buffer: Uint8Array, offset: number, end: number): void;
  /** Writes the checksum, from all other fields (called last; IP before transport). */
  putChecksums(buffer: Uint8Array, offset: number, end: number, ip: number): void;
}
