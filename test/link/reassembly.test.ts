// Who gets a slot of the reassembly, and who gives way: datagrams of honest senders arrive whole under forged fragments.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_DUPLICATE, DROP_REASSEMBLY } from '../../core/base/drop.ts';
import { createReassembly, KEY_SIZE, type Reassembly } from '../../core/link/fragment.ts';
import { createReassemblyTable } from '../../core/link/fragment-table.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';

const TIMEOUT = 10000;
const UNIT = 96;

const table = (slots: number): Reassembly => createReassemblyTable(slots, 2047, TIMEOUT, createRandom(1).fill);
const small = (slots: number): Reassembly => createReassembly(slots, 2047, TIMEOUT);
const KINDS: [string, (slots: number) => Reassembly][] = [
  ['table', table],
  ['small', small],
];

function keyOf(sender: number, size: number, tag: number): Uint8Array {
  const key = new Uint8Array(KEY_SIZE);
  const view = new DataView(key.buffer);
  view.setUint32(4, sender);
  view.setUint16(16, size);
  view.setUint16(18, tag);
  return key;
}

const RAMP = Uint8Array.from({ length: 256 + UNIT }, (_, i) => i & 255);

/** Fragment `number` of a datagram whose octets follow from `seed`. */
function put(r: Reassembly, key: Uint8Array, number: number, seed: number, now: number): number {
  const size = (key[16] << 8) | key[17];
  const at = number * UNIT;
  return r.add(key, at, RAMP, (seed + at) & 255, Math.min(UNIT, size - at), now);
}

function isWhole(r: Reassembly, at: number, size: number, seed: number): boolean {
  for (let i = 0; i < size; i++) if (r.memory[at + i] !== ((seed + i) & 255)) return false;
  return at > 0;
}

interface Flood {
  rate: number;
  /** The sender of a forged fragment. */
  sender: (n: number) => number;
  first?: boolean;
}

/** Datagrams of 10 fragments, 20 ms apart, from 20 senders in turn; forged fragments between. How many of 200 arrived. */
function underFlood(r: Reassembly, { rate, sender, first = false }: Flood): number {
  let forged = 0;
  let whole = 0;
  let now = 1000;
  for (let i = 0; i < 200; i++) {
    const key = keyOf(1 + (i % 20), 960, i);
    for (let n = 0; n < 10; n++) {
      now += 20;
      r.poll(now);
      for (; forged < ((now - 1000) * rate) / 1000; forged++) {
        put(r, keyOf(sender(forged), 1200, 0x8000 + (forged & 0x7fff)), first ? 0 : 5, forged, now);
      }
      if (isWhole(r, put(r, key, n, i, now), 960, i)) whole++;
    }
  }
  return whole;
}

test('later fragments forged, with their own, honest or ever new senders: every honest datagram arrives', () => {
  for (const rate of [5, 100, 1000, 10000]) {
    for (const [name, sender] of [
      ['one', () => 1000],
      ['honest', (n: number) => 1 + (n % 20)],
      ['new', (n: number) => 1000 + n],
    ] as [string, (n: number) => number][]) {
      for (const [kind, create] of KINDS) {
        for (const slots of kind === 'small' ? [1, 2] : [8, 1024]) {
          assert.equal(underFlood(create(slots), { rate, sender }), 200, `${kind} ${slots} ${name} ${rate}/s`);
        }
      }
    }
  }
});

test('first fragments forged: the table loses none up to a table full within 20 ms', () => {
  assert.equal(underFlood(table(1024), { rate: 40000, sender: (n) => 1000 + n, first: true }), 200);
  assert.equal(underFlood(table(1024), { rate: 100, sender: (n) => 1 + (n % 20), first: true }), 200);
  // Beyond that, whoever fills the air stops everybody.
  assert.ok(underFlood(table(256), { rate: 40000, sender: (n) => 1000 + n, first: true }) < 200);
});

