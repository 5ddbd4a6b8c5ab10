// The DSCP notify and TS_DSCP.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { agreedDscp, readDscp, writeDscp } from '../../../core/ike/codec/dscp.ts';
import { beginChain, createPayloads, createWriter, parsePayloads } from '../../../core/ike/codec/message.ts';
import { N_INVALID_SYNTAX, N_TS_UNACCEPTABLE, PAYLOAD_TSI } from '../../../core/ike/codec/numbers.ts';
import { addSelectors, parseSelectors, type Selector } from '../../../core/ike/codec/selectors.ts';
import { appendTsDscp, narrowTsDscp, readTsDscp, tsDscpWithin } from '../../../core/ike/codec/ts-dscp.ts';
import { bytes, damaged, dataOf, guarded, hex, notify, numbers, written } from './support.ts';

const TYPE = numbers.tsDscp;
const lists = fc.uniqueArray(fc.nat({ max: 63 }), { maxLength: 8 });
const ascending = (list: number[]): number[] => [...new Set(list)].sort((a, b) => a - b);

test('a notify with two values, both ways', () => {
  const text = '0000000a0000c4ea0a1c';
  assert.equal(
    notify(numbers.dscp, (w) => writeDscp(w, [0x1c, 0x0a])),
    text,
  );
  assert.deepEqual(readDscp(dataOf(numbers.dscp, text), 0, 2), [10, 28]);
  assert.equal(
    notify(numbers.dscp, (w) => writeDscp(w, [])),
    '000000080000c4ea',
  );
});

test('values are sorted, each once, and others left out', () => {
  const { buffer, at } = guarded(bytes('2e400a2e00ff3f'));
  assert.deepEqual(readDscp(buffer, at, 7), [0, 10, 46, 63]);
  assert.deepEqual(readDscp(buffer, at, 0), []);
  assert.equal(hex(written((w) => writeDscp(w, [46, 64, 10, 46, -1]))), '0a2e');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (octets) => {
      const list = ascending([...octets].filter((dscp) => dscp < 64));
      assert.deepEqual(readDscp(octets, 0, octets.length), list);
      assert.deepEqual([...written((w) => writeDscp(w, [...octets]))], list);
    }),
  );
});

test('the list for dscp_cda sa: the same on both sides, or none', () => {
  assert.deepEqual(agreedDscp([46, 10], [10, 46]), [10, 46]);
  assert.deepEqual(agreedDscp([10], [10, 46]), []);
  assert.deepEqual(agreedDscp([10, 46], [10]), []);
  assert.deepEqual(agreedDscp([10], []), []);
  assert.deepEqual(agreedDscp([], []), []);
  fc.assert(
    fc.property(lists, lists, fc.boolean(), (a, b, isSame) => {
      const peer = isSame ? [...a].reverse() : b;
      const same = ascending(a).join() === ascending(peer).join();
      assert.deepEqual(agreedDscp(a, peer), same ? ascending(a) : []);
      assert.deepEqual(agreedDscp(peer, a), agreedDscp(a, peer));
    }),
  );
});

const anywhere: Selector = {
  protocol: 0,
  startPort: 0,
  endPort: 65535,
  start: new Uint8Array(4),
  end: new Uint8Array(4).fill(255),
};
const ADDRESS = '0700001000 00ffff'.replace(' ', '') + '00000000ffffffff';

/** A TSi payload with an address selector and the list. */
function payload(list: number[]): Uint8Array {
  return written((w) => {
    const at = w.at;
    addSelectors(w, PAYLOAD_TSI, [anywhere]);
    appendTsDscp(w, at, TYPE, list);
  });
}

function read(...bodies: string[]): string {
  const list: number[] = [];
  let result = 0;
  for (const body of bodies) {
    const { buffer, at } = guarded(bytes(body));
    if (result === 0) result = readTsDscp(buffer, at, bytes(body).length, TYPE, list);
  }
  return result === 0 ? list.join() : String(-result);
}

