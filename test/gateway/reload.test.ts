// Another configuration for a gateway that runs: peers come, go and change; the others lose nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { programNeedsRestart } from '../../targets/node/gateway/differences.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { type IkeSensor, ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, echoFlow } from './support.ts';

/** Peers by number: what the file says of each. */
function peersOf(list: Record<number, string>): ReturnType<typeof ikeOf> {
  const peers = Object.entries(list).map(
    ([index, more]) => `  - { name: p${index}, remoteId: "keyid:000${index}", ${more} }\n`,
  );
  return ikeOf('', `peers:\n${peers.join('')}`);
}

async function lab(list: Record<number, string>) {
  const medium = createMedium({ seed: 4 });
  const config: GatewayConfig = {
    ...airOn(medium),
    ...echoFlow(),
    ike: peersOf(list),
  };
  const gateway = await createGateway(config);
  const told: string[] = [];
  gateway.on('down', (identity, reason) => void told.push(`${identity} ${reason}`));
  const sensors = Object.keys(list).map((index) => ikeSensorOn(medium, Number(index)));
  const run = (time: number): void => void medium.run(medium.now + time);
  const connect = (sensor: IkeSensor): void => {
    sensor.host.uplink.connect(null, medium.now);
    run(4000);
  };
  for (const sensor of sensors) connect(sensor);
  assert.ok(sensors.every((sensor) => sensor.told.includes('up')));
  return { gateway, config, sensors, told, run, connect, medium };
}

test('removed and changed peers get a Delete, others go on without a lost packet', async () => {
  const { gateway, config, sensors, told, run, connect } = await lab({ 1: '', 2: '', 3: '' });
  const before = gateway.ikeSas();
  for (let n = 0; n < 5; n++) sensors[0].send(`a${n}`);
  const reloading = gateway.reload({ ...config, ike: peersOf({ 1: '', 3: 'auth: { psk: other }', 4: '' }) });
  for (let n = 5; n < 10; n++) {
    sensors[0].send(`a${n}`);
    run(300);
  }
  assert.deepEqual(await reloading, { added: 1, changed: 1, removed: 1, ended: 2, restart: [] });
  for (let n = 10; n < 15; n++) {
    sensors[0].send(`a${n}`);
    run(300);
  }
  assert.deepEqual(
    sensors[0].heard,
    Array.from({ length: 15 }, (_, n) => `a${n}!`),
  );
  assert.deepEqual(told.sort(), ['keyid:0002 closed', 'keyid:0003 closed']);
  for (const sensor of sensors.slice(1)) assert.ok(sensor.told.some((text) => text.startsWith('down')));
  assert.deepEqual(
    gateway.ikeSas().map(({ id }) => id),
    [before[0].id],
  );
  connect(sensors[1]);
  assert.notEqual(sensors[1].told.at(-1), 'up', 'no peer any more');
  connect(sensors[2]);
  assert.notEqual(sensors[2].told.at(-1), 'up', 'another key');
  await gateway.close();
});

test('new times are taken over by the SAs that there are', async () => {
  const { gateway, config, sensors, run } = await lab({ 1: '' });
  const before = gateway.ikeSas()[0].id;
  assert.deepEqual(await gateway.reload({ ...config, ike: peersOf({ 1: 'ike: { dpd: 20 }' }) }), {
    added: 0,
    changed: 1,
    removed: 0,
    ended: 0,
    restart: [],
  });
  run(1000);
  sensors[0].send('x');
  const requests = gateway.ikeSas()[0].requests;
  run(60000);
  assert.equal(gateway.ikeSas()[0].id, before);
  assert.ok(gateway.ikeSas()[0].requests > requests, 'liveness is asked now');
  await gateway.close();
});

test('a wrong configuration changes nothing; what needs a restart is named, and the rest applied', async () => {
  const { gateway, config, sensors, run } = await lab({ 1: '' });
  await assert.rejects(
    gateway.reload({ ...config, ike: peersOf({ 2: '' }), flows: [{ destination: 'x', port: 1, to: 'y' }] }),
    /^FieldError: flows\[0\]\.destination: x: must be an IP address/,
  );
  sensors[0].send('one');
  run(1000);
  assert.deepEqual(sensors[0].heard, ['one!']);
  const other: GatewayConfig = {
    ...config,
    radios: [{ ...config.radios[0], panId: 7 }],
    addresses: ['fd00::99'],
    lostAfter: 9,
    flows: [],
  };
  for (let n = 0; n < 2; n++) {
    assert.deepEqual((await gateway.reload(other)).restart, ['radios', 'addresses', 'lostAfter']);
  }
  sensors[0].send('two');
  run(1000);
  assert.deepEqual(sensors[0].heard, ['one!'], 'the flow is gone');
  assert.equal(gateway.metrics().drops['no-flow'], 1);
  await gateway.reload(config);
  sensors[0].send('three');
  run(1000);
  assert.deepEqual(sensors[0].heard, ['one!', 'three!']);
  await gateway.close();
});

test('of the program: cluster, store, sockets and keys need a restart, but for what an option gives', () => {
  const read = (text: string) =>
    readGateway('/g.yaml', `udp: [{ address: 127.0.0.1 }]\nconnection: { localId: fqdn:g, auth: { psk: x } }\n${text}`);
  const cluster = (more: string): string => `stateKey: seal.key\ncluster: { servers: [nats://a], ${more} }`;
  const alone = read('');
  const member = read(cluster('name: a'));
  assert.deepEqual(programNeedsRestart(member, read(cluster('name: a, lease: 3')), {}), [], 'the default');
  for (const more of ['name: b', 'name: a, lease: 4', 'name: a, bucket: b', 'name: a, tokenFile: t']) {
    assert.deepEqual(programNeedsRestart(member, read(cluster(more)), {}), ['cluster'], more);
  }
  assert.deepEqual(programNeedsRestart(alone, member, {}), ['stateKey', 'cluster']);
  const other = read('keylog: keys\ncontrol: { socket: s }\nhttp: {}\nstate: d');
  assert.deepEqual(programNeedsRestart(alone, other, {}), ['keylog', 'control', 'http', 'state']);
  assert.deepEqual(programNeedsRestart(alone, other, { http: true, state: 'e', keylog: 'k', socket: 'x' }), []);
});

test('another pool: who has an address keeps it, others get new ones', async () => {
  const { gateway, config, sensors, connect } = await lab({ 1: '', 2: '' });
  const ike = peersOf({ 1: '', 2: '' });
  ike.pool = [
    [Buffer.from('20010db8000200000000000000000010', 'hex'), Buffer.from('20010db8000200000000000000000011', 'hex')],
  ];
  await gateway.reload({ ...config, ike });
  const addresses = gateway.ikeSas().map(({ address }) => address);
  assert.ok(addresses.every((address) => address.startsWith('2001:db8:1:')));
  connect(sensors[1]);
  assert.match(gateway.ikeSas().at(-1)!.address, /^2001:db8:(1:|2::1[01]$)/);
  await gateway.close();
});
