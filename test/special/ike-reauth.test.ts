// A new authentication of a specialised device (`reauth`): a new IKE SA beside the old one, which then ends, as core/ike does it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeIke, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { address, policy } from '../ike/pair.ts';
import type { Faults } from '../ike/sim-world.ts';
import { joinIke, specialised } from './ike-kit.ts';
import { agree, type Change, type Kind, kindOf, type Scene, sceneOf } from './ike-net.ts';
import { CHANGES } from './ike-sim.ts';

const CALM: Faults = { loss: 0, reorder: 0, duplicate: 0, corrupt: 0, truncate: 0, attack: 0, until: 0, latency: 20 };
const TIME = 60000;
const REPLACED = -9;

const change =
  (name: string): Change =>
  (one, isDevice) => {
    CHANGES[name](one, isDevice);
    if (isDevice) one.reauthTime = TIME;
  };

async function start(name = 'usual', faults = CALM, seed = 1): Promise<Scene & { kind: Kind }> {
  const kind = await kindOf(name, change(name));
  const scene = sceneOf(kind, seed, faults, kind.gateway());
  scene.device.connect(false, 0);
  scene.net.run(1000);
  return { ...scene, kind };
}

const named = ({ host }: Scene, name: string): string[] => host.events.filter((event) => event.split(' ')[0] === name);

for (const name of ['usual', 'plain', 'ed25519', 'ppk', 'ppk round', 'known pfs', 'groups', 'address', 'fragments']) {
  test(`a new IKE SA takes the place of the old one without a pause: ${name}`, async () => {
    const scene = await start(name);
    const { net, device, host } = scene;
    const first = device.S.current!;
    const { spiIn } = host.pairs[0];
    let least = 9;
    host.added = () => void (least = Math.min(least, host.pairs.filter(({ retired }) => !retired).length));
    for (let i = 0; i < 400 && device.S.current === first; i++) {
      net.run(net.now + 200);
      assert.ok(device.isReady(), `not ready at ${net.now}`);
    }
    assert.equal(device.S.current === first, false);
    assert.ok(net.now > (TIME * 7) / 8 - 300 && net.now <= TIME + 1300, String(net.now));
    net.run(net.now + 9000);
    assert.ok(agree(scene, name));
    assert.equal(least, 1, 'there was a pair to send with');
    assert.notEqual(host.pairs[0].spiIn, spiIn);
    assert.equal(named(scene, 'established').length, 2);
    assert.equal(named(scene, 'connecting').length, 1);
    assert.deepEqual(named(scene, 'ended'), [`ended ${REPLACED} -1`]);
    assert.equal(net.gateway.outcomes.length, 1);
    // And again, for as long as it is wanted.
    net.run(net.now + 3 * TIME);
    net.run(net.now + 9000);
    assert.ok(named(scene, 'established').length >= 4);
    device.close(net.now);
    net.run(net.now + 30000);
    assert.ok(!agree(scene, 'closed'));
    assert.equal(device.next(), -1);
  });
}

test('it sends INITIAL_CONTACT with the first authentication alone, and never resumes for a new one', async () => {
  const scene = await start();
  const { net, device } = scene;
  const exchanges: number[] = [];
  const { transmit } = scene.host;
  scene.host.transmit = (octets) => {
    exchanges.push(octets[18]);
    transmit(octets);
  };
  net.run(TIME + 3000);
  // A gateway that heard of it would have ended the old SA by itself.
  assert.deepEqual(
    exchanges.filter((one) => one !== 37),
    [34, 35],
  );
  assert.ok(exchanges.includes(37));
  assert.equal(net.gateway.ike.sas.length, 1);
  // The new ticket resumes the new IKE SA.
  device.connect(true, net.now);
  net.run(net.now + 9000);
  assert.ok(named(scene, 'established').at(-1)!.endsWith(' 1'));
  assert.ok(agree(scene, 'resumed'));
});

test('rekeys of the gateway wait until the new authentication is over; rekeys do not put it off', async () => {
  const scene = await start();
  const { net, device } = scene;
  net.run(40000);
  device.rekeyIke(net.now);
  net.run(net.now + 2000);
  const replaced = device.S.current!;
  // IKE_SA_INIT is on its way.
  while (device.S.setup === null) net.run(net.now + 10);
  assert.ok(net.now <= TIME + 1100, String(net.now));
  assert.equal(device.S.current === replaced, true);
  const [sa] = net.gateway.ike.sas;
  rekeyChild(net.gateway.ike, sa, sa.children[0], net.now);
  rekeyIke(net.gateway.ike, sa, net.now);
  device.rekey(net.now);
  device.rekeyIke(net.now);
  device.probe(net.now);
  net.run(net.now + 20000);
  assert.ok(agree(scene, 'after both'));
  assert.deepEqual(named(scene, 'ended'), [`ended ${REPLACED} -1`]);
});

