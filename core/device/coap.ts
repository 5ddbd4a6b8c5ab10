// A sensor's CoAP [RFC 7252]: a client that posts readings as confirmable messages, one at a time [§4.2, §4.7: NSTART 1],
// and takes piggybacked and separate responses [§5.2.1, §5.2.2]. It builds messages in buffers made once.
//
//   header 4 | token 1 | Uri-Path of every part of the path | 0xff | the reading
//
// It has no resources and rejects requests like any pure client: RST for a confirmable one, silence for another
// [§4.2, §4.3]. 4.04 would claim that there is a server, and cost state for duplicates.

import { copy, put16, u16 } from '../base/bytes.ts';
import { DROP_DUPLICATE, DROP_NOT_FOR_US, DROP_UNSUPPORTED } from '../base/drop.ts';
import type { Random } from '../crypto/portable.ts';
import {
  COAP_ACK,
  COAP_CON,
  COAP_EMPTY_ACK,
  COAP_FAILURES,
  COAP_IGNORED,
  COAP_MARKER,
  COAP_POST,
  COAP_RESET,
  COAP_RESPONSE,
  COAP_RST,
  COAP_SIZE,
  COAP_URI_PATH,
  COAP_VERSION_1,
  coapHeadSize,
  coapKind,
  coapPayload,
  coapType,
  putCoapHead,
} from '../wire/coap.ts';

const SLASH = 47;
const TOKEN = 1;
/** How many message IDs of confirmable responses it keeps, to acknowledge their duplicates [RFC 7252 §4.5]. */
const SEEN = 8;

/** Options of `createCoapClient`. */
export interface CoapConfig {
  /** UTF-8; `/` separates its parts, of at most 255 octets each. */
  path: Uint8Array;
  /** ACK_TIMEOUT in milliseconds, and MAX_RETRANSMIT [RFC 7252 §4.8]; ACK_RANDOM_FACTOR is 1.5. */
  ackTimeout: number;
  /** Repetitions of a reading at most. */
  maxRetransmit: number;
  /** Octets of the longest reading. */
  maxPayload: number;
  /** Chooses the first Message ID and spreads time-outs; needs no secrecy. */
  random: Random;
}

/**
 * What a CoAP client asks of its application. Buffers are valid during the call only; times are milliseconds.
 *
 * @noSelf
 */
export interface CoapUpper {
  /** Sends a reading to the server; it was sent `repeat` times before. A failure to send counts as a loss. */
  transmit(buffer: Uint8Array, offset: number, length: number, repeat: number, now: number): void;
  /** Sends ACK or RST to the sender of the datagram that is being received. */
  answer(buffer: Uint8Array, offset: number, length: number, now: number): void;
  /** Writes a reading to buffer[at..at + maxPayload). Returns the offset after it. */
  payload(reading: number, buffer: Uint8Array, at: number): number;
  /** The end of a reading: whether the server took it (2.xx), after `ms`. */
  ended(reading: number, acknowledged: boolean, ms: number, now: number): void;
}

/**
 * A CoAP client that posts one confirmable reading at a time and repeats it as RFC 7252 §4.2 says. Times are milliseconds.
 *
 * @noSelf
 */
export interface CoapClient {
  /** A reading is on its way. */
  isBusy(): boolean;
  /** Repetitions of the reading that is on its way. */
  repeated(): number;
  /** Posts a reading. Call it only when none is on its way. */
  post(reading: number, now: number): void;
  /** Takes a datagram of the server or of anybody; any octets. Returns 0, or a drop code. */
  receive(buffer: Uint8Array, offset: number, length: number, isServer: boolean, now: number): number;
  /** Does the work that is due at `now`: repetitions, and the end of a reading that nobody acknowledged. */
  poll(now: number): void;
  /** When to call `poll`, or -1. */
  nextTimeout(): number;
}

/** Octets of `path` as options. */
function pathSize(path: Uint8Array): number {
  let size = 0;
  let begin = 0;
  for (let i = 0; i <= path.length; i++) {
    if (i < path.length && path[i] !== SLASH) continue;
    if (i > begin) size += coapHeadSize(COAP_URI_PATH, i - begin) + i - begin;
    begin = i + 1;
  }
  return size;
}

