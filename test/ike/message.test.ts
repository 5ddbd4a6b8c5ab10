// Header, payload chain and writer of IKE messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DROP_LENGTH, DROP_SHORT, DROP_VERSION } from '../../core/base/drop.ts';
import {
  addNotify,
  beginChain,
  beginMessage,
  beginPayload,
  checkIkeHeader,
  createPayloads,
  createWriter,
  endMessage,
  endPayload,
  findNotify,
  findPayload,
  IKE_NEXT,
  IKE_SIZE,
  MAX_PAYLOADS,
  notifyDataAt,
  notifyDataSize,
  notifyType,
  parsePayloads,
  write8,
  writeOctets,
} from '../../core/ike/codec/message.ts';
import * as n from '../../core/ike/codec/numbers.ts';
import { join, take } from '../../core/ike/codec/octets.ts';
import {
  authRequest,
  chain,
  hex,
  initRequest,
  NOTHING,
  octetsOf,
  otherPayloads,
  payload,
  payloadsOf,
  SPI_I,
  SPI_R,
} from './examples.ts';

const INIT = initRequest();

test('IKE_SA_INIT request: 200 octets, header and SA payload octet for octet', () => {
  assert.equal(INIT.length, 200);
  assert.equal(hex(INIT.subarray(0, 28)), '01020304050607080000000000000000' + '2120220800000000000000c8');
  const sa = octetsOf(
    '22 00 00 28 | 00 00 00 24 01 01 00 03 | 03 00 00 0C 01 00 00 14 80 0E 00 80 | 03 00 00 08 02 00 00 05' +
      '| 00 00 00 08 04 00 00 1F',
  );
  assert.equal(hex(INIT.subarray(28, 68)), hex(sa));
  assert.equal(hex(INIT.subarray(68, 76)), '28000028001f0000');
  assert.equal(hex(INIT.subarray(108, 112)), '29000024');
  assert.equal(hex(INIT.subarray(144, 152)), '2900001c00004004');
  assert.equal(hex(INIT.subarray(172, 180)), '0000001c00004005');
});

test('IKE_AUTH request: 160 octets of payloads, the ESP proposal octet for octet', () => {
  const { first, octets } = authRequest();
  assert.equal(first, n.PAYLOAD_IDI);
  assert.equal(octets.length, 160);
  assert.ok(
    hex(octets).includes(
      hex(
        octetsOf(
          '2c 00 00 24 | 00 00 00 20 01 03 04 02 A1 B2 C3 D4 | 03 00 00 0C 01 00 00 14 80 0E 00 80' +
            '| 00 00 00 08 05 00 00 00',
        ),
      ),
    ),
  );
});

test('header: short, wrong length, versions', () => {
  assert.equal(checkIkeHeader(INIT, 0, INIT.length), 0);
  for (let length = 0; length < IKE_SIZE; length++) assert.equal(checkIkeHeader(INIT, 0, length), DROP_SHORT);
  for (const length of [28, 199, 201]) assert.equal(checkIkeHeader(INIT, 0, length), DROP_LENGTH);
  const shifted = Uint8Array.of(0, 0, 0, 0, ...INIT);
  assert.equal(checkIkeHeader(shifted, 4, INIT.length), 0);
  for (const [version, result] of [
    [0x10, DROP_VERSION],
    [0x2f, 0],
    [0x30, DROP_VERSION],
  ]) {
    shifted[4 + 17] = version;
    assert.equal(checkIkeHeader(shifted, 4, INIT.length), result);
  }
});

test('payloads of the example are found', () => {
  const p = payloadsOf(INIT, 0, INIT.length);
  assert.deepEqual([...p.type.subarray(0, p.count)], [33, 34, 40, 41, 41]);
  assert.deepEqual([...p.at.subarray(0, p.count)], [32, 72, 112, 148, 176]);
  assert.deepEqual([...p.size.subarray(0, p.count)], [36, 36, 32, 24, 24]);
  assert.equal(findPayload(p, n.PAYLOAD_NONCE, 0), 2);
  assert.equal(findPayload(p, n.PAYLOAD_NOTIFY, 0), 3);
  assert.equal(findPayload(p, n.PAYLOAD_NOTIFY, 4), 4);
  assert.equal(findPayload(p, n.PAYLOAD_NOTIFY, 5), -1);
  assert.equal(findPayload(p, n.PAYLOAD_CERT, 0), -1);
  assert.equal(findNotify(p, INIT, n.N_NAT_DETECTION_DESTINATION_IP), 4);
  assert.equal(findNotify(p, INIT, n.N_COOKIE), -1);
});

