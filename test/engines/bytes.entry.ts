// core/base/bytes.ts on an engine: every function, at the edges of octets and of 32-bit numbers.

import { compare, copy, equal, fill, put16, put32, u16, u32 } from '../../core/base/bytes.ts';
import type { Report } from './report.ts';
import { begin, createReport, end, expect, expectNumber, expectTrue, finish, hex, octets } from './report.ts';

const numbers = /* @__PURE__ */ octets('0000000000000001000000ff00000100007fffff00ffffff0100000080000000fffffffe');

function reads(report: Report): void {
  begin(report, 'u16');
  expectNumber(report, 'zero', 0, u16(numbers, 0));
  expectNumber(report, 'ff', 255, u16(numbers, 10));
  expectNumber(report, '100', 256, u16(numbers, 14));
  expectNumber(report, 'ffff', 65535, u16(numbers, 32));
  end(report);
  begin(report, 'u32');
  expectNumber(report, 'zero', 0, u32(numbers, 0));
  expectNumber(report, 'one', 1, u32(numbers, 4));
  expectNumber(report, 'ff', 255, u32(numbers, 8));
  expectNumber(report, '100', 256, u32(numbers, 12));
  expectNumber(report, '7fffff', 8388607, u32(numbers, 16));
  expectNumber(report, 'ffffff', 16777215, u32(numbers, 20));
  expectNumber(report, '1000000', 16777216, u32(numbers, 24));
  expectNumber(report, '80000000', 2147483648, u32(numbers, 28)); // wide
  expectNumber(report, 'fffffffe', 4294967294, u32(numbers, 32)); // wide
  end(report);
}

function writes(report: Report): void {
  const buffer = new Uint8Array(8);
  begin(report, 'put16');
  fill(buffer, 0, 8, 170);
  put16(buffer, 1, 65535);
  put16(buffer, 3, 65536 + 258);
  put16(buffer, 5, 0);
  expect(report, 'octets', 'aaffff01020000aa', hex(buffer, 0, 8));
  end(report);
  begin(report, 'put32');
  fill(buffer, 0, 8, 170);
  put32(buffer, 1, 4294967295); // wide
  expect(report, 'all', 'aaffffffffaaaaaa', hex(buffer, 0, 8));
  put32(buffer, 1, 2147483648); // wide
  expect(report, 'top', 'aa80000000aaaaaa', hex(buffer, 0, 8));
  expectNumber(report, 'back', 2147483648, u32(buffer, 1)); // wide
  put32(buffer, 2, 66051);
  expect(report, 'low', 'aa8000010203aaaa', hex(buffer, 0, 8));
  end(report);
}

function moves(report: Report): void {
  const buffer = octets('000102030405060708');
  begin(report, 'copy');
  copy(buffer, 2, buffer, 0, 5);
  expect(report, 'up', '000100010203040708', hex(buffer, 0, 9));
  copy(buffer, 0, buffer, 2, 5);
  expect(report, 'down', '000102030403040708', hex(buffer, 0, 9));
  copy(buffer, 3, buffer, 3, 4);
  copy(buffer, 0, numbers, 32, 0);
  expect(report, 'nothing', '000102030403040708', hex(buffer, 0, 9));
  copy(buffer, 7, numbers, 34, 2);
  expect(report, 'end', '00010203040304fffe', hex(buffer, 0, 9));
  end(report);
  begin(report, 'fill');
  fill(buffer, 1, 3, 255);
  fill(buffer, 5, 0, 1);
  expect(report, 'part', '00ffffff040304fffe', hex(buffer, 0, 9));
  fill(buffer, 0, 9, 0);
  expect(report, 'wipe', '000000000000000000', hex(buffer, 0, 9));
  end(report);
}

function compares(report: Report): void {
  const a = octets('00ff7f80');
  const b = octets('1100ff7f81');
  begin(report, 'equal');
  expectTrue(report, 'same', equal(a, 0, b, 1, 3));
  expectTrue(report, 'last', !equal(a, 0, b, 1, 4));
  expectTrue(report, 'first', !equal(a, 0, b, 0, 1));
  expectTrue(report, 'nothing', equal(a, 0, b, 0, 0));
  end(report);
  begin(report, 'compare');
  expectNumber(report, 'same', 0, compare(a, 0, b, 1, 3));
  expectNumber(report, 'below', -1, compare(a, 0, b, 1, 4));
  expectNumber(report, 'above', 1, compare(b, 1, a, 0, 4));
  expectNumber(report, 'first', -1, compare(a, 0, b, 0, 4));
  expectNumber(report, 'unsigned', 1, compare(a, 3, a, 2, 1));
  expectNumber(report, 'nothing', 0, compare(a, 0, b, 0, 0));
  end(report);
}

export function run(_cases: readonly string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  reads(report);
  writes(report);
  moves(report);
  compares(report);
  finish(report);
}
