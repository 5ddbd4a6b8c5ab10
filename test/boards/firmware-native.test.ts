// The hooks on the engine itself: native AES-CCM, HMAC and X25519 against known answers, arguments that are refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMBINATIONS, LONG, missing, missingNow, runOnBoard } from './firmware-kit.ts';
import { nativeCases } from './native-cases.ts';

for (const [board, engine] of COMBINATIONS) {
  test(`hooks of ${board} with ${engine}`, { skip: missingNow(board, engine), timeout: 2 * LONG }, async () => {
    const cases = nativeCases();
    // Cases are data of the image: as many as the board's heap holds.
    const report = await runOnBoard(
      board,
      engine,
      'test/boards/native.entry.ts',
      cases,
      board === 'netduinoplus2' ? 12 : 100,
    );
    assert.deepEqual(report.failures, []);
    assert.equal(report.passed, cases.length);
  });
}

// With addresses of 16 bits (boards/common/duktape_small.h).
const SMALL = 0x30000;

test('hooks of qemu-mps2-an386 with duktape and a small heap', {
  skip: missing('qemu-mps2-an386', 'duktape'),
  timeout: 2 * LONG,
}, async () => {
  const cases = nativeCases();
  const report = await runOnBoard('qemu-mps2-an386', 'duktape', 'test/boards/native.entry.ts', cases, 40, SMALL);
  assert.deepEqual(report.failures, []);
  assert.equal(report.passed, cases.length);
});