test('TS_DSCP, both ways, beside an address', () => {
  const octets = payload([10, 12, 46]);
  assert.equal(hex(octets), '0000001f02000000' + ADDRESS + 'f10000070a0c2e');
  const p = createPayloads();
  assert.equal(parsePayloads(p, octets, PAYLOAD_TSI, 0, octets.length), 0);
  const list: number[] = [];
  assert.equal(readTsDscp(octets, p.at[0], p.size[0], TYPE, list), 0);
  assert.deepEqual(list, [10, 12, 46]);
  // Who does not know it sees the addresses.
  const selectors: Selector[] = [];
  assert.equal(parseSelectors(octets, p.at[0], p.size[0], selectors), 0);
  assert.equal(selectors.length, 1);
  assert.equal(hex(payload([])), '0000001801000000' + ADDRESS);
  assert.equal(read('01000000' + ADDRESS), '');
});

test('TS_DSCP: what is refused', () => {
  const unacceptable = String(-N_TS_UNACCEPTABLE);
  const syntax = String(-N_INVALID_SYNTAX);
  const good = '02000000' + ADDRESS;
  assert.equal(read(good + 'f1ff00050a'), '10');
  // Before the address, too.
  assert.equal(read('02000000' + 'f10000050a' + ADDRESS), '10');
  for (const bad of ['f1000004', 'f100000540', 'f10000060a0a', 'f10000062e0a', 'f10000060a40']) {
    assert.equal(read(good + bad), unacceptable, bad);
  }
  assert.equal(read('03000000' + ADDRESS + 'f10000050a'.repeat(2)), unacceptable);
  assert.equal(read(good + 'f10000050a', good + 'f10000050a'), unacceptable);
  assert.equal(read('01000000' + ADDRESS, good + 'f10000050a'), '10');
  assert.equal(read('01000000' + 'f10000050a'), unacceptable);
  for (const bad of ['', '010000', '01000000', '01000000f1', '01000000f1000003', '01000000f10000050a00', good]) {
    assert.equal(read(bad), syntax, bad);
  }
  assert.equal(read('00000000'), '');
});

test('TS_DSCP: narrowing and the check of an answer', () => {
  assert.deepEqual(narrowTsDscp([10, 12, 46], [46, 10, 0]), [10, 46]);
  assert.deepEqual(narrowTsDscp([10, 12], []), [10, 12]);
  assert.deepEqual(narrowTsDscp([], [10]), []);
  assert.deepEqual(narrowTsDscp([10], [12]), []);
  assert.ok(tsDscpWithin([10], [10, 12]));
  assert.ok(tsDscpWithin([10], []));
  assert.ok(tsDscpWithin([], []));
  assert.ok(!tsDscpWithin([10, 13], [10, 12]));
  // Left out in the answer: every value.
  assert.ok(!tsDscpWithin([], [10]));
  fc.assert(
    fc.property(lists, lists, (offered, allowed) => {
      const narrowed = narrowTsDscp(offered, allowed);
      if (narrowed.length > 0) assert.ok(tsDscpWithin(narrowed, offered) && tsDscpWithin(narrowed, allowed));
      const all = allowed.length === 0 ? offered : offered.filter((dscp) => allowed.includes(dscp));
      assert.deepEqual(narrowed, all);
    }),
  );
});

test('cuts and one-bit changes: nothing throws or reads outside, and what is taken is in order', () => {
  for (const octets of damaged(payload([10, 12, 46]).slice(4))) {
    const { buffer, at } = guarded(octets);
    const list: number[] = [];
    const result = readTsDscp(buffer, at, octets.length, TYPE, list);
    assert.ok(result === 0 || result === N_INVALID_SYNTAX || result === N_TS_UNACCEPTABLE);
    if (result === 0)
      assert.deepEqual(
        list,
        ascending(list).filter((dscp) => dscp < 64),
      );
    readDscp(buffer, at, octets.length);
  }
});

test('nothing is written behind the end', () => {
  const size = payload([10, 12]).length;
  for (let room = 0; room <= size; room++) {
    const w = createWriter(new Uint8Array(room));
    beginChain(w, 0);
    addSelectors(w, PAYLOAD_TSI, [anywhere]);
    appendTsDscp(w, 0, TYPE, [10, 12]);
    assert.equal(w.full, room < size);
  }
});
