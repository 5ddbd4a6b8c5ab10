// What stands beside IKE and goes wrong, stops nothing and leaves nothing: a key log on a full disk, attempts that end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGateway, startGateway } from '../../targets/node/gateway/gateway.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, echoFlow } from './support.ts';

const full = (): never => {
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
};

test('a key log on a full disk: SAs come up, what is missing is counted, and the log tells it', async () => {
  const medium = createMedium({ seed: 1 });
  const lines: string[] = [];
  const { gateway, ike } = await startGateway({
    ...airOn(medium),
    ...echoFlow(),
    ike: { ...ikeOf(), keylog: { ike: full, esp: full } },
    log: (level, _name, text) => {
      if (level === 'error' || level === 'warn') lines.push(typeof text === 'function' ? text() : text);
    },
  });
  const sensor = ikeSensorOn(medium, 1);
  sensor.host.uplink.connect(null, medium.now);
  medium.run(medium.now + 5000);
  assert.deepEqual(sensor.told, ['child', 'up']);
  sensor.send('hello');
  medium.run(medium.now + 1000);
  assert.deepEqual(sensor.heard, ['hello!']);
  // Nobody proves anything: the half-open SAs of a wrong key end as ever.
  for (let index = 2; index < 6; index++) {
    ikeSensorOn(medium, index, { psk: 'guessed' }).host.uplink.connect(null, medium.now);
    medium.run(medium.now + 5000);
  }
  medium.run(medium.now + 40000);
  assert.equal(ike.sas().length, 1);
  assert.equal(gateway.metrics().ike?.halfOpen, 0);
  // IKE and ESP of the one that came up, IKE of the others.
  assert.equal(gateway.metrics().drops['keylog'], 6);
  const told = lines.filter((line) => line.startsWith('key log: '));
  assert.ok(told.length > 0);
  await gateway.close();
});

test('listeners and logs that throw leave no IKE SA behind', async () => {
  for (const isLogBroken of [false, true]) {
    const medium = createMedium({ seed: 2 });
    const gateway = await createGateway({
      ...airOn(medium),
      ike: ikeOf(),
      log: (_level, name) => {
        if (isLogBroken && name === 'ike') throw new Error('no log');
      },
    });
    gateway.on('up', full);
    gateway.on('down', full);
    const sensor = ikeSensorOn(medium, 1);
    sensor.host.uplink.connect(null, medium.now);
    medium.run(medium.now + 5000);
    if (!isLogBroken) assert.deepEqual(sensor.told, ['child', 'up']);
    sensor.host.uplink.close(medium.now);
    medium.run(medium.now + 60000);
    assert.deepEqual([gateway.ikeSas(), gateway.metrics().sas, gateway.metrics().ike?.leases], [[], [], 0]);
    await gateway.close();
  }
});
