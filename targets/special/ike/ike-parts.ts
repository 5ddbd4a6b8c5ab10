// Answers and requests of the gateway that come in IKE fragments [RFC 7383 §2.6]. This side sends none: its messages are short,
// and the link has fragments of its own. As core/ike/codec/fragments.ts.

import { u16 } from '../../../core/base/bytes.ts';
import { slice } from '../crypto.ts';
import { type IkeSlot, NO_OCTETS } from './ike-state.ts';
import { putAll } from './payloads.ts';

/** Most fragments of a message, and octets of its payloads. */
const PARTS_MAX = 32;
const PARTS_ROOM = 1280;

/** The message that comes: of which IKE SA, which, its fragments so far (empty: missing), how many and their octets. */
let partsSa: IkeSlot | null = null;
let partsOf = -1;
let parts: Uint8Array[] = [];
let partsCount = 0;
let partsSize = 0;
/** Type of the first payload of the message. */
export let partsFirst = 0;

/** Takes the opened fragment b[o..) with `size` octets of message `which` of `sa`. Returns the payloads of the whole, or null. */
export function takePart(sa: IkeSlot, which: number, b: Uint8Array, o: number, size: number): Uint8Array | null {
  const number = u16(b, o + 32);
  const total = u16(b, o + 34);
  if (number < 1 || number > total || total > PARTS_MAX || size < 1) return null;
  // Another message, or the same in smaller fragments, begins anew.
  if (sa !== partsSa || which !== partsOf || total > parts.length) {
    partsSa = sa;
    partsOf = which;
    parts = [];
    for (let i = 0; i < total; i++) parts.push(NO_OCTETS);
    partsCount = 0;
    partsSize = 0;
  }
  if (total < parts.length || parts[number - 1].length > 0 || partsSize + size > PARTS_ROOM) return null;
  parts[number - 1] = slice(b, o + 44, size);
  partsSize += size;
  partsCount++;
  if (number === 1) partsFirst = b[o + 28];
  if (partsCount < total) return null;
  const whole = new Uint8Array(partsSize);
  let at = 0;
  for (let i = 0; i < total; i++) at = putAll(whole, at, parts[i]);
  partsSa = null;
  parts = [];
  return whole;
}
