// MOBIKE [RFC 4555] between two endpoints in virtual time: moves with everything that may be on its way, forged and repeated
// updates, return routability, peers without it. The octets of its notifies are written out by hand.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { receiveIke } from '../../../core/ike/exchange/endpoint.ts';
import { probe, rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import { createMobile, isChecking, isMobile, otherAddresses, tellAddresses } from '../../../core/ike/ext/mobike.ts';
import { NAT_AUTO, NAT_FORCE } from '../../../core/ike/state/policy.ts';
import { espPathOf } from '../../../core/ike/state/sa.ts';
import { outcomes, scene } from '../kit.ts';
import { notifyOf } from '../observer.ts';
import { address, path } from '../pair.ts';

import { assertAt, current, from, go, last, type Moving, moving, wait } from './mobike-kit.ts';

const UPDATE = 16400;
const COOKIE2 = 16401;

function wireOf(m: Moving): { from: string; exchange: number; isResponse: boolean; notifies: [number, string][] }[] {
  return m.s.sent().map((one) => ({
    from: one.from,
    exchange: one.exchange,
    isResponse: one.isResponse,
    notifies: one.payloads
      .filter(({ type }) => type === 41)
      .map(({ body }) => [body.readUInt16BE(2), body.subarray(4).toString('hex')]),
  }));
}

test('an update, its check, and the octets of both', () => {
  const m = moving({ others: [address(7), Uint8Array.of(192, 0, 2, 1)] });
  const auth = wireOf(m).filter(({ exchange }) => exchange === 35);
  assert.deepEqual(
    auth[0]!.notifies.filter(([type]) => type >= 16396 && type <= 16402),
    [[16396, '']],
  );
  assert.deepEqual(
    auth[1]!.notifies.filter(([type]) => type >= 16396 && type <= 16402),
    [
      [16396, ''],
      [16398, 'fd000000000000000000000000000007'],
      [16397, 'c0000201'],
    ],
  );
  assert.deepEqual(otherAddresses(m.sa), [address(7), Uint8Array.of(192, 0, 2, 1)]);
  assert.ok(isMobile(m.sa) && isMobile(m.other));

  assert.equal(go(m, 11), true);
  // At once from the new address; the gateway's ESP waits.
  assert.equal(last(m.sa.path.local), 11);
  m.s.world.settle();
  const seen = wireOf(m);
  assert.deepEqual(
    seen.map((one) => [one.from, one.exchange, one.isResponse, one.notifies.map(([type]) => type)]),
    [
      ['device', 37, false, [UPDATE, 16388, 16389]],
      ['gateway', 37, true, [16388, 16389]],
      ['gateway', 37, false, [COOKIE2]],
      ['device', 37, true, [COOKIE2]],
    ],
  );
  const cookie = seen[2]!.notifies[0]![1];
  assert.match(cookie, /^[0-9a-f]{32}$/);
  assert.equal(seen[3]!.notifies[0]![1], cookie);
  const hashOf = (number: number, port: number): string => {
    const end = Buffer.alloc(2);
    end.writeUInt16BE(port);
    return createHash('sha1').update(m.sa.spis).update(address(number)).update(end).digest('hex');
  };
  // Sources are wrong on purpose, that ESP stays in UDP; destinations are right.
  assert.deepEqual([seen[0]!.notifies[2]![1], seen[1]!.notifies[1]![1]], [hashOf(2, 4500), hashOf(11, 4500)]);
  assert.equal(seen[0]!.notifies[1]![1].slice(2), hashOf(11, 4500).slice(2));
  assert.notEqual(seen[0]!.notifies[1]![1], hashOf(11, 4500));
  assertAt(m, 11);
  assert.deepEqual([m.moved, m.answered], [[11], [0]]);

  // Another list takes the place of the first; none is said as such. The initiator tells such lists as well.
  for (const [side, sa, reader] of [
    ['gateway', m.other, m.sa],
    ['device', m.sa, m.other],
  ] as const) {
    tellAddresses(m.s.world[side].ike, sa, m.s.world.now);
    m.s.world.settle();
    assert.equal(otherAddresses(reader).length, side === 'gateway' ? 2 : 0);
  }
  assert.ok(wireOf(m).some(({ notifies }) => notifies.some(([type]) => type === 16399)));
  // It survives a rekey of the IKE SA.
  rekeyIke(m.s.world.device.ike, m.sa, m.s.world.now);
  wait(m, 3000);
  assert.equal(go(m, 12), true);
  wait(m, 3000);
  assertAt(m, 12);
  m.s.close();
});

test('nothing of it without the extension on both sides, and the peer is followed as before', () => {
  for (const [onDevice, onGateway] of [
    [true, false],
    [false, true],
  ]) {
    const m = moving({ onDevice, onGateway });
    assert.deepEqual([isMobile(m.sa), isMobile(m.other)], [false, false]);
    assert.equal(go(m, 11), false);
    m.sa.path = from(m.sa, 11);
    probe(m.s.world.device.ike, m.sa, m.s.world.now);
    wait(m, 1000);
    assertAt(m, 11);
    m.s.close();
  }
});

test('ESP goes to a new address only when its cookie came back; IKE packets without an update move nothing', () => {
  let isSilent = true;
  const m = moving({ way: (d) => (isSilent && d.from.name === 'device' && (d.octets[19]! & 0x20) !== 0 ? [] : [d]) });
  m.sa.path = from(m.sa, 11);
  m.at = 11;
  probe(m.s.world.device.ike, m.sa, m.s.world.now);
  m.s.world.settle();
  assert.equal(last(m.other.path.remote), 1, 'a probe from elsewhere tests a path, and moves nothing');
  go(m, 12);
  m.s.world.settle();
  assert.deepEqual([last(m.other.path.remote), last(espPathOf(m.other).remote), m.moved], [12, 1, []]);
  isSilent = false;
  wait(m, 4000);
  assertAt(m, 12);
  m.s.close();
});

test('a copy of the update from another address: the check goes there, comes to nothing, and IKE goes back', () => {
  let forged = 0;
  const m = moving({
    way: (d, self) => {
      if (d.from.name !== 'device' || self.at === 1 || forged > 0 || d.octets[18] !== 37) return [d];
      forged++;
      // The copy comes first, and the update itself as a repetition.
      return [{ ...d, path: { ...d.path, local: address(66) } }, d];
    },
  });
  go(m, 11);
  m.s.world.settle();
  assert.deepEqual([forged, last(m.other.path.remote), last(espPathOf(m.other).remote)], [1, 66, 1]);
  // The answer went to the forger's address, and to the repetition. A packet of ESP says where the device is.
  assert.deepEqual(m.answered, [0]);
  assert.equal(
    m.mobile.saw(m.s.world.gateway.ike, m.other, { ...m.other.path, remote: address(11) }, m.s.world.now),
    false,
  );
  wait(m, 10000);
  assertAt(m, 11);
  assert.deepEqual(m.moved, [11]);
  assert.deepEqual(outcomes(m.s), { device: [], gateway: [] });

  // And of one who did not move at all, but was only heard from elsewhere.
  m.mobile.saw(m.s.world.gateway.ike, m.other, { ...m.other.path, remote: address(67) }, m.s.world.now);
  m.s.world.settle();
  assert.equal(last(m.other.path.remote), 67);
  wait(m, 40000);
  assertAt(m, 11);
  // Another port at the same address is followed at once.
  const near = { ...m.other.path, remotePort: 4711 };
  assert.equal(m.mobile.saw(m.s.world.gateway.ike, m.other, near, m.s.world.now), true);
  m.s.close();
});

test('a rekey of either SA, by either side, is on its way while the device moves', () => {
  for (const side of ['device', 'gateway'] as const) {
    for (const what of ['child', 'ike']) {
      let lost = 0;
      const m = moving({ way: (d) => (d.octets[18] === 36 && lost++ < 1 ? [] : [d]) });
      const sa = side === 'device' ? m.sa : m.other;
      if (what === 'child') rekeyChild(m.s.world[side].ike, sa, sa.children[0]!, m.s.world.now);
      else rekeyIke(m.s.world[side].ike, sa, m.s.world.now);
      m.s.world.settle();
      assert.equal(lost, 1);
      go(m, 11);
      wait(m, 30000);
      assertAt(m, 11);
      m.s.close();
    }
  }
});

test('moves faster than answers: only the newest counts, and the gateway asks no more often than it is told', () => {
  const m = moving();
  for (let n = 11; n < 16; n++) {
    go(m, n);
    // What it sent is lost with the address; the next one repeats it.
    m.s.world.queue.length = 0;
  }
  wait(m, 8000);
  assertAt(m, 15);
  assert.deepEqual(m.moved, [15]);

  // A flood: answered, but not followed.
  const before = m.s.world.log.length;
  m.answered.length = 0;
  for (let n = 0; n < 60; n++) {
    go(m, 20 + n);
    wait(m, 100);
  }
  const own = m.s.world.log.slice(before);
  const octets = (name: string): number =>
    own.filter((one) => one.from === name).reduce((sum, one) => sum + one.octets.length, 0);
  assert.ok(m.answered.includes(40), 'UNACCEPTABLE_ADDRESSES');
  assert.ok(m.answered.filter((error) => error === 0).length <= 12);
  assert.ok(octets('gateway') <= 1.5 * octets('device'), `${octets('gateway')} of ${octets('device')}`);
  // After a while it may move again.
  m.at = last(m.other.path.remote);
  m.sa.path = from(m.sa, m.at);
  wait(m, 70000);
  go(m, 99);
  wait(m, 4000);
  assertAt(m, 99);
  m.s.close();
});

test('what the gateway does not accept is answered, and changes nothing', () => {
  const m = moving();
  m.accepts = false;
  go(m, 11);
  wait(m, 1000);
  assert.deepEqual([m.answered, last(m.other.path.remote), isChecking(m.other)], [[40], 1, false]);
  m.s.world.device.ike.extensions.length = 0;
  m.at = 1;
  m.s.close();
});

test('a wrong cookie closes the IKE SA; cookies outside of 8 to 64 octets are not sent back', () => {
  for (const size of [0, 7, 8, 64, 65]) {
    const m = moving({ unobserved: true });
    let echoed = -1;
    m.s.world.gateway.ike.extensions.push({
      add: (_ike, _sa, step, _draft, w) => {
        if (step !== 9) return;
        // Notify of type COOKIE2.
        const body = [0, 0, 0, 8 + size, 0, 0, 0x40, 0x11, ...new Uint8Array(size).fill(5)];
        if (w.next < 0) w.first = 41;
        else w.buffer[w.next] = 41;
        w.next = w.at;
        for (const octet of body) w.buffer[w.at++] = octet;
      },
      read: (_ike, _sa, step, _draft, message) => {
        if (step === 11) echoed = notifyDataSize(message);
        return 0;
      },
    });
    probe(m.s.world.gateway.ike, m.other, m.s.world.now);
    m.s.world.settle();
    assert.equal(echoed, size >= 8 && size <= 64 ? size : -1);
    m.s.close();
  }
  const m = moving({ unobserved: true });
  const wrong = m.s.world.device.ike.extensions.at(-1)!;
  const { add } = wrong;
  wrong.add = (ike, sa, step, draft, w) => {
    if (step !== 11) add(ike, sa, step, draft, w);
  };
  go(m, 11);
  wait(m, 3000);
  assert.deepEqual(outcomes(m.s), { device: ['deleted'], gateway: ['protocol'] });
  m.s.close();
});

function notifyDataSize(message: {
  buffer: Uint8Array;
  payloads: { count: number; type: ArrayLike<number>; at: ArrayLike<number>; size: ArrayLike<number> };
}): number {
  const { buffer, payloads: p } = message;
  for (let i = 0; i < p.count; i++) {
    if (p.type[i] === 41 && buffer[p.at[i]! + 2] === 0x40 && buffer[p.at[i]! + 3] === 0x11) return p.size[i]! - 4;
  }
  return -1;
}

test('a peer that forbids NATs is told of one: in IKE_AUTH, in an update', () => {
  const pair = (source: number, port: number): number[] => [
    ...address(source),
    ...address(2),
    port >> 8,
    port & 255,
    0x11,
    0x94,
  ];
  const forbid = (data: () => number[], steps: number[]) => ({
    add: (
      _ike: unknown,
      _sa: unknown,
      step: number,
      _draft: unknown,
      w: { buffer: Uint8Array; at: number; next: number; first: number },
    ) => {
      if (!steps.includes(step)) return;
      const body = [0, 0, 0, 8 + data().length, 0, 0, 0x40, 0x12, ...data()];
      if (w.next < 0) w.first = 41;
      else w.buffer[w.next] = 41;
      w.next = w.at;
      for (const octet of body) w.buffer[w.at++] = octet;
    },
    read: () => 0 as const,
  });
  for (const [data, error] of [
    [pair(11, 4500), 0],
    [pair(11, 4501), 41],
    [pair(12, 4500), 41],
    [[1, 2, 3], 41],
  ] as const) {
    const m = moving({ unobserved: true });
    m.s.world.device.ike.extensions.push(forbid(() => [...data], [9]));
    go(m, 11);
    wait(m, 2000);
    assert.deepEqual([m.answered, last(m.other.path.remote)], [[error], error === 0 ? 11 : 1]);
    m.at = last(m.other.path.remote);
    m.sa.path = from(m.sa, m.at);
    m.s.world.device.ike.extensions.pop();
    m.s.close();
  }
  for (const [port, result] of [
    [4500, []],
    [1, [41]],
  ] as const) {
    const s = scene({ unobserved: true, device: { nat: NAT_FORCE }, gateway: { nat: NAT_FORCE } });
    const host = { wants: () => true, accepts: () => true, others: () => [], moved: () => {}, answered: () => {} };
    s.world.device.ike.extensions.push(forbid(() => pair(1, port), [2]));
    s.world.gateway.ike.extensions.push(createMobile(host).extension);
    s.connect(null, { ...path(), local: address(1), remote: address(2) });
    assert.deepEqual(s.world.device.outcomes, result);
    s.close();
  }
});

test('a NAT that gives another address is found by the next probe, and the gateway told', () => {
  const m = moving({
    device: { nat: NAT_AUTO },
    gateway: { nat: NAT_AUTO },
    way: (d, self) => {
      if (d.from.name === 'device') return [{ ...d, path: { ...d.path, local: address(self.at), localPort: 9000 } }];
      return [{ ...d, path: { ...d.path, remote: address(1), remotePort: 4500 } }];
    },
  });
  const { ike } = m.s.world.device;
  for (const number of [1, 50, 51]) {
    m.at = number;
    probe(ike, current(m, 'device'), m.s.world.now);
    wait(m, 5000);
    const other = current(m, 'gateway');
    assert.deepEqual([last(other.path.remote), other.espPath], [number, null]);
    if (number === 50) {
      // Hashes have the SPIs in them: after a rekey the first one is nothing new.
      rekeyIke(ike, current(m, 'device'), m.s.world.now);
      wait(m, 5000);
      probe(ike, current(m, 'device'), m.s.world.now);
      wait(m, 2000);
    }
  }
  assert.deepEqual(m.moved, [50, 51]);
  m.s.close();
});

test('an update under an IKE SA that is unknown, or with a wrong ICV, moves nothing', () => {
  const m = moving();
  go(m, 11);
  const update = m.s.world.queue[0] ?? { octets: m.s.world.log.at(-1)!.octets };
  m.s.world.settle();
  const copy = update.octets.slice();
  copy[copy.length - 1]! ^= 1;
  const before = m.other.path;
  assert.ok(
    receiveIke(m.s.world.gateway.ike, { ...before, remote: address(66) }, copy, 0, copy.length, m.s.world.now) < 0,
  );
  assert.equal(m.other.path, before);
  assert.equal(notifyOf({ payloads: [] }, UPDATE), null);
  m.s.close();
});
