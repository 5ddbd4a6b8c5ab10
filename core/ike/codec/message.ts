// IKE header, generic payload headers and the fixed parts of payloads: taken apart and put together in the caller's
// buffer [RFC 7296 §2.5, §3.1, §3.2]. The chain is walked once; who looks at a payload afterwards finds its body as
// offset and size, long enough for the fixed part of its type.

import { put16, put32, u16, u32 } from '../../base/bytes.ts';
import { DROP_LENGTH, DROP_SHORT, DROP_VERSION } from '../../base/drop.ts';
import { IKE_LENGTH, IKE_NEXT, IKE_SIZE, IKE_VERSION } from './header.ts';
import {
  N_INVALID_SYNTAX,
  N_UNSUPPORTED_CRITICAL_PAYLOAD,
  PAYLOAD_DELETE,
  PAYLOAD_EAP,
  PAYLOAD_NONCE,
  PAYLOAD_NOTIFY,
  PAYLOAD_SA,
  PAYLOAD_SK,
  PAYLOAD_SKF,
} from './numbers.ts';

export * from './header.ts';

/** More payloads in one message are refused. */
export const MAX_PAYLOADS = 32;

/** Octets of the fixed part of each payload body, from SA (33) to EAP (48). */
const FIXED = [0, 4, 4, 4, 1, 1, 4, 16, 4, 4, 0, 4, 4, 0, 4, 4];
const MAX_NONCE = 256;

/**
 * 0, DROP_SHORT, DROP_LENGTH (Length is not the size of the datagram) or DROP_VERSION. After 0 the header is there and
 * the message is exactly buffer[offset..offset+length).
 */
export function checkIkeHeader(buffer: Uint8Array, offset: number, length: number): number {
  if (length < IKE_SIZE) return DROP_SHORT;
  if (u32(buffer, offset + IKE_LENGTH) !== length) return DROP_LENGTH;
  return buffer[offset + IKE_VERSION] >>> 4 === 2 ? 0 : DROP_VERSION;
}

/** The payloads of a message, in their order. */
export interface Payloads {
  /** How many there are; the arrays are longer. */
  count: number;
  /** Types, PAYLOAD_*. */
  type: Uint8Array;
  /** Offset of the body, behind the generic header. */
  at: Int32Array;
  /** Octets of the body. */
  size: Int32Array;
  /** Type of the first unknown payload that is marked critical, else 0. */
  critical: number;
}

/** Makes the record that `parsePayloads` fills, for at most MAX_PAYLOADS payloads. */
export function createPayloads(): Payloads {
  return {
    count: 0,
    type: new Uint8Array(MAX_PAYLOADS),
    at: new Int32Array(MAX_PAYLOADS),
    size: new Int32Array(MAX_PAYLOADS),
    critical: 0,
  };
}

/** 0, or the error notify that answers a message. */
export type ParseVerdict = 0 | typeof N_INVALID_SYNTAX | typeof N_UNSUPPORTED_CRITICAL_PAYLOAD;

/** True when the body of a known payload is as long as its fixed part says. */
function bodyFits(type: number, buffer: Uint8Array, at: number, size: number): boolean {
  if (type === PAYLOAD_SKF) return size >= 4;
  if (size < FIXED[type - PAYLOAD_SA]) return false;
  if (type === PAYLOAD_NONCE) return size <= MAX_NONCE;
  if (type === PAYLOAD_NOTIFY) return size >= 4 + buffer[at + 1];
  if (type === PAYLOAD_DELETE) return size >= 4 + buffer[at + 1] * u16(buffer, at + 2);
  return true;
}

/**
 * Lists the payloads of the chain in buffer[offset..end), whose first is of type `first`. Unknown ones are left out. The
 * chain ends at SK or SKF, whose Next (buffer[at - 4]) is the type of the first payload inside. 0, N_INVALID_SYNTAX
 * (also for octets left over, and more than MAX_PAYLOADS), or N_UNSUPPORTED_CRITICAL_PAYLOAD with a complete list, as
 * the flag counts in requests only [RFC 7296 §2.5].
 */
export function parsePayloads(
  p: Payloads,
  buffer: Uint8Array,
  first: number,
  offset: number,
  end: number,
): ParseVerdict {
  let type = first;
  let at = offset;
  let seen = 0;
  p.count = 0;
  p.critical = 0;
  while (type !== 0) {
    if (++seen > MAX_PAYLOADS || end - at < 4) return N_INVALID_SYNTAX;
    const size = u16(buffer, at + 2) - 4;
    const body = at + 4;
    if (size < 0 || size > end - body) return N_INVALID_SYNTAX;
    if ((type >= PAYLOAD_SA && type <= PAYLOAD_EAP) || type === PAYLOAD_SKF) {
      if (!bodyFits(type, buffer, body, size)) return N_INVALID_SYNTAX;
      p.type[p.count] = type;
      p.at[p.count] = body;
      p.size[p.count] = size;
      p.count++;
    } else if (buffer[at + 1] >= 0x80 && p.critical === 0) {
      p.critical = type;
    }
    type = type === PAYLOAD_SK || type === PAYLOAD_SKF ? 0 : buffer[at];
    at = body + size;
  }
  if (at !== end) return N_INVALID_SYNTAX;
  return p.critical === 0 ? 0 : N_UNSUPPORTED_CRITICAL_PAYLOAD;
}

