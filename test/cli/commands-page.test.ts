// docs/cli.md names the commands and the options that there are, and no others.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { COMMANDS } from '../../targets/node/cli/commands.ts';
import { ROOT } from './run.ts';

/** Explained above the tables, for all commands. */
const COMMON = ['--json'];

interface Row {
  name: string;
  options: string[];
}

/** The rows of the page's tables: the command in the first cell, and the options of all cells. */
function rowsOf(text: string): Row[] {
  const lines = text.split('\n').filter((line) => /^\| `[a-z]/.test(line));
  return lines.map((line) => ({
    name: /^\| `([a-z]+)/.exec(line)![1],
    options: [...line.matchAll(/--[a-z][a-z-]*/g)].map(([option]) => option).sort(),
  }));
}

test('docs/cli.md has every command and every option, once', async () => {
  const rows = rowsOf(readFileSync(join(ROOT, 'docs', 'cli.md'), 'utf8'));
  assert.deepEqual(rows.map(({ name }) => name).sort(), COMMANDS.map(({ name }) => name).sort());
  for (const { name, load } of COMMANDS) {
    const command = await load();
    const known = command.options.map(({ long }) => long!).filter((option) => !COMMON.includes(option));
    const { options } = rows.find((row) => row.name === name)!;
    assert.deepEqual(options, known.sort(), name);
    assert.equal(command.name(), name);
  }
});
