// Lua 5.3: the same bundles as for Lua 5.4 pass the vectors, an IKE handshake and a device's exchange.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCases } from '../../targets/build/engines.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { casesOf, type VectorFile } from '../../targets/build/vector-file.ts';
import { exchange } from '../engines/device.entry.ts';
import { LIMIT_MS } from '../engines/everywhere.ts';
import { play } from '../engines/ike.entry.ts';
import { packageMissing } from '../support/packages.ts';

const COMMAND = 'lua5.3';
const skip = packageMissing('lua5.3');

async function passes(entry: string, cases: readonly (readonly string[])[]): Promise<void> {
  const report = await runCases('lua', entry, cases, LIMIT_MS, {}, COMMAND);
  assert.deepEqual(report.failures, []);
  assert.equal(report.passed + report.skipped.length, cases.length);
  assert.ok(report.passed > 0);
}

for (const name of ['diet-esp.json', 'own.json']) {
  test(`vectors of ${name} on Lua 5.3`, { skip }, async () => {
    const path = join(sourceRoot(), 'test', 'vectors', name);
    await passes('targets/build/vectors.entry.ts', casesOf(JSON.parse(readFileSync(path, 'utf8')) as VectorFile));
  });
}

test('an IKE handshake, rekeys, resumption and Delete on Lua 5.3', { skip }, async () => {
  const steps = 'hcidrcd';
  await passes('test/engines/ike.entry.ts', [[steps, steps, ...play(steps, null)]]);
});

test('the device on Lua 5.3', { skip }, async () => {
  const payload = Buffer.from('a reading of 18 oc').toString('hex');
  await passes('test/engines/device.entry.ts', [['reading', payload, exchange(payload)]]);
});

test('another command than the standard one is what runs', async () => {
  const report = await runCases('lua', 'test/engines/language.entry.ts', [], LIMIT_MS, {}, 'no-such-lua');
  assert.match(report.failures.join('\n'), /no-such-lua/);
});
