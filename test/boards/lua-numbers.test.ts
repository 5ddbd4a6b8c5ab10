// Numbers as text in Lua's firmware (boards/common/lua_numbers.c), compiled for this machine. What is expected comes from
// JavaScript's own conversions.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { packageSources, sourcesMissing } from '../../targets/build/firmware/sources.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { packageMissing } from '../support/packages.ts';

const skip = packageMissing('gcc') || sourcesMissing('lua5.4');
const folder = mkdtempSync(join(tmpdir(), 'dietesp-numbers-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, 'numbers');
if (skip === false) {
  const root = sourceRoot();
  const flags = ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined'];
  const include = ['-I', join(root, 'boards', 'common'), '-I', join(packageSources('lua5.4'), 'src')];
  execFileSync('gcc', [...flags, ...include, '-o', program, join(root, 'test', 'boards', 'luanumbers.c'), '-lm']);
}

function run(lines: string[]): [length: number, text: string][] {
  const text = execFileSync(program, { input: `${lines.join('\n')}\n`, encoding: 'utf8', maxBuffer: 1 << 26 });
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => [Number(line.slice(0, line.indexOf(' '))), line.slice(line.indexOf(' ') + 1)]);
}

const bits = new DataView(new ArrayBuffer(8));

function hex(value: number): string {
  bits.setFloat64(0, value);
  return bits.getBigUint64(0).toString(16).padStart(16, '0');
}

function double(text: string): number {
  bits.setBigUint64(0, BigInt(`0x${text}`));
  return bits.getFloat64(0);
}

/** "%.14g" of C. */
function general(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [digits, power] = value.toExponential(13).split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 14) {
    const sign = exponent < 0 ? '-' : '+';
    const short = digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
    return `${short}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const fixed = value.toFixed(Math.max(0, 13 - exponent));
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
}

/** Seeded, so that a run repeats. */
function* numbers(seed: bigint, count: number): Generator<bigint> {
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    yield state ^ (state >> 29n);
  }
}

test('integers', { skip }, () => {
  const values = [0n, 1n, -1n, 10n, -10n, 9n, 99n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n];
  for (const number of numbers(1n, 2000)) values.push(BigInt.asIntN(64, number) >> (number % 60n));
  const expected = values.map((value): [number, string] => [String(value).length, String(value)]);
  assert.deepEqual(run(values.map((value) => `i ${value}`)), expected);
});

test('numbers as text: all of usual size as "%.14g"', { skip }, () => {
  const values = [
    0,
    -0,
    1.5,
    0.1,
    0.25,
    -0.001,
    1 / 3,
    2 / 3,
    100,
    1e13,
    1e14,
    123456789012345,
    99999999999999.9,
    1e21,
    5e-5,
    1e-4,
  ];
  values.push(0.00001234, 9.9999999999999e-5, 999999999999995, NaN, Infinity, -Infinity, 1e22, 4.2e-7, 2 ** 53);
  for (let power = -20; power <= 20; power++) values.push(10 ** power, 3 * 10 ** power);
  for (const number of numbers(2n, 4000)) values.push(Number(BigInt.asIntN(40, number)) / 10 ** Number(number % 9n));
  const expected = values.map((value): [number, string] => [general(value).length, general(value)]);
  assert.deepEqual(run(values.map((value) => `n ${hex(value)}`)), expected);
});

test('numbers of any size as text: the last digit is one off at most', { skip }, () => {
  const values = [...numbers(3n, 4000)]
    .map((number) => double(number.toString(16).padStart(16, '0')))
    .filter(Number.isFinite);
  values.push(Number.MAX_VALUE, Number.MIN_VALUE, 2 ** -1022);
  const said = run(values.map((value) => `n ${hex(value)}`));
  said.forEach(([length, text], i) => {
    assert.equal(text.length, length);
    assert.match(text, /^-?\d(\.\d{1,13})?e[+-]\d{2,3}$|^-?\d+(\.\d+)?$/);
    // The smallest have fewer digits than 14.
    const error = Math.abs(Number(text) / values[i] - 1);
    assert.ok(error < 1.5e-13 || Math.abs(values[i]) < 1e-300, `${values[i]}: ${text}`);
  });
});

test('text as numbers, and where it ends', { skip }, () => {
  const good = [
    '0',
    '1',
    '-1',
    '+7',
    ' 42',
    '1.5',
    '.5',
    '5.',
    '-.25e1',
    '1e3',
    '1E-3',
    '1e+22',
    '123456789012345',
    '0.1',
    '0.30000000000000004',
  ];
  for (const number of numbers(4n, 1000)) {
    good.push(`${BigInt.asIntN(48, number)}e${Number(number % 45n) - 22}`);
    good.push(`${number % 1000000n}.${number % 997n}`);
  }
  const expected = good.map((text): [number, string] => [text.length, hex(Number(text))]);
  assert.deepEqual(run(good.map((text) => `t ${text}`)), expected);
  const partly: [string, number, number][] = [
    ['1x', 1, 1],
    ['12e', 2, 12],
    ['12e+', 2, 12],
    ['1.2.3', 3, 1.2],
    ['-', 0, 0],
    ['.', 0, 0],
    ['', 0, 0],
    ['e5', 0, 0],
    ['0x10', 1, 0],
    ['1e999', 5, Infinity],
    ['-1e-999', 7, -0],
    ['0e999999', 8, 0],
  ];
  const said = run(partly.map(([text]) => `t ${text}`));
  assert.deepEqual(
    said,
    partly.map(([, length, value]) => [length, hex(value)]),
  );
  // More digits than a double has.
  const [[length, text]] = run([`t ${'1234567890'.repeat(4)}.5`]);
  assert.equal(length, 42);
  assert.ok(Math.abs(double(text) / 1.23456789012345e39 - 1) < 1e-14);
});
