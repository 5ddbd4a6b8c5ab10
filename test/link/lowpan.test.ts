import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressOf } from '../../core/base/address.ts';
import {
  DROP_COUNT,
  DROP_DISPATCH,
  DROP_DUPLICATE,
  DROP_FRAGMENT,
  DROP_LENGTH,
  DROP_NO_ACK,
  DROP_QUEUE,
  DROP_REASSEMBLY,
  DROP_SHORT,
  DROP_TOO_LONG,
  DROP_UNSUPPORTED,
  DROP_VERSION,
} from '../../core/base/drop.ts';
import { createReassembly } from '../../core/link/fragment.ts';
import { createLowpan, LOWPAN_FRAMES, LOWPAN_RECEIVED, LOWPAN_SENT } from '../../core/link/lowpan.ts';
import type { Link } from '../../core/link/mac.ts';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { putInterfaceId } from '../../core/wire/sixlowpan.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { BROADCAST, lowpanNode } from './nodes.ts';

const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** An ESP packet of `size` octets between link-local addresses of two link-layer addresses. */
function packetOf(size: number, src: Uint8Array, dst: Uint8Array, seed = 1): Uint8Array {
  const packet = new Uint8Array(size);
  emitIpv6(packet, 0, 0, 0, size - 40, 50, 64);
  packet.set([0xfe, 0x80], 8);
  packet.set([0xfe, 0x80], 24);
  putInterfaceId(packet, 16, addressOf(src));
  putInterfaceId(packet, 32, addressOf(dst));
  for (let i = 40; i < size; i++) packet[i] = (i * 7 + seed * 31 + (i >>> 8)) & 0xff;
  return packet;
}

/** A link that keeps the payloads it is given and reports on demand. */
function fakeLink(room = 100) {
  const frames: Uint8Array[] = [];
  const link: Link & { fail: number } = {
    address: new Uint8Array([0, 1]),
    fail: 0,
    room: () => room,
    send(_dst, buffer, offset, length) {
      if (link.fail < 0) return link.fail;
      assert.ok(length <= room, `${length} octets in ${room}`);
      frames.push(buffer.slice(offset, offset + length));
      return frames.length;
    },
  };
  return { link, frames };
}

const A = new Uint8Array([0, 1]);
const B = new Uint8Array([0, 2]);

function lowpanOf(config: { queue?: number; maxSize?: number; reassemblies?: number; timeout?: number } = {}) {
  const packets: string[] = [];
  const done: [number, number][] = [];
  const lowpan = createLowpan({
    contexts: new Uint8Array(0),
    nhc: null,
    reassembly:
      config.reassemblies === 0
        ? null
        : createReassembly(config.reassemblies ?? 2, config.maxSize ?? 1280, config.timeout ?? 60000),
    upper: {
      packet: (buffer, offset, length) => packets.push(toHex(buffer.subarray(offset, offset + length))),
      done: (tag, result) => done.push([tag, result]),
    },
    queue: config.queue ?? 2,
    maxSize: config.maxSize ?? 1280,
    tag: 0x1233,
  });
  return { lowpan, packets, done };
}

/** The fragments of one packet. */
function fragmentsOf(packet: Uint8Array, room = 100): Uint8Array[] {
  const { lowpan, done } = lowpanOf({ maxSize: 2047 });
  const { link, frames } = fakeLink(room);
  lowpan.attach(link);
  const tag = lowpan.send(packet, 0, packet.length, addressOf(B), 0);
  assert.equal(tag, 0x1234);
  while (done.length === 0) lowpan.sent(frames.length, 0, 0);
  return frames;
}

function feed(node: ReturnType<typeof lowpanOf>, payload: Uint8Array, now = 0, src = A, dst = B): void {
  const buffer = new Uint8Array(payload.length + 16).fill(0xc1);
  buffer.set(payload, 8);
  node.lowpan.received(buffer, 8, payload.length, addressOf(src), addressOf(dst), now);
}

