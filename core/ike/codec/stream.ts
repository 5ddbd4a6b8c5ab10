// The stream of IKE and ESP over TCP [RFC 9329 §3, §4]: a prefix from the side that opened the connection, then records of a
// length of two octets and a message. Octets come in pieces of any size. A message that came whole is read where it lies; only
// one that came in parts is put together, in a buffer that grows to the limit at most and is used again.

import { put16, u16 } from '../../base/bytes.ts';
import { copy } from '../../base/spans.ts';
import { NONE } from './octets.ts';

/** "IKETCP" [RFC 9329 §4]. */
export const STREAM_PREFIX = /* @__PURE__ */ [0x49, 0x4b, 0x45, 0x54, 0x43, 0x50];
/** Octets of the length field, which counts itself. */
export const STREAM_LENGTH = 2;
/** In front of an IKE message, where ESP has its SPI. */
const MARKER = 4;
/** The largest message, with the marker of IKE. */
export const STREAM_MESSAGE_MAX = 65533;
const KEEPALIVE = 0xff;
const FIRST_BUFFER = 256;

/** What `nextRecord` found. */
export const STREAM_MORE = 0 as const;
export const STREAM_IKE = 1 as const;
export const STREAM_ESP = 2 as const;
/** One octet FF: to be ignored. */
export const STREAM_KEEPALIVE = 3 as const;
/** A record without a message: to be ignored. */
export const STREAM_EMPTY = 4 as const;
/** Too short for ESP and for IKE: no message. */
export const STREAM_SHORT = 5 as const;
/** Longer than the reader takes: its octets are passed over. */
export const STREAM_LONG = 6 as const;
/** The stream does not begin with the prefix, or has a record of length 0 or 1: it ends here. */
export const STREAM_NO_PREFIX = -1 as const;
export const STREAM_BAD_LENGTH = -2 as const;
/** What came next in a stream. */
export type StreamRecord =
  | typeof STREAM_MORE
  | typeof STREAM_IKE
  | typeof STREAM_ESP
  | typeof STREAM_KEEPALIVE
  | typeof STREAM_EMPTY
  | typeof STREAM_SHORT
  | typeof STREAM_LONG
  | typeof STREAM_NO_PREFIX
  | typeof STREAM_BAD_LENGTH;

/** One direction of a stream. */
export interface StreamReader {
  /** The last message, without length and without marker: buffer[offset..offset+length), until the next call. */
  buffer: Uint8Array;
  /** Where it begins. */
  offset: number;
  /** Its octets. */
  length: number;
  /** Octets of the prefix that have still to come. @internal */
  prefix: number;
  /** Octets of the largest record, with its length. @internal */
  limit: number;
  /** A record in parts: held[0..size). @internal */
  held: Uint8Array;
  /** @internal */
  size: number;
  /** Octets of a record that is passed over. @internal */
  skip: number;
  /** 0, or what ended the stream. @internal */
  broken: typeof STREAM_MORE | typeof STREAM_NO_PREFIX | typeof STREAM_BAD_LENGTH;
  /** What came last: input[at..end). @internal */
  input: Uint8Array;
  /** @internal */
  at: number;
  /** @internal */
  end: number;
}

/**
 * Makes a reader of records of up to `limit` octets (with their length). `isOpener`: this side opened the connection, so the
 * peer sends no prefix.
 */
export function createStreamReader(limit: number, isOpener: boolean): StreamReader {
  return {
    buffer: NONE,
    offset: 0,
    length: 0,
    prefix: isOpener ? 0 : STREAM_PREFIX.length,
    limit: limit,
    held: NONE,
    size: 0,
    skip: 0,
    broken: STREAM_MORE,
    input: NONE,
    at: 0,
    end: 0,
  };
}

/** Gives the octets that came, octets[offset..end), which stay until `nextRecord` says STREAM_MORE. */
export function feedStream(reader: StreamReader, octets: Uint8Array, offset: number, end: number): void {
  reader.input = octets;
  reader.at = offset;
  reader.end = end;
}

