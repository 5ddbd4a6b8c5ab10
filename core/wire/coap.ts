// CoAP message [RFC 7252 §3].
//
//   0   2   4       8               16                              32
//   |Ver| T |  TKL  |      Code     |          Message ID           |
//   | Token (TKL octets) | Options ... | 11111111 | Payload ...
//
// An option has a delta to the previous option's number, a length (4 bits each, with extensions), and a value. Each delta and
// length has only one encoding, so a message can be rebuilt from its fields, number and value.

import { DROP_LENGTH, DROP_SHORT, DROP_UNSUPPORTED, DROP_VERSION } from '../base/drop.ts';

/** Field identifiers: private, like those in fid.ts from 60000 on. */
export const FID_COAP_VERSION = 60100;
export const FID_COAP_TYPE = 60101;
export const FID_COAP_TKL = 60102;
export const FID_COAP_CODE = 60103;
export const FID_COAP_MID = 60104;
export const FID_COAP_TOKEN = 60105;
/** Add the option's number: Uri-Path is 61011. An option that occurs n times has field positions 1..n. */
export const FID_COAP_OPTION = 61000;
/** The largest option number [RFC 7252 §12.2]. */
export const COAP_OPTION_MAX = 65535;

/** Octets of CoAP's fixed header [RFC 7252 §3]. */
export const COAP_SIZE = 4;
/** Octets of the longest token. */
export const COAP_TOKEN_MAX = 8;
/** The payload marker. */
export const COAP_MARKER = 0xff;
/** The first octet of a message of version 1 with neither type nor token. */
export const COAP_VERSION_1 = 0x40;

/** Types of messages. */
export const COAP_CON = 0;
export const COAP_NON = 1;
export const COAP_ACK = 2;
export const COAP_RST = 3;

export const COAP_POST = 2;
/** 2.04 Changed. */
export const COAP_CHANGED = 0x44;
/** The first code that is not a success (2.xx). */
export const COAP_FAILURES = 0x60;
export const COAP_URI_PATH = 11;

/** Results of `coapKind`. Don't answer: another version, no message ID, or an invalid ACK or RST. */
export const COAP_IGNORED = 0;
/** Don't process; answer a confirmable one with RST: format errors, reserved codes, a ping. */
export const COAP_REFUSED = 1;
/** Empty messages, by their type. */
export const COAP_EMPTY_ACK: number = COAP_ACK;
export const COAP_RESET: number = COAP_RST;
export const COAP_REQUEST = 4;
export const COAP_RESPONSE = 5;

/** Fields of the fixed header, flat: FID, bits. */
// biome-ignore format: one field a line
export const COAP_FIELDS: number[] = /* @__PURE__ */ [
  FID_COAP_VERSION, 2,
  FID_COAP_TYPE, 2,
  FID_COAP_TKL, 4,
  FID_COAP_CODE, 8,
  FID_COAP_MID, 16,
];

/** Results of `coapOption`, by index. */
export const OPTION_DELTA = 0;
export const OPTION_VALUE = 1;
export const OPTION_LENGTH = 2;

/**
 * Checks the fixed header and token at `offset` of a message that ends at `end`. After 0 both can be read. Options are
 * checked when they are read.
 */
export function checkCoap(buffer: Uint8Array, offset: number, end: number): number {
  if (end - offset < COAP_SIZE) return DROP_SHORT;
  if (buffer[offset] >>> 6 !== 1) return DROP_VERSION;
  const tokenLength = buffer[offset] & 15;
  if (tokenLength > COAP_TOKEN_MAX) return DROP_LENGTH;
  return end - offset < COAP_SIZE + tokenLength ? DROP_SHORT : 0;
}

/**
 * Reads the option at `at` of a message that ends at `end`, and writes its delta and the offset and length of its value to
 * `option` (OPTION_*). Returns the offset after it, `at` itself when the options are over (end or payload marker), or a
 * drop code. It reads nothing from `end` on.
 */
