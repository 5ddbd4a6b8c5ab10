// One unidirectional SA [RFC 4301 §4.4.2]: its attributes, the values derived from them, and the state that changes with
// packets. That state is plain numbers and octets, so that it can be stored.

import { copy, fill } from '../base/bytes.ts';
import { refuse } from '../base/refuse.ts';
import type { Key, Provider } from '../crypto/provider.ts';
import { type Attributes, CDA_LOWER, MODE_TUNNEL } from '../dietesp/attributes.ts';
import type { CoapRules } from '../dietesp/coap-rules.ts';
import { type Trailer, trailerOf } from '../dietesp/ctec.ts';
import { putValues, rangesOf, type Shape, shapeOf, valuesSize } from '../dietesp/iipc.ts';
import type { Network } from '../wire/header.ts';
import type { DfPolicy } from './df.ts';
import type { Parts } from './parts.ts';
import type { Counter } from './sn.ts';
import { INTEGRITY_ALG, type Suite } from './suites.ts';
import type { Subspaces } from './window.ts';

/** The input of `createSa`. Key material is copied or expanded; the caller wipes its own. */
export interface SaConfig {
  /** Which packets the SA takes and how it compresses them. */
  attributes: Attributes;
  /** The cipher suite; `attributes` do not name it. */
  suite: Suite;
  /** Encryption key, salt of AEADs, integrity key of other suites (empty if the suite has none). */
  key: Uint8Array;
  /** Salt of AEADs, octets as the suite says (`Suite.salt`); else empty. */
  salt: Uint8Array;
  /** Integrity key of suites that are no AEAD, octets as the suite says; else empty. */
  authKey: Uint8Array;
  /** Last sequence number used (outbound) or highest authenticated (inbound), in 32-bit halves. */
  snHi: number;
  /** Low half, 32 bits. */
  snLo: number;
  /** Packets: 0 (off), or a power of two from 32 to 4096. */
  replayWindow: number;
  /** Lifetimes; 0: none. Packets, octets of inner packets, milliseconds since `createSa`'s first packet. */
  softPackets: number;
  /** Packets after which the SA drops packets. */
  hardPackets: number;
  /** Octets of inner packets after which the SA should be replaced. */
  softBytes: number;
  /** Octets of inner packets after which the SA drops packets. */
  hardBytes: number;
  /** Milliseconds after which the SA should be replaced. */
  softTime: number;
  /** Milliseconds after which the SA drops packets (DROP_LIFETIME). */
  hardTime: number;
  /** Inbound: 1 when the SA is looked up without the remote address. */
  anyRemote: number;
  /** Outbound tunnel over IPv4: DF of the outer header; null: set. Without effect where flow_label_cda is "lower". */
  df: DfPolicy | null;
}

/** Shared by SAs of one kind: everything that follows from the attributes, except addresses, keys and the SPI. */
export interface SaForm {
  /** The cipher suite. */
  suite: Suite;
  /** 32-bit or extended sequence numbers. */
  counter: Counter;
  /** Compiled rules of the inner packet (IIPC). */
  shape: Shape;
  /** Bits of SPI and SN on the wire, and their octets together. */
  spiLsb: number;
  /** Bits of the sequence number on the wire, 0..32. */
  snLsb: number;
  /** Octets of SPI and sequence number on the wire, together. */
  headerSize: number;
  /** RuleID octet in front of the IIPC residue; -1: none. */
  ruleId: number;
  /** What is sent of the ESP trailer (CTEC). */
  trailer: Trailer;
  /** The outer IP version: the tunnel's, or in transport mode the packet's. */
  outer: Network;
  /** The outer header carries the inner flow label (flow_label_cda lower). */
  flowLower: boolean;
  /** The outer header carries the inner ECN bits (ecn_cda lower). */
  ecnLower: boolean;
  /** 0: found by both outer addresses, 1: by the local one, 2: by none (transport mode with ranges of addresses). */
  scope: number;
  /** DF of the outer IPv4 header; null: set, with Identification 0 [RFC 6864 §4.1]. */
  df: DfPolicy | null;
  // Where an SA's octets are, from its `base` on: target values of the rules at 0, then these.
  /** Offset of the outer source. */
  sourceAt: number;
  /** Octets of the outer source; 0: the SA has a range of them. */
  sourceSize: number;
  /** Offset of the outer destination. */
  destinationAt: number;
  /** Octets of the outer destination; 0: the SA has a range of them. */
  destinationSize: number;
  /** Offset of the AEAD's salt. */
  saltAt: number;
  /** Offset of what a replay window of more than 32 packets keeps (`Window`). */
  windowAt: number;
  /** Octets of an SA in all. */
  size: number;
  /** Replay window in packets; 0: replay is not checked. */
  replayWindow: number;
  /** Lifetimes as in `SaConfig`; 0: none. */
  softPackets: number;
  /** See `SaConfig.hardPackets`. */
  hardPackets: number;
  /** See `SaConfig.softBytes`. */
  softBytes: number;
  /** See `SaConfig.hardBytes`. */
  hardBytes: number;
  /** See `SaConfig.softTime`. */
  softTime: number;
  /** See `SaConfig.hardTime`. */
  hardTime: number;
}

