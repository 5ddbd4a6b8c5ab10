// IEEE 802.15.4 MAC without beacons: unslotted CSMA-CA, acknowledgements, retries, duplicate detection
// [IEEE 802.15.4-2006 §7.5.1.4, §7.5.6]. Time is in milliseconds with fractions; one symbol is 0.016 ms (2.4 GHz).
//
//            send                clear                 +192 us             end of air time
//   IDLE ----------> BACKOFF ------------> TURNAROUND ---------> SENDING ------------------> IDLE (no ack asked)
//                    ^   | busy: again,                             |
//                    |   | 5 times: CHANNEL                         v           ACK
//                    +---+------------------------- timeout --- WAITING ------------------> IDLE
//                          up to 3 retries, then NO_ACK
//
// The MAC sends its own acknowledgements 192 us after a frame, in any state; a clear channel assessment waits for them. Frames
// that come faster than acknowledgements go are not taken: who sent them repeats them. On a carrier without air time
// (Phy.instant) acknowledgements go at once, and frames without back-off.
// Not supported: beacons, association, security, indirect transmission (frame pending), version 2015 frames.

import { type Address, addressOf } from '../base/address.ts';
import { copy, equal, fill, u16 } from '../base/bytes.ts';
import {
  DROP_CHANNEL,
  DROP_COUNT,
  DROP_DUPLICATE,
  DROP_NO_ACK,
  DROP_NOT_FOR_US,
  DROP_QUEUE,
  DROP_TOO_LONG,
} from '../base/drop.ts';
import { checkRange } from '../base/refuse.ts';
import { frameFcs } from '../base/spans.ts';
import {
  ACK_SIZE,
  checkFrame,
  copyReversed,
  emitAck,
  emitHeader,
  FCS_SIZE,
  FRAME_ACK,
  FRAME_ACK_REQUEST,
  FRAME_DATA,
  FRAME_DST,
  FRAME_MAX,
  FRAME_VERSION_2006,
  frameDstLength,
  frameHeaderLength,
  frameSrc,
  frameSrcLength,
  put16Le,
  putFcs,
} from '../wire/ieee802154.ts';

/** A radio, for the MAC. */
export interface Phy {
  /**
   * True: frames take no time on this carrier, such as UDP or a pipe. Then nobody is to be waited for: acknowledgements are
   * sent from within `receive`, frames at the next `poll`, and `clear` is not asked.
   */
  instant?: boolean;
  /** Clear channel assessment: true when nobody is heard. */
  clear(): boolean;
  /** Starts to send a frame (MHR to FCS) now; the octets are the caller's again when this returns. */
  transmit(buffer: Uint8Array, offset: number, length: number): void;
}

/** The layer above the MAC. Addresses are in canonical order, 2 or 8 octets. */
export interface MacUpper {
  /** The payload of a data frame; buffer and addresses are valid during the call only. */
  received(buffer: Uint8Array, offset: number, length: number, src: Address, dst: Address, now: number): void;
  /** The end of what `send` took: 0 sent (and acknowledged, unless broadcast), DROP_NO_ACK or DROP_CHANNEL. */
  sent(handle: number, result: number, now: number): void;
}

/** The part of a MAC that 6LoWPAN needs. A radio that does CSMA and acknowledgements itself can offer just this. */
export interface Link {
  /** The own address that frames carry as source, canonical order, 2 or 8 octets. */
  address: Uint8Array;
  /** Most octets of payload in a frame to an address of dstSize octets. */
  room(dstSize: number): number;
  /**
   * Takes a payload for an address (2 or 8 octets; ff ff is broadcast). Returns a handle > 0, later given to
   * MacUpper.sent (never during this call), or a drop code.
   */
  send(dst: Address, buffer: Uint8Array, offset: number, length: number, now: number): number;
}

/** Options of `createMac`. */
export interface MacConfig {
  /** PAN ID, 16 bits; frames of others are dropped. */
  panId: number;
  /** 0xffff: none, the extended address is the source. */
  shortAddress: number;
  /** EUI-64, 8 octets in canonical order. */
  extendedAddress: Uint8Array;
  /** The radio. */
  phy: Phy;
  /** Gets payloads of frames, and the ends of those sent. */
  upper: MacUpper;
  /** Fills a range with random octets, for back-offs and the first sequence number. */
  random: (buffer: Uint8Array, offset: number, length: number) => void;
  /** Frames that can wait, 1 or more. */
  queue: number;
  /** Neighbours whose last sequence number is remembered, 1..524288. The one heard before all others goes; of many, before 7 others. */
  neighbours: number;
  /** Milliseconds to wait for an acknowledgement; macAckWaitDuration is 0.864. A slow carrier (UDP) needs more. */
  ackWait: number;
}

