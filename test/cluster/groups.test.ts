// Groups of a cluster over a store whose acknowledgements are lost, or come when nobody waits any more.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bucket, createSlot, type Entry, NotSent, save } from '../../targets/node/host/cluster/bucket.ts';
import { createGroups, type GroupStore } from '../../targets/node/host/cluster/groups.ts';
import { createPatience } from '../../targets/node/host/cluster/patience.ts';
import { createSession } from '../../targets/node/host/cluster/session.ts';
import { silent } from '../../targets/node/host/log.ts';
import { encodePlain } from '../../targets/node/host/state/plain.ts';
import { createClock } from './virtual-store.ts';

const SECRET = new Uint8Array(32).fill(7);
const [FIRST, SECOND] = ['1111111111111111', '2222222222222222'];

/** A store; `put` may be replaced. */
function memory(): Bucket & { values: Map<string, Entry> } {
  const values = new Map<string, Entry>();
  let revision = 0;
  const write = async (key: string, value: Uint8Array | null, expected: number): Promise<number> => {
    if ((values.get(key)?.revision ?? 0) !== expected) return -1;
    values.set(key, { key, value, revision: ++revision });
    return revision;
  };
  return {
    values,
    get: async (key) => values.get(key) ?? null,
    put: write,
    remove: async (key, expected) => (await write(key, null, expected)) >= 0,
    async scan(prefix, each) {
      for (const entry of values.values()) if (entry.key.startsWith(prefix)) each(entry);
    },
    watch: async () => {},
    messages: { send: () => false, listen: () => () => {} },
    close: async () => {},
  };
}

function groupsOf(bucket: Bucket, id: () => string, live: string[], isHeld = true): GroupStore {
  const session = {
    id,
    isHeld: () => isHeld,
    isLive: (one: string) => live.includes(one),
    refresh: async () => {},
  };
  const rest = { secret: SECRET, records: new Map(), log: silent, close: async () => {} };
  return createGroups({ bucket, session, ...rest });
}

const RECORDS = new Map([
  ['num/a', encodePlain({ out: 8, into: 3 })],
  ['ike/a', Uint8Array.of(1)],
]);

test('a lease that cannot be renewed: said more and more rarely, and when that is over; the wrong key is named by its field', async () => {
  const bucket = memory();
  let isBroken = false;
  const flaky: Bucket = {
    ...bucket,
    put: (...put) => (isBroken ? Promise.reject(new Error('timeout')) : bucket.put(...put)),
  };
  const clock = createClock();
  const timers = {
    now: clock.now,
    after(time: number, work: () => void) {
      let isCancelled = false;
      clock.at(clock.now() + time, () => isCancelled || work());
      return () => {
        isCancelled = true;
      };
    },
  };
  const lines: string[] = [];
  const sessionWith = (secret: Uint8Array) =>
    createSession({
      bucket: flaky,
      name: 'a',
      lease: 4000,
      secret,
      timers,
      log: (_level, _name, text) => void lines.push(typeof text === 'function' ? text() : text),
      ended() {},
      died() {},
    });
  const session = sessionWith(SECRET);
  await session.join();
  isBroken = true;
  await clock.run(60000);
  assert.equal(session.isHeld(), false);
  assert.ok(session.counters.failures > 60);
  assert.deepEqual(
    lines,
    ['', ...[2, 4, 8, 16, 32, 64].map((count) => ` (${count} times in a row)`)].map(
      (times) => `the lease could not be renewed${times}: timeout`,
    ),
  );
  isBroken = false;
  await clock.run(1000);
  assert.equal(session.isHeld(), true);
  assert.match(lines.at(-1)!, /^the lease is renewed again, after \d+ failures$/);
  await assert.rejects(
    sessionWith(new Uint8Array(32)).join(),
    /^CommandError: stateKey: record gw\.0 was written with another key/,
  );
});

