// Messages of IKE SAs: keys [RFC 7296 §2.13, §2.14], the SK payload [RFC 5282], sending and repeating [RFC 7296 §2.1]. The
// window is 1: one request is on its way, one answer is kept.

import { copy, fill, put16, put32, u32 } from '../../../core/base/bytes.ts';
import { FLAG_RESPONSE, PAYLOAD_SK } from '../../../core/ike/codec/numbers.ts';
import { aead, aeadKey, gcm, gcmKey, hmacOf, randomOctets, slice } from '../crypto.ts';
import { sendDatagram } from '../link.ts';
import type { Profile } from '../profile.ts';
import { freshIke, type IkeSlot, ikeNow, S, type SetupSlot } from './ike-state.ts';
import { putAll, W, workEnd } from './payloads.ts';

declare const P: Profile;

/** Octets in front of the IV of SK, and of a fragment SKF; the IV. */
export const SK_HEAD = 32;
export const SKF_HEAD = 36;
const IV_SIZE = 8;
const SK_TEXT = 40;
/** Transform IDs of two ciphers [RFC 5282]. */
const ENCR_AES_CCM_8 = 14;
const ENCR_AES_GCM_16 = 20;
/** Where `ids` has the cipher. */
export const AT_CIPHER = 24;
/** Where seeds of prf+ stand in W: behind the last block. */
export const SEED = 32;

const skNonce: Uint8Array = /* @__PURE__ */ new Uint8Array(12);

/** A random part of `time`, up to 255 / `divisor` of it. */
export function randomPart(time: number, divisor: number): number {
  randomOctets(skNonce, 0, 1);
  return Math.floor((time * skNonce[0]) / divisor);
}

/** prf+ of the octets at W[SEED..end) [RFC 7296 §2.13]: `blocks` times 32 octets to `out`. W is wiped. */
export function expandSeed(key: Uint8Array, end: number, out: Uint8Array, blocks: number): void {
  for (let i = 0; i < blocks; i++) {
    const at = i === 0 ? SEED : 0;
    W[end] = i + 1;
    hmacOf(key, W, at, end + 1 - at, out, 32 * i);
    copy(W, 0, out, 32 * i, 32);
  }
  fill(W, 0, end, 0);
}

/** True for an IKE SA whose cipher is AES-GCM, in a profile that has it. */
function isGcm(sa: IkeSlot): boolean {
  return P.ikeGcm === 1 || sa.ids[AT_CIPHER] === ENCR_AES_GCM_16;
}

/** Octets of the salt: a constant, unless the profile has ciphers with different ones. */
function saltOf(sa: IkeSlot): number {
  return P.ikeGcm > 1 ? (isGcm(sa) ? 4 : 3) : P.ikeSaltSize;
}

/** Octets of the ICV: a constant, unless the profile has several ciphers. */
function icvOf(sa: IkeSlot): number {
  return P.ikeCiphers > 1 ? (sa.ids[AT_CIPHER] === ENCR_AES_CCM_8 ? 8 : 16) : P.ikeIcvSize;
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
  const size = P.ikeKeySize + saltOf(sa);
  const own = sa.flag !== 0 ? 32 : 32 + size;
  const other = 64 + size - own;
  const at = putAll(W, putAll(W, SEED, ni), nr);
  copy(W, at, sa.ids, 0, 16);
  expandSeed(seed, at + 16, keys, P.ikeBlocks);
  fill(seed, 0, 32, 0);
  sa.d = slice(keys, 0, 32);
  if (P.ikeGcm > 0 && isGcm(sa)) {
    sa.out = gcmKey(keys, own);
    sa.into = gcmKey(keys, other);
  } else {
    sa.out = aeadKey(keys, own);
    sa.into = aeadKey(keys, other);
  }
  copy(sa.ids, 16, keys, own + P.ikeKeySize, saltOf(sa));
  copy(sa.ids, 20, keys, other + P.ikeKeySize, saltOf(sa));
  if (setup !== null) {
    setup.pi = slice(keys, 32 + 2 * size, 32);
    setup.pr = slice(keys, 64 + 2 * size, 32);
  }
  fill(keys, 0, keys.length, 0);
}

/** Writes an IKE header to `out`, whose length is the message's [RFC 7296 §3.1]. */
export function putIkeHeader(out: Uint8Array, sa: IkeSlot, next: number, exchange: number, flags: number): void {
  copy(out, 0, sa.ids, 0, 16);
  out[16] = next;
  out[17] = 0x20;
  out[18] = exchange;
  out[19] = flags | sa.flag;
  put32(out, 24, out.length);
}

