// `dietesp gateway` as a program: checks, errors in one line, the end on a signal.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DIETESP } from '../support/command.ts';
import { dietesp, EXAMPLES, isOneLine, ROOT, scratch } from './run.ts';

const files = scratch();

const UDP = `udp: [{ address: "127.0.0.1", port: 0, natPort: 0 }]
pool: ["10.9.0.0/24"]
connection:
  localId: fqdn:gateway
  auth: { psk: secret }
metrics: 0.2
`;

/** The program, with what it has written so far. */
function start(...args: string[]) {
  const child: ChildProcess = spawn(process.execPath, [...DIETESP, ...args], { cwd: ROOT });
  const output = { stdout: '', stderr: '' };
  child.stdout!.on('data', (text) => {
    output.stdout += text;
  });
  child.stderr!.on('data', (text) => {
    output.stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  const until = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const match = pattern.exec(output.stdout) ?? pattern.exec(output.stderr);
      if (match !== null) return match[1] ?? '';
      if (child.exitCode !== null) assert.fail(`ended: ${output.stderr}`);
      await Promise.race([
        new Promise((resolve) => child.stdout!.once('data', resolve)),
        new Promise((resolve) => child.stderr!.once('data', resolve)),
        ended,
      ]);
    }
  };
  return { child, output, ended, until };
}

test('--check tells what a file says', async () => {
  const { code, stdout, stderr } = await dietesp('gateway', '--check', '--config', join(EXAMPLES, 'gateway-udp.yaml'));
  assert.equal(code, 0, stderr);
  for (const line of [
    /gateway-udp\.yaml: good$/m,
    /^UDP 0\.0\.0\.0: ports 500 and 4500$/m,
    /^peer pump: fqdn:pump\.example, Ed25519 and Ed25519$/m,
    /^ {2}ESP AES_GCM_16_IIV, AES_GCM_16; hcp, required$/m,
    /^peer strongswan: keyid:7377616e, PSK and PSK, PPK$/m,
    /^pool 10\.9\.0\.0 to 10\.9\.0\.255$/m,
    /^TUN dietesp0: 2001:db8:1::1\/64, 10\.9\.0\.254\/24$/m,
  ]) {
    assert.match(stdout, line);
  }
  assert.doesNotMatch(stdout, /another key|9d61b19d/, 'no secrets');
});

test('errors are one line, with file and line', async () => {
  const bad = files.file('bad.yaml', UDP.replace('metrics: 0.2', 'halfOpenMax: 0'));
  const small = files.file('small.yaml', UDP);
  const plain = files.file('plain', '');
  for (const [args, pattern] of [
    [['--config', bad], /bad\.yaml:6: halfOpenMax: 0: must be 1\.\.65535\n$/],
    [['--config', files.path('none.yaml')], /none\.yaml: no such file or directory\n$/],
    [['--config', ''], /--config: must be the name of a file or folder\n$/],
    [['--config', bad, '--keylog', ''], /--keylog: must be the name of a file or folder\n$/],
    [['--config', small, '--keylog', plain, '--state', 'off'], /error: --keylog: .*plain: not a directory\n$/],
    [['--config', small, '--pcap', plain, '--state', 'off'], /error: --pcap: .*plain: must be a folder\n$/],
    [['--config', small, '--state', plain], /error: --state: .*plain: not a directory\n$/],
    [['--config', bad, '--log', 'loud'], /--log: loud: must be one of error, warn, info, debug\n$/],
    [
      ['--config', bad, '--log', 'debug:nosuch'],
      /--log: nosuch: must be one of gateway, peer, ike, esp, link, flow, tun, state, mtu\n$/,
    ],
  ] as const) {
    const { code, stderr } = await dietesp('gateway', ...args);
    assert.notEqual(code, 0);
    assert.match(stderr, pattern);
    assert.ok(args[1] === small || isOneLine(stderr), stderr);
  }
  const check = await dietesp('gateway', '--config', bad, '--check');
  assert.deepEqual([check.code, check.stderr], [1, `${bad}:6: halfOpenMax: 0: must be 1..65535\n`]);
  const both = await dietesp('check', files.path('none.yaml'), bad);
  assert.deepEqual(
    [both.code, both.stderr],
    [1, `${files.path('none.yaml')}: no such file or directory\n${bad}:6: halfOpenMax: 0: must be 1..65535\n`],
  );
  const address = files.file('address.yaml', UDP.replace('127.0.0.1', '192.0.2.77'));
  const { code, stderr } = await dietesp('gateway', '--config', address);
  assert.equal(code, 1);
  assert.match(stderr, /address\.yaml: udp\[0\]: 192\.0\.2\.77:0 and 0: .*EADDRNOTAVAIL/);
});

