// A hundred seeded worlds with a bad radio: every confirmable reading arrives once, or is reported as failed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_CHANNEL, DROP_NO_ACK } from '../../core/base/drop.ts';
import { dropName } from '../../core/base/drop-name.ts';
import { MAX_TRANSMIT_WAIT } from './coap.ts';
import { createWorld, play, READINGS, SENSORS, type World, type WorldConfig } from './world.ts';

/** All readings of a sensor in a row, each at its worst. */
const LIMIT = READINGS * MAX_TRANSMIT_WAIT + 60000;

function worldOf(seed: number): WorldConfig {
  return {
    seed,
    loss: (seed % 9) * 0.05,
    reorder: seed % 4 === 0 ? 0 : 0.15,
    duplicate: seed % 3 === 0 ? 0 : 0.15,
    corrupt: seed % 5 === 0 ? 0 : 0.1,
    spread: seed % 2 === 0 ? 20 : 200,
    // Every third world: sensors do not hear one another, and collide at the gateway.
    ...(seed % 3 === 1 ? { reaches: (from: number, to: number) => from === SENSORS || to === SENSORS } : {}),
    sa: [{}, { esp_spi_lsb: 4, esp_sn_lsb: 4 }, { esp_spi_lsb: 0, esp_sn_lsb: 8 }, { esp_spi_lsb: 16, esp_sn_lsb: 16 }][
      seed % 4
    ],
  };
}

interface Sum {
  delivered: number;
  failed: number;
  duplicates: number;
  retransmitted: number;
}

function check(world: World, seed: number, sum: Sum): void {
  const { server, clients, medium } = world;
  assert.equal(medium.next(), -1, `seed ${seed}: something is still due at ${medium.now} ms`);
  clients.forEach((client, index) => {
    assert.equal(client.outcomes.length, READINGS, `seed ${seed}: every reading has an outcome`);
    for (const { reading, delivered, transmissions } of client.outcomes) {
      const count = server.readings.filter((text) => text === `sensor ${index + 1} ${reading}`).length;
      if (delivered) assert.equal(count, 1, `seed ${seed}: ${reading} delivered`);
      else assert.ok(count <= 1, `seed ${seed}: ${reading} failed, and came ${count} times`);
      if (delivered) sum.delivered++;
      else sum.failed++;
      if (transmissions > 1) sum.retransmitted++;
    }
  });
  sum.duplicates += server.duplicates;
  // What ESP drops are duplicates. The FCS finds every corruption the medium makes.
  for (const drops of [world.drops, ...world.devices.map((device) => device.endpoint.drops)]) {
    for (const [code, count] of drops.entries()) {
      const allowed = ['replay', 'queue', 'no-ack', 'channel', 'icv'].includes(dropName(code));
      assert.ok(count === 0 || allowed, `seed ${seed}: ${count} dropped: ${dropName(code)}`);
    }
  }
}

test('100 worlds: every reading arrives once or is reported', (t) => {
  const sum: Sum = { delivered: 0, failed: 0, duplicates: 0, retransmitted: 0 };
  const digests = new Set<string>();
  const counted = { lost: 0, collided: 0, corrupted: 0, duplicated: 0, reordered: 0 };
  for (let seed = 1; seed <= 100; seed++) {
    const world = createWorld(worldOf(seed));
    play(world, LIMIT);
    check(world, seed, sum);
    digests.add(world.digest());
    for (const key of Object.keys(counted) as (keyof typeof counted)[]) counted[key] += world.medium.counters[key];
  }
  t.diagnostic(JSON.stringify({ ...sum, ...counted }));
  assert.equal(sum.delivered + sum.failed, 100 * SENSORS * READINGS);
  assert.ok(sum.delivered > 0.9 * 100 * SENSORS * READINGS, 'most arrive');
  assert.equal(digests.size, 100, 'no two worlds are the same');
  assert.ok(sum.duplicates > 0 && sum.retransmitted > 50, 'loss was felt above the MAC');
  for (const [key, count] of Object.entries(counted)) assert.ok(count > 100, `${key}: ${count}`);
});

test('the same seed gives the same frames at the same times', () => {
  for (const seed of [1, 8, 27, 40]) {
    const digests = [0, 1].map(() => {
      const world = createWorld(worldOf(seed));
      play(world, LIMIT);
      return world.digest();
    });
    assert.equal(digests[0], digests[1]);
  }
});

test('a perfect medium: all arrives, and only what found the channel busy is sent again', () => {
  let first = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const world = createWorld({ seed });
    play(world, LIMIT);
    let again = 0;
    for (const { reading, delivered, transmissions } of world.clients.flatMap((client) => client.outcomes)) {
      assert.ok(delivered, `seed ${seed}: ${reading}`);
      again += transmissions - 1;
    }
    // Three that begin at once: the back-offs of CSMA-CA can end before the others' frames do [IEEE 802.15.4 §6.2.5.1].
    const refused = world.devices.map(({ lowpan }) => lowpan.counters[-DROP_CHANNEL] + lowpan.counters[-DROP_NO_ACK]);
    assert.ok(again <= refused.reduce((sum, count) => sum + count, 0), `seed ${seed}: ${again} sent again, ${refused}`);
    assert.equal(world.server.readings.length, SENSORS * READINGS);
    assert.equal(world.server.duplicates, 0);
    assert.ok(world.drops.every((count) => count === 0));
    first += SENSORS * READINGS - again;
  }
  assert.ok(first > 0.9 * 20 * SENSORS * READINGS, `${first} at once`);
});

test('a dead gateway: every reading is reported as failed, in bounded time', () => {
  const world = createWorld({ seed: 2, loss: 1 });
  play(world, LIMIT);
  const sum: Sum = { delivered: 0, failed: 0, duplicates: 0, retransmitted: 0 };
  check(world, 2, sum);
  assert.deepEqual([sum.delivered, sum.failed], [0, SENSORS * READINGS]);
  assert.ok(world.medium.now < LIMIT);
  assert.equal(world.server.readings.length, 0);
});
