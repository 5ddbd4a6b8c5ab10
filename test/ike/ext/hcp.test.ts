// HCP_PROPOSAL: worked examples octet for octet, each rule, and answers against an oracle.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyChoice, defaultCompression, spiOffers, valuesOf } from '../../../core/ike/child/compression.ts';
import { hcp } from '../../../core/ike/child/hcp.ts';
import { createWriter } from '../../../core/ike/codec/message.ts';
import { N_NO_PROPOSAL_CHOSEN } from '../../../core/ike/codec/numbers.ts';
import type { CompressionChoice } from '../../../core/ike/state/compression.ts';
import { attributes } from './attributes.ts';
import { hcpAnswer, hcpOffers, naiveChoose } from './naive.ts';
import { changed, changes, hcpData, policy as policies, valueChanges } from './random.ts';
import { bytes, check, choose, damaged, dataOf, notify, numbers, policyOf, written } from './support.ts';

const TYPE = hcp.type(numbers);

// The offer of the worked example.
const offered = policyOf(
  [[1, 1], [1, 1], [1, 1, 3, 3], [0, 0], [0, 16], [8, 16], []],
  [[], [], [], [2, 2], [16, 16], [16, 16], []],
);
const OFFER = `00000048 0000d1e7
  0100002c 80000001 80010001 80020001 80020003 80030000 7fff00088004000080040010 7fff00088005000880050010
  0200000c 80030002 80040010 80050010`.replace(/\s+/g, '');
const ANSWER_1 = '000000240000d1e7 01000018 80000001 80010001 80020003 80030000 80040008 80050008'.replace(/ /g, '');
const ANSWER_2 = '000000180000d1e7 0200000c 80030002 80040010 80050010'.replace(/ /g, '');
const FIRST: CompressionChoice = {
  proposal: 1,
  dscpCda: 1,
  ecnCda: 1,
  flowLabelCda: 4,
  alignment: 8,
  espSpiLsb: 8,
  espSnLsb: 8,
  espTrailer: 0,
};
const SECOND: CompressionChoice = {
  proposal: 2,
  dscpCda: 0,
  ecnCda: 0,
  flowLabelCda: 0,
  alignment: 32,
  espSpiLsb: 16,
  espSnLsb: 16,
  espTrailer: 0,
};
const open = policyOf();

/** The choice from an offer in digits, as wire values with the proposal in front; '' for none. */
const chosen = (text: string, policy = open): string => told(choose(hcp, policy, bytes(text)));
const checked = (text: string, policy = offered): string => told(check(hcp, policy, bytes(text)));
const told = (choice: CompressionChoice | null): string =>
  choice === null ? '' : `${choice.proposal}: ${valuesOf(choice).join(' ')}`;

test('the offer of the example, both ways', () => {
  assert.equal(
    notify(TYPE, (w) => hcp.addOffer(w, offered)),
    OFFER,
  );
  const data = dataOf(TYPE, OFFER);
  // A responder that wants the flow label zero, and 8 + 8 bits.
  const first = policyOf([[], [], [3, 3], [], [8, 8], [8, 8], []]);
  assert.deepEqual(choose(hcp, first, data), FIRST);
  // One that compresses no inner field.
  const second = policyOf([[0, 0], [0, 0], [0, 0], [], [], [], []]);
  assert.deepEqual(choose(hcp, second, data), SECOND);
  // Its fewest bits otherwise; lower before zero.
  assert.equal(told(choose(hcp, open, data)), '1: 1 1 1 0 0 8 1');
});

test('the answers of the example, both ways', () => {
  for (const [choice, text] of [
    [FIRST, ANSWER_1],
    [SECOND, ANSWER_2],
  ] as const) {
    assert.equal(
      notify(TYPE, (w) => hcp.addAnswer(w, choice)),
      text,
    );
    assert.deepEqual(check(hcp, offered, dataOf(TYPE, text)), choice);
  }
  assert.equal(hcp.refusalType(numbers), N_NO_PROPOSAL_CHOSEN);
  assert.equal(
    notify(hcp.refusalType(numbers), () => {}),
    '000000080000000e',
  );
});

