// Rekeys from both sides under traffic, on good and on bad links. rekey-sim.ts has the steps and the properties.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { play, type Sum } from './rekey-sim.ts';

const SEEDS = 600;

test(`${SEEDS} worlds of rekeys, Deletes and probes`, (t) => {
  const sum: Sum = { packets: 0, rekeys: 0, survived: 0, lost: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) play(seed, sum);
  t.diagnostic(JSON.stringify(sum));
  assert.ok(sum.rekeys > SEEDS && sum.survived > SEEDS / 2 && sum.lost > 0);
});
