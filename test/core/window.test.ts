// The replay window: a numbered table for each size, and both windows against a set of numbers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Window, type Windowed, window32, windowWide } from '../../core/esp/window.ts';
import { FOUR } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import { easySa, endpointOf, packetOf, receive, send } from './support.ts';

const TWO_32 = 2 ** 32;

function windowed(window: Window, size: number): Windowed {
  // In the middle of octets of others, which stay as they are.
  const octets = new Uint8Array(40 + window.room(size)).fill(0xa5);
  octets.fill(0, 30, 30 + window.room(size));
  return { snHi: 0, snLo: 0, form: { replayWindow: size, windowAt: 20 }, recent: 0, octets, base: 10 };
}

/** Checks, and marks what passes: true when the number was new. */
function take(window: Window, sa: Windowed, sn: bigint): boolean {
  const hi = Number(sn / BigInt(TWO_32));
  const lo = Number(sn % BigInt(TWO_32));
  const before = JSON.stringify([sa, [...sa.octets]]);
  const good = window.check(sa, hi, lo) === 0;
  assert.equal(JSON.stringify([sa, [...sa.octets]]), before, 'check changes nothing');
  if (good) window.update(sa, hi, lo);
  const others = [...sa.octets.subarray(0, 30), ...sa.octets.subarray(sa.octets.length - 10)];
  assert.ok(others.every((octet) => octet === 0xa5));
  return good;
}

/** Numbers in their order, S standing for the size: [number, accepted]. */
function table(size: number): [number, boolean][] {
  const S = size;
  // biome-ignore format: a numbered table
  return [
    /*  1 */ [1, true],
    /*  2 */ [1, false],
    /*  3 */ [9, true],
    /*  4 */ [8, true],
    /*  5 */ [7, true],
    /*  6 */ [7, false],
    /*  7 */ [S, true],
    /*  8 */ [S - 1, true],
    /*  9 */ [S - 1, false],
    /* 10 */ [S - 2, true],
    /* 11 */ [2, true],
    /* 12 */ [2, false],
    /* 13 */ [1, false],
    /* 14 */ [2 * S, true],
    /* 15 */ [2 * S, false],
    /* 16 */ [S, false],
    /* 17 */ [S + 1, true],
    /* 18 */ [S + 1, false],
    /* 19 */ [S + 2, true],
    /* 20 */ [2 * S - 1, true],
    /* 21 */ [2 * S - 1, false],
    /* 22 */ [2 * S + 1, true],
    /* 23 */ [S + 1, false],
    /* 24 */ [S + 3, true],
    /* 25 */ [4 * S, true],
    /* 26 */ [3 * S, false],
    /* 27 */ [3 * S + 1, true],
    /* 28 */ [4 * S - 1, true],
    /* 29 */ [4 * S + 1, true],
    /* 30 */ [3 * S + 1, false],
    /* 31 */ [5 * S + 1, true],
    /* 32 */ [4 * S + 1, false],
    /* 33 */ [4 * S + 2, true],
    /* 34 */ [5 * S, true],
    /* 35 */ [100 * S, true],
    /* 36 */ [99 * S, false],
    /* 37 */ [99 * S + 1, true],
    /* 38 */ [99 * S + 1, false],
    /* 39 */ [100 * S - 1, true],
    /* 40 */ [100 * S, false],
  ];
}

for (const [name, window, size] of [
  ['window32', window32, 32],
  ['windowWide', windowWide, 32],
  ['windowWide', windowWide, 64],
  ['windowWide', windowWide, 128],
  ['windowWide', windowWide, 1024],
  ['windowWide', windowWide, 4096],
] as const) {
  test(`${name}, ${size} packets: the table`, () => {
    // The same distances at the start, across 2^32 and near the end of 64 bits.
    for (const base of [0n, BigInt(TWO_32) - BigInt(2 * size), 2n ** 52n + 12345n]) {
      const sa = windowed(window, size);
      if (base > 0n) window.update(sa, Number(base / BigInt(TWO_32)), Number(base % BigInt(TWO_32)));
      table(size).forEach(([sn, expected], row) => {
        assert.equal(take(window, sa, base + BigInt(sn)), expected, `row ${row + 1}, from ${base}`);
      });
    }
  });
}

