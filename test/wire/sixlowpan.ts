// Packets for the tests of IPHC, and compression and decompression with sentinels around the buffers.

import assert from 'node:assert/strict';
import { addressOf } from '../../core/base/address.ts';
import { pseudoSum, putChecksum } from '../../core/base/checksum.ts';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { createContexts, putInterfaceId } from '../../core/wire/sixlowpan.ts';
import {
  compressIphc,
  decompressIphc,
  IPHC_MAX,
  iphcCovers,
  type NextHeaderCompression,
} from '../../core/wire/sixlowpan-iphc.ts';

export const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));
export const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const SRC = hex('0212 4b00 0600 1122');
const DST = hex('beef');
export const SRC_IID = '0012 4b00 0600 1122';
export const DST_IID = '0000 00ff fe00 beef';

export function iidsOf(src: Uint8Array, dst: Uint8Array): Uint8Array {
  const iids = new Uint8Array(16);
  putInterfaceId(iids, 0, addressOf(src));
  putInterfaceId(iids, 8, addressOf(dst));
  return iids;
}
export const IIDS = iidsOf(SRC, DST);

export interface Fields {
  tc?: number;
  flow?: number;
  next?: number;
  hops?: number;
  src: string;
  dst: string;
  payload?: string;
}

export function packetOf(f: Fields): Uint8Array {
  const payload = hex(f.payload ?? '0102030405');
  const packet = new Uint8Array(40 + payload.length);
  emitIpv6(packet, 0, f.tc ?? 0, f.flow ?? 0, payload.length, f.next ?? 50, f.hops ?? 64);
  packet.set(hex(f.src), 8);
  packet.set(hex(f.dst), 24);
  packet.set(payload, 40);
  return packet;
}

export function udpOf(src: number, dst: number, payload = '0a0b0c', checksum = -1): Uint8Array {
  const data = hex(payload);
  const packet = packetOf({
    next: 17,
    src: LINK_SRC,
    dst: LINK_DST,
    payload: '00'.repeat(8) + payload,
  });
  const view = new DataView(packet.buffer);
  view.setUint16(40, src);
  view.setUint16(42, dst);
  view.setUint16(44, 8 + data.length);
  putChecksum(packet, 46, 40, 8 + data.length, pseudoSum(packet, 0, 17, 8 + data.length), 0xffff);
  if (checksum >= 0) view.setUint16(46, checksum);
  return packet;
}

export function compressed(
  packet: Uint8Array,
  contexts: Uint8Array,
  iids = IIDS,
  nhc: NextHeaderCompression | null = null,
) {
  const out = new Uint8Array(IPHC_MAX + 20).fill(0xee);
  const size = compressIphc({ contexts, iids, nhc }, packet, 0, packet.length, out, 3);
  assert.deepEqual([...out.subarray(0, 3)], [0xee, 0xee, 0xee]);
  assert.ok(out.subarray(3 + size).every((octet) => octet === 0xee));
  const covers = iphcCovers({ contexts, iids, nhc }, out, 3);
  const wire = new Uint8Array(size + packet.length - covers);
  wire.set(out.subarray(3, 3 + size));
  wire.set(packet.subarray(covers), size);
  return { size, covers, wire };
}

/** Decompresses with sentinels round both buffers: nothing outside may be written, or read into the result. */
export function decompressed(
  wire: Uint8Array,
  contexts: Uint8Array,
  iids = IIDS,
  nhc: NextHeaderCompression | null = null,
  size = 0,
  room = 1400,
) {
  const results = [0x00, 0xff].map((sentinel) => {
    const from = new Uint8Array(wire.length + 80).fill(sentinel);
    from.set(wire, 40);
    const to = new Uint8Array(room + 20).fill(0xc3);
    const into = to.subarray(0, 10 + room);
    const result = decompressIphc({ contexts, iids, nhc }, from, 40, wire.length, into, 10, size);
    assert.ok(to.subarray(0, 10).every((octet) => octet === 0xc3));
    assert.ok(to.subarray(10 + (result < 0 ? room : result)).every((octet) => octet === 0xc3));
    return { result, packet: to.slice(10, 10 + Math.max(0, result)) };
  });
  assert.deepEqual(results[0], results[1]);
  return results[0];
}

export const NONE = createContexts(0);
export const LINK_SRC = 'fe80 0000 0000 0000' + SRC_IID;
export const LINK_DST = 'fe80 0000 0000 0000' + DST_IID;
