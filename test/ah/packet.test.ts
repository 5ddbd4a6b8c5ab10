// AH against naive.ts, octet for octet and bit for bit: what is on the wire, what routers may change, what nobody may.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AH_SUITES, ahAesCmac, ahAesGmac128, ahHmacSha256 } from '../../core/ah/suites.ts';
import { DROP_CHECKSUM, DROP_LENGTH, DROP_NO_SA, DROP_OPTION, DROP_UNSUPPORTED } from '../../core/base/drop.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { OUTER } from '../interop/associations.ts';
import { ipv4Checksum } from '../naive/bits.ts';
import { packet, raw } from '../naive/packets.ts';
import { deliver, endpointOf, forgetful, type Given, naiveOf, receive, SPI, saOf, send } from './kit.ts';
import { isRight, join, type Part, parts, protect, protectIn } from './naive.ts';
import {
  destination,
  extension,
  FIXED_OPTIONS,
  four,
  hop,
  MUTABLE_OPTIONS,
  ROUTE_DONE,
  ROUTE_OPTIONS,
  route,
  six,
  sixRaw,
} from './packets.ts';

const IV = Buffer.from('0000000000000001', 'hex');
const SIX = ['2001:db8:7::1', '2001:db8:7::2', '2001:db8:2::9'];
/** A mutable option, a fixed one, Pad1. */
const OPTIONS = '3e 04 01020304 1e 02 aabb 00';

const PACKETS: [name: string, packet: Buffer][] = [
  ['IPv4', four()],
  ['IPv4, no payload', four('', 0)],
  ['IPv4, 1,400 octets', four('', 1372)],
  ['IPv4, fixed options', four(FIXED_OPTIONS)],
  ['IPv4, mutable options', four(MUTABLE_OPTIONS)],
  ['IPv4, End of Options List before other octets', four('0102 0a 00 82 03 77 01'.slice(10))],
  ['IPv4, a route', four(ROUTE_OPTIONS)],
  ['IPv4, a route at its end', four(ROUTE_DONE)],
  ['IPv6', six()],
  ['IPv6, 1,400 octets', six([], 1352)],
  ['IPv6, Hop-by-Hop', six([hop(OPTIONS)])],
  ['IPv6, Destination Options', six([destination(OPTIONS)])],
  ['IPv6, a route', six([route(0, 3, SIX)])],
  ['IPv6, a route on its way', six([route(0, 1, SIX)])],
  ['IPv6, a route at its end', six([route(0, 0, SIX)])],
  ['IPv6, Mobile IPv6', six([route(2, 1, [SIX[0]!])])],
  ['IPv6, a segment route at its end', six([route(4, 0, SIX)])],
  ['IPv6, all of them', six([hop(OPTIONS), destination(OPTIONS), route(0, 2, SIX), destination(OPTIONS)])],
];

const versionOf = (octets: Uint8Array): number => octets[0]! >>> 4;
const ivOf = ({ suite = ahHmacSha256 }: Given): Buffer => (suite.ivLength > 0 ? IV : Buffer.alloc(0));
const good = (result: Buffer | number, name = ''): Buffer => {
  assert.ok(typeof result === 'object', `${name}: dropped with ${result}`);
  return result;
};

test('the header: Next Header, Payload Len, Scope, SPI, number; the ICV in the fields of each algorithm', () => {
  const sizes: [number, number][] = [];
  for (const suite of AH_SUITES) {
    const [inFour, inSix] = [four(), six()].map((p) => {
      const wire = good(send(saOf({ suite, version: versionOf(p) }), p));
      const at = versionOf(p) === 6 ? 40 : 20;
      assert.equal(wire[versionOf(p) === 6 ? 6 : 9], 51);
      assert.equal(
        wire.subarray(at, at + 12).toString('hex'),
        `11${wire[at + 1]!.toString(16).padStart(2, '0')}0000${SPI.toString(16).padStart(8, '0')}00000001`,
      );
      return wire.length - p.length;
    });
    sizes.push([inFour!, inSix!]);
  }
  // HMAC 12 + 16, CMAC 12 + 12, GMAC 12 + 8 + 16; in IPv6 a multiple of 8.
  assert.deepEqual(sizes, [
    [28, 32],
    [24, 24],
    [36, 40],
    [36, 40],
    [36, 40],
  ]);
  const scoped = good(send(saOf({ ah: { scope: 1 } }), six()));
  assert.equal(scoped.subarray(42, 44).toString('hex'), '0001');
});

