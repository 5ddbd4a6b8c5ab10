// What is written when, and what waits for it; a store that fails for a while, or for good.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import fc from 'fast-check';
import { createJournal, type Journal } from '../../targets/node/host/state/journal.ts';
import {
  aheadOf,
  createReserve,
  halvesOf,
  isWide,
  lastOf,
  narrow,
  numberOf,
  use,
} from '../../targets/node/host/state/reserve.ts';
import type { StateStore } from '../../targets/node/host/state/store.ts';

const LAST = lastOf(1);

interface Fake extends StateStore {
  batches: Record<string, string | null>[];
  fails: boolean;
  destroyed: number;
  /** Ends the write on its way. */
  finish(): void;
}

function fake(): Fake {
  let waiting: (() => void)[] = [];
  const self: Fake = {
    records: new Map(),
    problems: [],
    batches: [],
    fails: false,
    destroyed: 0,
    finish() {
      const list = waiting;
      waiting = [];
      for (const one of list) one();
    },
    write(changes) {
      return new Promise((resolve, reject) => {
        waiting.push(() => {
          if (self.fails) {
            reject(new Error('no space left on the device'));
            return;
          }
          const values = [...changes].map(([key, value]) => [
            key,
            value === null ? null : Buffer.from(value).toString(),
          ]);
          self.batches.push(Object.fromEntries(values));
          resolve();
        });
      });
    },
    async destroy() {
      self.destroyed++;
    },
    async close() {},
  };
  return self;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}
const text = (value: string) => (): Uint8Array => Uint8Array.from(Buffer.from(value));

test('changes of a turn are one batch, the last value counts, effects wait for theirs', async () => {
  const store = fake();
  const journal = createJournal(
    store,
    () => {},
    () => {},
  );
  const done: string[] = [];
  assert.ok(journal.after(() => done.push('nothing to wait for')));
  journal.put('a', text('1'));
  journal.after(() => done.push('first'));
  journal.put('a', text('2'));
  journal.put('b', () => null);
  await turns();
  journal.put('a', text('3'));
  journal.after(() => done.push('second'));
  assert.deepEqual(done, ['nothing to wait for']);
  store.finish();
  await turns();
  assert.deepEqual(done, ['nothing to wait for', 'first']);
  store.finish();
  await turns();
  assert.deepEqual(done, ['nothing to wait for', 'first', 'second']);
  assert.deepEqual(store.batches, [{ a: '2', b: null }, { a: '3' }]);
  assert.equal(journal.metrics.batches, 2);
});

test('what is ready when a batch is durable runs before what comes then, and the rest waits on', async () => {
  const store = fake();
  const journal = createJournal(
    store,
    () => {},
    () => {},
  );
  const done: string[] = [];
  let durable = 0;
  const send = (number: number): void => {
    if (number <= durable) done.push(`${number}`);
    else
      journal.after(
        () => done.push(`${number}`),
        () => number <= durable,
      );
  };
  journal.put('a', text('2'));
  journal.after(() => {
    durable = 2;
  });
  send(1);
  await turns();
  // The batch is on its way.
  send(2);
  journal.put('a', text('3'));
  send(3);
  store.finish();
  await turns();
  assert.deepEqual(done, ['1', '2'], 'not 3, whose number is not durable');
  store.finish();
  await turns();
  assert.deepEqual(done, ['1', '2', '3'], 'with its own batch');
});

test('an effect that throws does not keep the next from happening', async () => {
  const store = fake();
  const lines: string[] = [];
  const journal = createJournal(
    store,
    (level, name) => lines.push(`${level} ${name}`),
    () => {},
  );
  const done: string[] = [];
  journal.put('a', text('1'));
  journal.after(() => {
    throw new Error('x');
  });
  journal.after(() => done.push('next'));
  await turns();
  store.finish();
  await turns();
  assert.deepEqual([done, lines], [['next'], ['error state']]);
});

test('a store that cannot be written for a while: effects wait, the newest values are written then', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const store = fake();
  const lines: string[] = [];
  const journal = createJournal(
    store,
    (level, _name, line) => lines.push(`${level}: ${typeof line === 'string' ? line : line()}`),
    () => {},
  );
  const done: string[] = [];
  store.fails = true;
  journal.put('a', text('1'));
  journal.put('b', text('1'));
  journal.after(() => done.push('effect'));
  await turns();
  store.finish();
  await turns();
  journal.put('a', text('2'));
  assert.deepEqual(done, []);
  store.fails = false;
  t.mock.timers.tick(250);
  await turns();
  store.finish();
  await turns();
  assert.deepEqual(done, ['effect']);
  assert.deepEqual(store.batches, [{ a: '2', b: '1' }]);
  assert.deepEqual(lines, [
    'error: no space left on the device: packets wait until it can be written',
    'info: the store can be written again',
  ]);
  mock.reset();
});

test('a store that stays so is destroyed, nothing is held back, and it begins anew later', async (t) => {
  let clock = 0;
  t.mock.method(performance, 'now', () => clock);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const store = fake();
  let everything = 0;
  const journal: Journal = createJournal(
    store,
    () => {},
    (one) => {
      everything++;
      one.put('all', text('again'));
    },
  );
  const done: string[] = [];
  store.fails = true;
  journal.put('a', text('1'));
  journal.after(() => done.push('held'));
  await turns();
  for (let i = 0; i < 40 && store.destroyed === 0; i++) {
    store.finish();
    await turns();
    clock += 250;
    t.mock.timers.tick(250);
    await turns();
  }
  assert.deepEqual([store.destroyed, done, journal.isKept()], [1, ['held'], false]);
  assert.ok(clock >= 5000 && clock <= 6000, `${clock}`);
  assert.ok(journal.after(() => done.push('at once')));
  assert.deepEqual(done, ['held', 'at once']);
  store.fails = false;
  t.mock.timers.tick(60000);
  await turns();
  store.finish();
  await turns();
  assert.deepEqual([everything, journal.isKept(), store.batches], [1, true, [{ all: 'again' }]]);
});

