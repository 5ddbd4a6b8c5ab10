// Writes pcapng [draft-ietf-opsawg-pcapng]: one section, one interface, an Enhanced Packet for each packet. IEEE 802.15.4 frames
// stand behind fields that tell of their reception (link type 283, the TAP of Exegin).
//
//   version 0, 0, length 2 | type 2, length 2, value to 32 bits | ... | MHR, payload, FCS

import { LINKTYPE_IEEE802_15_4_TAP } from './pcap.ts';
import type { Signal } from './radio.ts';

const BLOCK_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_ENHANCED = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION_IF_NAME = 2;
const OPTION_FLAGS = 2;
const OPTION_DROPS = 4;
const ENHANCED_HEADER = 20;
/** Type and length in front of a block's body, and its length behind it. */
const BLOCK_HEAD = 8;
const BLOCK_END = 4;
const TAP_FCS_TYPE = 0;
const TAP_RSS = 1;
const TAP_CHANNEL = 3;
const TAP_LQI = 10;
/** An FCS of 16 bits. */
const FCS_16 = 1;
const TAP_SIZE = 4;
const TAP_FIELD = 8;
/** Options of a packet: flags, drops, end. */
const OPTIONS_MAX = 8 + 12 + 4;

/** Octets that a packet's block has beside the packet, at most. */
export const PACKET_MORE = BLOCK_HEAD + ENHANCED_HEADER + TAP_SIZE + 4 * TAP_FIELD + 3 + OPTIONS_MAX + BLOCK_END;

/** What is known of a packet. */
export interface PacketNotes {
  /** Milliseconds since 1970. */
  time: number;
  /** `in`: it was received. Absent: not told. */
  direction?: 'in' | 'out';
  /** Packets that are missing in front of it. */
  missed?: number;
  /** Of a frame's reception; null: nothing is known. Absent: it is no frame, and no TAP stands in front of it. */
  signal?: Signal | null;
}

function block(type: number, body: Uint8Array): Uint8Array {
  const padded = (body.length + 3) & ~3;
  const octets = new Uint8Array(12 + padded);
  const view = new DataView(octets.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, octets.length, true);
  octets.set(body, 8);
  view.setUint32(8 + padded, octets.length, true);
  return octets;
}

/** Section and interface: what a file begins with. Times are microseconds. `name`: of the interface, or ''. */
export function pcapngHeader(linkType = LINKTYPE_IEEE802_15_4_TAP, name = ''): Uint8Array {
  const section = new DataView(new ArrayBuffer(16));
  section.setUint32(0, BYTE_ORDER_MAGIC, true);
  section.setUint16(4, 1, true);
  // The section's length is not known.
  section.setBigInt64(8, -1n, true);
  const text = Buffer.from(name);
  const described = new DataView(new ArrayBuffer(name === '' ? 8 : 8 + 4 + ((text.length + 3) & ~3) + 4));
  described.setUint16(0, linkType, true);
  if (name !== '') {
    described.setUint16(8, OPTION_IF_NAME, true);
    described.setUint16(10, text.length, true);
    new Uint8Array(described.buffer).set(text, 12);
  }
  return Buffer.concat([
    block(BLOCK_SECTION, new Uint8Array(section.buffer)),
    block(BLOCK_INTERFACE, new Uint8Array(described.buffer)),
  ]);
}

/** Puts the TAP of a frame at target[at..): where it ends. */
function putTap(target: Buffer, at: number, signal: Signal | null): number {
  const { rssi = null, lqi = null, channel = null } = signal ?? {};
  let end = at + TAP_SIZE;
  const field = (type: number, size: number): number => {
    target.writeUInt16LE(type, end);
    target.writeUInt16LE(size, end + 2);
    target.writeUInt32LE(0, end + 4);
    end += TAP_FIELD;
    return end - 4;
  };
  target.writeUInt8(FCS_16, field(TAP_FCS_TYPE, 1));
  if (rssi !== null) target.writeFloatLE(rssi, field(TAP_RSS, 4));
  // Page 0: 2.4 GHz.
  if (channel !== null) target.writeUInt16LE(channel & 0xffff, field(TAP_CHANNEL, 3));
  if (lqi !== null) target.writeUInt8(lqi & 0xff, field(TAP_LQI, 1));
  target.writeUInt16LE(0, at);
  target.writeUInt16LE(end - at, at + 2);
  return end;
}

/** Puts the options of a packet at target[at..): where they end. */
function putOptions(target: Buffer, at: number, { direction, missed = 0 }: PacketNotes): number {
  let end = at;
  if (direction !== undefined) {
    target.writeUInt16LE(OPTION_FLAGS, end);
    target.writeUInt16LE(4, end + 2);
    target.writeUInt32LE(direction === 'in' ? 1 : 2, end + 4);
    end += 8;
  }
  if (missed > 0) {
    target.writeUInt16LE(OPTION_DROPS, end);
    target.writeUInt16LE(8, end + 2);
    target.writeUInt32LE(missed >>> 0, end + 4);
    target.writeUInt32LE(Math.floor(missed / 2 ** 32), end + 8);
    end += 12;
  }
  if (end === at) return at;
  target.writeUInt32LE(0, end);
  return end + 4;
}

/**
 * Puts the block of packet[offset..offset + length) at target[at..), which has room for it and PACKET_MORE: where it ends. A frame
 * goes from MHR to FCS.
 */
export function putPacket(
  target: Buffer,
  at: number,
  notes: PacketNotes,
  packet: Uint8Array,
  offset: number,
  length: number,
): number {
  const body = at + BLOCK_HEAD;
  let end = body + ENHANCED_HEADER;
  if (notes.signal !== undefined) end = putTap(target, end, notes.signal);
  target.set(packet.subarray(offset, offset + length), end);
  end += length;
  const size = end - body - ENHANCED_HEADER;
  for (; (end - at) % 4 !== 0; end++) target[end] = 0;
  const microseconds = Math.max(0, Math.round(notes.time * 1000));
  target.writeUInt32LE(0, body);
  target.writeUInt32LE(Math.floor(microseconds / 2 ** 32), body + 4);
  target.writeUInt32LE(microseconds % 2 ** 32, body + 8);
  target.writeUInt32LE(size, body + 12);
  target.writeUInt32LE(size, body + 16);
  end = putOptions(target, end, notes) + BLOCK_END;
  target.writeUInt32LE(BLOCK_ENHANCED, at);
  target.writeUInt32LE(end - at, at + 4);
  target.writeUInt32LE(end - at, end - BLOCK_END);
  return end;
}

/** The block of a frame, MHR to FCS, with what is known of its signal; `time` in milliseconds since 1970. */
export function pcapngFrame(time: number, frame: Uint8Array, signal: Signal | null): Uint8Array {
  const target = Buffer.alloc(frame.length + PACKET_MORE);
  return target.subarray(0, putPacket(target, 0, { time, signal }, frame, 0, frame.length));
}
