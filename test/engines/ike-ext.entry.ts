// Notifies of the IKE extensions on an engine. A case: [id, what, policy, octets in hexadecimal digits, expected]. `what`
// is hcp or ehc with offer, answer (the octets are an offer) or check (the octets are an answer); or dscp, ts, auth, crash. A
// policy is `proposal|proposal` or `-`, a proposal seven lists `1,1,3,3;-;...`; a DSCP list follows #. For `crash` it is the
// payloads that IKE_AUTH brought, and the octets are a message that nothing protects.

import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { createPortableKe } from '../../core/crypto/portable-asymmetric.ts';
import { sensorPolicy } from '../../core/device/policy.ts';
import { spiOffers, valuesOf } from '../../core/ike/child/compression.ts';
import { ehc } from '../../core/ike/child/ehc.ts';
import { hcp } from '../../core/ike/child/hcp.ts';
import { agreedDscp, readDscp, writeDscp } from '../../core/ike/codec/dscp.ts';
import { beginChain, createWriter, parsePayloads, type Writer } from '../../core/ike/codec/message.ts';
import { privateNumbers } from '../../core/ike/codec/private-numbers.ts';
import { addSelectors } from '../../core/ike/codec/selectors.ts';
import { appendTsDscp, narrowTsDscp, readTsDscp } from '../../core/ike/codec/ts-dscp.ts';
import { createIke, receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { createIkeSa, rename } from '../../core/ike/exchange/registry.ts';
import {
  type Announced,
  announceEd25519,
  announceSharedKey,
  isEd25519,
  readAnnounced,
} from '../../core/ike/ext/announce.ts';
import { crashTaker, crashTokens } from '../../core/ike/ext/crash-taker.ts';
import { CHILD_LIVE, type ChildSa } from '../../core/ike/state/child.ts';
import type { CompressionNotify, CompressionPolicy } from '../../core/ike/state/compression.ts';
import type { Ike } from '../../core/ike/state/ike.ts';
import { STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { STEP_AUTH_RESPONSE } from '../../core/ike/state/step.ts';
import type { Report } from './report.ts';
import { begin, createReport, decimal, end, expect, finish, hex, octets } from './report.ts';

const NONE = 'none';

function numbers(text: string): number[] {
  const list: number[] = [];
  if (text === '-') return list;
  const parts = text.split(',');
  for (let i = 0; i < parts.length; i++) {
    let value = 0;
    for (let k = 0; k < parts[i].length; k++) value = value * 10 + parts[i].charCodeAt(k) - 48;
    list.push(value);
  }
  return list;
}

function textOf(list: number[]): string {
  let text = '';
  for (let i = 0; i < list.length; i++) text = text + (i > 0 ? ',' : '') + decimal(list[i]);
  return text === '' ? '-' : text;
}

function policyOf(text: string): CompressionPolicy {
  const parts = text.split('#');
  const policy: CompressionPolicy = { proposals: [], required: false, dscpList: numbers(parts[1]) };
  if (parts[0] === '-') return policy;
  const proposals = parts[0].split('|');
  for (let i = 0; i < proposals.length; i++) {
    const lists = proposals[i].split(';');
    const allowed: number[][] = [];
    for (let k = 0; k < lists.length; k++) allowed.push(numbers(lists[k]));
    policy.proposals.push({ allowed: allowed });
  }
  return policy;
}

function writer(): Writer {
  const w = createWriter(new Uint8Array(200));
  beginChain(w, 3);
  return w;
}

function written(w: Writer): string {
  return w.full ? 'full' : hex(w.buffer, w.start, w.at - w.start);
}

/** The octets with one on each side, which no parser may take. */
function framed(text: string): Uint8Array {
  return octets('80' + text + '80');
}

function compression(kind: CompressionNotify, what: string, policy: CompressionPolicy, text: string): string {
  const w = writer();
  const size = Math.floor(text.length / 2);
  if (what === 'offer') {
    kind.addOffer(w, policy);
    return written(w) + ' ' + textOf(spiOffers(policy));
  }
  if (what === 'answer') {
    const choice = kind.choose(policy, framed(text), 1, size);
    if (choice === null) return NONE;
    kind.addAnswer(w, choice);
    return written(w);
  }
  const taken = kind.check(policy, framed(text), 1, size);
  return taken === null ? NONE : decimal(taken.proposal) + ' ' + textOf(valuesOf(taken));
}

function dscp(list: number[], text: string): string {
  const w = writer();
  const peer = readDscp(framed(text), 1, Math.floor(text.length / 2));
  writeDscp(w, peer);
  return written(w) + ' ' + textOf(agreedDscp(list, peer));
}

/** The octets of a TSi payload: its selector is read, narrowed and written beside an address. */
function selector(allowed: number[], text: string): string {
  const offered: number[] = [];
  const result = readTsDscp(framed(text), 1, Math.floor(text.length / 2), 241, offered);
  if (result !== 0) return decimal(result);
  const w = writer();
  const at = w.at;
  const end = new Uint8Array(4);
  for (let i = 0; i < 4; i++) end[i] = 255;
  addSelectors(w, 44, [{ protocol: 0, startPort: 0, endPort: 65535, start: new Uint8Array(4), end: end }]);
  appendTsDscp(w, at, 241, narrowTsDscp(offered, allowed));
  return textOf(offered) + ' ' + written(w);
}

function methods(text: string): string {
  const buffer = framed(text);
  const list: Announced[] = [];
  const result = readAnnounced(buffer, 1, Math.floor(text.length / 2), list);
  const w = writer();
  for (let i = 0; i < list.length; i++) {
    if (isEd25519(buffer, list[i])) announceEd25519(w, list[i].certLink);
    else if (list[i].method === 2) announceSharedKey(w);
  }
  return decimal(result) + ' ' + decimal(list.length) + ' ' + written(w);
}

function chance(buffer: Uint8Array, offset: number, length: number): void {
  for (let i = 0; i < length; i++) buffer[offset + i] = 1;
}

function createTaker(outcomes: number[]): Ike {
  return createIke({
    provider: createPortable([aesCcm, hmacSha256], chance),
    asymmetric: createPortableKe(chance),
    upper: {
      proved: () => {},
      transmit: () => {},
      allocateSpi: () => 256,
      install: () => true,
      retire: () => {},
      remove: () => {},
      established: () => {},
      replaced: () => {},
      ended: (_sa, outcome) => {
        outcomes.push(-outcome);
      },
      childFailed: () => {},
      refused: () => {},
      keys: () => {},
      address: () => null,
    },
    extensions: [crashTokens],
    numbers: privateNumbers(),
    responder: null,
    intermediate: null,
    resumption: null,
    unprotected: crashTaker,
    reassembly: null,
    maxMessage: 1280,
    keylog: false,
    linger: 5000,
  });
}

/** What an established IKE SA makes of an unprotected message, 5 s after the peer was heard: outcome, hurry, requests. */
function crash(auth: string, text: string): string {
  const outcomes: number[] = [];
  const none = new Uint8Array(0);
  const here = new Uint8Array(16);
  const ike = createTaker(outcomes);
  const path = {
    local: here,
    localPort: 500,
    remote: here,
    remotePort: 500,
    encapsulated: false,
    port: 0,
    link: none,
  };
  const sa = createIkeSa(ike, sensorPolicy(none, none, here, here), path, true, STATE_ESTABLISHED);
  rename(ike, sa, octets('01010101010101010202020202020202'));
  const child = { spiOut: 0xfedcba98, compression: null, retired: CHILD_LIVE } as ChildSa;
  const m = ike.message;
  m.buffer = octets(auth);
  parsePayloads(m.payloads, m.buffer, 41, 0, m.buffer.length);
  crashTokens.read(ike, sa, STEP_AUTH_RESPONSE, null, m);
  sa.children = [child];
  sa.heardAt = 0;
  sa.nextId = 6;
  sa.request = here;
  sa.requestExchange = 37;
  sa.deadline = 90000;
  const message = octets(text);
  receiveIke(ike, path, message, 0, message.length, 5000);
  return textOf(outcomes) + ' ' + decimal(sa.hurried ? 1 : 0) + ' ' + decimal(sa.tasks.length);
}

function one(report: Report, strings: readonly string[]): void {
  const what = strings[1].split(' ');
  const text = strings[3];
  let actual = '';
  if (what[0] === 'dscp') actual = dscp(numbers(strings[2]), text);
  else if (what[0] === 'ts') actual = selector(numbers(strings[2]), text);
  else if (what[0] === 'auth') actual = methods(text);
  else if (what[0] === 'crash') actual = crash(strings[2], text);
  else actual = compression(what[0] === 'hcp' ? hcp : ehc, what[1], policyOf(strings[2]), text);
  expect(report, strings[1], strings[4], actual);
}

export function run(cases: readonly string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    one(report, cases[i]);
    end(report);
  }
  finish(report);
}
