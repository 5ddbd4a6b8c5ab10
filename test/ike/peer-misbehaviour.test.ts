// A peer with a valid key that misuses it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probe, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { settle } from '../../core/ike/exchange/send.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { STATE_ENDED, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { createWorld, type Datagram, path, policy } from './pair.ts';

const INFORMATIONAL = 37;
/** A peer that deletes nothing. */
const noDelete = ({ from, octets, ...rest }: Datagram): Datagram[] =>
  from.name === 'device' && octets[18] === INFORMATIONAL ? [] : [{ from, octets, ...rest }];

test('an SA whose counter is used up ends: nothing is sent without a fresh nonce, and nothing hangs', () => {
  const world = createWorld(policy('gateway', 'device', 2, 1));
  const sa = connect(world.device.ike, policy('device', 'gateway', 1, 2), path(), null, 0);
  world.settle();
  const other = world.gateway.established[0];
  other.skOut!.counter = 0x10000000;
  probe(world.device.ike, sa, world.now);
  const before = world.log.length;
  world.settle();
  assert.deepEqual(
    world.log.slice(before).map(({ from }) => from),
    ['device'],
  );
  sa.skOut!.counter = 0x10000000;
  probe(world.device.ike, sa, world.now);
  world.run(world.now + 1000000);
  assert.equal(sa.state, STATE_ENDED);
});

test('rekeys of one Child SA without end leave no Child SAs without end', () => {
  const world = createWorld(policy('gateway', 'device', 2, 1), noDelete);
  const sa = connect(world.device.ike, policy('device', 'gateway', 1, 2), path(), null, 0);
  world.settle();
  const first = sa.children[0];
  for (let i = 0; i < 100; i++) {
    first.retired = 0;
    rekeyChild(world.device.ike, sa, first, world.now);
    world.settle();
    // The Delete was not sent: the next request takes its Message ID.
    if (sa.requestExchange === INFORMATIONAL && sa.request.length > 0) sa.nextId--;
    settle(sa);
    sa.task = null;
    sa.tasks = [];
  }
  const { children } = world.gateway.established[0];
  assert.ok(children.length <= 16, `${children.length} Child SAs`);
});

test('rekeys of the IKE SA without end leave no IKE SAs without end', () => {
  const world = createWorld(policy('gateway', 'device', 2, 1), noDelete);
  let sa = connect(world.device.ike, policy('device', 'gateway', 1, 2), path(), null, 0);
  world.settle();
  for (let i = 0; i < 100; i++) {
    rekeyIke(world.device.ike, sa, world.now);
    world.settle();
    if (sa.successor !== null) sa = sa.successor;
  }
  assert.ok(world.gateway.ike.sas.length <= 8, `${world.gateway.ike.sas.length} IKE SAs`);
});

test('IKE SAs of one peer without end: the oldest go', () => {
  const world = createWorld(policy('gateway', 'device', 2, 1));
  const own = { ...policy('device', 'gateway', 1, 2), initialContact: false };
  for (let i = 0; i < 50; i++) {
    world.now++;
    connect(world.device.ike, own, path(), null, world.now);
    world.settle();
  }
  const left = world.gateway.ike.sas.filter(({ state }) => state === STATE_ESTABLISHED);
  assert.ok(left.length <= 8, `${left.length} IKE SAs`);
  assert.equal(left.includes(world.gateway.established[49]), true);
  assert.equal(world.gateway.pairs.size, left.length);
});

test('a rekey without the key exchange on which the policy insists is refused', () => {
  const insists = policy('gateway', 'device', 2, 1);
  insists.child.esp = [{ ...insists.child.esp[0], ke: [31] }];
  for (const optimizedRekey of [true, false]) {
    const world = createWorld({ ...insists, optimizedRekey });
    const own = { ...policy('device', 'gateway', 1, 2), optimizedRekey };
    const sa = connect(world.device.ike, own, path(), null, 0);
    world.settle();
    rekeyChild(world.device.ike, sa, sa.children[0], world.now);
    world.settle();
    assert.deepEqual(world.device.events.slice(-1), ['childFailed 14']);
    assert.equal(world.gateway.pairs.size, 1);
  }
});

test('what the responder accepted of anybody must suit the peer that it turns out to be', () => {
  const strict = policy('gateway', 'device', 2, 1);
  strict.ike = [{ ...strict.ike[0], ke: [19] }];
  const world = createWorld(policy('gateway', 'device', 2, 1), undefined, { findPolicy: () => strict });
  const sa = connect(world.device.ike, policy('device', 'gateway', 1, 2), path(), null, 0);
  world.settle();
  assert.equal(sa.state, STATE_ENDED);
  assert.deepEqual(world.device.outcomes, [14]);
});

test('what a peer is configured for is told to itself alone: a stranger gets the same answer for every identity', () => {
  const strict = policy('gateway', 'device', 2, 1);
  strict.ike = [{ ...strict.ike[0], ke: [19] }];
  const outcomesOf = (found: typeof strict | null): number[] => {
    const world = createWorld(policy('gateway', 'device', 2, 1), undefined, { findPolicy: () => found });
    const stranger = { ...policy('device', 'gateway', 1, 2), psk: new Uint8Array(16) };
    connect(world.device.ike, stranger, path(), null, 0);
    world.settle();
    return world.device.outcomes;
  };
  assert.deepEqual(outcomesOf(strict), [24]);
  assert.deepEqual(outcomesOf(null), [24]);
});

test('a ticket counts for nothing where the policy gives none any more', () => {
  const known = { ...policy('gateway', 'device', 2, 1), ticketLifetime: 3600 };
  const world = createWorld(known);
  const own = { ...policy('device', 'gateway', 1, 2), ticketLifetime: 3600 };
  const sa = connect(world.device.ike, own, path(), null, 0);
  world.settle();
  assert.notEqual(sa.session, null);
  known.ticketLifetime = 0;
  const next = connect(world.device.ike, own, path(), sa.session, 1);
  world.settle();
  assert.notEqual(next.state, STATE_ESTABLISHED);
});
