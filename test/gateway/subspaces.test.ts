// A gateway and a Node sensor with `subspaces`, from their configurations: over UDP and over a radio, with classes of service that
// overtake each other, after a restart, and beside a side without it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sa } from '../../core/esp/sa.ts';
import { privateNumbers } from '../../core/ike/codec/private-numbers.ts';
import { rekeyChild } from '../../core/ike/exchange/requests.ts';
import { subspacesOf } from '../../core/ike/ext/subspaces.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway, startGateway } from '../../targets/node/gateway/gateway.ts';
import type { WatchedPacket } from '../../targets/node/gateway/tap.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { writeDatagram } from '../../targets/node/host/datagram.ts';
import { attachNode } from '../../targets/node/host/full-ike.ts';
import { drive } from '../../targets/node/host/radio/drive.ts';
import { childView } from '../../targets/node/host/sa-view.ts';
import type { StateStore } from '../../targets/node/host/state/store.ts';
import { createMedium, type Medium } from '../../targets/node/lab/medium.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { type IkeSensor, ikeOf, ikeSensorOn, udpConfig, udpSensor } from './ike-support.ts';
import { airOn, echoFlow, fakeSockets, PORT, SERVER } from './support.ts';

const PLAIN = 'child: { subspaces: 8, compression: { notify: none } }';
const NUMBERS = privateNumbers();

/** Sends a text in a packet with this DSCP. */
function sendAs(sensor: IkeSensor, dscp: number, text: string): number {
  const packet = new Uint8Array(1280);
  const ends = {
    source: sensor.address(),
    sourcePort: PORT,
    destination: addressOctets(SERVER)!,
    destinationPort: PORT,
  };
  const length = writeDatagram(packet, { ...ends, payload: Buffer.from(text) });
  packet[0] = 0x60 | (dscp >>> 2);
  packet[1] = (dscp << 6) & 0xff;
  return sensor.host.send(packet, length);
}

const used = (sa: Sa): number[] => sa.subspaces!.list.flatMap((one, id) => (one === null ? [] : [id]));
const agreed = (sensor: IkeSensor): number[] =>
  sensor.sa()!.children.map(({ transforms }) => subspacesOf(transforms, NUMBERS));

