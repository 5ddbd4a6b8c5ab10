// The SA payload: writing, reading, choosing, and checking the answer, against a slow implementation in this file.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { beginChain, createWriter } from '../../core/ike/codec/message.ts';
import { N_INVALID_SYNTAX, N_NO_PROPOSAL_CHOSEN, PROTOCOL_ESP, PROTOCOL_IKE } from '../../core/ike/codec/numbers.ts';
import {
  addAnswer,
  addSa,
  type Choice,
  checkSaAnswer,
  chooseSa,
  createChoice,
  type Transforms,
} from '../../core/ike/codec/proposals.ts';
import { ESP_GCM, hex, IKE_GCM, NOTHING, octetsOf, transforms } from './examples.ts';

const SPI = Uint8Array.of(0, 0xa1, 0xb2, 0xc3, 0xd4, 5, 6, 7, 8);

/** Body of the SA payload with these proposals. */
function sa(proposals: Transforms[], spiSize: number): Uint8Array {
  const w = createWriter(new Uint8Array(4000));
  beginChain(w, 0);
  addSa(w, proposals, SPI, 1, spiSize);
  assert.equal(w.full, false);
  return w.buffer.slice(4, w.at);
}

function answer(protocol: number, choice: Choice, spiSize: number): Uint8Array {
  const w = createWriter(new Uint8Array(400));
  beginChain(w, 0);
  addAnswer(w, protocol, choice, SPI, 1, spiSize);
  return w.buffer.slice(4, w.at);
}

interface NaiveTransform {
  type: number;
  id: number;
  attributes: string;
}
interface NaiveProposal {
  number: number;
  protocol: number;
  spi: string;
  transforms: NaiveTransform[];
}

/** The naive reading of a payload that is in order. */
function read(body: Uint8Array): NaiveProposal[] {
  const view = Buffer.from(body);
  const list: NaiveProposal[] = [];
  for (let at = 0; at < view.length; at += view.readUInt16BE(at + 2)) {
    const end = at + view.readUInt16BE(at + 2);
    assert.equal(view[at], end === view.length ? 0 : 2);
    const found: NaiveTransform[] = [];
    let t = at + 8 + view[at + 6];
    for (; t < end; t += view.readUInt16BE(t + 2)) {
      const next = t + view.readUInt16BE(t + 2);
      assert.equal(view[t], next === end ? 0 : 3);
      found.push({ type: view[t + 4], id: view.readUInt16BE(t + 6), attributes: view.toString('hex', t + 8, next) });
    }
    assert.equal(found.length, view[at + 7]);
    list.push({
      number: view[at + 4],
      protocol: view[at + 5],
      spi: view.toString('hex', at + 8, at + 8 + view[at + 6]),
      transforms: found,
    });
  }
  return list;
}

const keyLength = (bits: number): string => (bits === 0 ? '' : '800e' + bits.toString(16).padStart(4, '0'));

function naive(proposals: Transforms[], spi: string): NaiveProposal[] {
  return proposals.map((own, index) => ({
    number: index + 1,
    protocol: own.protocol,
    spi,
    transforms: [
      ...own.ciphers.map((id, i) => ({ type: 1, id, attributes: keyLength(own.keyBits[i]) })),
      ...[own.prf, own.integ, own.ke, own.sn].flatMap((ids, i) =>
        ids.map((id) => ({ type: i + 2, id, attributes: '' })),
      ),
    ],
  }));
}

const cipher = fc.constantFrom([14, 128], [16, 128], [20, 128], [20, 256], [28, 0], [12, 128], [12, 256]);
const some = (...ids: number[]) => fc.uniqueArray(fc.constantFrom(...ids), { maxLength: 3 });
const proposalOf = (protocol: number) =>
  fc
    .record({
      ciphers: fc.uniqueArray(cipher, { minLength: 1, maxLength: 3 }),
      prf: protocol === PROTOCOL_IKE ? some(5, 6, 7) : fc.constant<number[]>([]),
      integ: some(0, 12, 14),
      ke: some(0, 14, 19, 31),
      sn: protocol === PROTOCOL_ESP ? some(0, 1) : fc.constant<number[]>([]),
    })
    .map((value) =>
      transforms(protocol, {
        ...value,
        ciphers: value.ciphers.map((entry) => entry[0]),
        keyBits: value.ciphers.map((entry) => entry[1]),
      }),
    );
const proposals = fc
  .constantFrom(PROTOCOL_IKE, PROTOCOL_ESP)
  .chain((protocol) => fc.array(proposalOf(protocol), { minLength: 1, maxLength: 4 }));

