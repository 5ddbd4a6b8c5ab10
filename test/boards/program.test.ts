// The C integration as a program of this machine: hooks, handshake, readings, and its ends. The tests repeat it with the
// compiler's sanitizers in all our C, which end the program at the first access outside memory and at undefined behaviour.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { RECORD_MAX } from '../../core/device/session-record.ts';
import { loadBoard } from '../../targets/build/board-file.ts';
import { buildFirmware, type FirmwareEngine } from '../../targets/build/firmware/firmware.ts';
import { createUartRadio } from '../../targets/node/host/radio/uart.ts';
import { listenLine } from '../../targets/node/host/radio/uart-line.ts';
import { createLab, type Lab } from '../../targets/node/lab/boards/lab.ts';
import type { RunningBoard } from '../../targets/node/lab/boards/process.ts';
import { readProvision } from '../../targets/node/lab/boards/provision.ts';
import { figuresOf } from '../../targets/node/lab/boards/run.ts';
import { startBoard } from '../../targets/node/lab/boards/start.ts';
import { scratch } from '../cli/run.ts';
import { LONG, missing, runOnBoard } from './firmware-kit.ts';
import { nativeCases } from './native-cases.ts';
import { PATIENCE } from './world.ts';

const NAME = 'linux-program';
const ENGINES: readonly FirmwareEngine[] = ['jerryscript', 'lua', 'duktape'];
const COUNT = 10;
const board = loadBoard(NAME);
const files = scratch();

function labOf(resumption = 0): Promise<Lab> {
  return createLab({ nodes: 1, seed: 5, loss: 0, secret: 'test', count: COUNT, interval: 0.01, resumption });
}

/** Starts the application; without a blob it is not provisioned. */
async function application(engine: FirmwareEngine, sanitize: boolean, blob?: Uint8Array): Promise<RunningBoard> {
  const { elf } = await buildFirmware(board, engine, { sanitize });
  return startBoard(board, { image: elf, ...(blob === undefined ? {} : { blob }) });
}

