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
  DROP_LENGTH,
  DROP_NO_ACK,
  DROP_NOT_FOR_US,
  DROP_REASSEMBLY,
  DROP_SHORT,
  DROP_TOO_LONG,
  DROP_UNSUPPORTED,
} from '../../core/base/drop.ts';
import { frameFcs, sumWords } from '../../core/base/spans.ts';
import type { Board } from '../board/hooks.ts';
import { randomOctets } from './crypto.ts';
import { D } from './data.ts';
import { onDatagram, onEsp, onSent } from './events.ts';
import type { Profile } from './profile.ts';

declare const board: Board;
declare const P: Profile;

const FRAME_SIZE = 127;
const FRAG1 = 0xc0;
const FRAGN = 0xe0;
const PROTOCOL_ESP = 50;
const PROTOCOL_UDP = 17;
const UDP_500 = 500;
/** UDP's NHC [RFC 6282 §4.3.3]: 11110, checksum elided (1), ports (2). */
const NHC_UDP = 0xf0;
const RETRIES = 3;

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
// The datagram that comes in fragments: tag (-1: none), octets in all, octets that came, its protocol and ECN, when to give up.
let partTag = -1;
let partSize = 0;
let partDone = 0;
let partProtocol = 0;
let partEcn = 0;
let partAt = 0;

function linkBackoff(now: number): void {
  randomOctets(linkDice, 0, 1);
  linkState = BACKOFF;
  // Back-off of 0 to 7 periods of 0.32 ms, clear channel assessment, turnaround.
  linkAt = now + (linkDice[0] & 7) * 0.32 + 0.32;
}

/** Writes the FCS behind `length` octets. */
function linkFcs(frame: Uint8Array, length: number): void {
  const fcs = frameFcs(frame, 0, length);
  frame[length] = fcs & 0xff;
  frame[length + 1] = fcs >>> 8;
}

/** Octets of headers that the 6LoWPAN header stands for. */
function linkCovers(isIke: boolean): number {
  return P.ike && isIke ? 48 : 40;
}

/** Makes the next frame of the message, and begins to send it. */
function linkStep(now: number): void {
  const covered = linkCovers(sendIsIke);
  const header = P.ike && sendIsIke ? P.iphcIkeSize + 2 : P.iphcSize;
  let at = P.headSize;
  let count = sendLength - sendDone;
  if (sendDone === 0 && linkSequence < 0) {
    randomOctets(linkDice, 0, 2);
    linkSequence = linkDice[0];
    linkTag = u16(linkDice, 0);
  }
  if (sendDone === 0) linkTag = (linkTag + 1) & 0xffff;
  linkSequence = (linkSequence + 1) & 0xff;
  copy(linkFrame, 0, D, P.atHead, P.headSize);
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
  if (sendDone === 0) {
    if (P.ike && sendIsIke) {
      copy(linkFrame, at, D, P.atIphcIke, P.iphcIkeSize);
      const sum = linkSum(sendBuffer, sendStart, sendLength, 0);
      put16(linkFrame, at + P.iphcIkeSize, sum === 0 ? 0xffff : sum);
    } else copy(linkFrame, at, D, P.atIphc, P.iphcSize);
    at += header;
  }
  copy(linkFrame, at, sendBuffer, sendStart + sendDone, count);
  sendDone += count;
  linkFcs(linkFrame, at + count);
  linkSize = at + count + 2;
  linkTries = 0;
  linkBackoff(now);
}

/** Checksum of an IKE datagram between the outer addresses, without or with (`checksum`) the one that it has. */
function linkSum(buffer: Uint8Array, offset: number, length: number, checksum: number): number {
  // Pseudo-header and header: the length twice.
  let sum = PROTOCOL_UDP + 2 * (length + 8) + 2 * UDP_500 + checksum;
  sum = sumWords(D, P.atOuter, 16, sum);
  sum = sumWords(D, P.atGateway, 16, sum);
  return foldSum(sumWords(buffer, offset, length, sum));
}