test('over UDP: each class of service has its subspace, in both directions', async () => {
  const config = {
    ...udpConfig('127.0.0.1'),
    ike: ikeOf(`  ${PLAIN}\n`, 'udp: [{ address: "127.0.0.1", port: 0, natPort: 0 }]\n'),
  };
  const gateway = await createGateway({
    ...config,
    flows: [{ destination: SERVER, port: PORT, to: '127.0.0.1:9' }],
    openSocket: fakeSockets((socket, text) => socket.upper.message(Buffer.from(text + '!'))).openSocket,
  });
  const [{ port, natPort }] = gateway.metrics().udp;
  let wake = (): void => {};
  const sensor = await udpSensor({ port, natPort }, () => wake(), `  ${PLAIN}\n`);
  attachNode(sensor.host.uplink.ike, 4096);
  const runner = drive(sensor.host);
  wake = runner.wake;
  const until = async (what: string, done: () => boolean): Promise<void> => {
    for (const end = performance.now() + 10000; !done(); ) {
      assert.ok(performance.now() < end, `${what}: ${sensor.told} ${sensor.heard}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  try {
    sensor.host.uplink.connect(null, performance.now());
    runner.wake();
    await until('connected', () => sensor.told.includes('up'));
    assert.deepEqual(agreed(sensor), [8]);
    const watched: WatchedPacket[] = [];
    const stop = gateway.watch(
      (packet) => void watched.push(packet),
      () => {},
    );
    assert.equal(childView(sensor.sa()!.children[0]).subspaces, 8);
    for (const dscp of [0, 46, 8, 0, 46]) sendAs(sensor, dscp, `dscp ${dscp}`);
    await until('answers', () => sensor.heard.length === 5);
    assert.deepEqual(sensor.heard, ['dscp 0!', 'dscp 46!', 'dscp 8!', 'dscp 0!', 'dscp 46!']);
    const [out] = sensor.host.sas.outgoing;
    const [into] = sensor.host.sas.incoming;
    assert.deepEqual([used(out), used(into)], [[0, 1, 5], [0]]);
    assert.deepEqual([out.packets, into.packets], [5, 5]);
    stop();
    const lines = watched.map(({ direction, xray }) => {
      const { format, fields } = xray();
      const value = (name: string) => fields.find((field) => field.header === 'ESP' && field.name === name)?.value;
      return [direction, format, value('Subspace ID'), value('Sequence Number')];
    });
    const kind = 'ESP with anti-replay subspaces';
    assert.deepEqual(
      lines.filter(([direction]) => direction === 'in'),
      [
        ['in', kind, '0', '0x000000000001'],
        ['in', kind, '5', '0x000000000001'],
        ['in', kind, '1', '0x000000000001'],
        ['in', kind, '0', '0x000000000002'],
        ['in', kind, '5', '0x000000000002'],
      ],
    );
    rekeyChild(sensor.host.uplink.ike, sensor.sa()!, sensor.sa()!.children[0], performance.now());
    runner.wake();
    await until('rekeyed', () => sensor.told.length === 3);
    assert.equal(agreed(sensor).at(-1), 8);
    sendAs(sensor, 46, 'after');
    await until('after', () => sensor.heard.includes('after!'));
    // A NAT gives it another port. The gateway follows the newest packet of any subspace, though another had a higher number.
    for (let i = 0; i < 3; i++) sendAs(sensor, 0, `first ${i}`);
    await until('first', () => sensor.heard.includes('first 2!'));
    const place = gateway.metrics().ike!.sas[0].remote;
    await sensor.rebind();
    sendAs(sensor, 46, 'moved');
    await until('moved', () => sensor.heard.includes('moved!'));
    assert.notEqual(gateway.metrics().ike!.sas[0].remote, place);
    assert.deepEqual(gateway.metrics().esp.drops, {});
    const shown = gateway.metrics().sas.map(({ direction, sn }) => `${direction} ${sn}`);
    assert.deepEqual(shown.sort(), ['in 0:2 1:1 5:2', 'in 0:3 5:2', 'out 0:5', 'out 0:5']);
  } finally {
    runner.stop();
    await sensor.host.close();
    await gateway.close();
  }
});

function mapStore(records: Map<string, Uint8Array>): StateStore {
  return {
    records: new Map(records),
    problems: [],
    write(changes) {
      for (const [key, value] of changes) {
        if (value === null) records.delete(key);
        else records.set(key, value.slice());
      }
      return Promise.resolve();
    },
    destroy: () => Promise.reject(new Error('not here')),
    close: () => Promise.resolve(),
  };
}

async function run(medium: Medium, ms: number): Promise<void> {
  for (const end = medium.now + ms; medium.now < end; ) {
    medium.run(Math.min(end, medium.now + 20));
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  }
}

test('over a radio; an SA does not come back after a restart, and the sensor is told', async () => {
  const medium = createMedium({ seed: 5 });
  const records = new Map<string, Uint8Array>();
  const start = async (seed: number) => {
    const radio = medium.radio();
    const made = await startGateway({
      ...airOn(medium, seed, radio),
      ...echoFlow(),
      ike: ikeOf(`  ${PLAIN}\n`),
      store: mapStore(records),
    });
    return { ...made, radio };
  };
  const first = await start(71);
  const sensor = ikeSensorOn(medium, 1, { top: `  ${PLAIN}`, retry: 2000 });
  attachNode(sensor.host.uplink.ike, 4096);
  sensor.host.uplink.connect(null, medium.now);
  await run(medium, 4000);
  assert.deepEqual(agreed(sensor), [8]);
  for (let i = 0; i < 40; i++) {
    sensor.send(`one ${i}`);
    await run(medium, 100);
  }
  assert.equal(sensor.heard.length, 40, 'nothing waits for the store');
  assert.ok([...records.keys()].some((key) => key.startsWith('sa/')));
  first.radio.onFrame = () => {};
  first.radio.transmit = () => {};
  const second = await start(72);
  await run(medium, 12000);
  assert.deepEqual(sensor.told, ['child', 'up', 'down -8', 'child', 'up']);
  assert.deepEqual(agreed(sensor), [8]);
  sensor.send('again');
  await run(medium, 1000);
  assert.equal(sensor.heard.at(-1), 'again!');
  await first.gateway.close();
  await second.gateway.close();
});

test('a side without it, and the configurations that are refused', async () => {
  for (const [own, theirs, count] of [
    [PLAIN, 'child: { compression: { notify: none } }', 0],
    ['child: { compression: { notify: none } }', PLAIN, 0],
    ['child: { subspaces: [64, 4], compression: { notify: none } }', PLAIN, 4],
    ['child: { subspaces: 8 }', 'child: { subspaces: 8 }', 0],
    ['child: { subspaces: 8, esn: none }', 'child: { subspaces: 8 }', 8],
  ] as const) {
    const medium = createMedium({ seed: 9 });
    const { gateway } = await startGateway({ ...airOn(medium, 31), ...echoFlow(), ike: ikeOf(`  ${theirs}\n`) });
    const sensor = ikeSensorOn(medium, 1, { top: `  ${own}` });
    attachNode(sensor.host.uplink.ike, 4096);
    sensor.host.uplink.connect(null, medium.now);
    medium.run(medium.now + 5000);
    assert.deepEqual([sensor.told, agreed(sensor)], [['child', 'up'], [count]], own);
    sensor.send('hello');
    medium.run(medium.now + 1000);
    assert.deepEqual(sensor.heard, ['hello!'], own);
    await gateway.close();
  }
  const refused = (child: string, top = ''): string => {
    const lines: string[] = [];
    const head = `radio: { zep: {}, panId: 1, shortAddress: 2 }\naddress: fd00::2\ngateway: { address: "fd00::1", link: 0000 }\n`;
    const tail = `connection:\n  localId: fqdn:a\n  auth: { psk: b }\n  child: ${child}\n${top}`;
    for (const read of [
      () => readSensor('sensor.yaml', head + tail),
      () => readGateway('gateway.yaml', `radios: [{ zep: { port: 0 }, panId: 1 }]\npool: ["2001:db8:1::/64"]\n${tail}`),
    ]) {
      try {
        read();
        lines.push('');
      } catch (error) {
        lines.push(String(error).replace(/^.*?\.yaml:\d+: /, ''));
      }
    }
    assert.equal(lines[0], lines[1]);
    return lines[0];
  };
  assert.equal(refused('{ subspaces: 65536 }'), '');
  assert.match(refused('{ subspaces: 65537 }'), /connection\.child\.subspaces: 65537: must be 0\.\.65536/);
  assert.match(refused('{ subspaces: [4, 4] }'), /connection\.child\.subspaces: .*must have each number once/);
  assert.match(refused('{ esn: none }'), /connection\.child\.esn: none: must be off, on or both without subspaces/);
  assert.match(
    refused('{ subspaces: 4, esn: none, compression: { required: true } }'),
    /connection\.child\.subspaces: 4: must be 0 with esn none and compression\.required/,
  );
  assert.match(
    refused('{ subspaces: 4 }', 'privateNumbers: { subspaces: 5 }\n'),
    /privateNumbers\.subspaces: 5: must be 1024/,
  );
});
