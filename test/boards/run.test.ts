// `dietesp run` as a program: a board, its console, the readings at the server, its own end and the end by a signal.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LINKTYPE_IEEE802_15_4, readCapture } from '../../targets/node/host/radio/pcap.ts';
import { createLab } from '../../targets/node/lab/boards/lab.ts';
import { figuresOf } from '../../targets/node/lab/boards/run.ts';
import { dietesp, isOneLine, type Outcome, ROOT, scratch } from '../cli/run.ts';
import { DIETESP } from '../support/command.ts';
import { boardMissing, PATIENCE } from './world.ts';

const files = scratch();
const skip = boardMissing('qemu-mps2-an386', 'lua');
const LIMIT = { timeout: 2 * PATIENCE, skip };

interface Report {
  acknowledged: number;
  failed: number;
  received: number;
  frames: number;
  handshakes: { messages: number }[];
  isDone: boolean;
  problem: string;
}

test('figures of a line', () => {
  assert.deepEqual(figuresOf('stats heap=12 ticks-packet=-1 word x=y drops=3'), {
    heap: 12,
    'ticks-packet': -1,
    drops: 3,
  });
});

test('a board, a gateway and a server: every reading arrives, also at loss', LIMIT, async () => {
  const pcap = files.path('run.pcap');
  const args = [
    'run',
    '--board',
    'qemu-mps2-an386',
    '--count',
    '5',
    '--interval',
    '20',
    '--loss',
    '0.1',
    '--seed',
    '3',
  ];
  const { code, stdout, stderr } = await dietesp(...args, '--pcap', pcap);
  assert.equal(code, 0, stdout + stderr);
  for (const line of [
    /^board {5}dietesp \S+ lua native=\d+$/m,
    /^board {5}provision ok id=61 short=0001$/m,
    /^board {5}ike established messages=\d+ octets=\d+ ms=\d+ resumed=0$/m,
    /^board {5}done 5 0$/m,
    /^qemu-mps2-an386 with lua: \d+ octets of flash, of them the script \d+; RAM at most \d+, of it the heap \d+$/m,
    /^1 handshake: \d+ messages and \d+ octets of IKEv2 in \d+ ms$/m,
    /^5 readings: 5 acknowledged, 0 failed; the CoAP server took 5; \d+ frames on air, \d+ lost$/m,
  ]) {
    assert.match(stdout, line);
  }
  for (let n = 1; n <= 5; n++) assert.match(stdout, new RegExp(`^server {4}POST /a {2}\\{"n":${n}\\}$`, 'm'));
  const frames = [...readCapture(pcap)];
  assert.ok(frames.every(({ linkType }) => linkType === LINKTYPE_IEEE802_15_4));
  assert.equal(frames.length, Number(/(\d+) frames on air/.exec(stdout)![1]));
});

test('with the keys of a file, at a gateway elsewhere; JSON', LIMIT, async () => {
  const lab = await createLab({
    nodes: 2,
    seed: 1,
    loss: 0,
    secret: 'run',
    count: 100000,
    interval: 0.02,
    isSpecial: true,
  });
  try {
    const node = lab.nodes[1];
    const file = files.file('sensor.yaml', node.file);
    const { code, stdout, stderr } = await dietesp(
      'run',
      '--board',
      'qemu-mps2-an386',
      '--config',
      file,
      '--count',
      '3',
      '--json',
    );
    assert.equal(code, 0, stdout + stderr);
    const report = JSON.parse(stdout) as Report;
    assert.deepEqual([report.acknowledged, report.failed, report.received], [3, 0, -1]);
    assert.deepEqual([report.isDone, report.problem, report.handshakes.length], [true, '', 1]);
    assert.deepEqual(node.readings, ['{"n":1}', '{"n":2}', '{"n":3}']);
    assert.deepEqual(lab.gateway().ikeSas(), [], 'it said goodbye');
  } finally {
    await lab.close();
  }
});

/** The program, until it has written something; then a signal. */
function interrupted(signal: NodeJS.Signals, pattern: RegExp, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...DIETESP, ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const outcome: Outcome = { code: null, stdout: '', stderr: '' };
    let isSent = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      outcome.stdout += text;
      if (!isSent && pattern.test(outcome.stdout)) isSent = child.kill(signal);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      outcome.stderr += text;
    });
    child.on('close', (code) => resolve({ ...outcome, code }));
  });
}

/** Processes of QEMU whose files are in a folder of this name. */
function emulators(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(join('/proc', pid, 'cmdline'), 'latin1').includes(folder);
      } catch {
        return false;
      }
    });
}

test('a signal ends everything: the gateway is told, nothing is left', LIMIT, async () => {
  const before = new Set(readdirSync(tmpdir()));
  const args = ['run', '--board', 'qemu-mps2-an386', '--count', '0', '--interval', '20'];
  const { code, stdout, stderr } = await interrupted('SIGINT', /reading 3 acknowledged/, ...args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^board {5}ike ended outcome=-?\d+ retry=-1$/m);
  assert.match(stdout, /^\d+ readings: \d+ acknowledged, 0 failed; the CoAP server took \d+; /m);
  const early = await interrupted('SIGTERM', /provision ok/, ...args.with(4, '1000'));
  assert.equal(early.code, 143, early.stderr);
  for (const name of readdirSync(tmpdir())) {
    if (before.has(name) || !name.startsWith('dietesp-qemu-')) continue;
    // Of another test file, and alive.
    assert.notDeepEqual(emulators(name), [], name);
  }
});

test('wrong use and what is not there, in one line', async () => {
  const bad = files.file('bad.yaml', 'radio: { panId: 1 }\n');
  const board = ['--board', 'qemu-mps2-an386'];
  for (const [args, code, pattern] of [
    [['--board', 'toaster'], 2, /board: toaster: must be one of /],
    [[...board, '--engine', 'basic'], 2, /--engine: basic: must be one of lua, /],
    [[...board, '--count', 'many'], 2, /--count: many: must be 0\.\.100000$/],
    [[...board, '--interval', '1'], 2, /--interval: 1: must be 10\.\.3600000 milliseconds$/],
    [[...board, '--loss', '1'], 2, /--loss: 1: must be 0\.\.0\.9$/],
    [[...board, '--gateway', '127.0.0.1:1'], 2, /--gateway: needs --config/],
    [[...board, '--gateway', 'somewhere', '--config', bad], 2, /--gateway: somewhere: must be HOST:PORT$/],
    [[...board, '--pcap', files.path('none/x.pcap')], 1, /x\.pcap: no such file or directory$/],
  ] as const) {
    const outcome = await dietesp('run', ...args);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr.trimEnd(), pattern);
    assert.ok(isOneLine(outcome.stderr), outcome.stderr);
  }
});

test('a file that no board can be provisioned from', LIMIT, async () => {
  const { code, stderr } = await dietesp(
    'run',
    '--board',
    'qemu-mps2-an386',
    '--config',
    files.file('x.yaml', 'radio: 1\n'),
  );
  assert.equal(code, 1);
  // Every fault of the file, a line each.
  assert.match(stderr, /^\S+x\.yaml:1: connection: \(missing\): is required$/m);
  for (const line of stderr.trimEnd().split('\n')) assert.match(line, /x\.yaml:1: /);
});