/** A store with a group of the first session. */
async function withGroup(): Promise<ReturnType<typeof memory>> {
  const bucket = memory();
  const groups = groupsOf(bucket, () => FIRST, [FIRST]);
  groups.shared.belongs('num/a', 'a', ['at/a']);
  groups.shared.belongs('ike/a', 'a', []);
  await groups.write(RECORDS);
  return bucket;
}

test('a take-over whose first attempt comes late, between the reading and the writing of the second, is one', async () => {
  const bucket = await withGroup();
  const { put } = bucket;
  let late: (() => Promise<unknown>) | null = null;
  bucket.put = async (key, octets, expected) => {
    bucket.put = put;
    late = () => put(key, octets, expected);
    throw new Error('timeout');
  };
  const groups = groupsOf(bucket, () => SECOND, [SECOND]);
  await assert.rejects(groups.shared.take('a', FIRST), /timeout/);
  bucket.put = async (...args) => {
    bucket.put = put;
    await late!();
    return put(...args);
  };
  assert.deepEqual(await groups.shared.take('a', FIRST), new Map([...RECORDS].reverse()));
  assert.equal(groups.shared.count(), 1);
});

test('a group that another gateway took, which has gone since, is taken; one of a gateway that lives is not', async () => {
  const bucket = await withGroup();
  const third = '3333333333333333';
  assert.notEqual(await groupsOf(bucket, () => SECOND, [SECOND, third]).shared.take('a', FIRST), null);
  assert.equal(await groupsOf(bucket, () => third, [SECOND, third]).shared.take('a', FIRST), null);
  assert.notEqual(await groupsOf(bucket, () => third, [third]).shared.take('a', FIRST), null);
});

test('without the lease nothing is taken, and the group is not forgotten', async () => {
  const groups = groupsOf(await withGroup(), () => SECOND, [SECOND], false);
  await assert.rejects(groups.shared.take('a', FIRST), /does not have its lease/);
});

test('a session that ends while it takes a group does not have it; the next session takes it', async () => {
  const bucket = await withGroup();
  const { put } = bucket;
  let id = SECOND;
  const next = '3333333333333333';
  const groups = groupsOf(bucket, () => id, [next]);
  bucket.put = async (key, octets, expected) => {
    const revision = await put(key, octets, expected);
    if (key === 's.a') id = next;
    return revision;
  };
  await assert.rejects(groups.shared.take('a', FIRST), /lease ended/);
  assert.equal(groups.shared.count(), 0);
  assert.notEqual(await groups.shared.take('a', FIRST), null);
});

test('a survey tells of a group as soon as its owner is known to be gone, not of one whose gateway just joined', async () => {
  const bucket = await withGroup();
  const third = '3333333333333333';
  const young = groupsOf(bucket, () => third, [third]);
  young.shared.belongs('num/b', 'b', ['at/b']);
  young.shared.belongs('ike/b', 'b', []);
  await young.write(new Map([...RECORDS].map(([key, value]) => [key.replace('/a', '/b'), value])));
  const live = [SECOND];
  const session = {
    id: () => SECOND,
    isHeld: () => true,
    isLive: (one: string) => live.includes(one),
    async refresh() {
      live.push(third);
    },
  };
  const rest = { secret: SECRET, records: new Map(), log: silent, close: async () => {} };
  const { shared } = createGroups({ bucket, session, ...rest });
  const orphans: string[] = [];
  const { scan } = bucket;
  let early = -1;
  bucket.scan = async (prefix, each) => {
    await scan(prefix, each);
    await new Promise((resolve) => setImmediate(resolve));
    early = orphans.length;
  };
  const hints: string[] = [];
  await shared.survey({ orphan: ({ id }) => orphans.push(id), other: (list) => hints.push(...list) });
  assert.deepEqual([orphans, early], [['a'], 1]);
  assert.deepEqual(hints, ['at/a', 'at/b']);
});