/**
 * One SA, made by `createSa`: keys, addresses, and state that packets change. Plain data: copy it to store it, but a
 * key or a sequence number used twice breaks the cipher.
 */
export interface Sa {
  /** What it shares with SAs of its kind. */
  form: SaForm;
  /** The whole SPI, 32 bits. */
  spi: number;
  /** Expanded encryption key. */
  key: Key;
  /** Expanded integrity key; of AEADs the same as `key`. */
  authKey: Key;
  /** Target values, outer source and destination (in transport mode the selectors' single addresses), salt, replay window. */
  octets: Uint8Array;
  /** Where this SA's part of `octets` begins: `placeAlone` gives 0, an arena any offset. */
  base: number;
  /** Bounds of selectors that are not prefixes, else empty (rangesOf). */
  ranges: Uint8Array;
  // State that changes with packets.
  /** Sequence number: last used, or highest authenticated. */
  snHi: number;
  /** Low half, 32 bits. */
  snLo: number;
  /** Replay window of the last 32 packets: bit n is set when number SN - n was seen. */
  recent: number;
  /** Packets protected, or accepted. */
  packets: number;
  /** Octets of their inner packets. */
  bytes: number;
  /** Time of the first packet, -1 before it. */
  since: number;
  // Drops, by kind.
  /** Wrong ICV, or no sequence number that fits. */
  dropIcv: number;
  /** Replayed, or older than the window. */
  dropReplay: number;
  /** Outside the SA's selectors after decryption [RFC 4301 §5.2]. */
  dropSelector: number;
  /** Not an ESP packet of this SA, or not restorable. */
  dropMalformed: number;
  /** Outgoing: the packet fits no rule of the SA. */
  dropRefused: number;
  /** Outgoing: packets whose TCP or IPv4 checksum FFFF comes back as 0000, which is as valid [RFC 1071]. */
  normalised: number;
  /** A hard lifetime is over, or the sequence numbers are. */
  dropLifetime: number;
  /** 1 after `destroySa`. */
  ended: number;
  /** Inbound, during a rekey without SPI bits on the wire: the SA that is being replaced. */
  previous: Sa | null;
  /**
   * Rules for CoAP that the peer has too, for `outboundCoap` and `inboundCoap`: the host sets them before the first packet.
   * Absent: none.
   */
  coap?: CoapRules;
  /** Made with the first packet that fails, where `Parts.search` is; null: none. Most SAs never need it. */
  search: Float64Array | null;
  /** Counters and windows of an SA with subspaces (createSubspaceParts); absent: it has one of each. */
  subspaces?: Subspaces;
}

const NONE = /* @__PURE__ */ new Uint8Array(0);
const NO_PART = 'not in this build';

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
    df: null,
  };
}

/** A selector's single address, else none. */
function single(start: Uint8Array, end: Uint8Array): Uint8Array {
  for (let i = 0; i < start.length; i++) if (start[i] !== end[i]) return NONE;
  return start;
}

