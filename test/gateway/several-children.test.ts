// Several Child SAs between a gateway and a sensor, from their files, in virtual time: DSCP classes, selectors of their own,
// rekeys, losses, a restart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CDA_LOWER, CDA_NOT_COMPRESSED, CDA_SA } from '../../core/dietesp/attributes.ts';
import { closeChild, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { CHILD_LIVE, type ChildSa } from '../../core/ike/state/child.ts';
import { type Gateway, startGateway } from '../../targets/node/gateway/gateway.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { writeDatagram } from '../../targets/node/host/datagram.ts';
import { dscpValues } from '../../targets/node/host/lanes.ts';
import { drive } from '../../targets/node/host/radio/drive.ts';
import { createMedium, type Medium } from '../../targets/node/lab/medium.ts';
import { type IkeSensor, ikeOf, ikeSensorOn, udpConfig, udpSensor } from './ike-support.ts';
import { airOn, echoFlow, memoryStore, PORT, SERVER } from './support.ts';

const CLASSES = 'dscpClasses: [{ name: voice, dscp: [46] }, { name: bulk, dscp: [12, 10] }]';

interface Lab {
  medium: Medium;
  gateway: Gateway;
  sensor: IkeSensor;
  run(time: number): void;
}

async function start(medium: Medium, gateway: string, records?: Map<string, Uint8Array>): Promise<Gateway> {
  const store = records === undefined ? {} : { store: memoryStore(records) };
  const started = await startGateway({ ...airOn(medium), ...echoFlow(), ...store, ike: ikeOf(gateway) });
  return started.gateway;
}

async function lab(gatewayText: string, sensorText: string, records?: Map<string, Uint8Array>): Promise<Lab> {
  const medium = createMedium({ seed: 11 });
  const gateway = await start(medium, gatewayText, records);
  const sensor = ikeSensorOn(medium, 1, { top: sensorText, retry: 2000 });
  sensor.host.uplink.connect(null, medium.now);
  const run = (time: number): void => void medium.run(medium.now + time);
  run(10000);
  return { medium, gateway, sensor, run };
}

const live = (sensor: IkeSensor): ChildSa[] =>
  (sensor.sa()?.children ?? []).filter(({ retired }) => retired === CHILD_LIVE);
const names = (sensor: IkeSensor): string[] =>
  live(sensor)
    .map(({ policy }) => policy.name)
    .sort();

/** Sends a datagram with a DSCP: the name of the Child SA that took it. */
function sendWith({ sensor, run }: Lab, dscp: number, text: string, port = PORT): string {
  const packet = new Uint8Array(1280);
  const length = writeDatagram(packet, {
    source: sensor.sa()!.address,
    sourcePort: PORT,
    destination: addressOctets(SERVER)!,
    destinationPort: port,
    payload: Buffer.from(text),
  });
  packet[0] |= dscp >> 2;
  packet[1] |= (dscp & 3) << 6;
  const before = sensor.host.lanes.list.map(({ sa }) => sa.packets);
  const code = sensor.host.send(packet, length);
  const at = sensor.host.lanes.list.findIndex(({ sa }, index) => sa.packets > before[index]);
  run(500);
  if (code < 0 || at < 0) return String(code);
  const { sa } = sensor.host.lanes.list[at];
  return sensor.sa()!.children.find(({ spiOut }) => spiOut === sa.spi)!.policy.name;
}

const GATEWAY_CLASSES = `  child: { ${CLASSES} }\n`;
const SENSOR_CLASSES = `  child: { local: [dynamic], remote: ["${SERVER}"], ${CLASSES} }`;
const ALL = ['gateway', 'gateway/bulk', 'gateway/voice'];

function assertClasses(one: Lab, text: string): void {
  assert.deepEqual(names(one.sensor), ALL, text);
  for (let dscp = 0; dscp < 64; dscp++) {
    if (![0, 9, 10, 11, 12, 45, 46, 63].includes(dscp)) continue;
    const wanted = dscp === 46 ? 'gateway/voice' : dscp === 10 || dscp === 12 ? 'gateway/bulk' : 'gateway';
    assert.equal(sendWith(one, dscp, `${text} ${dscp}`), wanted, `${text} ${dscp}`);
    assert.equal(one.sensor.heard.at(-1), `${text} ${dscp}!`);
  }
}

test('one Child SA for each DSCP class: set up, rekeyed, over a rekey of the IKE SA and a new authentication', async () => {
  const one = await lab(GATEWAY_CLASSES, SENSOR_CLASSES);
  const { gateway, sensor, medium, run } = one;
  assert.deepEqual(Object.fromEntries(live(sensor).map((child) => [child.policy.name, dscpValues(child)])), {
    gateway: [],
    'gateway/voice': [46],
    'gateway/bulk': [10, 12],
  });
  assert.deepEqual(
    gateway
      .ikeSas()[0]
      .children.map(({ name, dscp }) => `${name} ${dscp}`)
      .sort(),
    ['peer1 ', 'peer1/bulk 10,12', 'peer1/voice 46'],
  );
  assertClasses(one, 'new');
  const { ike } = sensor.host.uplink;
  for (const child of live(sensor)) rekeyChild(ike, sensor.sa()!, child, medium.now);
  run(20000);
  assertClasses(one, 'rekeyed');
  gateway.askIke(gateway.ikeSas()[0].id, 'rekey-ike');
  run(20000);
  assertClasses(one, 'by the gateway');
  rekeyIke(ike, sensor.sa()!, medium.now);
  run(20000);
  assertClasses(one, 'again');
  sensor.sa()!.reauthAt = medium.now;
  run(60000);
  assertClasses(one, 'authenticated anew');
  assert.equal(gateway.ikeSas().length, 1);
  await gateway.close();
});

test('one that is lost is asked for again with growing pauses; its packets go over the others', async () => {
  const one = await lab(GATEWAY_CLASSES, SENSOR_CLASSES);
  const { gateway, sensor, medium, run } = one;
  const times: number[] = [];
  for (let n = 0; n < 3; n++) {
    const voice = live(sensor).find(({ policy }) => policy.name === 'gateway/voice')!;
    closeChild(sensor.host.uplink.ike, sensor.sa()!, voice, medium.now);
    run(300);
    assert.equal(sendWith(one, 46, `lost ${n}`), 'gateway');
    assert.equal(sensor.heard.at(-1), `lost ${n}!`);
    const since = medium.now;
    while (names(sensor).length < 3) run(100);
    times.push(Math.round((medium.now - since) / 1000));
    assertClasses(one, `back ${n}`);
  }
  assert.ok(times[0] <= 8 && times[1] > times[0] && times[2] > times[1], times.join());
  // The default one, too: then the rest goes over any.
  const first = live(sensor).find(({ policy }) => policy.name === 'gateway')!;
  closeChild(sensor.host.uplink.ike, sensor.sa()!, first, medium.now);
  run(300);
  assert.match(sendWith(one, 0, 'any'), /^gateway\/(voice|bulk)$/);
  run(20000);
  assertClasses(one, 'all');
  await gateway.close();
});

test('a restart of the gateway brings all of them back', async () => {
  const records = new Map<string, Uint8Array>();
  const one = await lab(GATEWAY_CLASSES, SENSOR_CLASSES, records);
  // The store answers between steps of virtual time.
  for (let n = 0; n < 100; n++) {
    one.run(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(names(one.sensor), ALL);
  const copy = new Map(records);
  const told = one.sensor.told.length;
  await one.gateway.close();
  const medium = one.medium;
  const gateway = await start(medium, GATEWAY_CLASSES, copy);
  assert.equal(gateway.ikeSas()[0].children.length, 3);
  assert.deepEqual(
    gateway
      .ikeSas()[0]
      .children.map(({ dscp }) => String(dscp))
      .sort(),
    ['', '10,12', '46'],
  );
  one.run(5000);
  assert.equal(one.sensor.told.length, told, one.sensor.told.join());
  await gateway.close();
});

test('further Child SAs with selectors of their own take what is theirs', async () => {
  const children = (own: string) => `  children:
    - { name: telemetry, local: [${own}], remote: [{ ip: "${SERVER}", proto: udp, ports: 7777 }], replayWindow: 128 }
    - { name: logs, local: [${own}], remote: [{ ip: "${SERVER}", proto: udp, ports: [8000, 8001] }] }
`;
  const gatewaySide = children('any').replaceAll('local: [any], remote:', 'remote: [any], local:');
  const one = await lab(gatewaySide, `  child: { local: [dynamic], remote: ["${SERVER}"] }\n${children('dynamic')}`);
  assert.deepEqual(names(one.sensor), ['gateway', 'gateway/logs', 'gateway/telemetry']);
  assert.equal(sendWith(one, 0, 'a', 7777), 'gateway/telemetry');
  assert.equal(sendWith(one, 0, 'a', 8001), 'gateway/logs');
  assert.equal(sendWith(one, 0, 'a', 8002), 'gateway');
  assert.deepEqual(
    one.gateway
      .ikeSas()[0]
      .children.map(({ name }) => name)
      .sort(),
    ['peer1', 'peer1/logs', 'peer1/telemetry'],
  );
  await one.gateway.close();
});

test('a gateway without classes follows the sensor', async () => {
  const mirrors = await lab('', SENSOR_CLASSES);
  assertClasses(mirrors, 'mirrored');
  assert.deepEqual(
    mirrors.gateway
      .ikeSas()[0]
      .children.map(({ dscp }) => String(dscp))
      .sort(),
    ['', '10,12', '46'],
  );
  await mirrors.gateway.close();
});

/** For each DSCP the Child SA that the gateway sends a packet to the sensor with, named as it is there. */
function outwards({ gateway, sensor, run }: Lab): string[] {
  const packets = () => new Map(gateway.metrics().sas.map(({ spi, packets: count }) => [spi, count]));
  return Array.from({ length: 64 }, (_, dscp) => {
    const octets = new Uint8Array(1280);
    const length = writeDatagram(octets, {
      source: addressOctets(SERVER)!,
      sourcePort: PORT,
      destination: sensor.sa()!.address,
      destinationPort: PORT,
      payload: Buffer.from(`out ${dscp}`),
    });
    octets[0] |= dscp >> 2;
    octets[1] |= (dscp & 3) << 6;
    const before = packets();
    gateway.send(octets.slice(0, length));
    const taken = [...packets()].find(([spi, count]) => count > before.get(spi)!);
    run(200);
    assert.equal(sensor.heard.at(-1), `out ${dscp}`);
    return live(sensor).find(({ spiIn }) => spiIn === taken?.[0])?.policy.name ?? '';
  });
}

test('dscp_cda sa: each class has the index of its values where both sides have it, in both directions and after rekeys', async () => {
  const more = 'compression: { proposals: [{ dscp_cda: sa }, {}] }';
  const whole =
    'dscpClasses: [{ name: voice, dscp: [46] }, { name: bulk, dscp: [12, 10] }, { name: odd, dscp: [1, 2] }]';
  const one = await lab(
    `  child: { ${whole.replace('[1, 2]', '[1, 3]')}, ${more} }\n`,
    `  child: { local: [dynamic], remote: ["${SERVER}"], ${whole}, ${more} }`,
  );
  const { sensor, medium, run } = one;
  const actions = () =>
    Object.fromEntries(
      live(sensor).map(({ policy, compression, dscpList }) => {
        const { dscpCda } = compression!;
        return [policy.name, [dscpCda, dscpCda === CDA_SA ? dscpList : []]];
      }),
    );
  const wanted = {
    gateway: [CDA_LOWER, []],
    'gateway/voice': [CDA_SA, [46]],
    'gateway/bulk': [CDA_SA, [10, 12]],
    // The gateway has another class: it follows the sensor, without an index.
    'gateway/odd': [CDA_LOWER, []],
  };
  const classOf = (dscp: number): string =>
    ({ 46: 'gateway/voice', 10: 'gateway/bulk', 12: 'gateway/bulk', 1: 'gateway/odd', 2: 'gateway/odd' })[dscp] ??
    'gateway';
  for (const text of ['new', 'rekeyed']) {
    assert.deepEqual(actions(), wanted, text);
    for (const dscp of [0, 1, 2, 3, 9, 10, 11, 12, 45, 46, 47, 63]) {
      assert.equal(sendWith(one, dscp, `${text} ${dscp}`), classOf(dscp), `${text} ${dscp}`);
      assert.equal(sensor.heard.at(-1), `${text} ${dscp}!`);
    }
    assert.deepEqual(
      outwards(one),
      Array.from({ length: 64 }, (_, dscp) => classOf(dscp)),
      text,
    );
    for (const child of live(sensor)) rekeyChild(sensor.host.uplink.ike, sensor.sa()!, child, medium.now);
    run(20000);
  }
  // Without the default SA the others carry what they have room for: an index has none for other values.
  closeChild(
    sensor.host.uplink.ike,
    sensor.sa()!,
    live(sensor).find(({ policy }) => policy.name === 'gateway')!,
    medium.now,
  );
  run(100);
  assert.equal(sendWith(one, 0, 'left'), 'gateway/odd');
  assert.equal(sendWith(one, 46, 'left 46'), 'gateway/voice');
  await one.gateway.close();
});

test('over UDP, whose sockets carry no DSCP, Diet-ESP sends it: packets arrive as they were, TS_DSCP takes them', async (t) => {
  const child = `  child: { ${CLASSES}, tsDscp: true }\n`;
  const udp = 'udp: [{ address: "127.0.0.1", port: 0, natPort: 0 }]\n';
  const { gateway } = await startGateway({ ...udpConfig('127.0.0.1'), ike: ikeOf(child, udp) });
  t.after(() => gateway.close());
  const [{ port, natPort }] = gateway.metrics().udp;
  const came: Uint8Array[] = [];
  gateway.on('packet', (octets) => void came.push(octets));
  let wake = (): void => {};
  const sensor = await udpSensor({ port, natPort }, () => wake(), child);
  const runner = drive(sensor.host);
  wake = runner.wake;
  t.after(async () => {
    runner.stop();
    await sensor.host.close();
  });
  const until = async (done: () => boolean): Promise<void> => {
    for (const end = performance.now() + 15000; !done(); ) {
      assert.ok(performance.now() < end, sensor.told.join());
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  sensor.host.uplink.connect(null, performance.now());
  runner.wake();
  await until(() => live(sensor).length === 3);
  assert.deepEqual(
    live(sensor).map(({ compression }) => [compression!.dscpCda, compression!.ecnCda, compression!.flowLabelCda]),
    Array(3).fill([CDA_NOT_COMPRESSED, CDA_NOT_COMPRESSED, CDA_NOT_COMPRESSED]),
  );
  const ends = [sensor.address(), addressOctets(SERVER)!];
  for (const [index, dscp] of [0, 10, 12, 46, 63].entries()) {
    const [there, back] = [ends, [...ends].reverse()].map(([source, destination]) => {
      const packet = new Uint8Array(100);
      const payload = Buffer.from(`dscp ${dscp}`);
      const length = writeDatagram(packet, { source, sourcePort: PORT, destination, destinationPort: PORT, payload });
      // DSCP, ECT(0), and a flow label.
      packet.set([0x60 | (dscp >> 2), ((dscp & 3) << 6) | 0x20 | 0x0a, 0xbc, 0xde]);
      return packet.slice(0, length);
    });
    assert.equal(sensor.host.send(there, there.length), 0);
    gateway.send(back);
    await until(() => came.length > index && sensor.heard.length > index);
    // The hop limit is the outer one's: sockets tell none.
    there[7] = came[index][7];
    assert.deepEqual(came[index], there);
    assert.equal(sensor.heard[index], `dscp ${dscp}`);
  }
  assert.deepEqual([gateway.metrics().esp.drops, gateway.metrics().drops], [{}, {}]);
});

test('no DSCP takes a packet past the policy: protected in every state, or dropped', async () => {
  for (const isStrict of [false, true]) {
    const ts = isStrict ? ', tsDscp: true' : '';
    const one = await lab(
      `  child: { ${CLASSES}${ts} }\n`,
      `  child: { local: [dynamic], remote: ["${SERVER}"], ${CLASSES}${ts} }`,
    );
    const { sensor, gateway, medium, run } = one;
    const { ike } = sensor.host.uplink;
    for (const gone of ['', 'gateway', 'gateway/voice', 'gateway/bulk']) {
      const child = live(sensor).find(({ policy }) => policy.name === gone);
      if (child !== undefined) closeChild(ike, sensor.sa()!, child, medium.now);
      run(100);
      for (let dscp = 0; dscp < 64; dscp++) {
        const before = sensor.host.endpoint.sent;
        const octets = new Uint8Array(1280);
        const length = writeDatagram(octets, {
          source: sensor.sa()!.address,
          sourcePort: PORT,
          destination: addressOctets(SERVER)!,
          destinationPort: PORT,
          payload: Buffer.from('x'),
        });
        octets[0] |= dscp >> 2;
        octets[1] |= (dscp & 3) << 6;
        const code = sensor.host.send(octets, length);
        assert.equal(sensor.host.endpoint.sent, before + (code < 0 ? 0 : 1), `${gone} ${dscp}: protected or dropped`);
        run(20);
      }
      // What came to the gateway came under an SA.
      assert.equal(gateway.metrics().drops.unprotected, undefined);
      run(30000);
    }
    await gateway.close();
  }
});
