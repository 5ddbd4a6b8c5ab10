// The portable cryptography on an engine. Cases: [id, 'aes', key, clear, cipher],
// [id, 'ccm', key, nonce, aad, clear, cipher + ICV]: sealed, opened, and refused with one bit of the ICV turned.

import { aesEncrypt, aesExpand } from '../../core/crypto/aes.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { ALG_AES_CCM } from '../../core/crypto/provider.ts';
import type { Report } from './report.ts';
import { begin, createReport, end, expect, expectTrue, finish, hex, hexTo, octets } from './report.ts';

const provider = createPortable([aesCcm], null);

function aes(report: Report, strings: string[]): void {
  const out = new Uint8Array(16);
  aesEncrypt(aesExpand(octets(strings[2])), octets(strings[3]), out);
  expect(report, 'cipher', strings[4], hex(out, 0, 16));
}

function ccm(report: Report, strings: string[]): void {
  const key = provider.key(ALG_AES_CCM, octets(strings[2]));
  const nonce = octets(strings[3]);
  const aad = octets(strings[4]);
  const length = Math.floor(strings[5].length / 2);
  const total = Math.floor(strings[6].length / 2);
  const icvLength = total - length;
  const buffer = new Uint8Array(total + 6);
  hexTo(buffer, 3, strings[5]);
  provider.seal(key, nonce, nonce.length, aad, aad.length, buffer, 3, length, icvLength);
  expect(report, 'sealed', strings[6], hex(buffer, 3, total));
  expect(report, 'around', '000000000000', hex(buffer, 0, 3) + hex(buffer, 3 + total, 3));
  expectTrue(report, 'open', provider.open(key, nonce, nonce.length, aad, aad.length, buffer, 3, length, icvLength));
  expect(report, 'clear', strings[5], hex(buffer, 3, length));
  hexTo(buffer, 3, strings[6]);
  buffer[2 + total] = buffer[2 + total] ^ 1;
  const before = hex(buffer, 3, total);
  expectTrue(report, 'refuse', !provider.open(key, nonce, nonce.length, aad, aad.length, buffer, 3, length, icvLength));
  expect(report, 'unchanged', before, hex(buffer, 3, total));
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    if (cases[i][1] === 'aes') aes(report, cases[i]);
    else if (cases[i][1] === 'ccm') ccm(report, cases[i]);
    else expect(report, 'kind', 'known', cases[i][1]);
    end(report);
  }
  finish(report);
}
