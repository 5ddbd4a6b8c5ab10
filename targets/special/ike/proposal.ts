// The gateway's SA payload: its offer for a rekey, its answer to ours [RFC 7296 §2.7, §3.3]. Transforms may come in any order,
// and an offer may have others beside ours. What fits is as in core/ike/codec/proposals.ts.

import { u16 } from '../../../core/base/bytes.ts';
import { PAYLOAD_SA, TRANSFORM_ENCR, TRANSFORM_INTEG, TRANSFORM_KE } from '../../../core/ike/codec/numbers.ts';
import { putHex } from '../octets.ts';
import type { Profile } from '../profile.ts';
import { chain, foundAt, foundSize, seek, W } from './payloads.ts';

declare const P: Profile;

/** Key Length, as an attribute of type and value. */
const KEY_LENGTH_FORM = 0x800e;

/** Number of the proposal that was chosen, offset of the gateway's SPI, the KE method (0: none), the cipher of the IKE SA. */
export let chosenNumber = 0;
export let chosenAt = 0;
export let chosenKe = 0;
export let chosenEncr = 0;

/** Makes this cipher the one of a message that does not choose. */
export function keepCipher(encr: number): void {
  chosenEncr = encr;
}

/**
 * Chooses the first proposal of the chain's SA payload that has a wanted transform of each type: `want` has type, ID (2), key bits
 * (2) of each. Of two KE methods `hint` is taken if it is wanted. `isAnswer`: it must be the only one, number 1, and have one
 * transform of each type. False: there is none.
 */
export function chooseProposal(
  want: string,
  protocol: number,
  spiSize: number,
  hint: number,
  isAnswer: boolean,
): boolean {
  if (!seek(PAYLOAD_SA, 0, 0)) return false;
  const count = putHex(W, 0, want);
  const end = foundAt + foundSize;
  for (let at = foundAt; at + 8 <= end; ) {
    const next = at + u16(chain, at + 2);
    let x = at + 8 + chain[at + 6];
    let fits = x <= next && next <= end && chain[at + 5] === protocol && chain[at + 6] === spiSize;
    // Bit n: a transform of type n is there; 256 << n: one that is wanted; 65536 << n: it is wanted.
    let types = 0;
    let left = chain[at + 7];
    let ke = 0;
    // Places in `want` of what was chosen; before all: the method of KE.
    let keAt = count;
    let encrAt = count;
    for (let i = 0; i < count; i += 5) types |= 65536 << W[i];
    for (; fits && left > 0 && x + 8 <= next; left--) {
      const size = u16(chain, x + 2);
      const type = chain[x + 4];
      const id = u16(chain, x + 6);
      if (size < 8 || x + size > next || type < TRANSFORM_ENCR || type > 5) fits = false;
      if (isAnswer && ((types >>> type) & 1) === 1) fits = false;
      types |= 1 << type;
      // INTEG and KE that are not wanted: NONE is as good as nothing.
      const isSpare = type === TRANSFORM_INTEG || type === TRANSFORM_KE;
      if (isSpare && ((types >>> type) & 65536) === 0 && id === 0) types |= 256 << type;
      for (let i = 0; i < count; i += 5) {
        const bits = u16(W, i + 3);
        const isSame =
          bits === 0 ? size === 8 : size === 12 && u16(chain, x + 8) === KEY_LENGTH_FORM && u16(chain, x + 10) === bits;
        if (W[i] !== type || u16(W, i + 1) !== id || !isSame) continue;
        types |= 256 << type;
        // In an offer this side's first method counts, or the one of KE.
        if (P.keMethods > 1) {
          if (type === TRANSFORM_KE && (id === hint || i < keAt)) {
            ke = id;
            keAt = id === hint ? -1 : i;
          }
        } else if (type === TRANSFORM_KE && (ke === 0 || id === hint)) ke = id;
        if (P.ikeCiphers > 1 && type === TRANSFORM_ENCR && i < encrAt) {
          chosenEncr = id;
          encrAt = i;
        }
      }
      x += size;
    }
    if (left !== 0 || x !== next) fits = false;
    for (let type = TRANSFORM_ENCR; type <= 5; type++) {
      const has = (types >>> type) & 257;
      const isOptional =
        type === TRANSFORM_INTEG || (type === TRANSFORM_KE && (P.childKeOptional || !isAnswer) && protocol !== 1);
      if (has === 1 || (has === 0 && ((types >>> type) & 65536) !== 0 && !isOptional)) fits = false;
    }
    if (fits && (!isAnswer || (next === end && chain[at + 4] === 1))) {
      chosenNumber = chain[at + 4];
      chosenAt = at + 8;
      chosenKe = ke;
      return true;
    }
    if (isAnswer || next < at + 8) return false;
    at = next;
  }
  return false;
}
