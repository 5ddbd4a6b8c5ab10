// The parts of messages about a Child SA: key exchange, nonces, traffic selectors, Diet-ESP's values, keys [RFC 7296 §2.9, §2.17,
// §3.13; draft-ietf-ipsecme-ikev2-diet-esp-extension].

import { copy, equal, fill, put16, u16, u32 } from '../../../core/base/bytes.ts';
import { KE_P256 } from '../../../core/crypto/asymmetric.ts';
import {
  N_USE_TRANSPORT_MODE,
  PAYLOAD_KE,
  PAYLOAD_NONCE,
  PAYLOAD_NOTIFY,
  PAYLOAD_TSI,
  PAYLOAD_TSR,
  PROTOCOL_ESP,
} from '../../../core/ike/codec/numbers.ts';
import { OUTCOME_COMPRESSION, OUTCOME_PROTOCOL, OUTCOME_SELECTORS } from '../../../core/ike/state/outcome.ts';
import { CHILD_LIVE } from '../../../core/ike/state/stage.ts';
import { p256Of, randomOctets, slice, x25519Of } from '../crypto.ts';
import { D } from '../data.ts';
import { addPair } from '../esp-sa.ts';
import { onInstalled } from '../events.ts';
import { putHex } from '../octets.ts';
import type { Profile } from '../profile.ts';
import { fitsEhc } from './ike-ehc.ts';
import { lifeEnd } from './ike-life.ts';
import { type ChildSlot, ikeNow, NO_OCTETS, S } from './ike-state.ts';
import { expandSeed, SEED } from './messages.ts';
import { addPayloads, addRoom, chain, foundAt, foundSize, note, putAll, seek, W } from './payloads.ts';
import { chooseProposal, chosenAt } from './proposal.ts';

declare const P: Profile;

/** How often a private value is drawn at most. */
const KE_TRIES = 4;
/** Octets of the values of Diet-ESP that an answer may leave out, by attribute. */
const HCP_DEFAULTS = '00000003202001';

/** A new private value of 32 octets in `x`, and a KE payload with its public value at the end of W [RFC 8031, RFC 5903 §7]. */
export function putKe(method: number, x: Uint8Array): void {
  if (P.p256 && (!P.x25519 || method === KE_P256)) {
    put16(W, addPayloads(PAYLOAD_KE, '0000004800000000', 0) + 4, KE_P256);
    const to = addRoom(64);
    // One in 2^32 numbers is none of the group's.
    let tries = 0;
    do {
      if (tries++ === KE_TRIES) throw new Error('p256: no public value');
      randomOctets(x, 0, 32);
    } while (!p256Of(W, to, x, null, 0));
  } else {
    const at = addPayloads(PAYLOAD_KE, '0000002800000000', 0);
    const base = new Uint8Array(32);
    put16(W, at + 4, method);
    randomOctets(x, 0, 32);
    base[0] = 9;
    x25519Of(W, addRoom(32), x, 0, base, 0);
  }
}

/** The method of the chain's KE payload; 0: none. */
export function keMethod(): number {
  return seek(PAYLOAD_KE, 0, 0) ? u16(chain, foundAt) : 0;
}

/**
 * The shared secret with the chain's KE payload, which has to be of `method`; null: it is not, the secret is zero, or the point
 * not on the curve.
 */
export function keSecret(method: number, x: Uint8Array): Uint8Array | null {
  if (P.p256 && (!P.x25519 || method === KE_P256)) return p256Secret(x);
  if (keMethod() !== method || foundSize !== 36) return null;
  const secret = new Uint8Array(32);
  x25519Of(secret, 0, x, 0, chain, foundAt + 4);
  return equal(secret, 0, new Uint8Array(32), 0, 32) ? null : secret;
}

/** As `keSecret`, of P-256. */
function p256Secret(x: Uint8Array): Uint8Array | null {
  if (keMethod() !== KE_P256 || foundSize !== 68) return null;
  const secret = new Uint8Array(32);
  return p256Of(secret, 0, x, chain, foundAt + 4) ? secret : null;
}

/** A nonce of this side at the end of W. */
export function putNonce(nonce: Uint8Array): void {
  const at = addPayloads(PAYLOAD_NONCE, '00000000', 0);
  put16(W, at + 2, 4 + P.nonceSize);
  putAll(W, addRoom(P.nonceSize), nonce);
}

export function newNonce(): Uint8Array {
  const nonce = new Uint8Array(P.nonceSize);
  randomOctets(nonce, 0, P.nonceSize);
  return nonce;
}

/** The nonce of the chain; empty: there is none. */
export function peerNonce(): Uint8Array {
  return seek(PAYLOAD_NONCE, 0, 0) ? slice(chain, foundAt, foundSize) : NO_OCTETS;
}

/** TSi and TSr: this side's selector first where `isOwnFirst`. */
export function putSelectors(isOwnFirst: boolean): void {
  const size = P.addressSize;
  for (let i = 0; i < 2; i++) {
    const isOwn = (i === 0) === isOwnFirst;
    const at = addPayloads(PAYLOAD_TSI + i, '00000000', 0);
    const body = addRoom(12 + 2 * size);
    put16(W, at + 2, 16 + 2 * size);
    putHex(W, body, isOwn ? P.tsOwn : P.tsPeer);
    for (let k = 12; k <= 12 + size; k += size) {
      if (P.asksAny && isOwn && S.setup !== null) fill(W, body + k, size, k > 12 ? 255 : 0);
      else copy(W, body + k, D, isOwn ? P.atOwn : P.atPeer, size);
    }
  }
}