test('proposals are written as they are', () => {
  fc.assert(
    fc.property(proposals, fc.constantFrom(0, 4, 8), (list, spiSize) => {
      assert.deepEqual(read(sa(list, spiSize)), naive(list, hex(SPI.subarray(1, 1 + spiSize))));
    }),
  );
});

/** One transform of a type, or -1: the first of ours that is offered; an absent INTEG or KE is 0. */
function pick(offer: NaiveProposal, type: number, ids: number[], bits: number[], hint: number): number {
  const offered = offer.transforms.filter((transform) => transform.type === type);
  const isOptional = type === 3 || type === 4;
  if (offered.length === 0) {
    if (ids.length === 0 || (type === 4 && offer.protocol === PROTOCOL_ESP)) return 0;
    return isOptional && ids.includes(0) ? 0 : -1;
  }
  const wanted = ids.length === 0 && isOptional ? [0] : ids;
  const has = (id: number, i: number): boolean =>
    offered.some((transform) => transform.id === id && transform.attributes === keyLength(bits[i] ?? 0));
  if (hint !== 0 && ids.includes(hint) && has(hint, 9)) return hint;
  return wanted.find(has) ?? -1;
}

function naiveChoice(offers: NaiveProposal[], own: Transforms[], hint: number): Partial<Choice> | null {
  for (const offer of offers.slice(0, 16)) {
    for (const [index, mine] of own.entries()) {
      if (mine.protocol !== offer.protocol) continue;
      const at = mine.ciphers.findIndex((id, i) =>
        offer.transforms.some((t) => t.type === 1 && t.id === id && t.attributes === keyLength(mine.keyBits[i])),
      );
      const prf = pick(offer, 2, mine.prf, [], 0);
      const integ = pick(offer, 3, mine.integ, [], 0);
      const ke = pick(offer, 4, mine.ke, [], hint);
      const sn = pick(offer, 5, mine.sn, [], 0);
      if (at < 0 || prf < 0 || integ < 0 || ke < 0 || sn < 0) continue;
      const found = { encr: mine.ciphers[at], keyBits: mine.keyBits[at], prf, integ, ke, sn };
      return { proposal: offer.number, own: index, ...found } as Partial<Choice>;
    }
  }
  return null;
}

const bothSides = fc.constantFrom(PROTOCOL_IKE, PROTOCOL_ESP).chain((protocol) => {
  const list = fc.array(proposalOf(protocol), { minLength: 1, maxLength: 4 });
  return fc.tuple(list, list, fc.constantFrom(0, 14, 19, 31));
});

test('the choice is that of the slow reading; its answer is accepted, and no other', () => {
  let chosen = 0;
  fc.assert(
    fc.property(bothSides, ([offers, own, hint]) => {
      const body = sa(offers, 4);
      const out = createChoice();
      const result = chooseSa(body, 0, body.length, own, 4, hint, out);
      const expected = naiveChoice(read(body), own, hint);
      assert.equal(result, expected === null ? N_NO_PROPOSAL_CHOSEN : 0);
      if (expected === null) return;
      chosen++;
      const { spiAt, spiSize, types: _, extra, extraOf, ...rest } = out;
      assert.deepEqual([extra, extraOf], [[], undefined]);
      assert.deepEqual(rest, expected);
      assert.equal(hex(body.subarray(spiAt, spiAt + spiSize)), 'a1b2c3d4');
      const reply = answer(own[0].protocol, out, 4);
      const seen = createChoice();
      assert.equal(checkSaAnswer(reply, 0, reply.length, offers, 4, seen), 0);
      assert.deepEqual({ ...seen, own: out.own, spiAt: out.spiAt }, out);
      assert.equal(seen.own, out.proposal - 1);
      // One transform of each type offered.
      const types = new Set(read(body)[out.proposal - 1].transforms.map((transform) => transform.type));
      assert.deepEqual(
        read(reply)[0].transforms.map((transform) => transform.type),
        [...types],
      );
    }),
    { numRuns: 1000 },
  );
  assert.ok(chosen > 50, 'chosen ' + chosen);
});

function choose(body: Uint8Array, own: Transforms[], spiSize: number, hint = 0): Choice | number {
  const out = createChoice();
  const result = chooseSa(body, 0, body.length, own, spiSize, hint, out);
  return result === 0 ? out : result;
}