/** Index of the first payload of `type` at or behind index `from`, or -1. */
export function findPayload(p: Payloads, type: number, from: number): number {
  for (let i = from; i < p.count; i++) if (p.type[i] === type) return i;
  return -1;
}

/** Type of the Notify whose body is at `at`. */
export function notifyType(buffer: Uint8Array, at: number): number {
  return u16(buffer, at + 2);
}

/** Offset of its data, behind the SPI. */
export function notifyDataAt(buffer: Uint8Array, at: number): number {
  return at + 4 + buffer[at + 1];
}

/** Octets of its data; `size` is that of the body. */
export function notifyDataSize(buffer: Uint8Array, at: number, size: number): number {
  return size - 4 - buffer[at + 1];
}

/** Index of the first Notify payload of notify type `type`, or -1. */
export function findNotify(p: Payloads, buffer: Uint8Array, type: number): number {
  for (let i = 0; i < p.count; i++) {
    if (p.type[i] === PAYLOAD_NOTIFY && notifyType(buffer, p.at[i]) === type) return i;
  }
  return -1;
}

/** Builds a message. It writes nothing after the buffer's end, but sets `full`. */
export interface Writer {
  /** Holds the message. */
  buffer: Uint8Array;
  /** Offset of the message's first octet. */
  start: number;
  /** Where the next octet goes. */
  at: number;
  /** Where the type of the next payload goes; -1: to `first`. */
  next: number;
  /** Type of the first payload of a bare chain; 0 while it is empty. */
  first: number;
  /** Something did not fit; `endMessage` answers -1 then. */
  full: boolean;
}

/** Makes a writer of messages that end at the buffer's end. */
export function createWriter(buffer: Uint8Array): Writer {
  return { buffer: buffer, start: 0, at: 0, next: -1, first: 0, full: false };
}

/** Each `write` appends; integers in network byte order. */
export function write8(w: Writer, value: number): void {
  if (w.at < w.buffer.length) {
    w.buffer[w.at++] = value & 0xff;
  } else {
    w.full = true;
  }
}

/** Writes 16 bits, big-endian. */
export function write16(w: Writer, value: number): void {
  write8(w, value >>> 8);
  write8(w, value);
}

/** Writes 32 bits, big-endian. */
export function write32(w: Writer, value: number): void {
  write16(w, value >>> 16);
  write16(w, value);
}

/** Writes from[at..at+length). */
export function writeOctets(w: Writer, from: Uint8Array, at: number, length: number): void {
  for (let i = 0; i < length; i++) write8(w, from[at + i]);
}

/** Begins a bare chain of payloads at `offset`, for the inside of an SK payload: size w.at - w.start, type w.first. */
export function beginChain(w: Writer, offset: number): void {
  w.start = w.at = offset;
  w.next = -1;
  w.first = 0;
  w.full = false;
}

/** Begins a message at `offset`; `spis` is SPIi | SPIr, 16 octets. */
export function beginMessage(
  w: Writer,
  offset: number,
  spis: Uint8Array,
  exchange: number,
  flags: number,
  messageId: number,
): void {
  beginChain(w, offset);
  writeOctets(w, spis, 0, 16);
  write16(w, 0x20); // No payload yet; version 2.0.
  write8(w, exchange);
  write8(w, flags);
  write32(w, messageId);
  write32(w, 0);
  w.next = offset + IKE_NEXT;
}

/** Begins a payload. Returns the offset of its generic header, for `endPayload`. */
export function beginPayload(w: Writer, type: number): number {
  const at = w.at;
  if (w.next < 0) {
    w.first = type;
  } else if (!w.full) {
    w.buffer[w.next] = type;
  }
  w.next = at;
  write32(w, 0);
  return at;
}

/** Ends the payload that began at `at`: writes its Payload Length. */
export function endPayload(w: Writer, at: number): void {
  if (w.at - at > 0xffff) w.full = true;
  if (!w.full) put16(w.buffer, at + 2, w.at - at);
}

/** A Notify payload with an SPI and data; either may be empty. */
export function addNotify(w: Writer, protocol: number, type: number, spi: Uint8Array, data: Uint8Array): void {
  const at = beginPayload(w, PAYLOAD_NOTIFY);
  write8(w, protocol);
  write8(w, spi.length);
  write16(w, type);
  writeOctets(w, spi, 0, spi.length);
  writeOctets(w, data, 0, data.length);
  endPayload(w, at);
}

/** Ends the message. Returns its octets, or -1: it did not fit. */
export function endMessage(w: Writer): number {
  if (w.full) return -1;
  put32(w.buffer, w.start + IKE_LENGTH, w.at - w.start);
  return w.at - w.start;
}
