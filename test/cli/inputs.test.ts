// Inputs without end, or none: pipes, folders, devices, control lines. Each is an error that names it, and holds up nothing.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { obeyLines } from '../../targets/node/host/lines.ts';
import { readOctets } from '../../targets/node/host/read-file.ts';
import { DIETESP } from '../support/command.ts';
import { dietesp, EXAMPLES, ROOT, scratch } from './run.ts';

const files = scratch();
const noPipes = process.platform === 'win32' ? 'named pipes not found' : false;

test('devices and folders are refused, pipes that nobody fills are empty', { skip: noPipes }, () => {
  const pipe = files.path('pipe');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  assert.equal(readOctets(pipe, 100).length, 0);
  for (const [file, problem] of [
    ['/dev/zero', /is a device, not a file/],
    ['/dev/tty', /is a device, not a file/],
    [ROOT, /is a directory/],
    [files.path('none'), /ENOENT/],
    [files.file('long', 'x'.repeat(101)), /longer than 100 octets/],
  ] as const) {
    assert.throws(() => readOctets(file, 100), problem);
  }
});

test('a file out of a pipe is read', { skip: noPipes }, () => {
  const file = join(EXAMPLES, 'sensor.yaml');
  const script = `(sleep 0.3; cat ${file}) | ${[process.execPath, ...DIETESP].join(' ')} check /dev/stdin`;
  const { status, stderr } = spawnSync('sh', ['-c', script], { cwd: ROOT, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});

test('a folder below /proc cannot be made: that is said, and soon', {
  skip: process.platform === 'linux' ? false : 'Linux not found',
}, async () => {
  const build = await dietesp('build', '--module', 'lua', '--out', '/proc/x');
  assert.equal(build.code, 1);
  assert.match(build.stderr, /^error: \/proc\/x: no such file or directory\n$/);
  const { code, stderr } = await dietesp('init', '/proc/x/y');
  assert.equal(code, 1);
  assert.match(stderr, /^error: \/proc\/x\/y: no such file or directory\n$/);
});

test('control lines have a limit; the next one is obeyed', async () => {
  const long = 'x'.repeat(3000000);
  const parts = [
    '{"cmd":"a"}\n{"cmd":',
    '"b"}\n',
    long,
    long,
    '\n{"cmd":"c"}\r\n',
    `${'y'.repeat(70000)}\n`,
    '{"cmd":"d"}',
  ];
  const answers: object[] = [];
  const done: string[] = [];
  await obeyLines(
    Readable.from(parts.map((part) => Buffer.from(part))),
    async ({ cmd }) => {
      done.push(cmd);
      return { ok: true };
    },
    (answer) => void answers.push(answer),
  );
  assert.deepEqual(done, ['a', 'b', 'c', 'd']);
  const problems = answers.filter((answer) => 'problem' in answer);
  assert.deepEqual(
    problems,
    [1, 2].map(() => ({ cmd: '', ok: false, problem: 'a line is longer than 65536 octets' })),
  );
});
