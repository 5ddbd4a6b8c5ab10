// `dietesp bridge` as a program: an emulated board and a pseudo terminal, and a gateway that hears ZEP.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { readCapture } from '../../targets/node/host/radio/pcap.ts';
import { createUartRadio } from '../../targets/node/host/radio/uart.ts';
import { listenLine } from '../../targets/node/host/radio/uart-line.ts';
import { createZep } from '../../targets/node/host/radio/zep.ts';
import { dietesp, isOneLine, ROOT, scratch } from '../cli/run.ts';
import { DIETESP } from '../support/command.ts';

const files = scratch();
const LIMIT = { timeout: 120000 };
const FRAME = Uint8Array.of(1, 2, 3, 4, 5, 6);

test('frames go both ways, and the counters are told', LIMIT, async (t) => {
  const gateway = createZep({ port: 0 });
  const port = await gateway.ready;
  const socket = files.path('board');
  const pcap = files.path('bridge.pcap');
  const args = ['bridge', '--socket', socket, '--gateway', `127.0.0.1:${port}`, '--pcap', pcap, '--json'];
  // The board is not there yet.
  const child = spawn(process.execPath, [...DIETESP, ...args], { cwd: ROOT });
  t.after(() => child.kill('SIGKILL'));
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const ended = once(child, 'close');
  const board = createUartRadio({ line: listenLine(socket) });
  t.after(async () => {
    board.close();
    gateway.close();
    await Promise.all([board.closed, gateway.closed]);
  });
  await board.ready;
  const up = new Promise<void>((resolve) => {
    gateway.onFrame = (frame, offset, length) => {
      assert.deepEqual([...frame.subarray(offset, offset + length)], [...FRAME]);
      resolve();
    };
  });
  board.transmit(FRAME, 0, 6);
  await up;
  const down = new Promise<number>((resolve) => {
    board.onFrame = (_frame, _offset, length) => resolve(length);
  });
  gateway.transmit(FRAME, 0, 5);
  assert.equal(await down, 5);
  child.kill('SIGTERM');
  const [code] = await ended;
  assert.equal(code, 0);
  const report = JSON.parse(stdout) as { name: string; from: number; to: number; opened?: number }[];
  assert.deepEqual(
    report.map(({ name, from, to, opened }) => [name, from, to, opened]),
    [
      ['gateway', 1, 1, undefined],
      [socket, 1, 1, 1],
    ],
  );
  assert.equal([...readCapture(pcap)].length, 2);
});

test('wrong use', async () => {
  for (const [args, pattern] of [
    [[], /--serial, --tty, --socket: \(missing\)/],
    [['--socket', 'x', '--gateway', 'there'], /--gateway: there: must be HOST:PORT$/],
    [['--serial', 'x', '--baud', '1'], /--baud: 1: must be 300\.\.4000000$/],
  ] as const) {
    const { code, stderr } = await dietesp('bridge', ...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr.trimEnd(), pattern);
    assert.ok(isOneLine(stderr), stderr);
  }
});
