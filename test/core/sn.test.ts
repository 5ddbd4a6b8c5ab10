// Recovery of sequence numbers against the definition with BigInt: all cases for few bits, cases at the counters' ends for
// many bits; and the retry after a long loss.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { recoverSn } from '../../core/esp/sn.ts';
import { FOUR } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import { easySa, endpointOf, hex, packetOf, plainEndpointOf, receive, send, stateOf } from './support.ts';

const TWO_32 = 2n ** 32n;

/** The definition, step by step; `skip` numbers of 2^k more for the retry. Null: dropped. */
function defined(t: bigint, k: number, r: bigint, w: bigint, esn: boolean, skip: bigint): bigint | null {
  const m = 1n << BigInt(k);
  const back = k === 0 ? 0n : w < m / 2n ? w : m / 2n;
  const low = t + 1n - back;
  let sn = low + ((((r - low) % m) + m) % m);
  if (sn < 1n) sn += m;
  sn += skip * m;
  return sn > (esn ? 2n ** 64n - 1n : TWO_32 - 1n) ? null : sn;
}

function recovered(t: bigint, k: number, r: bigint, w: number, esn: boolean, skip: number): bigint | null {
  const out = { hi: 0, lo: 0 };
  const form = { snLsb: k, replayWindow: w, counter: { esn: esn ? 1 : 0 } };
  const code = recoverSn({ snHi: Number(t / TWO_32), snLo: Number(t % TWO_32), form }, Number(r), skip, out);
  return code < 0 ? null : BigInt(out.hi) * TWO_32 + BigInt(out.lo);
}

function compare(t: bigint, k: number, r: bigint, w: number, esn: boolean, skip: number): void {
  const expected = defined(t, k, r, BigInt(w), esn, BigInt(skip));
  const actual = recovered(t, k, r, w, esn, skip);
  if (actual !== expected)
    assert.fail(`T ${t} k ${k} r ${r} W ${w} ESN ${esn} skip ${skip}: ${actual}, not ${expected}`);
}

test('k = 0..12, every received value, at the edges of windows and counters', () => {
  const last = 2n ** 64n - 1n;
  const starts = [0n, 1n, 2n, 31n, 32n, 33n, 63n, 64n, 65n, 255n, 256n, 1000n, 4095n, 4096n, 4097n, 70000n];
  const ends = [0n, 1n, 2n, 7n, 8n, 31n, 32n, 63n, 64n, 100n, 255n, 256n, 4095n, 4096n, 5000n];
  for (let k = 0; k <= 12; k++) {
    const all = 1n << BigInt(k);
    for (const w of [32, 64, 1024, 4096]) {
      const tops: [bigint, boolean][] = [];
      for (const start of starts) tops.push([start, false], [start, true]);
      for (const end of ends) {
        tops.push([TWO_32 - 1n - end, false], [TWO_32 - 1n - end, true], [TWO_32 + end, true], [last - end, true]);
      }
      // Every value for few bits, every 7th beyond.
      for (const [t, esn] of tops) {
        for (let r = 0n; r < all; r += k <= 8 ? 1n : 7n) {
          compare(t, k, r, w, esn, 0);
          compare(t, k, r, w, esn, 1);
        }
      }
    }
  }
});

test('k = 0..4: every T from 0 to 100', () => {
  for (let k = 0; k <= 4; k++) {
    for (let t = 0n; t <= 100n; t++) {
      for (let r = 0n; r < 1n << BigInt(k); r++) for (const skip of [0, 1]) compare(t, k, r, 32, false, skip);
    }
  }
});

test('property: any k, any T', () => {
  const near = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: 0n, max: 10000n }),
    fc.bigInt({ min: TWO_32 - 5000n, max: TWO_32 + 5000n }),
    fc.bigInt({ min: 2n ** 64n - 10000n, max: 2n ** 64n - 1n }),
    fc.tuple(fc.bigInt({ min: 0n, max: TWO_32 - 1n }), fc.integer({ min: -40, max: 40 })).map(([hi, step]) => {
      const t = hi * TWO_32 + BigInt(step);
      return t < 0n ? 0n : t;
    }),
  );
  fc.assert(
    fc.property(
      near,
      fc.integer({ min: 0, max: 32 }),
      fc.bigInt({ min: 0n, max: TWO_32 - 1n }),
      fc.constantFrom(32, 64, 128, 1024, 4096),
      fc.boolean(),
      fc.constantFrom(0, 1),
      (t, k, r, w, esn, skip) => {
        const top = esn ? t : t % TWO_32;
        compare(top, k, r % (1n << BigInt(k)), w, esn, k === 32 ? 0 : skip);
      },
    ),
    { numRuns: 20000, seed: 92, includeErrorInReport: true },
  );
});