test('after an outage of the store a gateway takes nobody for dead before a whole lease has passed', async () => {
  const LEASE = 3000;
  const bucket = memory();
  let now = 0;
  let timers: { at: number; work: () => void }[] = [];
  const cut = new Set<string>();
  const watchers: { name: string; each: (entry: Entry) => void }[] = [];
  const dead: string[] = [];
  function sessionOf(name: string): ReturnType<typeof createSession> {
    const reach = async <Value>(work: () => Promise<Value>): Promise<Value> => {
      if (cut.has(name)) throw new Error('timeout');
      return work();
    };
    return createSession({
      bucket: {
        ...bucket,
        get: (key) => reach(() => bucket.get(key)),
        scan: (prefix, each) => reach(() => bucket.scan(prefix, each)),
        watch: async (_, each) => void watchers.push({ name, each }),
        put: (key, value, expected) =>
          reach(async () => {
            const revision = await bucket.put(key, value, expected);
            for (const one of watchers) if (revision > 0 && !cut.has(one.name)) one.each({ key, value, revision });
            return revision;
          }),
      },
      name,
      lease: LEASE,
      secret: SECRET,
      timers: {
        now: () => now,
        after(time, work) {
          const timer = { at: now + time, work };
          timers.push(timer);
          return () => {
            timers = timers.filter((one) => one !== timer);
          };
        },
      },
      log: silent,
      ended: () => dead.push(`${name} ended`),
      died: () => dead.push(`${name} heard of a death`),
    });
  }
  async function runTo(until: number): Promise<void> {
    while (now < until) {
      now += 25;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { work } of due) work();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const [own, other] = [sessionOf('own'), sessionOf('other')];
  await own.join();
  await other.join();
  await runTo(LEASE);
  assert.deepEqual([own.isHeld(), other.isHeld(), dead], [true, true, []]);

  // The store is away for both, and back for the other one almost a lease later.
  cut.add('own').add('other');
  await runTo(now + 2 * LEASE);
  assert.deepEqual([own.isHeld(), other.isHeld()], [false, false]);
  cut.delete('own');
  await runTo(now + LEASE - 200);
  cut.delete('other');
  await runTo(now + 2 * LEASE);
  assert.deepEqual([own.isHeld(), other.isHeld(), dead], [true, true, []]);

  // The other one stays away.
  cut.add('own').add('other');
  await runTo(now + 2 * LEASE);
  cut.delete('own');
  await runTo(now + LEASE - 200);
  assert.deepEqual(dead, []);
  await runTo(now + LEASE);
  assert.deepEqual(dead, ['own heard of a death']);
});

test('attempts of which nobody knows the outcome are bounded, and one that was not sent is none', async () => {
  const bucket = memory();
  const { put } = bucket;
  const slot = createSlot();
  bucket.put = async () => {
    throw new NotSent('not connected');
  };
  await assert.rejects(save(bucket, 'n.a', slot, Uint8Array.of(0)), NotSent);
  assert.equal(slot.attempts.length, 0);
  bucket.put = async () => {
    throw new Error('timeout');
  };
  for (let i = 0; i < 1000; i++) {
    await assert.rejects(save(bucket, 'n.a', slot, Uint8Array.of(i & 255, i >> 8)), /timeout/);
  }
  assert.ok(slot.attempts.length <= 64);
  // The last one came through after all.
  await put('n.a', slot.attempts.at(-1)!, 0);
  bucket.put = put;
  assert.equal(await save(bucket, 'n.a', slot, Uint8Array.of(9)), true);
  assert.deepEqual([slot.attempts.length, bucket.values.get('n.a')?.value], [0, Uint8Array.of(9)]);
});

test('patience grows with a store that is slow, to its limit, and shrinks again', () => {
  const patience = createPatience(750, 2500);
  for (let i = 0; i < 20; i++) patience.took(2);
  assert.equal(patience.time(), 750);
  // Many that were begun together miss together.
  for (let i = 0; i < 50; i++) patience.missed(750);
  assert.equal(patience.time(), 1500);
  patience.missed(1500);
  assert.equal(patience.time(), 2500);
  for (let i = 0; i < 10; i++) patience.took(400);
  assert.ok(patience.time() >= 1600 && patience.time() < 2500);
  for (let i = 0; i < 40; i++) patience.took(2);
  assert.equal(patience.time(), 750);
});
