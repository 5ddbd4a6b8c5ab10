// One million inputs over all targets, from a fixed seed. The runner must find planted faults.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { fuzz, kept, makeInput, TARGETS, type Target, table } from './run.ts';

const INPUTS = 1000000;
const SEED = 20260215;

test('one million inputs', (t) => {
  const results = fuzz(TARGETS, INPUTS, SEED);
  for (const line of table(results).split('\n')) t.diagnostic(line);
  assert.deepEqual(
    results.flatMap((result) => result.failures),
    [],
  );
  assert.ok(results.reduce((sum, result) => sum + result.inputs, 0) >= INPUTS);
  for (const result of results) assert.ok(result.inputs > 500, `${result.name}: ${result.inputs}`);
});

test('a throw is found, counted once for each input, and ends the target after five', () => {
  const bad: Target = {
    name: 'throws',
    run(bytes) {
      if (bytes.length > 3 && bytes[0] === 0x60) throw new Error('found it');
    },
  };
  const good: Target = { name: 'does not', run() {} };
  let now = 0n;
  const clock = (): bigint => (now += 300000n);
  const [first, second] = fuzz([bad, good], 20000, 1, { save: false, clock });
  assert.equal(first.failures.length, 5);
  assert.match(first.failures[0], /^throws: failures\/throws-[0-9a-f]{12}\.bin: Error: found it/);
  assert.deepEqual(second.failures, []);
  // Both cost the same by that clock: 600 inputs to measure it, then half of the rest.
  assert.ok(second.inputs > 10000 && second.inputs < 10400, `${second.inputs} inputs`);
});

test('slow targets get fewer inputs, by the root of what they cost', () => {
  let now = 0n;
  const clock = (): bigint => now;
  const slow: Target = {
    name: 'slow',
    run() {
      now += 100n;
    },
  };
  const fast: Target = {
    name: 'fast',
    run() {
      now += 1n;
    },
  };
  const results = fuzz([slow, fast], 12200, 1, { save: false, clock });
  assert.deepEqual(
    results.map((result) => result.inputs),
    [600 + 1000, 600 + 10000],
  );
});

test('inputs follow from the seed', () => {
  const corpus = [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)];
  const run = (seed: number) => {
    const random = createRandom(seed);
    return Array.from({ length: 200 }, () => Buffer.from(makeInput(random, corpus)).toString('hex')).join();
  };
  assert.equal(run(5), run(5));
  assert.notEqual(run(5), run(6));
});

test('kept inputs belong to a target', () => {
  const outbound = TARGETS.find((target) => target.name === 'outbound, every access watched')!;
  assert.ok(kept(outbound).length >= 1);
});
