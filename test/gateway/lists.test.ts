// Lists of many peers, a page at a time: what a page costs does not grow with what is not on it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ListQuery, Page } from '../../targets/node/gateway/list-views.ts';
import { createSorted } from '../../targets/node/host/sorted.ts';
import { manyPeers, peerName } from './many-peers.ts';

const COUNT = 12000;
const { lists, roster, ikeSas, looks } = manyPeers(COUNT);

function looked<Result>(run: () => Result): [Result, number] {
  looks.peers = looks.sas = 0;
  const result = run();
  return [result, looks.peers + looks.sas];
}

/** All entries, page by page; what the dearest page looked at, and the pages. */
function paged<Item>(list: (query: ListQuery) => Page<Item>, query: ListQuery): [Item[], number, number] {
  const items: Item[] = [];
  let dearest = 0;
  let pages = 0;
  for (let cursor: string | null = ''; cursor !== null; pages++) {
    const from: ListQuery = cursor === '' ? {} : { cursor };
    const [page, looks] = looked(() => list({ ...query, ...from }));
    dearest = Math.max(dearest, looks);
    items.push(...page.items);
    cursor = page.next;
  }
  return [items, dearest, pages];
}

test('pages of peers: all, in order, once each; a page looks at its own peers and their SAs', () => {
  const [items, dearest, pages] = paged(lists.peers, { limit: 500 });
  assert.equal(pages, COUNT / 500);
  assert.deepEqual(
    items.map(({ peer, packetsIn, octetsOut }) => [peer, packetsIn, octetsOut]),
    Array.from({ length: COUNT }, (_, n) => [`fqdn:${peerName(n)}`, n, 20]),
  );
  assert.ok(dearest <= 20 * 500, String(dearest));
  assert.equal(lists.peers({ limit: 1 }).total, COUNT);
});

test('pages of SAs, and those of one peer', () => {
  const [items, dearest] = paged(lists.saPage, { limit: 500 });
  assert.deepEqual(
    items.map(({ id }) => id),
    Array.from({ length: 2 * COUNT }, (_, n) => n + 1),
  );
  assert.ok(dearest <= 20 * 500, String(dearest));
  const peer = `fqdn:${peerName(77)}`;
  const [own, looks] = looked(() => lists.saPage({ peer }));
  assert.deepEqual([own.total, own.next, own.items.map((one) => one.peer)], [2, null, [peer, peer]]);
  assert.ok(looks < 30, String(looks));
  assert.deepEqual(lists.saPage({ peer, cursor: String(own.items[0].id) }).items, own.items.slice(1));
  assert.deepEqual(lists.saPage({ peer: 'fqdn:nobody' }), { items: [], next: null, total: 0 });
});

test('one peer is found without the others', () => {
  const peer = `fqdn:${peerName(4711)}`;
  const [page, looks] = looked(() => lists.peers({ peer }));
  assert.deepEqual([page.items.map((one) => one.peer), page.total, page.next], [[peer], 1, null]);
  assert.ok(looks < 30, String(looks));
  assert.equal(lists.peers({ peer, search: 'nothing' }).total, 0);
  assert.equal(lists.peers({ peer: 'fqdn:nobody' }).total, 0);
  assert.deepEqual(lists.ikeSasOf(peer).length, 1);
  assert.equal(lists.established(peer), lists.ikeSasOf(peer)[0]);
});

test('a search looks through some at a time, finds all, and does not know how many among many', () => {
  for (const [list, search, found] of [
    [lists.peers, '5.EXAMPLE', COUNT / 10],
    [lists.peers, 'nothing', 0],
    [lists.saPage, 'sensor000', 2 * 1000],
  ] as [(query: ListQuery) => Page<unknown>, string, number][]) {
    const [items, , pages] = paged(list, { limit: 1000, search });
    assert.equal(items.length, found);
    assert.ok(pages >= COUNT / 2000 && pages < 20, String(pages));
    assert.equal(list({ search }).total, null);
  }
  const few = manyPeers(300).lists;
  const page = few.peers({ search: '1.example', limit: 10 });
  assert.deepEqual([page.items.length, page.total], [10, 30]);
  const rest = few.peers({ search: '1.example', cursor: page.next! });
  assert.deepEqual([rest.items.length, rest.total, rest.next], [20, 30, null]);
});

test('a peer that ends is in no list; one whose IKE SA is rekeyed is in it once', () => {
  const { lists: few, roster: peers, ikeSas: all } = manyPeers(3);
  const names = (): string[] => few.peers().items.map(({ peer }) => peer);
  const again = { ...all[0], spis: new Uint8Array(16).fill(1) };
  peers.add(again);
  peers.add(again);
  assert.equal(few.peers().items[0].ikeSas.length, 2);
  peers.remove(all[0]);
  peers.remove(all[0]);
  assert.deepEqual([names().length, few.peers().items[0].ikeSas], [3, ['01'.repeat(16)]]);
  peers.remove(again);
  assert.deepEqual(
    names(),
    [1, 2].map((n) => `fqdn:${peerName(n)}`),
  );
  assert.equal(roster.size(), ikeSas.length);
});

test('sorted items: as an array that is sorted, whatever comes and goes', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 3000 })), { minLength: 1, maxLength: 3000 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 3000 }), (moves, from) => {
      const sorted = createSorted<number, { key: number }>(({ key }) => key);
      const model = new Set<number>();
      for (const [isNew, key] of moves) {
        if (!isNew) sorted.remove(key);
        else if (!model.has(key)) sorted.add({ key });
        if (isNew) model.add(key);
        else model.delete(key);
      }
      const want = [...model].sort((a, b) => a - b);
      const keys = (after: number | undefined): number[] => Array.from(sorted.after(after), ({ key }) => key);
      assert.deepEqual(keys(undefined), want);
      assert.deepEqual(
        keys(from),
        want.filter((key) => key > from),
      );
      assert.deepEqual([sorted.size(), sorted.get(from)?.key], [want.length, model.has(from) ? from : undefined]);
    }),
    { numRuns: 30 },
  );
  const many = createSorted<number, number>((key) => key);
  for (let i = 0; i < 20000; i++) many.add((i * 7919) % 20000);
  for (let i = 0; i < 20000; i += 2) many.remove(i);
  assert.deepEqual(
    [...many.after(9999)],
    Array.from({ length: 5000 }, (_, i) => 10001 + 2 * i),
  );
  many.clear();
  assert.deepEqual([many.size(), [...many.after(undefined)]], [0, []]);
});
