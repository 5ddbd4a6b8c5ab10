// Output that cannot be written: a full device, a full disk, a reader that left or that reads no more. Packets go on.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { createKeyLog, ESP_TABLE } from '../../targets/node/host/keylog.ts';
import { createLog } from '../../targets/node/host/log.ts';
import { outletOf, type StandardStream } from '../../targets/node/host/outlet.ts';
import { createPcapWriter, LINKTYPE_IEEE802_15_4, readCapture } from '../../targets/node/host/radio/pcap.ts';
import { DIETESP } from '../support/command.ts';
import { freePorts } from '../support/free-ports.ts';
import { ROOT, scratch } from './run.ts';
import { cleanups, coapServer } from './sensor-support.ts';

const files = scratch();
const noFull = existsSync('/dev/full') ? false : '/dev/full not found';

type Stdio = 'ignore' | 'pipe' | number;

function dietesp(args: string[], stdio: [Stdio, Stdio, Stdio]): { child: ChildProcess; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [...DIETESP, ...args], { cwd: ROOT, stdio });
  cleanups.push(() => void child.kill('SIGKILL'));
  return { child, ended: new Promise((resolve) => child.on('exit', (code) => resolve(code))) };
}

let count = 0;

/** A gateway with these outputs, and what runs one reading of a sensor through it. */
async function lab(stdout: Stdio, stderr: Stdio, ...more: string[]) {
  const port = await freePorts(2);
  const natPort = port + 1;
  const server = await coapServer();
  const name = `g${++count}`;
  const config = files.file(
    `${name}.yaml`,
    `udp: [{ address: "127.0.0.1", port: ${port}, natPort: ${natPort} }]
pool: ["10.9.0.0/24"]
flows: [{ destination: "10.8.0.1", port: 5683, to: "127.0.0.1:${server.port}" }]
connection: { localId: "fqdn:gateway", auth: { psk: secret } }
metrics: 0.05
log: { level: debug }
`,
  );
  const sensorFile = files.file(
    `${name}-sensor.yaml`,
    `udp: { address: "127.0.0.1" }
gateway: { address: "127.0.0.1", port: ${port}, natPort: ${natPort} }
connection:
  localId: fqdn:sensor
  requestAddress: ipv4
  auth: { psk: secret }
  ike: { retransmit: 0.3 }
server: { address: "10.8.0.1" }
`,
  );
  const gateway = dietesp(['gateway', '--config', config, ...more], ['pipe', stdout, stderr]);
  return {
    gateway,
    sensorFile,
    async reading(out: Stdio = 'ignore'): Promise<number | null> {
      return dietesp(['sensor', '--config', sensorFile, '--once'], ['ignore', out, out]).ended;
    },
    async stop(): Promise<number | null> {
      gateway.child.kill('SIGTERM');
      return gateway.ended;
    },
    got: server.got,
  };
}

test('both outputs of gateway and sensor on /dev/full', { skip: noFull }, async () => {
  const full = openSync('/dev/full', 'w');
  after(() => closeSync(full));
  const { reading, stop, got } = await lab(full, full, '--log-format', 'json', '--control');
  assert.equal(await reading(full), 0);
  assert.equal(await reading(full), 0);
  assert.equal(got.length, 2);
  assert.equal(await stop(), 0);
});

test('outputs that may not be written', async () => {
  const closed = openSync('/dev/null', 'r');
  after(() => closeSync(closed));
  const { reading, stop } = await lab(closed, closed);
  assert.equal(await reading(closed), 0);
  assert.equal(await stop(), 0);
});

test('readers of both outputs leave', async () => {
  const { gateway, reading, stop } = await lab('pipe', 'pipe', '--control');
  await Promise.all([once(gateway.child.stdout!, 'data'), once(gateway.child.stderr!, 'data')]);
  gateway.child.stdout!.destroy();
  gateway.child.stderr!.destroy();
  gateway.child.stdin!.write('{"cmd":"status"}\n');
  assert.equal(await reading(), 0);
  gateway.child.stdin!.write('{"cmd":"status"}\n');
  assert.equal(await reading(), 0);
  assert.equal(await stop(), 0);
});

