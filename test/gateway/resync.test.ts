// Lost sequence numbers between the gateway and a sensor with IKE, in virtual time: what the search does not reach heals by a
// rekey within 10 s, whoever lost it; a forger can't make them rekey all the time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advanceSn, type Sa } from '../../core/esp/sa.ts';
import { putFcs } from '../../core/wire/ieee802154.ts';
import { startGateway } from '../../targets/node/gateway/gateway.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, fakeSockets, PORT, SERVER } from './support.ts';

const FLOW = { destination: SERVER, port: PORT, to: '127.0.0.1:9' };

/** A sensor that is connected and was answered once. */
async function connected(seed: number) {
  const medium = createMedium({ seed });
  const told: string[] = [];
  const { gateway, sas } = await startGateway({
    ...airOn(medium),
    flows: [FLOW],
    openSocket: fakeSockets((socket, text) => socket.upper.message(Buffer.from(text + '!'))).openSocket,
    ike: ikeOf(),
    log: (_level, _area, text) => void told.push(typeof text === 'string' ? text : text()),
  });
  const sensor = ikeSensorOn(medium, 1);
  sensor.host.uplink.connect(null, medium.now);
  medium.run(medium.now + 5000);
  sensor.send('first');
  medium.run(medium.now + 1000);
  assert.deepEqual(sensor.heard, ['first!']);
  const sent = (): number => sensor.host.sas.outgoing.findIndex(({ ended }) => ended === 0);
  return {
    medium,
    gateway,
    sensor,
    /** Rekeys that suspicion asked for. */
    asked: () => told.filter((line) => line.includes('is rekeyed')).length,
    children: () => sensor.told.filter((line) => line === 'child').length,
    /** Outbound SAs of the two. */
    up: (): Sa => sensor.host.sas.outgoing[sent()],
    down: (): Sa => [...sas.all()].filter(({ direction }) => direction === 'out').at(-1)!.sa,
  };
}

type World = Awaited<ReturnType<typeof connected>>;

/** `count` packets of this SA are lost. */
function lose(sa: Sa, count: number): void {
  assert.ok(advanceSn(sa, 0, sa.snLo + count));
}

/** A reading a second: how many milliseconds until one is answered, and how many were lost; -1: never. */
function heals({ medium, sensor }: World): { ms: number; lost: number } {
  const begun = medium.now;
  for (let lost = 0; lost < 30; lost++) {
    const before = sensor.heard.length;
    sensor.send(`n ${lost}`);
    medium.run(medium.now + 1000);
    if (sensor.heard.length > before) return { ms: medium.now - begun, lost };
  }
  return { ms: -1, lost: 30 };
}

for (const way of ['up', 'down'] as const) {
  test(`${way}: an outage up to 16,000 packets heals with the first reading, without IKE`, async () => {
    const world = await connected(3);
    for (const outage of [1, 127, 128, 129, 255, 256, 257, 260, 511, 512, 597, 1000, 5000, 16000]) {
      lose(world[way](), outage);
      world.medium.run(world.medium.now + 60000);
      assert.deepEqual(heals(world), { ms: 1000, lost: 0 }, `${outage} lost`);
    }
    assert.equal(world.children(), 1);
    assert.equal(world.asked(), 0);
    if (way === 'up') {
      const { search } = world.gateway.metrics().esp;
      assert.ok(search!.found === 6, JSON.stringify(search));
      assert.equal(search!.searches, search!.found);
    }
    await world.gateway.close();
  });

  test(`${way}: a longer outage heals within 10 s by one rekey`, async () => {
    const world = await connected(4);
    for (const [i, outage] of [20000, 100000, 1000000].entries()) {
      lose(world[way](), outage);
      world.medium.run(world.medium.now + 2000000);
      const { ms, lost } = heals(world);
      assert.ok(ms >= 0 && ms <= 10000, `${outage} lost: ${ms} ms`);
      assert.ok(lost <= 5, `${lost} readings lost`);
      assert.equal(world.children(), i + 2);
    }
    await world.gateway.close();
  });
}

test('a forger of one SPI makes its peers rekey at most so often', async () => {
  const world = await connected(5);
  const { medium, sensor } = world;
  const forger = medium.radio();
  const frames: Uint8Array[] = [];
  forger.onFrame = (frame, offset, length) => {
    if (length > 12) frames.push(frame.slice(offset, offset + length));
  };
  let readings = 0;
  let number = 0;
  // An hour, with a reading every minute, which is forged ten times before the next.
  for (let minute = 0; minute < 60; minute++) {
    frames.length = 0;
    sensor.send(`m ${minute}`);
    medium.run(medium.now + 6000);
    for (let i = 0; i < 10; i++) {
      for (const frame of frames) {
        const copy = frame.slice();
        copy[2] = number++ & 0xff;
        copy[copy.length - 5] ^= 1 + i;
        putFcs(copy, 0, copy.length - 2);
        forger.transmit(copy, 0, copy.length);
        medium.run(medium.now + 500);
      }
    }
    medium.run(medium.now + 40000);
    readings = sensor.heard.length;
  }
  assert.ok(readings >= 60, `${readings} readings answered`);
  const rekeys = world.children() - 1;
  assert.ok(rekeys > 0, 'the forger was seen');
  // Each side: at once, then after 8, 16, ... 512 s.
  assert.ok(rekeys <= 2 * 14, `${rekeys} rekeys`);
  await world.gateway.close();
});