test("the order is the peer's among proposals, ours within one", () => {
  const two = transforms(PROTOCOL_IKE, { ciphers: [14, 20], keyBits: [128, 128], prf: [6, 5], ke: [19, 31] });
  const own = transforms(PROTOCOL_IKE, { ciphers: [20, 14], keyBits: [128, 128], prf: [5, 6], ke: [31, 19] });
  const found = choose(sa([two, IKE_GCM], 0), [IKE_GCM, own], 0) as Choice;
  assert.deepEqual([found.proposal, found.own, found.encr, found.prf, found.ke], [1, 0, 20, 5, 31]);
  const last = choose(sa([two, IKE_GCM], 0), [own], 0) as Choice;
  assert.deepEqual([last.proposal, last.encr, last.prf, last.ke], [1, 20, 5, 31]);
  assert.equal((choose(sa([two, IKE_GCM], 0), [own], 0, 19) as Choice).ke, 19);
  assert.equal((choose(sa([two, IKE_GCM], 0), [own], 0, 14) as Choice).ke, 31);
});

test('key lengths, protocols and SPI sizes must be equal', () => {
  const long = transforms(PROTOCOL_IKE, { ...IKE_GCM, protocol: PROTOCOL_IKE, keyBits: [256] });
  const without = transforms(PROTOCOL_IKE, { ...IKE_GCM, protocol: PROTOCOL_IKE, keyBits: [0] });
  for (const other of [long, without]) {
    assert.equal(choose(sa([other], 0), [IKE_GCM], 0), N_NO_PROPOSAL_CHOSEN);
    assert.equal(choose(sa([IKE_GCM], 0), [other], 0), N_NO_PROPOSAL_CHOSEN);
  }
  assert.equal(choose(sa([IKE_GCM], 8), [IKE_GCM], 0), N_NO_PROPOSAL_CHOSEN);
  assert.equal((choose(sa([IKE_GCM], 8), [IKE_GCM], 8) as Choice).spiAt, 8);
  assert.equal(choose(sa([ESP_GCM], 4), [{ ...ESP_GCM, protocol: 2 }], 4), N_NO_PROPOSAL_CHOSEN);
});

test('NONE: integrity of an AEAD, and ESP without a key exchange', () => {
  const none = transforms(PROTOCOL_ESP, { ciphers: [20], keyBits: [128], integ: [0], ke: [31, 0], sn: [0] });
  const found = choose(sa([none], 4), [ESP_GCM], 4) as Choice;
  assert.deepEqual([found.integ, found.ke], [0, 0]);
  // The answer has the types that were offered, also as NONE.
  assert.deepEqual(
    read(answer(PROTOCOL_ESP, found, 4))[0].transforms.map(({ type, id }) => [type, id]),
    [
      [1, 20],
      [3, 0],
      [4, 0],
      [5, 0],
    ],
  );
  const pfs = transforms(PROTOCOL_ESP, { ...ESP_GCM, ke: [31] });
  assert.equal((choose(sa([ESP_GCM], 4), [pfs], 4) as Choice).ke, 0);
  assert.equal(choose(sa([pfs], 4), [ESP_GCM], 4), N_NO_PROPOSAL_CHOSEN);
  // The initiator does not take that back: who asked for a key exchange gets one.
  const reply = sa([ESP_GCM], 4);
  assert.equal(checkSaAnswer(reply, 0, reply.length, [pfs], 4, createChoice()), N_NO_PROPOSAL_CHOSEN);
  assert.equal(checkSaAnswer(reply, 0, reply.length, [{ ...ESP_GCM, ke: [31, 0] }], 4, createChoice()), 0);
  const mixed = transforms(PROTOCOL_IKE, { ciphers: [20], keyBits: [128], prf: [5], integ: [12], ke: [31] });
  assert.equal(choose(sa([mixed], 0), [IKE_GCM], 0), N_NO_PROPOSAL_CHOSEN);
  // 32-bit numbers are not understood when nothing is said.
  assert.equal(choose(sa([{ ...ESP_GCM, sn: [] }], 4), [ESP_GCM], 4), N_NO_PROPOSAL_CHOSEN);
});

/** A proposal with the number and these transforms, each a text of octets without its first four. */
function raw(bodies: string[], number = 1): Uint8Array {
  const list = bodies.map((text, i) => {
    const body = octetsOf(text);
    return [i === bodies.length - 1 ? 0 : 3, 0, 0, 4 + body.length, ...body];
  });
  const length = 8 + list.flat().length;
  return Uint8Array.of(0, 0, length >>> 8, length & 255, number, 1, 0, bodies.length, ...list.flat());
}

const GCM = '01000014 800e0080';
const REST = ['02000005', '0400001f'];

