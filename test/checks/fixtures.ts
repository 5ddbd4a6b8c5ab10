// For each rule of the subset: snippets that break it, and a similar one that does not.

export interface Fixture {
  bad: readonly string[];
  good: string;
}

const array = 'const list: number[] = [1];\n';
const bytes = 'const bytes = new Uint8Array(4);\n';

export const FIXTURES: Readonly<Record<string, Fixture>> = {
  'default-parameter': {
    bad: ['export function f(a: number = 1): number { return a; }'],
    good: 'export function f(a: number): number { return a; }',
  },
  'rest-parameter': {
    bad: ['export function f(...a: number[]): number { return a[0]; }'],
    good: 'export type F = (...a: number[]) => number;',
  },
  spread: {
    bad: [array + 'export const b = [...list];', 'const o = { a: 1 };\nexport const p = { ...o };'],
    good: array + 'export const b = [list[0]];',
  },
  destructuring: {
    bad: [
      array + 'export const [a] = list;',
      'export const { a } = { a: 1 };',
      'export function f({ a }: { a: number }): number { return a; }',
      array + 'let a = 1;\n[a] = list;\nexport { a };',
    ],
    good: array + 'let a = 1;\na = list[0];\nexport { a };',
  },
  'computed-key': {
    bad: ["const k = 'a';\nexport const o = { [k]: 1 };"],
    good: 'export const o = { a: 1 };',
  },
  'tagged-template': {
    bad: ['function tag(s: TemplateStringsArray): number { return s.length; }\nexport const t = tag`x`;'],
    good: 'export const t = `a`;',
  },
  label: {
    bad: ['export function f(): void { out: for (;;) { break out; } }'],
    good: 'export function f(): void { for (;;) { break; } }',
  },
  exponent: {
    bad: ['export const n = 2 ** 3;', 'let n = 2;\nn **= 3;\nexport { n };'],
    good: 'export const n = 2 * 3;',
  },
  'optional-chain': {
    bad: ['export function f(o: { a: number } | null): number | undefined { return o?.a; }'],
    good: 'export function f(o: { a: number } | null): number { return o === null ? 0 : o.a; }',
  },
  nullish: {
    bad: ['export function f(n: number | null): number { return n ?? 1; }'],
    good: 'export function f(n: number | null): number { return n === null ? 1 : n; }',
  },
  'logical-assignment': {
    bad: [
      'export function f(a: boolean): boolean { a ||= true; return a; }',
      'export function f(a: boolean): boolean { a &&= true; return a; }',
      'export function f(a: boolean | null): boolean { a ??= true; return a; }',
    ],
    good: 'export function f(a: boolean): boolean { return a || true; }',
  },
  'private-name': {
    bad: ['export class A { #x = 1; get x(): number { return 1; } }'],
    good: 'export class A { x = 1; }',
  },
  generator: {
    bad: ['export function* f() { yield 1; }'],
    good: 'export function f(): number { return 1; }',
  },
  async: {
    bad: ['export async function f() { await 1; }', 'export const f = async () => 1;'],
    good: 'export const f = () => 1;',
  },
  bigint: { bad: ['export const n = 1n;'], good: 'export const n = 1;' },
  'regular-expression': { bad: ['export const r = /a/;'], good: "export const r = 'a';" },
  'for-in': {
    bad: [
      array + 'let n = 0;\nfor (const i in list) n = i.length;\nexport { n };',
      bytes + 'let n = 0;\nfor (const i in bytes) n = i.length;\nexport { n };',
    ],
    good: array + 'let n = 0;\nfor (const v of list) n += v;\nexport { n };',
  },
  enum: { bad: ['export enum E { A }', 'export const enum E { A }'], good: 'export const E_A = 0;' },
  'namespace-import': {
    bad: ["import * as b from '../../core/base/bytes.ts';\nexport const f = b.u16;"],
    good: "import { u16 } from '../../core/base/bytes.ts';\nexport const f = u16;",
  },
  'signed-shift': {
    bad: ['export const n = 8 >> 1;', 'let n = 8;\nn >>= 1;\nexport { n };'],
    good: 'export const n = 8 >>> 1;',
  },
  extends: {
    bad: ['class A { x = 1; }\nexport class B extends A {}', 'export class E extends Error {}'],
    good: 'interface A { x: number; }\nexport interface B extends A { y: number; }',
  },
  var: { bad: ['export var n = 1;'], good: 'export let n = 1;\nn = 2;' },
  'wide-literal': {
    bad: ['export const n = 268435456;', 'export const n = 0xffffffff;'],
    good: 'export const n = 268435455;\nexport const m = 0xffffffff; // wide',
  },
  'int-cast': {
    bad: ['export const n = (3 / 2) | 0;', 'export const n = ~~(3 / 2);'],
    good: 'export const n = Math.floor(3 / 2) | 4;\nexport const m = ~3 & 0xff;',
  },
  this: {
    bad: ['export const o = { a: 1, f(): number { return this.a; } };'],
    good: 'export class A { x = 1; f(): number { return this.x; } }',
  },
  'dynamic-import': {
    bad: ["export const p = import('../../core/base/bytes.ts');"],
    good: "export { u16 } from '../../core/base/bytes.ts';",
  },
  closure: {
    bad: [
      'export function f(a: number): () => number { return () => a; }',
      'export function f(a: number): number { function g(): number { return a; } return g(); }',
      'export function f(a: number): unknown { return { g() { return a; } }; }',
      array + 'export function f(): unknown { return list.map(function (a) { return a; }); }',
    ],
    good:
      'export function createF(a: number): () => number { function g(): number { return a; } return () => g(); }\n' +
      'export const f = () => 1;\nexport const o = { g: () => 1 };',
  },
  'forbidden-global': {
    bad: [
      'export const m = new Map();',
      'export const s = new Set();',
      "export const s = Symbol('a');",
      'export const n = BigInt(1);',
      'export const p = Promise;',
      'setTimeout(parseInt, 1);',
      'export const d = Date;',
      "console.log('x');",
      "export const r = require('node:fs');",
      'export const p = process;',
      'export const b = Buffer;',
      'export const i = Number.isInteger(1);',
      'export const o = Object.freeze({});',
      'export const o = Object.assign({}, {});',
      'export const o = Object.entries({});',
      "export const o = JSON.parse('1');",
      'export const g = globalThis;',
      "export const e = new RangeError('absent in Espruino');",
      'export const o = { Map };',
      'export function f(): unknown { return arguments; }',
    ],
    good: 'export const m = { Map: 1, process: 2 };\nexport const n = m.process + Math.floor(1.5);',
  },
  'builtin-member': {
    bad: [
      'export const n = Math.imul(1, 2);',
      'export const n = Math.clz32(1);',
      'export const n = Math.trunc(1);',
      'export const n = Math.sign(1);',
      'export const n = Math.random();',
      'export const a = Uint8Array.from([1]);',
      bytes + 'export const b = bytes.slice(1);',
      bytes + 'export const b = bytes.subarray(1);',
      bytes + 'bytes.set([1]);',
      bytes + 'bytes.fill(1);',
      bytes + 'bytes.copyWithin(0, 1);',
      array + 'export const a = list.map(Math.floor);',
      array + 'list.sort();',
      "export const s = 'a'.padStart(2);",
      'export const f = Math.floor.call(null, 1);',
      "export const s = new Error('x').name;",
    ],
    good: array + bytes + "export const n = list.length + bytes.length + 'a'.length;\nlist.push(1);",
  },
  'typed-array-new': {
    bad: ['export const a = new Uint8Array([1, 2]);', 'export const a = new Uint8Array(new ArrayBuffer(4), 1, 2);'],
    good: 'export const a = new Uint8Array(2);',
  },
  'string-index': {
    bad: [
      "const o = { a: 1 };\nexport const n = o['a'];",
      "export function f(o: { a: number; b: number }, k: 'a' | 'b'): number { return o[k]; }",
    ],
    good:
      bytes +
      'export const n = bytes[1];\nexport function f(o: { [k: string]: number }, k: string): number { return o[k]; }',
  },
  'number-condition': {
    bad: [
      'export function f(n: number): number { if (n) return 1; return 2; }',
      'export function f(n: number): number { while (n) n--; return n; }',
      'export function f(n: number): number { return n ? 1 : 2; }',
      'export function f(n: number): boolean { return !n; }',
      'export function f(n: number, x: boolean): unknown { return n && x; }',
      'export function f(n: number, x: boolean): number { if (x && n) return 1; return 2; }',
      "export function f(s: string): string { return s || 'x'; }",
      'export function f(n: number | undefined): number { if (n) return 1; return 2; }',
      'export function f(n: number): number { for (; n & 1; ) n = 2; return n; }',
    ],
    good:
      'export function f(n: number, o: { a: number } | null, b: boolean): number {\n' +
      '  if (o && n !== 0 && !b) return n > 1 ? 1 : 2;\n  return 3;\n}',
  },
  'use-before-definition': {
    bad: [
      'export const n = f();\nfunction f(): number { return 1; }',
      'function f(): number { return later; }\nexport const n = f();\nconst later = 1;',
      'export const table = [f];\nfunction f(): number { return 1; }',
      'export function createF(): number { const n = g(); function g(): number { return 1; } return n; }',
    ],
    good: 'export function f(): number { return g() + later; }\nfunction g(): number { return 1; }\nconst later = 1;',
  },
};
