// `dietesp/esp`: ESP [RFC 4303] with Diet-ESP, packet in and packet out: SAs, suites, sequence numbers, replay windows,
// and the look-up of SAs. `FULL_PARTS` and `ALL_SUITES` have everything; a bundle contains only the parts you list.

export * from '../base/index.ts';
export type { ShapeCache } from '../dietesp/iipc.ts';
export { ALL_SUITES } from './all-suites.ts';
export { createArena } from './arena.ts';
export { checkConfig } from './check.ts';
export { inboundCoap, outboundCoap, restoreCoap } from './coap.ts';
export { type DfPolicy, dfClear, dfCopy } from './df.ts';
export { addInbound, createEndpoint, type Endpoint, removeInbound } from './endpoint.ts';
export { FULL_PARTS } from './full-parts.ts';
export { inbound } from './inbound.ts';
export { limitKey } from './key-limits.ts';
export { choose, OUTBOUND_ROOM, outbound } from './outbound.ts';
export { maxInner, outerSizeOf, UDP_ENCAPSULATION } from './packet-size.ts';
export { addPair, findPair, type Pairs, preferLast, removePair, retirePair } from './pairs.ts';
export type { Parts } from './parts.ts';
export {
  createPathMtu,
  FLOOR_FOUR,
  FLOOR_SIX,
  PATH_MTU_TIME,
  type PathMtu,
  reassembledMax,
  resetPathMtu,
  TOLD_ABOVE,
  TOLD_FAMILY,
  TOLD_KNOWN,
  TOLD_TAKEN,
  type Told,
  takeLmap,
  takePtb,
  unfragmentedMax,
} from './path-mtu.ts';
export {
  advanceSn,
  createSa,
  defaultConfig,
  destroySa,
  isAgeing,
  isExpired,
  placeAlone,
  type Sa,
  type SaConfig,
  type SaForm,
} from './sa.ts';
export { createHash } from './sa-hash.ts';
export { createList, type Located, type SaTable, type Scoped, scopeOf } from './sa-table.ts';
export {
  createPace,
  createSearch,
  isSuspect,
  mayAsk,
  type Pace,
  SEARCH_COUNT,
  SEARCH_FAILURES,
  SEARCH_FOUND,
  SEARCH_GOOD,
  SEARCH_TRIALS,
  type Search,
  type Searched,
  type Searching,
} from './search.ts';
export { type Counter, esn64, type Numbered, recoverSn, type Sn, sn32 } from './sn.ts';
export { allocateSpi } from './spi.ts';
export {
  classSubspace,
  createSubspaceParts,
  createSubspaceSuite,
  SUBSPACES_MAX,
  useClass,
  useSubspace,
} from './subspaces.ts';
export {
  aesCbcHmacSha256,
  aesCcm8,
  aesCcm8Iiv,
  aesCcm16,
  aesGcm16,
  aesGcm16Iiv,
  chacha20Poly1305,
  chacha20Poly1305Iiv,
  type Keyed,
  nullHmacSha256,
  type Operation,
  type Suite,
} from './suites.ts';
export { isNewest, type Subspace, type Subspaces, type Window, type Windowed, window32, windowWide } from './window.ts';
