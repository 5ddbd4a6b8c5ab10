// A device on a virtual radio whose gateway says what it takes: `send` refuses what is longer, and says nothing before.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_TOO_LONG } from '../../../core/base/drop.ts';
import { createDeviceMtu } from '../../../core/device/device-mtu.ts';
import { PATH_MTU_TIME } from '../../../core/esp/path-mtu.ts';
import { mtuNumbers } from '../../../core/ike/codec/private-numbers.ts';
import { createMtu, tellPtb } from '../../../core/ike/ext/mtu.ts';
import { STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { createMedium } from '../../../targets/node/lab/medium.ts';
import { policy } from '../pair.ts';
import { deviceOn, gatewayOn } from '../radio.ts';

test('PTB of the gateway lowers what the application may send, for ten minutes', () => {
  const medium = createMedium({ seed: 1 });
  const gateway = gatewayOn(medium, policy('gateway', 'sensor', 2, 1), null);
  const sensor = deviceOn(medium, policy('sensor', 'gateway', 1, 2));
  const upper = { wants: () => true, lmap: () => {}, ptb: () => {}, malformed: () => {} };
  gateway.ike.extensions.push(createMtu(mtuNumbers(), upper));
  const { device } = sensor;
  const mtu = createDeviceMtu(mtuNumbers(), device.outer.length, () => medium.now);
  device.uplink.ike.extensions.push(mtu.extension);
  mtu.attach(device);
  device.uplink.connect(null, medium.now);
  medium.run(medium.now + 1000);
  assert.equal(mtu.limit(medium.now), 0);
  const at = medium.now;
  const sa = gateway.ike.sas.find(({ state }) => state === STATE_ESTABLISHED)!;
  // What it says is raised to the floor of IPv6, 1280 octets.
  assert.ok(tellPtb(gateway.ike, sa, 600, 900, at));
  medium.run(at + 1000);
  const limit = mtu.limit(medium.now);
  assert.ok(limit > 1200 && limit <= 1280, `${limit}`);
  mtu.path.lmtu = 200;
  const least = mtu.limit(medium.now);
  assert.ok(least > 100 && least < 200, `${least}`);
  const send = (octets: number): number =>
    device.send(new Uint8Array(octets), 0, octets, 5001, new Uint8Array(16), 4500, medium.now);
  const before = device.endpoint.drops[-DROP_TOO_LONG];
  assert.equal(send(least - 48 + 1), DROP_TOO_LONG);
  assert.equal(device.endpoint.drops[-DROP_TOO_LONG], before + 1);
  assert.notEqual(send(least - 48), DROP_TOO_LONG);
  assert.ok(sensor.send('hello') > 0);
  medium.run(at + PATH_MTU_TIME + 2000);
  assert.equal(mtu.limit(medium.now), 0);
});
