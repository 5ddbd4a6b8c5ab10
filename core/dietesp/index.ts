// `dietesp/dietesp`: the attributes of Diet-ESP, and the three rules that both sides derive from them
// [draft-ietf-ipsecme-diet-esp]. `dietesp/esp` runs them.

export type { Program } from '../schc/program.ts';
export {
  type Alignment,
  type Attributes,
  CDA_GENERATED,
  CDA_LOWER,
  CDA_NOT_COMPRESSED,
  CDA_SA,
  CDA_ZERO,
  type DscpAction,
  type EcnAction,
  type Esn,
  type EspTrailer,
  type FlowLabelAction,
  IIPC_DIET_ESP,
  IIPC_NOT_COMPRESSED,
  type IipcProfile,
  type IpsecMode,
  type IpVersion,
  MODE_TRANSPORT,
  MODE_TUNNEL,
  TRAILER_MANDATORY,
  TRAILER_OPTIONAL,
  udpAttributes,
} from './attributes.ts';
export { COAP_HASH, type CoapRules, createCoapRules, packCoap, unpackCoap } from './coap-rules.ts';
export { COAP_PATHS, coapRuleSet } from './coap-set.ts';
export type { Trailer } from './ctec.ts';
export type { Bound, Shape, ShapeCache } from './iipc.ts';
export { type EhcContext, fromEhcContext } from './legacy.ts';
export { clearTextAlignment, ctecRule, dscpValues, eecRule, iipcRule, sendsNextHeader } from './rules.ts';
