// Writes pcapng [draft-ietf-opsawg-pcapng]: one section, one interface, an Enhanced Packet for each frame. IEEE 802.15.4 frames
// stand behind fields that tell of their reception (link type 283, the TAP of Exegin).
//
//   version 0, 0, length 2 | type 2, length 2, value to 32 bits | ... | MHR, payload, FCS

import { LINKTYPE_IEEE802_15_4_TAP } from './pcap.ts';
import type { Signal } from './radio.ts';

const BLOCK_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_ENHANCED = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const TAP_FCS_TYPE = 0;
const TAP_RSS = 1;
const TAP_CHANNEL = 3;
const TAP_LQI = 10;
/** An FCS of 16 bits. */
const FCS_16 = 1;

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

/** Section and interface: what a file begins with. Times are microseconds. */
export function pcapngHeader(): Uint8Array {
  const section = new DataView(new ArrayBuffer(16));
  section.setUint32(0, BYTE_ORDER_MAGIC, true);
  section.setUint16(4, 1, true);
  // The section's length is not known.
  section.setBigInt64(8, -1n, true);
  const described = new DataView(new ArrayBuffer(8));
  described.setUint16(0, LINKTYPE_IEEE802_15_4_TAP, true);
  return Buffer.concat([
    block(BLOCK_SECTION, new Uint8Array(section.buffer)),
    block(BLOCK_INTERFACE, new Uint8Array(described.buffer)),
  ]);
}

function field(type: number, size: number, put: (view: DataView) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 + ((size + 3) & ~3)));
  view.setUint16(0, type, true);
  view.setUint16(2, size, true);
  put(view);
  return new Uint8Array(view.buffer);
}

/** A frame, MHR to FCS, with what is known of its signal; `time` in milliseconds since 1970. */
export function pcapngFrame(time: number, frame: Uint8Array, signal: Signal | null): Uint8Array {
  const fields = [field(TAP_FCS_TYPE, 1, (view) => view.setUint8(4, FCS_16))];
  const { rssi = null, lqi = null, channel = null } = signal ?? {};
  if (rssi !== null) fields.push(field(TAP_RSS, 4, (view) => view.setFloat32(4, rssi, true)));
  // Page 0: 2.4 GHz.
  if (channel !== null) fields.push(field(TAP_CHANNEL, 3, (view) => view.setUint16(4, channel, true)));
  if (lqi !== null) fields.push(field(TAP_LQI, 1, (view) => view.setUint8(4, lqi)));
  const size = 4 + fields.reduce((sum, one) => sum + one.length, 0);
  const tap = field(0, 0, (view) => view.setUint16(2, size, true));
  const packet = Buffer.concat([tap, ...fields, frame]);
  const head = new DataView(new ArrayBuffer(20));
  const microseconds = Math.round(time * 1000);
  head.setUint32(4, Math.floor(microseconds / 2 ** 32), true);
  head.setUint32(8, microseconds % 2 ** 32, true);
  head.setUint32(12, packet.length, true);
  head.setUint32(16, packet.length, true);
  return block(BLOCK_ENHANCED, Buffer.concat([new Uint8Array(head.buffer), packet]));
}
