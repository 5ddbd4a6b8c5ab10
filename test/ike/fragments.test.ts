// Reassembly of a message from its fragments.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DROP_DUPLICATE, DROP_FRAGMENT, DROP_TOO_LONG } from '../../core/base/drop.ts';
import {
  addFragment,
  createFragments,
  type Fragments,
  MAX_FRAGMENTS,
  resetFragments,
} from '../../core/ike/codec/fragments.ts';
import { INFORMATIONAL } from '../../core/ike/codec/numbers.ts';
import type { Content } from '../../core/ike/codec/payloads.ts';
import { createSkKey, innerRoom, openMessage, sealMessage } from '../../core/ike/crypto/sk.ts';
import { ikeCbcHmac, ikeCcm8 } from '../../core/ike/crypto/suites.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import { authRequest, header, hex, payloadsOf } from './examples.ts';

function add(f: Fragments, id: number, number: number, total: number, content: number[], first = 0): number {
  const buffer = Uint8Array.of(0xee, 0xee, ...content, 0xee);
  return addFragment(f, id, { first, at: 2, size: content.length, number, total }, buffer);
}

test('in order, and the other way round', () => {
  const f = createFragments(10);
  for (const order of [
    [1, 2, 3],
    [3, 2, 1],
    [2, 3, 1],
  ]) {
    resetFragments(f);
    const results = order.map((number) => add(f, 7, number, 3, [number, number, number], number === 1 ? 35 : 0));
    assert.deepEqual(results, [0, 0, 9]);
    assert.deepEqual([...f.buffer.subarray(0, 9)], [1, 1, 1, 2, 2, 2, 3, 3, 3]);
    assert.equal(f.first, 35);
  }
});

test('duplicates change nothing, also when all are there', () => {
  const f = createFragments(10);
  assert.equal(add(f, 1, 2, 2, [5, 6]), 0);
  assert.equal(add(f, 1, 2, 2, [7, 8]), DROP_DUPLICATE);
  assert.equal(add(f, 1, 1, 2, [3, 4]), 4);
  assert.equal(add(f, 1, 1, 2, [9, 9]), DROP_DUPLICATE);
  assert.deepEqual([...f.buffer.subarray(0, 4)], [3, 4, 5, 6]);
});

test("a larger total begins anew, a smaller one is dropped, as is another message ID's set", () => {
  const f = createFragments(10);
  assert.equal(add(f, 1, 1, 2, [1]), 0);
  assert.equal(add(f, 1, 1, 3, [2]), 0);
  assert.equal(add(f, 1, 2, 2, [9]), DROP_FRAGMENT);
  assert.equal(add(f, 1, 2, 3, [3]), 0);
  assert.equal(add(f, 1, 3, 3, [4]), 3);
  assert.deepEqual([...f.buffer.subarray(0, 3)], [2, 3, 4]);
  assert.equal(add(f, 2, 2, 2, [7]), 0);
  assert.equal(add(f, 2, 1, 2, [6]), 2);
  assert.deepEqual([...f.buffer.subarray(0, 2)], [6, 7]);
});

test('limits: fragments, octets, numbers', () => {
  const f = createFragments(40);
  assert.equal(add(f, 0, 1, MAX_FRAGMENTS + 1, [1]), DROP_FRAGMENT);
  for (let number = 1; number < MAX_FRAGMENTS; number++) assert.equal(add(f, 0, number, MAX_FRAGMENTS, [1]), 0);
  assert.equal(add(f, 0, MAX_FRAGMENTS, MAX_FRAGMENTS, new Array<number>(10).fill(2)), DROP_TOO_LONG);
  assert.equal(add(f, 0, MAX_FRAGMENTS, MAX_FRAGMENTS, new Array<number>(9).fill(2)), 40);
  for (const [number, total] of [
    [0, 0],
    [0, 3],
    [4, 3],
  ]) {
    assert.equal(add(f, 1, number, total, [1]), DROP_FRAGMENT);
  }
  assert.equal(f.used, 40);
  assert.equal(f.buffer.length, 40);
});

test('any pieces in any order, some twice', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: MAX_FRAGMENTS });
  const shuffled = pieces.chain((list) => {
    const all = list.map((_, i) => i);
    return fc.tuple(
      fc.constant(list),
      fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length, maxLength: 2 * all.length }),
    );
  });
  fc.assert(
    fc.property(shuffled, fc.nat(0xffffffff), ([list, order], id) => {
      const f = createFragments(MAX_FRAGMENTS * 20);
      const whole = list.flatMap((piece) => [...piece]);
      const seen = new Set<number>();
      for (const index of order) {
        const result = add(f, id, index + 1, list.length, [...list[index]], index === 0 ? 41 : 0);
        const isNew = !seen.has(index);
        seen.add(index);
        assert.equal(result, !isNew ? DROP_DUPLICATE : seen.size === list.length ? whole.length : 0);
      }
      assert.deepEqual([...f.buffer.subarray(0, f.used)], whole);
      assert.equal(f.first, 41);
    }),
  );
});

test('a message goes in fragments and comes back', () => {
  const provider = createNodeProvider();
  const keys = new Uint8Array(80).fill(9);
  const { first, octets } = authRequest();
  for (const cipher of [ikeCcm8, ikeCbcHmac]) {
    const k = createSkKey(provider, cipher, keys, 0, 40);
    const room = innerRoom(cipher, 120, true);
    const total = Math.ceil(octets.length / room);
    assert.ok(total > 1);
    const f = createFragments(200);
    for (let number = total; number > 0; number--) {
      const at = (number - 1) * room;
      const dst = new Uint8Array(120);
      header(dst, 0, INFORMATIONAL, 0, 5);
      const size = Math.min(room, octets.length - at);
      const length = sealMessage(provider, k, dst, 0, octets, {
        first: first,
        at: at,
        size: size,
        number: number,
        total: total,
      });
      assert.ok(length > 0 && length <= 120);
      const opened: Content = { first: 0, at: 0, size: 0, number: 0, total: 0 };
      assert.equal(openMessage(provider, k, dst, 0, payloadsOf(dst, 0, length), 0, opened), 0);
      assert.equal(addFragment(f, 5, opened, dst), number === 1 ? octets.length : 0);
    }
    assert.equal(f.first, first);
    assert.equal(hex(f.buffer.subarray(0, octets.length)), hex(octets));
  }
});
