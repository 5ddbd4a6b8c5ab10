// Ten thousand handshakes on bad networks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handshake } from './sim-handshake.ts';

const SEEDS = 10000;

test(`${SEEDS} handshakes: both sides have the same SAs, or none and a reason`, (t) => {
  const outcomes: Record<string, number> = {};
  const features: Record<string, number> = {};
  let sent = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const verdict = handshake(seed);
    const name = verdict.outcome === '' ? 'established' : verdict.outcome;
    outcomes[name] = (outcomes[name] ?? 0) + 1;
    for (const one of verdict.features.split('+')) features[one] = (features[one] ?? 0) + 1;
    sent += verdict.sent;
  }
  t.diagnostic(`${sent} messages; ${JSON.stringify(outcomes)}; ${JSON.stringify(features)}`);
  assert.ok(outcomes.established > SEEDS / 2);
});
