// Joining and folding: what a profile lacks is gone, what it has is unchanged, and what cannot be joined is told.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { joinParts } from '../../targets/build/specialise/join.ts';

const ENTRY = join(sourceRoot(), 'core', 'base', 'entry.ts');
const OTHER = join(sourceRoot(), 'core', 'base', 'other.ts');

function joined(text: string, profile: Record<string, boolean | number | string> = {}, other = ''): Promise<string> {
  return joinParts({ entry: ENTRY, profile, texts: { [ENTRY]: text, [OTHER]: other } });
}

/** Without white space and comments. */
function plain(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

test('a decided condition leaves one branch', async () => {
  const text = `declare const P: { a: boolean; n: number };
    const LIMIT = 5;
    export function go(x: number): number {
      if (P.a && P.n > LIMIT) return 1;
      else if (!P.a) x++;
      return P.a ? x : P.n + LIMIT;
    }`;
  assert.equal(plain(await joined(text, { a: true, n: 6 })), 'export function go(x: number): number { return 1; }');
  assert.equal(plain(await joined(text, { a: true, n: 5 })), 'export function go(x: number): number { return x; }');
  assert.equal(
    plain(await joined(text, { a: false, n: 6 })),
    'export function go(x: number): number { x++; return 11; }',
  );
});

test('what nothing uses any more is gone: functions, variables, types', async () => {
  const text = `import { used, unused, Thing } from './other.ts';
    declare const P: { a: boolean };
    export function go(): number { return P.a ? unused({ n: 1 }) : used(); }`;
  const other = `export interface Thing { n: number }
    let state = 0;
    export function unused(t: Thing): number { state++; return t.n; }
    export function used(): number { return 2; }`;
  const text1 = plain(await joined(text.replace(', Thing', ''), { a: false }, other));
  assert.equal(text1, 'function used(): number { return 2; } export function go(): number { return used(); }');
  const text2 = plain(await joined(text.replace(', Thing', ''), { a: true }, other));
  assert.match(text2, /interface Thing.*let state = 0;.*function unused/);
  assert.doesNotMatch(text2, /function used/);
});

test('names of properties are no constants, and texts have a length', async () => {
  const text = `declare const P: { hex: string };
    const N = 3;
    export function go(o: { N: number }): number { return o.N + N + P.hex.length; }`;
  assert.equal(
    plain(await joined(text, { hex: '0102' })),
    'export function go(o: { N: number; }): number { return o.N + 3 + 4; }',
  );
});

test('what cannot be joined is told', async () => {
  await assert.rejects(joined('export const x = P.none;'), /P\.none: \(missing\)/);
  await assert.rejects(
    joined("import { a as b } from './other.ts'; b();", {}, 'export const a = 1;'),
    /keeps its name/,
  );
  await assert.rejects(
    joined("import { a } from './other.ts'; a();", {}, 'export const a = 1; a.x = 2;'),
    /only the entry does/,
  );
  await assert.rejects(
    joined("import { a } from './other.ts'; const b = 2; a();", {}, 'const b = 1; export const a = 1;'),
    /b: declared in/,
  );
  await assert.rejects(joined("import { a } from 'elsewhere'; a();"), /imports files of the project only/);
});