for (const engine of ENGINES) {
  const skip = missing(NAME, engine);
  const limit = { timeout: 2 * LONG, skip };

  for (const sanitize of [false, true]) {
    const what = `${NAME} with ${engine}${sanitize ? ' and sanitizers' : ''}`;

    test(`hooks of ${what}`, limit, async () => {
      const cases = nativeCases();
      const report = await runOnBoard(NAME, engine, 'test/boards/native.entry.ts', cases, 100, undefined, sanitize);
      assert.deepEqual(report.failures, []);
      assert.equal(report.passed, cases.length);
    });

    test(`${what}: handshake, readings, rekey, restart, SIGTERM`, limit, async (t) => {
      const lab = await labOf();
      t.after(() => lab.close());
      const running = await application(engine, sanitize, readProvision('node', lab.nodes[0].file));
      t.after(() => running.quit());
      lab.bridge.join('board', running.radio);
      const { console } = running;
      const numbers = () => lab.nodes[0].readings.splice(0).map((text) => (JSON.parse(text) as { n: number }).n);
      const wanted = Array.from({ length: COUNT }, (_value, i) => i + 1);
      for (const round of ['first', 'after a restart']) {
        await console.waitFor(new RegExp(`^dietesp \\S+ ${engine} native=23$`), PATIENCE);
        await console.waitFor(/^ike established messages=4 .* resumed=0$/, PATIENCE);
        const [done] = await console.waitFor(/^done \d+ \d+$/, PATIENCE);
        assert.equal(done, `done ${COUNT} 0`, round);
        assert.deepEqual(numbers(), wanted, round);
        running.send('rekey');
        await console.waitFor(/^child installed /, PATIENCE);
        running.send('send 1');
        await console.waitFor(new RegExp(`^reading ${COUNT + 1} acknowledged `), PATIENCE);
        assert.deepEqual(numbers(), [COUNT + 1], round);
        running.send('stats');
        const { heap, memory } = figuresOf((await console.waitFor(/^stats .*$/, PATIENCE))[0]);
        assert.ok(heap > 0 && heap < board.heap[engine]! && memory > heap, `heap ${heap}, memory ${memory}`);
        if (round === 'first') await running.reset();
      }
      process.kill(running.pid, 'SIGTERM');
      const { code, signal, stderr } = await running.exited;
      assert.deepEqual([code, signal, stderr], [null, 'SIGTERM', '']);
    });
  }
  test(
    `${NAME} with ${engine}: kill -9, started again: it resumes, with one record written a handshake`,
    limit,
    async (t) => {
      const lab = await labOf(3600);
      t.after(() => lab.close());
      const { elf } = await buildFirmware(board, engine);
      const blob = readProvision('node', lab.nodes[0].file);
      const state = files.path(`state-${engine}`);
      const spis = new Set<string>();
      for (const resumed of [0, 1, 1]) {
        const running = await startBoard(board, { image: elf, blob, state });
        t.after(() => running.quit());
        lab.bridge.join(`board ${spis.size}`, running.radio);
        const { console } = running;
        const [, spi] = await console.waitFor(/^child installed spi=(\S+)$/, PATIENCE);
        assert.ok(!spis.has(spi));
        spis.add(spi);
        await console.waitFor(new RegExp(`^ike established .* resumed=${resumed}$`), PATIENCE);
        await console.waitFor(/^reading 1 acknowledged /, PATIENCE);
        running.send('stats');
        assert.equal(figuresOf((await console.waitFor(/^stats .*$/, PATIENCE))[0])['saves'], 1);
        process.kill(running.pid, 'SIGKILL');
        await running.exited;
        assert.ok(statSync(state).size > 100 && statSync(state).size <= RECORD_MAX);
        assert.equal(statSync(state).mode & 0o777, 0o600);
      }
    },
  );
  test(`${NAME} with ${engine}: wrong arguments`, limit, async () => {
    const { elf } = await buildFirmware(board, engine);
    const socket = files.path('nobody');
    const large = files.file('large', 'x'.repeat(board.provision!.size + 1));
    for (const [args, pattern] of [
      [[], /^radio: \(missing\): must be the path of a unix socket$/],
      [['radio=' + 'x'.repeat(200)], /^radio: x+: is too long$/],
      [['radio'], /^argument: radio: must be radio=SOCKET, provision=FILE, state=FILE or entropy=FILE$/],
      [[`radio=${socket}`, `provision=${socket}`], /^provision: \S+nobody: No such file or directory$/],
      [[`radio=${socket}`, `provision=${large}`], /^provision: \S+large: is too large$/],
      [[`radio=${socket}`, 'provision=/'], /^provision: \/: Is a directory$/],
      [[`radio=${socket}`, `entropy=${socket}`], /^entropy: \S+nobody: No such file or directory$/],
    ] as const) {
      const { status, stdout, stderr } = spawnSync(elf, args, { encoding: 'utf8', timeout: PATIENCE, input: '' });
      assert.match(stderr.trimEnd(), pattern);
      assert.deepEqual([status, stdout], [2, ''], stderr);
    }
    // Without anybody at the socket it starts all the same: the other end may come later.
    const { status, stderr } = spawnSync(elf, [`radio=${socket}`], { encoding: 'utf8', timeout: PATIENCE, input: '' });
    assert.match(stderr, /^radio: \S+nobody: No such file or directory\n$/);
    assert.equal(status, 1, 'nothing is provisioned');
  });
  test(`${NAME} with ${engine}: a radio that goes and comes back`, limit, async (t) => {
    const { elf } = await buildFirmware(board, engine, { entry: 'test/boards/pipe.entry.ts' });
    const path = files.path(`radio-${engine}`);
    const child = spawn(elf, [`radio=${path}`], { stdio: ['pipe', 'pipe', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints += text;
    });
    const frame = Uint8Array.from({ length: 50 }, (_value, i) => i);
    for (const round of ['first', 'second']) {
      const line = listenLine(path);
      const radio = createUartRadio({ line });
      await radio.ready;
      const echo = new Promise<string>((resolve) => {
        radio.onFrame = (octets, offset, length) =>
          resolve(Buffer.from(octets).toString('hex', offset, offset + length));
      });
      radio.transmit(frame, 0, frame.length);
      assert.equal(await echo, Buffer.from(frame).toString('hex'), round);
      radio.close();
      await radio.closed;
    }
    child.stdin.write('exit 7\n');
    assert.equal(await exited, 7);
    // Told once each time that it is gone, not at each attempt.
    assert.deepEqual(complaints.match(/: closed\n/g)?.length, 2, complaints);
    assert.ok(complaints.split('\n').length <= 4, complaints);
  });
  test(`${NAME} with ${engine}: what ends it, with sanitizers`, limit, async () => {
    const { elf } = await buildFirmware(board, engine, { entry: 'test/boards/pipe.entry.ts', sanitize: true });
    const socket = files.path('nobody');
    for (const [lines, code, last] of [
      ['crash', 22, /^halt 22 script error$/],
      ['deep', null, /^halt 2[12] (memory|script error)$/],
      ['heap', 21, /^halt 21 memory$/],
      ['memory\nexit 3', 3, /^memory [1-9]\d+ heap [1-9]\d+$/],
      ['x'.repeat(400) + '\nhello\nexit 4', 4, /^heard hello$/],
    ] as const) {
      const options = { encoding: 'utf8', timeout: PATIENCE, input: lines + '\n' } as const;
      const { status, stdout, stderr } = spawnSync(elf, [`radio=${socket}`], options);
      assert.match(stdout.trimEnd().split('\n').at(-1)!, last, stdout + stderr);
      assert.equal(status, code ?? Number(/halt (\d+)/.exec(stdout)![1]), lines);
      assert.match(stderr, /^radio: \S+nobody: No such file or directory\n$/);
    }
  });
}
