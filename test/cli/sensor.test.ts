// `dietesp sensor` as a process, with a gateway of this process: over UDP and over a radio (ZEP).

import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { writeDatagram } from '../../targets/node/host/datagram.ts';
import { createZep } from '../../targets/node/host/radio/zep.ts';
import { dietesp, isOneLine } from './run.ts';

import {
  CONNECTION,
  cleanups,
  coapServer,
  file,
  gatewayOf,
  hostBehind,
  type Line,
  NOBODY,
  obedient,
  PSK,
  path,
  READINGS,
  SERVER,
  sensorFile,
  udpGateway,
} from './sensor-support.ts';

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

test('the port of the radio is taken: one line, and the process ends', async () => {
  const taken = createZep({ port: 0 });
  const port = await taken.ready;
  const config = file(
    'taken.yaml',
    `radio: { panId: 0xabcd, shortAddress: 1, zep: { port: ${port} } }\naddress: fd00::ff:fe00:1\n` +
      `contexts: ["fd00::/64"]\ngateway: { address: "fd00::ff:fe00:0", link: "0000" }\n${CONNECTION}`,
  );
  chmodSync(config, 0o600);
  const { code, stderr } = await dietesp('sensor', '--config', config, '--ping', '1', '--to', SERVER);
  assert.ok(isOneLine(stderr), stderr);
  assert.match(stderr, new RegExp(`EADDRINUSE 127\\.0\\.0\\.1:${port}`));
  assert.equal(code, 1);
  taken.close();
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
  // It comes back when it comes: an answer to a ping may overtake it.
  for (let tries = 0; tries < 20 && ends.datagrams.length === 0; tries++) await ping();
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
  assert.match(listed.stdout, /1 IKE SAs, 2 ESP SAs\n/);
  assert.match(listed.stdout, /dietesp decompress --sa .*keys\/sas\.yaml FILE OUT/);
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