/** The message at buffer[at..end) becomes the reader's. Returns its kind. */
function found(reader: StreamReader, buffer: Uint8Array, at: number, end: number): StreamRecord {
  const size = end - at;
  reader.buffer = buffer;
  reader.offset = at;
  reader.length = size;
  if (size === 0) return STREAM_EMPTY;
  if (size === 1 && buffer[at] === KEEPALIVE) return STREAM_KEEPALIVE;
  if (size <= MARKER) return STREAM_SHORT;
  if (buffer[at] !== 0 || buffer[at + 1] !== 0 || buffer[at + 2] !== 0 || buffer[at + 3] !== 0) return STREAM_ESP;
  reader.offset = at + MARKER;
  reader.length = size - MARKER;
  return STREAM_IKE;
}

/** Takes octets of the input until `size` of a record are held. False: there were not enough. */
function hold(reader: StreamReader, size: number): boolean {
  if (reader.held.length < size) {
    let room = Math.max(FIRST_BUFFER, 2 * reader.held.length);
    while (room < size) room *= 2;
    const wider = new Uint8Array(Math.min(room, Math.max(reader.limit, STREAM_LENGTH)));
    copy(wider, 0, reader.held, 0, reader.size);
    reader.held = wider;
  }
  const part = Math.min(size - reader.size, reader.end - reader.at);
  copy(reader.held, reader.size, reader.input, reader.at, part);
  reader.size += part;
  reader.at += part;
  return reader.size === size;
}

/**
 * Reads on. STREAM_IKE and STREAM_ESP: a message is in `buffer`, `offset` and `length`. STREAM_MORE: the input is used up. A
 * negative result is for ever: the connection has to be closed [RFC 9329 §3].
 */
export function nextRecord(reader: StreamReader): StreamRecord {
  if (reader.broken !== STREAM_MORE) return reader.broken;
  for (; reader.prefix > 0; reader.prefix--) {
    if (reader.at >= reader.end) return STREAM_MORE;
    if (reader.input[reader.at] !== STREAM_PREFIX[STREAM_PREFIX.length - reader.prefix]) {
      reader.broken = STREAM_NO_PREFIX;
      return STREAM_NO_PREFIX;
    }
    reader.at++;
  }
  if (reader.skip > 0) {
    const part = Math.min(reader.skip, reader.end - reader.at);
    reader.skip -= part;
    reader.at += part;
  }
  const there = reader.end - reader.at;
  if (there === 0) return STREAM_MORE;
  let length = 0;
  if (reader.size === 0 && there >= STREAM_LENGTH) {
    length = u16(reader.input, reader.at);
    if (length >= STREAM_LENGTH && length <= there && length <= reader.limit) {
      const at = reader.at + STREAM_LENGTH;
      reader.at += length;
      return found(reader, reader.input, at, reader.at);
    }
  }
  if (reader.size < STREAM_LENGTH && !hold(reader, STREAM_LENGTH)) return STREAM_MORE;
  length = u16(reader.held, 0);
  if (length < STREAM_LENGTH) {
    reader.broken = STREAM_BAD_LENGTH;
    return STREAM_BAD_LENGTH;
  }
  if (length > reader.limit) {
    reader.size = 0;
    reader.skip = length - STREAM_LENGTH;
    return STREAM_LONG;
  }
  if (!hold(reader, length)) return STREAM_MORE;
  reader.size = 0;
  return found(reader, reader.held, STREAM_LENGTH, length);
}

/** True when the input ended within a record or within the prefix. */
export function isStreamPartial(reader: StreamReader): boolean {
  return reader.size > 0 || reader.skip > 0 || reader.prefix > 0;
}

/** Octets of a record of a message of `length` octets; an IKE message gets its marker. */
export function recordSize(length: number, isIke: boolean): number {
  return STREAM_LENGTH + (isIke ? MARKER : 0) + length;
}

/** Writes a record of the message octets[offset..offset+length) to out[at..). Returns its size; -1: the message is too long. */
export function writeRecord(
  out: Uint8Array,
  at: number,
  octets: Uint8Array,
  offset: number,
  length: number,
  isIke: boolean,
): number {
  const size = recordSize(length, isIke);
  if (size > STREAM_LENGTH + STREAM_MESSAGE_MAX) return -1;
  put16(out, at, size);
  let to = at + STREAM_LENGTH;
  for (let i = 0; isIke && i < MARKER; i++) out[to++] = 0;
  copy(out, to, octets, offset, length);
  return size;
}