/** The form for `config`, from the parts' cache if one fits. */
function formOf(parts: Parts, config: SaConfig, source: Uint8Array, destination: Uint8Array, ring: number): SaForm {
  const a = config.attributes;
  const suite = config.suite;
  const shape = shapeOf(parts.shapes, parts.networks, parts.transports, a);
  const outerSize = a.ipsecMode === MODE_TUNNEL ? source.length : shape.network.addressSize;
  const sourceAt = valuesSize(shape);
  const numbers = [
    a.alignment,
    a.espTrailer,
    a.espSpiLsb,
    a.espSnLsb,
    a.esn,
    a.iipcRuleId,
    outerSize,
    source.length,
    destination.length,
    config.anyRemote,
    config.df === null ? '' : config.df.name,
    config.replayWindow,
    config.softPackets,
    config.hardPackets,
    config.softBytes,
    config.hardBytes,
    config.softTime,
    config.hardTime,
  ];
  let key = shape.key + suite.name;
  for (let i = 0; i < numbers.length; i++) key += '.' + numbers[i];
  if (parts.forms[key] !== undefined) return parts.forms[key];
  let outer: Network | null = null;
  for (let i = 0; i < parts.networks.length; i++) {
    if (parts.networks[i].addressSize === outerSize) outer = parts.networks[i];
  }
  let counter: Counter | null = null;
  for (let i = 0; i < parts.counters.length; i++) if (parts.counters[i].esn === a.esn) counter = parts.counters[i];
  if (outer === null) return refuse('tunnel_ip', outerSize + ' octets', NO_PART);
  if (counter === null) return refuse('esn', a.esn, NO_PART);
  const destinationAt = sourceAt + source.length;
  const saltAt = destinationAt + destination.length;
  const form: SaForm = {
    suite: suite,
    counter: counter,
    shape: shape,
    spiLsb: a.espSpiLsb,
    snLsb: a.espSnLsb,
    headerSize: Math.floor((a.espSpiLsb + a.espSnLsb) / 8),
    ruleId: a.iipcRuleId,
    trailer: trailerOf(a, suite.blockSize),
    outer: outer,
    flowLower: a.flowLabelCda === CDA_LOWER,
    ecnLower: a.ecnCda === CDA_LOWER && shape.compressed,
    scope: destination.length === 0 ? 2 : config.anyRemote !== 0 || source.length === 0 ? 1 : 0,
    df: outer.version === 4 ? config.df : null,
    sourceAt: sourceAt,
    sourceSize: source.length,
    destinationAt: destinationAt,
    destinationSize: destination.length,
    saltAt: saltAt,
    windowAt: saltAt + suite.saltLength,
    size: saltAt + suite.saltLength + ring,
    replayWindow: config.replayWindow,
    softPackets: config.softPackets,
    hardPackets: config.hardPackets,
    softBytes: config.softBytes,
    hardBytes: config.hardBytes,
    softTime: config.softTime,
    hardTime: config.hardTime,
  };
  parts.forms[key] = form;
  return form;
}

/**
 * Sets up an SA. Throws `Error('field: value: limit')` when an attribute is out of range, a combination is forbidden, or the
 * build or the provider lacks something; nothing is left behind then.
 */
