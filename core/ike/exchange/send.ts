// Messages of an IKE SA: sealing, sending and repeating [RFC 7296 §2.1, §2.2, §2.3]. The window is 1: one request of ours is on
// its way, and one answer of ours is kept for repetition. Fragments of a message are kept one after the other.

import { u32 } from '../../base/bytes.ts';
import { DROP_TOO_LONG } from '../../base/drop.ts';
import { beginChain, beginMessage, IKE_FLAGS, IKE_LENGTH, type Writer } from '../codec/message.ts';
import { type ErrorType, type Exchange, FLAG_INITIATOR, FLAG_RESPONSE } from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { addStatus, type Content } from '../codec/payloads.ts';
import { innerRoom, MAX_COUNTER, sealedSize, sealMessage } from '../crypto/sk.ts';
import type { Ike } from '../state/ike.ts';
import type { IkeSa } from '../state/sa.ts';
import { COUNT_REPEATED, COUNT_SENT, count, dropped } from './registry.ts';
import { due } from './schedule.ts';

const MAX_FRAGMENTS = 32;
/** Milliseconds for which an answer is kept, longer than requests are repeated [RFC 7296 §2.1: several minutes]. */
const RESPONSE_TIME = 300000;

/** Begins the payloads of a protected message. */
export function begin(ike: Ike): Writer {
  beginChain(ike.writer, 0);
  return ike.writer;
}

/** Sends every message in `octets`. */
export function transmitAll(ike: Ike, sa: IkeSa, octets: Uint8Array, now: number): void {
  let at = 0;
  while (at < octets.length) {
    const length = u32(octets, at + IKE_LENGTH);
    count(ike, COUNT_SENT);
    // An answer goes to the address and port from which its request came, also a repeated one [RFC 7296 §2.11].
    const isAnswer = (octets[at + IKE_FLAGS] & FLAG_RESPONSE) !== 0 && ike.replyTo !== null;
    ike.upper.transmit(isAnswer ? ike.replyTo! : sa.path, ike.replyTo, octets, at, length, now);
    at += length;
  }
}

const part: Content = { first: 0, at: 0, size: 0, number: 0, total: 0 };

/** The payloads in the writer as one message, or in fragments. Empty: they do not fit. */
export function seal(ike: Ike, sa: IkeSa, exchange: Exchange, flags: number, id: number): Uint8Array {
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
    beginMessage(header, at, sa.spis, exchange, side, id);
    const from = w.start + number * room;
    number++;
    part.first = w.first;
    part.at = from;
    part.size = Math.min(room, w.at - from);
    part.number = total > 0 ? number : 0;
    part.total = total;
    const made = sealMessage(ike.provider, key, out, at, w.buffer, part);
    if (made < 0) {
      header.buffer = NONE;
      return NONE;
    }
    at += made;
  } while (number < total);
  header.buffer = NONE;
  return out;
}

/** True when the key has protected its most messages: the SA must end. */
export function isSpent(sa: IkeSa): boolean {
  return sa.skOut !== null && sa.skOut.counter > MAX_COUNTER;
}

/** Makes `octets` our current request: sends it, and repeats it until it is answered. */
export function launch(ike: Ike, sa: IkeSa, exchange: Exchange, octets: Uint8Array, now: number): void {
  sa.request = octets;
  sa.requestExchange = exchange;
  sa.tries = 1;
  sa.deadline = now + sa.policy.retransmitTime;
  due(ike, sa, sa.deadline);
  transmitAll(ike, sa, octets, now);
}

/** Sends the payloads in the writer as our next request. False: they do not fit a message. */
export function sendRequest(ike: Ike, sa: IkeSa, exchange: Exchange, now: number): boolean {
  const octets = seal(ike, sa, exchange, 0, sa.nextId);
  if (octets.length === 0) {
    dropped(ike, DROP_TOO_LONG);
    if (isSpent(sa)) due(ike, sa, now);
    return false;
  }
  sa.nextId++;
  launch(ike, sa, exchange, octets, now);
  return true;
}

/** Sends the payloads in the writer as the answer to the current request, and keeps it. */
export function sendResponse(ike: Ike, sa: IkeSa, exchange: Exchange, now: number): void {
  const octets = seal(ike, sa, exchange, FLAG_RESPONSE, sa.expectedId - 1);
  if (octets.length === 0) dropped(ike, DROP_TOO_LONG);
  if (isSpent(sa)) due(ike, sa, now);
  sa.response = octets;
  sa.forgetAt = now + RESPONSE_TIME;
  transmitAll(ike, sa, octets, now);
}

/** Answers with only a notify. */
export function sendNotify(
  ike: Ike,
  sa: IkeSa,
  exchange: Exchange,
  type: ErrorType,
  data: Uint8Array,
  now: number,
): void {
  addStatus(begin(ike), type, data);
  sendResponse(ike, sa, exchange, now);
}

/** The request was answered. */
export function settle(sa: IkeSa): void {
  sa.request = NONE;
  sa.deadline = -1;
  sa.tries = 0;
  sa.hurried = false;
}

/**
 * The peer may have lost `sa`, says somebody whom nobody can trust. The request on its way, or the next one, gets all its
 * repetitions, but sooner [RFC 7296 §2.4].
 */
export function hurry(ike: Ike, sa: IkeSa, now: number): void {
  sa.hurried = true;
  if (sa.deadline < 0) return;
  sa.deadline = Math.min(sa.deadline, now + sa.policy.retransmitTime);
  due(ike, sa, sa.deadline);
}

/** Repeats the request. False: it was repeated often enough. */
export function repeat(ike: Ike, sa: IkeSa, now: number): boolean {
  if (sa.tries >= sa.policy.retransmitTries) return false;
  let wait = sa.policy.retransmitTime;
  for (let i = 0; i < sa.tries && !sa.hurried; i++) wait *= 2;
  sa.tries++;
  sa.deadline = now + wait;
  count(ike, COUNT_REPEATED);
  transmitAll(ike, sa, sa.request, now);
  return true;
}