test('a first fragment left over, then a datagram with the same tag and size: the newest begins afresh', () => {
  for (const [kind, create] of KINDS) {
    const r = create(4);
    const key = keyOf(7, 300, 9);
    assert.equal(put(r, key, 0, 1, 10), 0);
    assert.equal(put(r, key, 0, 1, 20), DROP_DUPLICATE, 'a repetition changes nothing');
    for (const n of [0, 1, 2]) assert.equal(put(r, key, n, 50, 5000 + n), 0, `${kind} ${n}`);
    assert.equal(r.nextTimeout(), 15000, 'a new time-out');
    assert.ok(isWhole(r, put(r, key, 3, 50, 5003), 300, 50), kind);
    assert.equal(r.poll(5004), 1, 'one was given up');
    assert.equal(r.nextTimeout(), -1);
  }
});

test('fragments in any order, of many datagrams at a time', () => {
  const random = createRandom(5);
  const r = table(10000);
  const pieces: [number, number][] = [];
  for (let sender = 0; sender < 10000; sender++) for (let n = 0; n < 5; n++) pieces.push([sender, n]);
  for (let i = pieces.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [pieces[i], pieces[j]] = [pieces[j], pieces[i]];
  }
  let whole = 0;
  pieces.forEach(([sender, n], i) => {
    if (isWhole(r, put(r, keyOf(sender, 480, sender & 0xffff), n, sender, i / 100), 480, sender)) whole++;
  });
  assert.equal(whole, 10000);
  assert.equal(r.nextTimeout(), -1);
  assert.equal(r.poll(1e6), 0);
});

test('a sender has four slots: its oldest gives way to its next, and others keep theirs', () => {
  const r = table(16);
  for (let sender = 1; sender <= 3; sender++)
    for (let tag = 0; tag < 4; tag++) put(r, keyOf(sender, 300, tag), 0, 0, tag);
  for (let tag = 4; tag < 40; tag++) assert.equal(put(r, keyOf(1, 300, tag), 0, 0, 100 + tag), 0);
  assert.equal(r.poll(200), 36);
  for (let n = 1; n < 3; n++) put(r, keyOf(2, 300, 0), n, 0, 300);
  assert.ok(put(r, keyOf(2, 300, 0), 3, 0, 300) > 0);
  for (let n = 1; n < 3; n++) put(r, keyOf(1, 300, 36), n, 0, 300);
  assert.ok(put(r, keyOf(1, 300, 36), 3, 0, 300) > 0);
  assert.equal(put(r, keyOf(1, 300, 0), 3, 0, 300), 0, 'the first of all went long ago');
});

test('a full table: what moved least goes; a later fragment takes nothing that still moves', () => {
  const r = table(4);
  for (let sender = 1; sender <= 4; sender++) put(r, keyOf(sender, 300, 0), 0, 0, 1000 + sender);
  assert.equal(put(r, keyOf(9, 300, 0), 1, 0, 1010), DROP_REASSEMBLY);
  put(r, keyOf(1, 300, 0), 1, 0, 1020);
  assert.equal(put(r, keyOf(9, 300, 0), 0, 0, 1030), 0, 'a first one does: that of sender 2');
  assert.equal(put(r, keyOf(8, 300, 0), 1, 0, 1003 + TIMEOUT / 40), 0, 'that of sender 3, which stands still');
  assert.equal(put(r, keyOf(1, 300, 0), 2, 0, 1300), 0);
  assert.ok(put(r, keyOf(1, 300, 0), 3, 0, 1300) > 0);
});

test('time-outs count from the first fragment, in order', () => {
  const r = table(100);
  for (let i = 0; i < 50; i++) put(r, keyOf(i, 300, 0), 0, 0, i);
  for (let i = 0; i < 50; i++) put(r, keyOf(i, 300, 0), 1, 0, 5000 - i);
  assert.equal(r.nextTimeout(), TIMEOUT);
  assert.equal(r.poll(TIMEOUT + 9), 10);
  assert.equal(r.nextTimeout(), TIMEOUT + 10);
  assert.equal(r.poll(TIMEOUT + 49), 40);
  assert.equal(r.nextTimeout(), -1);
});

test('limits of the table name field, value and limit', () => {
  assert.throws(() => table(0), /reassembly\.datagrams: 0: must be 1\.\.65535/);
  assert.throws(() => createReassemblyTable(1, 2048, 1, () => {}), /maxSize: 2048: must be 40\.\.2047/);
  assert.throws(() => createReassemblyTable(1, 1280, 60001, () => {}), /timeout: 60001/);
});
