// One unidirectional SA [RFC 4301 §4.4.2]: what was agreed, what was derived from it, and what moves with the packets.
// The state that moves is plain numbers and octets, so that it can be stored.

import { fill } from '../bytes.ts';
import type { Key, Provider } from '../crypto/provider.ts';
import { type Attributes, MODE_TUNNEL } from '../dietesp/attributes.ts';
import { trailerForm } from '../dietesp/ctec.ts';
import { rangesOf, type Shape, shapeOf, valuesOf } from '../dietesp/iipc.ts';
import type { Network } from '../wire/header.ts';
import type { Parts } from './parts.ts';
import type { Counter } from './sn.ts';
import { INTEGRITY_ALG, type Suite } from './suites.ts';

/** The input of `createSa`. Key material is copied or expanded; the caller wipes its own. */
export interface SaConfig {
  attributes: Attributes;
  suite: Suite;
  /** Encryption key, salt of AEADs, integrity key of other suites (empty where the suite has none). */
  key: Uint8Array;
  salt: Uint8Array;
  authKey: Uint8Array;
  /** Last sequence number used (outbound) or highest authenticated (inbound), in 32-bit halves. */
  snHi: number;
  snLo: number;
  /** Packets: 0 (off), or a power of two from 32 to 4096. */
  replayWindow: number;
  /** Lifetimes; 0: none. Packets, octets of inner packets, milliseconds since `createSa`'s first packet. */
  softPackets: number;
  hardPackets: number;
  softBytes: number;
  hardBytes: number;
  softTime: number;
  hardTime: number;
  /** Inbound: 1 when the SA is looked up without the remote address. */
  anyRemote: number;
}

export interface Sa {
  spi: number;
  spiLsb: number;
  snLsb: number;
  /** Octets of the compressed ESP header. */
  headerSize: number;
  suite: Suite;
  key: Key;
  authKey: Key;
  salt: Uint8Array;
  counter: Counter;
  // Derived from the attributes.
  shape: Shape;
  values: Uint8Array;
  ranges: Uint8Array;
  ruleId: number;
  trailer: number;
  /** The IP version outside: of the tunnel, or in transport mode that of the packet. */
  outer: Network;
  /** 1: the outer header carries the inner flow label (flow_label_cda lower). */
  flowLower: boolean;
  ecnLower: boolean;
  /** Outer source and destination; in transport mode the selectors, where they are single addresses, else empty. */
  source: Uint8Array;
  destination: Uint8Array;
  anyRemote: number;
  // Moves with the packets.
  /** Sequence number: last used, or highest authenticated. */
  snHi: number;
  snLo: number;
  replayWindow: number;
  recent: number;
  seen: Uint32Array;
  packets: number;
  bytes: number;
  /** Time of the first packet, -1 before it. */
  since: number;
  softPackets: number;
  hardPackets: number;
  softBytes: number;
  hardBytes: number;
  softTime: number;
  hardTime: number;
  // Drops, by kind.
  dropIcv: number;
  dropReplay: number;
  dropSelector: number;
  dropMalformed: number;
  dropRefused: number;
  dropLifetime: number;
  /** 1 after `destroySa`. */
  ended: number;
  /** Inbound, during a rekey without SPI bits on the wire: the SA that is being replaced. */
  previous: Sa | null;
}

const NONE = /* @__PURE__ */ new Uint8Array(0);
const NO_WORDS = /* @__PURE__ */ new Uint32Array(0);

/** A configuration without lifetimes, with a replay window of 32 and no keys. */
export function defaultConfig(attributes: Attributes, suite: Suite): SaConfig {
  return {
    attributes: attributes,
    suite: suite,
    key: NONE,
    salt: NONE,
    authKey: NONE,
    snHi: 0,
    snLo: 0,
    replayWindow: 32,
    softPackets: 0,
    hardPackets: 0,
    softBytes: 0,
    hardBytes: 0,
    softTime: 0,
    hardTime: 0,
    anyRemote: 0,
  };
}

/** `octets`, or a copy; no array of its own for an empty one. */
function keep(octets: Uint8Array): Uint8Array {
  if (octets.length === 0) return NONE;
  const copied = new Uint8Array(octets.length);
  for (let i = 0; i < octets.length; i++) copied[i] = octets[i];
  return copied;
}

/** A single address of a selector, else none. */
function single(start: Uint8Array, end: Uint8Array): Uint8Array {
  for (let i = 0; i < start.length; i++) if (start[i] !== end[i]) return NONE;
  return start;
}

