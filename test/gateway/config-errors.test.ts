// Configurations of a careless program, duplicate SAs, and SAs at their end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { writeDatagram } from '../../targets/node/host/datagram.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { clockOf, GATEWAY, innerOf, outerOf, PAN, PORT, SERVER, saOf, seeded } from './support.ts';

const zep = { zep: { port: 0 }, panId: 1 };

test('what is not a list or an object is refused by name, before anything opens', async () => {
  const cases: [unknown, string][] = [
    [{ radios: {} }, 'radios: none: must be one or more'],
    [{ radios: [null], sas: [] }, 'radios[0]: null: must be an object'],
    [{ radios: [{ zep: null, panId: 1 }], sas: [] }, 'radios[0].zep: null: must be an object'],
    [{ radios: [{ zep: { port: 99999 }, panId: 1 }], sas: [] }, 'radios[0].zep.port: 99999: must be 0..65535'],
    [{ radios: [zep], sas: [null] }, 'sas[0]: null: must be an object'],
    [{ radios: [zep], sas: [{}] }, 'sas[0].config: undefined: must be an SA'],
    [{ radios: [zep], sas: [], addresses: 'fd00::1' }, 'addresses: string: must be a list'],
    [{ radios: [zep], sas: [], contexts: 'fd00::/64' }, 'contexts: string: must be a list'],
    [{ radios: [zep], sas: [], flows: [null] }, 'flows[0]: null: must be an object'],
    [{ radios: [zep], sas: [], peers: [1] }, 'peers[0]: 1: must be an object'],
  ];
  for (const [config, message] of cases) await assert.rejects(createGateway(config as GatewayConfig), { message });
});

test('an outbound SA cannot be added twice; one at its end makes way for the next', async () => {
  const medium = createMedium({ seed: 1 });
  const ending = saOf(1, false, { lifetime: { hard_packets: 1 } });
  const gateway = await createGateway({
    radios: [{ radio: medium.radio(), panId: PAN, shortAddress: 0 }],
    addresses: [GATEWAY],
    contexts: ['fd00::/64'],
    sas: [ending],
    peers: [{ address: outerOf(1), link: '0001' }],
    clock: clockOf(medium),
    provider: seeded(1),
  });
  assert.throws(() => gateway.addSa(ending), /esp_spi: 4099: an SA to this peer has it already/);
  gateway.addSa({ ...saOf(1, false, { esp_spi: '00002003', lifetime: { hard_packets: 1 } }), name: 'next' });
  const packet = new Uint8Array(64);
  const [source, destination] = [addressOctets(SERVER)!, addressOctets(innerOf(1))!];
  const ports = { sourcePort: PORT, destinationPort: PORT };
  const length = writeDatagram(packet, { source, destination, ...ports, payload: Uint8Array.of(1) });
  const results = [1, 2, 3].map(() => gateway.send(packet.subarray(0, length)));
  assert.deepEqual(results, ['', '', 'lifetime']);
  assert.equal(gateway.removeSa('1 down'), true);
  gateway.addSa(ending);
  await gateway.close();
});