/** True when a selector of the payload covers the one of `head` and the address D[address..). */
function covers(type: number, head: string, address: number): boolean {
  const size = P.addressSize;
  if (!seek(type, 0, 0)) return false;
  putHex(W, 0, head);
  for (let at = foundAt + 4, left = chain[foundAt]; left > 0 && at + 8 <= foundAt + foundSize; left--) {
    const length = u16(chain, at + 2);
    if (length < 8 || at + length > foundAt + foundSize) return false;
    let fits =
      length === 8 + 2 * size &&
      chain[at] === W[4] &&
      (chain[at + 1] === 0 || chain[at + 1] === W[5]) &&
      u16(chain, at + 4) <= u16(W, 8) &&
      u16(chain, at + 6) >= u16(W, 10);
    if (fits) {
      fits = !isBelow(D, address, chain, at + 8, size) && !isBelow(chain, at + 8 + size, D, address, size);
      if (fits) return true;
    }
    at += length;
  }
  return false;
}

/** True when the number of `size` octets at a[aAt..) is lower than the other. */
function isBelow(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, size: number): boolean {
  let i = 0;
  while (i < size && a[aAt + i] === b[bAt + i]) i++;
  return i < size && a[aAt + i] < b[bAt + i];
}

/**
 * True when the chain's selectors cover this side's and the gateway's, and its mode is the profile's. `isAnswer`: TSi is this
 * side's.
 */
export function fitsSelectors(isAnswer: boolean): boolean {
  if (P.transportMode && !note(N_USE_TRANSPORT_MODE)) return false;
  return (
    covers(isAnswer ? PAYLOAD_TSI : PAYLOAD_TSR, P.tsOwn, P.atOwn) &&
    covers(isAnswer ? PAYLOAD_TSR : PAYLOAD_TSI, P.tsPeer, P.atPeer)
  );
}

/** Diet-ESP in the chain: the ID of the first proposal that has the profile's values. 0: there is none. */
export function dietOf(isAnswer: boolean): number {
  if (!seek(PAYLOAD_NOTIFY, P.hcpType, 0)) return 0;
  const end = foundAt + foundSize;
  putHex(W, 0, P.hcpValues + HCP_DEFAULTS);
  for (let at = foundAt; at + 4 <= end; ) {
    const id = chain[at];
    const next = at + 4 + u16(chain, at + 2);
    let fits = chain[at + 1] === 0 && next <= end;
    // Bit n: attribute n is named; 256 << n: with the profile's value.
    let named = 0;
    for (let x = at + 4; fits && x < next; x += 4) {
      let high = x;
      // A range is two attributes behind its own header.
      if (next - x >= 12 && (u16(chain, x) | 0x8000) === 0xffff) {
        x += 4;
        high = x + 4;
      }
      const type = u16(chain, x) - 0x8000;
      fits = next - x >= 4 && type >= 0 && type < 7 && u16(chain, high) - 0x8000 === type;
      named |= 1 << type;
      if (u16(chain, x + 2) <= W[type] && W[type] <= u16(chain, high + 2)) named |= 256 << type;
      x = high;
    }
    for (let type = 0; type < 7; type++) {
      // Not named: any value in an offer (of esp_trailer 1 alone), the default in an answer.
      const isFine = ((named >>> type) & 1) === 0 && (W[type] === W[7 + type] || (!isAnswer && type < 6));
      if (!isFine && ((named >>> type) & 256) === 0) fits = false;
    }
    if (fits) return id;
    at = next;
  }
  return 0;
}

/** The gateway's answer about a Child SA is in the chain: 0, or why it does not do. The choice is set, or chosenAt is 0. */
export function childVerdict(want: string): number {
  if (!chooseProposal(want, PROTOCOL_ESP, 4, 0, true) || u32(chain, chosenAt) < 256) return OUTCOME_PROTOCOL;
  if (!fitsSelectors(true)) return OUTCOME_SELECTORS;
  if (P.ehc) return fitsEhc(true) ? 0 : OUTCOME_COMPRESSION;
  return P.hcpType === 0 || dietOf(true) === 1 ? 0 : OUTCOME_COMPRESSION;
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
): ChildSlot {
  const blocks = (2 * P.keymatSize + 31) >>> 5;
  const keys = new Uint8Array(32 * blocks);
  let at = SEED;
  if (secret !== null) {
    at = putAll(W, at, secret);
    fill(secret, 0, 32, 0);
  }
  expandSeed(S.current!.d!, putAll(W, putAll(W, at, ni), nr), keys, blocks);
  // The exchange's initiator sends with the first half [RFC 7296 §2.17].
  const outAt = role === ROLE_ANSWERED ? P.keymatSize : 0;
  addPair(spiOut, spiIn, keys, outAt, P.keymatSize - outAt, role === ROLE_ASKED);
  fill(keys, 0, keys.length, 0);
  S.wait = P.retryTime;
  const child = addChild(spiIn, spiOut, CHILD_LIVE);
  child.rekeyAt = lifeEnd(P.childRekeyTime);
  onInstalled(spiIn, ikeNow);
  return child;
}

/** A Child SA in front of the list. */
export function addChild(spiIn: number, spiOut: number, stage: number): ChildSlot {
  const child: ChildSlot = {
    spiIn: spiIn,
    spiOut: spiOut,
    stage: stage,
    ke: -1,
    rekeyAt: -1,
    removeAt: -1,
    replaces: null,
    rival: null,
    rivalNonce: NO_OCTETS,
    isRekeyAsked: false,
    isDeleteAsked: false,
    isRegular: false,
    tag: 0,
    next: S.children,
  };
  S.children = child;
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
