// Messages of IKE SAs: keys [RFC 7296 §2.13, §2.14], the SK payload [RFC 5282], sending and repeating [RFC 7296 §2.1]. The
// window is 1: one request is on its way, one answer is kept.

import { copy, fill, put16, put32, u32 } from '../../../core/base/bytes.ts';
import { IKE_LENGTH, IKE_NEXT, IKE_SIZE, IKE_VERSION } from '../../../core/ike/codec/header.ts';
import { FLAG_INITIATOR, FLAG_RESPONSE, PAYLOAD_SK } from '../../../core/ike/codec/numbers.ts';
import { aead, aeadKey, hmacOf, randomOctets, slice } from '../crypto.ts';
import { sendDatagram } from '../link.ts';
import type { Profile } from '../profile.ts';
import { type IkeSlot, S, type SetupSlot } from './ike-state.ts';
import { W, workEnd } from './payloads.ts';

declare const P: Profile;

/** Octets in front of the IV; the IV. */
const SK_HEAD = 32;
const IV_SIZE = 8;
const SK_TEXT = 40;
/** Where seeds of prf+ stand in W: behind the last block. */
export const SEED = 32;

const skNonce = /* @__PURE__ */ new Uint8Array(12);

/** A random octet. */
export function randomOctet(): number {
  randomOctets(skNonce, 0, 1);
  return skNonce[0];
}

/** prf+ of the n octets at W[SEED..) [RFC 7296 §2.13]: `blocks` times 32 octets to `out`. W is wiped. */
export function expandSeed(key: Uint8Array, n: number, out: Uint8Array, blocks: number): void {
  for (let i = 1; i <= blocks; i++) {
    W[SEED + n] = i;
    if (i === 1) hmacOf(key, W, SEED, n + 1, out, 0);
    else hmacOf(key, W, 0, SEED + n + 1, out, 32 * (i - 1));
    copy(W, 0, out, 32 * (i - 1), 32);
  }
  fill(W, 0, SEED + n, 0);
}

/** Writes octets to W. Returns the offset after them. */
export function workPut(at: number, octets: Uint8Array): number {
  copy(W, at, octets, 0, octets.length);
  return at + octets.length;
}

/** SK_* of an IKE SA from SKEYSEED, which is wiped [RFC 7296 §2.14]; SK_p to `setup`. */
export function deriveIke(
  sa: IkeSlot,
  seed: Uint8Array,
  ni: Uint8Array,
  nr: Uint8Array,
  setup: SetupSlot | null,
): void {
  const keys = new Uint8Array(32 * P.ikeBlocks);
  const size = P.ikeKeySize + P.ikeSaltSize;
  const own = sa.flag !== 0 ? 32 : 32 + size;
  const other = 64 + size - own;
  const at = workPut(workPut(SEED, ni), nr);
  copy(W, at, sa.ids, 0, 16);
  expandSeed(seed, at + 16 - SEED, keys, P.ikeBlocks);
  fill(seed, 0, 32, 0);
  sa.d = slice(keys, 0, 32);
  sa.out = aeadKey(keys, own);
  sa.into = aeadKey(keys, other);
  copy(sa.ids, 16, keys, own + P.ikeKeySize, P.ikeSaltSize);
  copy(sa.ids, 20, keys, other + P.ikeKeySize, P.ikeSaltSize);
  if (setup !== null) {
    setup.pi = slice(keys, 32 + 2 * size, 32);
    setup.pr = slice(keys, 64 + 2 * size, 32);
  }
  fill(keys, 0, keys.length, 0);
}

/** Writes an IKE header to `out`, whose length is the message's [RFC 7296 §3.1]. */
export function putIkeHeader(
  out: Uint8Array,
  sa: IkeSlot,
  next: number,
  exchange: number,
  flags: number,
  id: number,
): void {
  copy(out, 0, sa.ids, 0, 16);
  out[IKE_NEXT] = next;
  out[IKE_VERSION] = 0x20;
  out[18] = exchange;
  out[19] = flags;
  put32(out, 20, id);
  put32(out, IKE_LENGTH, out.length);
}

function setNonce(sa: IkeSlot, salt: number, iv: Uint8Array, at: number): void {
  copy(skNonce, 0, sa.ids, salt, P.ikeSaltSize);
  copy(skNonce, P.ikeSaltSize, iv, at, IV_SIZE);
}

