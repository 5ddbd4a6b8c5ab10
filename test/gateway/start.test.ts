// Starting a gateway: errors that name the field, no half-started gateway, real sockets on the loopback.

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { openUdp } from '../../targets/node/gateway/socket.ts';
import { readSas } from '../../targets/node/host/config/sa.ts';
import { parseConfig } from '../../targets/node/host/document.ts';
import { createLog, type LogLevel } from '../../targets/node/host/log.ts';
import { createZep } from '../../targets/node/host/radio/zep.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { clockOf, fakeSockets, GATEWAY, PAN, PORT, pairOf, SERVER, saOf, sensorOn } from './support.ts';

const medium = createMedium({ seed: 1 });
const good: GatewayConfig = {
  radios: [{ radio: medium.radio(), panId: PAN, shortAddress: 0 }],
  addresses: [GATEWAY],
  sas: [],
  clock: clockOf(medium),
};
const radio = good.radios[0];

const BAD: [Partial<GatewayConfig>, RegExp][] = [
  [{ radios: [] }, /^radios: none: must be one or more$/],
  [{ radios: [{ panId: 1 }] }, /^radios\[0\]: no radio: must have one of/],
  [{ radios: [{ ...radio, zep: {} }] }, /^radios\[0\]: two radios: /],
  [{ radios: [{ zep: { channel: 27 }, panId: PAN }, radio] }, /^radios\[0\]\.zep\.channel: 27: must be 11\.\.26$/],
  [{ radios: [{ ...radio, panId: 0xffff }] }, /^radios\[0\]\.panId: 65535: must be 0\.\.65534$/],
  [{ radios: [radio, { ...radio, shortAddress: 1.5 }] }, /^radios\[1\]\.shortAddress: 1\.5: must be an integer$/],
  [{ radios: [{ ...radio, extendedAddress: '02' }] }, /^radios\[0\]\.extendedAddress: 02: must be 16 hexadecimal/],
  [{ radios: [{ ...radio, queue: 0 }] }, /^radios\[0\]\.queue: 0: must be 1\.\.255$/],
  [{ radios: [{ ...radio, ackWait: Number.NaN }] }, /^radios\[0\]\.ackWait: NaN: /],
  [{ radios: [radio, { ...radio, name: 'radio0' }] }, /^radios\[1\]: radio0: is there twice$/],
  [{ addresses: ['192.0.2.1'] }, /^addresses\[0\]: 192\.0\.2\.1: must be an IPv6 address$/],
  [{ contexts: ['fd00::'] }, /^contexts\[0\]: fd00::: must be PREFIX\/LENGTH/],
  [{ contexts: ['fd00::/64', 'fd01::/129'] }, /^contexts\[1\]: fd01::\/129: /],
  [{ peers: [{ address: 'x', link: '0001' }] }, /^peers\[0\]\.address: x: must be an IPv6 address$/],
  [{ peers: [{ address: 'fd00::1', link: '01' }] }, /^peers\[0\]\.link: 01: must be 4 or 16 hexadecimal digits$/],
  [{ peers: [{ address: 'fd00::1', link: '0001', radio: 'b' }] }, /^peers\[0\]\.radio: b: must be one of radio0$/],
  [{ flows: [{ destination: SERVER, port: 0, to: 'a:1' }] }, /^flows\[0\]\.port: 0: must be 1\.\.65535$/],
  [{ flows: [{ destination: 'here', port: 1, to: 'a:1' }] }, /^flows\[0\]\.destination: here: must be an IP address$/],
  [{ flows: [{ destination: SERVER, port: 1, to: '::1:5683' }] }, /^flows\[0\]\.to: ::1:5683: must be HOST:PORT$/],
  [{ flows: [{ destination: SERVER, port: 1, to: 'no.such.host.invalid:1' }] }, /^flows\[0\]\.to: no\.such\.host/],
  [{ sessions: 0 }, /^sessions: 0: must be 1\.\.65535$/],
  [{ idle: -1 }, /^idle: -1: /],
  [{ sas: pairOf(1), addresses: [] }, /^sas\[0\]\.tunnel_ip: 1 up: one end must be in `addresses`/],
  [{ sas: [saOf(1, true), saOf(1, true)] }, /^sas\[1\]\.esp_spi: 4098: /],
  [{ sas: [saOf(1, true, { key: '00' })] }, /^sas\[0\]\.key: 1 octets: /],
  [{ sas: [saOf(1, true, { tunnel_ip: ['192.0.2.1', '192.0.2.2'] })] }, /^sas\[0\]\.tunnel_ip: IPv4: must be IPv6/],
];

