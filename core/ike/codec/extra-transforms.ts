// Transforms beyond those of every SA payload: of other types (such as the additional key exchanges of RFC 9370), or with other
// attributes than Key Length [RFC 7296 §3.3.2, §3.3.5]. A build that uses none does not contain this file.

import { u16 } from '../../base/bytes.ts';
import { type Writer, write16, writeOctets } from './message.ts';
import { same, take } from './octets.ts';
import type { ExtraTransforms, Transform } from './proposals.ts';

/** A type of its own fits a bit mask. */
const LAST_TYPE = 30;

function hasType(list: Transform[], type: number): boolean {
  for (let i = 0; i < list.length; i++) if (list[i].type === type) return true;
  return false;
}

/** The transform in the proposal at `at` that equals `own`, with its attributes; or null. */
function find(buffer: Uint8Array, at: number, own: Transform): Transform | null {
  let t = at + 8 + buffer[at + 6];
  for (let left = buffer[at + 7]; left > 0; left--) {
    const size = u16(buffer, t + 2);
    if (buffer[t + 4] === own.type && u16(buffer, t + 6) === own.id) {
      const attributes = take(buffer, t + 8, size - 8);
      if (own.attributes === null || same(own.attributes, attributes)) {
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

/** Chooses one of each type of `list`. Null: the proposal at `at` lacks a type, or has none of our transforms of it. */
function choose(list: Transform[], buffer: Uint8Array, at: number, types: number): Transform[] | null {
  const out: Transform[] = [];
  for (let i = 0; i < list.length; i++) {
    const type = list[i].type;
    if (hasType(out, type)) continue;
    const isOffered = ((types >>> type) & 1) === 1;
    let isFine = false;
    for (let j = i; j < list.length && !isFine; j++) {
      if (list[j].type !== type) continue;
      const found = isOffered ? find(buffer, at, list[j]) : null;
      if (found !== null) out.push(found);
      isFine = found !== null || (!isOffered && list[j].id === 0);
    }
    if (!isFine) return null;
  }
  return out;
}

/** Makes `Transforms.extra`: types 1 to 30, each in order of preference. Id 0: the peer may leave the type out. */
export function createExtra(list: Transform[]): ExtraTransforms {
  return {
    list: list,
    has: (type) => type <= LAST_TYPE && hasType(list, type),
    add: (w) => add(list, w),
    choose: (buffer, at, types) => choose(list, buffer, at, types),
    without: (first, last) => {
      const rest: Transform[] = [];
      for (let i = 0; i < list.length; i++) if (list[i].type < first || list[i].type > last) rest.push(list[i]);
      return createExtra(rest);
    },
    chosen: (chosen) => createExtra(chosen),
  };
}
