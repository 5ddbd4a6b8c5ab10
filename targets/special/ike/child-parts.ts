// The parts of messages about a Child SA: its key exchange, traffic selectors, Diet-ESP's values, SPI, keys
// [RFC 7296 §2.9, §2.17, §3.13; draft-ietf-ipsecme-ikev2-diet-esp-extension].

import { copy, equal, fill, put16, u16 } from '../../../core/base/bytes.ts';
import {
  N_USE_TRANSPORT_MODE,
  PAYLOAD_KE,
  PAYLOAD_NONCE,
  PAYLOAD_NOTIFY,
  PAYLOAD_TSI,
  PAYLOAD_TSR,
} from '../../../core/ike/codec/numbers.ts';
import { CHILD_LIVE } from '../../../core/ike/state/stage.ts';
import { randomOctets, slice, x25519Of } from '../crypto.ts';
import { D } from '../data.ts';
import { addPair } from '../esp-sa.ts';
import { onInstalled } from '../events.ts';
import { isHex, putHex } from '../octets.ts';
import type { Profile } from '../profile.ts';
import { lifeEnd } from './ike-life.ts';
import { type ChildSlot, S } from './ike-state.ts';
import { expandSeed, SEED, workPut } from './messages.ts';
import { addPayloads, addRoom, chain, foundAt, foundSize, seek, W } from './payloads.ts';

declare const P: Profile;

/** Octets of the values of Diet-ESP that an answer may leave out, by attribute. */
const HCP_DEFAULTS = '00000003202001';

/** A new private value of 32 octets in `x`, and a KE payload with its public value at the end of W [RFC 8031]. */
export function putKe(method: number, x: Uint8Array): void {
  const at = addPayloads(PAYLOAD_KE, '0000002800000000', 0);
  const out = addRoom(32);
  const base = new Uint8Array(32);
  put16(W, at + 4, method);
  randomOctets(x, 0, 32);
  base[0] = 9;
  x25519Of(W, out, x, 0, base, 0);
}

/** The method of the chain's KE payload; 0: none. */
export function keMethod(): number {
  return seek(PAYLOAD_KE, 0, 0) ? u16(chain, foundAt) : 0;
}

/** The shared secret with the chain's KE payload, which has to be of `method`; null: it is not, or the secret is zero. */
export function keSecret(method: number, x: Uint8Array): Uint8Array | null {
  if (keMethod() !== method || foundSize !== 36) return null;
  const secret = new Uint8Array(32);
  x25519Of(secret, 0, x, 0, chain, foundAt + 4);
  let any = 0;
  for (let i = 0; i < 32; i++) any |= secret[i];
  return any === 0 ? null : secret;
}

/** A nonce of this side at the end of W. */
export function putNonce(nonce: Uint8Array): void {
  const at = addPayloads(PAYLOAD_NONCE, '00000000', 0);
  put16(W, at + 2, 4 + nonce.length);
  copy(W, addRoom(nonce.length), nonce, 0, nonce.length);
}

export function newNonce(): Uint8Array {
  const nonce = new Uint8Array(P.nonceSize);
  randomOctets(nonce, 0, P.nonceSize);
  return nonce;
}

/** The nonce of the chain, null: there is none. */
export function peerNonce(): Uint8Array | null {
  return seek(PAYLOAD_NONCE, 0, 0) ? slice(chain, foundAt, foundSize) : null;
}

/** TSi and TSr: this side's selector first where `isOwnFirst`. */
export function putSelectors(isOwnFirst: boolean): void {
  const size = P.addressSize;
  for (let i = 0; i < 2; i++) {
    const isOwn = (i === 0) === isOwnFirst;
    const at = addPayloads(i === 0 ? PAYLOAD_TSI : PAYLOAD_TSR, '00000000', 0);
    put16(W, at + 2, 16 + 2 * size);
    const body = addRoom(12 + 2 * size);
    putHex(W, body, isOwn ? P.tsOwn : P.tsPeer);
    for (let k = 0; k < 2; k++) {
      if (P.asksAny && isOwn && S.setup !== null) fill(W, body + 12 + k * size, size, 255 * k);
      else copy(W, body + 12 + k * size, D, isOwn ? P.atOwn : P.atPeer, size);
    }
  }
}

/** True when a selector of the payload covers the one of `head` and the address D[address..); an answer has that alone. */
function covers(type: number, head: string, address: number, isAnswer: boolean): boolean {
  if (!seek(type, 0, 0)) return false;
  const size = P.addressSize;
  const length = 8 + 2 * size;
  const end = foundAt + foundSize;
  if (isAnswer) {
    const at = end - 2 * size;
    if (foundSize !== length + 4 || !isHex(chain, foundAt, head)) return false;
    return equal(chain, at, D, address, size) && equal(chain, at + size, D, address, size);
  }
  putHex(W, 0, head);
  let at = foundAt + 4;
  for (let left = chain[foundAt]; left > 0 && at + 4 <= end; left--) {
    const next = at + u16(chain, at + 2);
    if (next > end || next < at + 4) return false;
    if (
      next - at === length &&
      chain[at] === W[4] &&
      (chain[at + 1] === 0 || chain[at + 1] === W[5]) &&
      u16(chain, at + 4) <= u16(W, 8) &&
      u16(chain, at + 6) >= u16(W, 10) &&
      !isBelow(D, address, chain, at + 8, size) &&
      !isBelow(chain, at + 8 + size, D, address, size)
    ) {
      return true;
    }
    at = next;
  }
  return false;
}

