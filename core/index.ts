// The portable core, for programs that bring their own engine or transport. Boards import the files they need, so that
// a bundler keeps only those.

export * from './crypto/provider.ts';
export * from './dietesp/attributes.ts';
export * from './dietesp/rules.ts';
export * from './drop.ts';
export { dropName } from './dropname.ts';
export { ALL_SUITES } from './esp/allsuites.ts';
export { addInbound, createEndpoint, type Endpoint, removeInbound } from './esp/endpoint.ts';
export { FULL_PARTS } from './esp/fullparts.ts';
export { inbound } from './esp/inbound.ts';
export { choose, OUTBOUND_ROOM, outbound } from './esp/outbound.ts';
export type { Parts } from './esp/parts.ts';
export {
  advanceSn,
  createSa,
  defaultConfig,
  destroySa,
  isAgeing,
  isExpired,
  type Sa,
  type SaConfig,
} from './esp/sa.ts';
export { scopeOf } from './esp/satable.ts';
export { allocateSpi } from './esp/spi.ts';
export * from './esp/suites.ts';
export { schcCompress } from './schc/compress.ts';
export { compileContext } from './schc/context.ts';
export { schcDecompress } from './schc/decompress.ts';
export * from './schc/model.ts';
