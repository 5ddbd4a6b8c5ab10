// The end of an endpoint: no key of an IKE SA is left, whatever state it is in.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clearIke } from '../../core/ike/exchange/clear.ts';
import { rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { ikeTimeout } from '../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import type { Ike } from '../../core/ike/state/ike.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import { assertUp, scene } from './kit.ts';

/** Octets of all keys that an IKE SA has now. */
function keysOf({ skD, setup, task }: IkeSa): Uint8Array[] {
  const keys = [skD];
  if (setup !== null) keys.push(setup.skPi, setup.skPr, setup.kx.secret);
  if (task !== null && task.draft !== null) keys.push(task.draft.kx.secret);
  return keys.filter((key) => key.some((octet) => octet !== 0));
}

/** Clears an endpoint that has `sas` IKE SAs. */
function clears(ike: Ike, sas: number): void {
  assert.equal(ike.sas.length, sas);
  const all = [...ike.sas];
  const keys = all.flatMap(keysOf);
  assert.ok(keys.length > 0);
  let open = 0;
  const { wipe } = ike.provider;
  ike.provider.wipe = (key) => {
    open++;
    wipe(key);
  };
  const schedules = all.flatMap(({ skIn, skOut }) => [skIn, skOut]).filter((key) => key !== null).length;
  clearIke(ike);
  assert.ok(open >= schedules, `${open} of ${schedules} keys wiped`);
  for (const key of keys) assert.ok(key.every((octet) => octet === 0));
  for (const sa of all)
    assert.deepEqual([sa.skIn, sa.skOut, sa.setup, sa.task, sa.children], [null, null, null, null, []]);
  assert.deepEqual([ike.sas, ike.bySpi, ikeTimeout(ike)], [[], {}, -1]);
  assert.ok(ike.writer.buffer.every((octet) => octet === 0));
  pollIke(ike, 1e9);
}

test('an established IKE SA', () => {
  const s = scene();
  assertUp(s, s.connect());
  const { device, gateway } = s.world;
  const told = [...device.events];
  clears(device.ike, 1);
  clears(gateway.ike, 1);
  // Nobody was told.
  assert.deepEqual(device.events, told);
});

test('half-open, and while the first answer is awaited', () => {
  let count = 0;
  const s = scene({ unobserved: true, filter: (datagram) => (++count > 2 ? [] : [datagram]) });
  s.connect();
  clears(s.world.gateway.ike, 1);
  clears(s.world.device.ike, 1);
  // The responder's books are empty too: as many half-open SAs as before have room.
  count = 0;
  s.connect();
  assert.equal(s.world.gateway.ike.sas.length, 1);
});

test('in the midst of rekeys', () => {
  for (const what of ['child', 'ike']) {
    let isCut = false;
    const s = scene({ unobserved: true, filter: (datagram) => (isCut ? [] : [datagram]) });
    const sa = s.connect();
    assertUp(s, sa);
    isCut = true;
    const { ike } = s.world.device;
    if (what === 'child') rekeyChild(ike, sa, sa.children[0], s.world.now);
    else rekeyIke(ike, sa, s.world.now);
    pollIke(ike, s.world.now);
    const { kx } = sa.task!.draft!;
    assert.equal(kx.half === null, what === 'child' && kx.method === 0);
    clears(ike, what === 'ike' ? 2 : 1);
    assert.equal(kx.half, null);
  }
});
