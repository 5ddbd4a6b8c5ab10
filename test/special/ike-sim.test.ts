// Handshakes of specialised devices with the core's gateway: loss, reordering, duplicates, damage, an attacker. DIETESP_LONG=1 plays
// ten thousand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handshakes, kinds } from './ike-sim.ts';

const SEEDS = process.env.DIETESP_LONG === '1' ? 10000 : 280;

test(`${SEEDS} handshakes: both sides have the same SAs, or none and a reason`, async (t) => {
  const { text, atOnce } = handshakes(await kinds(), 1, SEEDS);
  t.diagnostic(text);
  assert.ok(atOnce > SEEDS / 3);
});
