// `dietesp/schc`: SCHC compression with rules of your own [RFC 8724], CoAP included [RFC 8824]. It knows nothing of ESP.
// It exports the header objects and field identifiers that rules name.

export * from '../base/index.ts';
export {
  FID_COAP_CODE,
  FID_COAP_MID,
  FID_COAP_OPTION,
  FID_COAP_TKL,
  FID_COAP_TOKEN,
  FID_COAP_TYPE,
  FID_COAP_VERSION,
} from '../wire/coap.ts';
export * from '../wire/fid.ts';
export {
  type Header,
  type Network,
  SLOT_DSCP,
  SLOT_ECN,
  SLOT_FLOW,
  SLOT_GENERATED,
  SLOT_HOPS,
  SLOT_NONE,
} from '../wire/header.ts';
export { ipv4 } from '../wire/ipv4.ts';
export { ipv6 } from '../wire/ipv6.ts';
export { sctp } from '../wire/sctp.ts';
export { tcp } from '../wire/tcp.ts';
export { udp } from '../wire/udp.ts';
export { udplite } from '../wire/udplite.ts';
export { canonicalRules } from './canonical.ts';
export { schcCompress, schcUncompressed } from './compress.ts';
export { type Context, compileContext, type RuleProgram } from './context.ts';
export { schcDecompress } from './decompress.ts';
export * from './fid.ts';
export * from './model.ts';
export type { Fields, Layout } from './parse.ts';
