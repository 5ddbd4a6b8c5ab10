// Messages of an IKE SA: sealing and sending, repetition of requests, opening what arrives [RFC 7296 §2.1, §2.2, §2.3].
// The window is 1: one request of ours on its way, one answer of ours kept for repetition. A message in fragments is
// kept as one behind the other.

import { copy, equal, put32, u32 } from '../../base/bytes.ts';
import { DROP_COUNT, DROP_ICV, DROP_NO_SA, DROP_TOO_LONG } from '../../base/drop.ts';
import {
  addNotify,
  beginChain,
  beginMessage,
  beginPayload,
  endPayload,
  findNotify,
  findPayload,
  IKE_LENGTH,
  IKE_MESSAGE_ID,
  IKE_SIZE,
  notifyDataAt,
  notifyDataSize,
  notifyType,
  parsePayloads,
  type Writer,
  write16,
  writeOctets,
} from '../codec/message.ts';
import {
  FLAG_INITIATOR,
  FLAG_RESPONSE,
  N_STATUS,
  PAYLOAD_KE,
  PAYLOAD_NONCE,
  PAYLOAD_NOTIFY,
  PAYLOAD_SK,
  PAYLOAD_SKF,
} from '../codec/numbers.ts';
import { take, wipe } from '../crypto/keys.ts';
import { innerRoom, MAX_COUNTER, openMessage, sealedSize, sealMessage, wipeSkKey } from '../crypto/sk.ts';
import type { Ike, Message } from '../state/ike.ts';
import { type IkeSa, type Path, STATE_ENDED } from '../state/sa.ts';

export const NONE = /* @__PURE__ */ new Uint8Array(0);

/** Counters of `Ike.counters`, after those of drops at index -code. */
export const COUNT_RECEIVED = DROP_COUNT;
export const COUNT_SENT = DROP_COUNT + 1;
export const COUNT_REPEATED = DROP_COUNT + 2;
/** Repeated requests of peers that were answered again. */
export const COUNT_ANSWERED_AGAIN = DROP_COUNT + 3;
export const COUNT_COOKIES = DROP_COUNT + 4;
export const COUNT_HALF_OPEN_REFUSED = DROP_COUNT + 5;
/** Messages that the state does not expect. */
export const COUNT_UNEXPECTED = DROP_COUNT + 6;
/** Messages whose content was wrong. */
export const COUNT_INVALID = DROP_COUNT + 7;
export const COUNTERS = DROP_COUNT + 8;

const MAX_FRAGMENTS = 32;
/** Milliseconds for which an answer is kept, longer than requests are repeated [RFC 7296 §2.1: several minutes]. */
const RESPONSE_TIME = 300000;

export function count(ike: Ike, index: number): void {
  ike.counters[index]++;
}

/** Counts a dropped message and returns its code. */
export function dropped(ike: Ike, code: number): number {
  ike.counters[-code]++;
  return code;
}

/** The key of an SPI in `Ike.bySpi`. */
export function spiKey(octets: Uint8Array, at: number): string {
  return u32(octets, at) + '.' + u32(octets, at + 4);
}

/** Something is due at `at` at the latest. */
export function due(ike: Ike, at: number): void {
  if (ike.due < 0 || at < ike.due) ike.due = at;
}

/** Begins the payloads of a protected message. */
export function begin(ike: Ike): Writer {
  beginChain(ike.writer, 0);
  return ike.writer;
}

/** A notify without SPI; `data` may be empty. */
export function addStatus(w: Writer, type: number, data: Uint8Array): void {
  addNotify(w, 0, type, NONE, 0, 0, data, 0, data.length);
}

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

/** Where the ESP packets of its Child SAs go. */
export function espPathOf(sa: IkeSa): Path {
  return sa.espPath === null ? sa.path : sa.espPath;
}

/** Sends every message in `octets`. */
export function transmitAll(ike: Ike, sa: IkeSa, octets: Uint8Array, now: number): void {
  let at = 0;
  while (at < octets.length) {
    const length = u32(octets, at + IKE_LENGTH);
    count(ike, COUNT_SENT);
    ike.upper.transmit(sa.path, octets, at, length, now);
    at += length;
  }
}