test('errors of the configuration name field, value and limit; the radios are closed', async () => {
  for (const [changes, pattern] of BAD) {
    let closed = 0;
    const config = { ...good, ...changes };
    config.radios = config.radios.map((entry) =>
      entry.radio === undefined ? entry : { ...entry, radio: { ...entry.radio, close: () => void closed++ } },
    );
    const failure = await createGateway(config).then(
      () => 'started',
      (error: Error) => error.message,
    );
    assert.match(failure, pattern);
    assert.equal(closed, config.radios.filter((entry) => entry.radio !== undefined).length, failure);
  }
});

test('an SA of a file: the error has file and line', async () => {
  const text = 'esp_spi: "1000"\nesp_encr: AES_CCM_8_IIV\nkey: "00000000000000000000000000000000"\nsalt: "000000"\n';
  const tunnel = text + 'tunnel_ip: [fd00::1, fd00::2]\n';
  await assert.rejects(
    createGateway({ ...good, sas: readSas(parseConfig('sensors.yaml', tunnel)) }),
    (error: Error) => {
      assert.match(error.message, /^sensors\.yaml:5: tunnel_ip: sa1: one end must be in `addresses`/);
      return true;
    },
  );
});

test('a listener closes the gateway in the middle of a packet: nothing is opened any more', async () => {
  const medium = createMedium({ seed: 11 });
  const { sockets, openSocket } = fakeSockets();
  const gateway = await createGateway({
    radios: [{ radio: medium.radio(), panId: PAN, shortAddress: 0 }],
    addresses: [GATEWAY],
    contexts: ['fd00::/64'],
    sas: pairOf(1),
    flows: [{ destination: SERVER, port: PORT, to: '127.0.0.1:9' }],
    openSocket,
    clock: clockOf(medium),
  });
  let closed = 0;
  gateway.on('peer', () => {
    closed++;
    void gateway.close();
  });
  sensorOn(medium, 1).send('one');
  medium.settle(1000);
  assert.deepEqual([closed, sockets.length], [1, 0]);
});

async function isFree(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const free = new Promise<boolean>((resolve) => {
    socket.on('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => resolve(true));
  });
  const result = await free;
  socket.close();
  return result;
}

test('a radio fails while another is still opening: one error names it, and all are closed', async () => {
  const closed: string[] = [];
  const make = (name: string, ready: Promise<number>) => ({
    name,
    panId: PAN,
    radio: {
      onFrame: null,
      ready,
      clear: () => true,
      transmit() {},
      close: () => void closed.push(name),
    },
  });
  const slow = make('slow', new Promise((resolve) => setImmediate(() => setImmediate(() => resolve(1)))));
  const broken = make('broken', Promise.reject(new Error('no port')));
  const last = make('last', Promise.reject(new Error('no port either')));
  await assert.rejects(
    createGateway({ radios: [slow, broken, last], sas: [] }),
    /^Error: radios\[1\] \(broken\): no port$/,
  );
  assert.deepEqual(closed, ['slow', 'broken', 'last']);
});

test('a radio whose port is taken: the others are closed, the error names it', async () => {
  const taken = createSocket('udp4');
  taken.bind(0, '127.0.0.1');
  await once(taken, 'listening');
  const port = taken.address().port;
  const first = createZep({ port: 0 });
  const own = await first.ready;
  const start = createGateway({
    radios: [
      { radio: first, panId: PAN },
      { name: 'roof', zep: { port }, panId: PAN },
    ],
    sas: [],
  });
  await assert.rejects(start, new RegExp(`^Error: radios\\[1\\] \\(roof\\): .*EADDRINUSE.* 127\\.0\\.0\\.1:${port}`));
  await first.closed;
  assert.ok(await isFree(own));
  taken.close();
});

function udpServer(onMessage: (text: string, answer: (text: string) => void) => void): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('message', (octets, from) =>
    onMessage(octets.toString(), (text) => socket.send(text, from.port, from.address)),
  );
  return new Promise((resolve) => socket.bind(0, '127.0.0.1', () => resolve(socket)));
}

