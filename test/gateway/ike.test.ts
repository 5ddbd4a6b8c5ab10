// The gateway's IKE against devices on a virtual medium, and against a host on UDP sockets of the loopback.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { closeIke, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { createGateway, type Gateway, startGateway } from '../../targets/node/gateway/gateway.ts';
import { addressText } from '../../targets/node/host/addresses.ts';
import { drive } from '../../targets/node/host/radio/drive.ts';
import { createMedium, type Medium } from '../../targets/node/lab/medium.ts';
import { type IkeSensor, ikeOf, ikeSensorOn, udpConfig, udpSensor } from './ike-support.ts';
import { airOn, fakeSockets, outerOf, PORT, SERVER } from './support.ts';

const FLOW = { destination: SERVER, port: PORT, to: '127.0.0.1:9' };
/** A server that answers with what it got and an exclamation mark. */
const ECHO = {
  flows: [FLOW],
  openSocket: fakeSockets((socket, text) => socket.upper.message(Buffer.from(text + '!'))).openSocket,
};

async function gatewayOn(medium: Medium, changes: Partial<GatewayConfig> = {}): Promise<Gateway & { told: string[] }> {
  const gateway = await createGateway({
    ...airOn(medium),
    flows: [FLOW],
    openSocket: fakeSockets((socket, text) => socket.upper.message(Buffer.from(text + '!'))).openSocket,
    ike: ikeOf(),
    ...changes,
  });
  const told: string[] = [];
  gateway.on('up', (identity) => void told.push(`up ${identity}`));
  gateway.on('down', (identity, reason) => void told.push(`down ${identity} ${reason}`));
  return Object.assign(gateway, { told });
}

function connect(medium: Medium, sensor: IkeSensor, time = 5000): void {
  sensor.host.uplink.connect(null, medium.now);
  medium.run(medium.now + time);
}

test('a sensor sets up its SAs by IKE over the radio, gets an address, and its datagrams are answered', async () => {
  const medium = createMedium({ seed: 1 });
  const gateway = await gatewayOn(medium);
  const sensor = ikeSensorOn(medium, 1);
  connect(medium, sensor);
  assert.deepEqual(sensor.told, ['child', 'up']);
  assert.deepEqual(gateway.told, ['up keyid:0001']);
  assert.match(addressText(sensor.address()), /^2001:db8:1:/);
  assert.ok(sensor.send('hello') >= 0);
  medium.run(medium.now + 1000);
  assert.deepEqual(sensor.heard, ['hello!']);
  const { ike, sas, peers, drops } = gateway.metrics();
  assert.deepEqual(drops, {});
  assert.equal(ike?.established, 1);
  assert.deepEqual(ike?.sas, [
    {
      identity: 'keyid:0001',
      name: 'peer1',
      remote: `[${outerOf(1)}]:500`,
      address: addressText(sensor.address()),
      children: 1,
    },
  ]);
  assert.deepEqual(
    sas.map(({ direction, packets }) => [direction, packets]),
    [
      ['in', 1],
      ['out', 1],
    ],
  );
  assert.equal(peers[0].link, '0001', 'learned from IKE_AUTH');
  sensor.host.uplink.close(medium.now);
  medium.run(medium.now + 1000);
  assert.deepEqual(gateway.told.slice(1), ['down keyid:0001 deleted']);
  assert.deepEqual(gateway.metrics().sas, [], 'nothing is left');
  assert.equal(gateway.metrics().ike?.leases, 0);
  await gateway.close();
});

test('a sensor that lost everything: its old SAs go, its address stays', async () => {
  const medium = createMedium({ seed: 2 });
  const gateway = await gatewayOn(medium);
  const before = ikeSensorOn(medium, 1);
  connect(medium, before);
  const address = addressText(before.address());
  before.radio.close();
  // After the restart it has another link-layer address.
  const after = ikeSensorOn(medium, 1, { link: 9 });
  connect(medium, after);
  assert.deepEqual(gateway.told, ['up keyid:0001', 'down keyid:0001 replaced', 'up keyid:0001']);
  assert.equal(addressText(after.address()), address);
  assert.equal(gateway.metrics().sas.length, 2);
  assert.equal(gateway.metrics().peers[0].link, '0009');
  after.send('again');
  medium.run(medium.now + 1000);
  assert.deepEqual(after.heard, ['again!']);
  await gateway.close();
});