export function coapOption(buffer: Uint8Array, at: number, end: number, option: Int32Array): number {
  if (at >= end) return at;
  const head = buffer[at];
  // A marker without a payload is a format error [RFC 7252 §3].
  if (head === COAP_MARKER) return at + 1 < end ? at : DROP_LENGTH;
  let next = at + 1;
  for (let i = OPTION_DELTA; i <= OPTION_LENGTH; i += OPTION_LENGTH) {
    let value = i === OPTION_DELTA ? head >>> 4 : head & 15;
    if (value === 15) return DROP_LENGTH;
    const extended = value < 13 ? 0 : value - 12;
    if (next + extended > end) return DROP_SHORT;
    if (extended === 1) value = buffer[next] + 13;
    else if (extended === 2) value = buffer[next] * 256 + buffer[next + 1] + 269;
    next += extended;
    option[i] = value;
  }
  option[OPTION_VALUE] = next;
  next += option[OPTION_LENGTH];
  return next > end ? DROP_SHORT : next;
}

/** The type of the message at `offset`: COAP_CON .. COAP_RST. */
export function coapType(buffer: Uint8Array, offset: number): number {
  return (buffer[offset] >>> 4) & 3;
}

/**
 * Classifies buffer[offset..offset + length), any octets, by fixed header and token [RFC 7252 §3, §4.1 to §4.3]. `coapPayload`
 * checks options.
 */
export function coapKind(buffer: Uint8Array, offset: number, length: number): number {
  if (length < COAP_SIZE || buffer[offset] >>> 6 !== 1) return COAP_IGNORED;
  const type = coapType(buffer, offset);
  const code = buffer[offset + 1];
  // Rejecting an ACK or RST is to ignore it [§4.2].
  const refused = type < COAP_ACK ? COAP_REFUSED : COAP_IGNORED;
  const isWhole = checkCoap(buffer, offset, offset + length) === 0;
  if (code === 0 && length === COAP_SIZE && isWhole && type >= COAP_ACK) return type;
  // Classes 1, 6 and 7 are reserved.
  if (code === 0 || !isWhole || type === COAP_RST || (code >= 0x20 && code < 0x40) || code >= 0xc0) return refused;
  if (code >= 0x40) return COAP_RESPONSE;
  return type === COAP_ACK ? COAP_IGNORED : COAP_REQUEST;
}

/**
 * Walks through the options of a message that `coapKind` accepted and that ends at `end`. Returns where its payload begins
 * (`end`: there is none), or a drop code: a format error [RFC 7252 §3.1], or DROP_UNSUPPORTED for a critical option, which
 * has an odd number [§5.4.1]. Other options may be ignored.
 */
export function coapPayload(buffer: Uint8Array, offset: number, end: number, option: Int32Array): number {
  let at = offset + COAP_SIZE + (buffer[offset] & 15);
  let number = 0;
  let code = 0;
  let next = coapOption(buffer, at, end, option);
  while (next > at) {
    number += option[OPTION_DELTA];
    if (number > COAP_OPTION_MAX) return DROP_LENGTH;
    if ((number & 1) === 1) code = DROP_UNSUPPORTED;
    at = next;
    next = coapOption(buffer, at, end, option);
  }
  if (next < 0 || code < 0) return next < 0 ? next : code;
  return at < end ? at + 1 : end;
}

/** Octets of an option's head, for its delta and the length of its value. */
export function coapHeadSize(delta: number, length: number): number {
  return 1 + (delta < 13 ? 0 : delta < 269 ? 1 : 2) + (length < 13 ? 0 : length < 269 ? 1 : 2);
}

/** Writes the head of an option at `at`; the caller has room for `coapHeadSize`. Returns the offset of the value. */
export function putCoapHead(buffer: Uint8Array, at: number, delta: number, length: number): number {
  let next = at + 1;
  let head = 0;
  for (let i = 0; i < 2; i++) {
    const value = i === 0 ? delta : length;
    head *= 16;
    if (value < 13) head += value;
    else if (value < 269) {
      head += 13;
      buffer[next++] = value - 13;
    } else {
      head += 14;
      buffer[next++] = (value - 269) >>> 8;
      buffer[next++] = (value - 269) & 0xff;
    }
  }
  buffer[at] = head;
  return next;
}
