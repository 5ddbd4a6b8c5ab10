// The radio link of one profile: IEEE 802.15.4 frames between one device and its gateway, 6LoWPAN with templates of headers
// [RFC 4944, RFC 6282]. core/link has it for any neighbours and addresses.
//
// One ESP packet and one IKE message can wait for the radio. Back-offs are drawn for each attempt; the channel is taken to be
// clear, as radios that look by themselves, and pipes, have it. Acknowledgements go at once. Frames of others than the gateway
// are not for us.

import { copy, equal, put16, u16 } from '../../core/base/bytes.ts';
import { foldSum } from '../../core/base/checksum.ts';
import {
  DROP_CHECKSUM,
  DROP_DISPATCH,
  DROP_DUPLICATE,
  DROP_FCS,
  DROP_FRAGMENT,
  DROP_NO_ACK,
  DROP_NOT_FOR_US,
  DROP_REASSEMBLY,
  DROP_SHORT,
  DROP_TOO_LONG,
  DROP_UNSUPPORTED,
} from '../../core/base/drop.ts';
import { frameFcs, sumWords } from '../../core/base/spans.ts';
import { PROTO_ESP } from '../../core/wire/esp.ts';
import { PROTO_UDP } from '../../core/wire/udp.ts';
import type { Board } from '../board/hooks.ts';
import { randomOctets } from './crypto.ts';
import { D } from './data.ts';
import { echoWaits } from './echo-waits.ts';
import { onDatagram, onEsp, onSent } from './events.ts';
import type { Profile } from './profile.ts';

declare const board: Board;
declare const P: Profile;

const FRAME_SIZE = 127;
const FRAG1 = 0xc0;
const FRAGN = 0xe0;
const UDP_500 = 500;
/** UDP's NHC [RFC 6282 §4.3.3]: 11110, checksum elided (1), ports (2). */
const NHC_UDP = 0xf0;
const RETRIES = 3;
/**
 * Milliseconds that an acknowledgement of ours may use the radio: a clock of whole milliseconds may be behind by one, and work is
 * done half of one early.
 */
const ACK_BUSY = 2;

const IDLE = 0;
const BACKOFF = 1;
const WAITING = 2;

/** Octets of a frame before the FCS. */
const ROOM_END = 125;

const linkFrame: Uint8Array = /* @__PURE__ */ new Uint8Array(FRAME_SIZE);
const linkAck: Uint8Array = /* @__PURE__ */ new Uint8Array(5);
const linkDice: Uint8Array = /* @__PURE__ */ new Uint8Array(2);
/** Fragments that came, behind the headers; 8 octets in front for suites with HMAC. */
const linkParts: Uint8Array = /* @__PURE__ */ new Uint8Array(P.fragmentsIn ? P.reassembly + 8 : 0);
/** Frames dropped, those of others left out. */
export let linkDrops = 0;
let linkState = IDLE;
/** When something is due. */
let linkAt = 0;
/** When the radio is free of an acknowledgement. */
let linkFree = 0;
let linkTries = 0;
let linkSize = 0;
let linkSequence = -1;
let linkTag = 0;
// What goes out: the message, whether it is IKE's, how far it went.
let sendBuffer: Uint8Array = linkFrame;
let sendStart = 0;
let sendLength = 0;
let sendIsIke = false;
let sendDone = 0;
// The other one that waits: octets, 0: none.
let nextBuffer: Uint8Array = linkFrame;
let nextStart = 0;
let nextLength = 0;
let nextIsIke = false;
// The last frame that came.
let lastSequence = -1;
let lastAt = 0;
// The datagram that comes in fragments: tag (-1: none), octets in all, octets that came, octets of its
// headers, ECN, when to give up.
let partTag = -1;
let partSize = 0;
let partDone = 0;
let partBase = 0;
let partEcn = 0;
let partAt = 0;

function linkBackoff(now: number): void {
  randomOctets(linkDice, 0, 1);
  linkState = BACKOFF;
  // Back-off of 0 to 7 periods of 0.32 ms, clear channel assessment, turnaround: 0 to 3 ms, whole, as engines allocate fractions.
  linkAt = Math.max(linkFree, now + ((((linkDice[0] & 7) + 2) * 11) >>> 5));
}

