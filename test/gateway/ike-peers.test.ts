// The gateway's IKE under attack by peers without a key, and by a peer with a key of its own.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { probe, rekeyChild } from '../../core/ike/exchange/requests.ts';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { createGateway, type Gateway } from '../../targets/node/gateway/gateway.ts';
import { addressOctets, addressText } from '../../targets/node/host/addresses.ts';
import { identityText } from '../../targets/node/host/config/ike-names.ts';
import { drive } from '../../targets/node/host/radio/drive.ts';
import { decodePlain } from '../../targets/node/host/state/plain.ts';
import { createMedium, type Medium } from '../../targets/node/lab/medium.ts';
import { type IkeSensor, ikeOf, ikeSensorOn, udpSensor } from './ike-support.ts';
import { airOn, echoFlow, fakeSockets, memoryStore, outerOf, PORT, SERVER } from './support.ts';

async function gatewayOn(medium: Medium, changes: Partial<GatewayConfig> = {}): Promise<Gateway & { told: string[] }> {
  const gateway = await createGateway({
    ...airOn(medium),
    ...echoFlow(),
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

test('a peer with its own key does not get the address of another, nor its packets', async () => {
  const medium = createMedium({ seed: 2 });
  const gateway = await gatewayOn(medium);
  const sensor = ikeSensorOn(medium, 1);
  connect(medium, sensor);
  // Its outer address is the inner one of the other: `dynamic` without CP.
  const thief = ikeSensorOn(medium, 2, { request: 'none', outer: addressText(sensor.address()) });
  connect(medium, thief);
  assert.deepEqual(thief.told.slice(-1), ['down 14']);
  sensor.send('mine');
  medium.run(medium.now + 2000);
  assert.deepEqual(sensor.heard, ['mine!']);
  await gateway.close();
});

test('a peer with its own key gets no address of a network that the file gives to another', async () => {
  const medium = createMedium({ seed: 5 });
  const top = 'peers: [{ remoteId: "keyid:0001", child: { remote: ["2001:db8:5::/64"] } }, {}]\n';
  const gateway = await gatewayOn(medium, { ike: ikeOf('', top) });
  const thief = ikeSensorOn(medium, 2, { request: 'none', outer: '2001:db8:5::7' });
  connect(medium, thief);
  assert.deepEqual(thief.told.slice(-1), ['down 14']);
  const other = ikeSensorOn(medium, 3, { request: 'none' });
  connect(medium, other);
  assert.deepEqual(other.told, ['child', 'up']);
  await gateway.close();
});

test('identities in logs: no control characters, and no two that look the same', () => {
  const of = (...octets: number[]) => identityText(2, Uint8Array.from(octets));
  assert.equal(of(0x61, 0x1b, 0x0a, 0xc2, 0x9b, 0x5c), 'fqdn:a\\x1b\\x0a\\xc2\\x9b\\x5c');
  assert.notEqual(of(0xff), of(0xfe));
});

test('a peer with its own key does not move another to its link-layer address', async () => {
  const medium = createMedium({ seed: 3 });
  const gateway = await gatewayOn(medium);
  const sensor = ikeSensorOn(medium, 1);
  connect(medium, sensor);
  const thief = ikeSensorOn(medium, 2);
  connect(medium, thief);
  const linkOf = (index: number) => gateway.metrics().peers.find(({ address }) => address === outerOf(index))?.link;
  assert.equal(linkOf(1), '0001');
  // An IKE message of its own SA, from the other's outer address.
  const uplink = thief.host.uplink;
  const { path } = thief.sa()!;
  path.local.set(addressOctets(outerOf(1))!);
  probe(uplink.ike, thief.sa()!, medium.now);
  medium.run(medium.now + 1000);
  assert.equal(linkOf(1), '0001', 'in an established SA');
  // And a whole IKE SA.
  const other = ikeSensorOn(medium, 3, { outer: outerOf(1) });
  connect(medium, other);
  assert.equal(linkOf(1), '0001', 'by a new SA');
  sensor.send('mine');
  medium.run(medium.now + 2000);
  assert.deepEqual(sensor.heard, ['mine!']);
  await gateway.close();
});

/** A sensor that is up at a gateway's socket, in real time; `until` waits for something at most 10 s. */
async function connected(t: TestContext, peer: Parameters<typeof udpSensor>[0]) {
  let wake = (): void => {};
  const sensor = await udpSensor(peer, () => wake());
  const runner = drive(sensor.host);
  wake = runner.wake;
  t.after(async () => {
    runner.stop();
    await sensor.host.close();
  });
  const until = async (done: () => boolean): Promise<void> => {
    for (const end = performance.now() + 10000; !done(); await new Promise((resolve) => setImmediate(resolve)))
      assert.ok(performance.now() < end, sensor.told.join());
  };
  sensor.host.uplink.connect(null, performance.now());
  runner.wake();
  await until(() => sensor.told.includes('up'));
  return { sensor, until };
}

test('without replay protection an ESP packet that comes again does not say where the peer is', async (t) => {
  const gateway = await createGateway({
    radios: [],
    sas: [],
    ike: ikeOf('  child: { replayWindow: 0 }\n', 'udp: [{ address: "127.0.0.1", port: 0, natPort: 0 }]\n'),
    flows: [{ destination: SERVER, port: PORT, to: '127.0.0.1:9' }],
    openSocket: fakeSockets((socket, text) => socket.upper.message(Buffer.from(text + '!'))).openSocket,
  });
  t.after(() => gateway.close());
  const [{ port, natPort }] = gateway.metrics().udp;
  // Between the two: hands everything on, and keeps the newest ESP packet.
  const relay = createSocket('udp4').bind(0, '127.0.0.1');
  await once(relay, 'listening');
  t.after(() => relay.close());
  let last = Buffer.alloc(0);
  let back = 0;
  relay.on('message', (octets, from) => {
    if (from.port === natPort) relay.send(octets, back, '127.0.0.1');
    else {
      back = from.port;
      if (octets.length > 4 && octets.readUInt32BE(0) !== 0) last = Buffer.from(octets);
      relay.send(octets, natPort, '127.0.0.1');
    }
  });
  const { sensor, until } = await connected(t, { port, natPort: relay.address().port });
  sensor.send('one');
  await until(() => sensor.heard.includes('one!'));
  const where = () => gateway.metrics().ike!.sas[0].remote;
  assert.equal(where(), `127.0.0.1:${relay.address().port}`);
  const thief = createSocket('udp4');
  t.after(() => thief.close());
  const carried = () => gateway.metrics().sas.find(({ direction }) => direction === 'in')!.packets;
  assert.equal(carried(), 1);
  thief.send(last, natPort, '127.0.0.1');
  await until(() => carried() === 2);
  assert.equal(where(), `127.0.0.1:${relay.address().port}`);
});

test('a store knows where a peer is that has moved', async (t) => {
  const records = new Map<string, Uint8Array>();
  const gateway = await createGateway({
    radios: [],
    sas: [],
    ike: ikeOf('', 'udp: [{ address: "127.0.0.1", port: 0, natPort: 0 }]\n'),
    flows: [{ destination: SERVER, port: PORT, to: '127.0.0.1:9' }],
    openSocket: fakeSockets((socket, text) => socket.upper.message(Buffer.from(text + '!'))).openSocket,
    store: memoryStore(records),
  });
  t.after(() => gateway.close());
  const [peer] = gateway.metrics().udp;
  const { sensor, until } = await connected(t, peer);
  const stored = (): string => {
    const [[, record]] = [...records].filter(([key]) => key.startsWith('now/'));
    const { path, espPath } = decodePlain(record) as Record<'path' | 'espPath', { remotePort: number } | null>;
    return `127.0.0.1:${(espPath ?? path)!.remotePort}`;
  };
  const before = stored();
  await sensor.rebind();
  sensor.send('one');
  await until(() => sensor.heard.includes('one!'));
  await until(() => stored() !== before);
  assert.equal(stored(), gateway.metrics().ike!.sas[0].remote);
});

test('a ticket that was used on the radio is used up on UDP as well', async (t) => {
  const medium = createMedium({ seed: 4 });
  const gateway = await gatewayOn(medium, {
    ike: ikeOf('', 'udp: [{ address: "127.0.0.1", port: 0, natPort: 0 }]\n'),
  });
  t.after(() => gateway.close());
  const sensor = ikeSensorOn(medium, 1);
  connect(medium, sensor);
  const session = { ...sensor.sa()!.session! };
  sensor.host.uplink.connect({ ...session }, medium.now);
  medium.run(medium.now + 5000);
  assert.deepEqual(sensor.told.slice(-2), ['child', 'up']);
  const [{ port, natPort }] = gateway.metrics().udp;
  let wake = (): void => {};
  const other = await udpSensor({ port, natPort }, () => wake());
  const runner = drive(other.host);
  wake = runner.wake;
  t.after(async () => {
    runner.stop();
    await other.host.close();
  });
  other.host.uplink.connect({ ...session, expires: performance.now() + 60000 }, performance.now());
  runner.wake();
  for (const end = performance.now() + 10000; other.told.length === 0; ) {
    assert.ok(performance.now() < end);
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Refused: a whole handshake. Else its identity would not have been that of the ticket.
  assert.deepEqual(other.told, ['child', 'up']);
});
