// The portable cryptography on an engine. Cases, all strings but id and kind in hexadecimal digits:
// [id, 'aes', key, clear, cipher], [id, 'sha256', message, digest], [id, 'hmac', key, message, MAC],
// [id, 'cbc', key, iv, clear, cipher], both ways, and
// [id, 'ccm', key, nonce, aad, clear, cipher + ICV]: sealed, opened, and refused with one bit of the ICV turned.

import { aesEncrypt, aesExpand } from '../../core/crypto/aes.ts';
import { aesCbc } from '../../core/crypto/cbc.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { ALG_AES_CBC, ALG_AES_CCM, ALG_HMAC_SHA256 } from '../../core/crypto/provider.ts';
import { sha256End, sha256New, sha256Start, sha256Update } from '../../core/crypto/sha256.ts';
import type { Report } from './report.ts';
import { begin, createReport, end, expect, expectTrue, finish, hex, hexTo, octets } from './report.ts';

const provider = createPortable([aesCcm, aesCbc, hmacSha256], null);

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
}

// The message in two pieces, so that the buffered block is used too.
function sha256(report: Report, strings: string[]): void {
  const message = octets(strings[2]);
  const out = new Uint8Array(34);
  const hash = sha256New();
  const first = Math.floor(message.length / 3);
  sha256Start(hash);
  sha256Update(hash, message, 0, first);
  sha256Update(hash, message, first, message.length - first);
  sha256End(hash, out, 1);
  expect(report, 'digest', '00' + strings[3] + '00', hex(out, 0, 34));
}

function hmac(report: Report, strings: string[]): void {
  const key = provider.key(ALG_HMAC_SHA256, octets(strings[2]));
  const message = octets(strings[3]);
  const out = new Uint8Array(34);
  // Twice: a key's state must survive its use.
  for (let i = 0; i < 2; i++) {
    provider.mac(key, message, 0, message.length, out, 1);
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

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    if (cases[i][1] === 'aes') aes(report, cases[i]);
    else if (cases[i][1] === 'ccm') ccm(report, cases[i]);
    else if (cases[i][1] === 'sha256') sha256(report, cases[i]);
    else if (cases[i][1] === 'hmac') hmac(report, cases[i]);
    else if (cases[i][1] === 'cbc') cbc(report, cases[i]);
    else expect(report, 'kind', 'known', cases[i][1]);
    end(report);
  }
  finish(report);
}
