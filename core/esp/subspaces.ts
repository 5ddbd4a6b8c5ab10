// Anti-replay subspaces [draft-ponchon-ipsecme-anti-replay-subspaces-03]: one SA and one key with up to 65,536 counters, each
// with a replay window of its own. Cores, paths or classes of traffic that reorder packets among each other use one each. The
// sequence number is whole on the wire, behind the SPI:
//
//   SPI (32) | Subspace ID (16) | counter (48) | IV | text | ICV
//
// Its 64 bits are in the additional data, are the implicit IV [RFC 8750] and the explicit one of 8 octets, so no nonce comes
// twice as long as no two senders use one subspace. A MAC covers the packet as it is; nothing implicit follows.
//
// Cisco has disclosed IPR on the draft. A build has subspaces only through `createSubspaceParts`, an SA only through
// `createSubspaceSuite`.

import { copy, equal, put32, u32 } from '../base/bytes.ts';
import { DROP_SEQUENCE, DROP_SUBSPACE } from '../base/drop.ts';
import { refuse } from '../base/refuse.ts';
import type { Provider } from '../crypto/provider.ts';
import { IIPC_NOT_COMPRESSED, TRAILER_MANDATORY } from '../dietesp/attributes.ts';
import type { Parts } from './parts.ts';
import type { Sa, SaConfig } from './sa.ts';
import { type Counter, esn64, type Numbered, type Sn } from './sn.ts';
import type { Keyed, Operation, Suite } from './suites.ts';
import type { Subspace, Subspaces, Window } from './window.ts';

/** Most subspaces of an SA. */
export const SUBSPACES_MAX = 65536;
/** Octets of SPI, Subspace ID and counter. */
const HEADER = 12;
const MAX_32 = 65536 * 65536 - 1;
const NONE = /* @__PURE__ */ new Uint8Array(0);

/** Numbers of `count` subspaces: whole on the wire, so nothing is recovered. */
function createCounter(count: number): Counter {
  return {
    esn: 1,
    // A counter must not cycle; its subspace ends there.
    last: (hi, lo) => (hi & 0xffff) === 0xffff && lo === MAX_32,
    aad: esn64.aad,
    recover: (_sa: Numbered, _received: number, skip: number, out: Sn, before: Uint8Array) => {
      out.hi = u32(before, 0);
      out.lo = u32(before, 4);
      if (out.hi >>> 16 >= count) return DROP_SUBSPACE;
      // The number is whole: there is no other to try. The first packet has 1.
      return skip > 0 || ((out.hi & 0xffff) === 0 && out.lo === 0) ? DROP_SEQUENCE : 0;
    },
  };
}

const digest = /* @__PURE__ */ new Uint8Array(32);

/** The MAC over SPI, number, IV and text, as they stand in the packet. */
function authenticate(provider: Provider, sa: Keyed, buffer: Uint8Array, ivOffset: number, length: number): void {
  const size = HEADER + sa.form.suite.ivLength + length;
  provider.mac(sa.authKey, buffer, ivOffset - HEADER, size, digest, 0);
}

const sealHmac: Operation = (provider, sa, hi, lo, buffer, ivOffset, length) => {
  const suite = sa.form.suite;
  const text = ivOffset + suite.ivLength;
  put32(buffer, ivOffset - HEADER, sa.spi);
  put32(buffer, ivOffset - 8, hi);
  put32(buffer, ivOffset - 4, lo);
  if (suite.alg !== 0) provider.cbc(sa.key, true, buffer, ivOffset, text, length);
  authenticate(provider, sa, buffer, ivOffset, length);
  copy(buffer, text + length, digest, 0, suite.icvLength);
  return true;
};

const openHmac: Operation = (provider, sa, _hi, _lo, buffer, ivOffset, length) => {
  const suite = sa.form.suite;
  const text = ivOffset + suite.ivLength;
  if (length % suite.blockSize !== 0) return false;
  authenticate(provider, sa, buffer, ivOffset, length);
  if (!equal(digest, 0, buffer, text + length, suite.icvLength)) return false;
  if (suite.alg !== 0) provider.cbc(sa.key, false, buffer, ivOffset, text, length);
  return true;
};

/**
 * The suite for an SA with `count` subspaces (1..65536): put it into `SaConfig.suite`; both directions have the same count.
 * Throws when the count is out of range.
 */
export function createSubspaceSuite(suite: Suite, count: number): Suite {
  if (!(count >= 1 && count <= SUBSPACES_MAX && Math.floor(count) === count)) {
    refuse('subspaces', count, 'must be 1..' + SUBSPACES_MAX);
  }
  const isAead = suite.integ === 0;
  return {
    name: suite.name + ', ' + count + (count === 1 ? ' subspace' : ' subspaces'),
    encr: suite.encr,
    integ: suite.integ,
    alg: suite.alg,
    keyLength: suite.keyLength,
    saltLength: suite.saltLength,
    authKeyLength: suite.authKeyLength,
    ivLength: suite.ivLength,
    icvLength: suite.icvLength,
    blockSize: suite.blockSize,
    seal: isAead
      ? (provider, sa, hi, lo, buffer, ivOffset, length) => {
          put32(buffer, ivOffset - 8, hi);
          return suite.seal(provider, sa, hi, lo, buffer, ivOffset, length);
        }
      : sealHmac,
    open: isAead ? suite.open : openHmac,
    subspaces: count,
  };
}

