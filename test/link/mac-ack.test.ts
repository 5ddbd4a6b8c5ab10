// Acknowledgements and the duplicate filter of the MAC, in virtual time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf } from '../../core/base/address.ts';
import { DROP_DUPLICATE, DROP_QUEUE } from '../../core/base/drop.ts';
import { createMac, MAC_ACKS, MAC_RECEIVED, type Mac, type MacConfig } from '../../core/link/mac.ts';
import { emitHeader, putFcs } from '../../core/wire/ieee802154.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { extendedOf, PAN } from './nodes.ts';

/** A data frame that wants an acknowledgement, to node 0002. */
function frameFrom(source: Uint8Array, dsn: number): Uint8Array {
  const frame = new Uint8Array(40);
  const size = emitHeader(frame, 0, 0x1021, dsn, PAN, addressOf(new Uint8Array([0, 2])), addressOf(source));
  return frame.slice(0, putFcs(frame, 0, size + 1));
}

const short = (value: number) => new Uint8Array([value >>> 8, value & 255]);

interface Bench {
  mac: Mac;
  /** `time dsn` of each acknowledgement, `data` of each other frame. */
  sent: string[];
  received: string[];
  now: number;
  /** Runs the timers until `time`. */
  until(time: number): void;
  take(frame: Uint8Array): number;
}

function bench(config: Partial<MacConfig> = {}, instant = false): Bench {
  const b = {
    sent: [] as string[],
    received: [] as string[],
    now: 0,
    until(time: number) {
      for (;;) {
        const next = b.mac.nextTimeout();
        if (next < 0 || next > time) break;
        b.now = Math.max(b.now, next);
        b.mac.poll(b.now);
      }
      b.now = time;
    },
    take: (frame: Uint8Array) => b.mac.receive(frame, 0, frame.length, b.now),
  } as Bench;
  b.mac = createMac({
    panId: PAN,
    shortAddress: 2,
    extendedAddress: extendedOf(2),
    phy: {
      ...(instant ? { instant } : {}),
      clear: () => true,
      transmit: (frame, offset) =>
        b.sent.push((frame[offset] & 7) === 2 ? `${b.now.toFixed(3)} ${frame[offset + 2]}` : 'data'),
    },
    upper: {
      received: (_buffer, _offset, _length, src) =>
        b.received.push(Buffer.from(src.octets.subarray(src.at, src.at + src.size)).toString('hex')),
      sent() {},
    },
    random: createRandom(7).fill,
    queue: 1,
    neighbours: 4,
    ackWait: 0.864,
    ...config,
  });
  return b;
}

test('frames within one turnaround: each is acknowledged, in order, with the spacing of the standard', () => {
  const b = bench();
  b.until(1);
  b.take(frameFrom(short(10), 1));
  b.until(1.1);
  b.take(frameFrom(short(11), 2));
  b.take(frameFrom(short(12), 3));
  b.until(10);
  // 192 us after the first; then an acknowledgement's 352 us and 192 us between two frames.
  assert.deepEqual(b.sent, ['1.192 1', '1.736 2', '2.280 3']);
  assert.equal(b.mac.counters[MAC_ACKS], 3);
});

test('a frame that could not be acknowledged is not taken: its sender repeats it', () => {
  const b = bench();
  for (let i = 0; i < 6; i++) b.take(frameFrom(short(10 + i), i));
  b.until(10);
  assert.equal(b.received.length, 4);
  assert.equal(b.mac.counters[-DROP_QUEUE], 2);
  assert.deepEqual(
    b.sent.map((line) => line.split(' ')[1]),
    ['0', '1', '2', '3'],
  );
  assert.equal(b.take(frameFrom(short(14), 4)), 0);
  b.until(20);
  assert.equal(b.mac.counters[MAC_ACKS], 5);
});

test('own frames wait for the acknowledgements that are owed', () => {
  const b = bench();
  b.until(1);
  b.mac.send(addressOf(short(9)), new Uint8Array(1), 0, 1, b.now);
  b.take(frameFrom(short(10), 1));
  b.take(frameFrom(short(11), 2));
  b.until(8);
  assert.deepEqual(b.sent.slice(0, 3), ['1.192 1', '1.736 2', 'data']);
});