test('rekeys of both kinds by either side, liveness and resumption: packets go on', async () => {
  const medium = createMedium({ seed: 5 });
  const gateway = await gatewayOn(medium, {
    ike: ikeOf('  child: { rekey: 40 }\n  ike: { rekey: 100, dpd: 20 }\n'),
  });
  const sensor = ikeSensorOn(medium, 1, { dpd: 0 });
  connect(medium, sensor);
  const { uplink } = sensor.host;
  const talk = (text: string): void => {
    sensor.send(text);
    medium.run(medium.now + 2000);
    assert.deepEqual(sensor.heard.splice(0), [`${text}!`]);
  };
  const spi = () => sensor.sa()!.children.find((child) => child.retired === 0)!.spiIn;
  const first = spi();
  rekeyChild(uplink.ike, sensor.sa()!, sensor.sa()!.children[0], medium.now);
  medium.run(medium.now + 3000);
  assert.notEqual(spi(), first);
  talk('rekeyed by the sensor');
  rekeyIke(uplink.ike, sensor.sa()!, medium.now);
  medium.run(medium.now + 3000);
  talk('another IKE SA');
  const second = spi();
  const third = sensor.sa();
  medium.run(medium.now + 130000);
  assert.notEqual(spi(), second, 'rekeyed by the gateway');
  assert.notEqual(sensor.sa(), third);
  talk('after the rekeys of the gateway');
  assert.equal(gateway.metrics().sas.length, 2, 'late SAs are gone');
  assert.deepEqual(gateway.told, ['up keyid:0001'], 'a rekey is no end');
  const { session } = sensor.sa()!;
  assert.notEqual(session, null);
  uplink.connect(session, medium.now);
  medium.run(medium.now + 3000);
  talk('resumed');
  assert.equal(gateway.metrics().ike?.sas.length, 1);
  sensor.radio.close();
  medium.run(medium.now + 300000);
  assert.deepEqual(gateway.told.at(-1), 'down keyid:0001 timeout');
  assert.deepEqual(gateway.metrics().sas, []);
  await gateway.close();
});

test('a wrong key, an identity that is not known: no SA, the reason is counted', async () => {
  const medium = createMedium({ seed: 3 });
  const gateway = await gatewayOn(medium, { ike: ikeOf('peers: [{ remoteId: "keyid:0001" }]\n') });
  const wrong = ikeSensorOn(medium, 1, { psk: 'other' });
  const unknown = ikeSensorOn(medium, 2);
  connect(medium, wrong);
  connect(medium, unknown);
  for (const sensor of [wrong, unknown]) assert.deepEqual(sensor.told, ['down 24'], 'AUTHENTICATION_FAILED');
  const { ike, sas, peers } = gateway.metrics();
  assert.equal(ike?.established, 0);
  assert.equal(ike?.leases, 0, 'no address before AUTH verified');
  assert.deepEqual(sas, []);
  assert.deepEqual(peers, [], 'nobody proved where it is');
  await gateway.close();
});

test('many sensors, each with its SA without SPI bits; IKE messages to other addresses are no IKE', async () => {
  const medium = createMedium({ seed: 4 });
  const gateway = await gatewayOn(medium);
  const sensors = Array.from({ length: 12 }, (_, index) => ikeSensorOn(medium, index + 1));
  for (const sensor of sensors) connect(medium, sensor, 2000);
  for (const [index, sensor] of sensors.entries()) {
    assert.equal(sensor.sa()?.children[0].compression?.espSpiLsb, 0);
    sensor.send(`from ${index}`);
    medium.run(medium.now + 500);
    assert.deepEqual(sensor.heard, [`from ${index}!`]);
  }
  assert.equal(new Set(sensors.map((sensor) => addressText(sensor.address()))).size, 12);
  await gateway.close();
  const deaf = await gatewayOn(medium, { addresses: ['fd00::77'] });
  const lost = ikeSensorOn(medium, 20);
  connect(medium, lost, 500);
  assert.equal(deaf.metrics().ike?.received, 0);
  assert.ok((deaf.metrics().drops.unprotected ?? 0) > 0);
  await deaf.close();
});

