// The project's vectors and the portable cryptography inside firmware, in QEMU: code that runs on an engine of this machine
// must run the same on a Cortex-M.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { casesOf, type VectorFile } from '../../targets/build/vector-file.ts';
import { COMBINATIONS, LONG, missingNow, runOnBoard } from './firmware-kit.ts';

const HEAP = 3000000;
/** Of so many cases of own.json one runs: the engine runs all of them on this machine. All where DIETESP_LONG=1. */
const EACH = process.env.DIETESP_LONG === '1' ? 1 : 3;

for (const [board, engine] of COMBINATIONS) {
  // Its RAM does not hold the runner with all headers and suites.
  if (board === 'netduinoplus2') continue;
  for (const file of ['diet-esp.json', 'own.json']) {
    test(`${file} on ${board} with ${engine}`, { skip: missingNow(board, engine), timeout: 2 * LONG }, async (t) => {
      const path = join(sourceRoot(), 'test', 'vectors', file);
      const all = casesOf(JSON.parse(readFileSync(path, 'utf8')) as VectorFile);
      const cases = file === 'own.json' ? all.filter((_case, index) => index % EACH === 0) : all;
      const report = await runOnBoard(board, engine, 'targets/build/vectors.entry.ts', cases, 60, HEAP);
      assert.deepEqual(report.failures, []);
      assert.equal(report.total + report.skipped.length, cases.length);
      assert.ok(report.passed > 0);
      t.diagnostic(`${report.passed} passed, ${report.skipped.length} skipped`);
    });
  }
}
