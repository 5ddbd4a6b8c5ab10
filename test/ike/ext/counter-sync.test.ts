// Synchronisation of Message IDs and sequence numbers after a failover [RFC 6311], between two endpoints: a member that takes
// over with old numbers; replayed, repeated, foreign and lost messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { u32 } from '../../../core/base/bytes.ts';
import { receiveIke } from '../../../core/ike/exchange/endpoint.ts';
import { probe, rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import { createCounterSync, syncIke } from '../../../core/ike/ext/counter-sync.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { type Options, type Scene, scene } from '../kit.ts';
import { path } from '../pair.ts';

interface Sync {
  s: Scene;
  sa: IkeSa;
  member: IkeSa;
  advanced: number[];
  /** INFORMATIONAL messages with Message ID 0. */
  seen: { from: string; octets: Uint8Array }[];
}

function syncing(options: Options = {}, onDevice = true, counters = true): Sync {
  const seen: Sync['seen'] = [];
  const s = scene({
    ...options,
    filter: (d, self) => {
      if (d.octets[18] === 37 && u32(d.octets, 20) === 0) seen.push({ from: d.from.name, octets: d.octets.slice() });
      return options.filter === undefined ? [d] : options.filter(d, self);
    },
  });
  const advanced: number[] = [];
  const parts = createCounterSync(counters ? (_sa, delta) => void advanced.push(delta) : null);
  const own = createCounterSync(() => {});
  if (onDevice) {
    s.world.device.ike.extensions.push(parts.extension);
    s.world.device.ike.sync = parts.sync;
  }
  s.world.gateway.ike.extensions.push(own.extension);
  s.world.gateway.ike.sync = own.sync;
  const sa = s.connect();
  const member = s.world.gateway.ike.sas.find((one) => one.state === STATE_ESTABLISHED)!;
  return { s, sa, member, advanced, seen };
}

/** The numbers of the member are those of before: it does not know of what came since. */
function takeOver({ s, sa, member, seen }: Sync, fromDevice: number, fromGateway: number): void {
  const { nextId, expectedId } = member;
  for (let i = 0; i < fromDevice; i++) {
    probe(s.world.device.ike, sa, s.world.now);
    s.world.settle();
  }
  for (let i = 0; i < fromGateway; i++) {
    probe(s.world.gateway.ike, member, s.world.now);
    s.world.settle();
  }
  member.nextId = nextId;
  member.expectedId = expectedId;
  member.response = new Uint8Array(0);
  // The gateway's first request of its own has Message ID 0 as well.
  seen.length = 0;
}

function sync({ s, member }: Sync, delta = 0, ahead = 16): boolean {
  const done = syncIke(s.world.gateway.ike, member, delta, ahead, s.world.now);
  s.world.settle();
  return done;
}

/** Exchanges begun by both sides work. */
function assertWorks({ s, sa, member }: Sync): void {
  assert.deepEqual([sa.nextId, sa.expectedId], [member.expectedId, member.nextId]);
  for (const [ike, one] of [[s.world.device.ike, sa] as const, [s.world.gateway.ike, member] as const]) {
    const before = one.nextId;
    probe(ike, one, s.world.now);
    s.world.settle();
    assert.deepEqual([one.nextId, one.request.length], [before + 1, 0]);
  }
  assert.equal(sa.state, STATE_ESTABLISHED);
}

for (const [fromDevice, fromGateway] of [
  [0, 0],
  [5, 0],
  [0, 5],
  [7, 3],
] as const) {
  test(`the device sent ${fromDevice} requests and the gateway ${fromGateway} that the member does not know`, () => {
    const one = syncing();
    takeOver(one, fromDevice, fromGateway);
    assert.ok(sync(one, 4096));
    assert.deepEqual(one.advanced, [4096]);
    // IKE_AUTH was the device's last request: its next is 2 + fromDevice; the member began with 0 + 16.
    assert.deepEqual([one.sa.nextId, one.sa.expectedId], [2 + fromDevice, 16]);
    assertWorks(one);
    rekeyChild(one.s.world.gateway.ike, one.member, one.member.children[0]!, one.s.world.now);
    one.s.world.settle();
    rekeyIke(one.s.world.device.ike, one.sa, one.s.world.now);
    one.s.world.settle();
    one.s.close();
  });
}

test('after a rekey of the IKE SA, whose Message IDs begin anew', () => {
  const one = syncing();
  takeOver(one, 9, 9);
  assert.ok(sync(one, 100));
  const { world } = one.s;
  rekeyIke(world.device.ike, one.sa, world.now);
  world.settle();
  one.sa = world.device.ike.sas.find(({ state }) => state === STATE_ESTABLISHED)!;
  one.member = world.gateway.ike.sas.find(({ state }) => state === STATE_ESTABLISHED)!;
  assert.ok(sync(one, 200, 1));
  assert.deepEqual(one.advanced, [100, 200]);
  assertWorks(one);
  one.s.close();
});

test('a device whose policy does not offer it is not asked', () => {
  const one = syncing({ device: { counterSync: false } });
  takeOver(one, 0, 0);
  assert.equal(sync(one, 1), false);
  assert.deepEqual(one.seen, []);
  one.s.close();
});

test('octets of the notifies, by an observer that decrypts them', () => {
  const one = syncing();
  takeOver(one, 1, 1);
  one.s.sent();
  sync(one, 258);
  const [question, answer] = one.s.sent();
  const texts = (m: typeof question): string[] =>
    m!.payloads.map(({ type, body }) => `${type} ${body.toString('hex')}`);
  const random = texts(question)[0]!.slice(11, 19);
  assert.deepEqual(texts(question), [`41 00004026${random}0000001000000002`, '41 0000402700000102']);
  assert.deepEqual(texts(answer), [`41 00004026${random}0000000300000010`]);
  for (const { octets } of one.seen) assert.equal(u32(octets, 20), 0);
});

test('a repetition gets the same octets again and moves nothing; a replayed older question gets none', () => {
  const one = syncing();
  takeOver(one, 2, 2);
  sync(one, 10);
  const first = one.seen.map(({ octets }) => octets);
  assert.equal(first.length, 2);
  const hand = (octets: Uint8Array): void => {
    const copied = octets.slice();
    receiveIke(one.s.world.device.ike, path(), copied, 0, copied.length, one.s.world.now);
  };
  const numbers = (): number[] => [one.sa.nextId, one.sa.expectedId, one.advanced.length];
  const before = numbers();
  hand(first[0]!);
  assert.deepEqual(one.seen[2]!.octets, first[1]);
  assert.deepEqual(numbers(), before);
  one.s.world.queue.length = 0;
  // A second failover; then the first question again.
  assertWorks(one);
  sync(one, 20);
  assert.deepEqual(one.advanced, [10, 20]);
  const count = one.seen.length;
  const after = numbers();
  hand(first[0]!);
  assert.equal(one.seen.length, count);
  assert.deepEqual(numbers(), after);
});

test('numbers never go backwards, nor too far ahead', () => {
  for (const [change, isTaken] of [
    [(m: IkeSa) => void (m.nextId = 10), true],
    [(m: IkeSa) => void (m.nextId = 65000), true],
    [(m: IkeSa) => void (m.nextId = 70000), false],
    [(m: IkeSa) => void (m.expectedId = 70000), false],
    [(m: IkeSa) => void (m.expectedId = 9), true],
  ] as const) {
    const one = syncing({ unobserved: true });
    takeOver(one, 4, 0);
    change(one.member);
    const before = [one.sa.nextId, one.sa.expectedId];
    sync(one, 1, 1);
    assert.equal(one.member.request.length === 0, isTaken, String(change));
    assert.ok(one.sa.nextId >= before[0]! && one.sa.expectedId >= before[1]!);
    if (!isTaken) assert.deepEqual([one.sa.nextId, one.sa.expectedId], before);
  }
  const low = syncing({ unobserved: true });
  for (let i = 0; i < 9; i++) {
    probe(low.s.world.gateway.ike, low.member, 0);
    low.s.world.settle();
  }
  low.member.nextId = 0;
  sync(low, 1, 1);
  assert.equal(low.sa.expectedId, 9, 'below what the device has seen');
  assert.deepEqual(low.advanced, []);
});

test('a lost question or answer is repeated', () => {
  for (const lost of ['gateway', 'device']) {
    let left = 0;
    const one = syncing({
      unobserved: true,
      filter: (d) => (d.from.name === lost && d.octets[18] === 37 && left-- > 0 ? [] : [d]),
    });
    takeOver(one, 3, 1);
    left = 1;
    sync(one, 7);
    assert.notEqual(one.member.request.length, 0);
    one.s.wait(10000);
    assert.deepEqual(one.advanced, [7]);
    assertWorks(one);
  }
});

test('a peer without it is never asked, and one without sequence numbers only for Message IDs', () => {
  const without = syncing({}, false);
  assert.equal(sync(without), false);
  assert.equal(without.seen.length, 0);
  const ids = syncing({}, true, false);
  takeOver(ids, 1, 0);
  ids.s.sent();
  assert.equal(sync(ids, 5), true);
  assert.equal(ids.s.sent()[0]!.payloads.length, 1);
  assertWorks(ids);
});

test('IKE_AUTH offers both by notifies without data', () => {
  const notifies: string[] = [];
  const one = syncing();
  for (const m of one.s.sent().filter(({ exchange }) => exchange === 35)) {
    for (const { type, body } of m.payloads) if (type === 41) notifies.push(`${m.from} ${body.toString('hex')}`);
  }
  for (const from of ['device', 'gateway']) {
    assert.ok(notifies.includes(`${from} 00004024`) && notifies.includes(`${from} 00004025`), notifies.join());
  }
});
