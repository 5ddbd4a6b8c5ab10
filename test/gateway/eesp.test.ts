// EESP over UDP from files: a sensor with it and one without it at the same port of a gateway at the same time, rekeys by both
// sides, a gateway that restarts with its store, and Deletes.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { EespSa } from '../../core/eesp/sa.ts';
import { closeChild, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { CHILD_LIVE, type ChildSa } from '../../core/ike/state/child.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { type Started, startGateway } from '../../targets/node/gateway/gateway.ts';
import type { WatchedPacket } from '../../targets/node/gateway/tap.ts';
import { writeDatagram } from '../../targets/node/host/datagram.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { openSensor, type Sensor } from '../../targets/node/sensor/sensor.ts';
import { toHtml } from '../../targets/web/xray/tree.ts';
import { xrayView } from '../../targets/web/xray/view.ts';
import { fakeSockets, memoryStore, PORT, SERVER } from './support.ts';

const EESP = 201;
const TO = Uint8Array.from(Buffer.from('20010db8000200000000000000000001', 'hex'));

const live = (sa: IkeSa): ChildSa[] => sa.children.filter(({ retired }) => retired === CHILD_LIVE);

async function until(done: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + 20000; !done(); ) {
    if (performance.now() > end) throw new Error(what);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function gatewayFile(eesp: string, ports = 'port: 0, natPort: 0', top = ''): GatewayConfig {
  const text = `udp: [{ address: 127.0.0.1, ${ports} }]
pool: ["2001:db8:1::/64"]
flows: [{ destination: "${SERVER}", port: ${PORT}, to: "127.0.0.1:9" }]
${top}connection:
  localId: fqdn:gateway
  auth: { psk: secret }
${eesp === '' ? '' : `  child: { eesp: ${eesp} }\n`}`;
  const { openSocket } = fakeSockets((socket, payload) => socket.upper.message(Buffer.from(`${payload}!`)));
  return { ...readGateway('gateway.yaml', text).config, openSocket };
}

interface Client {
  sensor: Sensor;
  sa(): IkeSa;
  protocol(): number;
  /** Sends a datagram to the echo server and waits for the answer. */
  talk(text: string): Promise<void>;
}

async function client(t: TestContext, started: Started, name: string, eesp: string, more = ''): Promise<Client> {
  const [{ port, natPort }] = started.gateway.metrics().udp;
  const loaded = readSensor(
    'sensor.yaml',
    `udp: { address: 127.0.0.1 }
gateway: { address: 127.0.0.1, port: ${port}, natPort: ${natPort} }
server: { address: "${SERVER}", port: ${PORT}, sourcePort: ${PORT} }
connection:
  localId: fqdn:${name}
  remoteId: fqdn:gateway
  requestAddress: ipv6
  auth: { psk: secret }
${eesp === '' ? '' : `  child: { eesp: ${eesp} }\n`}${more}`,
  );
  const sensor = await openSensor(loaded, {
    provider: createFastProvider(),
    keylog: null,
    echoPort: 0,
    retry: true,
    report: () => {},
    waits: false,
  });
  t.after(() => sensor.close());
  const heard: string[] = [];
  sensor.inner.listen(PORT, (payload) => void heard.push(Buffer.from(payload).toString()));
  assert.equal(await sensor.connect(false), '');
  const sa = (): IkeSa => sensor.host.uplink.current()!;
  return {
    sensor,
    sa,
    protocol: () => live(sa())[0].protocol,
    async talk(text) {
      assert.equal(sensor.send(Buffer.from(text), TO, PORT, PORT), '');
      // What was reserved before a restart counts as used, so some packets are lost then.
      for (let i = 0; i < 40 && !heard.includes(`${text}!`); i++) {
        if (i > 0) sensor.send(Buffer.from(text), TO, PORT, PORT);
        const end = performance.now() + 250;
        await until(() => heard.includes(`${text}!`) || performance.now() > end, name);
      }
      assert.ok(heard.includes(`${text}!`), `${name}: no answer to ${text}`);
    },
  };
}

const theirs = (started: Started, one: Client): IkeSa =>
  started.ike
    .sas()
    .find(({ state, spis }) => state === STATE_ESTABLISHED && Buffer.compare(spis, one.sa().spis) === 0)!;

test('EESP and ESP at one port: sensors with and without it, rekeys by both sides, and Deletes', async (t) => {
  const started = await startGateway(gatewayFile('{ maxSubSa: 4, subSa: 2 }'));
  t.after(() => started.gateway.close());
  const modern = await client(t, started, 'modern', '{ maxSubSa: 3, subSa: 4 }');
  const plain = await client(t, started, 'plain', '');
  assert.deepEqual([modern.protocol(), plain.protocol()], [EESP, 3]);
  const watched: WatchedPacket[] = [];
  const stop = started.gateway.watch(
    (packet) => void watched.push(packet),
    () => {},
  );
  for (let i = 0; i < 3; i++) await Promise.all([modern.talk(`modern ${i}`), plain.talk(`plain ${i}`)]);
  stop();
  const modernOnes = watched.filter(({ peer }) => peer === 'fqdn:modern');
  assert.deepEqual(new Set(modernOnes.map(({ direction }) => direction)), new Set(['in', 'out']));
  for (const { direction, xray, wire } of modernOnes) {
    const { format, unexplained, strips, fields, totals } = xray();
    assert.deepEqual([format, unexplained, totals.esp], ['EESP', '', wire.length]);
    for (const { pieces, octets } of strips)
      assert.equal(
        pieces.reduce((sum, { bits }) => sum + bits, 0),
        octets * 8,
      );
    const of = (name: string): string => fields.find((field) => field.header === 'EESP' && field.name === name)!.value;
    const { spiIn, spiOut } = live(theirs(started, modern))[0];
    const spi = (direction === 'in' ? spiIn : spiOut).toString(16).padStart(8, '0');
    assert.deepEqual([of('Version'), of('SPI')], ['8', `0x${spi}`]);
    assert.equal(of('Session ID'), direction === 'in' ? '4' : '2');
    assert.match(of('Sequence Number'), /^0x000000000000000[1-3]$/);
    assert.match(toHtml(xrayView(xray())), /octets in clear, \d+ with EESP/);
  }
  // ESP's SPIs begin with a 0 bit.
  for (const { sa } of [modern, plain]) for (const { spiIn, spiOut } of live(sa())) assert.ok((spiIn | spiOut) >= 0);
  const [inbound] = started.sas.eesp.table.all();
  const numbers = (inbound as unknown as { subs: { id: number; snLo: number }[] }).subs;
  assert.deepEqual(
    numbers.map(({ id, snLo }) => [id, snLo]),
    [
      [0, 0],
      [4, 3],
    ],
  );

  const { ike } = modern.sensor.host.uplink;
  let before = live(modern.sa())[0].spiIn;
  for (const isOwn of [true, false]) {
    if (isOwn) rekeyChild(ike, modern.sa(), live(modern.sa())[0], performance.now());
    else started.ike.ask(theirs(started, modern), (endpoint, sa, now) => rekeyChild(endpoint, sa, live(sa)[0], now));
    modern.sensor.wake();
    await until(() => live(modern.sa()).length === 1 && live(modern.sa())[0].spiIn !== before, 'rekeyed');
    before = live(modern.sa())[0].spiIn;
    assert.equal(modern.protocol(), EESP);
    await modern.talk(`after a rekey ${isOwn}`);
  }
  const old = modern.sa();
  rekeyIke(ike, old, performance.now());
  modern.sensor.wake();
  await until(() => modern.sa() !== old && theirs(started, modern) !== undefined, 'IKE SA rekeyed');
  await modern.talk('after that of the IKE SA');
  await plain.talk('still there');

  // The gateway deletes the Child SA alone: the sensor asks for another one.
  before = live(modern.sa())[0].spiIn;
  started.ike.ask(theirs(started, modern), (endpoint, sa, now) => closeChild(endpoint, sa, live(sa)[0], now));
  await until(() => live(modern.sa()).some(({ spiIn }) => spiIn !== before), 'a new Child SA');
  assert.equal(modern.protocol(), EESP);
  await modern.talk('with a new Child SA');
  assert.equal(started.gateway.metrics().esp.drops['no-sa'] ?? 0, 0);
  await modern.sensor.close();
  await until(() => started.ike.sas().length === 1, 'the gateway was told');
  assert.equal(started.sas.eesp.table.all().length, 0);
});

test('who has it, who requires it, and who gets what', async (t) => {
  const old = await startGateway(gatewayFile(''));
  t.after(() => old.gateway.close());
  const asks = await client(t, old, 'asks', '{}');
  assert.equal(asks.protocol(), 3);
  await asks.talk('plain ESP');
  const strict = await startGateway(gatewayFile('{ required: true }'));
  t.after(() => strict.gateway.close());
  const has = await client(t, strict, 'has', '{}');
  await has.talk('EESP');
  assert.equal(has.protocol(), EESP);
  await assert.rejects(client(t, strict, 'lacks', '', '  ike: { retransmit: 0.1 }\n'), /NO_PROPOSAL_CHOSEN/);
});

test('several Child SAs for workers: all of the set are EESP, where one is', async (t) => {
  const started = await startGateway(gatewayFile('{ maxSubSa: 7 }, perResource: 3'));
  t.after(() => started.gateway.close());
  const one = await client(t, started, 'one', '{ perClass: true }, perResource: 3');
  await until(() => live(one.sa()).length === 3, 'three Child SAs');
  assert.deepEqual(
    live(one.sa()).map(({ protocol, policy }) => [protocol, policy.resource]),
    [1, 2, 3].map((place) => [EESP, place]),
  );
  await one.talk('over one of them');
  const subs = () =>
    started.sas.eesp.table
      .all()
      .flatMap((sa) => (sa as EespSa).subs.filter(({ snLo }) => snLo > 0).map(({ id }) => id));
  assert.deepEqual(subs(), [0]);
  const packet = new Uint8Array(100);
  const ends = { source: one.sa().address, sourcePort: PORT, destination: TO, destinationPort: PORT };
  const length = writeDatagram(packet, { ...ends, payload: Buffer.from('voice') });
  packet.set([0x60 | (46 >> 2), (46 & 3) << 6]);
  assert.equal(one.sensor.host.send(packet, length), 0);
  await until(() => subs().includes(46 >> 3), 'the Sub SA of its class');
});

test('a gateway with a store restarts: the SAs of EESP go on, no number twice, and are rekeyed', async (t) => {
  const records = new Map<string, Uint8Array>();
  const first = await startGateway({ ...gatewayFile('{ maxSubSa: 1 }'), store: memoryStore(records) });
  const [{ port, natPort }] = first.gateway.metrics().udp;
  const one = await client(t, first, 'one', '{ maxSubSa: 1, subSa: 1 }');
  for (let i = 0; i < 5; i++) await one.talk(`before ${i}`);
  const kept = new Map(records);
  const { spiIn } = live(one.sa())[0];
  await first.gateway.close();

  const second = await startGateway({
    ...gatewayFile('{ maxSubSa: 1 }', `port: ${port}, natPort: ${natPort}`),
    store: memoryStore(kept),
  });
  t.after(() => second.gateway.close());
  assert.equal(second.ike.sas().length, 1);
  await until(() => live(one.sa())[0]?.spiIn !== spiIn, 'rekeyed after the restart');
  for (let i = 0; i < 3; i++) await one.talk(`after ${i}`);
  assert.equal(one.protocol(), EESP);
  const { drops } = second.gateway.metrics().esp;
  assert.deepEqual([drops.icv, drops['no-sa'], drops.session], [undefined, undefined, undefined]);
});