test('numbers and their halves', () => {
  for (const [hi, lo] of [
    [0, 1],
    [0, 0xffffffff],
    [1, 0],
    [0x1fffff, 0xffffffff],
  ]) {
    assert.deepEqual(halvesOf(numberOf(hi, lo)), { hi, lo });
  }
  assert.deepEqual([0, 2, 8, 16, 32].map(aheadOf), [1, 1, 64, 4096, 4096]);
});

test('whatever the traffic and whenever the crash: no number twice, and few are lost', () => {
  // Packets come at any times; a write takes a while; a crash leaves what was durable.
  const step = fc.record({ gap: fc.integer({ min: 0, max: 3000 }), burst: fc.integer({ min: 1, max: 50 }) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 200 }), (steps, latency) => {
      const reserve = createReserve(0, 64, LAST, 0);
      reserve.asked++;
      const writes: { at: number; value: number }[] = [{ at: latency, value: reserve.asked }];
      let now = 0;
      let number = 0;
      const durableAt = (time: number): void => {
        for (const one of writes) if (one.at <= time) reserve.durable = Math.max(reserve.durable, one.value);
      };
      for (const { gap, burst } of steps) {
        now += gap;
        for (let i = 0; i < burst; i++) {
          number++;
          durableAt(now);
          const before = reserve.durable;
          if (use(reserve, number, now)) writes.push({ at: now + latency, value: reserve.asked });
          // What is let out has a durable record; what waits has one on its way.
          assert.ok(number <= before || writes.some(({ value }) => value >= number));
          assert.ok(reserve.asked >= number);
          assert.ok(reserve.asked - number <= 64);
        }
      }
    }),
    { numRuns: 300, seed: 9 },
  );
  // One packet a minute: a single number ahead.
  const slow = createReserve(0, 64, LAST, 0);
  for (let n = 1; n < 50; n++) {
    use(slow, n, n * 60000);
    assert.equal(slow.asked, n + 1);
  }
  // Packets that had waited come at once: no rate.
  const burst = createReserve(0, 4096, LAST, 0);
  for (let n = 1; n <= 100; n++) use(burst, n, 60000);
  assert.ok(burst.asked <= 102, `${burst.asked}`);
  // Numbers that were lost on the way are no rate either.
  const jump = createReserve(0, 4096, LAST, 0);
  use(jump, 5000, 500);
  assert.equal(jump.asked, 5001);
  use(jump, 5001, 1000);
  assert.ok(jump.asked <= 5002);
  // What a peer that fell silent does not use is given back.
  const silent = createReserve(0, 4096, LAST, 0);
  for (let n = 1; n <= 2000; n++) use(silent, n, n);
  silent.durable = silent.asked;
  assert.ok(isWide(silent) && !narrow(silent, 2099) && narrow(silent, 2100) && !narrow(silent, 3000));
  assert.deepEqual([silent.asked, silent.durable], [2001, 2001]);
  // A few are kept for longer: each time costs a write.
  const calm = createReserve(0, 4096, LAST, 0);
  for (let n = 1; n <= 20; n++) use(calm, n, n * 100);
  assert.equal(calm.asked - 20, 4);
  assert.ok(!narrow(calm, 2399) && narrow(calm, 2400));
  // A thousand a second: some hundreds of milliseconds ahead, few writes.
  const fast = createReserve(0, 4096, LAST, 0);
  let writes = 0;
  for (let n = 1; n <= 10000; n++) if (use(fast, n, n) && n > 1000) writes++;
  assert.ok(writes < 60, `${writes}`);
  assert.ok(fast.asked - 10000 <= 500);
});

test('a store that does not answer: so many effects wait, the rest is dropped and counted; one that is slow is told of', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  const clock = mock.method(performance, 'now', () => now);
  const MOST = 65536;
  const store = fake();
  const lines: string[] = [];
  const journal = createJournal(
    store,
    (level, _, text) => lines.push(`${level}: ${typeof text === 'string' ? text : text()}`),
    () => {},
  );
  let run = 0;
  for (const step of [1, 2]) {
    for (let i = 0; i < MOST; i++) {
      journal.put(`${step}`, text('1'));
      journal.after(() => run++);
    }
    await turns();
  }
  assert.deepEqual([journal.metrics.waiting, journal.metrics.dropped, run], [MOST, MOST, 0]);
  // What waits in a batch that failed counts on.
  store.fails = true;
  store.finish();
  await turns();
  assert.equal(
    journal.after(() => run++),
    false,
  );
  store.fails = false;
  mock.timers.tick(250);
  await turns();
  now = 1999;
  store.finish();
  await turns();
  store.finish();
  await turns();
  assert.deepEqual([run, journal.metrics.waiting], [MOST, 0]);
  assert.equal(
    lines.filter((line) => /^warn: the store is slow: a batch took 1999 ms; 65536 packets/.test(line)).length,
    1,
  );
  clock.mock.restore();
  mock.timers.reset();
});
