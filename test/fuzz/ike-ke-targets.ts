// Fuzz targets for additional key exchanges: a peer's proposals with ADDKE transforms, and the payloads of a round. Nothing may throw;
// what is chosen is on offer, is ours, and no method is there twice.

import { beginChain, createPayloads, parsePayloads } from '../../core/ike/codec/message.ts';
import { NONE } from '../../core/ike/codec/octets.ts';
import type { Message } from '../../core/ike/codec/payloads.ts';
import { checkSaAnswer, chooseSa, createChoice, type Transforms } from '../../core/ike/codec/proposals.ts';
import { createKeyExchange } from '../../core/ike/crypto/key-exchange.ts';
import { additionalKes, createAdditionalKe, keyExchangeFollowUps } from '../../core/ike/ext/multiple-ke.ts';
import type { Draft } from '../../core/ike/state/child.ts';
import type { Ike } from '../../core/ike/state/ike.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import { createNodeAsymmetric } from '../../targets/node/host/provider/asymmetric.ts';
import type { IkeExtTarget } from './ike-ext-targets.ts';
import { playKe, writer } from './ike-state-world.ts';

function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/ /g, ''), 'hex'));

function proposal(...more: number[][]): Transforms {
  const list = more.flatMap((ids, index) => ids.map((id) => ({ type: 6 + index, id, attributes: NONE })));
  const extra = createAdditionalKe(list);
  return { protocol: 1, ciphers: [20], keyBits: [128], prf: [5], integ: [], ke: [31], sn: [], extra };
}

const OWN = [proposal([36, 35], [36, 19, 0], [37, 36]), proposal([36]), proposal()];
const COMMON = '0300000c01000014800e0080 0300000802000005';
const SEEDS = [
  bytes(`0000002c 01010004 ${COMMON} 030000080400001f 0000000806000024`),
  bytes(`0000003c 01010006 ${COMMON} 030000080400001f 0300000806000024 0300000807000013 0000000808000025`),
  bytes(`0000003c 01010006 ${COMMON} 030000080400001f 0300000806000024 0300000807000024 0000000807000000`),
  bytes(`00000034 01010005 ${COMMON} 030000080400001f 0300000806000023 000000080c000000`),
];

function proposals(octets: Uint8Array): void {
  for (const isAnswer of [false, true]) {
    const choice = createChoice();
    const code = isAnswer
      ? checkSaAnswer(octets, 0, octets.length, OWN, 0, choice)
      : chooseSa(octets, 0, octets.length, OWN, 0, 31, choice);
    if (code !== 0) continue;
    const methods = additionalKes(choice.extra);
    ensure(new Set(methods).size === methods.length, 'a method twice');
    const own = OWN[choice.own].extra!.list;
    for (const { type, id } of choice.extra) {
      ensure(id === 0 || own.some((one) => one.type === type && one.id === id), 'a method that is not ours');
      ensure(((choice.types >>> type) & 1) === 1, 'a type that is not on offer');
    }
    for (const { type } of own) {
      const isThere = choice.extra.some((one) => one.type === type);
      ensure(isThere || own.some((one) => one.type === type && one.id === 0), 'a type is left out');
    }
  }
}

const kems = createNodeAsymmetric();
const plays = playKe((octets, at, size) => octets.fill(7, at, at + size));
const message: Message = { buffer: NONE, payloads: createPayloads(), at: 0, size: 0, first: 0 };

/** A round of the peer: the first octet chooses the method (ML-KEM, the slow one, seldom) and the first payload's type. */
function round(octets: Uint8Array): void {
  if (octets.length < 2) return;
  const method = octets[0] % 16 === 2 ? 35 : [31, 19][octets[0] % 2];
  message.buffer = octets;
  const first = octets[0] < 200 ? 34 : octets[1];
  if (parsePayloads(message.payloads, octets, first, 1, octets.length) !== 0) return;
  const ike = { asymmetric: method === 35 ? kems : plays, message } as unknown as Ike;
  beginChain(writer, 0);
  const kx = createKeyExchange();
  const draft = { kx, choice: { ...createChoice(), extra: [{ type: 6, id: method, attributes: NONE }] } };
  const verdict = keyExchangeFollowUps.answer(ike, {} as IkeSa, draft as unknown as Draft, writer);
  const isFine = verdict === 0;
  ensure(isFine === (kx.more.length === 32), 'a secret without an answer, or the reverse');
  ensure(isFine || verdict === 7, `an unusual error ${verdict}`);
}

const key = (method: number, size: number): Uint8Array =>
  Uint8Array.of(
    [31, 19, 35].indexOf(method),
    0,
    0,
    (8 + size) >> 8,
    (8 + size) & 255,
    0,
    method,
    0,
    0,
    ...new Uint8Array(size),
  );

export const targets: IkeExtTarget[] = [
  { name: 'ike additional key exchanges, proposals', run: proposals, seeds: SEEDS },
  { name: 'ike additional key exchanges, a round', run: round, seeds: [key(31, 32), key(19, 64), key(35, 800)] },
];
