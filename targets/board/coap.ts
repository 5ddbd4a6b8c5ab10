// A CoAP client that posts readings as confirmable messages, one at a time [RFC 7252 §4.2, §4.7: NSTART 1], and knows
// its answers piggybacked and separate [§5.2.1, §5.2.2]. Messages are built in buffers made once.
//
//   header 4 | token 1 | Uri-Path of every part of the path | 0xff | {"n":N}

import { copy, put16, u16 } from '../../core/base/bytes.ts';
import { DROP_NOT_FOR_US, DROP_UNSUPPORTED } from '../../core/base/drop.ts';
import type { Random } from '../../core/crypto/portable.ts';
import { COAP_MARKER, COAP_SIZE, checkCoap, coapHeadSize, putCoapHead } from '../../core/wire/coap.ts';

const CON = 0;
const ACK = 2;
const RST = 3;
/** Version 1, type in bits 4 and 5, token length. */
const VERSION = 0x40;
const POST = 2;
const URI_PATH = 11;
const SLASH = 47;
/** `{"n":`, behind it digits and `}`. */
const BODY = /* @__PURE__ */ [0x7b, 0x22, 0x6e, 0x22, 0x3a];
const BODY_END = 0x7d;
/** Of a whole number below 2^53. */
const MAX_DIGITS = 16;

/** @noSelf */
export interface CoapUpper {
  /** Sends a datagram to the server; `again`: it is a repetition, or an acknowledgement. One that is not sent is as one that is lost. */
  transmit(buffer: Uint8Array, offset: number, length: number, again: boolean, now: number): void;
  /** The end of a reading: whether the server took it (2.xx), after `ms`. */
  ended(reading: number, acknowledged: boolean, ms: number, now: number): void;
}

/** @noSelf */
export interface CoapClient {
  /** A reading is on its way. */
  isBusy(): boolean;
  /** Repetitions of the reading that is on its way. */
  repeated(): number;
  /** Posts a reading; only when none is on its way. */
  post(reading: number, now: number): void;
  /** A datagram from the server; any octets are taken. 0, or a drop code. */
  receive(buffer: Uint8Array, offset: number, length: number, now: number): number;
  poll(now: number): void;
  nextTimeout(): number;
}

/** Writes the decimal digits of a whole number; returns the offset behind them. */
function putDigits(buffer: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let rest = Math.floor(value / 10); rest > 0; rest = Math.floor(rest / 10)) digits++;
  let left = value;
  for (let i = digits - 1; i >= 0; i--) {
    buffer[at + i] = 48 + (left % 10);
    left = Math.floor(left / 10);
  }
  return at + digits;
}

/** Octets of `path`, whose parts are divided by `/`, as options. */
function pathSize(path: Uint8Array): number {
  let size = 0;
  let begin = 0;
  for (let i = 0; i <= path.length; i++) {
    if (i < path.length && path[i] !== SLASH) continue;
    if (i > begin) size += coapHeadSize(URI_PATH, i - begin) + i - begin;
    begin = i + 1;
  }
  return size;
}

function putPath(buffer: Uint8Array, start: number, path: Uint8Array): number {
  let at = start;
  let delta = URI_PATH;
  let begin = 0;
  for (let i = 0; i <= path.length; i++) {
    if (i < path.length && path[i] !== SLASH) continue;
    if (i > begin) {
      at = putCoapHead(buffer, at, delta, i - begin);
      copy(buffer, at, path, begin, i - begin);
      at += i - begin;
      delta = 0;
    }
    begin = i + 1;
  }
  return at;
}

/**
 * `path`: UTF-8, 255 octets a part at most. `ackTimeout` in milliseconds and `maxRetransmit` are those of
 * [RFC 7252 §4.8]; ACK_RANDOM_FACTOR is 1.5.
 */
export function createCoapClient(
  path: Uint8Array,
  ackTimeout: number,
  maxRetransmit: number,
  random: Random,
  upper: CoapUpper,
): CoapClient {
  const head = COAP_SIZE + 1 + pathSize(path);
  const message = new Uint8Array(head + 1 + BODY.length + MAX_DIGITS + 1);
  const empty = new Uint8Array(COAP_SIZE);
  const dice = new Uint8Array(2);
  random(dice, 0, 2);
  let messageId = u16(dice, 0);
  let isBusy = false;
  let isAcked = false;
  let reading = 0;
  let size = 0;
  let begun = 0;
  let at = 0;
  let timeout = 0;
  let repeated = 0;

  message[0] = VERSION + 1;
  message[1] = POST;
  message[putPath(message, COAP_SIZE + 1, path)] = COAP_MARKER;
  for (let i = 0; i < BODY.length; i++) message[head + 1 + i] = BODY[i];

  function end(acknowledged: boolean, now: number): void {
    isBusy = false;
    upper.ended(reading, acknowledged, now - begun, now);
  }

  /** An empty message: ACK or RST for a message of the server. */
  function answer(type: number, buffer: Uint8Array, offset: number, now: number): void {
    empty[0] = VERSION + type * 16;
    empty[1] = 0;
    empty[2] = buffer[offset + 2];
    empty[3] = buffer[offset + 3];
    upper.transmit(empty, 0, COAP_SIZE, true, now);
  }

  return {
    isBusy: () => isBusy,
    repeated: () => repeated,
    post: (number, now) => {
      messageId = (messageId + 1) & 0xffff;
      put16(message, 2, messageId);
      message[COAP_SIZE] = messageId & 0xff;
      const behind = putDigits(message, head + 1 + BODY.length, number);
      message[behind] = BODY_END;
      size = behind + 1;
      random(dice, 0, 1);
      // Times on the console are whole numbers.
      timeout = ackTimeout + Math.floor((ackTimeout * dice[0]) / 512);
      reading = number;
      begun = now;
      at = now + timeout;
      repeated = 0;
      isAcked = false;
      isBusy = true;
      upper.transmit(message, 0, size, false, now);
    },
    receive: (buffer, offset, length, now) => {
      const code = checkCoap(buffer, offset, offset + length);
      if (code !== 0) return code;
      const type = (buffer[offset] >>> 4) & 3;
      const kind = buffer[offset + 1];
      const isOwn = isBusy && u16(buffer, offset + 2) === messageId;
      if (type === RST) {
        if (!isOwn) return DROP_NOT_FOR_US;
        end(false, now);
        return 0;
      }
      if (kind < 0x40) {
        // Not a response: the empty acknowledgement of one that follows, or what a client has no answer for.
        if (type === ACK && kind === 0 && isOwn) {
          isAcked = true;
          return 0;
        }
        if (type === CON) answer(RST, buffer, offset, now);
        return DROP_UNSUPPORTED;
      }
      const isAnswer =
        isBusy &&
        (type !== ACK || isOwn) &&
        (buffer[offset] & 15) === 1 &&
        buffer[offset + COAP_SIZE] === message[COAP_SIZE];
      // A response on its own is acknowledged, also a second time [RFC 7252 §5.2.2]. What is sent may be made where the
      // datagram is: nothing is read from there any more.
      if (type === CON) answer(ACK, buffer, offset, now);
      if (!isAnswer) return DROP_NOT_FOR_US;
      end(kind < 0x60, now);
      return 0;
    },
    poll: (now) => {
      if (!isBusy || now < at) return;
      if (repeated >= maxRetransmit) {
        end(false, now);
        return;
      }
      repeated++;
      timeout *= 2;
      at = now + timeout;
      if (!isAcked) upper.transmit(message, 0, size, true, now);
    },
    nextTimeout: () => (isBusy ? at : -1),
  };
}
