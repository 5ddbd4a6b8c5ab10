// The outer IPv4 header of a tunnel: atomic unless asked otherwise [RFC 6864 §4.1], DF by policy [RFC 4301 §8.1]; and checksums
// FFFF that stand for 0000 [RFC 1071].

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DfPolicy, dfClear, dfCopy } from '../../core/esp/df.ts';
import { internetChecksum } from '../naive/bits.ts';
import { FOUR, makeSa, OUTER_FOUR, OUTER_SIX, SIX } from '../naive/make-sa.ts';
import { packet, patched, tcp, udp } from '../naive/packets.ts';
import type { Sa as NaiveSa } from '../naive/types.ts';
import { endpointOf, hex, packetOf, receive, saOf, send } from './support.ts';

const datagram = udp(5001, 4500, Buffer.from('data'));

/** Octets 4 to 7 of the outer header: Identification, flags, offset. Its sum must be right, and the packet must open. */
function wordOf(naive: Partial<NaiveSa>, df: DfPolicy | null, version: 4 | 6, flags: number, label: number): string {
  const sa = makeSa(version, 17, { flow_label_cda: 'not_compressed', tunnel_ip: OUTER_FOUR, ...naive });
  const inner = packet({ ...(version === 6 ? SIX : FOUR), flags, label }, datagram);
  const wire = Buffer.from(packetOf(send(endpointOf(), saOf(sa, { df }), inner)));
  const back = receive(endpointOf(saOf(sa)), wire);
  assert.equal(typeof back === 'string' ? back : hex(back), hex(inner));
  if (wire[0] !== 0x45) return 'IPv6';
  assert.equal(internetChecksum(wire.subarray(0, 20)), 0);
  return wire.subarray(4, 8).toString('hex');
}

test('set: Identification 0 and DF, whatever the inner packet has', () => {
  for (const version of [4, 6] as const) {
    for (const flags of [0, 2]) {
      assert.equal(wordOf({}, null, version, flags, 0xbeef), '00004000');
      assert.equal(wordOf({ iipc_enabled: false }, null, version, flags, 0xbeef), '00004000');
    }
  }
});

test('clear: the low 16 bits of the sequence number, also where they are 0', () => {
  for (const version of [4, 6] as const) {
    assert.equal(wordOf({ esp_sn: '1' }, dfClear, version, 2, 1), '00010000');
    assert.equal(wordOf({ esp_sn: '12345' }, dfClear, version, 2, 1), '23450000');
    assert.equal(wordOf({ esp_sn: '20000' }, dfClear, version, 2, 1), '00000000');
  }
});

test('copy: what an inner IPv4 packet has; IPv6 cannot be fragmented on the way, so set', () => {
  assert.equal(wordOf({ esp_sn: '7' }, dfCopy, 4, 2, 1), '00004000');
  assert.equal(wordOf({ esp_sn: '7' }, dfCopy, 4, 0, 1), '00070000');
  assert.equal(wordOf({ esp_sn: '7' }, dfCopy, 6, 0, 1), '00004000');
});

test('lower: Identification carries the label; with 0 the header is atomic', () => {
  for (const df of [null, dfClear, dfCopy]) {
    assert.equal(wordOf({ flow_label_cda: 'lower' }, df, 4, 0, 0xbeef), 'beef0000');
    assert.equal(wordOf({ flow_label_cda: 'lower' }, df, 4, 0, 0), '00004000');
  }
});

test('an IPv6 outer header has no DF, and its label stays 0', () => {
  for (const df of [dfClear, dfCopy]) {
    const sa = makeSa(4, 17, { flow_label_cda: 'zero', tunnel_ip: OUTER_SIX });
    const wire = packetOf(send(endpointOf(), saOf(sa, { df }), packet(FOUR, datagram)));
    assert.equal(hex(wire.subarray(0, 4)), '60000000');
  }
});

test('TCP and IPv4 checksums FFFF for 0000 are accepted, come back as 0000, and are counted', () => {
  const flags = { seq: 1, ack: 2, flags: 16, window: 3 };
  const zeroed = packet(FOUR, tcp(5001, 4500, flags, Buffer.alloc(2)));
  const segment = tcp(5001, 4500, flags, zeroed.subarray(36, 38));
  const label = packet(FOUR, segment).readUInt16BE(10);
  const inner = packet({ ...FOUR, label }, segment);
  assert.deepEqual([inner.readUInt16BE(10), inner.readUInt16BE(36)], [0, 0]);
  for (const [iipc_enabled, ones, count] of [
    [true, [10], 1],
    [true, [36], 1],
    [true, [10, 36], 1],
    [true, [], 0],
    [false, [10, 36], 0],
  ] as [boolean, number[], number][]) {
    const sa = makeSa(4, 6, { iipc_enabled, flow_label_cda: 'not_compressed' });
    const sender = saOf(sa);
    const sent = ones.reduce((octets, at) => patched(octets, at, [255, 255]), inner);
    const back = receive(endpointOf(saOf(sa)), packetOf(send(endpointOf(), sender, sent)));
    assert.equal(typeof back === 'string' ? back : hex(back), hex(iipc_enabled ? inner : sent));
    assert.equal(sender.normalised, count);
  }
});

test('an outer IPv4 header with checksum FFFF for 0000 is accepted', () => {
  const sa = makeSa(6, 17, { tunnel_ip: OUTER_FOUR, flow_label_cda: 'zero' });
  const wire = Buffer.from(packetOf(send(endpointOf(), saOf(sa), packet(SIX, datagram))));
  wire.writeUInt16BE(wire.readUInt16BE(10), 4);
  assert.equal(internetChecksum(patched(wire.subarray(0, 20), 10, [0, 0])), 0);
  assert.equal(typeof receive(endpointOf(saOf(sa)), patched(wire, 10, [255, 255])), 'object');
});