/** The message has ended; the one that waits begins. */
function linkFinish(result: number, now: number): void {
  const isIke = sendIsIke;
  linkState = IDLE;
  if (result < 0) linkDrops++;
  sendLength = 0;
  if (nextLength > 0) {
    sendBuffer = nextBuffer;
    sendStart = nextStart;
    sendLength = nextLength;
    sendIsIke = nextIsIke;
    sendDone = 0;
    nextLength = 0;
    linkStep(now);
  }
  if (!isIke) onSent(result, now);
}

/** An ESP packet waits for the radio, or is being sent. */
export function linkIsBusy(): boolean {
  return (sendLength > 0 && !sendIsIke) || (nextLength > 0 && !nextIsIke);
}

/** An IKE message waits for the radio, or is being sent. */
export function linkHasIke(): boolean {
  return P.ike && ((sendLength > 0 && sendIsIke) || (nextLength > 0 && nextIsIke));
}

function linkTake(buffer: Uint8Array, start: number, length: number, isIke: boolean, now: number): void {
  if (sendLength > 0 && !(isIke && sendIsIke)) {
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

/** Sends an ESP packet; `linkIsBusy` was false. The octets stay until `onSent`. */
export function linkSend(buffer: Uint8Array, start: number, length: number, now: number): void {
  linkTake(buffer, start, length, false, now);
}

/** Sends an IKE message; one that has not gone out yet gives way. The octets stay until the next one. */
export function sendDatagram(buffer: Uint8Array, start: number, length: number, now: number): void {
  linkTake(buffer, start, length, true, now);
}

/** True when the inline octets of an address in `mode` give the address at D[address..). */
function linkIsAddress(
  modes: number,
  mode: number,
  frame: Uint8Array,
  at: number,
  address: number,
  size: number,
): boolean {
  return ((modes >>> mode) & 1) !== 0 && equal(frame, at, D, address + 16 - size, size);
}

/** Octets inline of an address mode [RFC 6282 §3.1.1]. */
function linkInline(mode: number): number {
  const kind = mode & 3;
  return kind === 0 ? (mode === 0 ? 16 : 0) : kind === 1 ? 8 : kind === 2 ? 2 : 0;
}

function linkDrop(code: number): number {
  if (code < 0) linkDrops++;
  return code;
}

/** Hands a whole datagram on: what stands behind IPv6, or IPv6 and UDP. */
function linkDeliver(protocol: number, buffer: Uint8Array, at: number, end: number, ecn: number, now: number): number {
  if (!P.ike || protocol === PROTOCOL_ESP) return linkDrop(onEsp(buffer, at, end, ecn, now));
  // IKE: the checksum stands in front.
  if (u16(buffer, at) === 0 || linkSum(buffer, at + 2, end - at - 2, u16(buffer, at)) !== 0)
    return linkDrop(DROP_CHECKSUM);
  onDatagram(buffer, at + 2, end - at - 2, now);
  return 0;
}

/** Takes a frame, MHR to FCS. Returns 0, or a drop code, counted. */
export function linkReceive(frame: Uint8Array, length: number, now: number): number {
  if (length < 5 || length > FRAME_SIZE) return linkDrop(DROP_SHORT);
  if (frameFcs(frame, 0, length) !== 0) return linkDrop(DROP_FCS);
  if ((frame[0] & 7) === 2) {
    if (linkState === WAITING && frame[2] === linkSequence) {
      if (sendDone < sendLength) linkStep(now);
      else linkFinish(0, now);
    }
    return 0;
  }
  let end = length - 2;
  let at = P.headSize;
  // Type, security, PAN compression, addressing modes, PAN and both addresses are those of the gateway's frames.
  if (
    end <= at ||
    (frame[0] & 0x4f) !== 0x41 ||
    (frame[1] & 0xec) !== D[P.atHeadIn + 1] ||
    !equal(frame, 3, D, P.atHeadIn + 3, at - 3)
  ) {
    return DROP_NOT_FOR_US;
  }
  const sequence = frame[2];
  if ((frame[0] & 0x20) !== 0) {
    linkAck[0] = 2;
    linkAck[2] = sequence;
    linkFcs(linkAck, 3);
    board.transmit(linkAck, 0, 5);
  }
  if (sequence === lastSequence && now - lastAt < P.repeatTime) return linkDrop(DROP_DUPLICATE);
  lastSequence = sequence;
  lastAt = now;
  const kind = frame[at] & 0xf8;
  const isPart = P.fragmentsIn && (kind === FRAG1 || kind === FRAGN);
  let covered = 40;
  let protocol = PROTOCOL_ESP;
  let ecn = 0;
  let part = 0;
  let position = 0;
  if (isPart) {
    if (end - at < 6) return linkDrop(DROP_SHORT);
    part = at;
    if (kind === FRAGN) position = frame[at + 4] * 8;
    at += kind === FRAGN ? 5 : 4;
  }
  if (kind !== FRAGN || !isPart) {
    if (end - at < 3) return linkDrop(DROP_SHORT);
    const low = frame[at];
    const high = frame[at + 1];
    // 011, no multicast, contexts 0 only.
    if (low >>> 5 !== 3 || (high & 8) !== 0 || ((high & 0x80) !== 0 && frame[at + 2] !== 0))
      return linkDrop(DROP_DISPATCH);
    at += (high & 0x80) !== 0 ? 3 : 2;
    const tf = (low >>> 3) & 3;
    if (tf < 3) ecn = frame[at] >>> 6;
    at += tf === 0 ? 4 : tf === 1 ? 3 : tf === 2 ? 1 : 0;
    if ((low & 4) === 0) protocol = frame[at++];
    else protocol = PROTOCOL_UDP;
    if ((low & 3) === 0) at++;
    const source = (high >>> 4) & 7;
    const destination = high & 7;
    const sourceSize = linkInline(source);
    const destinationSize = linkInline(destination);
    if (at + sourceSize + destinationSize > end) return linkDrop(DROP_SHORT);
    if (
      !linkIsAddress(P.sourceModes, source, frame, at, P.atGateway, sourceSize) ||
      !linkIsAddress(P.destinationModes, destination, frame, at + sourceSize, P.atOuter, destinationSize)
    ) {
      return linkDrop(DROP_NOT_FOR_US);
    }
    at += sourceSize + destinationSize;
    if (protocol !== PROTOCOL_ESP) {
      if (!P.ike || protocol !== PROTOCOL_UDP) return linkDrop(DROP_UNSUPPORTED);
      // Both ports are 500, in the form that has them whole; without NHC the length comes before the checksum.
      const nhc = (low & 4) !== 0 ? 1 : 0;
      if (end - at < 8 - nhc) return linkDrop(DROP_SHORT);
      if (nhc === 1 && frame[at] !== NHC_UDP) return linkDrop(DROP_DISPATCH);
      at += nhc;
      if (u16(frame, at) !== UDP_500 || u16(frame, at + 2) !== UDP_500) return linkDrop(DROP_NOT_FOR_US);
      at += nhc === 1 ? 4 : 6;
      // The checksum stays with the datagram.
      covered = 46;
    }
  }
  if (isPart) {
    const size = u16(frame, part) & 0x7ff;
    const tag = u16(frame, part + 2);
    if (kind === FRAG1) {
      if (size - covered > P.reassembly) return linkDrop(DROP_TOO_LONG);
      partTag = tag;
      partSize = size;
      partDone = covered;
      partProtocol = protocol;
      partEcn = ecn;
      partAt = now + P.reassemblyTime;
    } else if (tag !== partTag || size !== partSize || position !== partDone || now >= partAt) {
      return linkDrop(DROP_REASSEMBLY);
    }
    const base = partProtocol === PROTOCOL_ESP ? 40 : 46;
    const count = end - at;
    if (count < 1 || partDone + count > partSize || (partDone + count < partSize && ((partDone + count) & 7) !== 0)) {
      partTag = -1;
      return linkDrop(DROP_LENGTH);
    }
    copy(linkParts, 8 + partDone - base, frame, at, count);
    partDone += count;
    if (partDone < partSize) return 0;
    partTag = -1;
    frame = linkParts;
    at = 8;
    end = 8 + partSize - base;
    protocol = partProtocol;
    ecn = partEcn;
  }
  if (at >= end) return linkDrop(DROP_SHORT);
  return linkDeliver(protocol, frame, at, end, ecn, now);
}

/** Does what is due. */
export function linkPoll(now: number): void {
  if (linkState === IDLE || now < linkAt) return;
  if (linkState === BACKOFF) {
    linkState = WAITING;
    linkAt = now + linkSize * 0.032 + P.ackWait;
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
