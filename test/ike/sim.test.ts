// Handshakes on bad networks: the first 5,000 seeds. Two files share the ten thousand seeds between two processors.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handshakes } from './sim-handshake.ts';

test('5000 handshakes: both sides have the same SAs, or none and a reason', (t) => {
  const { text, established } = handshakes(1, 5000);
  t.diagnostic(text);
  assert.ok(established > 2500);
});
