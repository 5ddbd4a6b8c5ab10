// Gateways as processes that share their SAs in NATS JetStream: datagrams come at another one, and one is killed, stopped, or cut off.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packageMissing } from '../support/packages.ts';
import {
  type Cable,
  type ClusterStage,
  type Nats,
  openCable,
  openNatsServers,
  openStage,
  type TestSensor,
  until,
} from './kit.ts';

const skip = packageMissing('nats-server');
/** With so few addresses, gateways that do not know of each other would give one twice. */
const POOL = process.env['DIETESP_LONG'] === '1' ? '2001:db8:1::/116' : '2001:db8:1::/120';
/** A busy machine takes its time: nothing is measured by it. */
const LIMIT = { timeout: 120000 };
const SENSORS = process.env['DIETESP_LONG'] === '1' ? 300 : 24;

interface View {
  isHeld: boolean;
  groups: number;
  taken: number;
  lost: number;
  ended: number;
  relay: Record<string, number>;
}

async function viewOf(stage: ClusterStage, index: number): Promise<View> {
  const { metrics } = (await stage.gateways[index].ask({ cmd: 'status' })) as { metrics: { cluster: View } };
  return metrics.cluster;
}

/** Inner addresses by peer, as the gateways say. */
async function addresses(list: number[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const index of list) {
    const { metrics } = (await stage.gateways[index].ask({ cmd: 'status' })) as {
      metrics: { ike: { sas: { identity: string; address: string }[] } };
    };
    for (const { identity, address } of metrics.ike.sas) {
      assert.equal(found.has(identity), false, `${identity} is at two gateways`);
      found.set(identity, address);
    }
  }
  return found;
}

let folder = '';
let first = new Map<string, string>();
let nats: Nats;
let stage: ClusterStage;
let cables: Cable[] = [];
let sensors: TestSensor[] = [];

/** Each sensor sends until an answer of now came. */
async function answered(list: TestSensor[], limit = 60000): Promise<number> {
  const wanted = list.map((one) => [one, one.send()] as const);
  const since = performance.now();
  let last = since;
  return until(
    'answers',
    () => {
      const left = wanted.filter(([one, number]) => ![...one.echoed].some((got) => got >= number));
      if (performance.now() - last > 250) {
        last = performance.now();
        for (const [one] of left) one.send();
      }
      return left.length === 0;
    },
    limit,
  );
}

const places = new Map<string, number>();
/** Each sensor stays at its gateway, or where that is none of `alive` goes to another. */
function routeTo(alive: number[]): void {
  stage.front.route = (address) => {
    const number = Number(address.split('.')[3]);
    const place = places.get(address) ?? number % 3;
    const chosen = alive.includes(place) ? place : alive[(number >> 2) % alive.length];
    places.set(address, chosen);
    return chosen;
  };
}

before(async () => {
  if (skip !== false) return;
  folder = mkdtempSync(join(tmpdir(), 'dietesp-nats-'));
  nats = await openNatsServers(folder);
  cables = await Promise.all([0, 1, 2].map(() => openCable(nats.urls[0])));
  stage = await openStage(
    cables.map(({ url }) => [url]),
    1,
    {},
    POOL,
  );
  await Promise.all([0, 1, 2].map((index) => stage.start(index)));
  routeTo([0, 1, 2]);
  sensors = await Promise.all(Array.from({ length: SENSORS }, () => stage.sensor()));
  await Promise.all(sensors.map(({ sensor }) => sensor.connect(false)));
}, LIMIT);

after(async () => {
  if (skip !== false) return;
  await stage?.close();
  for (const cable of cables) cable.close();
  await nats?.close();
  rmSync(folder, { recursive: true, force: true });
}, LIMIT);

test('datagrams that come at another gateway while theirs lives: readings go on, without a handshake', {
  skip,
  ...LIMIT,
}, async (context) => {
  await answered(sensors);
  const before = [await viewOf(stage, 0), await viewOf(stage, 1), await viewOf(stage, 2)];
  const home = stage.front.route;
  stage.front.down.fill(0);
  for (const step of [1, 2]) {
    stage.front.route = (address) => (home(address) + step) % 3;
    const time = await answered(sensors);
    context.diagnostic(`${step} places on: readings of ${SENSORS} sensors after ${Math.round(time)} ms`);
    await answered(sensors);
  }
  const now = [await viewOf(stage, 0), await viewOf(stage, 1), await viewOf(stage, 2)];
  // Nothing was taken over: each has what it had.
  assert.deepEqual(
    now.map(({ groups, taken, lost }) => ({ groups, taken, lost })),
    before.map(({ groups, taken, lost }) => ({ groups, taken, lost })),
  );
  for (const { relay } of now) {
    assert.ok(relay.forwardedOut > 0 && relay.forwardedIn > 0 && relay.sentOut > 0 && relay.sentIn > 0);
    assert.equal(relay.refused + relay.limited, 0);
  }
  assert.ok(sensors.every((one) => one.ups() === 1));
  // And home again.
  stage.front.route = home;
  const sentOut = async (): Promise<string> => {
    const views = await Promise.all([0, 1, 2].map((index) => viewOf(stage, index)));
    return views.map(({ relay }) => relay.sentOut).join();
  };
  // Late answers to what came elsewhere may still leave from there.
  await until('a round in which each sends for itself', async () => {
    const sent = await sentOut();
    await answered(sensors);
    return (await sentOut()) === sent;
  });
  assert.deepEqual(stage.front.twice, []);
});

