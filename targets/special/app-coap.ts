// The readings of one profile's board: what core/device/coap.ts and sensor.ts do, with one server, one path, one schedule.
//
// CoAP [RFC 7252]: a reading is confirmable and alone on its way [§4.2, §4.7], an answer may be piggybacked or separate. Whatever
// else is confirmable gets RST. Readings find a gateway that lost its state: after three transmissions without an answer IKE
// asks whether it is there [RFC 7296 §2.4].

import { put16, u16 } from '../../core/base/bytes.ts';
import { DROP_DUPLICATE, DROP_NOT_FOR_US, DROP_UNSUPPORTED } from '../../core/base/drop.ts';
import {
  COAP_ACK,
  COAP_CON,
  COAP_EMPTY_ACK,
  COAP_FAILURES,
  COAP_IGNORED,
  COAP_RESET,
  COAP_RESPONSE,
  COAP_RST,
  COAP_SIZE,
  coapKind,
  coapPayload,
  coapType,
} from '../../core/wire/coap.ts';
import { decimal } from '../board/console.ts';
import type { Board } from '../board/hooks.ts';
import { randomOctets } from './crypto.ts';
import { espSend } from './esp.ts';
import { espReceived } from './esp-in.ts';
import { ikeEstablished, ikeHeardAt, ikeProbe, ikeReady, ikeSuspect } from './ike/ike.ts';
import { linkIsBusy } from './link.ts';
import { putHex } from './octets.ts';
import type { Profile } from './profile.ts';

declare const board: Board;
declare const P: Profile;

/** After so many transmissions without an answer IKE asks. */
const DOUBT = 3;
/** Message IDs of confirmable responses that are kept, to acknowledge their duplicates [RFC 7252 §4.5]. */
const SEEN = 8;
/** Digits and the brace behind them. */
const READING_ROOM = 17;

const coapMessage: Uint8Array = /* @__PURE__ */ new Uint8Array(P.coapHead.length / 2 + READING_ROOM);
const coapEmpty: Uint8Array = /* @__PURE__ */ new Uint8Array(COAP_SIZE);
const coapDice: Uint8Array = /* @__PURE__ */ new Uint8Array(2);
const coapOptions: Int32Array = /* @__PURE__ */ new Int32Array(3);
const coapSeen: Uint16Array = /* @__PURE__ */ new Uint16Array(SEEN);
let coapSeenCount = 0;
let coapId = 0;
// The reading on its way: since when, when it is repeated, how often it was.
let coapIsBusy = false;
let coapIsAcked = false;
let coapSize = 0;
let coapBegun = 0;
let coapAt = 0;
let coapTimeout = 0;
let coapRepeated = 0;
// The schedule: readings left, when the next is due; those at once.
let reading = 0;
let readingsLeft = P.count;
let readingAt = -1;
let readingsExtra = 0;
let acknowledged = 0;
let failed = 0;
let isDone = false;
// Transmissions since the last answer, under which IKE SA; packets that had come before them; when IKE was asked because of
// them, -1: not yet.
let unanswered = 0;
let saNumber = 0;
let watchedSa = 0;
let heardPackets = 0;
let doubtedAt = -1;
/** Packets that could not be sent. */
export let coapDrops = 0;
/** Clock ticks of the last reading's packet. */
export let packetTicks = 0;

/** Another IKE SA took the place of the last one. */
export function coapNewSa(): void {
  saNumber++;
}

/** `count` more readings, as soon as they can go out. */
export function coapPost(count: number): void {
  readingsExtra = Math.min(65535, readingsExtra + count);
}

function coapDoubt(now: number): void {
  if (!ikeEstablished() || unanswered < DOUBT) return;
  // The gateway lives: it answered the question, or its packets come.
  if (espReceived !== heardPackets || (doubtedAt >= 0 && ikeHeardAt() > doubtedAt)) ikeSuspect(now);
  else if (doubtedAt < 0) {
    doubtedAt = now;
    ikeProbe(now);
  }
}

function coapTransmit(now: number): void {
  if (watchedSa !== saNumber) unanswered = 0;
  watchedSa = saNumber;
  if (unanswered === 0) {
    heardPackets = espReceived;
    doubtedAt = -1;
  }
  unanswered++;
  const ticks = board.ticks();
  if (espSend(0, coapMessage, 0, coapSize, now) < 0) coapDrops++;
  if (coapRepeated === 0) packetTicks = board.ticks() - ticks;
  coapDoubt(now);
}

/** Sends ACK or RST. */
function coapAnswer(type: number, id: number, flow: number, now: number): void {
  coapEmpty[0] = 0x40 + type * 16;
  put16(coapEmpty, 2, id);
  if (espSend(flow, coapEmpty, 0, COAP_SIZE, now) < 0) coapDrops++;
}

