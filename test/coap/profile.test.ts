// Rules for CoAP under an SA: vectors of a second implementation, any message and any other payload, any octets to restore.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { DROP_EXHAUSTED, DROP_RESIDUE } from '../../core/base/drop.ts';
import { createCoapRules, packCoap, unpackCoap } from '../../core/dietesp/coap-rules.ts';
import { coapRuleSet } from '../../core/dietesp/coap-set.ts';
import { inboundCoap, outboundCoap } from '../../core/esp/coap.ts';
import { OUTBOUND_ROOM } from '../../core/esp/outbound.ts';
import { canonicalRules } from '../../core/schc/canonical.ts';
import { FL_VARIABLE } from '../../core/schc/model.ts';
import * as C from '../../core/wire/coap.ts';
import { IPV6_SIZE } from '../../core/wire/ipv6.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { readSchcJson, schcJson } from '../../targets/node/host/rules/json.ts';
import * as M from '../schc/make.ts';
import { endsOf, HEAD, hashOf, packetOf, rulesOf } from './kit.ts';
import { FILE, stored, text } from './make-vectors.ts';

const ROOM = 4096;
const bytes = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, 'hex'));

test('the file of vectors is what the second implementation makes', () => {
  assert.equal(readFileSync(FILE, 'utf8'), text());
});

test('vectors: names of rule sets, packets out and in, octet for octet', () => {
  const { sets, vectors, key, salt } = stored();
  for (const { paths, name } of sets) {
    const rules = coapRuleSet(paths.map((path) => Uint8Array.from(Buffer.from(path))));
    assert.equal(M.hex(hashOf(rules)), name, paths.join());
  }
  for (const v of vectors) {
    const isDev = v.direction === 'up';
    const out = rulesOf(v.paths, isDev);
    const settings = { key: bytes(key), salt: bytes(salt), spi: v.spi, spiLsb: v.spiLsb, snLsb: v.snLsb };
    const { outgoing, incoming } = endsOf(isDev, out, rulesOf(v.paths, !isDev), settings);
    outgoing.sa.snLo = v.last;
    incoming.sa.snLo = v.last;
    const packet = packetOf(bytes(v.payload), isDev);
    const before = packet.slice();
    const wire = new Uint8Array(packet.length + OUTBOUND_ROOM + 2);
    const size = outboundCoap(outgoing.endpoint, outgoing.sa, packet, 0, packet.length, wire, 0, 0);
    assert.equal(M.hex(wire.subarray(IPV6_SIZE, size)), v.packet, v.name);
    assert.equal(out.context.isImplied, v.implied, v.name);
    assert.equal(outgoing.sa.snLo, v.number, v.name);
    assert.equal(outgoing.sa.bytes, packet.length, v.name);
    assert.deepEqual(packet, before, v.name);
    const back = new Uint8Array(ROOM);
    const length = inboundCoap(incoming.endpoint, wire, 0, size, back, 0, 0);
    assert.equal(M.hex(back.subarray(0, Math.max(0, length))), M.hex(packet), v.name);
    assert.equal(incoming.sa.bytes, packet.length, v.name);
  }
});

