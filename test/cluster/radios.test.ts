// Two gateways of a cluster on one air, as processes. The sensor speaks to one link-layer address, which both have. What each of them
// hears is decided here: the air is a UDP socket between their ZEP radios.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { RemoteInfo } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { FRAME_ACK } from '../../core/wire/ieee802154.ts';
import type { RelayView } from '../../targets/node/gateway/relay.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { ZEP_HEADER } from '../../targets/node/host/radio/zep-datagram.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { openSensor, type Sensor } from '../../targets/node/sensor/sensor.ts';
import { freePorts } from '../support/free-ports.ts';
import { packageMissing } from '../support/packages.ts';
import { type GatewayProcess, type Nats, openNatsServers, socketAt, startGateway, until } from './kit.ts';

const skip = packageMissing('nats-server');
const LIMIT = { skip, timeout: 120000 };
const PSK = 'a key for tests, and nothing else';
const SERVER = '2001:db8:2::1';
const PORT = 7000;

interface View {
  groups: number;
  taken: number;
  lost: number;
  relay: RelayView;
}

let folder = '';
let nats: Nats;
let gateways: GatewayProcess[] = [];
let sensor: Sensor;
/** Gateways that hear the sensor, and that it hears. */
let near = [0, 1];
/** Frames to the sensor, but for acknowledgements, by gateway. */
const down = [0, 0];
const delivered: number[] = [];
const echoed = new Set<number>();
let ups = 0;
let number = 0;
const closers: (() => void)[] = [];

async function viewOf(index: number): Promise<View> {
  const { metrics } = (await gateways[index].ask({ cmd: 'status' })) as { metrics: { cluster: View } };
  return metrics.cluster;
}

/** Sends readings until one of now was answered. */
async function answered(): Promise<number> {
  const send = (): number => {
    const payload = Buffer.alloc(16);
    payload.writeUInt32BE(++number, 0);
    sensor.send(payload, addressOctets(SERVER)!, PORT, PORT);
    return number;
  };
  const wanted = send();
  let last = performance.now();
  return until('an answer', () => {
    const isThere = [...echoed].some((got) => got >= wanted);
    if (!isThere && performance.now() - last > 500) {
      last = performance.now();
      send();
    }
    return isThere;
  });
}

before(async () => {
  if (skip !== false) return;
  folder = mkdtempSync(join(tmpdir(), 'dietesp-radios-'));
  nats = await openNatsServers(folder);
  const server = await socketAt();
  closers.push(() => server.close());
  server.on('message', (octets, from) => {
    delivered.push(octets.readUInt32BE(0));
    server.send(octets, from.port, from.address);
  });
  const first = await freePorts(2);
  const ports = [first, first + 1];
  const air = await socketAt();
  closers.push(() => air.close());
  let sensorPort = 0;
  air.on('message', (frame: Buffer, from: RemoteInfo) => {
    const place = ports.indexOf(from.port);
    if (place < 0) {
      sensorPort = from.port;
      for (const index of near) air.send(frame, ports[index], '127.0.0.1');
    } else if (near.includes(place) && sensorPort !== 0) {
      if ((frame[ZEP_HEADER] & 7) !== FRAME_ACK) down[place]++;
      air.send(frame, sensorPort, '127.0.0.1');
    }
  });
  const peers = [{ address: '127.0.0.1', port: air.address().port }];
  writeFileSync(join(folder, 'seal.key'), Buffer.alloc(32, 7), { mode: 0o600 });
  gateways = await Promise.all(
    ports.map((port, index) => {
      const file = join(folder, `gateway${index}.yaml`);
      const config = {
        radios: [{ zep: { port, peers }, panId: 0xabcd, shortAddress: 0 }],
        addresses: ['fd00::ff:fe00:0'],
        contexts: ['fd00::/64'],
        flows: [{ destination: SERVER, port: PORT, to: `127.0.0.1:${server.address().port}` }],
        pool: ['2001:db8:1::/64'],
        stateKey: 'seal.key',
        cluster: { servers: nats.urls, name: `gateway${index}`, replicas: 1, lease: 2 },
        connection: { localId: 'fqdn:gateway.example', auth: { psk: PSK } },
      };
      writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
      return startGateway(file, port);
    }),
  );
  const file = JSON.stringify({
    radio: { zep: { port: 0, peers }, panId: 0xabcd, shortAddress: 1 },
    address: 'fd00::ff:fe00:1',
    contexts: ['fd00::/64'],
    gateway: { address: 'fd00::ff:fe00:0', link: '0000' },
    connection: { localId: 'keyid:01', auth: { psk: PSK }, requestAddress: 'ipv6' },
    server: { address: SERVER, port: PORT, sourcePort: PORT, ackTimeout: 0.25 },
  });
  sensor = await openSensor(readSensor('sensor.yaml', file), {
    provider: createFastProvider(),
    keylog: null,
    echoPort: 0,
    retry: true,
    retryMax: 1000,
    waits: true,
    report: (line) => {
      if (/established/.test(JSON.stringify(line))) ups++;
    },
  });
  sensor.inner.listen(PORT, (payload) => {
    echoed.add(Buffer.from(payload.buffer, payload.byteOffset, 4).readUInt32BE(0));
  });
}, LIMIT);