const dropped = (node: ReturnType<typeof lowpanOf>, code: number) => node.lowpan.counters[-code];

test('a packet of 192 octets: golden fragments', () => {
  const packet = packetOf(192, A, B);
  const frames = fragmentsOf(packet, 107);
  // 4 + 3 octets of headers; 40 octets covered and 96 of payload make 136, a multiple of 8.
  assert.deepEqual(
    frames.map((frame) => frame.length),
    [103, 61],
  );
  assert.equal(toHex(frames[0].subarray(0, 7)), 'c0c01234' + '7a3332');
  assert.equal(toHex(frames[1].subarray(0, 5)), 'e0c01234' + '11');
  assert.equal(toHex(frames[1].subarray(5)), toHex(packet.subarray(136)));
});

test('one frame up to the room, fragments above; every size comes back', () => {
  const medium = createMedium({ seed: 1 });
  const a = lowpanNode(medium, 1);
  const b = lowpanNode(medium, 2);
  for (let size = 40; size <= 1280; size += size < 420 ? 1 : 37) {
    const packet = packetOf(size, a.address, b.address, size);
    const frames = a.lowpan.counters[LOWPAN_FRAMES];
    assert.ok(a.lowpan.send(packet, 0, size, addressOf(b.address), medium.now) > 0);
    medium.settle(1e9);
    assert.equal(b.packets.pop(), toHex(packet), `${size} octets`);
    assert.equal(a.done.pop()?.[1], 0);
    // 116 octets of room, 3 of header: 153 octets are the most that travel whole.
    assert.equal(a.lowpan.counters[LOWPAN_FRAMES] - frames === 1, size <= 153, `${size} octets`);
  }
  assert.equal(b.packets.length, 0);
  assert.equal(a.lowpan.counters[LOWPAN_SENT], b.lowpan.counters[LOWPAN_RECEIVED]);
});