/** A message from parts, well-formed or not. */
const wild = fc
  .record({
    first: fc.oneof(fc.constant(0x41), fc.constantFrom(0x40, 0x51, 0x60, 0x61, 0x70, 0x48), fc.nat(255)),
    code: fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 0x41, 0x44, 0x45, 0x84), fc.nat(255)),
    id: fc.uint8Array({ minLength: 2, maxLength: 2 }),
    token: fc.uint8Array({ maxLength: 8 }),
    tellsToken: fc.boolean(),
    options: fc.oneof(
      fc.array(
        fc.record({
          delta: fc.oneof(fc.nat(14), fc.nat(400), fc.nat(65535)),
          value: fc.oneof(fc.uint8Array({ maxLength: 3 }), fc.uint8Array({ minLength: 10, maxLength: 300 })),
        }),
        { maxLength: 6 },
      ),
      fc.array(fc.record({ delta: fc.nat(1), value: fc.uint8Array({ maxLength: 1 }) }), {
        minLength: 55,
        maxLength: 70,
      }),
    ),
    payload: fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 40 })),
    cut: fc.oneof(fc.constant(0), fc.nat(20)),
  })
  .map(({ first, code, id, token, tellsToken, options, payload, cut }) => {
    const head = tellsToken ? (first & 0xf0) | token.length : first;
    const parts: Uint8Array[] = [Uint8Array.of(head, code), id, token];
    for (const { delta, value } of options) {
      const room = new Uint8Array(5);
      const at = C.putCoapHead(room, 0, delta, value.length);
      parts.push(room.subarray(0, at), value);
    }
    if (payload !== null) parts.push(Uint8Array.of(0xff), payload);
    const whole = Buffer.concat(parts);
    return Uint8Array.from(whole.subarray(0, Math.max(0, whole.length - cut)));
  });

/** One that the rules are made for, or that differs little. */
const usual = fc
  .record({
    kind: fc.oneof(
      fc.constantFrom<[number, number, string]>(
        [0, 2, 'b161'],
        [2, 0x44, ''],
        [0, 2, 'b1730174'],
        [0, 0, ''],
        [1, 1, 'b161'],
      ),
      fc.tuple(
        fc.nat(3),
        fc.constantFrom(0, 1, 2, 4, 5, 0x44, 0x45, 0x84),
        fc.constantFrom('', 'b161', 'b162', '60b0', 'b26263'),
      ),
    ),
    id: fc.uint8Array({ minLength: 2, maxLength: 2 }),
    token: fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 1 }), fc.uint8Array({ maxLength: 8 })),
    payload: fc.oneof(fc.constant(null), fc.uint8Array({ minLength: 1, maxLength: 30 })),
  })
  .map(({ kind: [type, code, options], id, token, payload }) => {
    const parts: Uint8Array[] = [Uint8Array.of(0x40 + type * 16 + token.length, code), id, token, bytes(options)];
    if (payload !== null) parts.push(Uint8Array.of(0xff), payload);
    return Uint8Array.from(Buffer.concat(parts));
  });
const payloads = fc.oneof(
  { weight: 8, arbitrary: usual },
  { weight: 3, arbitrary: wild },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
);

/** A set of a user's own, with every kind of field: many options that may be absent, MSB, mappings, fixed lengths. */
const OWN = [
  M.rule(1, 2, [
    M.notSent(C.FID_COAP_VERSION, 2, 1),
    M.sent(C.FID_COAP_TYPE, 2),
    M.sent(C.FID_COAP_TKL, 4),
    M.sent(C.FID_COAP_CODE, 8),
    M.lsb(C.FID_COAP_MID, 16, 0x100, 7),
    M.sent(C.FID_COAP_TOKEN, -1),
    M.sent(C.FID_COAP_OPTION + 6, FL_VARIABLE),
    M.mapped(C.FID_COAP_OPTION + 11, FL_VARIABLE, ['a', 'bc', 'reading']),
  ]),
  M.rule(0, 2, [
    M.notSent(C.FID_COAP_VERSION, 2, 1),
    M.sent(C.FID_COAP_TYPE, 2),
    M.sent(C.FID_COAP_TKL, 4),
    M.sent(C.FID_COAP_CODE, 8),
    M.sent(C.FID_COAP_MID, 16),
    M.sent(C.FID_COAP_TOKEN, FL_VARIABLE),
    ...[1, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 17].map((number) => M.sent(C.FID_COAP_OPTION + number, FL_VARIABLE)),
    M.sent(C.FID_COAP_OPTION + 60, 16),
  ]),
  M.rule(7, 3, []),
];