test('real sockets: there and back, and a server that is away is survived', async () => {
  const air = createMedium({ seed: 2 });
  const server = await udpServer((text, answer) => answer(`${text} ok`));
  const lines: string[] = [];
  const gateway = await createGateway({
    ...good,
    radios: [{ radio: air.radio(), panId: PAN, shortAddress: 0 }],
    contexts: ['fd00::/64'],
    clock: clockOf(air),
    sas: pairOf(1),
    flows: [{ destination: SERVER, port: PORT, to: `127.0.0.1:${server.address().port}` }],
    log: createLog({ level: 'debug', sink: (line) => lines.push(line) }),
  });
  const one = sensorOn(air, 1);
  /** Turns of the event loop, and of the medium, until `condition`. */
  const until = async (condition: () => boolean) => {
    for (let i = 0; i < 20000 && !condition(); i++) {
      air.run(air.now + 1);
      await new Promise(setImmediate);
    }
    assert.ok(condition());
  };
  one.send('hello');
  one.send('again');
  await until(() => one.heard.length === 2);
  assert.deepEqual(one.heard, ['hello ok', 'again ok']);
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  one.send('away');
  await until(() => gateway.metrics().flows.socketErrors > 0);
  const back = createSocket('udp4');
  const got = once(back, 'message');
  await new Promise<void>((resolve) => back.bind(port, '127.0.0.1', resolve));
  one.send('back');
  let arrived = '';
  void got.then(([octets]) => {
    arrived = String(octets);
  });
  await until(() => arrived !== '');
  assert.equal(arrived, 'back');
  assert.equal(gateway.metrics().flows.opened, 1);
  assert.ok(
    lines.some((line) => /Z warn flow: \[2001:db8:1::1\]:5683 to 127\.0\.0\.1 port \d+: .*ECONNREFUSED/.test(line)),
  );
  assert.ok(lines.some((line) => /Z info peer: fd00::ff:fe00:1 at 0001 on radio0$/.test(line)));
  await gateway.close();
  back.close();
});

test('a socket to nowhere reports, and is then closed', async () => {
  const failure = await new Promise<[Error, boolean]>((resolve) => {
    openUdp({ address: 'not an address', family: 4, port: 9 }, { message() {}, failed: (...args) => resolve(args) });
  });
  assert.equal(failure[1], true);
  assert.match(failure[0].message, /ENOTFOUND|EAI_AGAIN/);
});

test('logs: levels, namespaces, texts built only when wanted', () => {
  const lines: string[] = [];
  let built = 0;
  const time = () => Date.UTC(2026, 10, 29, 20, 15, 0, 7);
  const text = () => `text ${++built}`;
  const log = createLog({ level: 'info', namespaces: ['esp', 'peer'], sink: (line) => lines.push(line), time });
  log('debug', 'esp', text);
  log('info', 'flow', text);
  log('info', 'esp', text);
  log('error', 'peer', 'plain');
  assert.deepEqual(lines, ['2026-11-29T20:15:00.007Z info esp: text 1', '2026-11-29T20:15:00.007Z error peer: plain']);
  assert.equal(built, 1);
  assert.throws(() => createLog({ level: 'loud' as LogLevel }), /log\.level: loud: must be one of error, warn/);
});
