// Attributes for rule derivation (AfRD): both peers know them of an SA and derive its three rules from them
// [draft-ietf-ipsecme-diet-esp §5]. Plain data: numbers and octets. Names are the draft's, in camel case.

/** Modes of an SA (ipsec_mode) [RFC 4301 §4.1]: ESP around a whole packet, or around a packet's payload. */
export const MODE_TUNNEL = 0 as const;
export const MODE_TRANSPORT = 1 as const;

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

/** Values of esp_trailer: the trailer is left out where the receiver can restore it, or always sent. */
export const TRAILER_OPTIONAL = 0;
export const TRAILER_MANDATORY = 1;

/** ipsec_mode. */
export type IpsecMode = typeof MODE_TUNNEL | typeof MODE_TRANSPORT;
/** iipc_profile: the inner packet is compressed, or carried as it is. */
export type IipcProfile = typeof IIPC_DIET_ESP | typeof IIPC_NOT_COMPRESSED;
/** dscp_cda: the DSCP is sent, taken from the outer header, or an index into `dscpList`. */
export type DscpAction = typeof CDA_NOT_COMPRESSED | typeof CDA_LOWER | typeof CDA_SA;
/** ecn_cda: the ECN bits are sent, or taken from the outer header. */
export type EcnAction = typeof CDA_NOT_COMPRESSED | typeof CDA_LOWER;
/** flow_label_cda: the label is sent, taken from the outer header, made by the receiver, or zero. */
export type FlowLabelAction = typeof CDA_NOT_COMPRESSED | typeof CDA_LOWER | typeof CDA_GENERATED | typeof CDA_ZERO;
/** esp_trailer. */
export type EspTrailer = typeof TRAILER_OPTIONAL | typeof TRAILER_MANDATORY;
/** Bits. */
export type Alignment = 8 | 16 | 32 | 64;
/** ts_ip_version. */
export type IpVersion = 4 | 6;
/** 1 with extended sequence numbers. */
export type Esn = 0 | 1;

/** Addresses are 4 or 16 octets, as ts_ip_version says; ports, protocol numbers, SPI and bit counts are integers. */
export interface Attributes {
  /** iipc_profile: whether the inner packet is compressed. */
  iipcProfile: IipcProfile;
  /** RuleID octet before the IIPC residue, for tests; -1: none (RULEID). */
  iipcRuleId: number;
  /** dscp_cda: where the receiver gets the inner DSCP from. */
  dscpCda: DscpAction;
  /** ecn_cda: where the receiver gets the inner ECN bits from. */
  ecnCda: EcnAction;
  /** flow_label_cda: where the receiver gets the inner flow label from (IPv4: the Identification). */
  flowLabelCda: FlowLabelAction;
  /** DSCP values 0..63 for CDA_SA; order does not matter, rules use ascending order (DSCP-ORDER). */
  dscpList: number[];
  /** Of the inner packet (tunnel mode) or the packet itself (transport mode). */
  tsIpVersion: IpVersion;
  /** "Source" is the sending peer's selector (TS-DIR). */
  tsIpSrcStart: Uint8Array;
  /** The last address of the sender's range; equal to the first for one address. */
  tsIpSrcEnd: Uint8Array;
  /** The receiver's range of addresses: first and last, both included. */
  tsIpDstStart: Uint8Array;
  /** The last address of the receiver's range. */
  tsIpDstEnd: Uint8Array;
  /** 0: any. */
  tsProto: number;
  /** The sender's range of ports, 0..65535, both ends included; 0 and 65535: any. */
  tsPortSrcStart: number;
  /** The last port of the sender's range. */
  tsPortSrcEnd: number;
  /** The receiver's range of ports, both ends included. */
  tsPortDstStart: number;
  /** The last port of the receiver's range. */
  tsPortDstEnd: number;
  /** Bits that the encrypted payload is aligned to. */
  alignment: Alignment;
  /** esp_trailer: whether Pad Length and Next Header may be left out. */
  espTrailer: EspTrailer;
  /** ipsec_mode: tunnel or transport. */
  ipsecMode: IpsecMode;
  /** Outer addresses, 4 or 16 octets each; length 0 in transport mode. */
  tunnelSrc: Uint8Array;
  /** The outer destination; length 0 in transport mode. */
  tunnelDst: Uint8Array;
  /** The whole SPI, 32 bits, 256 or above [RFC 4303 §2.1]. */
  espSpi: number;
  /** Bits, 0..32; their sum is a multiple of 8. */
  espSpiLsb: number;
  /** Low bits of the sequence number on the wire, 0..32. */
  espSnLsb: number;
  /** 1: extended (64-bit) sequence numbers [RFC 4303 §2.2.1]; else 0. */
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
