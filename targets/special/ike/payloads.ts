// Payloads: chains that came in, and chains that go out [RFC 7296 §3.1, §3.2]. A chain is checked once, then searched where
// it stands.

import { copy, put16, u16 } from '../../../core/base/bytes.ts';
import {
  N_INVALID_SYNTAX,
  N_STATUS,
  N_UNSUPPORTED_CRITICAL_PAYLOAD,
  PAYLOAD_CERT,
  PAYLOAD_CERTREQ,
  PAYLOAD_DELETE,
  PAYLOAD_EAP,
  PAYLOAD_NONCE,
  PAYLOAD_NOTIFY,
  PAYLOAD_SA,
  PAYLOAD_SK,
  PAYLOAD_SKF,
  PAYLOAD_VENDOR,
} from '../../../core/ike/codec/numbers.ts';
import { putHex } from '../octets.ts';
import type { Profile } from '../profile.ts';

declare const P: Profile;

const CHAIN_MAX = 32;
const NONCE_MAX = 256;

/** The chain that was checked last, and its first error notify, 0: none; an unknown type that is critical. */
export let chain: Uint8Array = /* @__PURE__ */ new Uint8Array(0);
let chainAt = 0;
let chainFirst = 0;
export let chainError = 0;
export let chainCritical = 0;
/** What `seek` found: offset and octets of a body, or of a notify's data. */
export let foundAt = 0;
export let foundSize = 0;

/** Checks the chain in buffer[at..end), whose first payload is of type `first`. Returns 0, or the error to answer. */
export function checkChain(buffer: Uint8Array, at: number, end: number, first: number): number {
  chain = buffer;
  chainAt = at;
  chainFirst = first;
  chainError = 0;
  chainCritical = 0;
  for (let seen = 0; first !== 0; seen++) {
    const body = at + 4;
    const size = end < body ? -1 : u16(buffer, at + 2) - 4;
    if (seen === CHAIN_MAX || size < 0 || size > end - body) return N_INVALID_SYNTAX;
    if ((first >= PAYLOAD_SA && first <= PAYLOAD_EAP) || first === PAYLOAD_SKF) {
      let least = 4;
      if (first === PAYLOAD_SA || first === PAYLOAD_VENDOR || first === PAYLOAD_SK) least = 0;
      else if (first === PAYLOAD_CERT || first === PAYLOAD_CERTREQ) least = 1;
      else if (first === PAYLOAD_NONCE) least = 16;
      if (size < least || (first === PAYLOAD_NONCE && size > NONCE_MAX)) return N_INVALID_SYNTAX;
      if (first === PAYLOAD_NOTIFY) {
        const type = u16(buffer, body + 2);
        if (size < 4 + buffer[body + 1]) return N_INVALID_SYNTAX;
        if (chainError === 0 && type < N_STATUS) chainError = type;
      }
      if (first === PAYLOAD_DELETE && size < 4 + buffer[body + 1] * u16(buffer, body + 2)) return N_INVALID_SYNTAX;
    } else if (chainCritical === 0 && buffer[at + 1] >= 0x80) {
      chainCritical = first;
    }
    first = first === PAYLOAD_SK || first === PAYLOAD_SKF ? 0 : buffer[at];
    at = body + size;
  }
  if (at !== end) return N_INVALID_SYNTAX;
  return chainCritical === 0 ? 0 : N_UNSUPPORTED_CRITICAL_PAYLOAD;
}

/**
 * Finds the payload `type` (of notifies the one of type `note`, if that is not 0) after `skip` others of its kind; then
 * foundAt, foundSize are set.
 */
export function seek(type: number, note: number, skip: number): boolean {
  let at = chainAt;
  let left = skip;
  for (let t = chainFirst; t !== 0; ) {
    const size = u16(chain, at + 2);
    if (t === type && (note === 0 || u16(chain, at + 6) === note) && left-- === 0) {
      const head = note === 0 ? 4 : 8 + chain[at + 5];
      foundAt = at + head;
      foundSize = size - head;
      return true;
    }
    t = t === PAYLOAD_SK || t === PAYLOAD_SKF ? 0 : chain[at];
    at += size;
  }
  return false;
}

/** Finds the first notify of type `type`. */
export function note(type: number): boolean {
  return seek(PAYLOAD_NOTIFY, type, 0);
}

/** Octets behind others. Returns the offset after them. */
export function putAll(to: Uint8Array, at: number, from: Uint8Array): number {
  copy(to, at, from, 0, from.length);
  return at + from.length;
}

/** What is built: the type of the first payload in octet 0, the payloads behind it. Also the input of the PRF. */
export const W: Uint8Array = /* @__PURE__ */ new Uint8Array(P.workSize);
/** The end of the payloads in W; the place of the next type. */
export let workEnd = 1;
let workLink = 0;

/** Begins an empty chain. */
export function beginPayloads(): void {
  W[0] = 0;
  workLink = 0;
  workEnd = 1;
}

/** Room for `size` octets at the end. Returns its offset. */
export function addRoom(size: number): number {
  workEnd += size;
  return workEnd - size;
}

/** Appends a chain whose first type is `type`, and whose last generic header is at `last`. Returns its offset. */
export function addPayloads(type: number, hex: string, last: number): number {
  const at = workEnd;
  W[workLink] = type;
  workLink = at + last;
  workEnd = putHex(W, at, hex);
  return at;
}

/** Appends a notify without SPI and with room for `size` octets of data. Returns the offset of its data. */
export function addNote(type: number, size: number): number {
  const at = addPayloads(PAYLOAD_NOTIFY, '0000000000000000', 0);
  put16(W, at + 2, 8 + size);
  put16(W, at + 6, type);
  return addRoom(size);
}
