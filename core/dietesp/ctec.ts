// CTEC: the ESP trailer [draft-ietf-ipsecme-diet-esp §6.2]. Padding octets are 1, 2, 3, ... [RFC 4303 §2.4].

import { DROP_DUMMY, DROP_TRAILER } from '../base/drop.ts';
import { PROTO_NONE } from '../wire/esp.ts';
import { type Attributes, TRAILER_MANDATORY } from './attributes.ts';
import { clearTextAlignment, sendsNextHeader, trailerNextHeader } from './rules.ts';

/** The trailer of an SA as four small numbers, packed to one: alignment, pads, sends Next Header, its value. */
export function trailerForm(a: Attributes, blockSize: number): number {
  const alignment = clearTextAlignment(a, blockSize);
  const padded = alignment > 1 || a.espTrailer === TRAILER_MANDATORY ? 1 : 0;
  const next = trailerNextHeader(a);
  return ((alignment * 2 + padded) * 2 + (sendsNextHeader(a) ? 1 : 0)) * 256 + next;
}

/** Appends the trailer to buffer[offset..offset+length); returns the length of the clear text. */
export function putTrailer(form: number, proto: number, buffer: Uint8Array, offset: number, length: number): number {
  let end = offset + length;
  const withNext = (form >>> 8) & 1;
  if (((form >>> 9) & 1) !== 0) {
    const alignment = form >>> 10;
    const over = (length + 1 + withNext) % alignment;
    const padding = over === 0 ? 0 : alignment - over;
    for (let i = 1; i <= padding; i++) buffer[end++] = i;
    buffer[end++] = padding;
  }
  if (withNext !== 0) buffer[end++] = (form & 255) !== 0 ? form & 255 : proto;
  return end - offset;
}

/**
 * Takes the trailer off the clear text: the length of what is before it, or a drop code. The octet after it is where
 * `trailerProto` finds Next Header. Padding values are checked [RFC 4303 §2.4].
 */
export function takeTrailer(form: number, buffer: Uint8Array, offset: number, length: number): number {
  let left = length;
  if (((form >>> 8) & 1) !== 0) {
    if (left < 1) return DROP_TRAILER;
    left--;
    const next = buffer[offset + left];
    if (next === PROTO_NONE && (form & 255) !== PROTO_NONE) return DROP_DUMMY;
    if ((form & 255) !== 0 && next !== (form & 255)) return DROP_TRAILER;
  }
  if (((form >>> 9) & 1) !== 0) {
    if (left < 1) return DROP_TRAILER;
    const padding = buffer[offset + left - 1];
    left -= 1 + padding;
    if (left < 0) return DROP_TRAILER;
    for (let i = 0; i < padding; i++) if (buffer[offset + left + i] !== i + 1) return DROP_TRAILER;
  }
  return left;
}

/** Next Header of a clear text whose trailer was taken: the SA's, or the one that was sent. */
export function trailerProto(form: number, buffer: Uint8Array, offset: number, length: number): number {
  return (form & 255) !== 0 ? form & 255 : buffer[offset + length - 1];
}
