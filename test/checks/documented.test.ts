// Every public symbol is documented: what the subpaths of package.json export, and the members of their types.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';

import { undocumented } from './documented.ts';

/** Index files of the package's subpaths. */
function entries(): string[] {
  const { exports } = JSON.parse(readFileSync(join(sourceRoot(), 'package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string }>;
  };
  const files: string[] = [];
  for (const target of Object.values(exports)) {
    if (typeof target === 'string') continue;
    files.push(target.types.replace('./dist/', '').replace(/\.d\.ts$/, '.ts'));
  }
  return files;
}

function missingOf(sources: Record<string, string>): string[] {
  return undocumented(['index.ts'], (file) => {
    const text = sources[file];
    assert.ok(text !== undefined, `${file} is read`);
    return text;
  });
}

test('the check of documentation can fail and pass', () => {
  const index = "export * from './x.ts';\n";
  const wrong: [string, string[]][] = [
    ['export function f(): void {}', ['x.ts: f']],
    ['// A remark.\nexport function f(): void {}', ['x.ts: f']],
    ['/** */\nexport const X = 1;', ['x.ts: X']],
    ['/** Both. */\nexport const A_ONE = 1;\n\nexport const A_TWO = 2;', ['x.ts: A_TWO']],
    ['/** One. */\nexport const A_ONE = 1;\nexport const B_TWO = 2;', ['x.ts: B_TWO']],
    ['export const A_ONE = 1;\n/** Two. */\nexport const A_TWO = 2;', ['x.ts: A_ONE']],
    ['/** A thing. */\nexport interface I {\n  a: number;\n}', ['x.ts: I.a']],
    ['/** A thing. */\nexport interface I {\n  /** An inner. */\n  a: {\n    b: number;\n  };\n}', ['x.ts: I.a.b']],
    ['/** A thing. */\nexport class C {\n  a = 1;\n  private b = 2;\n}', ['x.ts: C.a']],
    ['/** A thing. */\nexport type T = {\n  a: number;\n}[];', ['x.ts: T.a']],
    ['interface B {\n  b: number;\n}\n/** A thing. */\nexport interface I extends B {}', ['x.ts: I.b']],
    ['export type T = number;', ['x.ts: T']],
  ];
  for (const [text, missing] of wrong) assert.deepEqual(missingOf({ 'index.ts': index, 'x.ts': text }), missing, text);
  const right = [
    '/** Does it. */\nexport function f(): void {}',
    '/** Both. */\nexport const A_ONE = 1;\nexport const A_TWO = 2;',
    '/** Both. */\nexport const A_ONE = 1;\n// A remark.\nexport const A_TWO = 2;',
    '/** A thing. */\nexport interface I {\n  /** @internal */\n  a: number;\n}',
    '/** A thing. */\nexport interface I {\n  /** Sent and received. */\n  a: { b: number; c: number };\n}',
    '/** A thing. */\nexport class C {\n  private b = 2;\n}',
    'function f(): void {}',
  ];
  for (const text of right) assert.deepEqual(missingOf({ 'index.ts': index, 'x.ts': text }), [], text);
});

test('names reach their declarations through index files', () => {
  const sources = {
    'index.ts': "export { b as c } from './a/index.ts';\n",
    'a/index.ts': "import { b } from '../b.ts';\nexport { b };\nexport { other } from '../b.ts';\n",
    'b.ts': 'export function b(): void {}\nexport function other(): void {}\n',
  };
  assert.deepEqual(missingOf(sources), ['b.ts: c']);
});

test('every public symbol is documented', () => {
  const files = entries();
  assert.ok(files.includes('core/index.ts') && files.includes('targets/node/index.ts'));
  assert.deepEqual(undocumented(files), []);
});
