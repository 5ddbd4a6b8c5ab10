// Handshakes on bad networks: the other five thousand seeds, so that two processors share the ten thousand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handshakes } from './sim-handshake.ts';

test('5000 handshakes: both sides have the same SAs, or none and a reason', (t) => {
  const { text, established } = handshakes(5001, 10000);
  t.diagnostic(text);
  assert.ok(established > 2500);
});