/** Writes the FCS behind `length` octets. */
function linkFcs(frame: Uint8Array, length: number): void {
  const fcs = frameFcs(frame, 0, length);
  frame[length] = fcs & 0xff;
  frame[length + 1] = fcs >>> 8;
}

/** Makes the next frame of the message, and begins to send it. */
function linkStep(now: number): void {
  // Octets of headers that the 6LoWPAN header stands for.
  const covered = P.ike && sendIsIke ? 48 : 40;
  const header = P.ike && sendIsIke ? P.iphcIkeSize + 2 : P.iphcSize;
  let at = P.headSize;
  let count = sendLength - (P.fragmentsOut ? sendDone : 0);
  // The header stays in the frame. The first number and the first tag are random, so that they differ from those before a
  // restart.
  if (linkSequence < 0) {
    randomOctets(linkDice, 0, 2);
    copy(linkFrame, 0, D, P.atHead, P.headSize);
    linkSequence = linkDice[0];
    if (P.fragmentsOut) linkTag = u16(linkDice, 0);
  }
  if (P.fragmentsOut && sendDone === 0) linkTag = (linkTag + 1) & 0xffff;
  linkSequence = (linkSequence + 1) & 0xff;
  linkFrame[2] = linkSequence;
  if (P.fragmentsOut && (sendDone > 0 || at + header + count > ROOM_END)) {
    put16(linkFrame, at, (covered + sendLength) | ((sendDone > 0 ? FRAGN : FRAG1) << 8));
    put16(linkFrame, at + 2, linkTag);
    at += 4;
    if (sendDone > 0) linkFrame[at++] = (covered + sendDone) >>> 3;
    const most = covered + sendDone + ROOM_END - at - (sendDone > 0 ? 0 : header);
    // All but the last end on a multiple of 8 octets of the datagram.
    if (most < covered + sendLength) count = most - (most & 7) - covered - sendDone;
  }
  if (!P.fragmentsOut || sendDone === 0) {
    if (P.ike && sendIsIke) {
      copy(linkFrame, at, D, P.atIphcIke, P.iphcIkeSize);
      const sum = linkSum(sendBuffer, sendStart, sendLength, 0);
      put16(linkFrame, at + P.iphcIkeSize, sum === 0 ? 0xffff : sum);
    } else copy(linkFrame, at, D, P.atIphc, P.iphcSize);
    at += header;
  }
  copy(linkFrame, at, sendBuffer, sendStart + (P.fragmentsOut ? sendDone : 0), count);
  if (P.fragmentsOut) sendDone += count;
  linkFcs(linkFrame, at + count);
  linkSize = at + count + 2;
  linkTries = 0;
  linkBackoff(now);
}

/** Checksum of an IKE datagram between the outer addresses, without or with (`checksum`) the one that it has. */
function linkSum(buffer: Uint8Array, offset: number, length: number, checksum: number): number {
  // Pseudo-header and header: the length twice.
  let sum = PROTO_UDP + 2 * (length + 8) + 2 * UDP_500 + checksum;
  sum = sumWords(D, P.atOuter, 16, sum);
  sum = sumWords(D, P.atGateway, 16, sum);
  return foldSum(sumWords(buffer, offset, length, sum));
}

/** The message has ended; the one that waits begins. */
function linkFinish(result: number, now: number): void {
  const isIke = P.ike && sendIsIke;
  linkState = IDLE;
  if (result < 0) linkDrops++;
  sendLength = 0;
  if (P.ike && nextLength > 0) {
    const length = nextLength;
    nextLength = 0;
    linkTake(nextBuffer, nextStart, length, nextIsIke, now);
  }
  if (P.echo && !isIke && echoWaits[0] !== 0) echoWaits[0] = 0;
  else if (!isIke) onSent(result, now);
}

/** An ESP packet waits for the radio, or is being sent. */
export function linkIsBusy(): boolean {
  if (!P.ike) return sendLength > 0;
  return (sendLength > 0 && !sendIsIke) || (nextLength > 0 && !nextIsIke);
}

