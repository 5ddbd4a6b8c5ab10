// The program: help, version, wrong use, the schema.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dietesp, ROOT } from './run.ts';

const COMMANDS = ['compress', 'decompress', 'explain', 'rules', 'budget', 'vectors', 'schema'];

test('--version is that of the package', async () => {
  const { code, stdout } = await dietesp('--version');
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  assert.equal(code, 0);
  assert.equal(stdout, manifest.version + '\n');
});

test('--help names every command and exits 0', async () => {
  const { code, stdout } = await dietesp('--help');
  assert.equal(code, 0);
  for (const name of [...COMMANDS, 'demo']) assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
});

for (const name of COMMANDS) {
  test(`${name} --help exits 0 and says how to use it`, async () => {
    const { code, stdout } = await dietesp(name, '--help');
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^Usage: dietesp ${name} `));
  });
}

test('wrong use exits 2 with a line on stderr', async () => {
  const uses = [
    ['nonsense'],
    ['schema', '--nonsense'],
    ['vectors'],
    ['doctor', '--config', ''],
    ['doctor', '--state', 'x'],
    ['keylog', ''],
    ['explain', '--sa', ' ', '60'],
    ['explain', '--sa', 'x', '60', '--packet', '0x1'],
    ['vectors', 'x.json', '--engine', 'z80'],
    ['vectors', 'x.json', '--engine', 'lua', '--provider', 'noble'],
    [],
  ];
  for (const args of uses) {
    const { code, stdout, stderr } = await dietesp(...args);
    assert.equal(code, 2, args.join(' '));
    assert.equal(stdout, '', args.join(' '));
    assert.notEqual(stderr, '', args.join(' '));
    assert.doesNotMatch(stderr, /^ {4}at /m, args.join(' '));
  }
});

test('schema prints JSON Schema with title, description and default', async () => {
  const { code, stdout } = await dietesp('schema');
  assert.equal(code, 0);
  const schema = JSON.parse(stdout) as {
    definitions: { sa: { properties: Record<string, { title: string; description: string; default?: unknown }> } };
  };
  const properties = schema.definitions.sa.properties;
  for (const [name, property] of Object.entries(properties)) {
    assert.ok(property.title !== '' && property.description !== '', name);
  }
  assert.equal(properties['alignment'].default, 64);
});

test('schema --markdown has one row per field', async () => {
  const { code, stdout } = await dietesp('schema', '--markdown');
  assert.equal(code, 0);
  assert.match(stdout, /^\| `esp_spi_lsb` \| integer 0\.\.32 \| {2}\| `32` \|/m);
  assert.match(stdout, /^\| `lifetime\.hard_packets` \|/m);
});
