// CTEC: the ESP trailer [draft-ietf-ipsecme-diet-esp §6.2]. Padding octets are 1, 2, 3, ... [RFC 4303 §2.4].

import { DROP_DUMMY, DROP_TRAILER } from '../base/drop.ts';
import { PROTO_NONE } from '../wire/esp.ts';
import { type Attributes, TRAILER_MANDATORY } from './attributes.ts';
import { clearTextAlignment, sendsNextHeader, trailerNextHeader } from './rules.ts';

/** The trailer of an SA. */
export interface Trailer {
  /** Octets of which the clear text is a multiple. */
  alignment: number;
  /** Padding and Pad Length are sent. */
  padded: boolean;
  /** Next Header is sent. */
  sendsNext: boolean;
  /** Its value; 0: the protocol of the segment. */
  next: number;
}

/** Derives the trailer from the attributes. `blockSize` is the cipher's, in octets. */
export function trailerOf(a: Attributes, blockSize: number): Trailer {
  const alignment = clearTextAlignment(a, blockSize);
  return {
    alignment: alignment,
    padded: alignment > 1 || a.espTrailer === TRAILER_MANDATORY,
    sendsNext: sendsNextHeader(a),
    next: trailerNextHeader(a),
  };
}

/** Appends the trailer to buffer[offset..offset+length). Returns the clear text's length. */
export function putTrailer(t: Trailer, proto: number, buffer: Uint8Array, offset: number, length: number): number {
  let end = offset + length;
  if (t.padded) {
    const over = (length + (t.sendsNext ? 2 : 1)) % t.alignment;
    const padding = over === 0 ? 0 : t.alignment - over;
    for (let i = 1; i <= padding; i++) buffer[end++] = i;
    buffer[end++] = padding;
  }
  if (t.sendsNext) buffer[end++] = t.next !== 0 ? t.next : proto;
  return end - offset;
}

/**
 * Takes the trailer off the clear text. Returns the length before it, or a drop code. `trailerProto` finds Next Header in the
 * octet after that. Checks padding values [RFC 4303 §2.4].
 */
export function takeTrailer(t: Trailer, buffer: Uint8Array, offset: number, length: number): number {
  let left = length;
  if (t.sendsNext) {
    if (left < 1) return DROP_TRAILER;
    left--;
    const next = buffer[offset + left];
    if (next === PROTO_NONE && t.next !== PROTO_NONE) return DROP_DUMMY;
    if (t.next !== 0 && next !== t.next) return DROP_TRAILER;
  }
  if (t.padded) {
    if (left < 1) return DROP_TRAILER;
    const padding = buffer[offset + left - 1];
    left -= 1 + padding;
    if (left < 0) return DROP_TRAILER;
    for (let i = 0; i < padding; i++) if (buffer[offset + left + i] !== i + 1) return DROP_TRAILER;
  }
  return left;
}

/** Next Header of a clear text whose trailer was taken off: the SA's, or the one that was sent. */
export function trailerProto(t: Trailer, buffer: Uint8Array, offset: number, length: number): number {
  return t.next !== 0 ? t.next : buffer[offset + length - 1];
}