/** The payloads in the writer as one message, or in fragments; empty when they do not fit. */
function seal(ike: Ike, sa: IkeSa, exchange: number, flags: number, id: number): Uint8Array {
  const w = ike.writer;
  const key = sa.skOut;
  if (w.full || key === null) return NONE;
  const cipher = key.cipher;
  const size = w.at - w.start;
  const limit = sa.fragmentation ? sa.policy.fragmentSize : ike.maxMessage;
  let total = 0;
  let room = size;
  let length = sealedSize(cipher, size, false);
  if (length > limit) {
    room = innerRoom(cipher, limit, true);
    if (!sa.fragmentation || room < 1) return NONE;
    total = Math.floor((size + room - 1) / room);
    if (total > MAX_FRAGMENTS) return NONE;
    length = (total - 1) * sealedSize(cipher, room, true) + sealedSize(cipher, size - (total - 1) * room, true);
  }
  const out = new Uint8Array(length);
  const side = (sa.initiator ? FLAG_INITIATOR : 0) | flags;
  const header = ike.sealer;
  header.buffer = out;
  let at = 0;
  let number = 0;
  do {
    beginMessage(header, at, sa.spis, 0, sa.spis, 8, exchange, side, id);
    const from = w.start + number * room;
    number++;
    const part = Math.min(room, w.at - from);
    const made = sealMessage(ike.provider, key, out, at, w.first, w.buffer, from, part, total > 0 ? number : 0, total);
    if (made < 0) {
      header.buffer = NONE;
      return NONE;
    }
    at += made;
  } while (number < total);
  header.buffer = NONE;
  return out;
}

/** True when the key has protected all the messages that it may: the SA has to end. */
export function isSpent(sa: IkeSa): boolean {
  return sa.skOut !== null && sa.skOut.counter > MAX_COUNTER;
}

/** `octets` is our request from now on: sent, and repeated until it is answered. */
export function launch(ike: Ike, sa: IkeSa, exchange: number, octets: Uint8Array, now: number): void {
  sa.request = octets;
  sa.requestExchange = exchange;
  sa.tries = 1;
  sa.deadline = now + sa.policy.retransmitTime;
  due(ike, sa.deadline);
  transmitAll(ike, sa, octets, now);
}

/** Sends the payloads in the writer as our next request. False when they do not fit a message. */
export function sendRequest(ike: Ike, sa: IkeSa, exchange: number, now: number): boolean {
  const octets = seal(ike, sa, exchange, 0, sa.nextId);
  if (octets.length === 0) {
    dropped(ike, DROP_TOO_LONG);
    if (isSpent(sa)) due(ike, now);
    return false;
  }
  sa.nextId++;
  launch(ike, sa, exchange, octets, now);
  return true;
}

/** Sends the payloads in the writer as the answer to the request that is being handled, and keeps it. */
export function sendResponse(ike: Ike, sa: IkeSa, exchange: number, now: number): void {
  const octets = seal(ike, sa, exchange, FLAG_RESPONSE, sa.expectedId - 1);
  if (octets.length === 0) dropped(ike, DROP_TOO_LONG);
  if (isSpent(sa)) due(ike, now);
  sa.response = octets;
  sa.forgetAt = now + RESPONSE_TIME;
  transmitAll(ike, sa, octets, now);
}

/** An answer of nothing but a notify. */
export function sendNotify(ike: Ike, sa: IkeSa, exchange: number, type: number, data: Uint8Array, now: number): void {
  addStatus(begin(ike), type, data);
  sendResponse(ike, sa, exchange, now);
}

/** The request was answered. */
export function settle(sa: IkeSa): void {
  sa.request = NONE;
  sa.deadline = -1;
  sa.tries = 0;
}

/** Repeats the request; false when it was repeated often enough. */
export function repeat(ike: Ike, sa: IkeSa, now: number): boolean {
  if (sa.tries >= sa.policy.retransmitTries) return false;
  let wait = sa.policy.retransmitTime;
  for (let i = 0; i < sa.tries; i++) wait *= 2;
  sa.tries++;
  sa.deadline = now + wait;
  count(ike, COUNT_REPEATED);
  transmitAll(ike, sa, sa.request, now);
  return true;
}

/**
 * Opens the SK or SKF payload of the message at `offset`, whose payloads are in ike.outer: 1 when the payloads inside
 * are in ike.message, not yet listed, or a drop code. `isAgain`: an answered request, whose keys may have been replaced
 * since by IKE_INTERMEDIATE.
 */
