// `dietesp/dietesp`: the attributes of Diet-ESP, and the three rules that both sides derive from them
// [draft-ietf-ipsecme-diet-esp]. `dietesp/esp` runs them.

export {
  type Attributes,
  CDA_GENERATED,
  CDA_LOWER,
  CDA_NOT_COMPRESSED,
  CDA_SA,
  CDA_ZERO,
  IIPC_DIET_ESP,
  IIPC_NOT_COMPRESSED,
  MODE_TRANSPORT,
  MODE_TUNNEL,
  TRAILER_MANDATORY,
  TRAILER_OPTIONAL,
} from './attributes.ts';
export { type EhcContext, fromEhcContext } from './legacy.ts';
export { clearTextAlignment, ctecRule, dscpValues, eecRule, iipcRule, sendsNextHeader } from './rules.ts';