/** Counters of `Mac.counters`, after those of dropped frames at index -code. */
export const MAC_FRAMES = DROP_COUNT;
/** Octets of data frames handed to the radio, MHR to FCS, retries included. */
export const MAC_OCTETS = DROP_COUNT + 1;
export const MAC_RETRIES = DROP_COUNT + 2;
export const MAC_ACKS = DROP_COUNT + 3;
/** Data frames given to the upper layer. */
export const MAC_RECEIVED = DROP_COUNT + 4;
const MAC_COUNTERS = DROP_COUNT + 5;

/** macAckWaitDuration: 54 symbols. */
export const ACK_WAIT = 0.864;
/** aTurnaroundTime: 12 symbols. */
const TURNAROUND_TIME = 0.192;
/** aUnitBackoffPeriod: 20 symbols. */
const BACKOFF_PERIOD = 0.32;
/** Clear channel assessment: 8 symbols. */
const CCA_TIME = 0.128;
const OCTET_TIME = 0.032;
/** Preamble, SFD and PHR. */
const PREAMBLE_SIZE = 6;
/** airTime(ACK_SIZE). */
const ACK_TIME = 0.352;
const MIN_BE = 3;
const MAX_BE = 5;
const MAX_CSMA_BACKOFFS = 4;
const MAX_RETRIES = 3;
/** Acknowledgements that can wait. */
const ACKS_MAX = 4;
/** Neighbours with the same check sum of their addresses: whoever makes more can have a repetition delivered, and no more. */
const WAYS = 8;
/** Milliseconds of an attempt at most, without the wait: 5 back-offs (7, 15, 31, 31, 31 periods), turnaround, longest frame. */
const ATTEMPT_MAX = 42;

const IDLE = 0;
const BACKOFF = 1;
const TURNAROUND = 2;
const SENDING = 3;
const WAITING = 4;

// Times: when something is due; when the MAC's own acknowledgement is due, or was sent.
const AT = 0;
const ACK_AT = 1;

/** Milliseconds on air of a frame of `length` octets. */
export function airTime(length: number): number {
  return (length + PREAMBLE_SIZE) * OCTET_TIME;
}

/** Milliseconds that a MAC's radio has sent, from its counters. */
export function macAirTime(counters: Float64Array): number {
  return counters[MAC_FRAMES] * airTime(0) + counters[MAC_OCTETS] * OCTET_TIME + counters[MAC_ACKS] * ACK_TIME;
}

/** The MAC of IEEE 802.15.4: CSMA-CA, acknowledgements, repetitions, duplicates. */
export interface Mac extends Link {
  /** Takes a frame from the radio, MHR to FCS, at its end; any octets. Returns 0, or the drop code that it counted. */
  receive(buffer: Uint8Array, offset: number, length: number, now: number): number;
  /** The end of the frame with this number, 0 or a drop code, from a radio that repeats frames and hears acknowledgements. */
  ended(dsn: number, result: number, now: number): void;
  /** Does the work that is due at `now`. */
  poll(now: number): void;
  /** When to call `poll`, or -1. */
  nextTimeout(): number;
  /** Drops by negated drop code, and MAC_* behind them. */
  counters: Float64Array;
}