test('transport mode: the octets of naive.ts, and back', () => {
  let count = 0;
  for (const suite of AH_SUITES) {
    for (const scope of [0, 1]) {
      for (const numbers of [0, 1, 2]) {
        for (const [name, inner] of PACKETS) {
          const given: Given = { suite, version: versionOf(inner), ah: { numbers, scope } };
          const wire = good(send(saOf(given), inner), name);
          assert.deepEqual(wire, protect(naiveOf(given), inner, 1n, ivOf(given)), `${suite.name} ${name}`);
          assert.ok(isRight(naiveOf(given), wire, 0));
          assert.deepEqual(deliver(given, wire), inner, name);
          count++;
        }
      }
    }
  }
  assert.equal(count, 5 * 2 * 3 * PACKETS.length);
});

test('tunnel mode: the octets of naive.ts behind the outer header, and back', () => {
  for (const suite of AH_SUITES) {
    for (const outer of [4, 6]) {
      for (const [name, inner] of PACKETS) {
        const given: Given = { suite, version: versionOf(inner), outer, ah: { numbers: 1 } };
        const wire = good(send(saOf(given), inner), name);
        const size = outer === 6 ? 40 : 20;
        const [src, dst] = OUTER[outer]!;
        const header = packet({ src, dst, hops: 61 }, raw(51, Buffer.alloc(0)));
        const expected = protectIn(naiveOf(given), header, inner, 1n, ivOf(given));
        assert.deepEqual(wire.subarray(size + 12, size + 40), expected.subarray(size + 12, size + 40), name);
        assert.deepEqual(wire.subarray(-inner.length), inner);
        assert.deepEqual(deliver(given, wire), inner, name);
      }
    }
  }
});

test('numbers: the 33rd bit is in the ICV with extended numbers alone', () => {
  for (const suite of [ahHmacSha256, ahAesCmac, ahAesGmac128]) {
    const given: Given = { suite, ah: { numbers: 1 }, config: { snHi: 2, snLo: 2 ** 32 - 2 } };
    const sa = saOf(given);
    const e = endpointOf(saOf(given));
    for (const number of [0x2ffffffffn, 0x300000000n, 0x300000001n]) {
      const iv = Buffer.alloc(suite.ivLength);
      if (iv.length > 0) iv.writeBigUInt64BE(number);
      const wire = good(send(sa, six()));
      assert.deepEqual(wire, protect(naiveOf(given), six(), number, iv));
      assert.deepEqual(receive(e, wire), six());
    }
  }
});

/** A copy with one bit turned, where the checksum of IPv4 follows. */
function flipped(wire: Buffer, bit: number): Buffer {
  const copy = Buffer.from(wire);
  copy[bit >>> 3]! ^= 0x80 >>> (bit & 7);
  const size = (copy[0]! & 15) * 4;
  const isChecksum = bit >= 80 && bit < 96;
  if (versionOf(wire) === 4 && !isChecksum && size <= copy.length && size >= 20) {
    copy.writeUInt16BE(ipv4Checksum(copy.subarray(0, size)), 10);
  }
  return copy;
}

/** Octets and bits that routers may change whatever follows: [first bit, behind the last]. */
const FREE: Record<number, [number, number][]> = {
  // DSCP and ECN; the reserved bit and DF; TTL.
  4: [
    [8, 16],
    [48, 50],
    [64, 72],
  ],
  // Traffic Class and Flow Label; Hop Limit.
  6: [
    [4, 32],
    [56, 64],
  ],
};

test('every bit: mutable ones change nothing, every other one is noticed', () => {
  for (const [name, inner] of PACKETS.filter(([, p]) => p.length < 300)) {
    const version = versionOf(inner);
    for (const suite of [ahHmacSha256, ahAesGmac128]) {
      const given: Given = { suite, version };
      const wire = good(send(saOf(given), inner));
      const free = FREE[version]!;
      const e = forgetful(given);
      let accepted = 0;
      for (let bit = 0; bit < 8 * wire.length; bit++) {
        const changed = flipped(wire, bit);
        const result = receive(e, changed);
        const isFree = free.some(([from, end]) => bit >= from && bit < end);
        let isFine = false;
        try {
          isFine = isRight(naiveOf(given), changed, 0);
        } catch {
          // Not a packet any more.
        }
        // More Fragments and the offset are mutable too, but make a fragment; a wrong checksum is no packet.
        const isFragment = version === 4 && bit >= 50 && bit < 64;
        // Where a route is not used up, the destination on the way is mutable, but it is not this receiver's.
        const isOnWay = name === 'IPv4, a route' && bit >= 128 && bit < 160;
        if (isFragment) assert.equal(result, DROP_UNSUPPORTED);
        else if (isOnWay) assert.deepEqual([result, isFine], [DROP_NO_SA, true]);
        else if (version === 4 && bit >= 80 && bit < 96) assert.equal(result, DROP_CHECKSUM);
        else {
          if (isFree) assert.equal(isFine, true, `${name}: bit ${bit}`);
          assert.equal(typeof result === 'object', isFine, `${name}: bit ${bit}: ${result}`);
        }
        if (typeof result === 'object') accepted++;
      }
      const least = free.reduce((sum, [from, end]) => sum + end - from, 0);
      assert.ok(accepted >= least, name);
      // Data of options are more, and of nothing else.
      const hasMore = /mutable options|a route at its end|Hop-by-Hop|Destination|all of them/.test(name);
      if (!hasMore && !name.includes('route')) assert.equal(accepted, least, name);
    }
  }
});

