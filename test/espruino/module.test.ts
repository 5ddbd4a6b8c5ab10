// The modules as they ship, on Espruino: `require` loads them from its Storage, and two devices talk to each other. Also their
// exports.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import ts from 'typescript';
import { readBlob } from '../../targets/board/blob.ts';
import { writeBlob } from '../../targets/board/write-blob.ts';
import { engineMissing } from '../../targets/build/engines.ts';
import { buildEspruino, type EspruinoModule } from '../../targets/build/espruino.ts';
import { createLab } from '../../targets/node/lab/boards/lab.ts';
import { readProvision } from '../../targets/node/lab/boards/provision.ts';
import { runIn } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'dietesp-module-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const modules = await buildEspruino();
const LIMIT_MS = 120000;

function moduleNamed(name: string): EspruinoModule {
  return modules.find((module) => module.name === name)!;
}

/** Exports of a module, as its types and its text have them. */
function exportsOf(text: string): string[] {
  return [...new Set([...text.matchAll(/\.(start|device|mrf24j40|pipe|blob)=/g)].map((match) => match[1]))];
}

test('names that Storage takes, and sizes within their budgets', () => {
  for (const { name, size } of modules) {
    assert.ok(name.length <= 8, name);
    // Storage of an MDBT42Q; of the Linux build.
    const budget = name === 'dietlite' ? 40960 - 512 : 130500;
    assert.ok(size <= budget, `${name}: ${size} of ${budget} octets`);
  }
});

test('no variable of the minified text has a name that is a keyword of Espruino', () => {
  for (const { name, minified } of modules) {
    const source = ts.createSourceFile('m.js', readFileSync(minified, 'utf8'), ts.ScriptTarget.ES2015, true);
    const visit = (node: ts.Node): void => {
      const isMember =
        ts.isPropertyAccessExpression(node.parent ?? source) || ts.isPropertyAssignment(node.parent ?? source);
      if (ts.isIdentifier(node) && !isMember) assert.ok(!['of', 'static', 'get', 'set'].includes(node.text), name);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
});

test('the types say what the modules have', () => {
  const types = readFileSync(join(import.meta.dirname, '../../targets/espruino/dietesp.d.ts'), 'utf8');
  const declared = [...types.matchAll(/^export function (\w+)/gm)].map((match) => match[1]).sort();
  assert.deepEqual(exportsOf(readFileSync(moduleNamed('dietesp').minified, 'utf8')).sort(), declared);
  assert.deepEqual(exportsOf(readFileSync(moduleNamed('dietlite').minified, 'utf8')).sort(), ['device', 'mrf24j40']);
});

for (const name of ['dietlite', 'dietesp']) {
  for (const kind of ['minified', 'plain'] as const) {
    // The readable text of the whole module is larger than the Storage of the Linux build.
    if (name === 'dietesp' && kind === 'plain') continue;
    test(`${name}, ${kind}: from Storage, a payload each way`, { skip: engineMissing('espruino') }, async () => {
      const script = readFileSync(join(import.meta.dirname, 'pair.js'), 'utf8').replace(
        "require('MODULE')",
        `require('${name}')`,
      );
      const place = mkdtempSync(join(folder, 'run-'));
      writeFileSync(join(place, 'module.js'), readFileSync(moduleNamed(name)[kind]));
      const write = `require("Storage").write("${name}",require("fs").readFileSync("module.js"));\n`;
      const output = await runIn(place, write + script, LIMIT_MS, /^end$/m);
      const lines = output.split('\n').filter((line) => /^(tag|reserve|server|sensor|done|end|Uncaught)/.test(line));
      assert.deepEqual(lines.sort(), [
        'done 0',
        'end',
        'reserve 0 128',
        'reserve 1 256',
        'sensor got answer',
        'server got hello',
        'tag true',
      ]);
    });
  }
}

test('a blob written on the board is read as the one of dietesp provision', async () => {
  const lab = await createLab({ nodes: 1, seed: 1, loss: 0, secret: 's', count: 3, interval: 2 });
  const octets = readProvision('node', lab.nodes[0].file);
  await lab.close();
  const { config } = readBlob(octets, octets.length);
  assert.ok(config !== null);
  const fields: Record<string, unknown> = { ...config };
  // As the blob has them: without a value where there is none, proposals as arrays.
  for (const [field, value] of Object.entries(fields)) {
    if (value instanceof Uint8Array && value.length === 0) delete fields[field];
  }
  delete fields['numbers'];
  // Computed from the blob's last octets.
  delete fields['mark'];
  fields['path'] = Buffer.from(config.path).toString();
  fields['proposals'] = config.proposals.map(({ allowed }) => allowed);
  const own = writeBlob(fields, Object.keys(fields));
  assert.deepEqual(readBlob(own, own.length), { code: 0, config });
});

test('fields that a blob cannot have', () => {
  assert.throws(() => writeBlob({ pan: 1 }, ['pan']), /provision\.pan: no such field/);
  assert.throws(() => writeBlob({ panId: 65536 }, ['panId']), /provision\.panId: 65536: must be 0\.\.65534/);
  assert.throws(() => writeBlob({ outer: new Uint8Array(4) }, ['outer']), /provision\.outer: 4: must be 16\.\.16/);
});
