// The link on other engines: the bundled source prints the same line.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { bundleScript } from '../../targets/build/javascript.ts';
import { bundleLua } from '../../targets/build/lua-bundle.ts';

const entry = join(import.meta.dirname, 'engines.entry.ts');

async function expected(): Promise<string> {
  const { text } = await bundleScript(entry, 'node');
  let printed = '';
  runInNewContext(text, { print: (line: string) => (printed += line) });
  assert.match(printed, /^29 29 0 \d+ \d+$/);
  return printed;
}

function found(command: string, args: string[]): string | false {
  return spawnSync(command, args, { input: '' }).error === undefined ? false : `${command} not found`;
}

function run(command: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-'));
  try {
    const path = join(folder, 'bundle');
    writeFileSync(path, text);
    const result = spawnSync(command, [path], { encoding: 'utf8', timeout: 60000 });
    assert.equal(result.status, 0, result.stderr);
    return result.stdout.trim();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('link on Lua', { skip: found('lua5.4', ['-v']) }, async () => {
  assert.equal(run('lua5.4', await bundleLua(entry)), await expected());
});

test('link on Duktape', { skip: found('duk', ['/dev/null']) }, async () => {
  assert.equal(run('duk', (await bundleScript(entry, 'duktape')).text), await expected());
});
