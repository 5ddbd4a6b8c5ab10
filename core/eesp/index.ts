// `dietesp/eesp`: EESP version 0 [draft-ietf-ipsecme-eesp-03], experimental: SAs with Sub SAs, packet in and packet out.

export {
  addAnyInbound,
  createAnySa,
  destroyAnySa,
  isEespConfig,
  removeAnyInbound,
} from './any.ts';
export { addInboundEesp, createEespEndpoint, type EespEndpoint, removeInboundEesp } from './endpoint.ts';
export {
  EESP_BASE,
  EESP_FIRST,
  EESP_INFO_SIZE,
  EESP_MAX_ID,
  EESP_OPTIONS_MAX,
  EESP_SN_SIZE,
  OPTION_CRYPT_OFFSET,
  OPTION_PAD1,
  OPTION_PADN,
  OPTION_PRIVATE,
  PROTO_EESP,
  SSKDF_HKDF_SHA2_256,
  SSKDF_NONE,
} from './format.ts';
export { checkEesp, createHeader, type EespHeader, putEesp } from './header.ts';
export { inboundEesp } from './inbound.ts';
export { outboundEesp } from './outbound.ts';
export {
  createEespSa,
  destroyEespSa,
  type EespConfig,
  type EespOptions,
  type EespSa,
  findSub,
  isEesp,
  type SubSa,
  sendWith,
} from './sa.ts';
export { ALL_SSKDFS, hkdfSha256, type Sskdf } from './sskdf.ts';