/** A host on UDP that runs in real time. */
async function running(t: TestContext, peer: { port: number; natPort: number }) {
  let wake = (): void => {};
  const sensor = await udpSensor(peer, () => wake());
  const runner = drive(sensor.host);
  wake = runner.wake;
  const until = async (what: string, done: () => boolean): Promise<void> => {
    for (const end = performance.now() + 10000; !done(); ) {
      assert.ok(performance.now() < end, `${what}: ${sensor.told} ${sensor.heard}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  let isClosed = false;
  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    runner.stop();
    await sensor.host.close();
  }
  t.after(close);
  return {
    ...sensor,
    close,
    until,
    async connected() {
      sensor.host.uplink.connect(null, performance.now());
      runner.wake();
      await until('connected', () => sensor.told.includes('up'));
    },
  };
}

async function udpGateway(t: TestContext): Promise<Gateway> {
  const gateway = await createGateway({ ...udpConfig('127.0.0.1'), ...ECHO });
  t.after(() => gateway.close());
  return gateway;
}

test('over UDP: ESP in UDP; at the end every peer is told', async (t) => {
  const gateway = await udpGateway(t);
  const [{ port, natPort }] = gateway.metrics().udp;
  const sensor = await running(t, { port, natPort });
  await sensor.connected();
  assert.equal(sensor.sa()?.path.encapsulated, true);
  assert.equal(sensor.sa()?.children[0].compression?.espSpiLsb, 32);
  sensor.send('hello');
  await sensor.until('answer', () => sensor.heard.length > 0);
  assert.deepEqual(sensor.heard, ['hello!']);
  const begun = performance.now();
  await gateway.leave(1500);
  assert.ok(performance.now() - begun < 1400, 'the peer confirmed it');
  await sensor.until('told', () => sensor.told.length === 3);
  assert.deepEqual(sensor.told, ['child', 'up', 'down -8']);
  await sensor.close();
});

test('leaving does not wait for a peer that is gone', async (t) => {
  const gateway = await udpGateway(t);
  const [{ port, natPort }] = gateway.metrics().udp;
  const sensor = await running(t, { port, natPort });
  await sensor.connected();
  await sensor.close();
  await gateway.leave(60);
  assert.equal(gateway.metrics().udp[0].socketErrors, 0);
});

test('ESP that has a way of its own moves alone: IKE stays where it is', async (t) => {
  const { gateway, ike } = await startGateway({ ...udpConfig('127.0.0.1'), ...ECHO });
  t.after(() => gateway.close());
  const [{ port, natPort }] = gateway.metrics().udp;
  const sensor = await running(t, { port, natPort });
  await sensor.connected();
  const [sa] = ike.sas();
  const { path } = sa;
  sa.espPath = { ...path };
  await sensor.rebind();
  sensor.send('two');
  await sensor.until('two', () => sensor.heard.includes('two!'));
  assert.equal(sa.path, path);
  assert.notEqual(sa.espPath.remotePort, path.remotePort);
  await sensor.close();
});

test('behind a NAT: the gateway follows authenticated packets to another port, and nothing else', async (t) => {
  const gateway = await udpGateway(t);
  const [{ port, natPort }] = gateway.metrics().udp;
  const sensor = await running(t, { port, natPort });
  await sensor.connected();
  sensor.send('one');
  await sensor.until('one', () => sensor.heard.includes('one!'));
  const before = gateway.metrics().ike!.sas[0].remote;
  // Somebody else sends garbage with the right SPI.
  const stranger = createSocket('udp4');
  const forged = Buffer.alloc(60, 7);
  forged.writeUInt32BE(sensor.sa()!.children[0].spiOut, 0);
  await new Promise((resolve) => stranger.send(forged, natPort, '127.0.0.1', resolve));
  await sensor.until('forged', () => (gateway.metrics().esp.drops.icv ?? 0) > 0);
  stranger.close();
  assert.equal(gateway.metrics().ike!.sas[0].remote, before);
  await sensor.rebind();
  sensor.send('two');
  await sensor.until('two', () => sensor.heard.includes('two!'));
  assert.notEqual(gateway.metrics().ike!.sas[0].remote, before);
  closeIke(sensor.host.uplink.ike, sensor.sa()!, performance.now());
  await sensor.close();
  await gateway.close();
});

test('a port that is taken is named, and nothing stays open', async () => {
  const taken = createSocket('udp4');
  taken.bind(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address();
  const config = udpConfig('127.0.0.1');
  config.ike!.udp = [{ address: '127.0.0.1', port: 0, natPort: port }];
  await assert.rejects(createGateway(config), /^Error: udp\[0\]: 127\.0\.0\.1:0 and \d+: .*EADDRINUSE/);
  taken.close();
});
