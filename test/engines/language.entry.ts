// Uses each built-in of targets/build/builtins.ts once, and each idiom that the core depends on. An engine where one is
// absent or wrong fails here by name, and not somewhere inside a packet.

import type { Report } from './report.ts';
import { begin, createReport, decimal, end, expect, expectNumber, expectTrue, finish } from './report.ts';

interface Counter {
  count: number;
  step: (by: number) => number;
}

class Pair {
  first: number;
  second: number;
  constructor(first: number, second: number) {
    this.first = first;
    this.second = second;
  }
  get sum(): number {
    return this.first + this.second;
  }
  scaled(by: number): number {
    return this.sum * by;
  }
}

const byName = { two: 2, add: (a: number, b: number) => a + b };

function createCounter(start: number): Counter {
  const counter: Counter = {
    count: start,
    step: (by) => {
      counter.count += by;
      return counter.count;
    },
  };
  return counter;
}

function numbers(report: Report): void {
  begin(report, 'shift');
  expectNumber(report, 'unsigned', 4294967040, ((0xffffffff << 8) & 0xffffffff) >>> 0); // wide
  expectNumber(report, 'top', 1, 2147483648 >>> 31); // wide
  expectNumber(report, 'byte', 128, (384 >>> 1) & 0x80);
  expectNumber(report, 'xor', 15, 240 ^ 255);
  expectNumber(report, 'not', 240, ~15 & 0xff);
  end(report);
  begin(report, 'Math');
  expectNumber(report, 'floor', -2, Math.floor(-1.5));
  expectNumber(report, 'ceil', 2, Math.ceil(1.2));
  expectNumber(report, 'round', 3, Math.round(2.5));
  expectNumber(report, 'abs', 4, Math.abs(-4));
  expectNumber(report, 'min', 1, Math.min(3, 1, 2));
  expectNumber(report, 'max', 3, Math.max(3, 1, 2));
  expectNumber(report, 'sqrt', 3, Math.sqrt(9));
  expectNumber(report, 'pow', 4294967296, Math.round(Math.pow(2, 32))); // wide
  expectNumber(report, 'log', 693, Math.floor(Math.log(2) * 1000));
  end(report);
  begin(report, 'number');
  const notANumber = NaN;
  expectTrue(report, 'NaN', notANumber !== notANumber + 0);
  expectTrue(report, 'Infinity', Infinity > 4294967296); // wide
  expect(report, 'toString', 'ff', (255).toString(16));
  expect(report, 'toFixed', '2.57', (2.5678).toFixed(2));
  expect(report, 'decimal', '3', decimal(6 / 2));
  expectNumber(report, '53 bits', 9007199254740991, 2097151 * 4294967296 + 4294967295); // wide
  end(report);
}

function typedArrays(report: Report): void {
  begin(report, 'typed arrays');
  const a = new Uint8Array(3);
  const b = new Uint16Array(2);
  const c = new Int32Array(2);
  const d = new Uint32Array(2);
  const e = new Float64Array(2);
  expectNumber(report, 'length', 3, a.length);
  expectNumber(report, 'zero', 0, a[0] + a[2] + b[1] + c[0] + d[1] + e[0]);
  a[2] = 255;
  b[1] = 65535;
  c[0] = -2147483647; // wide
  d[1] = 4294967295; // wide
  e[1] = 4503599627370497; // wide
  expectNumber(report, 'Uint8Array', 255, a[2]);
  expectNumber(report, 'Uint16Array', 65535, b[1]);
  expectNumber(report, 'Int32Array', -2147483647, c[0]); // wide
  expectNumber(report, 'Uint32Array', 4294967295, d[1]); // wide
  expectNumber(report, 'Float64Array', 4503599627370497, e[1]); // wide
  end(report);
}

function lists(report: Report): void {
  begin(report, 'array');
  const list = [5, 3, 4];
  list.push(1);
  expectNumber(report, 'length', 4, list.length);
  expectNumber(report, 'pop', 1, list.pop() === 1 ? 1 : 0);
  expectNumber(report, 'indexOf', 2, list.indexOf(4));
  expectNumber(report, 'absent', -1, list.indexOf(9));
  expect(report, 'join', 'x,y', ['x', 'y'].join(','));
  const rest = list.slice(1);
  expectNumber(report, 'slice', 7, rest[0] + rest[1]);
  rest[0] = 9;
  expectNumber(report, 'copy', 3, list[1]);
  let sum = 0;
  for (const value of list) sum += value;
  expectNumber(report, 'for-of', 12, sum);
  end(report);
}

function texts(report: Report): void {
  begin(report, 'string');
  const text = 'Hello';
  expectNumber(report, 'length', 5, text.length);
  expectNumber(report, 'charCodeAt', 101, text.charCodeAt(1));
  expect(report, 'charAt', 'o', text.charAt(4));
  expect(report, 'substring', 'ell', text.substring(1, 4));
  expect(report, 'slice', 'lo', text.slice(3));
  expectNumber(report, 'indexOf', 2, text.indexOf('l'));
  expectNumber(report, 'split', 3, text.split('l').length);
  expect(report, 'toUpperCase', 'HELLO', text.toUpperCase());
  expect(report, 'toLowerCase', 'hello', text.toLowerCase());
  expect(report, 'fromCharCode', 'A', String.fromCharCode(65));
  expect(report, 'template', 'a1b', `a${1}b`);
  end(report);
}

function named(value: string): number {
  switch (value) {
    case 'a':
      return 1;
    case 'b':
    case 'c':
      return 2;
    default:
      return 3;
  }
}

function caught(kind: number): string {
  let text = '';
  try {
    if (kind === 1) throw new Error('plain');
    if (kind === 2) throw new TypeError('kind');
    text = 'none';
  } catch (error) {
    text = (error instanceof TypeError ? 'TypeError:' : 'Error:') + (error as Error).message;
  } finally {
    text += '.';
  }
  return text;
}

function depth(n: number): number {
  return n === 0 ? 0 : 1 + depth(n - 1);
}

function flow(report: Report): void {
  begin(report, 'flow');
  expectNumber(report, 'switch', 123, named('a') * 100 + named('c') * 10 + named('x'));
  expect(report, 'no throw', 'none.', caught(0));
  expect(report, 'Error', 'Error:plain.', caught(1));
  expect(report, 'TypeError', 'TypeError:kind.', caught(2));
  expectNumber(report, 'recursion', 100, depth(100));
  let odd = 0;
  for (let i = 0; i < 10; i++) {
    if (i % 2 === 0) continue;
    if (i > 7) break;
    odd += i;
  }
  expectNumber(report, 'continue', 16, odd);
  let left = 5;
  do left--;
  while (left > 2);
  expectNumber(report, 'do', 2, left);
  end(report);
}

function objects(report: Report): void {
  begin(report, 'object');
  const counter = createCounter(2);
  expectNumber(report, 'closure', 5, counter.step(3));
  expectNumber(report, 'member', 5, counter.count);
  expectNumber(report, 'literal', 5, byName.add(byName.two, 3));
  const pair = new Pair(2, 3);
  expectNumber(report, 'getter', 5, pair.sum);
  expectNumber(report, 'method', 50, pair.scaled(10));
  let missing: Pair | null = null;
  expectTrue(report, 'null', missing === null);
  missing = pair;
  expectTrue(report, 'identity', missing === pair);
  const none: number | undefined = ([] as number[]).pop();
  expectTrue(report, 'undefined', none === undefined);
  end(report);
}

export function run(_cases: readonly string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  numbers(report);
  typedArrays(report);
  lists(report);
  texts(report);
  flow(report);
  objects(report);
  finish(report);
}