test('range and trailer of the worked example', () => {
  const offer = (policy: ReturnType<typeof policyOf>) =>
    Buffer.from(written((w) => hcp.addOffer(w, policy))).toString('hex');
  assert.equal(offer(policyOf([[], [], [], [], [6, 8], [], []])), '0100000c7fff00088004000680040008');
  assert.equal(offer(policyOf([[], [], [], [], [], [], [0, 0]])), '0100000480060000');
  assert.equal(offer(open), '01000000');
  assert.equal(chosen('0100000480060000', policyOf([[], [], [], [], [8, 8], [8, 8], [0, 1]])), '1: 1 1 1 0 8 8 0');
});

test('offers: forms of the range attribute', () => {
  const own = policyOf([[], [], [], [], [0, 6], [2, 2], []]);
  const low = '8004000680040008';
  assert.equal(chosen('0100000c7fff0008' + low, own), '1: 1 1 1 0 6 2 1');
  assert.equal(chosen('0100000cffff0008' + low, own), '1: 1 1 1 0 6 2 1');
  assert.equal(chosen('0100000c7fff0004' + low, own), '1: 1 1 1 0 6 2 1');
  for (const bad of [
    // Other lengths; nothing behind it; two types; a range in a range; no format bit; maximum below minimum.
    '0100000c7fff0006' + low,
    '0100000c7fff000c' + low,
    '010000087fff000480040006',
    '010000087fff000880040006',
    '0100000c7fff00088004000680050008',
    '0100000c7fff00047fff000480040008',
    '0100000c7fff00080004000600040008',
    '0100000c7fff00088004000880040006',
    '010000107fff0008800400088004000680040006',
    '0100000c7fff00088007000080070001',
  ]) {
    assert.equal(chosen(bad, own), '', bad);
    // Only that proposal is discarded.
    assert.equal(chosen(bad + '02000000', own), '2: 1 1 1 0 6 2 1', bad);
  }
  // Ranges and values add up.
  assert.equal(chosen('010000107fff0008800400028004000380040006', own), '1: 1 1 1 0 6 2 1');
});

test('offers: what is discarded, and what is merely not acceptable', () => {
  // Unknown name, unknown type, no format bit, half an attribute.
  for (const bad of [
    '01010000',
    '0100000480070000',
    '0100000400000001',
    '01000003800000',
    '0100000680000001' + '8001',
  ]) {
    assert.equal(chosen(bad), '', bad);
    assert.equal(chosen(bad + '05000000'), '5: 1 1 1 0 0 0 1', bad);
  }
  // A known type with a value that nobody knows: beside others it is passed over.
  assert.equal(chosen('0100000480020004'), '');
  assert.equal(chosen('010000088002000480020003'), '1: 1 1 3 0 0 0 1');
  assert.equal(chosen('0100000480040021'), '');
  assert.equal(chosen('0100000480040108'), '');
  // No whole octets.
  assert.equal(chosen('01000008800400048005000a'), '');
  assert.equal(chosen('01000008800400048005000c'), '1: 1 1 1 0 4 12 1');
  // An attribute left out is open, but esp_trailer is Optional.
  const mandatory = policyOf([[], [], [], [], [], [], [0, 0]]);
  assert.equal(chosen('01000000', mandatory), '');
  assert.equal(chosen('0100000480060000'), '');
  assert.equal(chosen('0100000480060000', mandatory), '1: 1 1 1 0 0 0 0');
});

test('offers: malformed as a whole, and limits', () => {
  for (const bad of ['', '01', '010000', '0100000480', '0100000001', '0100000001000000'])
    assert.equal(chosen(bad), '', bad);
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => `${(i + 1).toString(16).padStart(2, '0')}000000`);
  assert.equal(chosen(many(16).join('')), '1: 1 1 1 0 0 0 1');
  assert.equal(chosen(many(17).join('')), '');
  const lots = (count: number) => '01' + '00' + (count * 4).toString(16).padStart(4, '0') + '80000001'.repeat(count);
  assert.equal(chosen(lots(64)), '1: 1 1 1 0 0 0 1');
  assert.equal(chosen(lots(65)), '');
  assert.equal(chosen(lots(33) + '02' + lots(32).slice(2)), '');
});

