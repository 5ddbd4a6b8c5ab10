// The hooks of a board on its engine: native cryptography against known answers, and calls that the hooks refuse. Cases, in
// hexadecimal digits except id and kind: [id, 'ccm', key, nonce, aad, clear, cipher + ICV], [id, 'hmac', key, message,
// MAC], [id, 'x25519', scalar, u, result], [id, 'refuse', call, words that the error must have],
// [id, 'spans', octets, others, mask, to, from, length + LESS, results of spans() below].

import { u16 } from '../../core/base/bytes.ts';
import { problemText } from '../../targets/board/console.ts';
import { engineBoard } from '../../targets/board/hooks.ts';
import type { Report } from '../engines/report.ts';
import {
  begin,
  createReport,
  end,
  expect,
  expectNumber,
  expectTrue,
  finish,
  hex,
  hexTo,
  octets,
} from '../engines/report.ts';

interface Spans {
  copy(to: Uint8Array, toOffset: number, from: Uint8Array, fromOffset: number, length: number): void;
  fill(buffer: Uint8Array, offset: number, length: number, value: number): void;
  equal(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number, length: number): boolean;
  difference(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number, mask: Uint8Array, length: number): number;
  sum(buffer: Uint8Array, offset: number, length: number, sum: number): number;
  fcs(buffer: Uint8Array, offset: number, length: number): number;
}

/** What is added to a length, which may be below 0. */
const LESS = 256;

const board = engineBoard();

function ccm(report: Report, strings: string[]): void {
  const key = octets(strings[2]);
  const nonce = octets(strings[3] + 'aa');
  const nonceLength = nonce.length - 1;
  const aad = octets(strings[4] + 'bb');
  const aadLength = aad.length - 1;
  const length = Math.floor(strings[5].length / 2);
  const total = Math.floor(strings[6].length / 2);
  const icv = total - length;
  const buffer = new Uint8Array(total + 6);
  hexTo(buffer, 3, strings[5]);
  expectTrue(report, 'seal', board.ccm(1, key, nonce, nonceLength, aad, aadLength, buffer, 3, length, icv));
  expect(report, 'sealed', strings[6], hex(buffer, 3, total));
  expect(report, 'around', '000000000000', hex(buffer, 0, 3) + hex(buffer, 3 + total, 3));
  expectTrue(report, 'open', board.ccm(0, key, nonce, nonceLength, aad, aadLength, buffer, 3, length, icv));
  expect(report, 'clear', strings[5], hex(buffer, 3, length));
  // One bit of the ICV, then one of the text, then another nonce: refused, and the buffer as before.
  for (let i = 0; i < 3; i++) {
    hexTo(buffer, 3, strings[6]);
    if (i === 0) buffer[2 + total] = buffer[2 + total] ^ 1;
    if (i === 1) buffer[3] = buffer[3] ^ 128;
    if (i === 2) nonce[0] = nonce[0] ^ 4;
    const before = hex(buffer, 0, buffer.length);
    expectTrue(report, 'refuse', !board.ccm(0, key, nonce, nonceLength, aad, aadLength, buffer, 3, length, icv));
    expect(report, 'unchanged', before, hex(buffer, 0, buffer.length));
  }
}

function hmac(report: Report, strings: string[]): void {
  const key = octets(strings[2]);
  const message = octets('ee' + strings[3] + 'ee');
  const out = new Uint8Array(34);
  board.hmac(key, message, 1, message.length - 2, out, 1);
  expect(report, 'mac', '00' + strings[4] + '00', hex(out, 0, 34));
  // Over itself.
  const both = octets(strings[3] + strings[4]);
  if (strings[3].length < 64) return;
  board.hmac(key, both, 0, both.length - 32, both, 0);
  expect(report, 'in place', strings[4], hex(both, 0, 32));
}

function x25519(report: Report, strings: string[]): void {
  const buffer = new Uint8Array(70);
  hexTo(buffer, 1, strings[2]);
  hexTo(buffer, 35, strings[3]);
  board.x25519(buffer, 35, buffer, 1, buffer, 35);
  expect(report, 'result', '00' + strings[2] + '0000' + strings[4] + '000000', hex(buffer, 0, 70));
}

