// EHC_SUPPORTED: a worked example octet for octet, each rule, and answers against an oracle.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromEhcContext } from '../../../core/dietesp/legacy.ts';
import { applyChoice, defaultCompression, valuesOf } from '../../../core/ike/child/compression.ts';
import { ehc } from '../../../core/ike/child/ehc.ts';
import { hcp } from '../../../core/ike/child/hcp.ts';
import { createWriter } from '../../../core/ike/codec/message.ts';
import type { CompressionChoice } from '../../../core/ike/state/compression.ts';
import { attributes } from './attributes.ts';
import { ehcAnswer, ehcOffers, naiveChoose } from './naive.ts';
import { changed, changes, ehcData, policy as policies, valueChanges } from './random.ts';
import { bytes, check, choose, damaged, dataOf, notify, numbers, policyOf, written } from './support.ts';

const TYPE = ehc.type(numbers);

// The offer of the worked example.
const offered = policyOf(
  [[], [], [1, 1], [0, 0], [8, 16], [8, 16], []],
  [[], [], [0, 1], [2, 2], [32, 32], [32, 32], []],
);
const OFFER = `00000030 0000d1e5
  0014 80000000 80010002 8002000c 8003000c 80040001
  0010 80010001 80020001 80030001 80040003`.replace(/\s+/g, '');
const ANSWER = '0000001c0000d1e5 80000000 80010002 80020004 80030004 80040001'.replace(/ /g, '');
const CHOICE: CompressionChoice = {
  proposal: 1,
  dscpCda: 1,
  ecnCda: 1,
  flowLabelCda: 1,
  alignment: 8,
  espSpiLsb: 16,
  espSnLsb: 16,
  espTrailer: 0,
};
const open = policyOf();
const told = (choice: CompressionChoice | null): string =>
  choice === null ? '' : `${choice.proposal}: ${valuesOf(choice).join(' ')}`;
const chosen = (text: string, policy = open): string => told(choose(ehc, policy, bytes(text)));
const checked = (text: string, policy = offered): string => told(check(ehc, policy, bytes(text)));

test('the example, both ways', () => {
  assert.equal(
    notify(TYPE, (w) => ehc.addOffer(w, offered)),
    OFFER,
  );
  const sixteen = policyOf([[], [], [], [], [16, 16], [16, 16], []]);
  assert.deepEqual(choose(ehc, sixteen, dataOf(TYPE, OFFER)), CHOICE);
  assert.equal(
    notify(TYPE, (w) => ehc.addAnswer(w, CHOICE)),
    ANSWER,
  );
  assert.deepEqual(check(ehc, offered, dataOf(TYPE, ANSWER)), CHOICE);
  assert.equal(told(choose(ehc, open, dataOf(TYPE, OFFER))), '1: 1 1 1 0 8 8 1');
  const second = policyOf([[], [], [0, 0], [], [], [], []]);
  assert.equal(told(choose(ehc, second, dataOf(TYPE, OFFER))), '2: 1 1 0 2 32 32 1');
});

test('empty offer and refusal', () => {
  assert.equal(
    notify(TYPE, (w) => ehc.addOffer(w, open)),
    '000000080000d1e5',
  );
  // Every value, without the bit that is ours.
  assert.equal(told(choose(ehc, open, dataOf(TYPE, '000000080000d1e5'))), '0: 1 1 1 0 8 8 1');
  assert.equal(chosen('0000'), '1: 1 1 1 0 8 8 1');
  assert.equal(
    notify(ehc.refusalType(numbers), () => {}),
    '000000080000d1e6',
  );
  assert.equal(checked(ANSWER.slice(16), open), '1: 1 1 1 0 16 16 1');
});

test('the bit for 0 octets', () => {
  const own = policyOf([[], [], [], [0, 0], [0, 8], [8, 8], []]);
  const offer = written((w) => ehc.addOffer(w, own));
  assert.equal(Buffer.from(offer).toString('hex'), '001080000000800100028002001880030008');
  const choice = choose(ehc, own, offer);
  assert.equal(told(choice), '1: 1 1 1 0 0 8 1');
  const answer = written((w) => ehc.addAnswer(w, choice!));
  assert.equal(Buffer.from(answer).toString('hex'), '8000000080010002800200108003000880040001');
  assert.deepEqual(check(ehc, own, answer), choice);
  assert.equal(told(check(ehc, policyOf([[], [], [], [], [8, 8], [8, 8], []]), answer)), '');
});