test('preference: own proposals first, then bits, then the order of the peer', () => {
  const wide = policyOf([[0, 0], [], [], [], [32, 32], [32, 32], []], [[], [], [], [], [], [], []]);
  // Proposal 1 is smaller, but the first own one fits 2 only.
  assert.equal(
    chosen('0100000c 80000001 80040000 80050008'.replace(/ /g, '') + '02000000', wide),
    '2: 0 1 1 0 32 32 1',
  );
  assert.equal(chosen('0100000480050018' + '0200000480050010'), '2: 1 1 1 0 0 16 1');
  assert.equal(chosen('0500000480050010' + '0200000480050010'), '5: 1 1 1 0 0 16 1');
  // More bits for the sequence number than for the SPI.
  assert.equal(chosen('01000000', policyOf([[], [], [], [], [3, 8], [3, 14], []])), '1: 1 1 1 0 3 5 1');
  // Pad Length is there once, whether alignment or the trailer asks for it.
  const mandatory = policyOf([[], [], [], [], [], [], [0, 0]]);
  assert.equal(
    chosen('0100000c800300008005001080060000' + '0200000c800300018005000880060000', mandatory),
    '2: 1 1 1 1 0 8 0',
  );
  // 32-bit alignment costs more than 16 + 16 bits against 8 + 8, with 8-bit alignment.
  assert.equal(
    chosen('0100000c 80030002 80040008 80050008 0200000c 80030000 80040010 80050010'.replace(/ /g, '')),
    '2: 1 1 1 0 16 16 1',
  );
});

test('dscp_cda sa needs a list', () => {
  const own = policyOf([[], [], [], [], [8, 8], [8, 8], []]);
  assert.equal(chosen('0100000480000002', own), '');
  assert.equal(chosen('0100000480000002', { ...own, dscpList: [0, 46] }), '1: 2 1 1 0 8 8 1');
  assert.equal(checked('0100000c 80000002 80040008 80050008'.replace(/ /g, ''), own), '');
  assert.equal(
    checked('01000010 80000002 80030000 80040008 80050008'.replace(/ /g, ''), { ...own, dscpList: [1] }),
    '1: 2 0 0 0 8 8 1',
  );
  // An index of as many bits as the field gains nothing.
  const all = Array.from({ length: 40 }, (_, i) => i);
  assert.equal(chosen('0100000880000002' + '80000000', { ...own, dscpList: all }), '1: 0 1 1 0 8 8 1');
});

test('answers that are refused', () => {
  const good = '01000018800000018001000180020003800300008004000880050008';
  assert.equal(checked(good), '1: 1 1 3 0 8 8 1');
  const cases: Record<string, string> = {
    'no proposal': '',
    'two proposals': good + '0200000c800300028004001080050010',
    'unknown id': '03' + good.slice(2),
    'id 0': '00' + good.slice(2),
    'id of the other': '02' + good.slice(2),
    'unknown name': '0101' + good.slice(4),
    'an attribute twice': good.replace('01000018', '0100001c') + '80050008',
    'a range of one value': '010000208000000180010001800200038003000080040008' + '7fff00088005000880050008',
    'unknown type': good.replace('01000018', '0100001c') + '80070000',
    'outside the offer': good.replace('80020003', '80020002'),
    'default outside the offer': '010000148000000180010001800200038004000880050008',
    'no whole octets': good.replace('80040008', '80040009'),
    'value of two octets': good.replace('80040008', '80040108'),
    'octets behind': good + '00',
    'trailer Mandatory, not offered': good.replace('01000018', '0100001c') + '80060000',
  };
  for (const [name, text] of Object.entries(cases)) assert.equal(checked(text), '', name);
  // What may be there: a default in full, and another order.
  assert.equal(checked(good.replace('01000018', '0100001c') + '80060001'), '1: 1 1 3 0 8 8 1');
  assert.equal(checked('02000010' + '80050010800400108003000280000000'), '2: 0 0 0 2 16 16 1');
  assert.equal(checked('01000000', open), '1: 0 0 0 3 32 32 1');
});