test('extended addresses and broadcast', () => {
  const medium = createMedium({ seed: 1 });
  const a = lowpanNode(medium, 1, { extended: true });
  const b = lowpanNode(medium, 2, { extended: true });
  const c = lowpanNode(medium, 3);
  const one = packetOf(700, a.address, b.address);
  const all = packetOf(300, a.address, BROADCAST);
  all.set([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 24);
  a.lowpan.send(one, 0, 700, addressOf(b.address), 0);
  a.lowpan.send(all, 0, 300, addressOf(BROADCAST), 0);
  medium.settle(1e6);
  assert.deepEqual(b.packets, [toHex(one), toHex(all)]);
  assert.deepEqual(c.packets, [toHex(all)]);
});

test('packets that cannot go are refused at once', () => {
  const { lowpan, done } = lowpanOf({ queue: 2, maxSize: 200 });
  const { link, frames } = fakeLink();
  lowpan.attach(link);
  const send = (packet: Uint8Array, length = packet.length) => lowpan.send(packet, 0, length, addressOf(B), 0);
  assert.equal(send(packetOf(40, A, B), 39), DROP_SHORT);
  assert.equal(send(packetOf(60, A, B), 59), DROP_LENGTH);
  assert.equal(send(new Uint8Array(60)), DROP_VERSION);
  assert.equal(send(packetOf(201, A, B)), DROP_TOO_LONG);
  link.fail = DROP_QUEUE;
  assert.equal(send(packetOf(60, A, B)), DROP_QUEUE, 'the link takes nothing');
  link.fail = 0;
  assert.equal(send(packetOf(60, A, B)), 0x1235);
  assert.equal(send(packetOf(61, A, B)), 0x1236);
  assert.equal(send(packetOf(62, A, B)), DROP_QUEUE);
  assert.equal(frames.length, 1, 'one frame at a time');
  lowpan.sent(99, 0, 0);
  assert.equal(frames.length, 1, 'another user’s frame says nothing');
  lowpan.sent(1, 0, 0);
  lowpan.sent(2, 0, 0);
  assert.deepEqual(done, [
    [0x1235, 0],
    [0x1236, 0],
  ]);
});

test('a fragment that fails takes its packet with it; the next one goes on', () => {
  const { lowpan, done } = lowpanOf({ queue: 3 });
  const { link, frames } = fakeLink();
  lowpan.attach(link);
  for (const size of [500, 60, 70]) assert.ok(lowpan.send(packetOf(size, A, B), 0, size, addressOf(B), 0) > 0);
  lowpan.sent(1, 0, 0);
  lowpan.sent(2, DROP_NO_ACK, 0);
  assert.deepEqual(done, [[0x1234, DROP_NO_ACK]]);
  assert.equal(frames.length, 3);
  // The link refuses the last packet's only frame: it ends in the same call.
  link.fail = DROP_QUEUE;
  lowpan.sent(3, 0, 0);
  assert.deepEqual(done.slice(1), [
    [0x1235, 0],
    [0x1236, DROP_QUEUE],
  ]);
  link.fail = 0;
  assert.ok(lowpan.send(packetOf(60, A, B), 0, 60, addressOf(B), 0) > 0, 'still alive');
});

test('the upper layer may send from within done', () => {
  const { link, frames } = fakeLink();
  let left = 3;
  const lowpan = createLowpan({
    contexts: new Uint8Array(0),
    nhc: null,
    reassembly: null,
    upper: {
      packet() {},
      done(_tag, _result, now) {
        if (left-- > 0) assert.ok(lowpan.send(packetOf(60, A, B), 0, 60, addressOf(B), now) > 0);
      },
    },
    queue: 1,
    maxSize: 100,
    tag: 0,
  });
  lowpan.attach(link);
  lowpan.send(packetOf(60, A, B), 0, 60, addressOf(B), 0);
  for (let i = 1; i <= 4; i++) lowpan.sent(i, 0, 0);
  assert.equal(frames.length, 4);
});

test('fragments in any order, with repetitions, from two senders at once', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 2047 }),
      fc.integer({ min: 81, max: 116 }),
      fc.infiniteStream(fc.nat()),
      (size, room, chances) => {
        const node = lowpanOf({ maxSize: 2047 });
        const packet = packetOf(size, A, B);
        const other = packetOf(size, new Uint8Array([0, 3]), B, 9);
        const queue = [
          ...fragmentsOf(packet, room).map((frame) => ({ frame, src: A })),
          ...fragmentsOf(other, room).map((frame) => ({ frame, src: new Uint8Array([0, 3]) })),
        ];
        const repeated = queue.filter(() => chances.next().value! % 4 === 0);
        const order: typeof queue = [];
        for (const item of queue) order.splice(chances.next().value! % (order.length + 1), 0, item);
        // A repetition right behind its fragment, while the datagram is not complete.
        for (const item of repeated) {
          const at = order.findIndex((o) => o.frame === item.frame);
          if (at < order.length - 2 && order.slice(at + 1).some((o) => o.src === item.src))
            order.splice(at + 1, 0, item);
        }
        for (const { frame, src } of order) feed(node, frame, 0, src);
        assert.deepEqual(node.packets.sort(), [toHex(packet), toHex(other)].sort());
        assert.equal(dropped(node, DROP_DUPLICATE), order.length - queue.length);
        assert.equal(node.lowpan.nextTimeout(), -1);
      },
    ),
    { numRuns: 200 },
  );
});

test('overlap with other content, or with other borders, begins the datagram afresh', () => {
  const packet = packetOf(400, A, B);
  const frames = fragmentsOf(packet);
  for (const change of ['content', 'border']) {
    const node = lowpanOf();
    feed(node, frames[0]);
    feed(node, frames[1]);
    const bad = change === 'content' ? frames[1].slice() : frames[1].slice(0, 5 + 16);
    bad[change === 'content' ? 20 : 4] -= 1;
    feed(node, bad);
    node.lowpan.poll(0);
    assert.equal(dropped(node, DROP_FRAGMENT), 1, change);
    for (const frame of frames.slice(2)) feed(node, frame);
    assert.equal(node.packets.length, 0, 'the first fragment was thrown away');
    feed(node, frames[0]);
    assert.equal(node.packets.length, change === 'content' ? 1 : 0, change);
    assert.notDeepEqual(node.packets, [toHex(packet)]);
  }
});

