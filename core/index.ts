// The portable core, for programs that bring their own engine or transport. Boards import the files they need, so that
// a bundler keeps only those.

export * from './crypto/asymmetric.ts';
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
export { connect, createIke, heard, type IkeConfig, ikeTimeout, pollIke, receiveIke } from './ike/endpoint.ts';
export { fragmentation, fullExtensions } from './ike/ext/all.ts';
export { createIntermediate } from './ike/ext/ppkint.ts';
export { type PrivateNumbers, privateNumbers } from './ike/ext/private.ts';
export { resumption } from './ike/ext/resume.ts';
export { createTickets } from './ike/ext/ticket.ts';
export type { Extension, Ike, IkeUpper } from './ike/ike.ts';
export { outcomeName } from './ike/outcome.ts';
export * from './ike/policy.ts';
export { closeChild, closeIke, createChild, probe, rekeyChild, rekeyIke } from './ike/requests.ts';
export { createResponder, type ResponderConfig } from './ike/responder.ts';
export type { Selector } from './ike/selectors.ts';
export type { ChildSa, IkeSa, Path, Session } from './ike/state.ts';
export * from './ike/suites.ts';
export { schcCompress } from './schc/compress.ts';
export { compileContext } from './schc/context.ts';
export { schcDecompress } from './schc/decompress.ts';
export * from './schc/model.ts';
export { createUplink, type Uplink, type UplinkConfig, type UplinkEvents } from './uplink.ts';