test('any message and any other payload comes back unchanged, and is one octet longer at most', () => {
  const sets = [
    coapRuleSet([bytes('61')]),
    coapRuleSet([Buffer.from('s/t'), bytes('61'), Buffer.from('')].map((path) => Uint8Array.from(path))),
    OWN,
  ];
  const sides = sets.map((rules) => [true, false].map((isDev) => createCoapRules(rules, hashOf(rules), isDev, ROOM)));
  const out = new Uint8Array(ROOM);
  const back = new Uint8Array(ROOM);
  const memory = new Uint8Array(ROOM);
  const kinds = [0, 0, 0];
  fc.assert(
    fc.property(payloads, fc.nat(2), fc.boolean(), fc.nat(9), (payload, set, isUp, at) => {
      const [sender, receiver] = isUp ? sides[set] : [sides[set][1], sides[set][0]];
      memory.fill(0xb1);
      memory.set(payload, at);
      out.fill(0x5a);
      const size = packCoap(sender, memory, at, payload.length, out, 3);
      assert.ok(size >= 0 && size <= payload.length + 1, String(size));
      assert.equal(out[3 + size], 0x5a);
      const isImplied = sender.context.isImplied;
      kinds[isImplied ? 0 : size > payload.length ? 2 : 1]++;
      back.fill(0xa5);
      const length = unpackCoap(receiver, isImplied, out, 3, size, back, 5);
      assert.equal(M.hex(back.subarray(5, 5 + Math.max(0, length))), M.hex(payload));
      assert.equal(length, payload.length);
    }),
    { seed: 8824, numRuns: 12000 },
  );
  assert.ok(
    kinds.every((count) => count > 200),
    kinds.join(),
  );
});

test('10^5 changed or random octets restore to a message or to a drop code, within the room', () => {
  const random = createRandom(8824).fill;
  const dice = new Uint8Array(8);
  const [sender, receiver] = [rulesOf(['a', 's/t'], true), rulesOf(['a', 's/t'], false)];
  const own = createCoapRules(OWN, hashOf(OWN), false, ROOM);
  const good = ['4102000101b161ff7b2274223a32312e357d', '5102000101b17301743131', '40001234', '6144000101'].map(bytes);
  const input = new Uint8Array(64);
  const out = new Uint8Array(96);
  let restored = 0;
  for (let n = 0; n < 100000; n++) {
    random(dice, 0, 8);
    let length = dice[0] % 40;
    if (dice[1] < 128) random(input, 0, length);
    else {
      const message = good[dice[2] % good.length];
      length = packCoap(sender, message, 0, message.length, input, 0);
      if (length > 0) input[dice[3] % length] ^= 1 << (dice[4] & 7);
      if (dice[5] < 64) length = dice[6] % (length + 1);
    }
    out.fill(0xc3);
    const room = dice[7] % 64;
    const result = unpackCoap(
      dice[5] % 3 === 0 ? own : receiver,
      (dice[4] & 8) === 8,
      input,
      0,
      length,
      out.subarray(0, room),
      0,
    );
    assert.ok(Number.isInteger(result) && result <= room, String(result));
    assert.ok(out.subarray(room).every((octet) => octet === 0xc3));
    if (result >= 0) restored++;
  }
  assert.ok(restored > 10000 && restored < 90000, String(restored));
});

const SETTINGS = { key: new Uint8Array(16).fill(7), salt: new Uint8Array(3), spi: 0x1234, spiLsb: 0, snLsb: 8 };

/** One packet through both ends; the restored one, or the drop code of either. */
function carried(ends: ReturnType<typeof endsOf>, packet: Uint8Array, change?: (wire: Uint8Array) => void) {
  const wire = new Uint8Array(packet.length + OUTBOUND_ROOM + 2);
  const size = outboundCoap(ends.outgoing.endpoint, ends.outgoing.sa, packet, 0, packet.length, wire, 0, 0);
  if (size < 0) return size;
  change?.(wire.subarray(0, size));
  const back = new Uint8Array(ROOM);
  const length = inboundCoap(ends.incoming.endpoint, wire, 0, size, back, 0, 0);
  return length < 0 ? length : M.hex(back.subarray(0, length));
}