test('RFC 4303 appendix A2.2 for k = 32 with ESN', () => {
  // The three cases of the appendix, written as there: Tl, Th, W, Seql.
  const appendix = (tl: bigint, th: bigint, w: bigint, seql: bigint): bigint => {
    if (tl >= w - 1n) return seql >= tl - w + 1n ? th : th + 1n;
    return seql >= (tl - w + 1n + TWO_32) % TWO_32 ? th - 1n : th;
  };
  for (const th of [1n, 2n, 77n]) {
    for (const tl of [0n, 1n, 10n, 62n, 63n, 64n, 1000n, TWO_32 - 1n]) {
      for (const seql of [0n, 1n, 5n, 62n, 63n, 64n, TWO_32 - 100n, TWO_32 - 64n, TWO_32 - 63n, TWO_32 - 1n]) {
        const sn = recovered(th * TWO_32 + tl, 32, seql, 64, true, 0)!;
        assert.equal(sn / TWO_32, appendix(tl, th, 64n, seql), `${th} ${tl} ${seql}`);
        assert.equal(sn % TWO_32, seql);
      }
    }
  }
});

const inner = packet(FOUR, udp(5001, 4500, Buffer.from('abcdef')));

/** Sends `count` packets and hands over the last. */
function afterLoss(lsb: number, count: number): { result: unknown; sn: number } {
  const endpoint = endpointOf();
  const sender = easySa(4, 17, { esp_spi_lsb: 32, esp_sn_lsb: lsb });
  const receiver = easySa(4, 17, { esp_spi_lsb: 32, esp_sn_lsb: lsb });
  let wire: Uint8Array | string = '';
  for (let i = 0; i < count; i++) wire = send(endpoint, sender, inner);
  const result = receive(plainEndpointOf(receiver), packetOf(wire));
  return { result: typeof result === 'string' ? result : hex(result), sn: receiver.snLo };
}

test('the retry bridges one more 2^k, not two', () => {
  // T = 0: with R = min(64, 2^k / 2) the first guess reaches T + 2^k - R, or T + 2^k while there is nothing below 1.
  for (const [lsb, most] of [
    [0, 2],
    [8, 2 * 256],
  ]) {
    for (const count of [1, most - 1, most]) {
      assert.deepEqual(afterLoss(lsb, count), { result: hex(inner), sn: count }, `${lsb} bits, ${count} packets`);
    }
    assert.deepEqual(afterLoss(lsb, most + 1), { result: 'icv', sn: 0 }, `${lsb} bits`);
  }
  assert.deepEqual(afterLoss(32, 40), { result: hex(inner), sn: 40 });
});

test('the retry is no way round the window', () => {
  const endpoint = endpointOf();
  const sender = easySa(4, 17);
  const receiver = easySa(4, 17);
  const receiving = plainEndpointOf(receiver);
  const wires = Array.from({ length: 300 }, () => packetOf(send(endpoint, sender, inner)));
  for (const wire of wires) assert.notEqual(typeof receive(receiving, wire), 'string');
  const state = stateOf(receiver);
  for (const [i, wire] of wires.entries()) {
    // The low bits of packets 1..44 are those of 257..300, seen; those of 45..236 are guessed as 301..492.
    assert.equal(receive(receiving, wire), i < 44 || i >= 236 ? 'replay' : 'icv', `packet ${i + 1}`);
  }
  assert.equal(stateOf(receiver), state);
  assert.equal(receiver.dropReplay, 44 + 64);
  assert.equal(receiver.dropIcv, 192);
});

test('without a window: any order where the whole number is on the wire, 32 packets where a part of it is', () => {
  const order = [100, 3, 99, 1, 2, 200, 1];
  for (const [bits, taken] of [
    [32, order.length],
    [8, 3],
  ] as const) {
    const kind = { iipc_enabled: false, esp_spi_lsb: 32, esp_sn_lsb: bits };
    const sender = easySa(4, 17, kind);
    const from = endpointOf();
    const inner = packet(FOUR, udp(5001, 4500, Buffer.alloc(4)));
    const sent = Array.from({ length: 200 }, () => packetOf(send(from, sender, inner)));
    const to = plainEndpointOf(easySa(4, 17, kind, { replayWindow: 0 }));
    const came = order.map((number) => receive(to, sent[number - 1]));
    assert.equal(came.filter((one) => typeof one !== 'string').length, taken, `${bits} bits`);
  }
});
