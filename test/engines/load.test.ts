// Every module of the core loads on every engine, and then has all its exports. A construct that an engine cannot parse, or
// use before definition, shows here before any vector reaches it.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { filesBelow } from '../support/files.ts';
import { everywhere } from './everywhere.ts';

const root = sourceRoot();
const folder = join(root, 'build', 'load');
mkdirSync(folder, { recursive: true });

/** Names of the values that a module exports. */
function exportsOf(text: string): string[] {
  return [...text.matchAll(/^export (?:function|const|let|class) (\w+)/gm)].map((match) => match[1]);
}

// Lua allows 200 local variables to a function, and each import is one.
const MOST_IMPORTS = 120;

// One entry per folder of the core, or more: a small heap need not hold all of it at once.
const entries = new Map<string, { imports: string; list: string; count: number }>();
for (const file of filesBelow('core', ['ts'])) {
  const layer = file.split('/').length > 2 ? file.split('/')[1] : 'base';
  const names = exportsOf(readFileSync(join(root, file), 'utf8'));
  let key = layer;
  for (let part = 2; (entries.get(key)?.count ?? 0) + names.length > MOST_IMPORTS && entries.has(key); part++) {
    key = layer + '-' + part;
  }
  const entry = entries.get(key) ?? { imports: '', list: '', count: 0 };
  entries.set(key, entry);
  if (names.length === 0) continue;
  const locals = names.map((name) => ({ name, local: 'value' + entry.count++ }));
  entry.imports +=
    'import { ' + locals.map((x) => x.name + ' as ' + x.local).join(', ') + " } from '../../" + file + "';\n";
  entry.list += locals.map((x) => "  check('" + file + '/' + x.name + "', " + x.local + ', emit);\n').join('');
}

for (const [layer, entry] of entries) {
  if (entry.count === 0) continue;
  const path = join(folder, layer + '.ts');
  writeFileSync(
    path,
    entry.imports +
      'let passed = 0;\nlet total = 0;\n' +
      'function check(name: string, value: unknown, emit: (line: string) => void): void {\n' +
      "  total++;\n  if (value === undefined) emit('fail ' + name + ' value defined undefined');\n" +
      "  else {\n    passed++;\n    emit('ok ' + name);\n  }\n}\n" +
      'export function run(_cases: string[][], emit: (line: string) => void): void {\n' +
      entry.list +
      "  emit('done ' + passed + ' ' + total);\n}\n",
  );
  everywhere('core ' + layer + ' loads', path, []);
}

test('exports are found', () => {
  assert.deepEqual(exportsOf('export const A = 1;\nexport function b() {}\nexport interface C {}\nconst d = 1;\n'), [
    'A',
    'b',
  ]);
  assert.ok((entries.get('base')?.count ?? 0) > 10);
});
