// Registers one test per engine for an entry and its cases; an engine that is not installed is skipped by name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINES, engineMissing, engineVersion, runCases } from '../../targets/build/engines.ts';
import type { ScriptOptions } from '../../targets/build/javascript.ts';

/** Espruino is some two thousand times slower than Node. */
export const LIMIT_MS = 240000;

export function everywhere(
  name: string,
  entry: string,
  cases: readonly (readonly string[])[],
  options: ScriptOptions = {},
): void {
  for (const engine of ENGINES) {
    // A Lua bundle keeps its names.
    if (engine === 'lua' && options.mangle !== undefined) continue;
    test(name + ' on ' + engine, { skip: engineMissing(engine) }, async () => {
      const report = await runCases(engine, entry, cases, LIMIT_MS, options);
      assert.deepEqual(report.failures, [], engine + ' ' + engineVersion(engine));
      assert.equal(report.passed, report.total);
      if (cases.length > 0) assert.equal(report.total, cases.length);
      else assert.ok(report.total > 0);
    });
  }
}