test('offers: contexts, masks, and what is dropped', () => {
  const full = '1: 1 1 1 0 8 8 1';
  assert.equal(chosen('000480000000'), full);
  assert.equal(chosen('000480000001'), '');
  // Alternatives; with another context in the list, code points unknown here may be its own.
  assert.equal(chosen('00088000000080000001'), full);
  assert.equal(chosen('000c800000008000000180050001'), full);
  assert.equal(chosen('00088000000080050001'), '');
  assert.equal(chosen('000480050001'), '');
  assert.equal(chosen('0004ffff0001'), '');
  // Unlisted bits are ignored; none that is listed is nothing.
  assert.equal(chosen('00048001fff1'), '1: 1 1 1 2 8 8 1');
  assert.equal(chosen('00048001fff0'), '');
  assert.equal(chosen('000480020020'), '');
  assert.equal(chosen('000480020010'), '1: 1 1 1 0 0 8 1');
  // A parameter twice, one with a length, half of one: that proposal only.
  for (const bad of ['00088001000180010001', '000400010002', '00068001000180', '0003800100', '000680010001' + '8002']) {
    const size = 4 + Number.parseInt(bad.slice(0, 4), 16) * 2;
    const text = bad.padEnd(size, '0');
    assert.equal(chosen(text), '', text);
    assert.equal(chosen(text + '0000'), '2: 1 1 1 0 8 8 1', text);
  }
  // Malformed as a whole.
  for (const bad of ['00', '0001', '0004800000', '00000001', '80000000']) assert.equal(chosen(bad), '', bad);
});

test('limits', () => {
  assert.equal(chosen('0000'.repeat(16)), '1: 1 1 1 0 8 8 1');
  assert.equal(chosen('0000'.repeat(17)), '');
  const contexts = (count: number) => (count * 4).toString(16).padStart(4, '0') + '80000000'.repeat(count);
  assert.equal(chosen(contexts(64)), '1: 1 1 1 0 8 8 1');
  assert.equal(chosen(contexts(65)), '');
  assert.equal(chosen(contexts(33) + contexts(32)), '');
});

test('answers: bare and wrapped, defaults, and what is refused', () => {
  const good = ANSWER.slice(16);
  assert.equal(checked(good), '1: 1 1 1 0 16 16 1');
  assert.equal(checked('0014' + good), '1: 1 1 1 0 16 16 1');
  // Defaults: Diet-ESP, 32 bit, 4 octets each, True; within the second proposal.
  assert.equal(checked(''), '2: 1 1 1 2 32 32 1');
  assert.equal(checked('80040002'), '2: 1 1 0 2 32 32 1');
  assert.equal(checked('', policyOf([[], [], [], [0, 0], [], [], []])), '');
  for (const bad of [
    '0013' + good,
    '0015' + good,
    '0014' + good + '00',
    '00',
    '80',
    good.slice(0, -2),
    good + '80050001',
    good + '80040001',
    '80000000' + good,
    good.replace('80000000', '80000001'),
    good.replace('80000000', '00000000'),
    good.replace('80010002', '80010003'),
    good.replace('80010002', '80010000'),
    good.replace('80010002', '80010001'),
    good.replace('80020004', '80020001'),
    good.replace('80020004', '80020010'),
  ]) {
    assert.equal(checked(bad), '', bad);
  }
  assert.equal(checked(good.replace('80010002', '80010102')), '1: 1 1 1 0 16 16 1');
});

test('the choice is what the legacy context means', () => {
  for (const dscpList of [[], [10, 46]]) {
    const own = { ...offered, dscpList };
    const choice = check(ehc, own, dataOf(TYPE, ANSWER));
    assert.ok(choice !== null);
    const a = attributes();
    applyChoice(choice, a, dscpList);
    const context = fromEhcContext({
      ...a,
      alignment: a.alignment as 8 | 32,
      espSpiLsb: 2,
      espSnLsb: 2,
      tsFlowLabel: true,
      tsProtoList: [],
      tsDspList: dscpList.length === 0 ? null : dscpList.map((dscp) => dscp * 4),
    });
    assert.deepEqual(context, a);
  }
});