test('loss, replay, damage, and the last sequence number', () => {
  const ends = endsOf(true, rulesOf(['a'], true), rulesOf(['a'], false), SETTINGS);
  const reading = packetOf(bytes('4102000101b161ff7b2274223a32312e357d'), true);
  const other = packetOf(bytes('4102000101b162ff31'), true);
  const random = createRandom(5).fill;
  const dice = new Uint8Array(2);
  let last = 0;
  for (let n = 0; n < 2000; n++) {
    random(dice, 0, 2);
    const packet = dice[0] < 128 ? reading : other;
    const wire = new Uint8Array(400);
    const size = outboundCoap(ends.outgoing.endpoint, ends.outgoing.sa, packet, 0, packet.length, wire, 0, 0);
    const number = ends.outgoing.sa.snLo;
    assert.ok(number > last && number <= last + 2 && (number & 1) === (packet === reading ? 1 : 0));
    last = number;
    if (dice[1] < 100) continue;
    const back = new Uint8Array(400);
    const copy = wire.slice(0, size);
    if (dice[1] < 120) {
      copy[size - 1] ^= 1;
      assert.ok(inboundCoap(ends.incoming.endpoint, copy, 0, size, back, 0, 0) < 0);
      continue;
    }
    assert.equal(
      M.hex(back.subarray(0, inboundCoap(ends.incoming.endpoint, copy, 0, size, back, 0, 0))),
      M.hex(packet),
    );
    assert.ok(inboundCoap(ends.incoming.endpoint, wire.slice(0, size), 0, size, back, 0, 0) < 0);
  }
  const { sa } = ends.outgoing;
  sa.snLo = 4294967294;
  // Odd numbers: the last one is 4294967295.
  assert.equal(typeof carried(ends, reading), 'number');
  assert.equal(sa.snLo, 4294967295);
  assert.equal(carried(ends, reading), DROP_EXHAUSTED);
  assert.deepEqual([sa.snHi, sa.snLo], [0, 4294967295]);
  sa.snLo = 4294967294;
  assert.equal(carried(ends, other), DROP_EXHAUSTED);
  assert.deepEqual([sa.snHi, sa.snLo], [0, 4294967294]);
});

test('packets that are not UDP, or whose checksum is wrong, and SAs without rules go as ever', () => {
  const rules = rulesOf(['a'], true);
  const ends = endsOf(true, rules, rulesOf(['a'], false), SETTINGS);
  const wrong = packetOf(bytes('4102000101b161ff31'), true);
  wrong[HEAD - 1] ^= 1;
  assert.ok((carried(ends, wrong) as number) < 0);
  assert.equal(ends.outgoing.sa.dropRefused, 1);
  assert.equal(ends.outgoing.sa.snLo, 0);
  const none = packetOf(bytes('4102000101b161ff31'), true);
  none.fill(0, HEAD - 2, HEAD);
  assert.equal(carried(ends, none), M.hex(packetOf(bytes('4102000101b161ff31'), true)));
  assert.equal(rules.implied, 1);
  const plain = endsOf(true, undefined, undefined, SETTINGS);
  assert.equal(
    carried(plain, packetOf(bytes('4102000101b161ff31'), true)),
    M.hex(packetOf(bytes('4102000101b161ff31'), true)),
  );
  assert.equal(plain.outgoing.sa.snLo, 1);
});