/** The payloads in W as a message under SK. */
function sealWork(sa: IkeSlot, exchange: number, flags: number, id: number): Uint8Array {
  const n = workEnd - 1;
  const out = new Uint8Array(SK_TEXT + n + 1 + P.ikeIcvSize);
  putIkeHeader(out, sa, PAYLOAD_SK, exchange, flags | sa.flag, id);
  out[IKE_SIZE] = W[0];
  put16(out, IKE_SIZE + 2, out.length - IKE_SIZE);
  put32(out, SK_HEAD + 4, sa.counter++);
  copy(out, SK_TEXT, W, 1, n);
  setNonce(sa, 16, out, SK_HEAD);
  aead(1, sa.out!, skNonce, out, SK_HEAD, out, SK_TEXT, n + 1, P.ikeIcvSize);
  return out;
}

/**
 * Opens the SK payload, which is the only one of the message b[o..o+n), in place. Returns the octets of the payloads at
 * o + 40; -1: it is none of the peer's.
 */
export function openSk(sa: IkeSlot, b: Uint8Array, o: number, n: number): number {
  const size = n - SK_TEXT - P.ikeIcvSize;
  if (size < 1 || b[o + IKE_NEXT] !== PAYLOAD_SK || b[o + 30] * 256 + b[o + 31] !== n - IKE_SIZE) return -1;
  setNonce(sa, 20, b, o + SK_HEAD);
  const head = slice(b, o, SK_HEAD);
  if (!aead(0, sa.into!, skNonce, head, SK_HEAD, b, o + SK_TEXT, size, P.ikeIcvSize)) return -1;
  const left = size - 1 - b[o + SK_TEXT + size - 1];
  return left < 0 ? -1 : left;
}

/** Counts a message for the attempt to connect. */
export function tally(length: number, now: number): void {
  if (S.messages === 0) S.begun = now;
  S.messages++;
  S.octets += length;
}

function transmitIke(sa: IkeSlot, octets: Uint8Array, now: number): void {
  if (S.setup !== null && sa === S.current) tally(octets.length, now);
  sendDatagram(octets, 0, octets.length, now);
}

/** Makes `octets` the current request of `sa`, for TASK_* `task`: sends it, and repeats it until it is answered. */
export function beginRequest(sa: IkeSlot, octets: Uint8Array, task: number, now: number): void {
  sa.request = octets;
  sa.task = task;
  sa.tries = 1;
  sa.gone = 0;
  sa.deadline = now + P.retransmitTime;
  transmitIke(sa, octets, now);
}

/** Sends the payloads in W as the next request. */
export function sealRequest(sa: IkeSlot, exchange: number, task: number, now: number): void {
  beginRequest(sa, sealWork(sa, exchange, 0, sa.nextId++), task, now);
}

/** Sends the payloads in W as the answer to the last request, and keeps it. */
export function sealAnswer(sa: IkeSlot, exchange: number, now: number): void {
  const octets = sealWork(sa, exchange, FLAG_RESPONSE, sa.expectedId - 1);
  sa.response = octets;
  transmitIke(sa, octets, now);
}

/** Sends the last answer again. */
export function answerAgain(sa: IkeSlot, now: number): void {
  if (sa.response !== null) transmitIke(sa, sa.response, now);
}

/** The request was answered, or is given up. */
export function settleRequest(sa: IkeSlot): void {
  sa.request = null;
  sa.task = 0;
  sa.deadline = -1;
  sa.hurried = false;
}

/** Repeats the request. False: it was sent often enough. */
export function repeatRequest(sa: IkeSlot, now: number): boolean {
  if (sa.tries >= P.retransmitTries) return false;
  let wait = P.retransmitTime;
  if (!sa.hurried) for (let i = 0; i < sa.tries; i++) wait *= 2;
  sa.tries++;
  sa.deadline = now + wait;
  transmitIke(sa, sa.request!, now);
  return true;
}

/** The gateway may have lost `sa`: its request gets all repetitions, but sooner [RFC 7296 §2.4]. */
export function hurryRequest(sa: IkeSlot, now: number): void {
  sa.hurried = true;
  if (sa.deadline >= 0) sa.deadline = Math.min(sa.deadline, now + P.retransmitTime);
}

/** A new IKE SA at the front of the list, with a random SPI of this side. */
export function newIke(flag: number, state: number): IkeSlot {
  const sa: IkeSlot = {
    ids: new Uint8Array(24),
    d: null,
    out: null,
    into: null,
    flag: flag,
    state: state,
    outcome: 0,
    nextId: 0,
    expectedId: 0,
    counter: 0,
    request: null,
    task: 0,
    tries: 0,
    deadline: -1,
    hurried: false,
    gone: 0,
    response: null,
    heardAt: -1,
    endAt: -1,
    token: null,
    next: S.list,
  };
  do randomOctets(sa.ids, flag === FLAG_INITIATOR ? 0 : 8, 8);
  while (u32(sa.ids, 0) + u32(sa.ids, 4) + u32(sa.ids, 8) + u32(sa.ids, 12) === 0);
  S.list = sa;
  return sa;
}
