// Rekeys by a specialised device and by its gateway, alone and at once. DIETESP_LONG=1 plays more.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindOf } from './ike-net.ts';
import { play, type Sum } from './ike-rekey.ts';
import { CHANGES, kinds } from './ike-sim.ts';

const SEEDS = process.env.DIETESP_LONG === '1' ? 5000 : 150;

test(`${SEEDS} worlds of rekeys, Deletes and probes`, async (t) => {
  const list = await kinds([
    'usual',
    'bare',
    'plain',
    'known',
    'pfs',
    'known pfs',
    'ehc',
    'ciphers with gcm',
    'groups',
    'groups pfs',
  ]);
  const timed = await kindOf('timed', (one, isDevice) => {
    CHANGES.usual(one, isDevice);
    if (!isDevice) return;
    one.child.rekeyTime = 8000;
    one.rekeyTime = 11000;
  });
  const sum: Sum = { packets: 0, rekeys: 0, survived: 0, lost: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) play([...list, timed], seed, sum);
  // A rekey put off falls due in a collision: 3089 of these.
  play([list[list.length - 1]], 3089, sum);
  t.diagnostic(JSON.stringify(sum));
  assert.ok(sum.rekeys > SEEDS && sum.survived > SEEDS / 2 && sum.lost > 0);
});
