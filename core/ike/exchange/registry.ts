// The endpoint's registry: its IKE SAs by SPI, its counters.

import { u32 } from '../../base/bytes.ts';
import { DROP_COUNT } from '../../base/drop.ts';
import { copy, equal } from '../../base/spans.ts';
import { NONE, wipe } from '../codec/octets.ts';
import { NO_EXTRA } from '../codec/proposals.ts';
import { wipeSkKey } from '../crypto/sk.ts';
import type { Ike } from '../state/ike.ts';
import { OUTCOME_NONE } from '../state/outcome.ts';
import type { Path } from '../state/path.ts';
import type { IkePolicy } from '../state/policy.ts';
import { type IkeSa, type IkeState, NEVER, STATE_ENDED } from '../state/sa.ts';
import { due, schedule, unschedule } from './schedule.ts';

/** Counters of `Ike.counters`, after those of drops at index -code. */
export const COUNT_RECEIVED = DROP_COUNT;
export const COUNT_SENT = DROP_COUNT + 1;
export const COUNT_REPEATED = DROP_COUNT + 2;
/** Repeated requests of peers that were answered again. */
export const COUNT_ANSWERED_AGAIN = DROP_COUNT + 3;
export const COUNT_COOKIES = DROP_COUNT + 4;
export const COUNT_HALF_OPEN_REFUSED = DROP_COUNT + 5;
/** Messages that the state does not expect. */
export const COUNT_UNEXPECTED = DROP_COUNT + 6;
/** Messages whose content was wrong. */
export const COUNT_INVALID = DROP_COUNT + 7;
export const COUNTERS = DROP_COUNT + 8;

export function count(ike: Ike, index: number): void {
  ike.counters[index]++;
}

/** Counts a dropped message and returns its code. */
export function dropped(ike: Ike, code: number): number {
  ike.counters[-code]++;
  return code;
}

const dice = /* @__PURE__ */ new Uint8Array(1);

/** A Child SA's lifetime, shortened by up to an eighth, so that both sides seldom rekey at once. -1: none. */
export function jittered(ike: Ike, sa: IkeSa, time: number, now: number): number {
  if (time <= 0) return -1;
  ike.provider.random(dice, 0, 1);
  const at = now + time - Math.floor((time * dice[0]) / 2048);
  due(ike, sa, at);
  return at;
}

/** The key of an SPI in `Ike.bySpi`. */
export function spiKey(octets: Uint8Array, at: number): string {
  return u32(octets, at) + '.' + u32(octets, at + 4);
}

/** Fresh random octets. */
export function nonce(ike: Ike, size: number): Uint8Array {
  const out = new Uint8Array(size);
  ike.provider.random(out, 0, size);
  return out;
}

/** A random SPI for our side, in place in `spis`. */
function drawSpi(ike: Ike, spis: Uint8Array, at: number): void {
  do {
    ike.provider.random(spis, at, 8);
  } while (equal(spis, at, new Uint8Array(8), 0, 8) || ike.bySpi[spiKey(spis, at)] !== undefined);
}

/** Makes an IKE SA with an SPI of our side, and registers it with the endpoint. */
export function createIkeSa(ike: Ike, policy: IkePolicy, path: Path, initiator: boolean, state: IkeState): IkeSa {
  const sa: IkeSa = {
    policy: policy,
    path: path,
    espPath: null,
    initiator: initiator,
    state: state,
    outcome: OUTCOME_NONE,
    spis: new Uint8Array(16),
    cipher: null,
    ke: 0,
    skD: NONE,
    skIn: null,
    skOut: null,
    nextId: 0,
    expectedId: 0,
    request: NONE,
    requestExchange: 0,
    tries: 0,
    deadline: -1,
    hurried: false,
    response: NONE,
    forgetAt: 0,
    fragments: null,
    task: null,
    tasks: [],
    held: null,
    children: [],
    setup: null,
    transforms: NO_EXTRA,
    notes: [],
    session: null,
    fragmentation: false,
    vendor: false,
    optimizedRekey: false,
    peerBehindNat: false,
    behindNat: false,
    peerId: NONE,
    peerIdType: 0,
    announced: NONE,
    address: NONE,
    rekeyAt: -1,
    reauthAt: -1,
    heardAt: -1,
    hintedAt: -NEVER,
    endAt: -1,
    dueAt: NEVER,
    place: 0,
    rival: null,
    rivalNonce: NONE,
    rivalOf: null,
    predecessor: null,
    successor: null,
    former: null,
    sibling: null,
    reported: false,
    tag: 0,
  };
  drawSpi(ike, sa.spis, initiator ? 0 : 8);
  ike.bySpi[spiKey(sa.spis, initiator ? 0 : 8)] = sa;
  schedule(ike, sa);
  return sa;
}

/** Gives an SA both its SPIs: it had them before a restart. */
export function rename(ike: Ike, sa: IkeSa, spis: Uint8Array): void {
  const at = sa.initiator ? 0 : 8;
  delete ike.bySpi[spiKey(sa.spis, at)];
  copy(sa.spis, 0, spis, 0, 16);
  ike.bySpi[spiKey(sa.spis, at)] = sa;
}

/** Removes an SA from the endpoint and wipes its keys. */
export function forget(ike: Ike, sa: IkeSa): void {
  delete ike.bySpi[spiKey(sa.spis, sa.initiator ? 0 : 8)];
  unschedule(ike, sa);
  sa.state = STATE_ENDED;
  if (sa.successor !== null) sa.successor.former = null;
  wipe(sa.skD);
  for (let i = 0; i < sa.notes.length; i++) wipe(sa.notes[i].octets);
  const keyIn = sa.skIn;
  const keyOut = sa.skOut;
  sa.skIn = null;
  sa.skOut = null;
  if (keyIn !== null) wipeSkKey(ike.provider, keyIn);
  if (keyOut !== null) wipeSkKey(ike.provider, keyOut);
}