/** Refuses what does not go with subspaces: ESN, Diet-ESP, and numbers to go on from. */
function checkSubspaces(config: SaConfig): void {
  const count = config.suite.subspaces;
  if (count === undefined) return;
  const a = config.attributes;
  if (a.esn !== 0) refuse('esn', a.esn, 'must be 0 with subspaces: their numbers have 64 bits');
  const isPlain =
    a.iipcProfile === IIPC_NOT_COMPRESSED &&
    a.espSpiLsb === 32 &&
    a.espSnLsb === 32 &&
    a.alignment === 32 &&
    a.espTrailer === TRAILER_MANDATORY;
  if (!isPlain) refuse('subspaces', count, 'must be absent with Diet-ESP: they need plain ESP');
  if (config.snHi !== 0 || config.snLo !== 0) {
    refuse('esp_sn', config.snHi * 65536 * 65536 + config.snLo, 'must be 0 with subspaces: each counts from 1');
  }
}

function createSubspace(sa: Subspaces, id: number, size: number): Subspace {
  const one: Subspace = {
    snHi: 0,
    snLo: 0,
    form: sa.form,
    recent: 0,
    octets: size > 0 ? new Uint8Array(size) : NONE,
    base: 0,
  };
  while (sa.list.length <= id) sa.list.push(null);
  sa.list[id] = one;
  return one;
}

/** One window for each subspace, made when the ICV of its first packet has verified. */
function createWindow(inner: Window): Window {
  return {
    max: inner.max,
    room: inner.room,
    check: (sa, hi, lo) => {
      const all = sa.subspaces;
      if (all === undefined) return inner.check(sa, hi, lo);
      const id = hi >>> 16;
      const one = id < all.list.length ? all.list[id] : null;
      return one === null ? 0 : inner.check(one, hi & 0xffff, lo);
    },
    update: (sa, hi, lo) => {
      const all = sa.subspaces;
      if (all === undefined) {
        inner.update(sa, hi, lo);
        return;
      }
      const id = hi >>> 16;
      let one = id < all.list.length ? all.list[id] : null;
      if (one === null) one = createSubspace(all, id, inner.room(all.form.replayWindow));
      inner.update(one, hi & 0xffff, lo);
    },
  };
}

/** Gives an SA what it needs for subspaces, if its suite has them. */
function prepare(sa: Sa): void {
  const form = sa.form;
  const count = form.suite.subspaces;
  if (count === undefined) return;
  // The suite's name is in the key of the form, so other SAs do not share it.
  if (form.headerSize !== HEADER) {
    form.headerSize = HEADER;
    form.counter = createCounter(count);
  }
  sa.subspaces = { count: count, list: [], current: 0, form: { replayWindow: form.replayWindow, windowAt: 0 } };
}

/** Adds subspaces to the parts of a build; returns `parts`. */
export function createSubspaceParts(parts: Parts): Parts {
  const check = parts.check;
  const place = parts.place;
  parts.window = createWindow(parts.window);
  parts.check = (all, provider, config) => {
    checkSubspaces(config);
    if (check !== null) check(all, provider, config);
  };
  parts.place = (sa, size) => {
    place(sa, size);
    prepare(sa);
  };
  return parts;
}

/**
 * Chooses the subspace of the outbound SA's next packets; 0 at first. Nothing happens to an SA without subspaces. Throws when
 * the SA has no such subspace. Only one sender may use a subspace: the key is the same in all.
 */
export function useSubspace(sa: Sa, id: number): void {
  const all = sa.subspaces;
  if (all === undefined || all.current === id) return;
  if (!(id >= 0 && id < all.count)) refuse('subspace', id, 'must be 0..' + (all.count - 1));
  const list = all.list;
  let old = all.current < list.length ? list[all.current] : null;
  if (old === null) old = createSubspace(all, all.current, 0);
  old.snHi = sa.snHi;
  old.snLo = sa.snLo;
  let next = id < list.length ? list[id] : null;
  if (next === null) {
    next = createSubspace(all, id, 0);
    next.snHi = id * 65536;
  }
  sa.snHi = next.snHi;
  sa.snLo = next.snLo;
  all.current = id;
}

/**
 * The subspace for the IP packet at `offset`: its class of service, the three high bits of its DSCP [RFC 2474 §4.2.2], within
 * `count`. Queues that keep classes apart reorder packets of different classes.
 */
export function classSubspace(buffer: Uint8Array, offset: number, count: number): number {
  const six = buffer[offset] >>> 4 === 6;
  const field = six ? ((buffer[offset] & 15) << 4) | (buffer[offset + 1] >>> 4) : buffer[offset + 1];
  return (field >>> 5) % count;
}

/** Chooses the subspace for the IP packet at `offset` by its class of service (`classSubspace`), where the SA has subspaces. */
export function useClass(sa: Sa, buffer: Uint8Array, offset: number): void {
  if (sa.subspaces !== undefined) useSubspace(sa, classSubspace(buffer, offset, sa.subspaces.count));
}
