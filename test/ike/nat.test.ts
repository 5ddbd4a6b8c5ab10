// NAT detection, the move to port 4500, and which side follows the other's address [RFC 7296 §2.23].

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { probe, rekeyChild } from '../../core/ike/exchange/requests.ts';
import { NAT_AUTO, NAT_FORCE, NAT_OFF } from '../../core/ike/state/policy.ts';
import { assertUp, type Options, scene } from './kit.ts';
import { address, type Datagram, path } from './pair.ts';

const OUTSIDE = address(99);

/** Who is behind the NAT, and what its ports are raised by. */
interface Nat {
  inside: 'device' | 'gateway';
  shift: number;
  outside: Uint8Array;
}

function translate(nat: Nat): (d: Datagram) => Datagram[] {
  const own = nat.inside === 'device' ? address(1) : address(2);
  return (d) => {
    const p = d.path;
    if (d.from.name === nat.inside)
      return [{ ...d, path: { ...p, local: nat.outside, localPort: p.localPort + nat.shift } }];
    // What was sent to an earlier mapping is lost.
    if (Buffer.compare(p.remote, nat.outside) !== 0) return [];
    return [{ ...d, path: { ...p, remote: own, remotePort: p.remotePort - nat.shift } }];
  };
}

const auto: Options = { device: { nat: NAT_AUTO }, gateway: { nat: NAT_AUTO } };

test('no NAT: port 500, no encapsulation', () => {
  const s = scene(auto);
  const sa = s.connect();
  const other = assertUp(s, sa);
  for (const one of [sa, other]) {
    assert.deepEqual([one.path.localPort, one.path.remotePort, one.path.encapsulated], [500, 500, false]);
    assert.deepEqual([one.behindNat, one.peerBehindNat], [false, false]);
  }
  s.close();
});

test('the device is behind a NAT', () => {
  const nat: Nat = { inside: 'device', shift: 1000, outside: OUTSIDE };
  const s = scene({ ...auto, filter: translate(nat) });
  const sa = s.connect();
  const other = assertUp(s, sa);
  assert.deepEqual([sa.behindNat, sa.peerBehindNat], [true, false]);
  assert.deepEqual([other.behindNat, other.peerBehindNat], [false, true]);
  assert.deepEqual([sa.path.localPort, sa.path.remotePort, sa.path.encapsulated], [4500, 4500, true]);
  assert.deepEqual([other.path.localPort, other.path.remotePort, other.path.encapsulated], [4500, 5500, true]);
  assert.deepEqual(other.path.remote, OUTSIDE);

  // Another mapping: the gateway follows what is authenticated, and its own requests go there.
  nat.shift = 1234;
  nat.outside = address(98);
  const junk = new Uint8Array(s.world.log.at(-1)!.octets.length).fill(7);
  junk.set(s.world.log.at(-2)!.octets.subarray(0, 28));
  receiveIke(s.world.gateway.ike, { ...other.path, remote: address(66) }, junk, 0, junk.length, s.world.now);
  assert.deepEqual(other.path.remote, OUTSIDE);
  probe(s.world.device.ike, sa, s.world.now);
  s.world.settle();
  assert.deepEqual([other.path.remote, other.path.remotePort], [address(98), 5734]);
  rekeyChild(s.world.gateway.ike, other, other.children[0]!, s.world.now);
  s.wait(5000);
  assert.equal(sa.children.length, 1);
  assertUp(s, sa);
  s.close();
});

test('the gateway is behind a NAT', () => {
  const s = scene({ ...auto, filter: translate({ inside: 'gateway', shift: 0, outside: OUTSIDE }) });
  const sa = s.connect(null, { ...path(), remote: OUTSIDE });
  const other = assertUp(s, sa);
  assert.deepEqual([sa.behindNat, sa.peerBehindNat], [false, true]);
  assert.deepEqual([other.behindNat, other.peerBehindNat], [true, false]);
  assert.deepEqual([sa.path.remotePort, other.path.remotePort], [4500, 4500]);
  assert.ok(sa.path.encapsulated && other.path.encapsulated);
  s.close();
});

for (const side of ['device', 'gateway'] as const) {
  test(`UDP encapsulation forced by the ${side}`, () => {
    const s = scene({ ...auto, [side]: { nat: NAT_FORCE } });
    const sa = s.connect();
    const other = assertUp(s, sa);
    for (const one of [sa, other]) {
      assert.deepEqual([one.path.localPort, one.path.remotePort, one.path.encapsulated], [4500, 4500, true]);
    }
    s.close();
  });
}

test('detection on one side alone finds nothing', () => {
  for (const side of ['device', 'gateway'] as const) {
    const s = scene({ [side]: { nat: NAT_AUTO }, filter: translate({ inside: 'device', shift: 7, outside: OUTSIDE }) });
    const sa = s.connect();
    assert.equal(sa.path.encapsulated, false);
    assert.equal(s[side === 'device' ? 'gateway' : 'device'].nat, NAT_OFF);
    s.close();
  }
});

test('both on port 4500 from the start', () => {
  const s = scene(auto);
  const sa = s.connect(null, { ...path(), localPort: 4500, remotePort: 4500, encapsulated: true });
  assertUp(s, sa);
  assert.deepEqual([sa.path.localPort, sa.path.remotePort, sa.behindNat], [4500, 4500, false]);
  s.close();
});
