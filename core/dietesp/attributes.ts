// Attributes for rule derivation (AfRD): what both peers know of an SA, and from which the three rules follow
// [draft-ietf-ipsecme-diet-esp §5]. Plain data: numbers and octets. Names are the draft's, in camel case.

export const MODE_TUNNEL = 0;
export const MODE_TRANSPORT = 1;

/** iipc_profile */
export const IIPC_DIET_ESP = 0;
export const IIPC_NOT_COMPRESSED = 1;

/** Values of dscp_cda, ecn_cda and flow_label_cda (named *_action since draft -10). */
export const CDA_NOT_COMPRESSED = 0;
export const CDA_LOWER = 1;
/** dscp_cda only: from dscp_list. */
export const CDA_SA = 2;
/** flow_label_cda only: chosen anew by the receiver [RFC 6437, RFC 6864]. */
export const CDA_GENERATED = 3;
/** flow_label_cda only. */
export const CDA_ZERO = 4;

export const TRAILER_OPTIONAL = 0;
export const TRAILER_MANDATORY = 1;

/** Addresses are 4 or 16 octets, as ts_ip_version says; ports, protocol numbers, SPI and bit counts are integers. */
export interface Attributes {
  /** IIPC_* */
  iipcProfile: number;
  /** RuleID octet in front of the IIPC residue, a knob for tests; -1: none (RULEID). */
  iipcRuleId: number;
  /** CDA_* */
  dscpCda: number;
  ecnCda: number;
  flowLabelCda: number;
  /** DSCP values 0..63 for CDA_SA; order does not matter, rules use ascending order (DSCP-ORDER). */
  dscpList: number[];
  /** 4 or 6: the inner packet (tunnel mode) or the packet itself (transport mode). */
  tsIpVersion: number;
  /** "Source" is the sending peer's selector (TS-DIR). */
  tsIpSrcStart: Uint8Array;
  tsIpSrcEnd: Uint8Array;
  tsIpDstStart: Uint8Array;
  tsIpDstEnd: Uint8Array;
  /** 0: any. */
  tsProto: number;
  tsPortSrcStart: number;
  tsPortSrcEnd: number;
  tsPortDstStart: number;
  tsPortDstEnd: number;
  /** Bits: 8, 16, 32 or 64. */
  alignment: number;
  /** TRAILER_* */
  espTrailer: number;
  /** MODE_* */
  ipsecMode: number;
  /** Outer addresses, 4 or 16 octets each; length 0 in transport mode. */
  tunnelSrc: Uint8Array;
  tunnelDst: Uint8Array;
  espSpi: number;
  /** Bits, 0..32; their sum is a multiple of 8. */
  espSpiLsb: number;
  espSnLsb: number;
  /** 1 with extended sequence numbers. */
  esn: number;
}