test('on the way: TTL, DSCP, recorded addresses, data of options and the route itself may change', () => {
  const recorded = good(send(saOf({ version: 4 }), four(MUTABLE_OPTIONS)));
  recorded[1] = 0xb8;
  recorded[8] = 3;
  Buffer.from('08c0000201', 'hex').copy(recorded, 22);
  recorded.writeUInt16BE(ipv4Checksum(recorded.subarray(0, 40)), 10);
  assert.equal(typeof deliver({ version: 4 }, recorded), 'object');

  // IPv4: the last hop has put its own address into the route, and sends to the last one.
  const routed = good(
    send(saOf({ version: 4, values: { ts_ip_dst: ['0.0.0.0', '255.255.255.255'] } }), four(ROUTE_OPTIONS)),
  );
  const list = parts(routed);
  const header = Buffer.from(list[0]!.octets);
  Buffer.from('0a020009', 'hex').copy(header, 16);
  header[23] = 12;
  Buffer.from('0a030002', 'hex').copy(header, 28);
  const arrived = join([{ proto: 4, octets: header }, list[1]!]);
  assert.equal(typeof deliver({ version: 4 }, arrived), 'object');
  arrived[19] ^= 1;
  arrived.writeUInt16BE(ipv4Checksum(arrived.subarray(0, 32)), 10);
  assert.equal(
    typeof deliver({ version: 4, values: { ts_ip_dst: ['0.0.0.0', '255.255.255.255'] } }, arrived),
    'number',
  );

  // IPv6, hop by hop, by a router that is neither here nor there.
  const any = { ts_ip_dst: ['::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'] };
  const wire = good(send(saOf({ values: any }), six([route(0, 3, SIX)])));
  for (let left = 3; left > 0; left--) {
    const at = 48 + 16 * (3 - left);
    const visited = Buffer.from(wire.subarray(24, 40));
    wire.copy(wire, 24, at, at + 16);
    visited.copy(wire, at);
    wire[43] = left - 1;
    assert.equal(typeof deliver({ values: any }, wire), 'object', `${left}`);
  }
  wire[50]! ^= 1;
  assert.equal(typeof deliver({ values: any }, wire), 'number');
});

test('the place: behind what routers look at, in front of what is for the receiver', () => {
  const chain = (octets: Buffer): number[] => {
    const list: number[] = [];
    for (const { proto, octets: all } of parts(octets)) {
      list.push(proto);
      if (proto !== 51) continue;
      let next = all[0]!;
      let rest = all.subarray(4 * (all[1]! + 2));
      for (; next === 60; rest = rest.subarray(8 + 8 * rest[1]!)) {
        list.push(60);
        next = rest[0]!;
      }
      list.push(next);
    }
    return list;
  };
  const d = destination(OPTIONS);
  const rows: [Part[], number[]][] = [
    [[], [41, 51, 17]],
    [[hop(OPTIONS)], [41, 0, 51, 17]],
    [[d], [41, 51, 60, 17]],
    [
      [hop(OPTIONS), d],
      [41, 0, 51, 60, 17],
    ],
    [
      [d, route(0, 1, SIX)],
      [41, 60, 43, 51, 17],
    ],
    [
      [hop(OPTIONS), d, route(0, 1, SIX), d],
      [41, 0, 60, 43, 51, 60, 17],
    ],
  ];
  for (const [headers, expected] of rows) assert.deepEqual(chain(good(send(saOf(), six(headers)))), expected);
  // A receiver takes AH behind Destination Options, too.
  const behind = join([parts(six())[0]!, d, { proto: 51, octets: Buffer.from(`1106${'00'.repeat(30)}`, 'hex') }]);
  assert.equal(deliver({}, behind), DROP_NO_SA);
});

