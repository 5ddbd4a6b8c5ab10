// IKE messages on an engine. Cases: [id, kind, input, expected]; expected is Node's result.

import { copy } from '../../core/base/bytes.ts';
import type { KeMethod } from '../../core/crypto/asymmetric.ts';
import { aesCbc } from '../../core/crypto/cbc.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { addFragment, createFragments } from '../../core/ike/codec/fragments.ts';
import {
  beginChain,
  beginMessage,
  checkIkeHeader,
  createPayloads,
  createWriter,
  endMessage,
  findNotify,
  IKE_NEXT,
  IKE_SIZE,
  parsePayloads,
} from '../../core/ike/codec/message.ts';
import type { Prf, SnTransform } from '../../core/ike/codec/numbers.ts';
import { join, take } from '../../core/ike/codec/octets.ts';
import type { Content } from '../../core/ike/codec/payloads.ts';
import {
  addAnswer,
  addSa,
  checkSaAnswer,
  chooseSa,
  createChoice,
  type Transforms,
} from '../../core/ike/codec/proposals.ts';
import {
  addSelectors,
  narrowSelectors,
  parseSelectors,
  type Selector,
  selectorsWithin,
} from '../../core/ike/codec/selectors.ts';
import { createSkKey, innerRoom, openMessage, sealMessage } from '../../core/ike/crypto/sk.ts';
import { type IkeCipher, ikeCbcHmac, ikeCcm8 } from '../../core/ike/crypto/suites.ts';
import { begin, createReport, decimal, end, expect, finish, hex, octets } from './report.ts';

const provider = createPortable([aesCcm, aesCbc, hmacSha256], (buffer, offset, length) => {
  for (let i = 0; i < length; i++) buffer[offset + i] = i + 5;
});
const p = createPayloads();

/** A header with Length and all payloads: type, offset, size. */
function message(text: string): string {
  const buffer = octets(text);
  let line = decimal(-checkIkeHeader(buffer, 0, buffer.length));
  line +=
    ' ' + decimal(parsePayloads(p, buffer, buffer[IKE_NEXT], IKE_SIZE, buffer.length)) + ' ' + decimal(p.critical);
  for (let i = 0; i < p.count; i++)
    line += ' ' + decimal(p.type[i]) + ',' + decimal(p.at[i]) + ',' + decimal(p.size[i]);
  return line + ' ' + decimal(findNotify(p, buffer, 16389) + 1);
}

function proposal(protocol: number, prf: number[], ke: number[], sn: number[]): Transforms {
  return {
    protocol: protocol,
    ciphers: [14, 20],
    keyBits: [128, 128],
    prf: prf as Prf[],
    integ: [],
    ke: ke as KeMethod[],
    sn: sn as SnTransform[],
  };
}

const own = [proposal(1, [5], [31, 19], []), proposal(3, [], [], [0])];

/** The choice from an SA payload's body, the answer, and what its receiver says; and our own offer. */
function sa(text: string): string {
  const buffer = octets(text);
  const out = createChoice();
  const spiSize = buffer.length > 6 ? buffer[6] : 0;
  const result = chooseSa(buffer, 0, buffer.length, own, spiSize, 19, out);
  const w = createWriter(new Uint8Array(200));
  beginChain(w, 0);
  addSa(w, own, buffer, 0, 4);
  if (result !== 0) return decimal(result) + ' ' + hex(w.buffer, 0, w.at);
  beginChain(w, 0);
  out.proposal = 1;
  const protocol = own[out.own].protocol;
  addAnswer(w, protocol, out, buffer, out.spiAt, spiSize);
  const checked = checkSaAnswer(w.buffer, 4, w.at - 4, [own[out.own]], spiSize, out);
  return decimal(checked) + ' ' + decimal(out.encr) + ' ' + decimal(out.ke) + ' ' + hex(w.buffer, 0, w.at);
}

function filled(size: number, value: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = value;
  return bytes;
}

/** Selectors of a TS payload's body, narrowed to UDP port 5683 over IPv4 and to all of IPv6. */
function ts(text: string): string {
  const buffer = octets(text);
  const list: Selector[] = [];
  const result = parseSelectors(buffer, 0, buffer.length, list);
  const limits: Selector[] = [
    { protocol: 17, startPort: 5683, endPort: 5683, start: filled(4, 0), end: filled(4, 255) },
    { protocol: 0, startPort: 0, endPort: 65535, start: filled(16, 0), end: filled(16, 255) },
  ];
  const both = narrowSelectors(list, limits);
  const w = createWriter(new Uint8Array(400));
  beginChain(w, 0);
  addSelectors(w, 44, both);
  return decimal(result) + (selectorsWithin(both, list) ? ' in ' : ' out ') + hex(w.buffer, 0, w.at);
}

/** Payloads sealed in three fragments, each opened, refused with one bit turned, and put together from the last on. */
function sk(cipher: IkeCipher, text: string): string {
  const inner = octets(text);
  const k = createSkKey(provider, cipher, filled(80, 3), 0, 40);
  const f = createFragments(inner.length);
  const w = createWriter(new Uint8Array(400));
  const opened: Content = { first: 0, at: 0, size: 0, number: 0, total: 0 };
  const part = Math.floor((inner.length + 2) / 3);
  let line = decimal(innerRoom(cipher, 400, true));
  for (let number = 3; number > 0; number--) {
    const at = (number - 1) * part;
    const size = number < 3 ? part : inner.length - at;
    beginMessage(w, 1, join([take(filled(8, 1), 0, 8), take(filled(8, 2), 0, 8)]), 35, 8, 7);
    endMessage(w);
    const length = sealMessage(provider, k, w.buffer, 1, inner, {
      first: 35,
      at: at,
      size: size,
      number: number,
      total: 3,
    });
    line += ' ' + hex(w.buffer, 1, length);
    const bad = new Uint8Array(length);
    copy(bad, 0, w.buffer, 1, length);
    bad[21] = bad[21] ^ 1;
    parsePayloads(p, bad, bad[IKE_NEXT], IKE_SIZE, length);
    line += ' ' + decimal(-openMessage(provider, k, bad, 0, p, 0, opened));
    parsePayloads(p, w.buffer, w.buffer[1 + IKE_NEXT], 1 + IKE_SIZE, 1 + length);
    line += ' ' + decimal(-openMessage(provider, k, w.buffer, 1, p, 0, opened));
    line += ' ' + decimal(addFragment(f, 7, opened, w.buffer));
  }
  return line + ' ' + decimal(f.first) + ' ' + hex(f.buffer, 0, f.used);
}

/** What this engine makes of a case. */
export function outcome(strings: readonly string[]): string {
  if (strings[1] === 'message') return message(strings[2]);
  if (strings[1] === 'sa') return sa(strings[2]);
  if (strings[1] === 'ts') return ts(strings[2]);
  return sk(strings[1] === 'ccm' ? ikeCcm8 : ikeCbcHmac, strings[2]);
}

export function run(cases: readonly string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    expect(report, cases[i][1], cases[i][3], outcome(cases[i]));
    end(report);
  }
  finish(report);
}