export function openProtected(ike: Ike, sa: IkeSa, buffer: Uint8Array, offset: number, isAgain: boolean): number {
  const p = ike.outer;
  let i = findPayload(p, PAYLOAD_SK, 0);
  if (i < 0) i = findPayload(p, PAYLOAD_SKF, 0);
  if (i < 0 || sa.skIn === null) return DROP_NO_SA;
  const opened = ike.opened;
  let code = openMessage(ike.provider, sa.skIn, buffer, offset, p, i, opened);
  const earlier = sa.setup === null ? null : sa.setup.earlierIn;
  if (code < 0 && isAgain && earlier !== null) {
    code = openMessage(ike.provider, earlier, buffer, offset, p, i, opened);
  }
  if (code < 0) return code;
  copy(ike.header, 0, buffer, offset, IKE_SIZE);
  const message = ike.message;
  message.buffer = buffer;
  message.first = opened.first;
  message.at = opened.at;
  message.size = opened.size;
  return 1;
}

/** Adds the fragment that was just opened (requests and responses count their IDs apart): 1 when the message is complete (in ike.message), 0, or a drop code. */
export function reassemble(ike: Ike, sa: IkeSa, messageId: number, isResponse: boolean): number {
  const opened = ike.opened;
  const message = ike.message;
  if (opened.total === 0) return 1;
  if (ike.reassembly === null || !sa.fragmentation) return DROP_ICV;
  if (sa.fragments === null) sa.fragments = ike.reassembly.create(ike.maxMessage);
  const size = ike.reassembly.add(sa.fragments, 2 * messageId + (isResponse ? 1 : 0), opened, message.buffer);
  if (size <= 0) return size;
  message.buffer = sa.fragments.buffer;
  message.first = sa.fragments.first;
  message.at = 0;
  message.size = size;
  sa.fragments = null;
  return 1;
}

/** Lists the payloads in ike.message: 0, or the error to answer. */
export function listPayloads(ike: Ike): number {
  const m = ike.message;
  return parsePayloads(m.payloads, m.buffer, m.first, m.at, m.at + m.size);
}

/** The header and the generic header of SK as IntAuth has them: as if SK held the payloads alone [RFC 9242 §3.3.2]. */
export function intAuthHeader(header: Uint8Array, at: number, first: number, size: number): Uint8Array {
  const out = new Uint8Array(IKE_SIZE + 4);
  copy(out, 0, header, at, IKE_SIZE);
  out[16] = PAYLOAD_SK;
  put32(out, IKE_LENGTH, IKE_SIZE + 4 + size);
  out[IKE_SIZE] = first;
  out[IKE_SIZE + 2] = ((4 + size) >>> 8) & 0xff;
  out[IKE_SIZE + 3] = (4 + size) & 0xff;
  return out;
}

export function messageIdOf(buffer: Uint8Array, offset: number): number {
  return u32(buffer, offset + IKE_MESSAGE_ID);
}

/** The body of the message's first payload of `type`, or empty. */
export function bodyOf(m: Message, type: number): Uint8Array {
  const i = findPayload(m.payloads, type, 0);
  return i < 0 ? NONE : take(m.buffer, m.payloads.at[i], m.payloads.size[i]);
}

/** The first error notify of a message, or 0. */
export function errorOf(m: Message): number {
  const p = m.payloads;
  for (let i = 0; i < p.count; i++) {
    const type = p.type[i] === PAYLOAD_NOTIFY ? notifyType(m.buffer, p.at[i]) : N_STATUS;
    if (type < N_STATUS) return type;
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

export function samePath(a: Path, b: Path): boolean {
  return (
    a.remotePort === b.remotePort &&
    a.localPort === b.localPort &&
    a.port === b.port &&
    a.remote.length === b.remote.length &&
    equal(a.remote, 0, b.remote, 0, a.remote.length) &&
    a.local.length === b.local.length &&
    equal(a.local, 0, b.local, 0, a.local.length)
  );
}

/** Takes an SA out of the endpoint, with its keys wiped. */
export function forget(ike: Ike, sa: IkeSa): void {
  delete ike.bySpi[spiKey(sa.spis, sa.initiator ? 0 : 8)];
  if (sa.skIn !== null) wipeSkKey(ike.provider, sa.skIn);
  if (sa.skOut !== null) wipeSkKey(ike.provider, sa.skOut);
  sa.skIn = null;
  sa.skOut = null;
  wipe(sa.skD);
  sa.state = STATE_ENDED;
  for (let i = 0; i < ike.sas.length; i++) {
    if (ike.sas[i] !== sa) continue;
    ike.sas[i] = ike.sas[ike.sas.length - 1];
    ike.sas.pop();
    return;
  }
}
