// The gateway's IKE under attack: by peers without a key, and by one that has its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rekeyChild } from '../../core/ike/requests.ts';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { createGateway, type Gateway } from '../../targets/node/gateway/gateway.ts';
import { createMedium, type Medium } from '../../targets/node/radio/medium.ts';
import { type IkeSensor, ikeOf, ikeSensorOn } from './ikesupport.ts';
import { clockOf, fakeSockets, GATEWAY, PAN, PORT, SERVER, seeded } from './support.ts';

async function gatewayOn(medium: Medium, changes: Partial<GatewayConfig> = {}): Promise<Gateway & { told: string[] }> {
  const gateway = await createGateway({
    radios: [{ radio: medium.radio(), panId: PAN, shortAddress: 0, extendedAddress: '02000000000000f0' }],
    addresses: [GATEWAY],
    contexts: ['fd00::/64'],
    sas: [],
    flows: [{ destination: SERVER, port: PORT, to: '127.0.0.1:9' }],
    provider: seeded(99),
    clock: clockOf(medium),
    openSocket: fakeSockets((socket, text) => socket.upper.message(Buffer.from(text + '!'))).openSocket,
    ike: ikeOf(),
    ...changes,
  });
  const told: string[] = [];
  gateway.on('up', (identity) => void told.push(`up ${identity}`));
  gateway.on('down', (identity, reason) => void told.push(`down ${identity} ${reason}`));
  gateway.on('childFailed', (identity, reason) => void told.push(`child failed ${identity} ${reason}`));
  return Object.assign(gateway, { told });
}

function connect(medium: Medium, sensor: IkeSensor): void {
  sensor.host.uplink.connect(null, medium.now);
  medium.run(medium.now + 5000);
}

test('who only claims an identity changes nothing for the peer that has it', async () => {
  const medium = createMedium({ seed: 1 });
  const gateway = await gatewayOn(medium, { ike: ikeOf('  optimizedRekey: false\n') });
  const sensor = ikeSensorOn(medium, 1, { request: 'none', top: '  optimizedRekey: false\n' });
  connect(medium, sensor);
  assert.deepEqual(sensor.told, ['child', 'up']);
  const thief = ikeSensorOn(medium, 2, { id: 1, psk: 'guessed', request: 'none' });
  connect(medium, thief);
  assert.deepEqual(thief.told, ['down 24']);
  rekeyChild(sensor.host.uplink.ike, sensor.sa()!, sensor.sa()!.children[0], medium.now);
  medium.run(medium.now + 3000);
  assert.deepEqual(sensor.told, ['child', 'up', 'child'], 'its selectors are not those of the other address');
  await gateway.close();
});
