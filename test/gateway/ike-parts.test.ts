// Parts of the gateway's IKE alone: the address pool, datagrams by kind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createPool, PARTS } from '../../targets/node/gateway/pool.ts';
import { addressOctets, addressText } from '../../targets/node/host/addresses.ts';
import { addressRange } from '../../targets/node/host/config/ike-names.ts';
import { classify, UDP_ESP, UDP_IKE, UDP_IKE_MARKED, UDP_KEEPALIVE, UDP_SHORT } from '../../targets/node/host/udp.ts';

const range = (text: string) => addressRange(text)!;
const text = (address: Uint8Array | null) => (address === null ? null : addressText(address));

test('a peer has the same address each time, others another', () => {
  const pool = createPool([range('2001:db8:1::/64'), range('10.9.0.0/24')], []);
  const a = text(pool.lease('a', 16));
  assert.match(a!, /^2001:db8:1:/);
  assert.notEqual(text(pool.lease('b', 16)), a);
  assert.match(text(pool.lease('a', 4))!, /^10\.9\.0\./);
  assert.equal(pool.used(), 3);
  pool.release('a');
  assert.equal(pool.used(), 1);
  assert.equal(text(pool.lease('a', 16)), a);
  // Also after a restart, where nobody else came in between.
  assert.equal(text(createPool([range('2001:db8:1::/64')], []).lease('a', 16)), a);
});