test('impossible fragments', () => {
  const node = lowpanOf();
  const fragment = (text: string) => feed(node, new Uint8Array(Buffer.from(text, 'hex')));
  fragment('e0c012341900000000000000ff');
  assert.equal(dropped(node, DROP_FRAGMENT), 1, 'ends behind the datagram');
  fragment('e0c01234010000');
  assert.equal(dropped(node, DROP_FRAGMENT), 2, 'not the last, and not a multiple of 8');
  fragment('e7ff1234010000000000000000');
  assert.equal(dropped(node, DROP_TOO_LONG), 1);
  fragment('e0c0123401');
  fragment('c0c01234');
  fragment('');
  assert.equal(dropped(node, DROP_SHORT), 3);
  fragment('e0c01234000000000000000000');
  assert.equal(dropped(node, DROP_FRAGMENT), 3, 'a later fragment at 0');
  assert.equal(node.lowpan.nextTimeout(), -1);
});

test('limits: reassemblies, time', () => {
  const node = lowpanOf({ reassemblies: 2, timeout: 5000 });
  const frames = fragmentsOf(packetOf(300, A, B));
  feed(node, frames[0], 100, new Uint8Array([0, 11]));
  feed(node, frames[0], 200, new Uint8Array([0, 12]));
  feed(node, frames[1], 210, new Uint8Array([0, 13]));
  assert.equal(dropped(node, DROP_REASSEMBLY), 1);
  assert.equal(node.lowpan.nextTimeout(), 5100);
  node.lowpan.poll(5099.9);
  assert.equal(dropped(node, DROP_FRAGMENT), 0);
  node.lowpan.poll(5100);
  assert.equal(dropped(node, DROP_FRAGMENT), 1);
  assert.equal(node.lowpan.nextTimeout(), 5200);
  feed(node, frames[0], 5150, new Uint8Array([0, 13]));
  for (const frame of frames.slice(1)) feed(node, frame, 5160, new Uint8Array([0, 13]));
  assert.equal(node.packets.length, 1, 'the freed slot is used');
  const without = lowpanOf({ reassemblies: 0 });
  for (const frame of frames) feed(without, frame);
  assert.equal(dropped(without, DROP_UNSUPPORTED), frames.length);
  assert.equal(without.lowpan.nextTimeout(), -1);
  assert.throws(() => createReassembly(0, 1280, 1), /datagrams: 0/);
  assert.throws(() => createReassembly(1, 2048, 1), /maxSize: 2048: must be 40\.\.2047/);
  assert.throws(() => createReassembly(1, 1280, 60001), /timeout: 60001/);
  assert.throws(() => lowpanOf({ queue: 0 }), /lowpan\.queue: 0/);
});

test('uncompressed IPv6 is accepted, whole and in fragments; wrong lengths are not', () => {
  const packet = packetOf(90, A, B);
  const node = lowpanOf();
  feed(node, new Uint8Array([0x41, ...packet]));
  assert.deepEqual(node.packets, [toHex(packet)]);
  feed(node, new Uint8Array([0x41, ...packet, 0]));
  assert.equal(dropped(node, DROP_LENGTH), 1);
  feed(node, new Uint8Array([0xc0, 90, 0, 1, 0x41, ...packet.subarray(0, 48)]));
  feed(node, new Uint8Array([0xe0, 90, 0, 1, 6, ...packet.subarray(48)]));
  assert.deepEqual(node.packets, [toHex(packet), toHex(packet)]);
  feed(node, new Uint8Array([0xc0, 88, 0, 1, 0x41, ...packet.subarray(0, 48)]));
  feed(node, new Uint8Array([0xe0, 88, 0, 1, 6, ...packet.subarray(48, 88)]));
  assert.equal(dropped(node, DROP_LENGTH), 2);
  feed(node, new Uint8Array([0x42, 0]));
  assert.equal(dropped(node, DROP_DISPATCH), 1);
});