test('a carrier without air time: 10,000 frames a second of 1,000 senders, all acknowledged from within the call', () => {
  const b = bench({ neighbours: 16384, ackWait: 20 }, true);
  for (let i = 0; i < 20000; i++) {
    b.until(i * 0.1);
    const before = b.sent.length;
    assert.equal(b.take(frameFrom(short(100 + (i % 1000)), Math.floor(i / 1000))), 0);
    assert.equal(b.sent.length, before + 1);
    assert.equal(b.mac.nextTimeout(), -1, 'nothing is waited for');
  }
  assert.equal(b.mac.counters[MAC_ACKS], 20000);
  assert.equal(b.mac.counters[MAC_RECEIVED], 20000);
});

test('a carrier without air time: frames go at the first poll, and only the acknowledgement is waited for', () => {
  const b = bench({ ackWait: 20 }, true);
  b.until(5);
  assert.ok(b.mac.send(addressOf(short(9)), new Uint8Array(1), 0, 1, b.now) > 0);
  assert.deepEqual(b.sent, [], 'not from within `send`');
  assert.equal(b.mac.nextTimeout(), 5);
  b.mac.poll(5);
  assert.deepEqual(b.sent, ['data']);
  assert.equal(b.mac.nextTimeout(), 25);
  b.until(1000);
  assert.equal(b.sent.length, 4, 'three retries');
});

test('a repetition is dropped for as long as retries take, then the same number is a new frame', () => {
  // 3 retries, each after 42 ms for the longest attempt and the wait for an acknowledgement.
  for (const [ackWait, limit] of [
    [0.864, 128.592],
    [20, 186],
  ]) {
    const b = bench({ ackWait });
    const frame = frameFrom(short(10), 77);
    b.until(1000);
    assert.equal(b.take(frame), 0);
    b.until(1000 + limit - 0.001);
    assert.equal(b.take(frame), DROP_DUPLICATE);
    b.until(1000 + limit + 0.001);
    assert.equal(b.take(frame), 0, 'the repetitions themselves do not prolong it');
    // A node that restarts for each reading and begins with the same number, for a year of days.
    for (let day = 1; day <= 365; day++) {
      b.until(b.now + 86400000);
      assert.equal(b.take(frame), 0);
    }
    b.until(b.now + 10);
    assert.equal(b.received.length, 367);
    assert.equal(b.mac.counters[MAC_ACKS], 368, 'each was acknowledged');
  }
});

test('neighbours: the one heard before all others is forgotten, and many have room for each', () => {
  const few = bench({ neighbours: 2 });
  for (const node of [10, 11, 12]) {
    few.until(few.now + 1);
    few.take(frameFrom(short(node), node));
    few.until(few.now + 2);
  }
  assert.equal(few.take(frameFrom(short(12), 12)), DROP_DUPLICATE);
  assert.equal(few.take(frameFrom(short(11), 11)), DROP_DUPLICATE);
  assert.equal(few.take(frameFrom(short(10), 10)), 0);

  // As many as a PAN has short addresses, each with its repetition.
  const many = bench({ neighbours: 65536 * 2, ackWait: 10000 }, true);
  for (let round = 0; round < 2; round++) {
    for (let node = 0; node < 0xfffd; node++) {
      many.now += 0.1;
      if (node === 2) continue;
      assert.equal(many.take(frameFrom(short(node), 5)), round === 0 ? 0 : DROP_DUPLICATE);
    }
  }
  assert.throws(() => bench({ neighbours: 600000 }), /mac\.neighbours: 600000: must be 1\.\.524288/);
});

test('strangers that share a place in the table cost no more than eight of it', () => {
  const b = bench({ neighbours: 8 }, true);
  b.now = 1000;
  const known = extendedOf(200);
  b.take(frameFrom(known, 1));
  for (let i = 0; i < 100; i++) {
    b.now += 0.01;
    b.take(frameFrom(new Uint8Array([9, 9, 9, 9, 9, 9, 9, i]), 1));
  }
  // Forgotten: a repetition would be delivered twice, and nothing else happens.
  assert.equal(b.take(frameFrom(known, 1)), 0);
  assert.equal(b.received.length, 102);
});
