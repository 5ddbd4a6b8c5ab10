// Joins, copies, compares and wipes octet strings of IKE. They are made once for a message or a key, never for a packet.

import { put32 } from '../../base/bytes.ts';
import { copy, equal, fill } from '../../base/spans.ts';

/** No octets at all. */
export const NONE = /* @__PURE__ */ new Uint8Array(0);

/** The octets of the parts, one after the other. */
export function join(parts: Uint8Array[]): Uint8Array {
  let size = 0;
  for (let i = 0; i < parts.length; i++) size += parts[i].length;
  const out = new Uint8Array(size);
  let at = 0;
  for (let i = 0; i < parts.length; i++) {
    copy(out, at, parts[i], 0, parts[i].length);
    at += parts[i].length;
  }
  return out;
}

/** A copy of buffer[at..at+length). */
export function take(buffer: Uint8Array, at: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  copy(out, 0, buffer, at, length);
  return out;
}

/** Overwrites secret octets. */
export function wipe(octets: Uint8Array): void {
  fill(octets, 0, octets.length, 0);
}

/** True when both hold the same octets. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && equal(a, 0, b, 0, a.length);
}

/** A number as four octets. */
export function octets32(value: number): Uint8Array {
  const out = new Uint8Array(4);
  put32(out, 0, value);
  return out;
}