/** An IKE message waits for the radio, or is being sent. */
export function linkHasIke(): boolean {
  return P.ike && ((sendLength > 0 && sendIsIke) || (nextLength > 0 && nextIsIke));
}

/**
 * Sends an ESP packet (`linkIsBusy` was false), whose octets stay until `onSent`; or an IKE message, whose octets stay until the
 * next one. One that has not gone out yet gives way.
 */
export function linkTake(buffer: Uint8Array, start: number, length: number, isIke: boolean, now: number): void {
  if (P.ike && sendLength > 0 && !(isIke && sendIsIke)) {
    nextBuffer = buffer;
    nextStart = start;
    nextLength = length;
    nextIsIke = isIke;
    return;
  }
  sendBuffer = buffer;
  sendStart = start;
  sendLength = length;
  sendIsIke = isIke;
  sendDone = 0;
  linkStep(now);
}

/** Sends an IKE message, as `linkTake` says. */
export function sendDatagram(buffer: Uint8Array, start: number, length: number, now: number): void {
  linkTake(buffer, start, length, true, now);
}

/** Octets inline of the address in `mode` [RFC 6282 §3.1.1] at `at`, where they give the one at D[address..); else -1. */
function linkAddress(modes: number, mode: number, frame: Uint8Array, at: number, end: number, address: number): number {
  const kind = mode & 3;
  const size = kind === 0 ? 16 : kind === 1 ? 8 : kind === 2 ? 2 : 0;
  return ((modes >>> mode) & 1) !== 0 && at + size <= end && equal(frame, at, D, address + 16 - size, size) ? size : -1;
}

/** Takes a frame that is no acknowledgement. Returns 0, or a drop code. */
function linkParse(frame: Uint8Array, length: number, now: number): number {
  const sequence = frame[2];
  if ((frame[0] & 0x20) !== 0) {
    linkAck[0] = 2;
    linkAck[2] = sequence;
    linkFcs(linkAck, 3);
    board.transmit(linkAck, 0, 5);
    linkFree = now + ACK_BUSY;
    if (linkState === BACKOFF) linkAt = Math.max(linkAt, linkFree);
  }
  if (sequence === lastSequence && now - lastAt < P.repeatTime) return DROP_DUPLICATE;
  lastSequence = sequence;
  lastAt = now;
  let buffer = frame;
  let at = P.headSize;
  let end = length - 2;
  let protocol = PROTO_ESP;
  let ecn = 0;
  // FRAG1, FRAGN, or 0.
  let kind = 0;
  let tag = 0;
  let size = 0;
  let position = 0;
  if (P.fragmentsIn && frame[at] >= FRAG1) {
    kind = frame[at] & 0xf8;
    if (end - at < 6) return DROP_SHORT;
    size = u16(frame, at) & 0x7ff;
    tag = u16(frame, at + 2);
    at += 4;
    if (kind === FRAGN) position = frame[at++] * 8;
    else if (kind !== FRAG1) return DROP_DISPATCH;
  }
  if (!P.fragmentsIn || kind !== FRAGN) {
    if (end - at < 3) return DROP_SHORT;
    const low = frame[at];
    const high = frame[at + 1];
    const isContext = (high & 0x80) !== 0;
    // 011, no multicast, context 0 only.
    if (low >>> 5 !== 3 || (high & 8) !== 0 || (isContext && frame[at + 2] !== 0)) return DROP_DISPATCH;
    at += isContext ? 3 : 2;
    const tf = low & 0x18;
    if (P.ecnBit >= 0 && tf < 0x18) ecn = frame[at] >>> 6;
    at += tf === 0 ? 4 : tf === 8 ? 3 : tf === 16 ? 1 : 0;
    protocol = (low & 4) !== 0 ? PROTO_UDP : frame[at++];
    if ((low & 3) === 0) at++;
    let inline = linkAddress(P.sourceModes, (high >>> 4) & 7, frame, at, end, P.atGateway);
    if (inline < 0) return DROP_NOT_FOR_US;
    at += inline;
    inline = linkAddress(P.destinationModes, high & 7, frame, at, end, P.atOuter);
    if (inline < 0) return DROP_NOT_FOR_US;
    at += inline;
    if (protocol !== PROTO_ESP) {
      if (!P.ike || protocol !== PROTO_UDP) return DROP_UNSUPPORTED;
      // Both ports are 500, in the form that has them whole; without NHC the length comes before the checksum.
      const nhc = (low & 4) !== 0 ? 1 : 0;
      if (end - at < 9) return DROP_SHORT;
      if (nhc === 1 && frame[at++] !== NHC_UDP) return DROP_DISPATCH;
      if (u16(frame, at) !== UDP_500 || u16(frame, at + 2) !== UDP_500) return DROP_NOT_FOR_US;
      at += 6 - 2 * nhc;
    }
  }
  if (P.fragmentsIn && kind > 0) {
    if (kind === FRAG1) {
      // The checksum of an IKE datagram stays with it.
      partBase = P.ike && protocol !== PROTO_ESP ? 46 : 40;
      if (size - partBase > P.reassembly) return DROP_TOO_LONG;
      partTag = tag;
      partSize = size;
      partDone = partBase;
      if (P.ecnBit >= 0) partEcn = ecn;
      partAt = now + P.reassemblyTime;
    } else if (tag !== partTag || size !== partSize || position !== partDone || now >= partAt) return DROP_REASSEMBLY;
    const count = end - at;
    const done = partDone + count;
    if (count < 1 || done > size || (done < size && (done & 7) !== 0)) {
      partTag = -1;
      return DROP_FRAGMENT;
    }
    copy(linkParts, 8 + partDone - partBase, frame, at, count);
    partDone = done;
    if (done < size) return 0;
    partTag = -1;
    buffer = linkParts;
    at = 8;
    end = 8 + size - partBase;
    protocol = P.ike && partBase > 40 ? PROTO_UDP : PROTO_ESP;
    if (P.ecnBit >= 0) ecn = partEcn;
  }
  if (at >= end) return DROP_SHORT;
  if (!P.ike || protocol === PROTO_ESP) return onEsp(buffer, at, end, ecn, now);
  const checksum = u16(buffer, at);
  if (checksum === 0 || linkSum(buffer, at + 2, end - at - 2, checksum) !== 0) return DROP_CHECKSUM;
  onDatagram(buffer, at + 2, end - at - 2, now);
  return 0;
}

