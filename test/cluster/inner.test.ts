// Two gateways of a cluster in this process, at the places 8 and 9 of a store in memory. A sensor of the first one, with ESP or EESP,
// is heard at the second one; inner packets to it come there, too.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway, type Gateway } from '../../targets/node/gateway/gateway.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import type { Bucket, Entry } from '../../targets/node/host/cluster/bucket.ts';
import { joinCluster } from '../../targets/node/host/cluster/open.ts';
import { realTimers } from '../../targets/node/host/cluster/timers.ts';
import { readDatagram, writeDatagram } from '../../targets/node/host/datagram.ts';
import { silent } from '../../targets/node/host/log.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import type { StateStore } from '../../targets/node/host/state/store.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { openSensor, type Sensor } from '../../targets/node/sensor/sensor.ts';
import { freePorts } from '../support/free-ports.ts';
import { openFront, until } from './kit.ts';

const SERVER = '2001:db8:2::1';
const PORT = 7000;
/** The gateways before them. */
const EARLIER = 8;

/** A store that all share. */
function memory(): Bucket {
  const values = new Map<string, Entry>();
  const watchers: { prefix: string; each: (entry: Entry) => void }[] = [];
  const listeners = new Map<string, (octets: Uint8Array) => void>();
  let revision = 0;
  const write = async (key: string, value: Uint8Array | null, expected: number): Promise<number> => {
    if ((values.get(key)?.revision ?? 0) !== expected) return -1;
    const entry = { key, value, revision: ++revision };
    values.set(key, entry);
    for (const { prefix, each } of watchers) if (key.startsWith(prefix)) setImmediate(each, entry);
    return revision;
  };
  return {
    get: async (key) => values.get(key) ?? null,
    put: write,
    remove: async (key, expected) => (await write(key, null, expected)) >= 0,
    async scan(prefix, each) {
      for (const entry of values.values()) if (entry.key.startsWith(prefix)) each(entry);
    },
    async watch(prefix, each) {
      watchers.push({ prefix, each });
    },
    messages: {
      send(to, octets) {
        const copy = octets.slice();
        setImmediate(() => listeners.get(to)?.(copy));
        return true;
      },
      listen(to, each) {
        listeners.set(to, each);
        return () => void listeners.delete(to);
      },
    },
    close: async () => {},
  };
}

test('inner packets, ESP and EESP of a sensor at one gateway come at another one, at high places', async (t) => {
  const bucket = memory();
  const join = (name: string): Promise<StateStore> =>
    joinCluster({
      ...{ bucket, name, scope: 'x', lease: 30000, secret: new Uint8Array(32), timers: realTimers, log: silent },
    });
  for (let place = 0; place < EARLIER; place++) {
    const earlier = await join(`earlier${place}`);
    t.after(() => earlier.close());
  }
  const first = await freePorts(4);
  const ports = [first, first + 2];
  const gateways: Gateway[] = [];
  const inner: string[] = [];
  for (const [index, port] of ports.entries()) {
    const text = JSON.stringify({
      udp: [{ address: '127.0.0.1', port, natPort: port + 1 }],
      pool: ['2001:db8:1::/64'],
      connection: { localId: 'fqdn:gateway', auth: { psk: 'secret' }, child: { eesp: {} } },
    });
    const { config } = readGateway('gateway.yaml', text);
    const gateway = await createGateway({ ...config, store: await join(`gateway${index}`) });
    t.after(() => gateway.close());
    gateway.on('packet', (packet) => {
      const { payload } = readDatagram(packet, packet.length)!;
      inner.push(`${index} ${Buffer.from(payload)}`);
    });
    gateways.push(gateway);
  }
  const front = await openFront(ports);
  t.after(() => front.close());
  assert.deepEqual(
    gateways.map((gateway) => gateway.metrics().cluster!.index),
    [EARLIER, EARLIER + 1],
  );

  async function sensorOf(name: string, eesp: object): Promise<{ sensor: Sensor; heard: string[] }> {
    const file = JSON.stringify({
      udp: { address: '127.0.0.1', port: 0, natPort: 0 },
      gateway: { address: '127.0.0.1', port: front.port, natPort: front.natPort },
      connection: { localId: `fqdn:${name}`, auth: { psk: 'secret' }, requestAddress: 'ipv6', child: eesp },
      server: { address: SERVER, port: PORT, sourcePort: PORT },
    });
    const sensor = await openSensor(readSensor('sensor.yaml', file), {
      ...{ provider: createFastProvider(), keylog: null, echoPort: 0, retry: false, report: () => {}, waits: false },
    });
    t.after(() => sensor.close());
    const heard: string[] = [];
    sensor.inner.listen(PORT, (payload) => void heard.push(Buffer.from(payload).toString()));
    assert.equal(await sensor.connect(false), '');
    return { sensor, heard };
  }

  for (const [name, eesp] of Object.entries({ plain: {}, modern: { eesp: { required: true } } })) {
    front.route = () => 0;
    const { sensor, heard } = await sensorOf(name, eesp);
    front.route = () => 1;
    assert.equal(sensor.send(Buffer.from(name), addressOctets(SERVER)!, PORT, PORT), '');
    await until(`${name} at the first gateway`, () => inner.includes(`0 ${name}`));
    const packet = new Uint8Array(200);
    const payload = Buffer.from(`to ${name}`);
    const [source, destination] = [addressOctets(SERVER)!, sensor.inner.address!];
    const length = writeDatagram(packet, { source, sourcePort: PORT, destination, destinationPort: PORT, payload });
    const before = gateways[1].metrics().cluster!.relay.sentIn;
    assert.equal(gateways[1].send(packet.slice(0, length)), '');
    await until(`an inner packet to ${name}`, () => heard.includes(`to ${name}`));
    assert.ok(gateways[1].metrics().cluster!.relay.sentIn > before, 'it left where the sensor is heard');
    assert.equal(inner.filter((one) => one.endsWith(name)).length, 1);
  }
  for (const gateway of gateways) assert.deepEqual(gateway.metrics().esp.drops, {});
});
