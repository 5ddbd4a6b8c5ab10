// The gateway's SA payload: its offer for a rekey, its answer to ours [RFC 7296 §2.7, §3.3]. Transforms may come in any order,
// and an offer may have others beside ours. What fits is as in core/ike/codec/proposals.ts.

import { put16, u16 } from '../../../core/base/bytes.ts';
import {
  N_INVALID_SYNTAX,
  N_NO_PROPOSAL_CHOSEN,
  PAYLOAD_SA,
  TRANSFORM_ENCR,
  TRANSFORM_INTEG,
  TRANSFORM_KE,
  TRANSFORM_SN,
} from '../../../core/ike/codec/numbers.ts';
import { putHex } from '../octets.ts';
import { addPayloads, addRoom, chain, foundAt, foundSize, seek, W } from './payloads.ts';

const KEY_LENGTH_FORM = 0x800e;
/** Octets of a wanted transform in W: type, ID, key bits. */
const WANT = 5;

/** The choice: ID of each transform type, or -1 where the proposal has no such type; key bits. */
const chosenIds = /* @__PURE__ */ new Int32Array(TRANSFORM_SN + 1);
let chosenBits = 0;
let chosenNumber = 0;
/** Offset of the gateway's SPI, and the KE method that was chosen. */
export let chosenSpiAt = 0;
export let chosenKe = 0;

/** Offset after the proposal at `at`; -1: it is malformed. */
function offerEnd(at: number, end: number): number {
  if (end - at < 8) return -1;
  const behind = at + u16(chain, at + 2);
  if (behind > end || chain[at] !== (behind === end ? 0 : 2)) return -1;
  let t = at + 8 + chain[at + 6];
  for (let left = chain[at + 7]; left > 0; left--) {
    if (behind - t < 8) return -1;
    const next = t + u16(chain, t + 2);
    if (next - t < 8 || next > behind || chain[t] !== (left === 1 ? 0 : 3)) return -1;
    for (t += 8; next - t >= 4; ) t += chain[t] >= 0x80 ? 4 : 4 + u16(chain, t + 2);
    if (t !== next) return -1;
  }
  return t === behind ? behind : -1;
}

/** True when the proposal at `at` has this transform, with exactly this Key Length (0: without attributes). */
function offers(at: number, type: number, id: number, bits: number): boolean {
  let t = at + 8 + chain[at + 6];
  for (let left = chain[at + 7]; left > 0; left--) {
    const size = u16(chain, t + 2);
    if (chain[t + 4] === type && u16(chain, t + 6) === id) {
      if (
        bits === 0 ? size === 8 : size === 12 && u16(chain, t + 8) === KEY_LENGTH_FORM && u16(chain, t + 10) === bits
      ) {
        return true;
      }
    }
    t += size;
  }
  return false;
}

/**
 * True when the proposal at `at` has one of the `count` wanted transforms in W of each type; the choice is then set. `hint`: a
 * KE method that is taken if it is wanted. `isOffer`: it need not have a KE method.
 */
function fitsProposal(at: number, count: number, hint: number, isOffer: boolean): boolean {
  let types = 0;
  let t = at + 8 + chain[at + 6];
  for (let left = chain[at + 7]; left > 0; left--) {
    const type = chain[t + 4];
    if (type < TRANSFORM_ENCR || type > TRANSFORM_SN) return false;
    types |= 1 << type;
    t += u16(chain, t + 2);
  }
  for (let type = TRANSFORM_ENCR; type <= TRANSFORM_SN; type++) {
    const isOptional = type === TRANSFORM_INTEG || type === TRANSFORM_KE;
    const isThere = ((types >>> type) & 1) === 1;
    let id = -1;
    let isWanted = false;
    for (let i = 0; i < count * WANT; i += WANT) {
      if (W[i] !== type) continue;
      isWanted = true;
      const one = u16(W, i + 1);
      const bits = u16(W, i + 3);
      if (id >= 0 && !(type === TRANSFORM_KE && hint === one)) continue;
      if (isThere ? offers(at, type, one, bits) : isOptional && one === 0) {
        id = one;
        if (type === TRANSFORM_ENCR) chosenBits = bits;
      }
    }
    if (id < 0 && !isWanted && (!isThere || (isOptional && offers(at, type, 0, 0)))) id = 0;
    if (id < 0 && type === TRANSFORM_KE && !isThere && isOffer) id = 0;
    if (id < 0) return false;
    if (type === TRANSFORM_KE) chosenKe = id;
    chosenIds[type] = isThere ? id : -1;
  }
  chosenNumber = chain[at + 4];
  chosenSpiAt = at + 8;
  return true;
}

/**
 * Chooses from the SA payload of the chain: of an offer (`most` 0) the first proposal that fits `want`, of an answer its only
 * one, which must have a number up to `most`, and one transform of each type. Returns 0, or the error to answer.
 */
export function chooseProposal(want: string, protocol: number, spiSize: number, hint: number, most: number): number {
  if (!seek(PAYLOAD_SA, 0, 0)) return N_INVALID_SYNTAX;
  const end = foundAt + foundSize;
  const count = putHex(W, 0, want) / WANT;
  let verdict: number = N_NO_PROPOSAL_CHOSEN;
  let at = foundAt;
  do {
    const next = offerEnd(at, end);
    if (next < 0) return N_INVALID_SYNTAX;
    if (verdict !== 0 && chain[at + 5] === protocol && chain[at + 6] === spiSize) {
      if (fitsProposal(at, count, hint, most === 0 && protocol !== 1)) verdict = 0;
      if (most > 0) {
        let left = chain[at + 7];
        for (let type = TRANSFORM_ENCR; type <= TRANSFORM_SN; type++) if (chosenIds[type] >= 0) left--;
        if (next < end || chosenNumber < 1 || chosenNumber > most || left !== 0) return N_NO_PROPOSAL_CHOSEN;
      }
    }
    at = next;
  } while (at < end);
  return verdict;
}

/** The SA payload of what was chosen, with room for an SPI of `spiSize` octets. Returns the offset of the SPI. */
export function addChosen(protocol: number, spiSize: number): number {
  const at = addPayloads(PAYLOAD_SA, '000000000000000000000000', 0);
  const spi = addRoom(spiSize);
  let last = -1;
  let count = 0;
  for (let type = TRANSFORM_ENCR; type <= TRANSFORM_SN; type++) {
    if (chosenIds[type] < 0) continue;
    const size = type === TRANSFORM_ENCR && chosenBits !== 0 ? 12 : 8;
    last = addRoom(size);
    W[last] = 3;
    W[last + 1] = 0;
    put16(W, last + 2, size);
    put16(W, last + 4, type << 8);
    put16(W, last + 6, chosenIds[type]);
    if (size === 12) {
      put16(W, last + 8, KEY_LENGTH_FORM);
      put16(W, last + 10, chosenBits);
    }
    count++;
  }
  W[last] = 0;
  const size = addRoom(0) - at;
  put16(W, at + 2, size);
  put16(W, at + 6, size - 4);
  W[at + 8] = chosenNumber;
  W[at + 9] = protocol;
  W[at + 10] = spiSize;
  W[at + 11] = count;
  return spi;
}
