// `dietesp keygen` and `dietesp init`: their files, and that they work with the real gateway and the real sensor as processes.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { generate, parse } from 'coap-packet';
import { loadGatewayFile } from '../../targets/node/gateway/file.ts';
import { loadSensorFile } from '../../targets/node/sensor/file.ts';
import { DIETESP } from '../support/command.ts';
import { freePorts } from '../support/free-ports.ts';
import { dietesp, isOneLine, ROOT, scratch } from './run.ts';

const { path, file } = scratch();
const cleanups: (() => void)[] = [];
after(() => {
  for (const clean of cleanups) clean();
});

/** A CoAP server that acknowledges each POST, and what it got. */
async function coapServer(): Promise<{ port: number; got: string[] }> {
  const socket = createSocket('udp4');
  const got: string[] = [];
  socket.on('message', (octets, from) => {
    const { messageId, token, options } = parse(octets);
    got.push(
      options
        .filter(({ name }) => name === 'Uri-Path')
        .map(({ value }) => value.toString())
        .join('/'),
    );
    socket.send(generate({ ack: true, code: '2.04', messageId, token }), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanups.push(() => socket.close());
  return { port: socket.address().port, got };
}

/** The gateway's process; resolves when it listens. */
async function gatewayOf(config: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...DIETESP, 'gateway', '--config', config, '--log', 'info'], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  cleanups.push(() => void child.kill('SIGKILL'));
  let text = '';
  const isUp = new Promise<boolean>((resolve) => {
    child.stderr!.on('data', (part) => {
      text += String(part);
      if (/radios, \d+ UDP/.test(text)) resolve(true);
    });
    child.once('exit', () => resolve(false));
  });
  assert.ok(await isUp, text);
  return child;
}

const modes = (folder: string): number[] =>
  readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777);

for (const [over, auth, inner] of [
  ['radio', 'psk', '2001:db8:1::/64'],
  ['radio', 'ed25519', '2001:db8:1::/64'],
  ['udp', 'psk', '10.9.0.0/24'],
  ['udp', 'ed25519', '2001:db8:9::100-2001:db8:9::1ff'],
]) {
  test(`init: ${over}, ${auth}, inner addresses ${inner}: readings are acknowledged, a ping is answered`, async () => {
    const folder = path(`${over}-${auth}`);
    const server = await coapServer();
    const port = String(await freePorts(2));
    const more = [
      '--auth',
      auth,
      '--sensors',
      '2',
      '--inner',
      inner,
      '--port',
      port,
      '--server',
      `127.0.0.1:${server.port}`,
    ];
    const made = await dietesp('init', folder, `--${over}`, ...more);
    assert.equal(made.code, 0, made.stderr);
    assert.match(
      made.stdout,
      /dietesp gateway --config .*gateway\.yaml --log info\n {2}dietesp sensor --config .*sensor1\.yaml\n/,
    );
    assert.ok(modes(folder).every((mode) => mode === 0o600));
    const names =
      auth === 'psk' ? [] : ['gateway', 'sensor1', 'sensor2'].flatMap((name) => [`${name}.key`, `${name}.pub`]);
    assert.deepEqual(readdirSync(folder), [...names, 'gateway.yaml', 'sensor1.yaml', 'sensor2.yaml'].sort());

    const gateway = await gatewayOf(join(folder, 'gateway.yaml'));
    const ended = once(gateway, 'exit');
    for (const name of ['sensor1', 'sensor2']) {
      const config = join(folder, `${name}.yaml`);
      const readings = await dietesp('sensor', '--config', config, '--count', '2', '--interval', '50');
      assert.equal(readings.code, 0, readings.stdout + readings.stderr);
      assert.equal(readings.stdout.match(/acknowledged/g)?.length, 2);
    }
    assert.deepEqual(server.got, ['sensor1', 'sensor1', 'sensor2', 'sensor2']);
    const pings = await dietesp('sensor', '--config', join(folder, 'sensor2.yaml'), '--ping', '2', '--interval', '50');
    assert.equal(pings.code, 0, pings.stdout + pings.stderr);
    gateway.kill('SIGTERM');
    await ended;
  });
}

// Long after the handshake nothing but the ping itself has the radio's queue looked at.
test('pings half a second apart are all answered over the radio', async () => {
  const folder = path('pings');
  const made = await dietesp('init', folder, '--port', String(await freePorts(1)));
  assert.equal(made.code, 0, made.stderr);
  const gateway = await gatewayOf(join(folder, 'gateway.yaml'));
  const config = join(folder, 'sensor1.yaml');
  const pings = await dietesp('sensor', '--config', config, '--ping', '8', '--interval', '500');
  assert.equal(pings.code, 0, pings.stdout + pings.stderr);
  assert.equal(pings.stdout.match(/^ping \d to [0-9a-f:]+: [\d.]+ ms$/gm)?.length, 8, pings.stdout);
  const ended = once(gateway, 'exit');
  gateway.kill('SIGTERM');
  await ended;
});

test('init: each sensor has its own key and identity; nothing is overwritten', async () => {
  const folder = path('own');
  assert.equal((await dietesp('init', folder, '--sensors', '3')).code, 0);
  const sensors = [1, 2, 3].map((index) => loadSensorFile(join(folder, `sensor${index}.yaml`)).connection.policy);
  assert.equal(new Set(sensors.map(({ psk }) => Buffer.from(psk).toString('hex'))).size, 3);
  assert.equal(new Set(sensors.map(({ localId }) => Buffer.from(localId.data).toString())).size, 3);
  assert.ok(sensors.every(({ psk }) => psk.length === 32));
  assert.equal(loadGatewayFile(join(folder, 'gateway.yaml')).config.ike.connections.length, 3);
  const before = readFileSync(join(folder, 'sensor2.yaml'), 'utf8');
  const again = await dietesp('init', folder);
  assert.equal(again.code, 1);
  assert.ok(isOneLine(again.stderr), again.stderr);
  assert.match(again.stderr, /gateway\.yaml: exists already; nothing was written/);
  assert.equal(readFileSync(join(folder, 'sensor2.yaml'), 'utf8'), before);
  for (const [args, pattern] of [
    [['--udp', '--radio'], /--udp: goes without --radio/],
    [['--sensors', '0'], /--sensors: 0: must be 1\.\.250/],
    [['--inner', 'fd00::/200'], /--inner: fd00::\/200: must be PREFIX\/LENGTH/],
    [['--gateway', 'there'], /--gateway: there: must be an IP address/],
    [['--server', 'there'], /--server: there: must be HOST:PORT/],
  ] as const) {
    const { code, stderr } = await dietesp('init', path('wrong'), ...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, pattern);
  }
});

test('keygen psk: as many bits as asked for, in the form that files take', async () => {
  for (const bits of [128, 256, 512]) {
    const { stdout, code } = await dietesp('keygen', 'psk', '--bits', String(bits));
    assert.equal(code, 0);
    const line = /^auth: \{ pskHex: ([0-9a-f]+) \}$/m.exec(stdout)!;
    assert.equal(line[1].length, bits / 4);
    assert.ok(stdout.includes(`0s${Buffer.from(line[1], 'hex').toString('base64')}`));
    const config = file('psk.yaml', `udp: [{ address: "::1" }]\nconnection:\n  localId: fqdn:g\n  ${line[0]}\n`);
    const { policy } = loadGatewayFile(config).config.ike.connections[0];
    assert.equal(Buffer.from(policy.psk).toString('hex'), line[1]);
  }
  for (const bits of ['120', '520', '129', 'many']) {
    const { code, stderr } = await dietesp('keygen', 'psk', '--bits', bits);
    assert.equal(code, 2);
    assert.match(stderr, /--bits: .*: must be 128\.\.512, a multiple of 8/);
  }
});

test('keygen ed25519: a pair that signs and verifies, for its owner alone, never over another', async () => {
  const name = path('pair');
  const { stdout, code } = await dietesp('keygen', 'ed25519', '--out', name);
  assert.equal(code, 0);
  assert.match(stdout, /privateKey: .*pair\.key/);
  for (const end of ['key', 'pub']) assert.equal(statSync(`${name}.${end}`).mode & 0o777, 0o600);
  const [privateKey, publicKey] = [
    createPrivateKey(readFileSync(`${name}.key`)),
    createPublicKey(readFileSync(`${name}.pub`)),
  ];
  assert.ok(verify(null, Buffer.from('a'), publicKey, sign(null, Buffer.from('a'), privateKey)));
  const text = `udp: [{ address: "::1" }]\nconnection: { localId: "fqdn:g", auth: { privateKey: ${name}.key, publicKey: ${name}.pub } }\n`;
  const loaded = loadGatewayFile(file('pair.yaml', text));
  assert.deepEqual(loaded.warnings, []);
  const { policy } = loaded.config.ike.connections[0];
  assert.equal(Buffer.from(policy.publicKey).toString('base64url'), publicKey.export({ format: 'jwk' }).x);
  const again = await dietesp('keygen', 'ed25519', '--out', name);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /pair\.key: exists already/);
  writeFileSync(path('half.pub'), '');
  assert.equal((await dietesp('keygen', 'ed25519', '--out', path('half'))).code, 1);
  assert.ok(!readdirSync(path('.')).includes('half.key'), 'not the half of a pair');
});
