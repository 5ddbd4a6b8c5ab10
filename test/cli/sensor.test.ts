// `dietesp sensor` as a process, with a gateway of this process: over UDP and over a radio (ZEP).

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { generate, parse } from 'coap-packet';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway, type Gateway } from '../../targets/node/gateway/gateway.ts';
import { addressOctets, addressText } from '../../targets/node/host/addresses.ts';
import { readDatagram, writeDatagram } from '../../targets/node/host/datagram.ts';
import { createZep } from '../../targets/node/host/radio/zep.ts';
import { readEcho, writeEcho } from '../../targets/node/sensor/icmp.ts';
import { dietesp, isOneLine, ROOT, scratch } from './run.ts';

const { file, path } = scratch();
const PSK = 'a key for tests, and nothing else';
const SERVER = '2001:db8:2::1';
const NOBODY = '2001:db8:2::dead';
const cleanups: (() => void | Promise<void>)[] = [];
after(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

type Line = Record<string, unknown> & { event?: string; cmd?: string; ok?: boolean };

/** A CoAP server that answers each POST; the payloads it got. */
async function coapServer(): Promise<{ port: number; got: string[] }> {
  const socket: Socket = createSocket('udp4');
  const got: string[] = [];
  socket.on('message', (octets, from) => {
    const { messageId, token, payload } = parse(octets);
    got.push(payload.toString());
    socket.send(generate({ ack: true, code: '2.04', messageId, token }), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanups.push(() => void socket.close());
  return { port: socket.address().port, got };
}

/** Answers pings to inner addresses behind the gateway; datagrams are listed as text. */
function hostBehind(gateway: Gateway): string[] {
  const datagrams: string[] = [];
  const packet = new Uint8Array(1280);
  gateway.on('packet', (octets) => {
    const echo = readEcho(octets, octets.length);
    if (echo?.isRequest && addressText(echo.destination) !== NOBODY) {
      const length = writeEcho(packet, {
        ...echo,
        isRequest: false,
        source: echo.destination,
        destination: echo.source,
      });
      gateway.send(packet.slice(0, length));
      return;
    }
    const datagram = readDatagram(octets, octets.length);
    if (datagram !== null) datagrams.push(Buffer.from(datagram.payload).toString());
  });
  return datagrams;
}

async function gatewayOf(text: string): Promise<Gateway> {
  const gateway = await createGateway(readGateway('gateway.yaml', text).config);
  cleanups.push(() => gateway.close());
  return gateway;
}

const CONNECTION = `connection:
  localId: fqdn:gateway.example
  auth: { psk: "${PSK}" }
  ike: { announceAuth: true }
`;

async function udpGateway(flows = '', address = '127.0.0.1') {
  const gateway = await gatewayOf(
    `udp: [{ address: "${address}", port: 0, natPort: 0 }]\npool: ["2001:db8:1::/64", "10.9.0.0/24"]\n${flows}${CONNECTION}`,
  );
  const { port, natPort } = gateway.metrics().udp[0];
  return { gateway, datagrams: hostBehind(gateway), port, natPort };
}

interface Ends {
  port: number;
  natPort: number;
}

function sensorFile(
  name: string,
  { port, natPort }: Ends,
  { psk = PSK, request = 'ipv6', remote = '2001:db8:2::/64', address = '127.0.0.1', more = '' } = {},
): string {
  return file(
    name,
    `udp: { address: "${address}" }
gateway: { address: "${address}", port: ${port}, natPort: ${natPort} }
connection:
  localId: fqdn:sensor1.example
  remoteId: fqdn:gateway.example
  auth: { psk: "${psk}" }
  requestAddress: ${request}
  child: { local: [dynamic], remote: ["${remote}"] }
${more}`,
  );
}

const READINGS = `server: { address: "${SERVER}", path: r }\ninterval: 0.05\n`;

/** A sensor that obeys. */
function obedient(config: string, ...args: string[]) {
  const main = join(ROOT, 'targets', 'node', 'cli', 'main.ts');
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', 'tsx', main, 'sensor', '--config', config, '--control', ...args],
    { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  cleanups.push(() => void child.kill('SIGKILL'));
  const lines: Line[] = [];
  const waiting: { wanted: (line: Line) => boolean; found: (line: Line) => void }[] = [];
  createInterface({ input: child.stdout! }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    for (const one of waiting.filter(({ wanted }) => wanted(line))) {
      waiting.splice(waiting.indexOf(one), 1);
      one.found(line);
    }
  });
  const line = (wanted: (line: Line) => boolean): Promise<Line> => {
    const old = lines.find(wanted);
    return old !== undefined ? Promise.resolve(old) : new Promise((found) => void waiting.push({ wanted, found }));
  };
  let id = 0;
  return {
    lines,
    child,
    exited: once(child, 'exit') as Promise<[number | null, string | null]>,
    event: (name: string) => line((one) => one.event === name),
    tell(cmd: string, more: object = {}): Promise<Line> {
      const own = ++id;
      child.stdin!.write(JSON.stringify({ id: own, cmd, ...more }) + '\n');
      return line((one) => one.id === own);
    },
  };
}

test('readings over UDP: handshake, what was negotiated, each result', async () => {
  const server = await coapServer();
  const flows = `flows: [{ destination: "${SERVER}", port: 5683, to: "127.0.0.1:${server.port}" }]\n`;
  const ends = await udpGateway(flows);
  const config = sensorFile('readings.yaml', ends, { more: READINGS });
  const { code, stdout, stderr } = await dietesp('sensor', '--config', config, '--count', '3');
  assert.equal(stderr, '');
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^connecting from 127\.0\.0\.1 to 127\.0\.0\.1 over udp$/m);
  assert.match(
    stdout,
    /^established with fqdn:gateway\.example: AES_CCM_8, x25519, 4 messages in [\d.]+ ms, ESP in UDP, .*, the peer verifies PSK$/m,
  );
  assert.match(
    stdout,
    /^child [0-9a-f]{8} in, .*: AES_CCM_8_IIV, tunnel, .*Diet-ESP: .*esp_spi_lsb 32, esp_sn_lsb 8,/m,
  );
  assert.equal(stdout.match(/^reading \d \{"t":[\d.]+\}: acknowledged in [\d.]+ ms$/gm)?.length, 3);
  assert.match(stdout, /^ended: closed$/m);
  assert.equal(server.got.length, 3);
  const json = await dietesp('sensor', '--config', config, '--once', '--json');
  const events = json.stdout
    .trim()
    .split('\n')
    .map((text) => (JSON.parse(text) as Line).event);
  assert.deepEqual(events, ['connecting', 'child', 'established', 'reading', 'child-removed', 'ended']);
});

test('what a server must not send: RST, and no reading is taken for acknowledged by it', async () => {
  const socket: Socket = createSocket('udp4');
  cleanups.push(() => void socket.close());
  const posts: string[] = [];
  const others: string[] = [];
  socket.on('message', (octets, from) => {
    const send = (hex: string): void => void socket.send(Buffer.from(hex, 'hex'), from.port, from.address);
    if (octets[1] !== 2) {
      others.push(octets.toString('hex'));
      return;
    }
    posts.push(octets.toString('hex'));
    const answer = `6144${octets.toString('hex', 2, 5)}`;
    if (posts.length > 1) send(answer);
    // A ping, a GET, a token of 13 octets, a reserved code; then an answer with an unknown critical option.
    else
      for (const hex of ['40001234', '40011235b161', `4d44123600${'aa'.repeat(13)}`, '40ff1237', `${answer}e006f4`])
        send(hex);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const flows = `flows: [{ destination: "${SERVER}", port: 5683, to: "127.0.0.1:${socket.address().port}" }]\n`;
  const config = sensorFile('rejects.yaml', await udpGateway(flows), { more: READINGS });
  const { code, stdout } = await dietesp('sensor', '--config', config, '--once', '--json');
  assert.equal(code, 0, stdout);
  assert.match(stdout, /"event":"reading","reading":1,.*"outcome":"acknowledged"/);
  assert.equal(posts.length, 2, 'the reading was sent again');
  assert.equal(posts[0], posts[1]);
  assert.deepEqual(others.sort(), ['70001234', '70001235', '70001236', '70001237']);
});

test('nobody answers: exit code 1', async () => {
  const ends = await udpGateway();
  const config = sensorFile('unanswered.yaml', ends);
  const { code, stdout } = await dietesp('sensor', '--config', config, '--ping', '1', '--to', NOBODY);
  assert.equal(code, 1);
  assert.match(stdout, /^ping 1 to 2001:db8:2::dead: no reply$/m);
});

for (const [request, to, remote, address] of [
  ['ipv6', SERVER, '2001:db8:2::/64', '127.0.0.1'],
  ['ipv4', '10.8.0.1', '10.8.0.0/16', '127.0.0.1'],
  ['ipv6', SERVER, '2001:db8:2::/64', '::1'],
]) {
  test(`pings: inner ${request}, outer ${address}`, async () => {
    const ends = await udpGateway('', address);
    const config = sensorFile(`ping-${request}.yaml`, ends, { request, remote, address });
    const args = ['sensor', '--config', config, '--ping', '3', '--to', to, '--interval', '10'];
    const { code, stdout } = await dietesp(...args);
    assert.equal(code, 0, stdout);
    assert.equal(stdout.match(/^ping \d to [0-9a-f.:]+: [\d.]+ ms$/gm)?.length, 3);
  });
}

test('a wrong key: exit code 1, and why', async () => {
  const ends = await udpGateway();
  const config = sensorFile('wrong.yaml', ends, { psk: 'another key', more: READINGS });
  const { code, stdout } = await dietesp('sensor', '--config', config, '--once');
  assert.equal(code, 1);
  assert.match(stdout, /^ended: AUTHENTICATION_FAILED/m);
  assert.ok(!stdout.includes('another key') && !stdout.includes('established'));
});

test('control: rekeys, probe, pings, echo, resumption, Delete, connect; then SIGTERM', async () => {
  const ends = await udpGateway();
  const config = sensorFile('control.yaml', ends);
  const sensor = obedient(config, '--echo', '7');
  await sensor.event('established');
  const ping = async () => {
    const answer = await sensor.tell('ping', { to: SERVER, count: 2, interval: 1 });
    assert.deepEqual([answer.ok, answer.received], [true, 2]);
  };
  await ping();
  for (const command of ['rekey-child', 'rekey-ike', 'probe', 'rekey-child', 'resume']) {
    const answer = await sensor.tell(command);
    assert.equal(answer.ok, true, `${command}: ${String(answer.problem)}`);
    await ping();
  }
  // A payload to the echo port comes back.
  const status = await sensor.tell('status');
  const packet = new Uint8Array(200);
  const length = writeDatagram(packet, {
    source: addressOctets(SERVER)!,
    sourcePort: 4000,
    destination: addressOctets(String(status.address))!,
    destinationPort: 7,
    payload: Buffer.from('hello'),
  });
  assert.equal(ends.gateway.send(packet.slice(0, length)), '');
  await sensor.tell('ping', { to: SERVER });
  assert.deepEqual(ends.datagrams, ['hello']);
  assert.equal((await sensor.tell('delete')).ok, true);
  assert.deepEqual(await sensor.tell('ping', { to: SERVER }).then(({ ok }) => ok), false);
  assert.equal((await sensor.tell('connect')).ok, true);
  await ping();
  for (const [cmd, more] of [
    ['dance', {}],
    ['ping', { to: 'here' }],
    ['ping', { to: SERVER, count: -1 }],
  ] as const) {
    const answer = await sensor.tell(cmd, more);
    assert.equal(answer.ok, false);
    assert.equal(typeof answer.problem, 'string');
  }
  assert.equal(ends.gateway.metrics().sas.length, 2);
  sensor.child.kill('SIGTERM');
  assert.deepEqual(await sensor.exited, [0, null]);
  assert.equal(ends.gateway.metrics().sas.length, 0);
});

test('the gateway goes away and comes back: the sensor connects again', async () => {
  const first = await udpGateway();
  const sensor = obedient(sensorFile('again.yaml', first));
  await sensor.event('established');
  await first.gateway.leave(1000);
  await sensor.event('ended');
  const { port, natPort } = first;
  const second = await gatewayOf(
    `udp: [{ address: "127.0.0.1", port: ${port}, natPort: ${natPort} }]\npool: ["2001:db8:1::/64"]\n${CONNECTION}`,
  );
  hostBehind(second);
  sensor.lines.length = 0;
  await sensor.event('established');
  assert.equal((await sensor.tell('ping', { to: SERVER })).ok, true);
  await sensor.tell('quit');
  assert.deepEqual(await sensor.exited, [0, null]);
});

test('resume at a gateway that does not know the ticket: what happened is told, a whole handshake', async () => {
  const first = await udpGateway();
  const sensor = obedient(sensorFile('refused.yaml', first));
  const figures = async () => {
    const { resumed, messages, octets } = await sensor.event('established');
    sensor.lines.length = 0;
    return { resumed, messages, octets: Number(octets) };
  };
  const whole = await figures();
  assert.deepEqual([whole.resumed, whole.messages], [false, 4]);
  assert.equal((await sensor.tell('resume')).ok, true);
  const resumed = await figures();
  assert.deepEqual([resumed.resumed, resumed.messages], [true, 4]);
  assert.ok(resumed.octets < whole.octets, 'no key exchange');
  const { port, natPort } = first;
  await first.gateway.close();
  hostBehind(
    await gatewayOf(
      `udp: [{ address: "127.0.0.1", port: ${port}, natPort: ${natPort} }]\npool: ["2001:db8:1::/64"]\n${CONNECTION}`,
    ),
  );
  assert.equal((await sensor.tell('resume')).ok, true);
  const refused = await figures();
  // The ticket and its refusal, then IKE_SA_INIT and IKE_AUTH.
  assert.deepEqual([refused.resumed, refused.messages], [false, 6]);
  assert.ok(refused.octets > whole.octets);
  assert.equal((await sensor.tell('ping', { to: SERVER })).ok, true);
  await sensor.tell('quit');
  assert.deepEqual(await sensor.exited, [0, null]);
});

test('over a radio', async () => {
  const zep = createZep({ port: 0 });
  const port = await zep.ready;
  const gateway = await createGateway({
    ...readGateway(
      'gateway.yaml',
      `radios: [{ zep: { port: 0 }, panId: 0xabcd, shortAddress: 0 }]
addresses: ["fd00::ff:fe00:0"]
contexts: ["fd00::/64"]
pool: ["2001:db8:1::/64"]
${CONNECTION}`,
    ).config,
    radios: [{ radio: zep, panId: 0xabcd, shortAddress: 0, ackWait: 20 }],
  });
  cleanups.push(() => gateway.close());
  hostBehind(gateway);
  const config = file(
    'radio.yaml',
    `radio: { zep: { port: 0, peers: [{ address: 127.0.0.1, port: ${port} }] }, panId: 0xabcd, shortAddress: 1 }
address: "fd00::ff:fe00:1"
gateway: { address: "fd00::ff:fe00:0", link: "0000" }
contexts: ["fd00::/64"]
connection:
  localId: fqdn:sensor1.example
  remoteId: fqdn:gateway.example
  auth: { psk: "${PSK}" }
  requestAddress: ipv6
  child: { local: [dynamic], remote: ["2001:db8:2::/64"] }
`,
  );
  const keys = path('keys');
  const args = ['sensor', '--config', config, '--ping', '2', '--to', SERVER, '--interval', '10', '--keylog', keys];
  const { code, stdout } = await dietesp(...args);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /over radio$/m);
  assert.match(stdout, /esp_spi_lsb [0-8], esp_sn_lsb \d,/);
  assert.match(readFileSync(join(keys, 'ikev2_decryption_table'), 'utf8'), /^[0-9a-f]{16},[0-9a-f]{16},[0-9a-f]{38},/);
  const listed = await dietesp('keylog', keys);
  assert.equal(listed.code, 0);
  assert.match(listed.stdout, /1 IKE SAs, 0 ESP SAs\n {2}0x[0-9a-f]{8}: /);
  assert.match(listed.stdout, /WIRESHARK_CONFIG_DIR=.*keys tshark/);
  // Keys are in the tables, nowhere else.
  const key = readFileSync(join(keys, 'ikev2_decryption_table'), 'utf8').split(',')[2];
  assert.ok(!stdout.includes(key) && !listed.stdout.includes(key));
});

test('keylog: SAs set up by hand; what is not there', async () => {
  const sas = file(
    'sas.yaml',
    `esp_spi: "1000"
esp_encr: AES_GCM_16
key: "000102030405060708090a0b0c0d0e0f"
salt: "a0a1a2a3"
iipc_enabled: false
esp_spi_lsb: 32
esp_sn_lsb: 32
alignment: 32
esp_trailer: Mandatory
tunnel_ip: ["fd00::1", "fd00::2"]
`,
  );
  const folder = path('by hand');
  const { code, stdout } = await dietesp('keylog', folder, '--sas', sas);
  assert.equal(code, 0);
  assert.match(stdout, /0 IKE SAs, 1 ESP SAs/);
  assert.match(stdout, /WIRESHARK_CONFIG_DIR='.*by hand'/);
  assert.match(readFileSync(join(folder, 'esp_sa'), 'utf8'), /"0x000102030405060708090a0b0c0d0e0fa0a1a2a3"/);
  const none = await dietesp('keylog', path('nothing'));
  assert.equal(none.code, 1);
  assert.ok(isOneLine(none.stderr), none.stderr);
  assert.ok(!existsSync(path('nothing')));
});

test('wrong use: one line, code 2; a wrong file: its line', async () => {
  const config = sensorFile('use.yaml', { port: 1, natPort: 2 });
  for (const [args, pattern] of [
    [['--ping', '0', '--to', SERVER], /--ping: 0: must be 1\.\.1000000/],
    [['--ping', '1'], /--ping: needs --to/],
    [['--ping', '1', '--to', 'there'], /--to: there: must be an IP address/],
    [['--echo', '70000'], /--echo: 70000: must be 1\.\.65535/],
  ] as const) {
    const { code, stderr } = await dietesp('sensor', '--config', config, ...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, pattern);
    assert.ok(isOneLine(stderr), stderr);
  }
  const readings = await dietesp('sensor', '--config', config);
  assert.equal(readings.code, 1);
  assert.match(readings.stderr, /server: \(missing\): is required for readings/);
  const broken = await dietesp('sensor', '--config', file('broken.yaml', 'gateway: { address: x }\nconnection: 3\n'));
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /broken\.yaml:\d+: /);
});
