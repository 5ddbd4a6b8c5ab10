// `kill -9` of a gateway under traffic, again and again: no sequence number twice with one key, no packet delivered twice, no
// old packet taken, and the peer goes on without a new handshake. DIETESP_LONG=1: 200 times.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { scratch } from '../cli/run.ts';
import { openStage, type Stage } from './crash-kit.ts';

const { file } = scratch();
const path = (name: string): string => join(process.env.STATE_DIRECTORY!, `crash-${process.pid}-${name}`);
const ROUNDS = process.env.DIETESP_LONG === '1' ? 200 : 6;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends numbers until one comes back; how many were sent, at most `limit`. */
async function untilEcho(stage: Stage, limit: number, interval: number): Promise<number> {
  for (let sent = 1; sent <= limit; sent++) {
    const number = stage.send();
    for (let waited = 0; waited < 400; waited += 10) {
      await pause(10);
      if (stage.echoed.has(number)) return sent;
    }
    await pause(interval);
  }
  return Number.POSITIVE_INFINITY;
}

function checkWire({ wire, delivered }: Stage): void {
  assert.deepEqual(wire.twice, [], 'a sequence number with two packets');
  assert.equal(new Set(delivered).size, delivered.length, 'a packet that was delivered twice');
}

test('kill -9 under traffic: SAs go on, nothing comes twice', { timeout: 60000 * ROUNDS }, async () => {
  const random = createRandom(5);
  const stage = await openStage(file, path('state'));
  try {
    await stage.start();
    assert.equal(await stage.sensor.connect(false), '');
    const spis = JSON.stringify(stage.sensor.status().children);
    assert.ok((await untilEcho(stage, 20, 50)) < 20);
    for (let round = 0; round < ROUNDS; round++) {
      // Slow, then fast, then the kill comes at any moment.
      const interval = [200, 20, 2][round % 3];
      const until = performance.now() + 300 + random.below(700);
      while (performance.now() < until) {
        stage.send();
        await pause(interval);
      }
      await stage.kill();
      // The peer does not know, and goes on.
      let isUp = false;
      const starting = stage.start().then(() => {
        isUp = true;
      });
      while (!isUp) {
        stage.send();
        await pause(interval);
      }
      await starting;
      const old = stage.wire.toGateway.slice(-60);
      const before = stage.delivered.length;
      for (const packet of old) stage.wire.repeat(packet);
      await pause(200);
      // What the dead gateway never saw may still come, once.
      assert.ok(stage.delivered.length - before <= old.length, 'replays');
      const sent = await untilEcho(stage, 40, 20);
      assert.ok(sent <= 40, `round ${round}: no answer after ${sent} packets\n${stage.log.slice(-8).join('\n')}`);
      checkWire(stage);
      assert.equal(JSON.stringify(stage.sensor.status().children), spis, 'the same Child SA');
    }
  } finally {
    await stage.close();
  }
});

test('a slow sensor loses one packet at most', { timeout: 120000 }, async () => {
  const stage = await openStage(file, path('slow'));
  try {
    await stage.start();
    assert.equal(await stage.sensor.connect(false), '');
    for (let i = 0; i < 5; i++) {
      assert.equal(await untilEcho(stage, 1, 0), 1);
      await pause(300);
    }
    for (let round = 0; round < 3; round++) {
      await stage.kill();
      await stage.start();
      assert.ok((await untilEcho(stage, 2, 0)) <= 2, `round ${round}`);
      checkWire(stage);
      await pause(300);
    }
  } finally {
    await stage.close();
  }
});

/** Packets until an answer, of a sensor that was sending fast when the gateway was killed, and fell silent then. */
async function afterBurst(name: string, counterSync: boolean): Promise<number> {
  const stage = await openStage(file, path(name), false, { counterSync });
  try {
    await stage.start();
    assert.equal(await stage.sensor.connect(false), '');
    const end = performance.now() + 1500;
    while (performance.now() < end) {
      stage.send();
      await pause(2);
    }
    await stage.kill();
    await stage.start();
    const sent = await untilEcho(stage, 4, 0);
    checkWire(stage);
    return sent;
  } finally {
    await stage.close();
  }
}

test('numbers that were reserved for a burst cost no packet of a sensor that synchronises counters', {
  timeout: 120000,
}, async () => {
  assert.ok((await afterBurst('burst-with', true)) <= 2);
  assert.equal(await afterBurst('burst-without', false), Number.POSITIVE_INFINITY);
});

test('without a store: the peer sets its SAs up anew, nothing comes twice', { timeout: 120000 }, async () => {
  const stage = await openStage(file, 'off');
  try {
    await stage.start();
    assert.equal(await stage.sensor.connect(false), '');
    assert.ok((await untilEcho(stage, 5, 20)) <= 5);
    await stage.kill();
    await stage.start();
    assert.equal(await untilEcho(stage, 1, 0), Number.POSITIVE_INFINITY, 'nobody knows the SA');
    assert.equal(await stage.sensor.connect(true), '');
    assert.ok((await untilEcho(stage, 5, 20)) <= 5);
    checkWire(stage);
  } finally {
    await stage.close();
  }
});