/**
 * Sets up an SA. Throws `Error('field: value: limit')` when an attribute is out of range, a combination is not
 * allowed, or the build or the provider lacks what is needed; nothing is left behind then.
 */
export function createSa(parts: Parts, provider: Provider, config: SaConfig): Sa {
  const a = config.attributes;
  if (parts.check !== null) parts.check(parts, provider, config);
  const tunnel = a.ipsecMode === MODE_TUNNEL;
  const source = tunnel ? a.tunnelSrc : single(a.tsIpSrcStart, a.tsIpSrcEnd);
  const destination = tunnel ? a.tunnelDst : single(a.tsIpDstStart, a.tsIpDstEnd);
  const outerVersion = tunnel ? (a.tunnelSrc.length === 16 ? 6 : 4) : a.tsIpVersion;
  const shape = shapeOf(parts.shapes, parts.networks, parts.transports, a);
  let outer = shape.network;
  for (let i = 0; i < parts.networks.length; i++) {
    if (parts.networks[i].version === outerVersion) outer = parts.networks[i];
  }
  let counter = parts.counters[0];
  for (let i = 0; i < parts.counters.length; i++) if (parts.counters[i].esn === a.esn) counter = parts.counters[i];
  const suite = config.suite;
  const words = parts.window.words(config.replayWindow);
  // The key of NULL encryption is never used: it is the integrity key.
  const authKey = suite.authKeyLength > 0 ? provider.key(INTEGRITY_ALG, config.authKey) : null;
  const key = suite.alg !== 0 || authKey === null ? provider.key(suite.alg, config.key) : authKey;
  return {
    spi: a.espSpi,
    spiLsb: a.espSpiLsb,
    snLsb: a.espSnLsb,
    headerSize: Math.floor((a.espSpiLsb + a.espSnLsb) / 8),
    suite: suite,
    key: key,
    authKey: authKey === null ? key : authKey,
    salt: keep(config.salt),
    counter: counter,
    shape: shape,
    values: valuesOf(shape, a),
    ranges: rangesOf(a),
    ruleId: a.iipcRuleId,
    trailer: trailerForm(a, suite.blockSize),
    outer: outer,
    flowLower: a.flowLabelCda === 1,
    ecnLower: a.ecnCda === 1 && shape.compressed,
    source: keep(source),
    destination: keep(destination),
    anyRemote: config.anyRemote,
    snHi: config.snHi,
    snLo: config.snLo,
    replayWindow: config.replayWindow,
    recent: 0,
    seen: words > 0 ? new Uint32Array(words) : NO_WORDS,
    packets: 0,
    bytes: 0,
    since: -1,
    softPackets: config.softPackets,
    hardPackets: config.hardPackets,
    softBytes: config.softBytes,
    hardBytes: config.hardBytes,
    softTime: config.softTime,
    hardTime: config.hardTime,
    dropIcv: 0,
    dropReplay: 0,
    dropSelector: 0,
    dropMalformed: 0,
    dropRefused: 0,
    dropLifetime: 0,
    ended: 0,
    previous: null,
  };
}

/** Ends an SA: its key material is wiped, and it takes no more packets. */
export function destroySa(provider: Provider, sa: Sa): void {
  if (sa.ended !== 0) return;
  sa.ended = 1;
  if (sa.authKey !== sa.key) provider.wipe(sa.authKey);
  provider.wipe(sa.key);
  fill(sa.salt, 0, sa.salt.length, 0);
}

/** True when `count` has reached `limit` (0: none). */
function reached(limit: number, count: number): boolean {
  return limit > 0 && count >= limit;
}

/** True when a hard lifetime is over at `now` (ms): the SA takes no more packets. */
export function isExpired(sa: Sa, now: number): boolean {
  return (
    sa.ended !== 0 ||
    reached(sa.hardPackets, sa.packets) ||
    reached(sa.hardBytes, sa.bytes) ||
    (sa.since >= 0 && reached(sa.hardTime, now - sa.since))
  );
}

/** True when a soft lifetime is over at `now` (ms): time to set up a successor. */
export function isAgeing(sa: Sa, now: number): boolean {
  return (
    reached(sa.softPackets, sa.packets) ||
    reached(sa.softBytes, sa.bytes) ||
    (sa.since >= 0 && reached(sa.softTime, now - sa.since))
  );
}

/** Counts a packet of `length` octets. */
export function countPacket(sa: Sa, length: number, now: number): void {
  if (sa.since < 0) sa.since = now;
  sa.packets++;
  sa.bytes += length;
}