export function createSa(parts: Parts, provider: Provider, config: SaConfig): Sa {
  const a = config.attributes;
  if (parts.check !== null) parts.check(parts, provider, config);
  const tunnel = a.ipsecMode === MODE_TUNNEL;
  const source = tunnel ? a.tunnelSrc : single(a.tsIpSrcStart, a.tsIpSrcEnd);
  const destination = tunnel ? a.tunnelDst : single(a.tsIpDstStart, a.tsIpDstEnd);
  // What the build cannot hold is refused without a check, too: a replay would pass, or a number be sent twice.
  const ring = parts.window.room(config.replayWindow);
  if (ring < 0) refuse('replay_window', config.replayWindow, 'must be a power of two up to ' + parts.window.max);
  if (config.snHi > 0 && a.esn === 0) refuse('esp_sn', config.snHi, NO_PART);
  const form = formOf(parts, config, source, destination, ring);
  const suite = form.suite;
  // The key of NULL encryption is never used: it is the integrity key.
  const authKey = suite.authKeyLength > 0 ? provider.key(INTEGRITY_ALG, config.authKey) : null;
  let key: Key;
  try {
    key = suite.alg !== 0 || authKey === null ? provider.key(suite.alg, config.key) : authKey;
  } catch (error) {
    if (authKey !== null) provider.wipe(authKey);
    throw error;
  }
  const sa: Sa = {
    form: form,
    spi: a.espSpi,
    key: key,
    authKey: authKey === null ? key : authKey,
    octets: NONE,
    base: 0,
    ranges: rangesOf(a, NONE),
    snHi: config.snHi,
    snLo: config.snLo,
    recent: 0,
    packets: 0,
    bytes: 0,
    since: -1,
    dropIcv: 0,
    dropReplay: 0,
    dropSelector: 0,
    dropMalformed: 0,
    dropRefused: 0,
    normalised: 0,
    dropLifetime: 0,
    ended: 0,
    previous: null,
    search: null,
  };
  parts.place(sa, form.size);
  if (sa.snHi > 0 || sa.snLo > 0) {
    // An SA that continues: nobody knows which numbers below the highest were seen, so all count as seen.
    sa.recent = 0xffffffff; // wide
    fill(sa.octets, sa.base + form.windowAt, ring, 0xff);
  }
  putValues(form.shape, a, sa.octets, sa.base);
  copy(sa.octets, sa.base + form.sourceAt, source, 0, source.length);
  copy(sa.octets, sa.base + form.destinationAt, destination, 0, destination.length);
  copy(sa.octets, sa.base + form.saltAt, config.salt, 0, suite.saltLength);
  return sa;
}

/** `Parts.place` for a few SAs: each has an array of its own. */
export function placeAlone(sa: Sa, size: number): void {
  sa.octets = new Uint8Array(size);
}

/** Ends an SA: wipes its key material; it takes no more packets. */
export function destroySa(provider: Provider, sa: Sa): void {
  if (sa.ended !== 0) return;
  sa.ended = 1;
  if (sa.authKey !== sa.key) provider.wipe(sa.authKey);
  provider.wipe(sa.key);
  fill(sa.octets, sa.base + sa.form.saltAt, sa.form.suite.saltLength, 0);
}

/** True when `count` has reached `limit` (0: none). */
function reached(limit: number, count: number): boolean {
  return limit > 0 && count >= limit;
}

/** True when a hard lifetime is over at `now` (ms): the SA takes no more packets. */
export function isExpired(sa: Sa, now: number): boolean {
  return (
    sa.ended !== 0 ||
    reached(sa.form.hardPackets, sa.packets) ||
    reached(sa.form.hardBytes, sa.bytes) ||
    (sa.since >= 0 && reached(sa.form.hardTime, now - sa.since))
  );
}

/** True when a soft lifetime is over at `now` (ms): time to set up a successor. */
export function isAgeing(sa: Sa, now: number): boolean {
  return (
    reached(sa.form.softPackets, sa.packets) ||
    reached(sa.form.softBytes, sa.bytes) ||
    (sa.since >= 0 && reached(sa.form.softTime, now - sa.since))
  );
}

/** Counts a packet of `length` octets. */
export function countPacket(sa: Sa, length: number, now: number): void {
  if (sa.since < 0) sa.since = now;
  sa.packets++;
  sa.bytes += length;
}

/**
 * Moves an outbound counter forward, so that the next packet carries the number after hi, lo. That number comes from a clock,
 * or was stored ahead of use before a restart [RFC 9333 §4]. False: it is not ahead, or out of the counter's range; nothing
 * changes then. With few bits on the wire a jump beyond 2^esp_sn_lsb loses the receiver (SN-RECOVERY).
 */
export function advanceSn(sa: Sa, hi: number, lo: number): boolean {
  if (hi < sa.snHi || (hi === sa.snHi && lo < sa.snLo) || (hi > 0 && sa.form.counter.esn === 0)) return false;
  sa.snHi = hi;
  sa.snLo = lo;
  return true;
}
