// Nothing is allocated per packet on small engines. On JerryScript the test compares the smallest heap that a run fits in, on
// Espruino its variables, in firmware the peak of the engine's heap. Each way must first find a leak.
//
// These ways do not see garbage that is freed at once, but only memory that stays or that more packets need at a time. In
// firmware with Lua the peak also shows garbage until it is collected.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle, engineMissing, runOn } from '../../targets/build/engines.ts';
import { COMBINATIONS, LONG, missingNow, runOnBoard } from '../boards/firmware-kit.ts';

const JERRY_HEAP = 1048576;

/** True when the packets get through beside the ballast. */
async function fits(hundreds: number, leak: string, ballast: number): Promise<boolean> {
  // The texts of the cases are part of the bundle: of one length together, always.
  const texts = ['x'.repeat(hundreds), leak, String(ballast).padStart(7, '0'), ''];
  texts[3] = ' '.repeat(40 - hundreds - leak.length);
  const file = await bundle('test/alloc/jerryscript.entry.ts', 'jerryscript', { cases: [texts] });
  const { ok, stdout } = await runOn('jerryscript', file, LONG);
  return ok && stdout === 'good all full\n';
}

test('JerryScript: 2,000 packets fit where 100 do', { skip: engineMissing('jerryscript') }, async (t) => {
  assert.ok(await fits(1, '', 0));
  let low = 0;
  let high = JERRY_HEAP;
  while (high - low > 512) {
    const middle = Math.floor((low + high) / 2);
    if (await fits(1, '', middle)) low = middle;
    else high = middle;
  }
  t.diagnostic(`${low} octets of ballast`);
  assert.ok(low > 0 && high < JERRY_HEAP, 'the heap has an end');
  assert.ok(await fits(20, '', low), 'more packets take no more');
  assert.equal(await fits(20, 'leak', low), false, 'a leak is seen');
});

test('Espruino: as many variables after 200 packets as after 20', { skip: engineMissing('espruino') }, async (t) => {
  for (const leak of ['', 'leak']) {
    const file = await bundle('test/alloc/espruino.entry.ts', 'espruino', { cases: [['x'.repeat(20), leak]] });
    const { ok, stdout, stderr } = await runOn('espruino', file, LONG);
    assert.ok(ok, stdout + stderr);
    const lines = stdout.trim().split('\n');
    assert.equal(lines[0], 'good all');
    const [few, many] = lines[1].split(' ').slice(1).map(Number);
    t.diagnostic(`${leak} ${lines[1]}`);
    if (leak === '') assert.equal(many, few);
    else assert.ok(many > few, 'an array for every two packets is seen');
  }
});

for (const [board, engine] of COMBINATIONS) {
  // What is filled up there is all that it has.
  const isSmall = board === 'netduinoplus2' && engine === 'lua';
  const skip = missingNow(board, engine) || (isSmall ? 'its RAM does not hold the test beside the script' : false);
  test(`${engine} on ${board}: heap's peak after 1,000 packets is that after 100`, {
    skip,
    timeout: LONG,
  }, async () => {
    const report = await runOnBoard(board, engine, 'test/alloc/firmware.entry.ts', [['steady', '']], 1);
    assert.deepEqual(report.failures, []);
    assert.equal(report.passed + report.skipped.length, 1);
    if (report.skipped.length > 0) return;
    const leaking = await runOnBoard(board, engine, 'test/alloc/firmware.entry.ts', [['leaking', 'leak']], 1);
    assert.match(leaking.failures.join('\n'), /^fail leaking heap \d+ \d+$/m);
  });
}
