// Seeded runs of a cluster in virtual time (world.ts): no number is sent twice, none is taken twice, no SA has two gateways, and
// readings flow again five seconds after the faults. Sensors move from gateway to gateway, and are heard by several.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLoad } from './load.ts';
import { createWorld, type World } from './world.ts';

const RUNS = process.env['DIETESP_LONG'] === '1' ? 1000 : 10;
const GATEWAYS = 3;
const GROUPS = 6;
/** Milliseconds of faults, and until every group has to be in the store. */
const FAULTS = 48000;
const SET_MAX = 60000;

/** Sets the groups up, then has faults, then none; the world. */
async function course(seed: number, fences = true): Promise<World> {
  const world = createWorld({ seed, gateways: GATEWAYS, groups: GROUPS, fences });
  world.isRough = false;
  while (!world.isSet() || world.now() < 12000) {
    assert.ok(world.now() < SET_MAX, `seed ${seed}: groups are not in the store`);
    await world.run(world.now() + 500);
  }
  world.isRough = true;
  const end = world.now() + FAULTS;
  const dead = new Map<number, number>();
  while (world.now() < end) {
    const index = Math.floor(world.random() * GATEWAYS);
    const kind = world.random();
    if (kind < 0.25) {
      if (!dead.has(index)) world.kill(index);
      dead.set(index, world.now() + 500 + world.random() * 8000);
    } else if (kind < 0.5) {
      if (!dead.has(index)) world.stop(index, 200 + world.random() * 9000);
    } else if (kind < 0.75) {
      world.cut(index, true);
    } else {
      world.cut(index, false);
    }
    const next = world.now() + 200 + world.random() * 4000;
    for (const [one, time] of dead) {
      if (time > next) continue;
      dead.delete(one);
      world.start(one);
    }
    await world.run(next);
  }
  world.isRough = false;
  for (let index = 0; index < GATEWAYS; index++) {
    world.cut(index, false);
    if (dead.has(index)) world.start(index);
  }
  return world;
}

test(`${RUNS} runs with kills, pauses, partitions and lost acknowledgements`, async (context) => {
  let sent = 0;
  let delivered = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const world = await course(seed);
    const healed = world.now();
    await world.run(healed + 20000);
    assert.deepEqual(world.faults.slice(0, 5), [], `seed ${seed}`);
    for (const [group, at] of world.deliveredAt.entries()) {
      assert.ok(at > healed + 15000, `seed ${seed}: group ${group}: silent since ${at}`);
    }
    // A lease after the faults nothing that any gateway hears is lost.
    assert.deepEqual(world.missing(healed + 10000, healed + 18000), [], `seed ${seed}`);
    sent += world.sent;
    delivered += world.delivered;
  }
  context.diagnostic(`${sent} numbers sent, ${delivered} taken`);
});

test('a kill alone: readings flow again within seven seconds', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const world = createWorld({ seed, gateways: GATEWAYS, groups: GROUPS });
    await world.run(14000);
    world.kill(seed % GATEWAYS);
    await world.run(14000 + 7000);
    assert.deepEqual(world.faults, []);
    const mine = world.deliveredAt.filter((_, group) => group % GATEWAYS === seed % GATEWAYS);
    assert.ok(
      mine.every((at) => at > 16000),
      `seed ${seed}: ${mine}`,
    );
  }
});

test('a store that does not fence is found out', async () => {
  let faults = 0;
  for (let seed = 1; seed <= 10 && faults === 0; seed++) faults += (await course(seed, false)).faults.length;
  assert.ok(faults > 0);
});

test('what the store has to do for many peers: writes of handshakes, readings, rekeys, and a take-over', async () => {
  const PEERS = 60;
  const GATES = 3;
  const load = await createLoad(GATES);
  const since = (): ((name: 'puts' | 'gets' | 'scans' | 'removes' | 'refused') => number) => {
    const before = { ...load.count };
    return (name) => load.count[name] - before[name];
  };
  const everyone = (work: (index: number) => void): void => {
    for (let index = 0; index < PEERS; index++) work(index);
  };

  let count = since();
  everyone((index) => load.connect(index % GATES));
  await load.run(1000);
  assert.equal(count('puts'), 2 * PEERS, 'a handshake is two writes');
  assert.equal(load.stored().records, 2 * PEERS);

  count = since();
  for (let minute = 0; minute < 3; minute++) {
    everyone(load.read);
    await load.run(60000);
  }
  assert.equal(load.answers, 3 * PEERS);
  assert.equal(count('puts'), 3 * PEERS, 'a reading with its answer is one write');
  assert.equal(count('gets') + count('scans') + count('refused') + count('removes'), 0);

  count = since();
  everyone(load.rekeyChild);
  await load.run(1000);
  assert.equal(count('puts'), 3 * PEERS);
  count = since();
  everyone(load.rekeyIke);
  await load.run(1000);
  assert.equal(count('puts'), 4 * PEERS);
  assert.equal(load.stored().records, 2 * PEERS, 'what a rekey replaces goes');

  count = since();
  load.kill(1);
  everyone(load.read);
  await load.run(20000);
  assert.equal(load.answers, 4 * PEERS);
  assert.equal(load.slow.length, PEERS / GATES, 'only those of the gateway that died wait');
  assert.equal(count('gets'), (2 * PEERS) / GATES);
  // Of the groups, and of the places.
  assert.equal(count('scans'), 2 * (GATES - 1));
  // Four of each that moves: two take it, two set it up anew, with its reading. Here it was sent twice, and the second answer needs
  // a number more.
  assert.equal(count('puts'), PEERS + (4 * PEERS) / GATES);
  assert.deepEqual(load.faults, []);
});
