// The figures of docs/dscp.md: the class that waits loses to the replay window of an SA that it shares, and nothing in one of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runQos, WINDOWS } from '../bench/qos.ts';

test('replay loss behind a priority queue: one SA, and one for each class', () => {
  const lost = WINDOWS.map((window) => runQos(window, [[]]).lost);
  assert.deepEqual(
    lost.map(({ bulk }) => bulk),
    [1592, 1592, 1592, 1592, 1368, 344],
  );
  for (const { voice } of lost) assert.equal(voice, 0, 'what overtakes is never old');
  assert.deepEqual(runQos(32, [[], [46], [10]]), { sent: { voice: 12000, bulk: 1600 }, lost: { voice: 0, bulk: 0 } });
});