test('a notify with an SPI: type and data', () => {
  const { first, octets } = chain((w) => addNotify(w, 3, 16393, take(SPI_I, 4, 4), take(SPI_R, 1, 3)));
  const p = createPayloads();
  assert.equal(parsePayloads(p, octets, first, 0, octets.length), 0);
  assert.equal(hex(octets), '0000000f' + '03044009' + '05060708' + '121314');
  assert.equal(notifyType(octets, 4), n.N_REKEY_SA);
  assert.equal(notifyDataAt(octets, 4), 12);
  assert.equal(notifyDataSize(octets, 4, p.size[0]), 3);
});

test('one octet too few in any payload is a syntax error, as is any cut', () => {
  const p = createPayloads();
  for (const { first, octets } of [authRequest(), otherPayloads(), { first: INIT[IKE_NEXT], octets: INIT.slice(28) }]) {
    assert.equal(parsePayloads(p, octets, first, 0, octets.length), 0);
    for (let end = 0; end < octets.length; end++) {
      assert.equal(parsePayloads(p, octets, first, 0, end), n.N_INVALID_SYNTAX, 'cut to ' + end);
    }
    const longer = Uint8Array.of(...octets, 0);
    assert.equal(parsePayloads(p, longer, first, 0, longer.length), n.N_INVALID_SYNTAX);
  }
});

function parseOne(type: number, body: number[]): number {
  const { octets } = chain((w) => payload(w, type, body, NOTHING));
  return parsePayloads(createPayloads(), octets, type, 0, octets.length);
}

test('fixed parts of bodies', () => {
  const zeros = (length: number): number[] => new Array<number>(length).fill(0);
  const least: [number, number][] = [
    [n.PAYLOAD_SA, 0],
    [n.PAYLOAD_KE, 4],
    [n.PAYLOAD_IDI, 4],
    [n.PAYLOAD_IDR, 4],
    [n.PAYLOAD_CERT, 1],
    [n.PAYLOAD_CERTREQ, 1],
    [n.PAYLOAD_AUTH, 4],
    [n.PAYLOAD_NONCE, 16],
    [n.PAYLOAD_NOTIFY, 4],
    [n.PAYLOAD_DELETE, 4],
    [n.PAYLOAD_VENDOR, 0],
    [n.PAYLOAD_TSI, 4],
    [n.PAYLOAD_TSR, 4],
    [n.PAYLOAD_SK, 0],
    [n.PAYLOAD_CP, 4],
    [n.PAYLOAD_EAP, 4],
    [n.PAYLOAD_SKF, 4],
  ];
  for (const [type, size] of least) {
    assert.equal(parseOne(type, zeros(size)), 0, 'type ' + type);
    if (size > 0) assert.equal(parseOne(type, zeros(size - 1)), n.N_INVALID_SYNTAX, 'type ' + type);
  }
  assert.equal(parseOne(n.PAYLOAD_NONCE, zeros(256)), 0);
  assert.equal(parseOne(n.PAYLOAD_NONCE, zeros(257)), n.N_INVALID_SYNTAX);
  assert.equal(parseOne(n.PAYLOAD_NOTIFY, [3, 4, 0, 0, 1, 2, 3, 4]), 0);
  assert.equal(parseOne(n.PAYLOAD_NOTIFY, [3, 5, 0, 0, 1, 2, 3, 4]), n.N_INVALID_SYNTAX);
  assert.equal(parseOne(n.PAYLOAD_DELETE, [3, 4, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]), 0);
  assert.equal(parseOne(n.PAYLOAD_DELETE, [3, 4, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8]), n.N_INVALID_SYNTAX);
  assert.equal(parseOne(n.PAYLOAD_DELETE, [1, 0, 0, 1]), 0);
});

test('unknown payloads are left out, critical ones reported behind a complete list', () => {
  const { first, octets } = chain((w) => {
    payload(w, 200, [1, 2], NOTHING);
    payload(w, n.PAYLOAD_VENDOR, [7], NOTHING);
    payload(w, 49, [], NOTHING);
    payload(w, n.PAYLOAD_VENDOR, [8], NOTHING);
  });
  const p = createPayloads();
  assert.equal(parsePayloads(p, octets, first, 0, octets.length), 0);
  assert.deepEqual([p.count, p.critical], [2, 0]);
  octets[12] = 0x80;
  octets[1] = 0x7f;
  assert.equal(parsePayloads(p, octets, first, 0, octets.length), n.N_UNSUPPORTED_CRITICAL_PAYLOAD);
  assert.deepEqual([p.count, p.critical], [2, 49]);
  octets[1] = 0x80;
  assert.equal(parsePayloads(p, octets, first, 0, octets.length), n.N_UNSUPPORTED_CRITICAL_PAYLOAD);
  assert.equal(p.critical, 200);
  // The flag says nothing on a known payload.
  octets[1] = octets[12] = 0;
  octets[7] = 0x80;
  assert.equal(parsePayloads(p, octets, first, 0, octets.length), 0);
});

