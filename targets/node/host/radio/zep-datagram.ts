// The datagrams of ZEP v2: 802.15.4 frames over UDP.
//
//  "EX" 2 type(1) channel(1) device(2) mode(1) LQI(1) NTP time(8) sequence(4) reserved(10) length(1) | frame with FCS
//
// RIOT's native nodes also send HELLO (type 255, no frame), to be known before they send. Until May 2026 their FCS was a CRC with
// the bits of each octet in the other order (CRC-16/XMODEM), the low octet first; they did not check that of others.

import { put16, put32 } from '../../../../core/base/bytes.ts';
import { frameFcs } from '../../../../core/base/spans.ts';
import { FCS_SIZE, put16Le, putFcs } from '../../../../core/wire/ieee802154.ts';

/** Octets in front of a frame. */
export const ZEP_HEADER = 32;
const VERSION = 2;
const TYPE_DATA = 1;
const TYPE_ACK = 2;
const TYPE_HELLO = 255;
const ACK_SIZE = 8;
/** The last two octets of the frame are its FCS. */
const MODE_CRC = 1;
/** From 1900 (NTP) to 1970. */
const NTP_EPOCH = 2208988800;

/** What a datagram is: data for this channel. */
export const ZEP_OK = 0;
export const ZEP_MALFORMED = 1;
export const ZEP_OTHER_CHANNEL = 2;
/** An acknowledgement packet: nothing to do. */
export const ZEP_ACK = 3;
/** A node of RIOT tells that it is there. */
export const ZEP_HELLO = 4;

/** Checks a datagram. After ZEP_OK the frame is at octet ZEP_HEADER and `zepFrameLength` octets long, within the datagram. */
export function checkZep(datagram: Uint8Array, channel: number): number {
  if (datagram.length < ACK_SIZE || datagram[0] !== 0x45 || datagram[1] !== 0x58 || datagram[2] !== VERSION) {
    return ZEP_MALFORMED;
  }
  if (datagram[3] === TYPE_ACK) return ZEP_ACK;
  if (datagram[3] === TYPE_HELLO) return datagram.length < ZEP_HEADER ? ZEP_MALFORMED : ZEP_HELLO;
  if (datagram[3] !== TYPE_DATA || datagram.length <= ZEP_HEADER) return ZEP_MALFORMED;
  if (datagram[7] !== MODE_CRC || ZEP_HEADER + zepFrameLength(datagram) > datagram.length) return ZEP_MALFORMED;
  return datagram[4] === channel ? ZEP_OK : ZEP_OTHER_CHANNEL;
}

/** Octets of the frame in a datagram, FCS included. */
export function zepFrameLength(datagram: Uint8Array): number {
  return datagram[31] & 0x7f;
}

/** A datagram for one frame; `time` in milliseconds since 1970. */
export function zepDatagram(
  frame: Uint8Array,
  channel: number,
  device: number,
  sequence: number,
  time: number,
): Uint8Array {
  const datagram = new Uint8Array(ZEP_HEADER + frame.length);
  datagram[0] = 0x45;
  datagram[1] = 0x58;
  datagram[2] = VERSION;
  datagram[3] = TYPE_DATA;
  datagram[4] = channel;
  put16(datagram, 5, device);
  datagram[7] = MODE_CRC;
  datagram[8] = 255;
  put32(datagram, 9, (Math.floor(time / 1000) + NTP_EPOCH) % 2 ** 32);
  put32(datagram, 13, Math.floor(((time % 1000) / 1000) * 2 ** 32));
  put32(datagram, 17, sequence % 2 ** 32);
  datagram[31] = frame.length;
  datagram.set(frame, ZEP_HEADER);
  return datagram;
}

/** CRC-16/XMODEM: polynomial 0x1021, from 0, the highest bit of each octet first. */
function unreflectedCrc(octets: Uint8Array, offset: number, length: number): number {
  let crc = 0;
  for (let i = offset; i < offset + length; i++) {
    crc ^= octets[i] << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}

/** Gives a frame whose FCS is that of RIOT before May 2026 the one of the standard. Returns whether it did. */
export function mendRiotFcs(frame: Uint8Array, offset: number, length: number): boolean {
  const size = length - FCS_SIZE;
  if (size < 1 || frameFcs(frame, offset, length) === 0) return false;
  const expected = new Uint8Array(FCS_SIZE);
  put16Le(expected, 0, unreflectedCrc(frame, offset, size));
  if (expected[0] !== frame[offset + size] || expected[1] !== frame[offset + size + 1]) return false;
  putFcs(frame, offset, size);
  return true;
}
