// `dietesp build --specialise`: the files that it writes, as a program uses them, and what it refuses.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { dietesp, type Outcome, ROOT } from './run.ts';

const EXAMPLES = join(ROOT, 'targets', 'node', 'examples');
const folder = mkdtempSync(join(tmpdir(), 'dietesp-special-'));
after(() => rmSync(folder, { recursive: true }));

const DEVICE = join(EXAMPLES, 'device.yaml');
const KEYS = ['000102030405060708090a0b0c0d0e0f', '101112131415161718191a1b1c1d1e1f'];

function build(...args: string[]): Promise<Outcome> {
  return dietesp('build', '--specialise', ...args);
}

test('the module of a device sends a frame on Node; its octets alone have keys', async () => {
  const out = join(folder, 'node');
  const made = await build('--engine', 'node', '--config', DEVICE, '--out', out);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /device\.octets, with its keys/);
  const octets = readFileSync(join(out, 'device.octets'));
  assert.equal(statSync(join(out, 'device.octets')).mode & 0o777, 0o600);
  for (const name of ['device.mjs', 'device.d.ts', 'device.source.ts', 'device.report.json']) {
    const text = readFileSync(join(out, name), 'utf8');
    for (const key of KEYS) assert.ok(!text.includes(key), name);
  }
  for (const key of KEYS) assert.ok(octets.toString('hex').includes(key));
  const frames: Uint8Array[] = [];
  const stored: number[] = [];
  Object.assign(globalThis, {
    board: {
      random: (buffer: Uint8Array, offset: number, length: number) => {
        buffer.fill(7, offset, offset + length);
        return true;
      },
      transmit: (buffer: Uint8Array, offset: number, length: number) => {
        frames.push(buffer.slice(offset, offset + length));
      },
    },
    upper: { received: () => {}, done: () => {}, reserve: (number: number) => stored.push(number) },
  });
  const device = (await import(pathToFileURL(join(out, 'device.mjs')).href)) as {
    start(octets: Uint8Array): void;
    send(flow: number, payload: Uint8Array, offset: number, length: number, now: number): number;
    poll(now: number): void;
  };
  device.start(octets);
  assert.equal(device.send(0, Uint8Array.of(1, 2, 3), 0, 3, 0), 1);
  device.poll(100);
  // MHR 9, IPHC 3, SPI and number 2, payload 3, ICV 8, FCS 2.
  assert.deepEqual(
    frames.map(({ length }) => length),
    [27],
  );
  assert.deepEqual(stored, [128]);
});

test('the program of the documentation sends its reading', async () => {
  const out = join(folder, 'program');
  const made = await build('--engine', 'node', '--config', DEVICE, '--out', out);
  assert.equal(made.code, 0, made.stderr);
  const page = readFileSync(join(ROOT, 'docs', 'specialised.md'), 'utf8');
  const program = /```js\n([\s\S]*?)```/.exec(page)![1];
  writeFileSync(join(out, 'program.mjs'), program);
  const ran = spawnSync(process.execPath, [join(out, 'program.mjs')], { encoding: 'utf8', timeout: 60000 });
  assert.equal(ran.stderr, '');
  const lines = ran.stdout.trimEnd().split('\n');
  assert.deepEqual(lines.slice(0, 3), ['start true', 'reserve 128 -1', 'send 1']);
  // One frame, and three repetitions: nobody acknowledges it.
  for (const line of lines.slice(3, 7)) assert.match(line, /^frame 6198[0-9a-f]{52}$/);
  assert.deepEqual(lines.slice(7), ['done -21']);
  const types = readFileSync(join(out, 'device.d.ts'), 'utf8');
  assert.match(types, /`upper\.done` tells the/);
  assert.doesNotMatch(types, /onSent/);
  assert.match(types, /export function start\(octets: Uint8Array\): boolean;/);
});

test('a file that cannot be written leaves none behind', async () => {
  const out = join(folder, 'half');
  mkdirSync(join(out, 'device.octets'), { recursive: true });
  const made = await build('--engine', 'node', '--config', DEVICE, '--out', out);
  assert.equal(made.code, 1);
  assert.match(made.stderr, /device\.octets: is a directory\n$/);
  assert.deepEqual(readdirSync(out), ['device.octets']);
});

test('check of a device: a line for the file, a warning of keys that others may read, its SAs at their lines', async () => {
  const copy = join(folder, 'check');
  mkdirSync(copy);
  const [device, sas] = [join(copy, 'device.yaml'), join(copy, 'sensor.yaml')];
  copyFileSync(DEVICE, device);
  const text = readFileSync(join(EXAMPLES, 'sensor.yaml'), 'utf8');
  writeFileSync(sas, text, { mode: 0o644 });
  chmodSync(sas, 0o644);
  const good = await dietesp('check', device);
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /device\.yaml: good\na device, \d+ octets of its own\n$/);
  assert.match(good.stderr, /warning: .*sensor\.yaml/);
  writeFileSync(sas, text.replaceAll(/^ {4}key: .*\n/gm, ''));
  const bad = await dietesp('check', device);
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /sensor\.yaml:4: sas\[0\]\.key: 0 octets.*\n.*sas\[1\]\.key: 0 octets/);
});

test('the module of two SAs', async () => {
  const made = await build(
    '--engine',
    'lua',
    '--config',
    join(EXAMPLES, 'sensor.yaml'),
    '--out',
    join(folder, 'lua'),
    '--json',
  );
  assert.equal(made.code, 0, made.stderr);
  const report = JSON.parse(readFileSync(join(folder, 'lua', 'packets.report.json'), 'utf8')) as { profile: string };
  assert.match(report.profile, /^[0-9a-f]{16}$/);
  const { name, files } = JSON.parse(made.stdout) as { name: string; files: { file: string; size: number }[] };
  assert.equal(name, 'packets');
  for (const { file, size } of files) assert.equal(statSync(file).size, size);
});

test('what it refuses', async () => {
  const gateway = join(folder, 'gateway.yaml');
  writeFileSync(gateway, 'radios: [{ panId: 1 }]\npeers: []\n');
  const cases: [string[], number, RegExp][] = [
    [['--config', DEVICE], 2, /--engine: \(missing\): must be one of node, lua/],
    [['--engine', 'basic', '--config', DEVICE], 2, /--engine: basic/],
    [['--engine', 'node'], 2, /--config: \(missing\)/],
    [
      ['--engine', 'node', '--config', DEVICE, '--native', 'ccm,rsa'],
      2,
      /--native: rsa: must be some of ccm,hmac,x25519/,
    ],
    [['--engine', 'node', '--config', DEVICE, '--board', 'linux-program'], 2, /one of them/],
    [['--engine', 'node', '--config', DEVICE, '--general'], 2, /--general: goes with --board alone/],
    [['--engine', 'node', '--config', gateway], 1, /gateway: must be the file of a sensor, a device, or two SAs/],
    [['--engine', 'node', '--config', join(folder, 'none.yaml')], 1, /none\.yaml/],
    [['--engine', 'node', '--config', DEVICE, '--out', '/proc/none'], 1, /\/proc\/none/],
  ];
  for (const [args, status, message] of cases) {
    const made = await build(...args);
    assert.equal(made.code, status, made.stderr);
    assert.match(made.stderr, message);
  }
});
