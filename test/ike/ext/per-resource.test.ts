// RFC 9611 on the wire: SA_RESOURCE_INFO, TS_MAX_QUEUE, the set when one of it ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeChild, createChild, rekeyChild } from '../../../core/ike/exchange/requests.ts';
import { perResource, takesResources } from '../../../core/ike/ext/per-resource.ts';
import { severalChildren } from '../../../core/ike/ext/several-children.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { assertUp } from '../kit.ts';
import { FIRST, live, N_RESOURCE, RESOURCES, seen, sides, textOf, twin } from './several-kit.ts';

test('SA_RESOURCE_INFO: octets, four Child SAs with keys of their own, rekeys that keep the place', () => {
  const { s, sa, told } = sides({ device: RESOURCES, gateway: RESOURCES, first: FIRST, gatewayFirst: FIRST });
  assert.deepEqual(seen(s, N_RESOURCE), ['01', '01', '02', '02', '03', '03', '04', '04']);
  const all = ['child', 'child/2', 'child/3', 'child/4'];
  const other = assertUp(s, sa);
  assert.deepEqual(textOf(sa), all);
  assert.deepEqual(textOf(other), all);
  const keys = [...s.world.device.pairs.values()].map(({ outgoing }) => Buffer.from(outgoing.key).toString('hex'));
  assert.equal(new Set(keys).size, 4);
  assert.ok(takesResources(sa) && takesResources(other));
  for (const isOptimized of [true, false]) {
    for (const one of [sa, other]) one.optimizedRekey = isOptimized;
    for (const child of live(sa)) rekeyChild(s.world.device.ike, sa, child, s.world.now);
    for (const child of live(other)) rekeyChild(s.world.gateway.ike, other, child, s.world.now);
    s.wait(20000);
    assert.deepEqual([textOf(sa), textOf(other)], [all, all]);
    const places = (one: IkeSa) => live(one).map(({ policy, spiIn, spiOut }) => `${policy.name} ${spiIn} ${spiOut}`);
    const swapped = live(other).map(({ policy, spiIn, spiOut }) => `${policy.name} ${spiOut} ${spiIn}`);
    assert.deepEqual(places(sa).sort(), swapped.sort(), 'the same place on both sides');
  }
  assert.deepEqual(told, []);
  s.close();
});

test('TS_MAX_QUEUE: fewer places, none at all, and a device that has its only Child SA', () => {
  // The gateway has two places: the others are asked for again and again, and those that stand carry on.
  const few = sides({ device: RESOURCES, gateway: RESOURCES.slice(0, 1), first: FIRST, gatewayFirst: FIRST });
  few.wait(30000);
  assert.deepEqual(textOf(few.sa), ['child', 'child/2']);
  assert.ok(!few.told.includes('NO_ADDITIONAL_SAS'));
  const pauses = few.told.filter((text) => text.startsWith('child/4')).map((text) => text.split(' ')[2]);
  assert.deepEqual(pauses, ['2000', '4000', '8000', '16000', '32000'], few.told.join());
  few.s.close();
  // Another one leaves the notify out: one Child SA.
  const off = sides({ device: RESOURCES, gateway: [], first: FIRST });
  assert.deepEqual(textOf(off.sa), ['child']);
  assert.deepEqual(off.told, ['no resources']);
  createChild(off.s.world.device.ike, off.sa, off.sa.policy.children![0], off.s.world.now);
  off.s.wait(1000);
  assert.ok(off.told.includes('TS_MAX_QUEUE'), off.told.join());
  // It is no limit for other selectors: without the notify one more is made.
  const { resource: _, ...other } = off.sa.policy.children![0];
  createChild(off.s.world.device.ike, off.sa, { ...other, name: 'other' }, off.s.world.now);
  off.s.wait(1000);
  assert.equal(live(off.sa).length, 2);
  off.s.close();
  // A device, without any of these extensions: the error is the core's.
  const device = sides({ device: [], gateway: RESOURCES, gatewayFirst: FIRST });
  const ike = device.s.world.device.ike;
  ike.extensions = ike.extensions.filter((one) => one !== perResource && one !== severalChildren);
  device.sa.policy = { ...device.sa.policy, maxChildren: 1 };
  const asker = twin(device.s, device.sa);
  for (const [policy, refusal] of [
    [asker.policy.children![0], 48],
    [{ ...asker.policy.children![0], resource: undefined }, 35],
  ] as const) {
    createChild(device.s.world.gateway.ike, asker, policy, device.s.world.now);
    device.s.wait(1000);
    assert.equal(device.s.world.gateway.events.at(-1), `childFailed ${refusal}`);
  }
  device.s.close();
});

test('one of the set ends by either side: the others stand, it comes back to its place', () => {
  const { s, sa, told, wait } = sides({ device: RESOURCES, gateway: RESOURCES, first: FIRST, gatewayFirst: FIRST });
  const other = twin(s, sa);
  const all = ['child', 'child/2', 'child/3', 'child/4'];
  for (const [ike, owner] of [
    [s.world.gateway.ike, other],
    [s.world.device.ike, sa],
  ] as const) {
    for (const name of ['child/3', 'child']) {
      const one = live(owner).find(({ policy }) => policy.name === name)!;
      closeChild(ike, owner, one, s.world.now);
      wait(500);
      assert.equal(live(sa).length, 3);
      wait(30000);
      assert.deepEqual([textOf(sa), textOf(other)], [all, all]);
    }
  }
  assert.equal(told.length, 4, told.join());
  s.close();
});
