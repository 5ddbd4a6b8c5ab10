// Budgets of IKE's octets on air, counted from captured frames. Sizes are the same in every run. Exceeding a budget is a
// regression; a budget that is undercut may be lowered.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CREATE_CHILD_SA,
  IKE_AUTH,
  IKE_SA_INIT,
  IKE_SESSION_RESUME,
  INFORMATIONAL,
} from '../../core/ike/codec/numbers.ts';
import { receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { type Air, defaults, frugal, openScene, plain, sumOf, ticketed } from '../bench/ike-air.ts';
import { createWorld, path, policy } from './pair.ts';

/** At most so many octets of IKE, octets on air and frames, of one exchange or of all. */
function within(air: Air, octets: number, onAir: number, frames: number, exchange = 0): void {
  const found = [sumOf(air, 'octets', exchange), sumOf(air, 'air', exchange), sumOf(air, 'frames', exchange)];
  const fits = found[0] <= octets && found[1] <= onAir && found[2] <= frames;
  assert.ok(fits && found[0] > 0, `${found} octets of IKE, on air, frames: ${JSON.stringify(air.messages)}`);
}

const exchanges = (air: Air): number[] => air.messages.map(({ exchange }) => exchange);

test('handshake with the least there is: at most 800 octets of IKE and 10 frames', () => {
  const air = openScene(frugal(false)).connect(false);
  assert.deepEqual(exchanges(air), [IKE_SA_INIT, IKE_SA_INIT, IKE_AUTH, IKE_AUTH]);
  within(air, 790, 1042, 10);
  assert.equal(air.x25519, 4);
});

test('handshake with optimized rekeys agreed', () => within(openScene(frugal(true)).connect(false), 806, 1058, 10));

test('handshake with plain ESP', () => within(openScene(plain(frugal(false))).connect(false), 742, 994, 10));

test('handshake of a sensor that is configured with its identities and key alone', () => {
  within(openScene(defaults()).connect(false), 1183, 1501, 13);
});

test('optimized rekey of a Child SA: at most 174 octets of IKE and 2 frames, every time', () => {
  const scene = openScene(frugal(true));
  scene.connect(false);
  for (let i = 0; i < 3; i++) {
    const air = scene.rekeyChild();
    assert.equal(air.messages.length, 4);
    within(air, 174, 226, 2, CREATE_CHILD_SA);
    within(air, 122, 174, 2, INFORMATIONAL);
    assert.equal(air.x25519, 0);
  }
});

test('rekey of a Child SA as in RFC 7296', () => {
  for (const [policies, octets, onAir, frames] of [
    [plain(frugal(false)), 414, 540, 5],
    [frugal(false), 462, 610, 6],
  ] as const) {
    const scene = openScene(policies);
    scene.connect(false);
    within(scene.rekeyChild(), octets, onAir, frames, CREATE_CHILD_SA);
  }
});

test('rekey of an IKE SA, optimized and as in RFC 7296', () => {
  for (const [isOptimized, octets, onAir] of [
    [true, 250, 354],
    [false, 314, 418],
  ] as const) {
    const scene = openScene(frugal(isOptimized));
    scene.connect(false);
    const air = scene.rekeyIke();
    within(air, octets, onAir, 4, CREATE_CHILD_SA);
    within(air, 106, 158, 2, INFORMATIONAL);
    assert.equal(air.x25519, 4);
  }
});

test('resumption: two pairs of messages, no asymmetric cryptography', () => {
  const scene = openScene(ticketed(frugal(false)));
  within(scene.connect(false), 893, 1167, 11);
  for (let i = 0; i < 3; i++) {
    const air = scene.connect(true);
    assert.deepEqual(exchanges(air), [IKE_SESSION_RESUME, IKE_SESSION_RESUME, IKE_AUTH, IKE_AUTH]);
    within(air, 808, 1056, 10);
    assert.equal(air.x25519, 0);
  }
});

test('the last answer is repeated for minutes, then its octets are let go', () => {
  const world = createWorld(policy('gateway', 'device', 2, 1));
  connect(world.device.ike, policy('device', 'gateway', 1, 2), path(), null, 0);
  world.settle();
  const { ike, established } = world.gateway;
  const request = world.log.filter(({ from }) => from === 'device').at(-1)!.octets;
  const answers = (): number => {
    const before = world.log.length;
    receiveIke(ike, established[0].path, request.slice(), 0, request.length, world.now);
    return world.log.length - before;
  };
  world.now = 200000;
  assert.equal(answers(), 1);
  world.now = 400000;
  pollIke(ike, world.now);
  assert.equal(established[0].response.length, 0);
  assert.equal(answers(), 0);
  assert.equal(established[0].children.length, 1);
});