test('a peer with other rules: a drop that is counted, and no packet that was accepted', () => {
  const ends = endsOf(true, undefined, rulesOf(['a'], false), SETTINGS);
  // Raw CoAP where a RuleID is expected, or a first rule: what comes of it is another message, or a drop.
  ends.outgoing.sa.snLo = 1;
  const result = carried(ends, packetOf(bytes('6144000101'), true));
  assert.equal(result, DROP_RESIDUE);
  const { endpoint, sa } = ends.incoming;
  assert.deepEqual([endpoint.received, sa.packets, sa.bytes, sa.dropMalformed], [0, 0, 0, 1]);
});

test('rule sets that would lose something, or are about other headers, are refused by name', () => {
  const [first] = OWN;
  const rest = M.rule(255, 8, []);
  const make =
    (...rules: typeof OWN) =>
    () =>
      createCoapRules(rules, new Uint8Array(8), true, ROOM);
  const replaced = (index: number, field: (typeof first.fields)[0]) =>
    M.rule(
      1,
      2,
      first.fields.map((old, i) => (i === index ? field : old)),
    );
  assert.throws(make(first), /rules: 1: must have one without fields/);
  assert.throws(make(first, M.rule(0x1ff, 9, [])), /ruleIdLength: 9: must be 1\.\.8/);
  assert.throws(
    make(replaced(4, M.assumed(C.FID_COAP_MID, 16, 1)), rest),
    /rule 1\/2 entry 4.*ignore with not-sent.*lost/,
  );
  assert.throws(make(M.rule(1, 2, [M.sent(2861, 8)]), rest), /entry 0.*2861: must be a field of CoAP/);
  assert.throws(make(M.rule(1, 2, [M.sent(C.FID_COAP_CODE, 8)]), rest), /rule 1\/2: no fixed header/);
  assert.throws(make(replaced(3, M.sent(C.FID_COAP_CODE, 7)), rest), /fl 7: must be 8/);
  assert.throws(() => createCoapRules([rest], new Uint8Array(7), true, ROOM), /hash: 7 octets/);
  assert.throws(() => coapRuleSet([]), /paths: 0: must be 1\.\.32/);
  assert.equal(createCoapRules([rest], new Uint8Array(8), true, ROOM).context.up.length, 0);
});

test('the name of a set does not depend on how it is written, and differs where it compresses otherwise', () => {
  const canon = (rules: typeof OWN): string => M.hex(canonicalRules(rules));
  const own = canon(OWN);
  assert.equal(canon(readSchcJson(JSON.stringify(schcJson(OWN)))), own);
  const written = (change: (field: (typeof OWN)[0]['fields'][0]) => object): typeof OWN =>
    OWN.map((rule) => ({ ...rule, fields: rule.fields.map((field) => ({ ...field, ...change(field) })) }));
  // Positions, values beside ignore, bits behind those of MSB, leading zeros.
  assert.equal(canon(written(() => ({ fp: 0 }))), own);
  assert.equal(canon(written(({ mo, tv }) => (mo === 1 ? { tv: [bytes('01')] } : { tv }))), own);
  assert.equal(canon(written(({ mo, tv }) => (mo === 2 ? { tv: [bytes('01ff')] } : { tv }))), own);
  assert.equal(canon(written(({ fl, tv }) => (fl === 2 && tv.length === 1 ? { tv: [bytes('0001')] } : { tv }))), own);
  for (const change of [
    ({ cda }: { cda: number }) => ({ cda: cda === 3 ? 1 : cda }),
    ({ msb }: { msb: number }) => ({ msb: msb === 7 ? 6 : msb }),
    ({ tv }: { tv: Uint8Array[] }) => ({ tv: tv.length === 3 ? [tv[1], tv[0], tv[2]] : tv }),
    ({ di }: { di: number }) => ({ di: di + 1 }),
  ]) {
    assert.notEqual(canon(written(change)), own);
  }
  assert.notEqual(canon([OWN[1], OWN[0], OWN[2]]), own);
  assert.notEqual(canon([OWN[0], OWN[1], M.rule(3, 2, [])]), own);
});
