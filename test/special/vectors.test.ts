// Every vector that a profile can take, refusals and rejections included, through emitted code on every engine; on Espruino, which
// takes a minute, a third of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bundle,
  ENGINES,
  type Engine,
  emptyReport,
  engineMissing,
  readReport,
  runOn,
} from '../../targets/build/engines.ts';
import { planOf, writeEntry, writeModules } from './vector-plan.ts';

const LIMIT_MS = 240000;
/** Modules in one run: heaps hold source and data. */
const TOGETHER: Readonly<Record<Engine, number>> = { node: 400, lua: 60, duktape: 60, jerryscript: 8, espruino: 4 };

/** Of so many runs of modules one is made, all with DIETESP_LONG=1. */
const ONE_OF: Readonly<Record<Engine, number>> = { node: 1, lua: 1, duktape: 1, jerryscript: 1, espruino: 3 };
const IS_LONG = process.env['DIETESP_LONG'] === '1';

const plan = planOf();
const taken = plan.profiles.reduce((sum, { cases }) => sum + cases.length, 0);
let modules: Promise<string[]> | null = null;

test('vectors that a profile cannot take, by reason', (t) => {
  t.diagnostic(`${taken} vectors, ${plan.profiles.length} profiles, refused when made: ${plan.refused}`);
  for (const [reason, count] of Object.entries(plan.left)) t.diagnostic(`${count}: ${reason}`);
  assert.deepEqual(plan.wrong, []);
  assert.deepEqual(plan.left, {
    'replay_window: 128': 36,
    'esp_encr: CHACHA20_POLY1305': 11,
    'esp_encr: CHACHA20_POLY1305_IIV': 18,
    'esp_encr: AES_CBC_HMAC_SHA2_256_128': 29,
    'esp_sn above 2^53 - 1': 11,
  });
  assert.equal(taken, 561);
});

for (const engine of ENGINES) {
  test(`emitted code passes the vectors on ${engine}`, { skip: engineMissing(engine) }, async () => {
    modules ??= writeModules(plan);
    const files = await modules;
    const report = emptyReport();
    const step = TOGETHER[engine] * (IS_LONG ? 1 : ONE_OF[engine]);
    let wanted = 0;
    for (let first = 0; first < files.length; first += step) {
      const [entry, cases] = writeEntry(plan, files, first, TOGETHER[engine]);
      wanted += cases.length;
      readReport(await runOn(engine, await bundle(entry, engine, { cases }), LIMIT_MS), report);
    }
    assert.deepEqual(report.failures, []);
    assert.equal(report.passed, wanted);
    if (step === TOGETHER[engine]) assert.equal(wanted, taken);
  });
}
