// Captured packets to IP packets, IP packets to frames and back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createFrameReceiver, createFrameSender, linkPlan } from '../../targets/node/tools/convert/frames.ts';
import { findIp } from '../../targets/node/tools/convert/packets.ts';

const A = addressOctets('fd00::1')!;
const B = addressOctets('fd00::2')!;

function packetOf(length: number): Uint8Array {
  const packet = Uint8Array.from({ length }, (_unused, index) => (index * 7) & 0xff);
  emitIpv6(packet, 0, 0, 0, length - 40, 50, 64);
  packet.set(A, 8);
  packet.set(B, 24);
  return packet;
}

function carry(packet: Uint8Array, mac?: string[]): { frames: Uint8Array[]; restored: Uint8Array[]; result: number } {
  const plan = linkPlan({ pan: 'abcd', mac }, [A, B]);
  const frames: Uint8Array[] = [];
  const restored: Uint8Array[] = [];
  const result = createFrameSender(plan).send(packet, 0, packet.length, 0, (frame, length) => {
    frames.push(frame.slice(0, length));
  });
  const receiver = createFrameReceiver(plan);
  for (const frame of frames) {
    receiver.receive(frame, 0, frame.length, 0, (buffer, offset, length) => {
      restored.push(buffer.slice(offset, offset + length));
    });
  }
  return { frames, restored, result };
}

for (const length of [40, 41, 100, 150, 160, 500, 1280, 2047]) {
  test(`a packet of ${length} octets comes back from its frames`, () => {
    const packet = packetOf(length);
    const { frames, restored, result } = carry(packet);
    assert.equal(result, frames.length);
    assert.equal(restored.length, 1);
    assert.deepEqual(restored[0], packet);
    for (const frame of frames) assert.ok(frame.length <= 127);
    assert.equal(frames.length > 1, length > 40 + 113);
  });
}

test('by default the outer header takes three octets', () => {
  const { frames } = carry(packetOf(50));
  // MHR 9, IPHC 2, Next Header 1, payload 10, FCS 2.
  assert.equal(frames[0].length, 24);
  assert.equal(Buffer.from(frames[0].subarray(5, 9)).toString('hex'), '02000100');
});

test('link-layer addresses from an option', () => {
  const { frames, restored } = carry(packetOf(50), ['fd00::1=0200000000000001', 'fd00::2=beef']);
  assert.equal(Buffer.from(frames[0].subarray(5, 7)).toString('hex'), 'efbe');
  assert.deepEqual(restored[0], packetOf(50));
});

test('too long for 6LoWPAN, or not IPv6, is a drop', () => {
  assert.ok(carry(packetOf(2048)).result < 0);
  const packet = packetOf(60);
  packet[0] = 0x45;
  assert.ok(carry(packet).result < 0);
  assert.ok(carry(new Uint8Array(10)).result < 0);
});

test('options that are none', () => {
  for (const context of ['16=fd00::/64', 'x', '0=fd00::/129', '0=10.0.0.0/8', '0=fd00::']) {
    assert.throws(() => linkPlan({ pan: '1', context: [context] }, []), { code: 2 }, context);
  }
  for (const mac of ['fd00::1', 'fd00::1=1', 'fd00::1=zzzz', '10.0.0.1=0001', 'fd00::1=0001=2']) {
    assert.throws(() => linkPlan({ pan: '1', mac: [mac] }, []), { code: 2 }, mac);
  }
  for (const pan of ['', 'ffff', '12345', 'xyz']) assert.throws(() => linkPlan({ pan }, []), { code: 2 }, pan);
});

test('IP packets in captured packets', () => {
  const packet = packetOf(60);
  const behind = (head: string): Uint8Array => Uint8Array.from([...Buffer.from(head, 'hex'), ...packet]);
  const find = (linkType: number, data: Uint8Array, cut = 0) => {
    return findIp({ linkType, data: data.subarray(0, data.length - cut), originalLength: data.length, fcs: -1 });
  };
  const ethernet = behind('00'.repeat(12) + '86dd');
  assert.deepEqual(find(1, ethernet), { offset: 14, length: 60, problem: '' });
  assert.equal(find(1, behind('00'.repeat(12) + '8100000a86dd')).offset, 18);
  assert.equal(find(101, packet).offset, 0);
  assert.equal(find(113, behind('00'.repeat(14) + '86dd')).offset, 16);
  assert.equal(find(276, behind('86dd' + '00'.repeat(18))).offset, 20);
  assert.equal(find(1, behind('00'.repeat(12) + '0806')).problem, 'EtherType 0x0806');
  assert.equal(find(1, ethernet, 10).problem, 'truncated');
  assert.equal(find(1, ethernet.subarray(0, 60)).problem, 'IP length above the packet');
  assert.equal(find(1, ethernet.subarray(0, 10)).problem, 'malformed');
  assert.equal(find(105, ethernet).problem, 'link type 105 (IEEE802_11) is not read');
});