test('one that fails leaves the old IKE SA as it is, and is tried again', async () => {
  for (const what of ['silent', 'credentials', 'selectors']) {
    const scene = await start('address');
    const { net, device, gateway, host } = scene;
    const { psk, child } = gateway;
    const first = device.S.current!;
    const own = device.D.slice();
    if (what === 'credentials') gateway.psk = Uint8Array.of(1);
    if (what === 'selectors')
      gateway.child = { ...child, local: [{ ...child.local[0], start: address(9), end: address(9) }] };
    const { transmit } = host;
    if (what === 'silent') host.transmit = (octets) => (octets[18] === 34 ? undefined : transmit(octets));
    net.run(TIME + 70000);
    assert.equal(device.S.current === first, true, what);
    assert.ok(device.isReady(), what);
    assert.ok(named(scene, 'ended').length >= 1, what);
    assert.ok(
      named(scene, 'ended').every((event) => event.endsWith(' -1')),
      what,
    );
    assert.deepEqual(device.D, own, what);
    host.transmit = transmit;
    gateway.psk = psk;
    gateway.child = child;
    net.run(net.now + 90000);
    assert.equal(device.S.current === first, false, what);
    assert.ok(agree(scene, what));
  }
});

test('what ends while a new authentication is on its way', async () => {
  const until = async (): Promise<Scene> => {
    const scene = await start();
    while (scene.device.S.setup === null) scene.net.run(scene.net.now + 10);
    return scene;
  };
  // The gateway deletes the old one: what is being set up is the next.
  const deleted = await until();
  closeIke(deleted.net.gateway.ike, deleted.net.gateway.ike.sas[0], deleted.net.now);
  deleted.net.run(deleted.net.now + 20000);
  assert.ok(agree(deleted, 'deleted'));
  assert.equal(named(deleted, 'established').length, 2);
  assert.equal(named(deleted, 'connecting').length, 1);
  // The application ends it, or begins anew.
  const closed = await until();
  closed.device.close(closed.net.now);
  closed.net.run(closed.net.now + 60000);
  assert.ok(!agree(closed, 'closed'));
  assert.equal(closed.device.next(), -1);
  const anew = await until();
  anew.device.connect(true, anew.net.now);
  anew.net.run(anew.net.now + 40000);
  assert.ok(agree(anew, 'anew'));
});

test('worlds of loss with new authentications, rekeys and probes', async () => {
  const names = ['usual', 'known pfs', 'groups', 'ppk round'];
  const list = await Promise.all(
    names.map((name) =>
      kindOf(name, (one, isDevice) => {
        change(name)(one, isDevice);
        if (!isDevice) return;
        one.reauthTime = 13000;
        one.child.rekeyTime = 8000;
        one.rekeyTime = 11000;
      }),
    ),
  );
  let renewed = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const kind = list[seed % list.length];
    const faults = { ...CALM, loss: (seed % 5) * 0.05, reorder: 0.2, duplicate: 0.2, until: 90000, latency: 10 + seed };
    const scene = sceneOf(kind, seed, faults, kind.gateway());
    const { net, device, host } = scene;
    device.connect(false, 0);
    net.run(90000);
    renewed += named(scene, 'ended').filter((event) => event === `ended ${REPLACED} -1`).length;
    // Its times go on: wait for a moment without work.
    let isQuiet = false;
    for (let i = 0; i < 4000 && !isQuiet; i++) {
      net.run(net.now + 100);
      const { S } = device;
      isQuiet =
        S.current !== null &&
        S.current.next === null &&
        S.list === S.current &&
        S.current.task === 0 &&
        S.setup === null;
      isQuiet =
        isQuiet && host.pairs.length === 1 && net.gateway.ike.sas.length === 1 && net.gateway.ike.sas[0].task === null;
    }
    assert.ok(isQuiet, `seed ${seed}: ${host.events.slice(-12).join()}`);
    assert.ok(agree(scene, `seed ${seed}`));
  }
  assert.ok(renewed > 80, String(renewed));
});

test('a text without a new authentication has nothing of it', async () => {
  const text = async (time: number): Promise<string> => {
    const one = policy('device', 'gateway', 1, 2);
    CHANGES.usual(one, true);
    one.reauthTime = time;
    return joinIke(specialised(one));
  };
  const without = await text(0);
  for (const name of ['freshIke', 'reauthAt', 'ikeElder']) assert.equal(without.includes(name), false, name);
  assert.equal((await text(5000)).includes('freshIke'), true);
});