/** Takes a frame, MHR to FCS; any octets. Returns 0, or a drop code, counted where the frame is from the gateway to us. */
export function linkReceive(frame: Uint8Array, length: number, now: number): number {
  let code = 0;
  if (length < 5 || length > FRAME_SIZE) code = DROP_SHORT;
  else if (frameFcs(frame, 0, length) !== 0) code = DROP_FCS;
  else if ((frame[0] & 7) === 2) {
    if (linkState === WAITING && frame[2] === linkSequence) {
      if (P.fragmentsOut && sendDone < sendLength) linkStep(now);
      else linkFinish(0, now);
    }
  } else if (
    // Type, security, PAN compression, addressing modes, PAN and both addresses are those of the gateway's frames.
    length < P.headSize + 3 ||
    (frame[0] & 0x4f) !== 0x41 ||
    (frame[1] & 0xec) !== D[P.atHeadIn + 1] ||
    !equal(frame, 3, D, P.atHeadIn + 3, P.headSize - 3)
  ) {
    return DROP_NOT_FOR_US;
  } else code = linkParse(frame, length, now);
  if (code < 0) linkDrops++;
  return code;
}

/** Does what is due. */
export function linkPoll(now: number): void {
  if (linkState === IDLE || now < linkAt) return;
  if (linkState === BACKOFF) {
    linkState = WAITING;
    // 32 octets take a millisecond.
    linkAt = now + (linkSize >>> 5) + 1 + P.ackWait;
    board.transmit(linkFrame, 0, linkSize);
  } else if (linkTries < RETRIES) {
    linkTries++;
    linkBackoff(now);
  } else linkFinish(DROP_NO_ACK, now);
}

/** When to call `linkPoll`, or -1. */
export function linkNext(): number {
  return linkState === IDLE ? -1 : linkAt;
}