function coapEnd(isTaken: boolean, now: number): void {
  coapIsBusy = false;
  if (isTaken) acknowledged++;
  else failed++;
  const text = 'reading ' + decimal(reading);
  board.print(isTaken ? text + ' acknowledged ms=' + decimal(now - coapBegun) : text + ' failed');
  if (unanswered > 0) {
    coapDoubt(now);
    // The next reading asks again.
    heardPackets = espReceived;
    doubtedAt = -1;
  }
  if (P.count > 0 && readingsLeft === 0 && readingsExtra === 0 && !isDone) {
    isDone = true;
    board.print('done ' + decimal(acknowledged) + ' ' + decimal(failed));
  }
}

/** Takes a UDP payload, any octets; flow 0 is the server's. Returns 0, or a drop code. */
export function coapReceive(buffer: Uint8Array, offset: number, length: number, flow: number, now: number): number {
  const kind = coapKind(buffer, offset, length);
  if (kind === COAP_IGNORED) return DROP_UNSUPPORTED;
  const isServer = P.flows === 1 || flow === 0;
  const type = coapType(buffer, offset);
  const id = u16(buffer, offset + 2);
  const isOwn = isServer && coapIsBusy && id === coapId;
  if (kind === COAP_RESET || kind === COAP_EMPTY_ACK) {
    if (!isOwn) return DROP_NOT_FOR_US;
    coapIsAcked = true;
    // What answers a reading comes before its end is told.
    unanswered = 0;
    if (kind === COAP_RESET) coapEnd(false, now);
    return 0;
  }
  const isAnswer =
    kind === COAP_RESPONSE &&
    isServer &&
    coapIsBusy &&
    (type !== COAP_ACK || isOwn) &&
    (buffer[offset] & 15) === 1 &&
    buffer[offset + COAP_SIZE] === coapMessage[COAP_SIZE] &&
    coapPayload(buffer, offset, offset + length, coapOptions) >= 0;
  // The token goes before the message ID: a server that was started again may use IDs that are known.
  if (!isAnswer && kind === COAP_RESPONSE && type === COAP_CON && isServer) {
    for (let i = 0; i < SEEN && i < coapSeenCount; i++) {
      if (coapSeen[i] === id) {
        coapAnswer(COAP_ACK, id, flow, now);
        return DROP_DUPLICATE;
      }
    }
  }
  if (!isAnswer) {
    // Unexpected, not understood, or a request [RFC 7252 §4.2, §5.3.2, §5.4.1].
    if (type === COAP_CON) coapAnswer(COAP_RST, id, flow, now);
    return kind === COAP_RESPONSE ? DROP_NOT_FOR_US : DROP_UNSUPPORTED;
  }
  const isTaken = buffer[offset + 1] < COAP_FAILURES;
  unanswered = 0;
  if (type === COAP_CON) {
    coapSeen[coapSeenCount % SEEN] = id;
    coapSeenCount++;
    coapAnswer(COAP_ACK, id, flow, now);
  }
  coapEnd(isTaken, now);
  return 0;
}

/** A reading could go out now, if its time has come. */
function coapCanPost(): boolean {
  return !coapIsBusy && !linkIsBusy() && ikeReady();
}

/** Does the work that is due: repetitions, ends, the next reading. */
export function coapPoll(now: number): void {
  // An answer that is still on its way goes first.
  if (coapIsBusy && now >= coapAt && !linkIsBusy()) {
    if (coapRepeated >= P.maxRetransmit) coapEnd(false, now);
    else {
      coapRepeated++;
      coapTimeout *= 2;
      coapAt = now + coapTimeout;
      if (!coapIsAcked) coapTransmit(now);
    }
  }
  // The question may be answered by now.
  if (doubtedAt >= 0) coapDoubt(now);
  if (!coapCanPost()) return;
  if (readingsExtra > 0) readingsExtra--;
  else if ((P.count === 0 || readingsLeft > 0) && now >= readingAt) {
    readingsLeft--;
    readingAt = readingAt < 0 ? now + P.interval : Math.max(now, readingAt + P.interval);
  } else return;
  if (reading === 0) {
    putHex(coapMessage, 0, P.coapHead);
    randomOctets(coapDice, 0, 2);
    coapId = u16(coapDice, 0);
  }
  reading++;
  coapId = (coapId + 1) & 0xffff;
  put16(coapMessage, 2, coapId);
  coapMessage[COAP_SIZE] = coapId & 0xff;
  coapSize = P.coapHead.length / 2;
  const digits = decimal(reading) + '}';
  for (let i = 0; i < digits.length; i++) coapMessage[coapSize++] = digits.charCodeAt(i);
  randomOctets(coapDice, 0, 1);
  coapTimeout = P.ackTimeout + Math.floor((P.ackTimeout * coapDice[0]) / 512);
  coapBegun = now;
  coapAt = now + coapTimeout;
  coapRepeated = 0;
  coapIsAcked = false;
  coapIsBusy = true;
  coapTransmit(now);
}

/** When to call `coapPoll`, or -1. */
export function coapNext(): number {
  // The link wakes up when it is free.
  if (linkIsBusy()) return -1;
  if (coapIsBusy) return coapAt;
  if (!ikeReady()) return -1;
  if (readingsExtra > 0) return 0;
  if (P.count > 0 && readingsLeft <= 0) return -1;
  return Math.max(0, readingAt);
}
