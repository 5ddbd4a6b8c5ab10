// docs/first-hour.md as a newcomer types it, in a fresh copy of the checkout: every command and its output.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { LIMIT, missingLine, patternOf, stepsOf, walk } from './tutorial.ts';

const root = sourceRoot();
const steps = stepsOf(readFileSync(join(root, 'docs', 'first-hour.md'), 'utf8'));

test('lines of a document are found in order, with any numbers', () => {
  assert.match('reading 17 acknowledged ms=28', patternOf('reading 1 acknowledged ms=3'));
  assert.match('spi=b6da7390 (48)', patternOf('spi=01ab23cd (47)'));
  assert.doesNotMatch('reading 1 failed', patternOf('reading 1 acknowledged'));
  assert.equal(missingLine(['a', 'b 1'], 'x a\nb 22\n'), undefined);
  assert.equal(missingLine(['b', 'a'], 'a\nb\n'), 'a');
});

test('docs/first-hour.md has commands for each of its parts', () => {
  const text = steps.map((step) => step.command).join('\n');
  for (const word of ['npm start', 'init', 'gateway', 'sensor', 'explain', 'keylog', 'tshark', 'run --board']) {
    assert.ok(text.includes(word), word);
  }
});

/** The files of the project, without what is made. */
function copyOf(folder: string): void {
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const file of files.toString().split('\0')) {
    if (file === '' || dirname(file) === 'node_modules' || file === 'node_modules') continue;
    try {
      cpSync(join(root, file), join(folder, file));
    } catch (error) {
      // Deleted, and not committed yet.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

test('the first hour', { timeout: 4 * LIMIT }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-first-hour-'));
  copyOf(folder);
  try {
    await walk(t, steps, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