test('what has no order: malformed options and routes, routes that nobody can follow, a second Hop-by-Hop', () => {
  const bad = (text: string): Part => extension(0, text);
  const rows: [Buffer, number][] = [
    [six([bad('3e ff 00')]), DROP_OPTION],
    [six([{ proto: 0, octets: Buffer.from('00000503aabbcc3e', 'hex') }]), DROP_OPTION],
    [six([route(0, 4, SIX)]), DROP_OPTION],
    [six([route(2, 1, SIX)]), DROP_OPTION],
    [six([route(4, 1, SIX)]), DROP_UNSUPPORTED],
    [six([route(3, 1, SIX)]), DROP_UNSUPPORTED],
    [six([route(253, 1, SIX)]), DROP_UNSUPPORTED],
    [
      six([{ proto: 43, octets: Buffer.from('0001000100000000 0000000000000000'.replace(' ', ''), 'hex') }]),
      DROP_OPTION,
    ],
    [six([hop(OPTIONS), hop(OPTIONS)]), DROP_UNSUPPORTED],
    [four('82 01 00 00'), DROP_OPTION],
    [four('01 01 01 07'), DROP_OPTION],
    [four('82 09 00 00'), DROP_OPTION],
    [four('83 06 04 00 00 00'), DROP_OPTION],
    [four('83 02 00 00'), DROP_OPTION],
    [four('83 07 04 0a000001 89 07 04 0a000002'), DROP_OPTION],
  ];
  for (const [octets, code] of rows) {
    const version = versionOf(octets);
    assert.equal(send(saOf({ version }), octets), code, octets.toString('hex'));
    // The same in a packet that has AH already.
    const list = parts(octets);
    const front = list.slice(0, -1);
    const ah = Buffer.from(`110600000123456700000001${'00'.repeat(20)}`, 'hex');
    const wire = join([...front, { proto: 51, octets: ah }]);
    if (version === 6 && front.length > 1) assert.equal(deliver({ version }, wire), code, wire.toString('hex'));
  }
});

test('cut off at every length, also where its header says so: nothing throws, nothing is taken', () => {
  for (const [name, inner] of PACKETS.filter(([, p]) => p.length < 300)) {
    const version = versionOf(inner);
    const wire = good(send(saOf({ version }), inner));
    const e = endpointOf(saOf({ version }));
    const sender = saOf({ version });
    const sending = endpointOf();
    for (let length = 0; length < wire.length; length++) {
      const cut = wire.subarray(0, length);
      assert.equal(typeof receive(e, cut), 'number', `${name} ${length}`);
      const said = Buffer.from(cut);
      if (length < (version === 6 ? 40 : (wire[0]! & 15) * 4)) continue;
      if (version === 6) said.writeUInt16BE(length - 40, 4);
      else {
        said.writeUInt16BE(length, 2);
        said.writeUInt16BE(ipv4Checksum(said.subarray(0, (said[0]! & 15) * 4)), 10);
      }
      assert.equal(typeof receive(e, said), 'number', `${name} ${length}`);
      if (length > 40) assert.notEqual(send(sender, said, sending), 0);
    }
    assert.deepEqual(receive(e, wire), inner);
  }
  // A jumbogram: Payload Length 0, and 70,000 octets.
  const jumbo = Buffer.concat([
    sixRaw(0, Buffer.from('330001c204000000c8', 'hex').subarray(0, 8)),
    Buffer.alloc(70000),
  ]);
  jumbo.writeUInt16BE(0, 4);
  assert.equal(deliver({}, jumbo), DROP_LENGTH);
  assert.equal(send(saOf(), jumbo), DROP_LENGTH);
});

test('30,000 damaged packets: nothing throws, and what is taken is right for naive.ts as well', () => {
  const random = createRandom(4302);
  const wires = PACKETS.filter(([, p]) => p.length < 300).map(([, p]) =>
    good(send(saOf({ version: versionOf(p) }), p)),
  );
  const receivers = [forgetful({ version: 4 }), forgetful({ version: 6 })];
  let taken = 0;
  for (let n = 0; n < 30000; n++) {
    const wire = wires[n % wires.length]!;
    const version = versionOf(wire);
    const copy = Buffer.from(wire);
    for (let i = random.below(3); i >= 0; i--) copy[random.below(Math.min(copy.length, 120))] = random.below(256);
    if (version === 6) copy.writeUInt16BE(copy.length - 40, 4);
    else if ((copy[0]! & 15) >= 5 && (copy[0]! & 15) * 4 <= copy.length) {
      copy.writeUInt16BE(copy.length, 2);
      copy.writeUInt16BE(ipv4Checksum(copy.subarray(0, (copy[0]! & 15) * 4)), 10);
    }
    if (typeof receive(receivers[version === 6 ? 1 : 0]!, copy) === 'number') continue;
    taken++;
    assert.ok(isRight(naiveOf({ version }), copy, 0), copy.toString('hex'));
  }
  assert.ok(taken > 100, `${taken}`);
});
