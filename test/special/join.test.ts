// Joining and folding: what a profile lacks is gone, what it has is unchanged, and what cannot be joined is told.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { transformSync } from 'esbuild';
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
  assert.equal(plain(await joined(text, { a: false, n: 6 })), 'export function go(x: number): number { return 11; }');
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
  assert.equal(text1, 'export function go(): number { return 2; }');
  const text2 = plain(await joined(text.replace(', Thing', ''), { a: true }, other));
  assert.equal(text2, 'export function go(): number { return (({ n: 1 }).n); }');
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

test('what keeps its value, and what nobody reads, goes; what acts stays', async () => {
  const text = `declare const P: { a: boolean };
    declare const board: { tick(): number; put(x: number): void };
    interface Thing { n: number; m: number }
    let calls = 0;
    let base = 2;
    function make(n: number): Thing { return { n: n, m: 0 }; }
    function twice(x: number): number { return x + x; }
    function forward(x: number): number { return twice(x); }
    export function go(x: number): number {
      const offset = P.a ? 4 : 0;
      let unread = x;
      let read = board.tick();
      const t = make(x);
      t.m = 3;
      calls++;
      unread = 1;
      if (offset > 0) board.put(base);
      for (let i = 0; i < 3; i++) read += i;
      return forward(t.n) + twice(board.tick()) + read;
    }`;
  const out = plain(await joined(text, { a: true }));
  assert.match(out, /board\.put\(2\)/);
  assert.doesNotMatch(out, /calls|offset|unread|forward|\bm\b/);
  // An argument that acts is not repeated.
  assert.match(out, /\(t\.n \+ t\.n\) \+ twice\(board\.tick\(\)\) \+ read/);
  assert.match(out, /for \(let i = 0; i < 3; i\+\+\) read \+= i;/);
});

test('a local name that hides one of the top keeps a function from being put there', async () => {
  const text = `declare const board: { tick(): number };
    let state = 1;
    export function set(x: number): void { state = x; }
    function more(x: number): number { return x + state; }
    export function go(x: number): number {
      const state = board.tick();
      return more(x) + state;
    }`;
  const out = await joined(text);
  const run = new Function('board', transpiled(out) + '; set(5); return go(1);');
  assert.equal(run({ tick: () => 7 }), 13);
});

test('a function that gives another one an argument of its own is no forwarder', async () => {
  const text = `function twice(x: number, y: string): number { return y.length > 9 ? x : x * 2 + y.charCodeAt(0) + y.length * 1000000; }
    function one(y: string): number { return twice(y.length, y) + y.length + y.length + y.length; }
    function fixed(): number { return one('abc'); }
    export function go(): number { return fixed() + fixed() + one('d') + one('ef'); }`;
  const run = new Function(transpiled(await joined(text)) + '; return go();');
  const of = (y: string): number => y.length * 2 + y.charCodeAt(0) + y.length * 1000000 + 3 * y.length;
  assert.equal(run(), 2 * of('abc') + of('d') + of('ef'));
});

test('a short form of a property is written out; a constant of the caller is not written to', async () => {
  const text = `function made(width: number): { width: number } { return { width }; }
    function less(x: number): number {
      while (x > 10) x -= 10;
      return x;
    }
    export function go(n: number): number {
      const size = n * 2;
      if (n > 50) return less(size);
      return made(4).width + made(n).width;
    }`;
  const run = new Function('n', transpiled(await joined(text)) + '; return go(n);');
  assert.equal(run(60), 10);
  assert.equal(run(3), 7);
});

test('a body in the place of its call keeps its end, its arguments, and the names around it', async () => {
  const cases: [name: string, text: string][] = [
    [
      'a returned call of a function without a value',
      `function f(a: number): void { told.push(a); }
       function run(x: number): void { if (x > 1) { return f(x); } told.push(x + 100); told.push(x + 200); }
       export function go(x: number): void { run(x); run(x - 3); }`,
    ],
    [
      'one argument twice, written',
      `function f(a: number, b: number): number { a = a + 1; told.push(b); return a + b; }
       export function go(x: number): void { told.push(run(x)); }
       function run(x: number): number { x = x + told.length; return f(x, x); }`,
    ],
    [
      'a block with a name of the top',
      `let kk = 5;
       export function go(x: number): void { { const kk = 8; told.push(kk); } kk = kk + x; told.push(kk); }`,
    ],
    [
      'a function behind a return',
      'export function go(x: number): void { told.push(h()); return; function h(): number { return x; } }',
    ],
    ['the sign of zero', 'export function go(x: number): void { const a = -0; told.push(1 / a, x); }'],
  ];
  for (const [name, text] of cases) {
    const told = 'declare const told: number[];\n' + text;
    const results = [told, await joined(told)].map((one) => {
      const list: number[] = [];
      new Function('told', transpiled(one.replace(/^declare.*$/m, '')) + '; go(4);')(list);
      return list;
    });
    assert.deepEqual(results[1], results[0], name);
  }
});

test('what the passes do not see through is refused', async () => {
  const cases: [string, RegExp][] = [
    ['export function go(): number { const [a] = [1]; return a; }', /entry\.ts:1: a: cannot be joined/],
    ['export function go(o: object): void { for (const k in o) go(k as never); }', /for \(const k in o\)/],
    ['export function go(o: object): string { return JSON.stringify(o); }', /JSON: cannot be joined/],
    [
      'const K = 5;\nexport function go(K: number): number { return K; }\nexport const X = K;',
      /^Error: K: a function declares/,
    ],
  ];
  for (const [text, message] of cases) await assert.rejects(joined(text), message);
});

function transpiled(text: string): string {
  return transformSync(text.replaceAll('export ', ''), { loader: 'ts' }).code;
}