/** The cipher over the text of a message at b[o..) with `size` octets, whose IV is behind `head`. */
function cryptSk(encrypt: number, sa: IkeSlot, b: Uint8Array, o: number, head: number, size: number): boolean {
  copy(skNonce, 0, sa.ids, encrypt === 1 ? 16 : 20, saltOf(sa));
  copy(skNonce, saltOf(sa), b, o + head, IV_SIZE);
  const key = encrypt === 1 ? sa.out! : sa.into!;
  if (P.ikeGcm > 0 && isGcm(sa)) {
    return gcm(encrypt, key, skNonce, slice(b, o, head), head, b, o + head + IV_SIZE, size);
  }
  return aead(encrypt, key, skNonce, slice(b, o, head), head, b, o + head + IV_SIZE, size, icvOf(sa));
}

/** The payloads in W as a message under SK. */
function sealWork(sa: IkeSlot, exchange: number, flags: number, id: number): Uint8Array {
  const n = workEnd - 1;
  const out = new Uint8Array(SK_TEXT + n + 1 + icvOf(sa));
  putIkeHeader(out, sa, PAYLOAD_SK, exchange, flags);
  put32(out, 20, id);
  out[28] = W[0];
  put16(out, 30, out.length - 28);
  put32(out, SK_HEAD + 4, S.counter++);
  copy(out, SK_TEXT, W, 1, n);
  cryptSk(1, sa, out, 0, SK_HEAD, n + 1);
  return out;
}

/**
 * Opens the SK payload (SKF, by `head`), which is the only one of the message b[o..o+n), in place. Returns the octets of its
 * content behind the IV; -1: it is none of the peer's.
 */
export function openSk(sa: IkeSlot, b: Uint8Array, o: number, n: number, head: number): number {
  const size = n - head - IV_SIZE - icvOf(sa);
  if (size < 1 || b[o + 30] * 256 + b[o + 31] !== n - 28 || !cryptSk(0, sa, b, o, head, size)) return -1;
  return Math.max(-1, size - 1 - b[o + head + IV_SIZE + size - 1]);
}

/** Counts a message for the attempt to connect. */
export function tally(length: number): void {
  if (S.messages++ === 0) S.begun = ikeNow;
  S.octets += length;
}

export function transmitIke(sa: IkeSlot, octets: Uint8Array): void {
  if (S.setup !== null && sa === (P.reauthTime > 0 && freshIke !== null ? freshIke : S.current)) tally(octets.length);
  sendDatagram(octets, 0, octets.length, ikeNow);
}

/** Makes `octets` the current request of `sa`, for TASK_* `task`: sends it, and repeats it until it is answered. */
export function beginRequest(sa: IkeSlot, octets: Uint8Array, task: number): void {
  sa.request = octets;
  sa.task = task;
  sa.tries = 1;
  sa.gone = 0;
  sa.deadline = ikeNow + P.retransmitTime;
  transmitIke(sa, octets);
}

/** Sends the payloads in W as the next request. */
export function sealRequest(sa: IkeSlot, exchange: number, task: number): void {
  beginRequest(sa, sealWork(sa, exchange, 0, sa.nextId++), task);
}

/** Sends the payloads in W as the answer to the last request, and keeps it. */
export function sealAnswer(sa: IkeSlot, exchange: number): void {
  sa.response = sealWork(sa, exchange, FLAG_RESPONSE, sa.expectedId - 1);
  transmitIke(sa, sa.response);
}

/** The request was answered, or is given up. */
export function settleRequest(sa: IkeSlot): void {
  sa.request = null;
  sa.task = 0;
  sa.deadline = -1;
  sa.hurried = false;
}

/** Repeats the request. False: it was sent often enough. */
export function repeatRequest(sa: IkeSlot): boolean {
  if (sa.tries >= P.retransmitTries) return false;
  sa.deadline = ikeNow + P.retransmitTime * (sa.hurried ? 1 : 1 << sa.tries);
  sa.tries++;
  transmitIke(sa, sa.request!);
  return true;
}

/** The gateway may have lost `sa`: its request gets all repetitions, but sooner [RFC 7296 §2.4]. */
export function hurryRequest(sa: IkeSlot): void {
  sa.hurried = true;
  if (sa.deadline >= 0) sa.deadline = Math.min(sa.deadline, ikeNow + P.retransmitTime);
}

/** A new IKE SA at the front of the list, with a random SPI of this side. */
export function newIke(flag: number, state: number): IkeSlot {
  const sa: IkeSlot = {
    ids: new Uint8Array(P.ikeCiphers > 1 ? 25 : 24),
    d: null,
    out: null,
    into: null,
    flag: flag,
    state: state,
    outcome: 0,
    nextId: 0,
    expectedId: 0,
    request: null,
    task: 0,
    tries: 0,
    deadline: -1,
    hurried: false,
    gone: 0,
    response: null,
    heardAt: ikeNow,
    endAt: -1,
    token: null,
    next: S.list,
  };
  const at = flag !== 0 ? 0 : 8;
  do randomOctets(sa.ids, at, 8);
  while (u32(sa.ids, at) === 0);
  S.list = sa;
  return sa;
}