/** Makes a MAC. It takes all its memory here (128 octets per queued frame, 17 per neighbour). */
export function createMac(config: MacConfig): Mac {
  const queue = config.queue;
  const neighbours = config.neighbours;
  checkRange('mac.queue', queue, 1, 255);
  checkRange('mac.neighbours', neighbours, 1, 524288);
  checkRange('mac.extendedAddress.length', config.extendedAddress.length, 8, 8);
  const phy = config.phy;
  const upper = config.upper;
  const counters = new Float64Array(MAC_COUNTERS);
  const isShort = config.shortAddress < 0xfffe;
  const address = new Uint8Array(isShort ? 2 : 8);
  // As on air: PAN and short address, then the extended address.
  const own = new Uint8Array(12);
  put16Le(own, 0, config.panId);
  put16Le(own, 2, isShort ? config.shortAddress : 0xffff);
  copyReversed(own, 4, config.extendedAddress, 0, 8);
  copyReversed(address, 0, own, isShort ? 2 : 4, address.length);
  const source = addressOf(address);

  // Frames: length, then octets. Neighbours: address (8, a short one padded with zeros), sequence number.
  const frames = new Uint8Array(queue * 128);
  const table = new Uint8Array(neighbours * 9);
  fill(table, 0, neighbours * 9, 0xff);
  // When they sent the last new frame. A repetition of it comes within the time that retries take.
  const heard = new Float64Array(neighbours);
  const ways = Math.min(WAYS, neighbours);
  const memory = MAX_RETRIES * (ATTEMPT_MAX + config.ackWait);
  const ack = new Uint8Array(ACK_SIZE);
  // Sequence numbers to acknowledge, in order.
  const owed = new Uint8Array(ACKS_MAX);
  const instant = phy.instant === true;
  // Both addresses of the last received frame.
  const peer = new Uint8Array(16);
  const from: Address = { octets: peer, at: 0, size: 0 };
  const to: Address = { octets: peer, at: 8, size: 0 };
  const dice = new Uint8Array(1);
  // V8 makes an object for every fraction that is stored in a shared variable or returned. So times are in an array, and
  // frames do not call airTime.
  const times = new Float64Array(2);
  times[ACK_AT] = -1;
  let owes = 0;
  let head = 0;
  let count = 0;
  let handle = 0;
  let state = IDLE;
  let backoffs = 0;
  let exponent = 0;
  let retries = 0;
  config.random(dice, 0, 1);
  let sequence = dice[0];

  function drop(code: number): number {
    counters[-code]++;
    return code;
  }

  function backoff(now: number): void {
    config.random(dice, 0, 1);
    state = BACKOFF;
    times[AT] = now + (dice[0] & ((1 << exponent) - 1)) * BACKOFF_PERIOD + CCA_TIME;
  }

  function attempt(now: number): void {
    backoffs = 0;
    exponent = MIN_BE;
    if (instant) {
      state = TURNAROUND;
      times[AT] = now;
    } else backoff(now);
  }

  function start(now: number): void {
    if (state === IDLE && count > 0) {
      retries = 0;
      attempt(now);
    }
  }

  function finish(result: number, now: number): void {
    const done = handle - count + 1;
    if (result < 0) drop(result);
    state = IDLE;
    head = (head + 1) % queue;
    count--;
    upper.sent(done, result, now);
    start(now);
  }

  function ended(dsn: number, result: number, now: number): void {
    // A carrier without air time may answer before our clock says that the frame is sent.
    if (state >= SENDING && frames[head * 128 + 3] === dsn) finish(result, now);
  }

  function room(dstSize: number): number {
    return FRAME_MAX - FCS_SIZE - 5 - dstSize - address.length;
  }

  function send(dst: Address, buffer: Uint8Array, offset: number, length: number, now: number): number {
    if (length > room(dst.size)) return drop(DROP_TOO_LONG);
    if (count === queue) return drop(DROP_QUEUE);
    const slot = ((head + count) % queue) * 128;
    const unicast = dst.size > 2 || u16(dst.octets, dst.at) !== 0xffff;
    sequence = (sequence + 1) & 0xff;
    const header = emitHeader(
      frames,
      slot + 1,
      FRAME_DATA | FRAME_VERSION_2006 | (unicast ? FRAME_ACK_REQUEST : 0),
      sequence,
      config.panId,
      dst,
      source,
    );
    copy(frames, slot + 1 + header, buffer, offset, length);
    frames[slot] = putFcs(frames, slot + 1, header + length);
    count++;
    handle++;
    start(now);
    return handle;
  }

  function acknowledge(now: number): void {
    emitAck(ack, 0, 0, owed[0]);
    copy(owed, 0, owed, 1, --owes);
    // The next one after this one and the space between frames, aMinSIFSPeriod, which is as long as a turnaround.
    times[ACK_AT] = now + (owes > 0 ? ACK_TIME + TURNAROUND_TIME : 0);
    counters[MAC_ACKS]++;
    phy.transmit(ack, 0, ACK_SIZE);
  }

  function receive(buffer: Uint8Array, offset: number, length: number, now: number): number {
    const result = checkFrame(buffer, offset, length);
    if (result < 0) return drop(result);
    const dsn = buffer[offset + 2];
    if ((buffer[offset] & 7) === FRAME_ACK) {
      ended(dsn, 0, now);
      return 0;
    }
    const dst = offset + FRAME_DST;
    const dstLength = frameDstLength(buffer, offset);
    const srcLength = frameSrcLength(buffer, offset);
    const unicast = dstLength > 2 || u16(buffer, dst + 2) !== 0xffff;
    // [RFC 4944 §3] Both addresses must be present. PAN 0xffff addresses all PANs.
    if (
      dstLength * srcLength === 0 ||
      !(equal(buffer, dst, own, 0, 2) || u16(buffer, dst) === 0xffff) ||
      (unicast && !equal(buffer, dst + 2, own, dstLength > 2 ? 4 : 2, dstLength))
    ) {
      return drop(DROP_NOT_FOR_US);
    }
    if (unicast && (buffer[offset] & FRAME_ACK_REQUEST) !== 0) {
      if (owes === ACKS_MAX) return drop(DROP_QUEUE);
      if (owes === 0) times[ACK_AT] = now + TURNAROUND_TIME;
      owed[owes++] = dsn;
      if (instant) acknowledge(now);
    }
    fill(peer, 0, 16, 0);
    copyReversed(peer, 0, buffer, frameSrc(buffer, offset), srcLength);
    copyReversed(peer, 8, buffer, dst + 2, dstLength);
    const first = (frameFcs(peer, 0, 8) % Math.floor(neighbours / ways)) * ways;
    let place = first;
    for (let i = first; i < first + ways; i++) {
      if (equal(table, i * 9, peer, 0, 8)) {
        if (table[i * 9 + 8] === dsn && now - heard[i] < memory) return drop(DROP_DUPLICATE);
        place = i;
        break;
      }
      if (heard[i] < heard[place]) place = i;
    }
    copy(table, place * 9, peer, 0, 8);
    table[place * 9 + 8] = dsn;
    heard[place] = now;
    counters[MAC_RECEIVED]++;
    const header = frameHeaderLength(buffer, offset);
    from.size = srcLength;
    to.size = dstLength;
    upper.received(buffer, offset + header, length - header - FCS_SIZE, from, to, now);
    return 0;
  }

  function poll(now: number): void {
    if (owes > 0 && now >= times[ACK_AT]) acknowledge(now);
    if (state === IDLE || now < times[AT]) return;
    const slot = head * 128;
    const length = frames[slot];
    const free = times[ACK_AT] + ACK_TIME;
    if (!instant && state <= TURNAROUND && now < free) {
      // Our acknowledgement uses the radio: look at the channel after it.
      state = BACKOFF;
      times[AT] = free + CCA_TIME;
    } else if (state === BACKOFF) {
      if (phy.clear()) {
        state = TURNAROUND;
        times[AT] = now + TURNAROUND_TIME;
      } else if (++backoffs > MAX_CSMA_BACKOFFS) {
        finish(DROP_CHANNEL, now);
      } else {
        if (exponent < MAX_BE) exponent++;
        backoff(now);
      }
    } else if (state === TURNAROUND) {
      state = SENDING;
      times[AT] = now + (instant ? 0 : (length + PREAMBLE_SIZE) * OCTET_TIME);
      counters[MAC_FRAMES]++;
      counters[MAC_OCTETS] += length;
      phy.transmit(frames, slot + 1, length);
      if (instant && state === SENDING) poll(now);
    } else if (state === SENDING) {
      if ((frames[slot + 1] & FRAME_ACK_REQUEST) !== 0) {
        state = WAITING;
        times[AT] = now + config.ackWait;
      } else finish(0, now);
    } else if (retries++ < MAX_RETRIES) {
      counters[MAC_RETRIES]++;
      attempt(now);
    } else finish(DROP_NO_ACK, now);
  }

  function nextTimeout(): number {
    const at = state === IDLE ? -1 : times[AT];
    return owes > 0 && (at < 0 || times[ACK_AT] < at) ? times[ACK_AT] : at;
  }

  return { address, room, send, receive, ended, poll, nextTimeout, counters };
}
