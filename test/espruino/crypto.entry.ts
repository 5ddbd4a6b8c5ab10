// Espruino's own cryptography, on Espruino. Cases as in test/engines/crypto.entry.ts ('ccm', 'hmac', 'cbc'), and
// [id, 'native', number]: the bits of `native`; [id, 'random', octets]: so many, and not the same twice;
// [id, 'limits']: calls that the hooks must refuse.

import { ALG_AES_CBC, ALG_AES_CCM, ALG_HMAC_SHA256 } from '../../core/crypto/provider.ts';
import { createCryptoHooks } from '../../targets/espruino/crypto.ts';
import { createFullEspruinoProvider } from '../../targets/espruino/provider.ts';
import type { Report } from '../engines/report.ts';
import { begin, createReport, end, expect, expectTrue, finish, hex, hexTo, octets } from '../engines/report.ts';

const hooks = createCryptoHooks(null);
const provider = createFullEspruinoProvider(hooks);

function ccm(report: Report, strings: string[]): void {
  const key = provider.key(ALG_AES_CCM, octets(strings[2]));
  const nonce = octets(strings[3]);
  const aad = octets(strings[4]);
  const length = Math.floor(strings[5].length / 2);
  const total = Math.floor(strings[6].length / 2);
  const icvLength = total - length;
  const aead = { nonce: nonce, nonceLength: nonce.length, aad: aad, aadLength: aad.length, icvLength: icvLength };
  const buffer = new Uint8Array(total + 6);
  hexTo(buffer, 3, strings[5]);
  provider.seal(key, aead, buffer, 3, length);
  expect(report, 'sealed', strings[6], hex(buffer, 3, total));
  expect(report, 'around', '000000000000', hex(buffer, 0, 3) + hex(buffer, 3 + total, 3));
  expectTrue(report, 'open', provider.open(key, aead, buffer, 3, length));
  expect(report, 'clear', strings[5], hex(buffer, 3, length));
  hexTo(buffer, 3, strings[6]);
  buffer[2 + total] = buffer[2 + total] ^ 1;
  const before = hex(buffer, 3, total);
  expectTrue(report, 'refuse', !provider.open(key, aead, buffer, 3, length));
  expect(report, 'unchanged', before, hex(buffer, 3, total));
  provider.wipe(key);
}

function hmac(report: Report, strings: string[]): void {
  const key = provider.key(ALG_HMAC_SHA256, octets(strings[2]));
  const message = octets('00' + strings[3] + '00');
  const out = new Uint8Array(34);
  for (let i = 0; i < 2; i++) {
    provider.mac(key, message, 1, message.length - 2, out, 1);
    expect(report, 'mac', '00' + strings[4] + '00', hex(out, 0, 34));
  }
}

function cbc(report: Report, strings: string[]): void {
  const key = provider.key(ALG_AES_CBC, octets(strings[2]));
  const buffer = octets(strings[3] + strings[4]);
  const length = buffer.length - 16;
  provider.cbc(key, true, buffer, 0, 16, length);
  expect(report, 'cipher', strings[3] + strings[5], hex(buffer, 0, buffer.length));
  provider.cbc(key, false, buffer, 0, 16, length);
  expect(report, 'clear', strings[3] + strings[4], hex(buffer, 0, buffer.length));
}

function random(report: Report, length: number): void {
  const first = new Uint8Array(length + 2);
  const second = new Uint8Array(length + 2);
  provider.random(first, 1, length);
  provider.random(second, 1, length);
  expectTrue(report, 'different', hex(first, 1, length) !== hex(second, 1, length));
  expect(report, 'around', '0000', hex(first, 0, 1) + hex(first, length + 1, 1));
}

function refusal(buffer: Uint8Array, offset: number, length: number, icvLength: number): string {
  const key = new Uint8Array(16);
  const nonce = new Uint8Array(13);
  try {
    hooks.ccm(1, key, nonce, 13, key, 0, buffer, offset, length, icvLength);
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
}

function limits(report: Report): void {
  const buffer = new Uint8Array(40);
  expect(report, 'length', 'offset: 0: must be 0..-1', refusal(buffer, 0, 33, 8));
  expect(report, 'offset', 'offset: 1: must be 0..0', refusal(buffer, 1, 32, 8));
  expect(report, 'odd', 'icvLength modulo 2: 1: must be 0..0', refusal(buffer, 0, 8, 7));
  expect(report, 'fits', 'none', refusal(buffer, 0, 32, 8));
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    if (cases[i][1] === 'ccm') ccm(report, cases[i]);
    else if (cases[i][1] === 'hmac') hmac(report, cases[i]);
    else if (cases[i][1] === 'cbc') cbc(report, cases[i]);
    else if (cases[i][1] === 'native') expect(report, 'native', cases[i][2], hooks.native + '');
    else if (cases[i][1] === 'random') random(report, Math.floor(cases[i][2].length / 2));
    else if (cases[i][1] === 'limits') limits(report);
    else expect(report, 'kind', 'known', cases[i][1]);
    end(report);
  }
  finish(report);
}
