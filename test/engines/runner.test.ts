// The engine runner itself: it must recognize a failing case, an uncaught error, an endless loop and a bundle that cannot be
// made. Also the JerryScript snapshot.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  bundle,
  ENGINES,
  type Engine,
  emptyReport,
  engineMissing,
  engineVersion,
  onPath,
  readReport,
  runCases,
  runOn,
  snapshot,
} from '../../targets/build/engines.ts';
import { buildTool, sourceRoot } from '../../targets/build/root.ts';

const folder = join(sourceRoot(), 'build', 'runner');

/** Writes an entry under build/ with this body of `run`. */
function entry(name: string, body: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name + '.ts');
  writeFileSync(
    file,
    'export function run(cases: string[][], emit: (line: string) => void): void {\n' + body + '\n}\n',
  );
  return file;
}

for (const engine of ENGINES) {
  const skip = engineMissing(engine);

  test('a failing case is reported on ' + engine, { skip }, async () => {
    const file = entry(
      'failing',
      "for (const c of cases) emit(c[1] === 'yes' ? 'ok ' + c[0] : 'fail ' + c[0] + ' field a b');\n" +
        "emit('done 1 2');",
    );
    const cases = [
      ['one', 'yes'],
      ['two', 'no'],
    ];
    const report = await runCases(engine, file, cases, 20000);
    assert.deepEqual(report, { passed: 1, total: 2, failures: ['fail two field a b'], skipped: [] });
  });

  test('an uncaught error is not ok on ' + engine, { skip }, async () => {
    const file = entry('throwing', "emit('ok ' + cases.length);\nthrow new Error('on purpose');");
    const outcome = await runOn(engine, await bundle(file, engine), 20000);
    assert.equal(outcome.ok, false);
    assert.match(outcome.stdout + outcome.stderr, /on purpose/);
    assert.match(outcome.stdout, /^ok 0$/m);
  });

  test('an endless loop is ended on ' + engine, { skip }, async () => {
    const file = entry('endless', "emit('begun ' + cases.length);\nlet n = 0;\nwhile (n < 1) n = n * 1;");
    const outcome = await runOn(engine, await bundle(file, engine), 1500);
    assert.equal(outcome.ok, false);
    assert.match(outcome.stderr, /killed after 1500 ms/);
  });

  test('the version of ' + engine, { skip }, () => {
    assert.match(engineVersion(engine), /^\d+(\.|v)\d+/);
  });
}

test('a run without its closing line, or that miscounts, is a failure', () => {
  for (const stdout of ['ok a\n', 'ok a\ndone 2 2\n', 'done 0 0\n', '']) {
    const report = emptyReport();
    readReport({ ok: true, stdout, stderr: '' }, report);
    assert.equal(report.failures.length, 1, JSON.stringify(stdout));
  }
});

test('an engine that is not there is an outcome, not a crash', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '/nonexistent';
  try {
    assert.match(String(engineMissing('espruino')), /^espruino not found on PATH \(tested with 2v29\)$/);
    const outcome = await runOn('lua', 'none.lua', 1000);
    assert.equal(outcome.ok, false);
    assert.match(outcome.stderr, /ENOENT/);
  } finally {
    process.env['PATH'] = path;
  }
});

test('truthiness of a number does not translate to Lua', async () => {
  const file = entry('truthy', "if (cases.length) emit('x');");
  await assert.rejects(bundle(file, 'lua'), /truthy\.ts\(2,5\): .*Only false and nil/);
});

test('a build tool that is not installed is named', async () => {
  const name: string = 'no-such-build-tool';
  await assert.rejects(
    buildTool(name, () => import(name)),
    /building for a board needs no-such-build-tool, which is not installed: npm install esbuild@/,
  );
  await assert.rejects(
    buildTool(name, () => Promise.reject(new Error('something else'))),
    /something else/,
  );
});

test('an entry that does not parse names its file', async () => {
  const file = entry('broken', 'const = 3;');
  for (const engine of ['lua', 'duktape'] satisfies Engine[]) await assert.rejects(bundle(file, engine), /broken/);
});

const snapshotMissing =
  engineMissing('jerryscript') || (onPath('jerry-snapshot') ? false : 'jerry-snapshot not found on PATH');
test('core/bytes from a snapshot on jerryscript', { skip: snapshotMissing }, async () => {
  const file = snapshot(await bundle('test/engines/bytes.entry.ts', 'jerryscript'));
  const report = emptyReport();
  readReport(await runOn('jerryscript', file, 20000), report);
  assert.deepEqual(report.failures, []);
  assert.ok(report.passed > 5);
});
