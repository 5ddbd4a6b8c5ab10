// The hardware random numbers of boards/common/stm32f405.c, over a model of the chip: after a source repeats itself, reports
// an error or stops, it gives nothing any more.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { packageMissing } from '../support/packages.ts';

const skip = packageMissing('gcc');
const folder = mkdtempSync(join(tmpdir(), 'dietesp-random-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, 'random');
if (skip === false) {
  // A pointer of the chip is no pointer of this machine: only the model's registers are touched.
  const flags = ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-Werror', '-Wno-unused-function'];
  execFileSync('gcc', [...flags, '-o', program, join(sourceRoot(), 'test', 'boards', 'stm32random.c')]);
}

function run(...lines: string[]): string[] {
  const text = execFileSync(program, { input: lines.join('\n') + '\n', encoding: 'utf8', timeout: 60000 });
  return text.split('\n').slice(0, -1);
}

test('the first word is for comparison only; then words come in order, parts of them too', { skip }, () => {
  assert.deepEqual(run('words 11111111 04030201 08070605 0c0b0a09', 'random 4', 'random 6', 'random 0'), [
    '01020304',
    '05060708090a',
    '',
  ]);
});

test('a word twice: nothing, and nothing again, though other words follow', { skip }, () => {
  assert.deepEqual(run('words 1 2 3 3 4 5 6', 'random 8', 'random 4', 'random 4'), [
    '0200000003000000',
    'none',
    'none',
  ]);
  // Also over calls, and a source that always says the same.
  assert.deepEqual(run('words 7 7 7 7', 'random 4', 'random 4'), ['none', 'none']);
});

test('a word that says nothing, an error of clock or seed, a source that is not ready: nothing from then on', {
  skip,
}, () => {
  assert.deepEqual(run('words 1 2', 'random 8', 'random 4'), ['none', 'none']);
  for (const error of [0x2, 0x4, 0x20, 0x40]) {
    const bad = (error | 1).toString(16);
    // Seen before a word is read, and after it.
    for (const when of [2, 3]) {
      const said = run('words 1 2 3 4 5 6 7', `status ${bad} after ${when}`, 'random 8', 'status 1', 'random 4');
      assert.deepEqual(said, ['none', 'none'], bad);
    }
  }
  assert.deepEqual(run('words 1 2 3', 'status 0', 'random 4', 'status 1', 'random 4'), ['none', 'none']);
});
