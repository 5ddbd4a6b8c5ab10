// A gateway and a sensor from their files, with ML-KEM beside X25519, over a radio that loses frames.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { additionalKes } from '../../core/ike/ext/multiple-ke.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { attachNode } from '../../targets/node/host/full-ike.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn } from './support.ts';

for (const [name, method] of [
  ['x25519-mlkem768', 36],
  ['x25519-mlkem1024', 37],
] as const) {
  test(`${name}: handshake, and rekeys from both sides`, async () => {
    const medium = createMedium({ seed: 3, loss: 0.05 });
    const ke = `ke: [${name}]`;
    const gateway = await createGateway({
      ...airOn(medium),
      ike: ikeOf(`  ike: { ${ke}, retransmit: 4 }\n  child: { ${ke} }\n`),
    });
    const sensor = ikeSensorOn(medium, 1, { ike: `, ${ke}, retransmit: 4`, top: `  child: { ${ke} }` });
    attachNode(sensor.host.uplink.ike, 4096);
    sensor.host.uplink.connect(null, medium.now);
    medium.run(medium.now + 60000);
    assert.deepEqual(sensor.told, ['child', 'up']);
    assert.deepEqual(additionalKes(sensor.sa()!.transforms), [method]);
    const { ike } = sensor.host.uplink;
    rekeyChild(ike, sensor.sa()!, sensor.sa()!.children[0], medium.now);
    medium.run(medium.now + 60000);
    assert.deepEqual(additionalKes(sensor.sa()!.children[0].transforms), [method]);
    rekeyIke(ike, sensor.sa()!, medium.now);
    medium.run(medium.now + 60000);
    assert.deepEqual(sensor.told, ['child', 'up', 'child', 'rekeyed']);
    assert.deepEqual(additionalKes(sensor.sa()!.transforms), [method]);
    assert.equal(gateway.metrics().ike?.established, 1);
    await gateway.close();
  });
}
