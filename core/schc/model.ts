// Rules as data [RFC 8724 §7.1]. A rule is a RuleID and one field descriptor per header field, in header order.

/** Matching operators [RFC 8724 §7.3]. */
export const MO_EQUAL = 0;
export const MO_IGNORE = 1;
export const MO_MSB = 2;
export const MO_MATCH_MAPPING = 3;

/** Compression/decompression actions [RFC 8724 §7.4]. */
export const CDA_NOT_SENT = 0;
export const CDA_VALUE_SENT = 1;
export const CDA_MAPPING_SENT = 2;
export const CDA_LSB = 3;
/** compute-*: recomputed by the header, or taken from the outer header ("lower"), see `FieldDescriptor.slot`. */
export const CDA_COMPUTE = 4;
export const CDA_DEV_IID = 5;
export const CDA_APP_IID = 6;

/** Direction indicators: both, device to network, network to device. */
export const DI_BI = 0;
export const DI_UP = 1;
export const DI_DW = 2;

/** The direction of packets: make one record for each direction of a link, once. */
export interface Way {
  /** DI_UP or DI_DW. */
  direction: number;
  /** Link-layer addresses of both ends, 8 or 2 octets; empty if no rule needs them. */
  dev: Uint8Array;
  /** Link-layer address of the App side. */
  app: Uint8Array;
}

/** Field lengths that are functions: variable in octets, and the length in CoAP's TKL. */
export const FL_VARIABLE = 0;
export const FL_TOKEN_LENGTH = -1;

/** One line of a rule: how a field is matched and what is sent of it [RFC 8724 §7.1]. */
export interface FieldDescriptor {
  /** Field identifier (wire/fid.ts). */
  fid: number;
  /** Field length in bits, or FL_*. */
  fl: number;
  /** Field position: which occurrence; 0 for any. */
  fp: number;
  /** DI_* */
  di: number;
  /**
   * Target values: one, or several for match-mapping, none for ignore. Big-endian, right-aligned in whole octets; for a
   * field of variable length its octets (MSB: at least the leading bits that are compared).
   */
  tv: Uint8Array[];
  /** MO_* */
  mo: number;
  /** x of MSB(x): leading bits that are compared. */
  msb: number;
  /** CDA_* */
  cda: number;
  /** SLOT_*, for CDA_COMPUTE. */
  slot: number;
}

/** A rule [RFC 8724 §7.1]: the packets that have exactly these fields, and match them all, are compressed by it. */
export interface Rule {
  /** The RuleID, `ruleIdLength` bits: no other rule's may begin with the same bits. */
  ruleId: number;
  /** Bits; 0: the RuleID is not sent. */
  ruleIdLength: number;
  /** Fields in the order in which the packet has them; those of one direction only (`di`) among them. */
  fields: FieldDescriptor[];
}

/** Bits of an index into a match-mapping list of `count` values: ceil(log2(count)) [RFC 8724 §7.4.5]. */
export function indexBits(count: number): number {
  let bits = 0;
  while (1 << bits < count) bits++;
  return bits;
}