after(async () => {
  if (skip !== false) return;
  await sensor?.close();
  await Promise.all(gateways.map((gateway) => gateway.end('SIGKILL')));
  for (const close of closers) close();
  await nats?.close();
  rmSync(folder, { recursive: true, force: true });
}, LIMIT);

/** The gateway that has the SA. */
let owner = 0;

test('both hear the handshake, and one answers it', LIMIT, async () => {
  await sensor.connect(false);
  await answered();
  const views = [await viewOf(0), await viewOf(1)];
  assert.deepEqual(views.map(({ groups }) => groups).sort(), [0, 1]);
  owner = views[0].groups === 1 ? 0 : 1;
  assert.deepEqual(
    views.map(({ relay }) => relay.claimed),
    [1, 1],
  );
  assert.equal(down[1 - owner], 0);
  assert.equal(ups, 1);
});

test('both hear each reading, and it is taken once', LIMIT, async () => {
  for (let i = 0; i < 5; i++) await answered();
  await until('copies', async () => (await viewOf(owner)).relay.heardTwice >= 5);
  const { metrics } = (await gateways[owner].ask({ cmd: 'status' })) as { metrics: { esp: { drops: object } } };
  assert.deepEqual(metrics.esp.drops, {}, 'copies are no attacks');
  assert.equal(new Set(delivered).size, delivered.length);
});

test('who may use NATS and has no key: what was recorded, changed or made up does nothing', LIMIT, async () => {
  const stranger = await connect({ servers: nats.urls });
  const recorded: [string, Uint8Array][] = [];
  const heard = stranger.subscribe('dietesp.>', {
    callback: (_error, { subject, data }) => void recorded.push([subject, Uint8Array.from(data)]),
  });
  await stranger.flush();
  for (let i = 0; i < 3; i++) await answered();
  await stranger.flush();
  heard.unsubscribe();
  const subjects = new Set(recorded.map(([subject]) => subject));
  assert.ok(recorded.length >= 6 && subjects.size === 2, 'both ways');
  const before = [await viewOf(0), await viewOf(1)];
  const [frames, count] = [[...down], delivered.length];
  for (const [subject, data] of recorded) {
    stranger.publish(subject, data);
    const changed = data.slice();
    changed[changed.length - 1] ^= 1;
    stranger.publish(subject, changed);
    for (const other of subjects) if (other !== subject) stranger.publish(other, data);
    // Of a number that has not come yet.
    const later = Buffer.from(data);
    later.writeBigUInt64BE(later.readBigUInt64BE(8) + 100n, 8);
    stranger.publish(subject, later);
  }
  for (const subject of subjects) {
    for (const length of [0, 1, 40, 1000, 200000]) stranger.publish(subject, randomBytes(length));
  }
  await stranger.flush();
  const sent = 4 * recorded.length + 5 * 2;
  const refused = async (): Promise<number> => {
    const now = [await viewOf(0), await viewOf(1)];
    return now.reduce((sum, { relay }, index) => sum + relay.refused - before[index].relay.refused, 0);
  };
  await until('all refused', async () => (await refused()) >= sent);
  assert.equal(await refused(), sent);
  const now = [await viewOf(0), await viewOf(1)];
  for (const [index, { relay }] of now.entries()) {
    assert.deepEqual({ ...relay, refused: 0 }, { ...before[index].relay, refused: 0 });
  }
  assert.deepEqual([[...down], delivered.length], [frames, count], 'nothing was sent, or delivered');
  await answered();
  await stranger.close();
});

test('only the other one hears it: readings go on', LIMIT, async () => {
  near = [1 - owner];
  down[owner] = 0;
  for (let i = 0; i < 5; i++) await answered();
  assert.equal(down[owner], 0);
  const [here, there] = [await viewOf(owner), await viewOf(1 - owner)];
  assert.deepEqual([here.groups, there.groups], [1, 0]);
  assert.ok(here.relay.sentOut >= 5 && there.relay.sentIn >= 5);
  // IKE goes the same way.
  assert.equal((await gateways[owner].ask({ cmd: 'probe', peer: 'keyid:01' })).ok, true);
  assert.equal(down[owner], 0);
  near = [0, 1];
  await answered();
  near = [owner];
  for (let i = 0; i < 3; i++) await answered();
  assert.equal(new Set(delivered).size, delivered.length);
  assert.equal(ups, 1);
});

test('the gateway that has the SA is killed: the other one goes on with it', LIMIT, async (context) => {
  near = [0, 1];
  await answered();
  await gateways[owner].end('SIGKILL');
  near = [1 - owner];
  const time = await answered();
  context.diagnostic(`an answer after ${Math.round(time)} ms`);
  assert.equal((await viewOf(1 - owner)).taken, 1);
  assert.equal(new Set(delivered).size, delivered.length);
  assert.equal(ups, 1);
});