test('packets and fragments over 40 % loss, reordering and duplicates: what arrives is what was sent', () => {
  const run = () => {
    const medium = createMedium({ seed: 21, loss: 0.4, corrupt: 0.05, duplicate: 0.1 });
    const a = lowpanNode(medium, 1);
    const b = lowpanNode(medium, 2);
    const sentPackets: string[] = [];
    for (let i = 0; i < 60; i++) {
      medium.at(i * 200, () => {
        const size = 40 + ((i * 97) % 600);
        const packet = packetOf(size, a.address, b.address, i);
        if (a.lowpan.send(packet, 0, size, addressOf(b.address), medium.now) > 0) sentPackets.push(toHex(packet));
      });
    }
    medium.settle(1e6);
    assert.equal(a.done.length, sentPackets.length);
    for (const packet of b.packets) assert.ok(sentPackets.includes(packet));
    assert.equal(new Set(b.packets).size, b.packets.length, 'nothing twice');
    const good = a.done.filter(([, result]) => result === 0).length;
    assert.ok(b.packets.length >= good && good > 15 && good < 60, `${good} ${b.packets.length}`);
    return JSON.stringify([a.done, b.packets, [...a.mac.counters], [...b.lowpan.counters], medium.now]);
  };
  assert.equal(run(), run());
});

test('garbage never throws, is counted, and leaves the node working', () => {
  const node = lowpanOf({ maxSize: 400 });
  const kinds = [0x41, 0x60, 0x7a, 0xc0, 0xc1, 0xe0, 0xe1];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 125, size: 'max' }), fc.nat(20), fc.nat(100000), (bytes, kind, now) => {
      if (bytes.length > 4 && kind < kinds.length) {
        bytes[0] = kinds[kind];
        bytes[2] = bytes[3] = 0;
      }
      const total = () =>
        node.lowpan.counters.slice(0, DROP_COUNT).reduce((a, b) => a + b) + node.lowpan.counters[LOWPAN_RECEIVED];
      const was = total();
      feed(node, bytes, now);
      assert.ok(total() - was <= 1);
      node.lowpan.poll(now);
    }),
    { numRuns: 3000 },
  );
  node.lowpan.poll(1e9);
  const packet = packetOf(300, A, B);
  for (const frame of fragmentsOf(packet)) feed(node, frame, 1e9);
  assert.equal(node.packets.pop(), toHex(packet));
});

test('truncation of each fragment at every length', () => {
  const frames = fragmentsOf(packetOf(300, A, B));
  for (const frame of frames) {
    for (let n = 0; n < frame.length; n++) {
      const node = lowpanOf();
      feed(node, frame.subarray(0, n));
      assert.equal(node.packets.length, 0);
    }
  }
});

test('a sender’s new datagram replaces its own unfinished one, never another sender’s', () => {
  const node = lowpanOf({ reassemblies: 2 });
  const frames = fragmentsOf(packetOf(300, A, B));
  const retag = (frame: Uint8Array, tag: number) => frame.map((octet, i) => (i === 3 ? tag : octet));
  feed(node, frames[0], 0, new Uint8Array([0, 9]));
  for (const tag of [1, 2, 3]) feed(node, retag(frames[0], tag), tag);
  node.lowpan.poll(10);
  assert.deepEqual([dropped(node, DROP_FRAGMENT), dropped(node, DROP_REASSEMBLY)], [2, 0]);
  for (const frame of frames.slice(1)) feed(node, retag(frame, 3), 20);
  for (const frame of frames.slice(1)) feed(node, frame, 20, new Uint8Array([0, 9]));
  assert.equal(node.packets.length, 2);
});