/** What the portable functions of core/base/spans.ts made of the same on Node. */
function spans(report: Report, strings: string[]): void {
  const line = board as unknown as Spans;
  const buffer = octets(strings[2]);
  const other = octets(strings[3]);
  const mask = octets(strings[4]);
  const numbers = octets(strings[5]);
  const own = u16(numbers, 0);
  const from = u16(numbers, 2);
  const length = u16(numbers, 4) - LESS;
  expect(report, 'sum', strings[6], '' + line.sum(buffer, from, length, 12345));
  expect(report, 'fcs', strings[7], '' + line.fcs(buffer, from, length));
  expect(report, 'difference', strings[8], '' + line.difference(buffer, own, other, from, mask, length));
  expect(report, 'equal', strings[9], '' + line.equal(buffer, own, other, from, length));
  expectTrue(report, 'equal to itself', line.equal(buffer, from, buffer, from, length));
  line.copy(buffer, own, other, from, length);
  expect(report, 'copied', strings[10], hex(buffer, 0, buffer.length));
  line.copy(buffer, own, buffer, from, length);
  expect(report, 'copied inside', strings[11], hex(buffer, 0, buffer.length));
  line.fill(buffer, from, length, 0xa5);
  expect(report, 'filled', strings[12], hex(buffer, 0, buffer.length));
}

/** A call with wrong arguments. */
function call(name: string): void {
  const b = new Uint8Array(40);
  const frame = new Uint8Array(128);
  const none = null as unknown as Uint8Array;
  const text = 'text' as unknown as number;
  const line = board as unknown as Spans;
  if (name === 'random-range') board.random(b, 39, 2);
  else if (name === 'random-offset') board.random(b, -1, 2);
  else if (name === 'random-fraction') board.random(b, 0, 1.5);
  else if (name === 'random-none') board.random(none, 0, 1);
  else if (name === 'transmit-range') board.transmit(b, 36, 5);
  else if (name === 'transmit-short') board.transmit(b, 0, 4);
  else if (name === 'transmit-long') board.transmit(frame, 0, 128);
  else if (name === 'transmit-huge') board.transmit(frame, 4294967296, 5);
  else if (name === 'tune-channel') board.tune(10, 0, 0, b);
  else if (name === 'tune-high') board.tune(27, 0, 0, b);
  else if (name === 'tune-pan') board.tune(26, 65536, 0, b);
  else if (name === 'tune-short') board.tune(26, 0, -1, b);
  else if (name === 'tune-extended') board.tune(26, 0, 0, new Uint8Array(7));
  else if (name === 'receive-small') board.receive(b);
  else if (name === 'receive-none') board.receive(none);
  else if (name === 'wait-text') board.wait(text);
  else if (name === 'command-none') board.command(none);
  else if (name === 'provision-none') board.provision(none);
  else if (name === 'save-range') board.save(b, 30, 11);
  else if (name === 'save-offset') board.save(b, -1, 2);
  else if (name === 'save-long') board.save(new Uint8Array(513), 0, 513);
  else if (name === 'save-none') board.save(none, 0, 1);
  else if (name === 'load-none') board.load(none);
  else if (name === 'exit-code') board.exit(256);
  else if (name === 'ccm-key') board.ccm(1, b, b, 11, b, 8, b, 0, 8, 8);
  else if (name === 'ccm-nonce') board.ccm(1, new Uint8Array(16), b, 6, b, 8, b, 0, 8, 8);
  else if (name === 'ccm-nonce-range') board.ccm(1, new Uint8Array(16), new Uint8Array(10), 11, b, 8, b, 0, 8, 8);
  else if (name === 'ccm-aad') board.ccm(1, new Uint8Array(16), b, 11, b, 41, b, 0, 8, 8);
  else if (name === 'ccm-icv') board.ccm(1, new Uint8Array(16), b, 11, b, 8, b, 0, 8, 7);
  else if (name === 'ccm-room') board.ccm(1, new Uint8Array(16), b, 11, b, 8, b, 0, 33, 8);
  else if (name === 'ccm-mode') board.ccm(2, new Uint8Array(16), b, 11, b, 8, b, 0, 8, 8);
  else if (name === 'hmac-range') board.hmac(b, b, 1, 40, b, 0);
  else if (name === 'hmac-out') board.hmac(b, b, 0, 40, b, 9);
  else if (name === 'hmac-key') board.hmac(none, b, 0, 40, b, 0);
  else if (name === 'x25519-out') board.x25519(b, 9, b, 0, b, 0);
  else if (name === 'x25519-scalar') board.x25519(b, 0, b, 9, b, 0);
  else if (name === 'x25519-point') board.x25519(b, 0, b, 0, new Uint8Array(31), 0);
  else if (name === 'copy-to') line.copy(b, 33, frame, 0, 8);
  else if (name === 'copy-from') line.copy(frame, 0, b, 33, 8);
  else if (name === 'copy-to-offset') line.copy(b, -1, frame, 0, 8);
  else if (name === 'copy-from-offset') line.copy(b, 0, frame, 1.5, 8);
  else if (name === 'copy-length') line.copy(b, 0, frame, 0, text);
  else if (name === 'copy-none') line.copy(b, 0, none, 0, 1);
  else if (name === 'fill-range') line.fill(b, 0, 41, 0);
  else if (name === 'fill-value') line.fill(b, 0, 40, 256);
  else if (name === 'fill-offset') line.fill(b, 4294967296, 1, 0);
  else if (name === 'equal-a') line.equal(b, 40, b, 0, 1);
  else if (name === 'equal-b') line.equal(b, 0, b, 40, 1);
  else if (name === 'difference-a') line.difference(b, 1, frame, 0, frame, 40);
  else if (name === 'difference-b') line.difference(frame, 0, b, 1, frame, 40);
  else if (name === 'difference-mask') line.difference(frame, 0, frame, 0, b, 41);
  else if (name === 'sum-range') line.sum(b, 40, 1, 0);
  else if (name === 'sum-sum') line.sum(b, 0, 1, -1);
  else if (name === 'fcs-range') line.fcs(b, 0, 2147483647);
  else if (name === 'fcs-none') line.fcs(none, 0, 1);
}