test('what a choice sets, and what an offer asks of the SPI', () => {
  const a = attributes();
  applyChoice(FIRST, a, [5]);
  assert.deepEqual(
    [
      a.iipcProfile,
      a.dscpCda,
      a.ecnCda,
      a.flowLabelCda,
      a.dscpList,
      a.alignment,
      a.espSpiLsb,
      a.espSnLsb,
      a.espTrailer,
    ],
    [0, 1, 1, 4, [5], 8, 8, 8, 0],
  );
  assert.deepEqual(spiOffers(policyOf([[], [], [], [], [3, 9], [8, 8], []])), [8]);
  assert.deepEqual(
    spiOffers(offered),
    Array.from({ length: 17 }, (_, i) => i),
  );
  assert.deepEqual(
    spiOffers(policyOf([[], [], [], [], [6, 8], [], []], [[], [], [], [], [32, 32], [32, 32], []])),
    [6, 7, 8, 32],
  );
});

test('the default policy: two of them meet at one octet of ESP header', () => {
  const own = defaultCompression();
  const data = written((w) => hcp.addOffer(w, own));
  assert.equal(data.length, 60);
  assert.equal(told(choose(hcp, own, data)), '1: 1 1 1 0 0 8 1');
  assert.notEqual(choose(hcp, own, dataOf(TYPE, OFFER)), null);
});

test('nothing is written behind the end', () => {
  for (let room = 0; room < 64; room++) {
    const w = createWriter(new Uint8Array(room));
    hcp.addOffer(w, offered);
    assert.ok(w.full);
  }
  const w = createWriter(new Uint8Array(64));
  hcp.addOffer(w, offered);
  assert.ok(!w.full);
});

test('cuts and one-bit changes: as the oracle has it', () => {
  const data = dataOf(TYPE, OFFER);
  const own = policyOf([[], [], [1, 3], [], [0, 16], [8, 16], []]);
  for (const octets of damaged(data)) agree(choose(hcp, own, octets), naiveChoose(own, hcpOffers(octets)));
  for (const text of [ANSWER_1, ANSWER_2]) {
    for (const octets of damaged(dataOf(TYPE, text))) agree(check(hcp, offered, octets), hcpAnswer(offered, octets));
  }
});

function agree(choice: CompressionChoice | null, pick: { id: number; values: number[] } | null): void {
  assert.equal(told(choice), pick === null ? '' : `${pick.id}: ${pick.values.join(' ')}`);
}

test('property: the choice is what trying everything finds, and is accepted', () => {
  let found = 0;
  fc.assert(
    fc.property(policies, policies, (initiator, responder) => {
      const list = responder.dscpList;
      const asker = { ...initiator, dscpList: list };
      const data = written((w) => hcp.addOffer(w, asker));
      const choice = choose(hcp, responder, data);
      agree(choice, naiveChoose(responder, hcpOffers(data)));
      if (choice === null) return;
      found++;
      const answer = written((w) => hcp.addAnswer(w, choice));
      assert.deepEqual(check(hcp, asker, answer), choice);
      assert.ok(spiOffers(asker).includes(choice.espSpiLsb));
    }),
    { numRuns: 600, seed: 7 },
  );
  assert.ok(found > 100, String(found));
});

test('property: offers of any form', () => {
  let found = 0;
  fc.assert(
    fc.property(hcpData, policies, changes, fc.boolean(), (data, responder, list, isChanged) => {
      const octets = isChanged ? changed(data, list) : data;
      const choice = choose(hcp, responder, octets);
      agree(choice, naiveChoose(responder, hcpOffers(octets)));
      if (choice !== null) found++;
    }),
    { numRuns: 1500, seed: 8 },
  );
  assert.ok(found > 150, String(found));
});

test('property: changed answers are taken only within the offer', () => {
  let found = 0;
  let refused = 0;
  fc.assert(
    fc.property(policies, policies, fc.oneof(changes, valueChanges(4)), (asker, responder, list) => {
      const answerer = { ...responder, dscpList: asker.dscpList };
      const choice = choose(
        hcp,
        answerer,
        written((w) => hcp.addOffer(w, asker)),
      );
      if (choice === null) return;
      const answer = changed(
        written((w) => hcp.addAnswer(w, choice)),
        list,
      );
      const taken = check(hcp, asker, answer);
      agree(taken, hcpAnswer(asker, answer));
      if (taken === null) refused++;
      else found++;
    }),
    { numRuns: 1500, seed: 9 },
  );
  assert.ok(found > 10 && refused > 100, `${found} ${refused}`);
});