test('kill -9 of one: its sensors go on with the others, without a handshake', {
  skip,
  ...LIMIT,
}, async (context) => {
  await answered(sensors);
  first = await addresses([0, 1, 2]);
  assert.equal(new Set(first.values()).size, SENSORS);
  await stage.gateways[0].end('SIGKILL');
  routeTo([1, 2]);
  const time = await answered(sensors);
  context.diagnostic(`readings of ${SENSORS} sensors flow again after ${Math.round(time)} ms`);
  assert.deepEqual(
    sensors.map((one) => one.ups()),
    sensors.map(() => 1),
  );
  assert.deepEqual(stage.front.twice, []);
  await stage.start(0);
  const views = [await viewOf(stage, 1), await viewOf(stage, 2)];
  // A gateway that got no time for a whole lease may have lost others.
  assert.ok(views[0].taken + views[1].taken >= SENSORS / 3);
  assert.equal(views[0].groups + views[1].groups, SENSORS);
});

test('one that is stopped, and goes on later, sends nothing of what others have', {
  skip,
  ...LIMIT,
}, async (context) => {
  const { child } = stage.gateways[1];
  child.kill('SIGSTOP');
  routeTo([0, 2]);
  const time = await answered(sensors);
  context.diagnostic(`readings flow again after ${Math.round(time)} ms`);
  child.kill('SIGCONT');
  const sent = stage.front.down[1];
  await until('it notices', async () => (await viewOf(stage, 1)).ended >= 1);
  await until('it joins again', async () => (await viewOf(stage, 1)).isHeld);
  await answered(sensors);
  assert.equal((await viewOf(stage, 1)).groups, 0);
  assert.equal(stage.front.down[1], sent, 'no packet since');
  assert.deepEqual(stage.front.twice, []);
  assert.ok(sensors.every((one) => one.ups() === 1));
});

test('one that is cut off from the store is silent in time, and others go on', {
  skip,
  ...LIMIT,
}, async (context) => {
  routeTo([0, 1, 2]);
  const all: number[] = [];
  for (const index of [0, 1, 2]) all.push((await viewOf(stage, index)).groups);
  const [most] = [0, 1, 2].sort((a, b) => all[b] - all[a]);
  cables[most].cut();
  routeTo([0, 1, 2].filter((index) => index !== most));
  const time = await answered(sensors);
  context.diagnostic(`readings flow again after ${Math.round(time)} ms`);
  assert.equal((await viewOf(stage, most)).isHeld, false);
  const { log } = stage.gateways[most];
  await until('its log', () => log.some((line) => line.includes('the lease could not be renewed')));
  assert.deepEqual(await stage.gateways[most].readiness(), { status: 503, text: 'no-lease', lease: '0' });
  const { cluster } = (await stage.gateways[most].ask({ cmd: 'summary' })) as { cluster: View };
  assert.equal(cluster.isHeld, false);
  const sent = stage.front.down[most];
  cables[most].mend();
  await until('it joins again', async () => (await viewOf(stage, most)).isHeld);
  assert.deepEqual(await stage.gateways[most].readiness(), { status: 200, text: 'ok', lease: '1' });
  await answered(sensors);
  assert.equal(stage.front.down[most], sent);
  assert.deepEqual(stage.front.twice, []);
  assert.ok(sensors.every((one) => one.ups() === 1));
});

test('a store that is slow: readings wait for it, and it is said; one too slow costs the lease, and no SA', {
  skip,
  ...LIMIT,
}, async (context) => {
  const before = await viewOf(stage, 0);
  for (const cable of cables) cable.delay(700);
  for (const limit of [1, 2]) context.diagnostic(`${limit}: ${Math.round(await answered(sensors))} ms with 0.7 s`);
  assert.equal((await viewOf(stage, 0)).ended, before.ended);
  const { metrics } = (await stage.gateways[0].ask({ cmd: 'status' })) as { metrics: { state: { time: number } } };
  assert.ok(metrics.state.time >= 700);
  const { log } = stage.gateways[0];
  await until('its log', () => log.some((line) => /the store is slow.*packets and other effects wait/.test(line)));
  for (const cable of cables) cable.delay(2000);
  const since = performance.now();
  await until('a renewal failed, or 6 s', async () => {
    const views = await Promise.all([0, 1, 2].map((index) => viewOf(stage, index)));
    return performance.now() - since > 6000 || views.some(({ isHeld }) => !isHeld);
  });
  for (const cable of cables) cable.delay(0);
  await until('all have their lease', async () => {
    const views = await Promise.all([0, 1, 2].map((index) => viewOf(stage, index)));
    return views.every(({ isHeld }) => isHeld);
  });
  context.diagnostic(`${Math.round(await answered(sensors))} ms afterwards`);
  assert.deepEqual(stage.front.twice, []);
  assert.ok(sensors.every((one) => one.ups() === 1));
});

test('numbers come to the server once each, whoever had the SA', { skip }, () => {
  assert.equal(new Set(stage.delivered).size, stage.delivered.length);
});

test('peers kept their inner addresses, and newcomers get others, at each gateway', { skip, ...LIMIT }, async () => {
  routeTo([0, 1, 2]);
  const fresh = await Promise.all(Array.from({ length: 15 }, () => stage.sensor()));
  await Promise.all(fresh.map(({ sensor }) => sensor.connect(false)));
  await answered([...sensors, ...fresh]);
  const now = await addresses([0, 1, 2]);
  for (const [identity, address] of first) assert.equal(now.get(identity), address, identity);
  assert.equal(now.size, SENSORS + 15);
  assert.equal(new Set(now.values()).size, now.size);
  const rests = new Set([...now.values()].map((address) => Number.parseInt(address.slice(-1), 16)));
  assert.ok(rests.size <= 3, 'each from the part of its gateway');
});