test('unknown transform types spoil the proposal, unknown attributes and identifiers their transform', () => {
  assert.equal((choose(raw([GCM, ...REST]), [IKE_GCM], 0) as Choice).encr, 20);
  for (const type of ['00', '06', '0c', 'f1', 'ff']) {
    assert.equal(choose(raw([GCM, ...REST, type + '000000']), [IKE_GCM], 0), N_NO_PROPOSAL_CHOSEN, type);
  }
  for (const other of ['01000014 c0010000 800e0080', '01000014 800e0080 800e0080', '01000014 000e00020080']) {
    assert.equal(choose(raw([other, ...REST]), [IKE_GCM], 0), N_NO_PROPOSAL_CHOSEN, other);
    assert.equal((choose(raw([other, GCM, ...REST]), [IKE_GCM], 0) as Choice).encr, 20);
  }
  assert.equal((choose(raw(['01000400', GCM, '02000400', ...REST]), [IKE_GCM], 0) as Choice).prf, 5);
  assert.equal(choose(raw([GCM, '02000005 800e0080', REST[1]]), [IKE_GCM], 0), N_NO_PROPOSAL_CHOSEN);
});

test('octets that are not in order are a syntax error', () => {
  const body = sa(
    [IKE_GCM, transforms(PROTOCOL_IKE, { ciphers: [12], keyBits: [128], prf: [5], integ: [12], ke: [31] })],
    8,
  );
  const out = createChoice();
  assert.equal(chooseSa(body, 0, body.length, [IKE_GCM], 8, 0, out), 0);
  for (let size = 0; size < body.length; size++) {
    assert.equal(chooseSa(body, 0, size, [IKE_GCM], 8, 0, out), N_INVALID_SYNTAX, 'cut to ' + size);
  }
  const changed = (at: number, value: number): number => {
    const copy = body.slice();
    copy[at] = value;
    return chooseSa(copy, 0, copy.length, [IKE_GCM], 8, 0, out);
  };
  for (const [at, value] of [
    [0, 0], // The last proposal, and it is not.
    [0, 3],
    [3, body[3] + 1],
    [6, 7],
    [7, 2],
    [7, 4],
    [16, 0],
    [19, 11],
    [19, 7],
    [24, 0], // An attribute of 128 octets.
  ]) {
    assert.equal(changed(at, value), N_INVALID_SYNTAX, 'octet ' + at + ' is ' + value);
  }
  assert.equal(checkSaAnswer(body, 0, 7, [IKE_GCM], 8, out), N_INVALID_SYNTAX);
  // Octets between the last transform and the end of its proposal.
  for (let more = 1; more < 12; more++) {
    const longer = Uint8Array.of(...raw([GCM, ...REST]), ...new Uint8Array(more));
    longer[3] = longer.length;
    assert.equal(choose(longer, [IKE_GCM], 0), N_INVALID_SYNTAX);
  }
});

test('an answer is one proposal of ours, with one transform of each type', () => {
  const out = createChoice();
  const check = (body: Uint8Array, own: Transforms[] = [IKE_GCM, IKE_GCM]): number =>
    checkSaAnswer(body, 0, body.length, own, 0, out);
  assert.equal(check(raw([GCM, ...REST], 2)), 0);
  assert.deepEqual([out.proposal, out.own], [2, 1]);
  for (const number of [0, 3, 255]) assert.equal(check(raw([GCM, ...REST], number)), N_NO_PROPOSAL_CHOSEN);
  assert.equal(check(sa([IKE_GCM, IKE_GCM], 0)), N_NO_PROPOSAL_CHOSEN);
  assert.equal(check(raw([GCM, GCM, ...REST])), N_NO_PROPOSAL_CHOSEN);
  assert.equal(check(raw([GCM, '02000005', ...REST])), N_NO_PROPOSAL_CHOSEN);
  assert.equal(check(raw([GCM, REST[0]])), N_NO_PROPOSAL_CHOSEN);
  assert.equal(check(raw(REST)), N_NO_PROPOSAL_CHOSEN);
  assert.equal(check(raw([GCM, REST[0], '04000013'])), N_NO_PROPOSAL_CHOSEN);
  assert.equal(check(raw(['01000014 800e0100', ...REST])), N_NO_PROPOSAL_CHOSEN);
  assert.equal(check(NOTHING), N_INVALID_SYNTAX);
});

test('16 proposals are looked at', () => {
  const other = transforms(PROTOCOL_IKE, { ...IKE_GCM, protocol: PROTOCOL_IKE, prf: [7] });
  const list = (before: number): Transforms[] => [...new Array<Transforms>(before).fill(other), IKE_GCM];
  assert.equal((choose(sa(list(15), 0), [IKE_GCM], 0) as Choice).proposal, 16);
  assert.equal(choose(sa(list(16), 0), [IKE_GCM], 0), N_NO_PROPOSAL_CHOSEN);
});