function isBelow(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, size: number): boolean {
  for (let i = 0; i < size; i++) if (a[aAt + i] !== b[bAt + i]) return a[aAt + i] < b[bAt + i];
  return false;
}

/**
 * True when the chain's selectors are this side's and the gateway's (`isAnswer`: exactly), and its mode is the profile's. TSi is
 * of whoever asks.
 */
export function fitsSelectors(isAnswer: boolean): boolean {
  if (P.transportMode && !seek(PAYLOAD_NOTIFY, N_USE_TRANSPORT_MODE, 0)) return false;
  return (
    covers(isAnswer ? PAYLOAD_TSI : PAYLOAD_TSR, P.tsOwn, P.atOwn, isAnswer) &&
    covers(isAnswer ? PAYLOAD_TSR : PAYLOAD_TSI, P.tsPeer, P.atPeer, isAnswer)
  );
}

/**
 * Diet-ESP in the chain: the ID of the first proposal that has the profile's values. Of an answer it has to be the only one, and
 * have nothing else. 0: there is none.
 */
export function dietOf(isAnswer: boolean): number {
  if (!seek(PAYLOAD_NOTIFY, P.hcpType, 0)) return 0;
  const end = foundAt + foundSize;
  putHex(W, 0, P.hcpValues + HCP_DEFAULTS);
  for (let at = foundAt; at + 4 <= end; ) {
    const id = chain[at];
    const next = at + 4 + u16(chain, at + 2);
    let fits = chain[at + 1] === 0 && next <= end && (!isAnswer || next === end);
    // Bit n: attribute n is named; bit n + 8: with the profile's value.
    let named = 0;
    for (let x = at + 4; fits && x < next; x += 4) {
      let high = x;
      // A range is two attributes behind its own header.
      const isRange = next - x >= 12 && (u16(chain, x) | 0x8000) === 0xffff;
      if (isRange) {
        if (isAnswer || (u16(chain, x + 2) | 12) !== 12) fits = false;
        x += 4;
        high = x + 4;
      }
      const type = next - x < 4 ? -1 : u16(chain, x) - 0x8000;
      if (type < 0 || type > 6 || u16(chain, high) - 0x8000 !== type) fits = false;
      else {
        const low = u16(chain, x + 2);
        const most = u16(chain, high + 2);
        if (low > most || (isAnswer && ((named >>> type) & 1) === 1)) fits = false;
        named |= 1 << type;
        if (low <= W[type] && W[type] <= most) named |= 256 << type;
      }
      x = high;
    }
    for (let type = 0; type < 7; type++) {
      // Not named: any value in an offer (of esp_trailer 1 alone), the default in an answer.
      if (((named >>> type) & 1) === 0 && (W[type] === W[7 + type] || (!isAnswer && type < 6))) named |= 256 << type;
    }
    if (fits && named >>> 8 === 127) return id;
    if (isAnswer) return 0;
    at = next;
  }
  return 0;
}

/** The exchange that made a Child SA was begun by the gateway; by this side, and it sends; by this side, and it is redundant. */
export const ROLE_ANSWERED = 0;
export const ROLE_ASKED = 1;
export const ROLE_LOST = 2;

/**
 * Makes a Child SA of the current IKE SA from a shared secret (which is wiped) or null and the nonces of its exchange, the
 * initiator's first, and gives its keys to ESP. `role`: ROLE_*; packets go out at once under what this side asked for.
 */
export function newChild(
  spiIn: number,
  spiOut: number,
  secret: Uint8Array | null,
  ni: Uint8Array,
  nr: Uint8Array,
  role: number,
  now: number,
): ChildSlot {
  const blocks = (2 * P.keymatSize + 31) >>> 5;
  const keys = new Uint8Array(32 * blocks);
  let n = SEED;
  if (secret !== null) {
    n = workPut(n, secret);
    fill(secret, 0, 32, 0);
  }
  n = workPut(workPut(n, ni), nr);
  expandSeed(S.current!.d!, n - SEED, keys, blocks);
  // The exchange's initiator sends with the first half [RFC 7296 §2.17].
  const outAt = role === ROLE_ANSWERED ? P.keymatSize : 0;
  addPair(spiOut, spiIn, keys, outAt, P.keymatSize - outAt, role === ROLE_ASKED);
  fill(keys, 0, keys.length, 0);
  S.wait = P.retryTime;
  const child: ChildSlot = {
    spiIn: spiIn,
    spiOut: spiOut,
    stage: CHILD_LIVE,
    ke: -1,
    rekeyAt: lifeEnd(P.childRekeyTime, now),
    removeAt: -1,
    replaces: null,
    rival: null,
    rivalNonce: null,
    isRekeyAsked: false,
    isDeleteAsked: false,
    isRegular: false,
    tag: 0,
    next: S.children,
  };
  S.children = child;
  onInstalled(spiIn, now);
  return child;
}

/** True when the first nonce is lower than the second, as octets of any length [RFC 7296 §2.8.1]. */
export function isLower(a: Uint8Array, b: Uint8Array): boolean {
  const size = Math.min(a.length, b.length);
  return equal(a, 0, b, 0, size) ? a.length < b.length : isBelow(a, 0, b, 0, size);
}

/** The lower nonce of an exchange. */
export function lowerNonce(a: Uint8Array, b: Uint8Array): Uint8Array {
  return isLower(a, b) ? a : b;
}
