// `dietesp/ah`: AH [RFC 4302], packet in and packet out, also with the Scope of RISAV. For hosts and border routers.

export {
  type AhEndpoint,
  type AsOf,
  addInboundAh,
  allocateAhSpi,
  createAhEndpoint,
  removeInboundAh,
} from './endpoint.ts';
export { inboundAh, scopeOfPacket, stripAh } from './inbound.ts';
export { zeroMutable } from './mutable.ts';
export { outboundAh } from './outbound.ts';
export { createPlace, findAh, type Place, placeAh } from './place.ts';
export {
  type AhConfig,
  type AhOptions,
  type AhSa,
  type AsEntry,
  ahSizeOf,
  createAhSa,
  isAh,
  NUMBERS_32,
  NUMBERS_64,
  NUMBERS_UNSPECIFIED,
} from './sa.ts';
export {
  AH_SUITES,
  ahAesCmac,
  ahAesGmac128,
  ahAesGmac192,
  ahAesGmac256,
  ahHmacSha256,
  hasAhSuite,
} from './suites.ts';