/** Records of many lengths, each in the place of the last. A board without a place keeps none. */
function record(report: Report): void {
  const out = new Uint8Array(520);
  if (!board.save(octets('0102030405'), 1, 3)) {
    expectNumber(report, 'nothing', 0, board.load(out));
    return;
  }
  expectNumber(report, 'octets', 3, board.load(out));
  expect(report, 'record', '02030400', hex(out, 0, 4));
  expectNumber(report, 'cut', 2, board.load(new Uint8Array(2)));
  const long = new Uint8Array(514);
  for (let i = 0; i < 514; i++) long[i] = (7 * i) & 0xff;
  // More than the flash of a board in QEMU has room for.
  for (let i = 0; i < 40; i++) {
    const length = i === 39 ? 512 : (37 * i) % 513;
    expectTrue(report, 'save', board.save(long, 1 + (i & 1), length));
    expectNumber(report, 'octets', length, board.load(out));
    expect(report, 'record', hex(long, 1 + (i & 1), length), hex(out, 0, length));
  }
  expectTrue(report, 'erase', board.save(long, 0, 0));
  expectNumber(report, 'none', 0, board.load(out));
}

function refuse(report: Report, strings: string[]): void {
  let said = 'nothing';
  try {
    call(strings[2]);
  } catch (problem) {
    said = problemText(problem);
  }
  if (said.indexOf(strings[3]) < 0) expect(report, 'error', strings[3], said);
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    if (cases[i][1] === 'ccm') ccm(report, cases[i]);
    else if (cases[i][1] === 'hmac') hmac(report, cases[i]);
    else if (cases[i][1] === 'x25519') x25519(report, cases[i]);
    else if (cases[i][1] === 'spans') spans(report, cases[i]);
    else if (cases[i][1] === 'record') record(report);
    else if (cases[i][1] === 'refuse') refuse(report, cases[i]);
    else expect(report, 'kind', 'known', cases[i][1]);
    end(report);
  }
  finish(report);
}
