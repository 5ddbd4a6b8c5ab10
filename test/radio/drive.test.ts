// What runs layers in real time: when it looks at them, and when no more.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Driver, drive } from '../../targets/node/host/radio/drive.ts';

/** A driver over a clock and timers that only `pass` moves. */
function bench(context: TestContext, fine = false) {
  context.mock.timers.enable({ apis: ['setImmediate', 'setTimeout'] });
  let time = 1000;
  // When the node is due, or -1; what a poll makes of it.
  const node = { due: -1, polls: [] as number[], after: -1 };
  const driver: Driver = drive(
    {
      poll: (now) => {
        node.polls.push(now);
        node.due = node.after;
      },
      nextTimeout: () => node.due,
    },
    () => time,
    fine,
  );
  /** The event loop turns after each millisecond, and once at first. */
  function pass(milliseconds: number): void {
    context.mock.timers.tick(0);
    for (let i = 0; i < milliseconds; i++) {
      time++;
      context.mock.timers.tick(1);
    }
  }
  return { node, driver, pass };
}

test('what becomes due after wake() in the same turn is polled in the next', (context) => {
  const { node, driver, pass } = bench(context);
  driver.wake();
  node.due = 1000;
  assert.deepEqual(node.polls, [], 'never inside the call');
  pass(0);
  assert.deepEqual(node.polls, [1000]);
});

test('so it is when a timer runs for something later', (context) => {
  const { node, driver, pass } = bench(context);
  node.due = 1500;
  driver.wake();
  pass(10);
  assert.deepEqual(node.polls, []);
  driver.wake();
  node.due = 1010;
  node.after = 1500;
  pass(0);
  assert.deepEqual(node.polls, [1010]);
  node.after = -1;
  pass(489);
  assert.deepEqual(node.polls, [1010]);
  pass(1);
  assert.deepEqual(node.polls, [1010, 1500]);
});

test('many calls in one turn are one look; nothing due is no poll', (context) => {
  const { node, driver, pass } = bench(context);
  node.due = 1000;
  for (let i = 0; i < 100; i++) driver.wake();
  pass(5);
  assert.deepEqual(node.polls, [1000]);
  driver.wake();
  pass(5);
  assert.deepEqual(node.polls, [1000]);
});

test('a timer that is earlier than the next due time is no poll', (context) => {
  const { node, driver, pass } = bench(context);
  node.due = 1010;
  driver.wake();
  pass(5);
  node.due = 1020;
  pass(10);
  assert.deepEqual(node.polls, []);
  pass(5);
  assert.deepEqual(node.polls, [1020]);
});

test('after stop(), and after a poll that stops it, nothing is polled', (context) => {
  const { node, driver, pass } = bench(context);
  node.due = 1000;
  driver.wake();
  driver.stop();
  pass(5);
  driver.wake();
  pass(5);
  assert.deepEqual(node.polls, []);
});
