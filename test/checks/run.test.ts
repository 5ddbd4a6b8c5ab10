// The test runner itself: it counts failures, crashes, empty files and skips correctly; it names missing packages and never
// crashes on them.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { inOrder, LONGEST } from '../support/order.ts';
import { installLine, missingNeeds, NEEDS, packageMissing, providePackages } from '../support/packages.ts';
import { type FileResult, runTestFile } from '../support/test-file.ts';

const folder = join(sourceRoot(), 'build', 'runtest');

async function outcome(name: string, body: string): Promise<FileResult> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name + '.ts');
  writeFileSync(file, "import { describe, test } from 'node:test';\nvoid describe; void test;\n" + body + '\n');
  return runTestFile(file);
}

test('passed, failed and skipped tests are counted, subtests by themselves', async () => {
  const result = await outcome(
    'mixed',
    `test('good', () => {});
     test('bad', () => { throw new Error('on purpose'); });
     test('left out', { skip: 'engine not found' }, () => {});
     describe('a suite', { skip: 'no suite today' }, () => { test('inner', () => {}); });
     describe('another', () => { test('inner good', () => {}); test('inner bad', () => { throw new Error('deep'); }); });`,
  );
  assert.equal(result.passed, 2);
  assert.equal(result.failed, 2);
  assert.deepEqual(result.skipped, ['left out: engine not found', 'a suite: no suite today']);
  const text = result.failures.join('\n');
  assert.match(text, /bad\n.*on purpose/);
  assert.match(text, /inner bad\n.*deep/);
});

test('a file that does not parse, crashes, exits early or has no test is a failure', async () => {
  const bodies = ['const = 3;', "throw new Error('while loading');", 'process.exit(0);', '', 'process.exit(3);'];
  for (const [i, body] of bodies.entries()) {
    const result = await outcome('broken' + i, body);
    assert.deepEqual([result.passed, result.failed], [0, 1], body);
  }
  const late = await outcome('late', "test('good', () => {});\nprocess.on('exit', () => { process.exitCode = 7; });");
  assert.equal(late.failed, 1);
  assert.match(late.failures.join('\n'), /ended with code 7/);
});

test('a promise that never settles is not a pass', async () => {
  const result = await outcome('hanging', "test('hangs', () => new Promise(() => {}));");
  assert.equal(result.passed, 0);
  assert.equal(result.failed, 1);
});

test('the longest files are there, and come after the checks, before the rest', () => {
  for (const file of LONGEST) assert.ok(existsSync(join(sourceRoot(), file)), file);
  const [last, first] = [LONGEST[1], LONGEST[0]];
  assert.deepEqual(inOrder(['test/b.ts', last, 'test/checks/x.ts', 'test/a.ts', first]), [
    'test/checks/x.ts',
    first,
    last,
    'test/a.ts',
    'test/b.ts',
  ]);
});

test('a missing package is named', () => {
  const need = { command: 'no-such-program-here', package: 'no-such-package', suites: 'none' };
  const python = { python: 'no_such_module_here', package: 'python3-none', suites: 'none' };
  assert.deepEqual(missingNeeds([need, python]), [need, python]);
  assert.equal(installLine([need, python]), 'apt-get install -y --no-install-recommends no-such-package python3-none');
  assert.throws(() => packageMissing('unlisted'), /unlisted is not in NEEDS/);
  assert.equal(new Set(NEEDS.map((entry) => entry.package)).size, NEEDS.length);
});

test('where packages cannot be installed one line says what to type', () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '/nonexistent';
  const said: string[] = [];
  const need = { command: 'lua5.4', package: 'lua5.4', suites: 'none' };
  try {
    assert.deepEqual(
      providePackages((line) => said.push(line), [need]),
      [need],
    );
  } finally {
    process.env['PATH'] = path;
  }
  assert.deepEqual(said, ['missing for some suites: apt-get install -y --no-install-recommends lua5.4']);
});