test('readers that read no more hold up nothing, and the end neither', async () => {
  const { gateway, reading, stop } = await lab('pipe', 'pipe', '--control');
  await Promise.all([once(gateway.child.stdout!, 'data'), once(gateway.child.stderr!, 'data')]);
  gateway.child.stdout!.pause();
  gateway.child.stderr!.pause();
  for (let n = 0; n < 300; n++) gateway.child.stdin!.write('{"cmd":"status"}\n');
  assert.equal(await reading(), 0);
  const begun = performance.now();
  assert.equal(await stop(), 0);
  assert.ok(performance.now() - begun < 4000);
});

test('a reader of the demo that leaves', async () => {
  const demo = dietesp(['demo', '--sensors', '1', '--count', '2', '--interval', '50'], ['ignore', 'pipe', 'pipe']);
  await once(demo.child.stdout!, 'data');
  demo.child.stdout!.destroy();
  demo.child.stderr!.destroy();
  assert.equal(await demo.ended, 0);
});

test('short commands: a full standard output is an error, a full standard error none', { skip: noFull }, async () => {
  const full = openSync('/dev/full', 'w');
  after(() => closeSync(full));
  const short = dietesp(['schema', 'sa'], ['ignore', full, 'pipe']);
  let stderr = '';
  short.child.stderr!.on('data', (text) => {
    stderr += text;
  });
  assert.equal(await short.ended, 1);
  assert.equal(stderr, 'error: standard output: no space left on the device\n');
  assert.equal(await dietesp(['check', 'none.yaml'], ['ignore', 'ignore', full]).ended, 1);
});

/** A stream that takes what `takes` says. */
function fakeStream(takes: { error: Error | null; answers: boolean }) {
  const texts: string[] = [];
  const waiting: ((error: Error | null) => void)[] = [];
  const stream: StandardStream = {
    fd: -1,
    on() {},
    write(text, done) {
      if (takes.error === null) texts.push(text);
      if (takes.answers) done(takes.error);
      else waiting.push(done as (error: Error | null) => void);
      return true;
    },
  };
  return { stream, texts, waiting };
}

test('lost lines are counted, and told by the next that can be written', async () => {
  const takes = { error: Object.assign(new Error('x'), { code: 'ENOSPC' }) as Error | null, answers: true };
  const { stream, texts, waiting } = fakeStream(takes);
  const outlet = outletOf(stream);
  for (let n = 0; n < 5; n++) outlet.write('one\ntwo\n');
  takes.error = null;
  outlet.write('three\n');
  assert.deepEqual(texts, ['10 lines lost: no space left on the device\nthree\n']);
  // Slow readers get a megabyte.
  takes.answers = false;
  const line = `${'x'.repeat(65535)}\n`;
  for (let n = 0; n < 100; n++) outlet.write(line);
  assert.equal(texts.length, 1 + 17);
  assert.equal(outlet.lost(), 10 + 100 - 17);
  assert.equal(await outlet.end(0), false);
  for (const done of waiting) done(null);
  assert.equal(await outlet.end(0), true);
  takes.answers = true;
  outlet.write('four\n');
  assert.equal(texts.at(-1), '83 lines lost: nobody reads\nfour\n');
});

const noTmpfs = process.platform === 'linux' && process.getuid?.() === 0 ? false : 'root rights not found';

