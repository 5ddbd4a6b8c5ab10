// A received message as its readers find it, and the payloads that several exchanges share: Notify, Delete, KE, Nonce
// [RFC 7296 §3.4, §3.9, §3.10, §3.11].

import { u32 } from '../../base/bytes.ts';
import {
  addNotify,
  beginPayload,
  endPayload,
  findNotify,
  findPayload,
  IKE_MESSAGE_ID,
  notifyDataAt,
  notifyDataSize,
  notifyType,
  type ParseVerdict,
  type Payloads,
  parsePayloads,
  type Writer,
  write8,
  write16,
  writeOctets,
} from './message.ts';
import { type ErrorType, N_STATUS, PAYLOAD_DELETE, PAYLOAD_KE, PAYLOAD_NONCE, PAYLOAD_NOTIFY } from './numbers.ts';
import { NONE, take } from './octets.ts';

/** Payloads of a message, in `buffer`; what SK held is at `at`, `size` octets, the first of type `first`. */
export interface Message {
  /** The decrypted message. */
  buffer: Uint8Array;
  /** The payloads inside SK, or those of an unprotected message. */
  payloads: Payloads;
  /** Offset of the first payload. */
  at: number;
  /** Octets of all payloads. */
  size: number;
  /** Type of the first payload. */
  first: number;
}

/** The inner payloads [at..at+size) of a buffer, the first of type `first`; SKF `number` of `total`, for SK 0, 0. */
export interface Content {
  /** Type of the first payload. */
  first: number;
  /** Offset of the first payload. */
  at: number;
  /** Octets of all payloads. */
  size: number;
  /** Fragment Number of SKF, 1 and up; 0: SK [RFC 7383 §2.5]. */
  number: number;
  /** Total Fragments of SKF; 0: SK. */
  total: number;
}

/** Lists the payloads of `m`: 0, or the error to answer (parsePayloads). */
export function listPayloads(m: Message): ParseVerdict {
  return parsePayloads(m.payloads, m.buffer, m.first, m.at, m.at + m.size);
}

/** The Message ID of the message at `offset`. */
export function messageIdOf(buffer: Uint8Array, offset: number): number {
  return u32(buffer, offset + IKE_MESSAGE_ID);
}

/** A notify without SPI; `data` may be empty. */
export function addStatus(w: Writer, type: number, data: Uint8Array): void {
  addNotify(w, 0, type, NONE, data);
}

/** A KE payload: method and public value. */
export function addKe(w: Writer, method: number, octets: Uint8Array): void {
  const at = beginPayload(w, PAYLOAD_KE);
  write16(w, method);
  write16(w, 0);
  writeOctets(w, octets, 0, octets.length);
  endPayload(w, at);
}

export function addNonce(w: Writer, nonce: Uint8Array): void {
  const at = beginPayload(w, PAYLOAD_NONCE);
  writeOctets(w, nonce, 0, nonce.length);
  endPayload(w, at);
}

/** A Delete: of Child SAs by their SPIs of `spiSize` octets, or with spiSize 0 of the IKE SA itself [RFC 7296 §3.11]. */
export function addDelete(w: Writer, protocol: number, spiSize: number, spis: number[]): void {
  const at = beginPayload(w, PAYLOAD_DELETE);
  write8(w, protocol);
  write8(w, spiSize);
  write16(w, spis.length);
  for (let i = 0; i < spis.length; i++) {
    for (let shift = 8 * spiSize - 8; shift >= 0; shift -= 8) write8(w, spis[i] >>> shift);
  }
  endPayload(w, at);
}

/** An SPI of 1 to 4 octets. */
export function readSpi(buffer: Uint8Array, at: number, size: number): number {
  let spi = 0;
  for (let i = 0; i < size; i++) spi = spi * 256 + buffer[at + i];
  return spi;
}

/** The octets of such an SPI. */
export function spiOctets(spi: number, size: number): Uint8Array {
  const out = new Uint8Array(size);
  for (let i = 0; i < size; i++) out[i] = (spi >>> (8 * (size - 1 - i))) & 0xff;
  return out;
}

/** The body of the message's first payload of `type`, or empty. */
export function bodyOf(m: Message, type: number): Uint8Array {
  const i = findPayload(m.payloads, type, 0);
  return i < 0 ? NONE : take(m.buffer, m.payloads.at[i], m.payloads.size[i]);
}

/** The error that a number on the wire, or of an extension, stands for. */
export function errorNotify(type: number): ErrorType {
  return type as ErrorType;
}

/** The first error notify of a message, or 0. */
export function errorOf(m: Message): ErrorType | 0 {
  const p = m.payloads;
  for (let i = 0; i < p.count; i++) {
    const type = p.type[i] === PAYLOAD_NOTIFY ? notifyType(m.buffer, p.at[i]) : N_STATUS;
    if (type > 0 && type < N_STATUS) return errorNotify(type);
  }
  return 0;
}

/** The data of the first notify of `type`, or null. */
export function dataOf(m: Message, type: number): Uint8Array | null {
  const p = m.payloads;
  const i = findNotify(p, m.buffer, type);
  if (i < 0) return null;
  return take(m.buffer, notifyDataAt(m.buffer, p.at[i]), notifyDataSize(m.buffer, p.at[i], p.size[i]));
}
