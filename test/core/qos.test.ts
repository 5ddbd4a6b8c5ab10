// The figures of docs/dscp.md: the class that waits loses to the replay window of an SA that it shares, and nothing in one of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QOS_NETWORKS, QOS_WINDOWS, qosSas, runQos } from '../../targets/node/lab/replay/qos.ts';

/** Packets that one SA loses, by network and window: of the class that waits. The other one loses none. */
const LOST: Record<string, ['voice' | 'bulk', number[]]> = {
  priority: ['bulk', [796, 796, 796, 796, 684, 172]],
  'shaped voice': ['voice', [280, 280, 260, 200, 80, 0]],
  'path by class': ['voice', [300, 300, 300, 300, 300, 0]],
};

test('one SA for two classes loses the class that waits; an SA for each loses none', () => {
  const sas = QOS_WINDOWS.map((window) => qosSas(window, false));
  const split = qosSas(QOS_WINDOWS[0], true);
  for (const network of QOS_NETWORKS) {
    const [late, expected] = LOST[network.name];
    const other = late === 'voice' ? 'bulk' : 'voice';
    const results = sas.map((one) => runQos(one, network));
    assert.deepEqual(
      results.map(({ lost }) => lost[late]),
      expected,
      network.name,
    );
    for (const { lost, delay } of results) {
      assert.equal(lost[other], 0, `${network.name}: what overtakes is never old`);
      assert.ok(delay[late] > delay[other]);
    }
    assert.deepEqual(runQos(split, network).lost, { voice: 0, bulk: 0 }, network.name);
  }
});