/** A disk of `size` kB, unmounted after the test; '' where it cannot be made. */
function smallDisk(t: TestContext, size: number): string {
  const folder = files.path(`disk${++count}`);
  spawnSync('mkdir', [folder]);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}k`, 'tmpfs', folder]).status !== 0) return '';
  t.after(() => void spawnSync('umount', ['-l', folder]));
  return folder;
}

test('a disk of 512 kB under the log, the metrics and the keys', { skip: noTmpfs }, async (t) => {
  // Room for the metrics of a slow machine, after the disk has room again.
  const disk = smallDisk(t, 512);
  if (disk === '') return t.skip('tmpfs cannot be mounted');
  const out = openSync(join(disk, 'out'), 'a');
  const keys = join(disk, 'keys');
  const { reading, stop, got } = await lab(out, out, '--keylog', keys);
  assert.equal(await reading(), 0);
  const filler = join(disk, 'filler');
  try {
    writeFileSync(filler, Buffer.alloc(1 << 20));
  } catch {
    // That is what it is for.
  }
  // The page that the outputs' file has begun has room still.
  assert.throws(() => {
    for (let n = 0; n < 1 << 16; n++) writeSync(out, '\n');
  }, /ENOSPC/);
  assert.equal(await reading(), 0);
  assert.equal(await reading(), 0);
  assert.equal(got.length, 3);
  truncateSync(filler, 0);
  assert.equal(await reading(), 0);
  assert.equal(await stop(), 0);
  const lines = readFileSync(join(disk, 'out'), 'utf8').trimEnd().split('\n');
  for (const note of [
    /^{"event":"lost-lines","lines":\d+,"reason":"no space left on the device"}$/,
    /^\S+Z warn log: \d+ lines lost: no space left on the device$/,
  ]) {
    assert.ok(
      lines.some((line) => note.test(line)),
      String(note),
    );
  }
  for (const line of readFileSync(join(keys, 'ikev2_decryption_table'), 'utf8').trimEnd().split('\n')) {
    assert.match(line, /^(# \d+ lines are missing here|[0-9a-f]{16},[0-9a-f]{16},.*NONE \[RFC4306\]")$/);
  }
  closeSync(out);
});

test('captures and key logs stay readable on a full disk', { skip: noTmpfs }, (t) => {
  const disk = smallDisk(t, 64);
  if (disk === '') return t.skip('tmpfs cannot be mounted');
  const filler = join(disk, 'filler');
  const keys = join(disk, 'keys');
  const told: number[] = [];
  const keylog = createKeyLog(keys, (lines) => told.push(lines));
  const file = join(disk, 'a.pcap');
  const capture = createPcapWriter(file, LINKTYPE_IEEE802_15_4);
  writeFileSync(filler, Buffer.alloc(8192));
  const sa = { attributes: { espSpi: 0x1000, espSpiLsb: 8, espSnLsb: 8 }, suite: {} } as never;
  const frame = new Uint8Array(127).fill(0xa5);
  for (let n = 0; n < 600; n++) capture.write(n, frame);
  for (let n = 0; n < 100; n++) keylog.sa(sa, 'sa');
  assert.deepEqual(told, [1, 2, 4, 8, 16, 32, 64].slice(0, told.length));
  assert.ok(told.length >= 5);
  const records = [...readCapture(file)].length;
  assert.equal(capture.problem(), `${600 - records} frames lost: no space left on the device`);
  truncateSync(filler, 0);
  for (let n = 0; n < 5; n++) capture.write(n, frame);
  keylog.sa(sa, 'sa');
  const all = [...readCapture(file)];
  assert.equal(all.length, records + 5);
  assert.ok(all.every(({ data }) => Buffer.compare(data, frame) === 0));
  const lines = readFileSync(join(keys, ESP_TABLE), 'utf8').trimEnd().split('\n');
  assert.equal(lines.filter((line) => /^# \d+ lines are missing here$/.test(line)).length, 1);
  const whole = '# 0x00001000: 8 + 8 bits of SPI and SN on the wire is not decrypted';
  assert.equal(lines.filter((line) => line === whole).length, lines.length - 1);
  capture.close();
});

test('a log line that is lost is told in the form of the log', () => {
  const takes = { error: new Error('gone') as Error | null, answers: true };
  const { stream, texts } = fakeStream(takes);
  const lines: string[] = [];
  createLog({ sink: (line) => lines.push(line), time: () => 0 })('info', 'ike', 'x');
  outletOf(stream).write(`${lines[0]}\n`, (lost, why) => `${lost} ${why}\n`);
  takes.error = null;
  outletOf(stream).write('y\n', (lost, why) => `${lost} ${why}\n`);
  assert.deepEqual(texts, ['1 gone\ny\n']);
});
