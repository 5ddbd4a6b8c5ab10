// A peer that has its key, and does with it what it can.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../core/ike/endpoint.ts';
import { settle } from '../../core/ike/exchange.ts';
import { probe, rekeyChild, rekeyIke } from '../../core/ike/requests.ts';
import { STATE_ENDED, STATE_ESTABLISHED } from '../../core/ike/state.ts';
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
