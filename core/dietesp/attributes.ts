// Attributes for rule derivation (AfRD): both peers know them of an SA and derive its three rules from them
// [draft-ietf-ipsecme-diet-esp §5]. Plain data: numbers and octets. Names are the draft's, in camel case.

export const MODE_TUNNEL = 0 as const;
export const MODE_TRANSPORT = 1 as const;
export type Mode = typeof MODE_TUNNEL | typeof MODE_TRANSPORT;

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

export type IpsecMode = typeof MODE_TUNNEL | typeof MODE_TRANSPORT;
export type IipcProfile = typeof IIPC_DIET_ESP | typeof IIPC_NOT_COMPRESSED;
export type DscpAction = typeof CDA_NOT_COMPRESSED | typeof CDA_LOWER | typeof CDA_SA;
export type EcnAction = typeof CDA_NOT_COMPRESSED | typeof CDA_LOWER;
export type FlowLabelAction = typeof CDA_NOT_COMPRESSED | typeof CDA_LOWER | typeof CDA_GENERATED | typeof CDA_ZERO;
export type EspTrailer = typeof TRAILER_OPTIONAL | typeof TRAILER_MANDATORY;
/** Bits. */
export type Alignment = 8 | 16 | 32 | 64;
export type IpVersion = 4 | 6;
/** 1 with extended sequence numbers. */
export type Esn = 0 | 1;

/** Addresses are 4 or 16 octets, as ts_ip_version says; ports, protocol numbers, SPI and bit counts are integers. */
export interface Attributes {
  iipcProfile: IipcProfile;
  /** RuleID octet before the IIPC residue, for tests; -1: none (RULEID). */
  iipcRuleId: number;
  dscpCda: DscpAction;
  ecnCda: EcnAction;
  flowLabelCda: FlowLabelAction;
  /** DSCP values 0..63 for CDA_SA; order does not matter, rules use ascending order (DSCP-ORDER). */
  dscpList: number[];
  /** Of the inner packet (tunnel mode) or the packet itself (transport mode). */
  tsIpVersion: IpVersion;
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
  alignment: Alignment;
  espTrailer: EspTrailer;
  ipsecMode: IpsecMode;
  /** Outer addresses, 4 or 16 octets each; length 0 in transport mode. */
  tunnelSrc: Uint8Array;
  tunnelDst: Uint8Array;
  espSpi: number;
  /** Bits, 0..32; their sum is a multiple of 8. */
  espSpiLsb: number;
  espSnLsb: number;
  esn: Esn;
}

const NONE = /* @__PURE__ */ new Uint8Array(0);

/**
 * Attributes of an SA for UDP over IPv6 between two addresses (16 octets) and two ports, with the most elision: tunnel mode,
 * DSCP and ECN from the outer header, flow label zero, no trailer, 8 + 8 bits of SPI and SN. The caller sets tunnelSrc,
 * tunnelDst, espSpi and whatever else differs.
 */
export function udpAttributes(
  source: Uint8Array,
  sourcePort: number,
  destination: Uint8Array,
  destinationPort: number,
): Attributes {
  return {
    iipcProfile: IIPC_DIET_ESP,
    iipcRuleId: -1,
    dscpCda: CDA_LOWER,
    ecnCda: CDA_LOWER,
    flowLabelCda: CDA_ZERO,
    dscpList: [],
    tsIpVersion: 6,
    tsIpSrcStart: source,
    tsIpSrcEnd: source,
    tsIpDstStart: destination,
    tsIpDstEnd: destination,
    tsProto: 17,
    tsPortSrcStart: sourcePort,
    tsPortSrcEnd: sourcePort,
    tsPortDstStart: destinationPort,
    tsPortDstEnd: destinationPort,
    alignment: 8,
    espTrailer: TRAILER_OPTIONAL,
    ipsecMode: MODE_TUNNEL,
    tunnelSrc: NONE,
    tunnelDst: NONE,
    espSpi: 0,
    espSpiLsb: 8,
    espSnLsb: 8,
    esn: 0,
  };
}
