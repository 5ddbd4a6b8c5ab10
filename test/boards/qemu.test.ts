// The runner of boards, with an image so small that only the runner can be at fault.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { onPath } from '../../targets/build/engines.ts';
import { createConsoleLines } from '../../targets/node/lab/boards/console.ts';
import { type QemuConfig, qemuMissing, startQemu } from '../../targets/node/lab/boards/qemu.ts';
import { ROOT } from '../cli/run.ts';

const GCC = 'arm-none-eabi-gcc';
const skip =
  qemuMissing() || (onPath(GCC) === undefined ? `${GCC} not found (Debian package gcc-arm-none-eabi)` : false);
const LIMIT = { timeout: 180000, skip };
/** Milliseconds that a board has for what it does at once, on a machine that does much else. */
const PATIENCE = 60000;
const PROVISION = 0x003ff000;

const folder = mkdtempSync(join(tmpdir(), 'dietesp-boards-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const image = join(folder, 'echo.elf');
if (skip === false) {
  const flags = ['-mcpu=cortex-m4', '-mthumb', '-O1', '-ffreestanding', '-nostdlib', '-Wall', '-Werror'];
  const linker = ['-Wl,-Ttext=0x100', '-Wl,--section-start=.vectors=0', '-Wl,-ereset', '-Wl,--build-id=none'];
  const built = spawnSync(GCC, [...flags, ...linker, '-o', image, join(ROOT, 'test', 'boards', 'echo.c')]);
  if (built.status !== 0) throw new Error(String(built.stderr));
}
const CONFIG: QemuConfig = { machine: 'mps2-an386', kernel: image };

/** The folders that boards have at the moment, of this process or others. */
const folders = () => new Set(readdirSync(tmpdir()).filter((name) => name.startsWith('dietesp-qemu-')));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('console, command line, provisioning area, radio, reset, exit code', LIMIT, async (t) => {
  const before = folders();
  const board = await startQemu({
    ...CONFIG,
    blob: { octets: Uint8Array.of(0xde, 0xad, 0xbe, 0xef), address: PROVISION },
    entropy: '/dev/urandom',
    words: ['name=a,b'],
  });
  t.after(() => board.quit());
  const made = [...folders()].filter((name) => !before.has(name) && existsSync(join(tmpdir(), name, 'blob')));
  assert.ok(made.length >= 1);
  await board.console.waitFor(/^line firmware name=a,b entropy=\/dev\/urandom$/, PATIENCE);
  await board.console.waitFor(/^blob deadbeef$/, PATIENCE);
  await board.console.waitFor(/^ready$/, PATIENCE);
  await board.radio.ready;
  const frames = [5, 64, 127].map((length) => Uint8Array.from({ length }, (_value, i) => (i * 7 + length) & 255));
  const got: string[] = [];
  const all = new Promise<void>((resolve) => {
    board.radio.onFrame = (frame, offset, length) => {
      got.push(Buffer.from(frame.subarray(offset, offset + length)).toString('hex'));
      if (got.length === frames.length) resolve();
    };
  });
  for (const frame of frames) board.radio.transmit(frame, 0, frame.length);
  await all;
  assert.deepEqual(
    got,
    frames.map((frame) => Buffer.from(frame).toString('hex')),
  );
  board.send('p');
  await board.console.waitFor(/^pong$/, PATIENCE);
  await board.reset();
  await board.console.waitFor(/^blob deadbeef$/, PATIENCE);
  await board.console.waitFor(/^ready$/, PATIENCE);
  board.sendOctets(Uint8Array.of(0xff, 0x00, 0x78));
  const end = await board.exited;
  assert.deepEqual([end.code, end.signal], [7, null]);
  assert.equal(isAlive(board.pid), false);
  for (const name of made) assert.equal(existsSync(join(tmpdir(), name)), false, 'its folder is gone');
  await assert.rejects(board.console.waitFor(/never/, PATIENCE), /the board ended \(code 7\).*last lines: .*ready/);
  await assert.rejects(board.reset(), /QEMU is not there/);
});

test('quit ends it, one board or two; counted instructions; entropy from octets', LIMIT, async () => {
  const boards = await Promise.all([
    startQemu({ ...CONFIG, icount: true, entropy: Uint8Array.of(1, 2, 3) }),
    startQemu({ ...CONFIG, machine: 'mps2-an385', blob: { octets: Uint8Array.of(9, 9, 9, 9), address: PROVISION } }),
  ]);
  const [line] = await boards[0].console.waitFor(/^line .*$/, PATIENCE);
  const file = /entropy=(\S+)$/.exec(line)![1];
  assert.ok(existsSync(file));
  await Promise.all(boards.map((board) => board.console.waitFor(/^ready$/, PATIENCE)));
  const ends = await Promise.all(boards.map((board) => board.quit()));
  assert.deepEqual(
    ends.map(({ code }) => code),
    [0, 0],
  );
  assert.equal(existsSync(file), false);
  await boards[0].quit();
});

test('what is wrong is said in one line', LIMIT, async () => {
  const none = join(folder, 'none');
  const text = join(folder, 'text.elf');
  // QEMU takes any file that is no ELF image as octets for address 0.
  writeFileSync(text, 'no image');
  for (const [config, pattern] of [
    [{ ...CONFIG, command: 'qemu-system-none' }, /^qemu-system-none not found on PATH/],
    [{ ...CONFIG, kernel: none }, /none: no such file or directory$/],
    [{ ...CONFIG, entropy: none }, /none: no such file or directory$/],
    [{ ...CONFIG, machine: 'toaster' }, /machine toaster: unsupported machine type/],
    [{ ...CONFIG, kernel: text }, /text\.elf: is not an ELF image$/],
  ] as [QemuConfig, RegExp][]) {
    await assert.rejects(startQemu(config), (error: Error) => {
      assert.match(error.message, pattern);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  }
});

test('a QEMU that does not come up is given up', LIMIT, async () => {
  const silent = join(folder, 'silent');
  writeFileSync(silent, '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
  await assert.rejects(startQemu({ ...CONFIG, command: silent, startTime: 50 }), /did not start within 50 ms$/);
});

test('lines: cut anywhere, waited for in order, bounded', async () => {
  const lines = createConsoleLines();
  const seen: string[] = [];
  const stop = lines.onLine((line) => seen.push(line));
  lines.push('on');
  lines.push('e\r\ntwo\nthr');
  assert.deepEqual(lines.lines(), ['one', 'two']);
  assert.equal((await lines.waitFor(/t(w)o/, 1000))[1], 'w');
  await assert.rejects(lines.waitFor(/one/, 1), /nothing within 1 ms; last lines: one \| two$/);
  const three = lines.waitFor(/three/, 60000);
  const twice = lines.waitFor(/^three$/, 60000);
  lines.push('ee\n');
  await Promise.all([three, twice]);
  lines.push('four\n');
  lines.skip();
  stop();
  lines.push('x'.repeat(10000));
  assert.deepEqual(
    lines.lines().map((line) => line.length),
    [3, 3, 5, 4, 4096, 4096],
  );
  const never = lines.waitFor(/four/, 60000);
  lines.end('gone');
  lines.end('gone again');
  await assert.rejects(never, /waited for \/four\/: gone; last lines: /);
  await assert.rejects(lines.waitFor(/five/, 60000), /: gone; /);
  assert.equal((await lines.waitFor(/^x+$/, 60000))[0].length, 4096);
  assert.deepEqual(seen, ['one', 'two', 'three', 'four']);
});