test('SIGTERM: the peer is told, and both are gone; keys were logged for their owner alone', async (t) => {
  const folder = files.path('keys');
  const gateway = start('gateway', '--config', files.file('g.yaml', UDP), '--keylog', folder);
  t.after(() => gateway.child.kill('SIGKILL'));
  const ports = JSON.parse(await gateway.until(/"udp":(\[[^\]]*\])/)) as { port: number; natPort: number }[];
  const [{ port, natPort }] = ports;
  const sensor = start(
    'sensor',
    '--config',
    files.file(
      's.yaml',
      `udp: { address: "127.0.0.1" }
gateway: { address: "127.0.0.1", port: ${port}, natPort: ${natPort} }
connection:
  localId: fqdn:sensor
  requestAddress: ipv4
  auth: { psk: secret }
server: { address: "10.8.0.1" }
`,
    ),
  );
  t.after(() => sensor.child.kill('SIGKILL'));
  await gateway.until(/fqdn:sensor at \S+ (up)/);
  await sensor.until(/established with (fqdn:gateway)/);
  const begun = performance.now();
  gateway.child.kill('SIGTERM');
  assert.equal(await gateway.ended, 0);
  assert.ok(performance.now() - begun < 2000);
  await sensor.until(/ended: (deleted)/);
  sensor.child.kill('SIGTERM');
  await sensor.ended;
  assert.match(gateway.output.stderr, /fqdn:sensor at \S+: down, closed/);
  const last = gateway.output.stdout.trimEnd().split('\n').at(-1)!;
  assert.equal((JSON.parse(last) as { ike: { established: number } }).ike.established, 1);
  const table = join(folder, 'ikev2_decryption_table');
  assert.ok(existsSync(table));
  assert.equal(statSync(table).mode & 0o777, 0o600);
  assert.match(readFileSync(table, 'utf8'), /^[0-9a-f]{16},[0-9a-f]{16},[0-9a-f]{38},[0-9a-f]{38},"AES-CCM-128/);
});

test('SIGHUP: the file is read again; a wrong one changes nothing and says why', async (t) => {
  const config = files.file('hup.yaml', UDP);
  const gateway = start('gateway', '--config', config);
  t.after(() => gateway.child.kill('SIGKILL'));
  await gateway.until(/stop: (Ctrl-C)/);
  files.file('hup.yaml', UDP.replace('metrics: 0.2', 'metrics: x\nlostAfter: y'));
  gateway.child.kill('SIGHUP');
  await gateway.until(/error gateway: not reloaded: .*hup\.yaml:6: (metrics): x: must be a number/);
  files.file(
    'hup.yaml',
    UDP.replace('localId', 'remoteId: fqdn:other\n  localId') + 'log: { level: debug }\nlostAfter: 5\n',
  );
  gateway.child.kill('SIGHUP');
  await gateway.until(
    /warn gateway: reloaded; peers: 0 added, 1 changed, 0 removed; 0 IKE SAs end; needs a restart: (lostAfter)$/m,
  );
  gateway.child.kill('SIGTERM');
  assert.equal(await gateway.ended, 0);
});

test('SIGHUP while the files are read for the first time: they are read again, and nothing ends', {
  skip: process.platform === 'linux' ? false : 'needs mkfifo and /proc',
}, async (t) => {
  const pipe = files.path('hup-start.key');
  assert.equal(spawnSync('mkfifo', ['-m', '600', pipe]).status, 0);
  // A writer that says nothing yet: the program waits for its key.
  const writer = openSync(pipe, constants.O_RDWR);
  const text = UDP.replace(
    'auth: { psk: secret }',
    `auth: { privateKey: hup-start.key, publicKey: ${'ab'.repeat(32)} }`,
  );
  const gateway = start('gateway', '--config', files.file('hup-start.yaml', text));
  t.after(() => gateway.child.kill('SIGKILL'));
  const fds = `/proc/${gateway.child.pid}/fd`;
  const reads = (): boolean =>
    readdirSync(fds).some((name) => {
      try {
        return readlinkSync(join(fds, name)) === pipe;
      } catch {
        return false;
      }
    });
  while (!reads()) await new Promise((resolve) => setImmediate(resolve));
  gateway.child.kill('SIGHUP');
  files.file('hup-start.yaml', text.replace('localId', 'remoteId: fqdn:other\n  localId'));
  renameSync(pipe, `${pipe}.old`);
  files.file('hup-start.key', '9d'.repeat(32));
  writeSync(writer, '9d'.repeat(32));
  closeSync(writer);
  await gateway.until(/info gateway: reloaded; peers: 0 added, (1) changed, 0 removed; 0 IKE SAs end$/m);
  gateway.child.kill('SIGTERM');
  assert.equal(await gateway.ended, 0);
});

test('SIGTERM without peers', async (t) => {
  const gateway = start('gateway', '--config', files.file('alone.yaml', UDP));
  t.after(() => gateway.child.kill('SIGKILL'));
  await gateway.until(/stop: (Ctrl-C)/);
  for (const line of [
    /Z info gateway: UDP 127\.0\.0\.1: ports \d+ and \d+$/m,
    /Z info gateway: peer peer1: any identity$/m,
  ]) {
    assert.match(gateway.output.stderr, line);
  }
  const begun = performance.now();
  gateway.child.kill('SIGINT');
  assert.equal(await gateway.ended, 0);
  assert.match(gateway.output.stderr, /Z info gateway: SIGINT: telling the peers that their SAs end$/m);
  assert.ok(performance.now() - begun < 2000);
});
