// The recipes that need no other host, as a reader types them, with the package as it is installed.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { DIETESP } from '../support/command.ts';
import { filesOf, LIMIT, stepsOf, walk } from './tutorial.ts';

const root = sourceRoot();

/** What `npm install` leaves: the packages and the command. */
function install(folder: string, packages: readonly string[]): void {
  const bin = join(folder, 'node_modules', '.bin');
  mkdirSync(bin, { recursive: true });
  for (const name of packages) symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  const command = join(bin, 'dietesp');
  const words = [process.execPath, ...DIETESP].map((word) => `'${word}'`).join(' ');
  writeFileSync(command, `#!/bin/sh\ncd '${folder}' && exec ${words} "$@"\n`);
  chmodSync(command, 0o755);
}

for (const [name, packages] of [
  ['coap-server', ['coap', 'tsx']],
  ['mqtt-bridge', ['coap', 'mqtt', 'tsx']],
] as const) {
  test(`docs/recipes/${name}.md`, { timeout: 2 * LIMIT }, async (t) => {
    const markdown = readFileSync(join(root, 'docs', 'recipes', `${name}.md`), 'utf8');
    const files = filesOf(markdown);
    assert.equal(files.length, 1);
    const folder = mkdtempSync(join(tmpdir(), 'dietesp-recipe-'));
    try {
      install(folder, packages);
      writeFileSync(join(folder, 'package.json'), '{ "private": true }');
      for (const [file, text] of files) writeFileSync(join(folder, file), text);
      await walk(t, stepsOf(markdown), folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