test('what EHC cannot say is not offered', () => {
  // 16-bit alignment, a flow label of zero, six bits; and policies that fit its fixed part not at all.
  for (const values of [
    [[], [], [], [1, 1], [], [], []],
    [[], [], [3, 3], [], [], [], []],
    [[], [], [], [], [6, 6], [2, 2], []],
    [[0, 0], [], [], [], [], [], []],
    [[], [0, 0], [], [], [], [], []],
    [[], [], [], [], [], [], [0, 0]],
  ]) {
    const own = policyOf(values);
    const offer = written((w) => ehc.addOffer(w, own));
    assert.ok(offer.length > 6);
    assert.equal(choose(ehc, open, offer), null);
    assert.equal(choose(ehc, own, new Uint8Array(0)), null);
    assert.equal(check(ehc, own, dataOf(TYPE, ANSWER)), null);
  }
});

test('the default policy: two of them meet at one octet of ESP header', () => {
  const own = defaultCompression();
  const data = written((w) => ehc.addOffer(w, own));
  assert.equal(told(choose(ehc, own, data)), '1: 1 1 1 0 0 8 1');
  assert.notEqual(choose(ehc, own, dataOf(TYPE, OFFER)), null);
  assert.notEqual(ehc.name, hcp.name);
});

test('nothing is written behind the end', () => {
  for (let room = 0; room <= 40; room++) {
    const w = createWriter(new Uint8Array(room));
    ehc.addOffer(w, offered);
    assert.equal(w.full, room < 40);
  }
});

test('cuts and one-bit changes: as the oracle has it', () => {
  const own = policyOf([[], [], [], [], [8, 32], [8, 32], []]);
  for (const octets of damaged(dataOf(TYPE, OFFER))) {
    agree(choose(ehc, own, octets), naiveChoose(own, ehcOffers(own, octets)));
  }
  for (const text of [ANSWER.slice(16), '0014' + ANSWER.slice(16)]) {
    for (const octets of damaged(bytes(text))) agree(check(ehc, offered, octets), ehcAnswer(offered, octets));
  }
});

function agree(choice: CompressionChoice | null, pick: { id: number; values: number[] } | null): void {
  assert.equal(told(choice), pick === null ? '' : `${pick.id}: ${pick.values.join(' ')}`);
}

test('property: the choice is what trying everything finds, and is accepted', () => {
  let found = 0;
  fc.assert(
    fc.property(policies, policies, (initiator, responder) => {
      const asker = { ...initiator, dscpList: responder.dscpList };
      const data = written((w) => ehc.addOffer(w, asker));
      const choice = choose(ehc, responder, data);
      agree(choice, naiveChoose(responder, ehcOffers(responder, data)));
      if (choice === null) return;
      found++;
      const taken = check(
        ehc,
        asker,
        written((w) => ehc.addAnswer(w, choice)),
      );
      assert.ok(taken !== null);
      // The answer has no number: the first proposal with these values counts.
      assert.ok(taken.proposal <= Math.max(1, choice.proposal));
      assert.deepEqual({ ...taken, proposal: 0 }, { ...choice, proposal: 0 });
    }),
    { numRuns: 3000, seed: 7 },
  );
  assert.ok(found > 100, String(found));
});

test('property: offers of any form', () => {
  let found = 0;
  fc.assert(
    fc.property(ehcData, policies, changes, fc.boolean(), (data, responder, list, isChanged) => {
      const octets = isChanged ? changed(data, list) : data;
      const choice = choose(ehc, responder, octets);
      agree(choice, naiveChoose(responder, ehcOffers(responder, octets)));
      if (choice !== null) found++;
    }),
    { numRuns: 3000, seed: 8 },
  );
  assert.ok(found > 100, String(found));
});

test('property: changed answers are taken only within the offer', () => {
  let found = 0;
  let refused = 0;
  fc.assert(
    fc.property(policies, ehcData, fc.oneof(changes, valueChanges(0)), fc.boolean(), (asker, data, list, isWrapped) => {
      const choice = choose(ehc, { ...asker, dscpList: asker.dscpList }, data);
      const bare = choice === null ? bytes(ANSWER.slice(16)) : written((w) => ehc.addAnswer(w, choice));
      const octets = changed(bare, list);
      const answer = isWrapped ? Uint8Array.of(0, octets.length, ...octets) : octets;
      const taken = check(ehc, asker, answer);
      agree(taken, ehcAnswer(asker, answer));
      if (taken === null) refused++;
      else found++;
    }),
    { numRuns: 4000, seed: 9 },
  );
  assert.ok(found > 100 && refused > 100, `${found} ${refused}`);
});