test('a jump of any length leaves no old mark', () => {
  for (const size of [32, 64, 1024]) {
    for (const jump of [1, 2, size - 1, size, size + 1, 2 * size, 3 * size + 5, 2 ** 31, TWO_32 - 1]) {
      const sa = windowed(windowWide, size);
      for (let sn = 1; sn <= 2 * size; sn++) windowWide.update(sa, 0, sn);
      const top = BigInt(2 * size + jump);
      assert.ok(take(windowWide, sa, top));
      for (let back = 1; back < size; back++) {
        const sn = top - BigInt(back);
        assert.equal(take(windowWide, sa, sn), sn > BigInt(2 * size), `jump ${jump}, ${back} back`);
      }
      assert.equal(take(windowWide, sa, top - BigInt(size)), false);
    }
  }
});

test('window32 takes nothing from 32 packets behind on, whatever the form says', () => {
  for (const size of [32, 64, 128, 4096]) {
    const sa: Windowed = { ...windowed(window32, 32), form: { replayWindow: size, windowAt: 0 } };
    for (let sn = 1; sn <= 300; sn++) window32.update(sa, 0, sn);
    for (let behind = 0; behind < 300; behind++) {
      assert.equal(take(window32, sa, BigInt(300 - behind)), false, `${size}: ${behind} behind`);
    }
  }
});

test('property: window32, windowWide and a set of numbers agree', () => {
  const steps = fc.array(
    fc.tuple(
      fc.constantFrom(0, 0, 0, 1, 2, 3),
      fc.integer({ min: -5000, max: 5000 }),
      fc.integer({ min: -40, max: 40 }),
    ),
    { minLength: 1, maxLength: 200 },
  );
  fc.assert(
    fc.property(steps, fc.constantFrom(32, 64, 256, 4096), fc.constantFrom(0, TWO_32 - 60), (list, size, base) => {
      const wide = windowed(windowWide, size);
      const narrow = windowed(window32, 32);
      let highest = 0;
      const seen = new Set<number>();
      for (const [kind, far, near] of list) {
        const from = highest === 0 ? base : highest;
        const sn = Math.max(1, from + (kind === 0 ? near : kind === 1 ? far : kind === 2 ? size : -size));
        const fresh = !seen.has(sn) && sn > highest - size;
        assert.equal(take(windowWide, wide, BigInt(sn)), fresh);
        if (size === 32) assert.equal(take(window32, narrow, BigInt(sn)), fresh);
        if (fresh) seen.add(sn);
        if (fresh && sn > highest) highest = sn;
        assert.equal(wide.snHi * TWO_32 + wide.snLo, highest);
      }
    }),
    { numRuns: 500, seed: 3, includeErrorInReport: true },
  );
});

test('size 0 accepts everything and still follows the highest number', () => {
  for (const window of [window32, windowWide]) {
    const sa = windowed(window, 0);
    for (const sn of [5n, 5n, 4n, 100n, 1n]) assert.ok(take(window, sa, sn));
    assert.equal(sa.snLo, 100);
  }
});

test('an SA taken up again at a number accepts none up to it', () => {
  const inner = packet(FOUR, udp(5001, 4500, Buffer.from('abc')));
  for (const replayWindow of [32, 64, 4096]) {
    for (const esn of [false, true]) {
      const first = endpointOf(easySa(4, 17, { esn }, { replayWindow }));
      const sender = easySa(4, 17, { esn });
      const wires = Array.from({ length: 60 }, () => packetOf(send(endpointOf(), sender, inner)));
      for (const wire of wires.slice(0, 50)) packetOf(receive(first, wire));
      const again = easySa(4, 17, { esn, esp_sn: (51).toString(16) }, { replayWindow });
      const second = endpointOf(again);
      for (const wire of wires.slice(0, 50)) assert.ok(['replay', 'icv'].includes(String(receive(second, wire))));
      for (const wire of wires.slice(50).reverse()) packetOf(receive(second, wire));
      for (const wire of wires.slice(50)) assert.equal(receive(second, wire), 'replay');
    }
  }
});