test('SK and SKF end the chain', () => {
  for (const type of [n.PAYLOAD_SK, n.PAYLOAD_SKF]) {
    const { octets } = chain((w) => payload(w, type, [0, 1, 0, 1, 5, 6], NOTHING));
    octets[0] = n.PAYLOAD_AUTH;
    const p = createPayloads();
    assert.equal(parsePayloads(p, octets, type, 0, octets.length), 0);
    assert.deepEqual([p.count, p.type[0], p.at[0], p.size[0], octets[p.at[0] - 4]], [1, type, 4, 6, n.PAYLOAD_AUTH]);
    assert.equal(parsePayloads(p, Uint8Array.of(...octets, 0), type, 0, octets.length + 1), n.N_INVALID_SYNTAX);
  }
});

test('at most ' + MAX_PAYLOADS + ' payloads, unknown ones counted', () => {
  for (const type of [n.PAYLOAD_VENDOR, 250]) {
    for (const [count, result] of [
      [MAX_PAYLOADS, 0],
      [MAX_PAYLOADS + 1, n.N_INVALID_SYNTAX],
    ]) {
      const { octets } = chain((w) => {
        for (let i = 0; i < count; i++) payload(w, type, [], NOTHING);
      });
      assert.equal(parsePayloads(createPayloads(), octets, type, 0, octets.length), result);
    }
  }
});

test('nothing is written behind the end of the buffer, whatever its length', () => {
  for (let room = 0; room <= INIT.length; room++) {
    // An ordinary array grows when it is written past its end, as a table of Lua does.
    const w = createWriter(new Array<number>(room).fill(0) as unknown as Uint8Array);
    beginMessage(w, 0, join([take(SPI_I, 0, 8), take(new Uint8Array(8), 0, 8)]), n.IKE_SA_INIT, n.FLAG_INITIATOR, 0);
    for (const size of [36, 36, 32, 24, 24]) {
      const at = beginPayload(w, n.PAYLOAD_VENDOR);
      writeOctets(w, INIT, 0, size);
      endPayload(w, at);
    }
    assert.equal(endMessage(w), room < INIT.length ? -1 : INIT.length, 'room ' + room);
    assert.equal(w.buffer.length, room);
  }
});

test('a payload of more than 65,535 octets is refused', () => {
  for (const [size, full] of [
    [65531, false],
    [65532, true],
  ] as const) {
    const w = createWriter(new Uint8Array(70000));
    beginChain(w, 0);
    const at = beginPayload(w, n.PAYLOAD_VENDOR);
    for (let i = 0; i < size; i++) write8(w, i);
    endPayload(w, at);
    assert.equal(w.full, full);
  }
});

test('what is written is what is read', () => {
  const known = [33, 34, 35, 36, 37, 38, 39, 43, 44, 45, 47, 48];
  const one = fc.record({
    type: fc.constantFrom(...known, 1, 32, 49, 52, 54, 255),
    body: fc.uint8Array({ minLength: 4, maxLength: 60 }),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: MAX_PAYLOADS }), fc.nat(20), (list, offset) => {
      const w = createWriter(new Uint8Array(3000));
      beginMessage(w, offset, join([take(SPI_I, 0, 8), take(SPI_R, 0, 8)]), 37, 0x28, 0xfffffffe);
      for (const { type, body } of list) payload(w, type, [], body);
      const length = endMessage(w);
      assert.equal(checkIkeHeader(w.buffer, offset, length), 0);
      const p = payloadsOf(w.buffer, offset, length);
      const read = Array.from({ length: p.count }, (_, i) => ({
        type: p.type[i],
        body: w.buffer.slice(p.at[i], p.at[i] + p.size[i]),
      }));
      assert.deepEqual(
        read,
        list
          .filter(({ type }) => known.includes(type))
          .map(({ type, body }) => ({ type, body: Uint8Array.from(body) })),
      );
    }),
  );
});
