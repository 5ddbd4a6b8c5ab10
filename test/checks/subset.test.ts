// The language subset: each rule finds its bad snippets and passes its good one. Then the portable code must pass all rules,
// and typescript-to-lua, whose warnings are errors.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { checkLua } from '../../targets/build/lua-bundle.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { portableFiles } from '../support/files.ts';
import { FIXTURES } from './fixtures.ts';
import { checkSubset, LISTED, printFindings } from './subset.ts';

const root = sourceRoot();

function programOf(files: readonly string[], virtual: ReadonlyMap<string, string>): ts.Program {
  const config = ts.parseJsonConfigFileContent(
    ts.parseConfigFileTextToJson('tsconfig.json', readFileSync(join(root, 'tsconfig.json'), 'utf8')).config,
    { ...ts.sys, readDirectory: () => [] },
    root,
  );
  const host = ts.createCompilerHost(config.options);
  const read = host.readFile;
  const exists = host.fileExists;
  host.readFile = (name) => virtual.get(name) ?? read(name);
  host.fileExists = (name) => virtual.has(name) || exists(name);
  return ts.createProgram(files, config.options, host);
}

const snippets = new Map<string, string>();
for (const [rule, fixture] of Object.entries(FIXTURES)) {
  for (const [i, text] of fixture.bad.entries()) snippets.set(join(root, 'test', 'checks', rule + i + '.ts'), text);
  snippets.set(join(root, 'test', 'checks', rule + '-good.ts'), fixture.good);
}
const fixtures = programOf([...snippets.keys()], snippets);

for (const [rule, fixture] of Object.entries(FIXTURES)) {
  test('rule ' + rule + ' is seen to fail and to pass', () => {
    for (const [i, text] of fixture.bad.entries()) {
      const found = checkSubset(fixtures, [join(root, 'test', 'checks', rule + i + '.ts')]);
      assert.ok(
        found.some((finding) => finding.rule === rule),
        text + '\n' + printFindings(found),
      );
    }
    const found = checkSubset(fixtures, [join(root, 'test', 'checks', rule + '-good.ts')]);
    assert.equal(printFindings(found), '', fixture.good);
  });
}

test('portable code keeps to the subset', (t) => {
  const files = portableFiles().map((file) => join(root, file));
  assert.ok(files.length > 10);
  const all = checkSubset(programOf(files, new Map()), files);
  const listed = all.filter((finding) => LISTED.includes(finding.rule));
  if (listed.length > 0) t.diagnostic(listed.length + ' literals over 28 bits:\n' + printFindings(listed));
  assert.equal(printFindings(all.filter((finding) => !LISTED.includes(finding.rule))), '');
});

test('a finding tells file and line', () => {
  const file = join(root, 'test', 'checks', 'signed-shift1.ts');
  assert.equal(printFindings(checkSubset(fixtures, [file])), 'test/checks/signed-shift1.ts:2 signed-shift: n >>= 1');
});

test('portable code translates to Lua without a warning', async () => {
  const others = /^(boards|targets\/(duktape|jerryscript|espruino))\//;
  const files = portableFiles().filter((file) => !others.test(file));
  assert.ok(files.length > 10);
  await checkLua(files.map((file) => join(root, file)));
});
