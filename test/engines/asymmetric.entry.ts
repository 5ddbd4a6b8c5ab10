// X25519, SHA-1 and HMAC with IKE's longer keys on an engine. Cases, all strings but id and kind in hexadecimal digits:
// [id, 'x25519', scalar, u, result], [id, 'exchange', scalar, peer's public value, own public value, secret] through the
// portable key exchange, [id, 'refuse', scalar, public value], [id, 'sha1', message, digest], [id, 'hmac', key, message,
// MAC].

import { KE_P256, KE_X25519 } from '../../core/crypto/asymmetric.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import type { PortableHalf } from '../../core/crypto/portable-asymmetric.ts';
import { createPortableKe } from '../../core/crypto/portable-asymmetric.ts';
import { ALG_HMAC_SHA256 } from '../../core/crypto/provider.ts';
import { sha1 } from '../../core/crypto/sha1.ts';
import { x25519 } from '../../core/crypto/x25519.ts';
import type { Report } from './report.ts';
import { begin, createReport, end, expect, expectTrue, finish, hex, hexTo, octets } from './report.ts';

const provider = createPortable([hmacSha256], null);

// The scalar of the case that runs, as the random source.
let scalar: Uint8Array = new Uint8Array(32);
function source(buffer: Uint8Array, offset: number, length: number): void {
  for (let i = 0; i < length; i++) buffer[offset + i] = scalar[i];
}
const asymmetric = createPortableKe(source);

function ladder(report: Report, strings: string[]): void {
  // Offsets that are not 0, and the result in the place of the u-coordinate.
  const buffer = new Uint8Array(70);
  hexTo(buffer, 1, strings[2]);
  hexTo(buffer, 35, strings[3]);
  x25519(buffer, 35, buffer, 1, buffer, 35);
  expect(report, 'result', '00' + strings[2] + '0000' + strings[4] + '000000', hex(buffer, 0, 70));
}

function exchange(report: Report, strings: string[]): void {
  scalar = octets(strings[2]);
  expectTrue(report, 'hasKe', asymmetric.hasKe(KE_X25519) && !asymmetric.hasKe(KE_P256) && !asymmetric.hasEd25519());
  const peer = octets('ff' + strings[3]);
  const out = new Uint8Array(34);
  const half = asymmetric.keStart(KE_X25519, out, 1);
  expect(report, 'public', '00' + strings[4] + '00', hex(out, 0, 34));
  expectTrue(report, 'finish', asymmetric.keFinish(half, peer, 1, 32, out, 1));
  expect(report, 'secret', '00' + strings[5] + '00', hex(out, 0, 34));
  expectTrue(report, 'once', !asymmetric.keFinish(half, peer, 1, 32, out, 1));
}

function refuse(report: Report, strings: string[]): void {
  const half: PortableHalf = { method: KE_X25519, scalar: octets(strings[2]) };
  const peer = octets(strings[3]);
  const out = new Uint8Array(32);
  expectTrue(report, 'refused', !asymmetric.keFinish(half, peer, 0, peer.length, out, 0));
  // The half stays for a better answer, until it is wiped.
  expect(report, 'kept', strings[2], hex(half.scalar, 0, 32));
  asymmetric.keWipe(half);
  for (let i = 0; i < 32; i++) expectTrue(report, 'untouched', out[i] === 0 && half.scalar[i] === 0);
}

function digest(report: Report, strings: string[]): void {
  const message = octets('ee' + strings[2]);
  const out = new Uint8Array(22);
  sha1(message, 1, message.length - 1, out, 1);
  expect(report, 'digest', '00' + strings[3] + '00', hex(out, 0, 22));
}

function hmac(report: Report, strings: string[]): void {
  const key = provider.key(ALG_HMAC_SHA256, octets(strings[2]));
  const message = octets(strings[3]);
  const out = new Uint8Array(32);
  provider.mac(key, message, 0, message.length, out, 0);
  expect(report, 'mac', strings[4], hex(out, 0, 32));
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    if (cases[i][1] === 'x25519') ladder(report, cases[i]);
    else if (cases[i][1] === 'exchange') exchange(report, cases[i]);
    else if (cases[i][1] === 'refuse') refuse(report, cases[i]);
    else if (cases[i][1] === 'sha1') digest(report, cases[i]);
    else if (cases[i][1] === 'hmac') hmac(report, cases[i]);
    else expect(report, 'kind', 'known', cases[i][1]);
    end(report);
  }
  finish(report);
}
