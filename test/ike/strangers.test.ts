// Attackers without a key, on the path or not: the state that they may change before any proof, and the answers they get.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { NAT_AUTO } from '../../core/ike/state/policy.ts';
import { STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { createWorld, type Datagram, path, policy } from './pair.ts';

const INIT = 34;
const isAnswer = ({ from, octets }: Datagram): boolean => from.name === 'gateway' && octets[18] === INIT;
const copyOf = (datagram: Datagram): Datagram => ({ ...datagram, octets: datagram.octets.slice() });

/** Offset of the first payload's body of this type in a message in clear. */
function bodyAt(octets: Uint8Array, type: number): number {
  let next = octets[16];
  let at = 28;
  while (next !== 0) {
    if (next === type) return at + 4;
    next = octets[at];
    at += octets[at + 2] * 256 + octets[at + 3];
  }
  return -1;
}

test('a forged answer with a public value that is none does not spoil the handshake', () => {
  for (const forge of [
    (octets: Uint8Array) => octets.fill(0, bodyAt(octets, 34) + 4, bodyAt(octets, 34) + 36),
    // SPIr 0 is that of an answer that keeps no state.
    (octets: Uint8Array) => octets.fill(0, 8, 16),
  ]) {
    const world = createWorld(policy('gateway', 'device', 2, 1), (datagram) => {
      if (!isAnswer(datagram)) return [datagram];
      const forged = copyOf(datagram);
      forge(forged.octets);
      return [forged, datagram];
    });
    const sa = connect(world.device.ike, policy('device', 'gateway', 1, 2), path(), null, 0);
    world.settle();
    assert.equal(sa.state, STATE_ESTABLISHED);
  }
});

test('an answer that is ignored does not move the SA to the port for NAT', () => {
  const own = { ...policy('device', 'gateway', 1, 2), nat: NAT_AUTO };
  const world = createWorld({ ...policy('gateway', 'device', 2, 1), nat: NAT_AUTO }, (datagram) => {
    if (!isAnswer(datagram)) return [datagram];
    const forged = copyOf(datagram);
    // No hash fits any more, and neither does the public value.
    forged.octets.fill(1, 0, 0);
    const ke = bodyAt(forged.octets, 34);
    forged.octets.fill(0, ke + 4, ke + 36);
    for (let i = ke + 36; i + 28 <= forged.octets.length; i++) {
      if (forged.octets[i + 2] === 0x40 && (forged.octets[i + 3] === 4 || forged.octets[i + 3] === 5))
        forged.octets[i + 4] ^= 1;
    }
    return [forged];
  });
  const sa = connect(world.device.ike, own, path(), null, 0);
  world.settle();
  assert.equal(sa.path.encapsulated, false);
  assert.equal(sa.path.remotePort, 500);
});

test('IKE_SA_INIT has Message ID 0', () => {
  const world = createWorld(policy('gateway', 'device', 2, 1));
  connect(world.device.ike, policy('device', 'gateway', 1, 2), path(), null, 0);
  const [{ octets }] = world.queue.splice(0);
  octets[23] = 1;
  const from = { ...path(), local: path().remote, remote: path().local };
  assert.ok(receiveIke(world.gateway.ike, from, octets, 0, octets.length, 0) < 0);
  assert.equal(world.gateway.ike.sas.length, 0);
  assert.equal(world.queue.length, 0);
});

test('an identity without octets is nobody', () => {
  const anyone = { ...policy('gateway', 'device', 2, 1), remoteId: null };
  const world = createWorld(anyone);
  const sa = connect(world.device.ike, policy('', 'gateway', 1, 2), path(), null, 0);
  world.settle();
  assert.notEqual(sa.state, STATE_ESTABLISHED);
  assert.deepEqual(world.gateway.established, []);
});

test('a few requests a second that nothing follows do not shut others out', () => {
  let isFlood = true;
  const world = createWorld(
    policy('gateway', 'device', 2, 1),
    (datagram) => (isFlood && datagram.from.name === 'device' && datagram.octets[18] !== INIT ? [] : [datagram]),
    { halfOpenMax: 8, cookieThreshold: 1000 },
  );
  const begin = () =>
    connect(world.device.ike, { ...policy('device', 'gateway', 1, 2), retransmitTries: 1 }, path(), null, world.now);
  for (let i = 0; i < 20; i++) {
    begin();
    world.run(world.now + 1000);
    assert.ok(world.gateway.ike.sas.length <= 8);
  }
  isFlood = false;
  const sa = begin();
  world.settle();
  assert.equal(sa.state, STATE_ESTABLISHED);
  // All at once: who came first still has its time.
  isFlood = true;
  for (let i = 0; i < 20; i++) begin();
  world.settle();
  assert.ok(world.gateway.ike.sas.length <= 9);
});
