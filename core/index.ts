// The portable core, for programs that bring their own engine or transport. Boards import the files they need, so that
// a bundler keeps only those.

export * from './base/drop.ts';
export { dropName } from './base/drop-name.ts';
export * from './crypto/asymmetric.ts';
export * from './crypto/provider.ts';
export { fullExtensions } from './device/full-extensions.ts';
export { createUplink, type Uplink, type UplinkConfig, type UplinkEvents } from './device/uplink.ts';
export * from './dietesp/attributes.ts';
export * from './dietesp/rules.ts';
export { ALL_SUITES } from './esp/all-suites.ts';
export { addInbound, createEndpoint, type Endpoint, removeInbound } from './esp/endpoint.ts';
export { FULL_PARTS } from './esp/full-parts.ts';
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
export { scopeOf } from './esp/sa-table.ts';
export { allocateSpi } from './esp/spi.ts';
export * from './esp/suites.ts';
export { fragmentation } from './ike/codec/fragments.ts';
export { type PrivateNumbers, privateNumbers } from './ike/codec/private-numbers.ts';
export type { Selector } from './ike/codec/selectors.ts';
export * from './ike/crypto/suites.ts';
export { createIke, heard, type IkeConfig, ikeTimeout, receiveIke } from './ike/exchange/endpoint.ts';
export { closeChild, closeIke, createChild, probe, rekeyChild, rekeyIke } from './ike/exchange/requests.ts';
export { pollIke } from './ike/exchange/timers.ts';
export { createIntermediate } from './ike/ext/ppk-intermediate.ts';
export { resumption } from './ike/ext/resume.ts';
export { createTickets } from './ike/ext/ticket.ts';
export { connect } from './ike/setup/initiator.ts';
export { createResponder, type ResponderConfig } from './ike/setup/responder.ts';
export type { ChildSa } from './ike/state/child.ts';
export type { Extension, Ike, IkeUpper } from './ike/state/ike.ts';
export { outcomeName } from './ike/state/outcome-name.ts';
export type { Path } from './ike/state/path.ts';
export * from './ike/state/policy.ts';
export type { IkeSa, Session } from './ike/state/sa.ts';
export { schcCompress } from './schc/compress.ts';
export { compileContext } from './schc/context.ts';
export { schcDecompress } from './schc/decompress.ts';
export * from './schc/model.ts';