function putPath(buffer: Uint8Array, start: number, path: Uint8Array): number {
  let at = start;
  let delta = COAP_URI_PATH;
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

/** Makes a client that posts readings, confirmable, one at a time [RFC 7252]. */
export function createCoapClient(config: CoapConfig, upper: CoapUpper): CoapClient {
  const path = config.path;
  const random = config.random;
  const message = new Uint8Array(COAP_SIZE + TOKEN + pathSize(path) + 1 + config.maxPayload);
  const empty = new Uint8Array(COAP_SIZE);
  const dice = new Uint8Array(2);
  const option = new Int32Array(3);
  const seen = new Uint16Array(SEEN);
  random(dice, 0, 2);
  let messageId = u16(dice, 0);
  let seenCount = 0;
  let isBusy = false;
  let isAcked = false;
  let reading = 0;
  let size = 0;
  let begun = 0;
  let at = 0;
  let timeout = 0;
  let repeated = 0;

  message[0] = COAP_VERSION_1 + TOKEN;
  message[1] = COAP_POST;
  const head = putPath(message, COAP_SIZE + TOKEN, path);
  message[head] = COAP_MARKER;

  function end(acknowledged: boolean, now: number): void {
    isBusy = false;
    upper.ended(reading, acknowledged, now - begun, now);
  }

  function answer(type: number, id: number, now: number): void {
    empty[0] = COAP_VERSION_1 + type * 16;
    put16(empty, 2, id);
    upper.answer(empty, 0, COAP_SIZE, now);
  }

  function isSeen(id: number): boolean {
    for (let i = 0; i < SEEN && i < seenCount; i++) if (seen[i] === id) return true;
    return false;
  }

  return {
    isBusy: () => isBusy,
    repeated: () => repeated,
    post: (number, now) => {
      messageId = (messageId + 1) & 0xffff;
      put16(message, 2, messageId);
      message[COAP_SIZE] = messageId & 0xff;
      size = upper.payload(number, message, head + 1);
      // A marker without a payload is a format error [RFC 7252 §3].
      if (size === head + 1) size = head;
      random(dice, 0, 1);
      // Times on the console are whole numbers.
      timeout = config.ackTimeout + Math.floor((config.ackTimeout * dice[0]) / 512);
      reading = number;
      begun = now;
      at = now + timeout;
      repeated = 0;
      isAcked = false;
      isBusy = true;
      upper.transmit(message, 0, size, 0, now);
    },
    receive: (buffer, offset, length, isServer, now) => {
      const kind = coapKind(buffer, offset, length);
      if (kind === COAP_IGNORED) return DROP_UNSUPPORTED;
      const type = coapType(buffer, offset);
      const id = u16(buffer, offset + 2);
      const isOwn = isServer && isBusy && id === messageId;
      if (kind === COAP_RESET || kind === COAP_EMPTY_ACK) {
        if (!isOwn) return DROP_NOT_FOR_US;
        isAcked = true;
        if (kind === COAP_RESET) end(false, now);
        return 0;
      }
      const isAnswer =
        kind === COAP_RESPONSE &&
        isServer &&
        isBusy &&
        (type !== COAP_ACK || isOwn) &&
        (buffer[offset] & 15) === TOKEN &&
        buffer[offset + COAP_SIZE] === message[COAP_SIZE] &&
        coapPayload(buffer, offset, offset + length, option) >= 0;
      // An answer may be built in the datagram's buffer: don't read from it after an answer. The token goes before the message
      // ID: a server that was started again may use IDs that are known.
      if (!isAnswer && kind === COAP_RESPONSE && type === COAP_CON && isServer && isSeen(id)) {
        answer(COAP_ACK, id, now);
        return DROP_DUPLICATE;
      }
      if (!isAnswer) {
        // Unexpected, not understood, or a request [RFC 7252 §4.2, §5.3.2, §5.4.1].
        if (type === COAP_CON) answer(COAP_RST, id, now);
        return kind === COAP_RESPONSE ? DROP_NOT_FOR_US : DROP_UNSUPPORTED;
      }
      const isTaken = buffer[offset + 1] < COAP_FAILURES;
      if (type === COAP_CON) {
        seen[seenCount % SEEN] = id;
        seenCount++;
        answer(COAP_ACK, id, now);
      }
      end(isTaken, now);
      return 0;
    },
    poll: (now) => {
      if (!isBusy || now < at) return;
      if (repeated >= config.maxRetransmit) {
        end(false, now);
        return;
      }
      repeated++;
      timeout *= 2;
      at = now + timeout;
      if (!isAcked) upper.transmit(message, 0, size, repeated, now);
    },
    nextTimeout: () => (isBusy ? at : -1),
  };
}
