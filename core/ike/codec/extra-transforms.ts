// Transforms beyond those of every SA payload: of other types (such as the additional key exchanges of RFC 9370), or with other
// attributes than Key Length [RFC 7296 §3.3.2, §3.3.5]. A build that uses none does not contain this file.

import { u16 } from '../../base/bytes.ts';
import { type Writer, write16, writeOctets } from './message.ts';
import { TRANSFORM_ENCR, TRANSFORM_INTEG, TRANSFORM_KE, TRANSFORM_PRF, TRANSFORM_SN } from './numbers.ts';
import { same, take } from './octets.ts';
import {
  type Choice,
  type ExtraTransforms,
  hasTransform,
  listOf,
  type Transform,
  type Transforms,
} from './proposals.ts';

function hasType(list: Transform[], type: number): boolean {
  for (let i = 0; i < list.length; i++) if (list[i].type === type) return true;
  return false;
}

function isUsual(type: number): boolean {
  return type >= TRANSFORM_ENCR && type <= TRANSFORM_SN;
}

/** True when the proposal at `at` has a transform of the lists. */
function isListed(buffer: Uint8Array, at: number, type: number, own: Transforms): boolean {
  const ids = listOf(own, type);
  for (let i = 0; i < ids.length; i++) {
    if (hasTransform(buffer, at, type, ids[i], type === TRANSFORM_ENCR ? own.keyBits[i] : 0)) return true;
  }
  return false;
}

/** The lists chose nothing of this type. */
function unchoose(out: Choice, type: number): void {
  if (type === TRANSFORM_SN) out.sn = 0;
  else if (type === TRANSFORM_KE) out.ke = 0;
  else if (type === TRANSFORM_INTEG) out.integ = 0;
  else if (type === TRANSFORM_PRF) out.prf = 0;
  else out.encr = 0;
}

/** An answer has nothing of this type from the lists. */
function unlist(own: Transforms, type: number): void {
  if (type === TRANSFORM_SN) own.sn = [];
  else if (type === TRANSFORM_KE) own.ke = [];
  else if (type === TRANSFORM_INTEG) own.integ = [];
  else if (type === TRANSFORM_PRF) own.prf = [];
  else own.ciphers = [];
}

/** The transform in the proposal at `at` that equals `own`, with its attributes; or null. */
function find(buffer: Uint8Array, at: number, own: Transform): Transform | null {
  let t = at + 8 + buffer[at + 6];
  for (let left = buffer[at + 7]; left > 0; left--) {
    const size = u16(buffer, t + 2);
    if (buffer[t + 4] === own.type && u16(buffer, t + 6) === own.id) {
      const attributes = take(buffer, t + 8, size - 8);
      const isFine = own.takes !== undefined && own.takes(own, attributes);
      if (isFine || own.attributes === null || same(own.attributes, attributes)) {
        return { type: own.type, id: own.id, attributes: attributes };
      }
    }
    t += size;
  }
  return null;
}

function add(list: Transform[], w: Writer): void {
  for (let i = 0; i < list.length; i++) {
    const attributes = list[i].attributes;
    const size = attributes === null ? 0 : attributes.length;
    write16(w, i === list.length - 1 ? 0 : 0x300);
    write16(w, 8 + size);
    write16(w, list[i].type << 8);
    write16(w, list[i].id);
    if (attributes !== null) writeOctets(w, attributes, 0, size);
  }
}

/** Chooses one of each type of `list`. False: the proposal at `at` lacks a type, or has none of our transforms of it. */
function choose(list: Transform[], buffer: Uint8Array, at: number, own: Transforms, out: Choice): boolean {
  const chosen: Transform[] = [];
  for (let i = 0; i < list.length; i++) {
    const type = list[i].type;
    if (hasType(chosen, type)) continue;
    const isOffered = ((out.types >>> type) & 1) === 1;
    // Beside the lists, an extra transform is one more choice.
    let isFine = isUsual(type) && (!isOffered || isListed(buffer, at, type, own));
    let isFound = false;
    for (let j = i; j < list.length && !isFound; j++) {
      if (list[j].type !== type) continue;
      const found = isOffered ? find(buffer, at, list[j]) : null;
      if (found !== null) chosen.push(found);
      isFound = found !== null || (!isOffered && list[j].id === 0);
    }
    if (isFound) isFine = true;
    if (!isFine) return false;
    if (isUsual(type) && hasType(chosen, type)) unchoose(out, type);
  }
  out.extra = chosen;
  return true;
}

/**
 * Makes `Transforms.extra`: each type in order of preference. Id 0: the peer may leave the type out. Those of the types 1 to 5 are
 * preferred to what the lists have. Of other types the low five bits are a place in a mask: they must be those of no other, and
 * not 31.
 */
export function createExtra(list: Transform[]): ExtraTransforms {
  return {
    list: list,
    has: (type) => hasType(list, type),
    add: (w) => add(list, w),
    choose: (buffer, at, own, out) => choose(list, buffer, at, own, out),
    without: (first, last) => {
      const rest: Transform[] = [];
      for (let i = 0; i < list.length; i++) if (list[i].type < first || list[i].type > last) rest.push(list[i]);
      return createExtra(rest);
    },
    answer: answerExtra,
  };
}

/** `ExtraTransforms.answer`. */
export function answerExtra(own: Transforms, chosen: Transform[]): void {
  for (let i = 0; i < chosen.length; i++) if (isUsual(chosen[i].type)) unlist(own, chosen[i].type);
  own.extra = createExtra(chosen);
}