test('a small pool: neither first nor last of a prefix, nor what is reserved; then none', () => {
  const pool = createPool([range('10.0.0.0/29')], [addressOctets('10.0.0.6')!]);
  const given = ['a', 'b', 'c', 'd', 'e'].map((id) => text(pool.lease(id, 4)));
  assert.deepEqual([...given].sort(), ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5']);
  assert.equal(pool.lease('f', 4), null);
  assert.equal(pool.lease('a', 16), null, 'no IPv6 here');
  assert.equal(text(pool.lease('a', 4)), given[0]);
  pool.release('b');
  assert.equal(text(pool.lease('f', 4)), given[1], 'the address of one that is gone');
  assert.equal(pool.lease('b', 4), null);
  const exact = createPool([range('10.0.0.1-10.0.0.2')], []);
  assert.equal(new Set([text(exact.lease('a', 4)), text(exact.lease('b', 4))]).size, 2, 'a range is used whole');
});

test('a pool that gateways divide: each gives its part alone, but for what others have; who has one keeps it', () => {
  const ranges = [range('10.0.0.0/24'), range('10.0.3.7-10.0.3.40'), range('2001:db8:1::/64')];
  const given = new Map<string, number>();
  const pools = Array.from({ length: PARTS }, (_, place) => {
    const pool = createPool(ranges, [addressOctets('10.0.0.16')!]);
    pool.divide(place, []);
    for (let n = 0; ; n++) {
      const address = pool.lease(`${place} ${n}`, 4);
      if (address === null) break;
      assert.equal(given.has(addressText(address)), false, addressText(address));
      given.set(addressText(address), place);
    }
    assert.equal(pool.lease('x', 16)![15] & 15, place);
    return pool;
  });
  assert.equal(given.size, 253 + 34, 'all of them');
  // Another life of a gateway, at another place, whose former peers are elsewhere now.
  const others = [...given].flatMap(([address, place]) => (place === 3 ? [address] : []));
  const pool = createPool(ranges, []);
  pool.keep('taken over', addressOctets(others[0])!);
  pool.divide(5, []);
  const kept = text(pool.lease('of 5', 4));
  pool.divide(
    3,
    others.slice(0, -1).map((one) => addressOctets(one)!),
  );
  assert.equal(text(pool.lease('taken over', 4)), others[0]);
  assert.equal(text(pool.lease('of 5', 4)), kept);
  assert.equal(text(pool.lease('new', 4)), others.at(-1));
  assert.equal(pool.lease('one more', 4), null);
  pool.follow(ranges, [], []);
  assert.equal(pool.lease('one more', 4), null, 'after a reload as well');
  pool.divide(3, []);
  assert.notEqual(pool.lease('one more', 4), null, 'others have them no more');
  // Nobody chooses an address of any part.
  assert.ok(pools.every((one) => one.owns(addressOctets('10.0.0.9')!, addressOctets('10.0.0.9')!)));
});

test('every address of a pool is given, and each peer gets its own again', () => {
  for (const [text, count] of [
    ['10.0.0.0/23', 510],
    ['10.0.0.0/20', 4094],
    ['10.9.0.0/16', 65534],
  ] as const) {
    const pool = createPool([range(text)], []);
    const given = new Map<string, string>();
    for (let n = 0; n < count; n++) given.set(addressText(pool.lease(`peer${n}`, 4)!), `peer${n}`);
    assert.equal(given.size, count, text);
    assert.equal(pool.lease('one more', 4), null);
    for (const [, id] of given) pool.release(id);
    assert.equal(pool.used(), 0);
    for (const [address, id] of [...given].reverse()) assert.equal(addressText(pool.lease(id, 4)!), address);
    pool.release('peer7');
    assert.equal(given.get(addressText(pool.lease('one more', 4)!)), 'peer7');
  }
});

test('what others have is left out: addresses and ranges, in the middle and at the ends', () => {
  const fixed = [range('10.0.0.1-10.0.0.3'), range('10.0.0.8-10.0.0.8'), range('10.0.0.14/32'), range('9.0.0.0/8')];
  const pool = createPool([range('10.0.0.0/28'), range('10.0.0.6-10.0.0.17')], [addressOctets('10.0.0.5')!], fixed);
  const given = new Set<string>();
  for (let n = 0; ; n++) {
    const address = pool.lease(String(n), 4);
    if (address === null) break;
    given.add(addressText(address));
  }
  assert.deepEqual([...given].sort(), [4, 6, 7, 9, 10, 11, 12, 13, 15, 16, 17].map((n) => `10.0.0.${n}`).sort());
  for (const [text, isOwn] of [
    ['10.0.0.5', true],
    ['10.0.0.0', true],
    ['10.0.0.17-10.0.0.99', true],
    ['9.0.0.0-11.0.0.0', true],
    ['9.255.255.0-9.255.255.255', false],
    ['10.0.0.18', false],
  ] as const) {
    assert.equal(pool.owns(...range(text)), isOwn, text);
  }
});

test('addresses of an earlier run are kept', () => {
  const pool = createPool([range('10.0.0.0/29')], []);
  for (let n = 1; n < 4; n++) pool.keep(`peer${n}`, addressOctets(`10.0.0.${n}`)!);
  pool.keep('late', addressOctets('10.0.0.1')!);
  assert.equal(pool.used(), 3);
  assert.equal(text(pool.lease('peer2', 4)), '10.0.0.2');
  assert.deepEqual([4, 5, 6].map((n) => text(pool.lease(`peer${n}`, 4))).sort(), ['10.0.0.4', '10.0.0.5', '10.0.0.6']);
  assert.equal(pool.lease('late', 4), null);
});

test('another pool: leases stay, and are given to nobody else', () => {
  const pool = createPool([range('10.0.0.0/29')], []);
  const held = ['a', 'b', 'c'].map((id) => text(pool.lease(id, 4))!);
  pool.release('c');
  pool.follow([range('10.0.0.0/28')], [], []);
  assert.deepEqual(
    ['a', 'b', 'c'].map((id) => text(pool.lease(id, 4))),
    held,
  );
  pool.follow([range('10.1.0.0/30')], [], []);
  assert.deepEqual(
    ['a', 'b'].map((id) => text(pool.lease(id, 4))),
    held.slice(0, 2),
  );
  assert.equal(pool.used(), 3);
  for (const id of ['a', 'b', 'c']) pool.release(id);
  assert.match(text(pool.lease('a', 4))!, /^10\.1\.0\.[12]$/);
  assert.equal(pool.used(), 1);
});

test('no address is given twice, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean()), { maxLength: 200 }), (steps) => {
      const pool = createPool([range('10.0.0.0/28')], []);
      const held = new Map<number, string>();
      for (const [id, comes] of steps) {
        if (!comes) {
          pool.release(String(id));
          held.delete(id);
          continue;
        }
        const address = text(pool.lease(String(id), 4));
        const owner = [...held].find(([other, one]) => one === address && other !== id);
        assert.equal(owner, undefined);
        if (address === null) assert.ok(held.size >= 14);
        else held.set(id, address);
      }
      assert.equal(pool.used(), held.size);
    }),
  );
});

test('datagrams by kind', () => {
  const of = (hex: string, nat: boolean) => classify(Buffer.from(hex, 'hex'), nat);
  assert.equal(of('ff', true), UDP_KEEPALIVE);
  assert.equal(of('ff', false), UDP_KEEPALIVE);
  assert.equal(of('', true), UDP_SHORT);
  assert.equal(of('00', true), UDP_SHORT);
  assert.equal(of('ffffffff', true), UDP_SHORT, 'an SPI and nothing else');
  assert.equal(of('0000000001', true), UDP_IKE_MARKED);
  assert.equal(of('0000000001', false), UDP_IKE_MARKED);
  assert.equal(of('0000010001', true), UDP_ESP);
  assert.equal(of('0000010001', false), UDP_IKE);
});
