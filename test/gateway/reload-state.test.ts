// SAs in a store, when the configuration changed before the crash or while the gateway was down: what was negotiated or proved
// counts, times and names do not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { createGateway, type Gateway } from '../../targets/node/gateway/gateway.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, echoFlow, memoryStore } from './support.ts';

const peers = (text: string): ReturnType<typeof ikeOf> => ikeOf('', `peers:\n${text}`);
const FIRST = '  - { name: pump, remoteId: "keyid:0001" }\n';

async function lab() {
  const medium = createMedium({ seed: 6 });
  const records = new Map<string, Uint8Array>();
  const logged: string[] = [];
  const make = (ike: GatewayConfig['ike'], kept: Map<string, Uint8Array>, seed: number): GatewayConfig => ({
    ...airOn(medium, seed),
    ...echoFlow(),
    ike,
    store: memoryStore(kept),
    log: (_level, area, text) => {
      if (area === 'state') logged.push(typeof text === 'string' ? text : text());
    },
  });
  /** The store answers between steps of virtual time. */
  const run = async (time: number): Promise<void> => {
    for (const end = medium.now + time; medium.now < end; ) {
      medium.run(medium.now + 20);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const config = make(peers(FIRST), records, 99);
  let gateway: Gateway = await createGateway(config);
  const sensor = ikeSensorOn(medium, 1);
  sensor.host.uplink.connect(null, medium.now);
  await run(4000);
  assert.deepEqual(sensor.told, ['child', 'up']);
  return {
    sensor,
    logged,
    reload: (text: string) => gateway.reload({ ...config, ike: peers(text) }),
    run,
    /** A crash, and a start with another file. */
    async restart(text: string): Promise<void> {
      const left = new Map(records);
      await gateway.close();
      gateway = await createGateway(make(peers(text), left, 98));
    },
    answered: async (text: string): Promise<boolean> => {
      // A number that was reserved counts as used: the first may be dropped.
      for (const one of ['first', text]) {
        sensor.send(one);
        await run(1000);
      }
      return sensor.heard.includes(`${text}!`);
    },
    close: () => gateway.close(),
  };
}

const SOFT = '  - { name: other, remoteId: "keyid:0001", ike: { dpd: 77, rekey: 1000 } }\n';
const BACK = '1 IKE SAs and 1 Child SAs are back';

test('a reload of times and names, then a crash: the SA is back', async () => {
  const { reload, restart, answered, sensor, logged, close } = await lab();
  assert.deepEqual(await reload(SOFT), { added: 1, changed: 0, removed: 1, ended: 0, restart: [] });
  await restart(SOFT);
  assert.deepEqual(logged, [BACK]);
  assert.ok(await answered('one'));
  assert.deepEqual(sensor.told, ['child', 'up']);
  await close();
});

test('times and names changed while it was down: the SA is back', async () => {
  const { restart, answered, sensor, logged, close } = await lab();
  await restart(SOFT);
  assert.deepEqual(logged, [BACK]);
  assert.ok(await answered('one'));
  assert.deepEqual(sensor.told, ['child', 'up']);
  await close();
});

test('another key, or another peer, while it was down: the SA ends with a Delete', async () => {
  for (const text of [FIRST.replace(' }', ', auth: { psk: another } }'), FIRST.replace('0001', '0002')]) {
    const { restart, run, sensor, logged, close } = await lab();
    await restart(text);
    assert.deepEqual(logged, ['0 IKE SAs and 0 Child SAs are back; 1 end, as their configuration has changed']);
    await run(1000);
    assert.match(sensor.told.at(-1)!, /^down/);
    await close();
  }
});
