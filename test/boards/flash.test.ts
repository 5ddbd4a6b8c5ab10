// `dietesp build` and `dietesp flash`: sizes, refusals before anything is sent, and the arguments of the programmers. The
// programmers here are scripts that write their arguments to a file.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { listBoards, loadBoard } from '../../targets/build/board-file.ts';
import { firmwareMissing } from '../../targets/build/firmware/firmware.ts';
import { checkImage, imageParts } from '../../targets/node/lab/boards/image.ts';
import { dietesp, EXAMPLES, isOneLine, type Outcome, ROOT, scratch } from '../cli/run.ts';
import { DIETESP } from '../support/command.ts';

const files = scratch();
const STM32 = 'netduinoplus2';
const ESPRUINO = 'mdbt42q';
const board = loadBoard(STM32);
const FLASH = board.flash!;

/** An ELF file with segments of zeros. */
function elf(...segments: [at: number, length: number][]): Buffer {
  const head = Buffer.alloc(52 + 32 * segments.length);
  head.write('\x7fELF\x01\x01\x01', 'latin1');
  head.writeUInt32LE(52, 28);
  head.writeUInt16LE(32, 42);
  head.writeUInt16LE(segments.length, 44);
  const bodies: Buffer[] = [head];
  let at = head.length;
  segments.forEach(([address, length], index) => {
    const entry = 52 + 32 * index;
    [1, at, 0, address, length, length].forEach((value, i) => void head.writeUInt32LE(value, entry + 4 * i));
    bodies.push(Buffer.alloc(length));
    at += length;
  });
  return Buffer.concat(bodies);
}

const good = files.file('good.elf', elf([FLASH.origin, 1000], [FLASH.origin + 4096, 24]));

/** A programmer that notes its arguments, a line a call. */
function programmer(name: string, code = 0): { folder: string; calls(): string[] } {
  const log = files.path(`${name}.log`);
  const file = files.file(
    name,
    `#!/bin/sh\nfor word in "$@"; do printf '%s ' "[$word]" >> '${log}'; done\necho >> '${log}'\nexit ${code}\n`,
  );
  chmodSync(file, 0o755);
  return {
    folder: dirname(file),
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []),
  };
}

/** `dietesp` with programs in front of those on PATH, or with none but Node's. */
function dietespWith(path: string, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...DIETESP, ...args], {
      cwd: ROOT,
      env: { ...process.env, PATH: path },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const outcome: Outcome = { code: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      outcome.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      outcome.stderr += text;
    });
    child.on('close', (code) => resolve({ ...outcome, code }));
  });
}

test('what images take: ELF segments, HEX records, plain octets', () => {
  assert.deepEqual(imageParts(good), [
    { at: FLASH.origin, length: 1000 },
    { at: FLASH.origin + 4096, length: 24 },
  ]);
  assert.equal(checkImage(board, good), 1024);
  const hex = files.file('good.hex', ':020000040800F2\n:0400100001020304E2\n:00000001FF\n');
  assert.deepEqual(imageParts(hex), [{ at: 0x08000010, length: 4 }]);
  assert.equal(checkImage(board, hex), 4);
  assert.equal(checkImage(board, files.file('full.bin', new Uint8Array(FLASH.size))), FLASH.size);
  const cut = elf([FLASH.origin, 100]);
  for (const [name, octets, pattern] of [
    [
      'large.bin',
      new Uint8Array(FLASH.size + 1),
      /large\.bin: 1048577 octets: netduinoplus2 has 1048576 octets of flash/,
    ],
    ['large.elf', elf([FLASH.origin + FLASH.size - 4, 5]), /5 octets at 0x080ffffc: netduinoplus2 has/],
    ['other.elf', elf([0, 8]), /8 octets at 0x00000000: netduinoplus2 has 1048576 octets of flash at 0x08000000$/],
    ['other.hex', ':0400100001020304E2\n', /4 octets at 0x00000010: /],
    ['sum.hex', ':0400100001020304E3\n', /sum\.hex:1: is not a record/],
    ['short.hex', ':04001000010203\n', /short\.hex:1: is not a record/],
    ['empty.elf', '', /empty\.elf: is empty$/],
    ['nothing.elf', elf(), /holds nothing to write$/],
    ['head.elf', cut.subarray(0, 40), /ELF header of 52 octets, the file has 40$/],
    ['table.elf', cut.subarray(0, 60), /segment table leaves the file$/],
    ['cut.elf', cut.subarray(0, cut.length - 1), /ELF segment 0 leaves the file$/],
    ['host.elf', Buffer.from(cut).fill(2, 4, 5), /is not a 32-bit little-endian ELF image$/],
  ] as const) {
    assert.throws(() => checkImage(board, files.file(name, octets)), pattern, name);
  }
  assert.throws(() => imageParts(files.path('none')), /none: no such file or directory$/);
});

test('openocd gets the image and the provisioning blob', async () => {
  const { folder, calls } = programmer('openocd');
  const path = folder + delimiter + process.env.PATH;
  const sensor = join(EXAMPLES, 'sensor-ike.yaml');
  const dry = await dietespWith(path, 'flash', '--board', STM32, '--image', good, '--dry-run');
  assert.equal(dry.code, 0, dry.stderr);
  assert.deepEqual(calls(), [], 'only printed');
  const run = await dietespWith(path, 'flash', '--board', STM32, '--image', good, '--provision', sensor);
  assert.equal(run.code, 0, run.stderr);
  const [call, ...more] = calls();
  assert.deepEqual(more, []);
  const address = `0x${board.provision!.address.toString(16).padStart(8, '0')}`;
  assert.match(
    call,
    new RegExp(
      `^\\[-f\\] \\[board/\\S+\\.cfg\\] \\[-c\\] \\[program \\{${good}\\} verify; program \\{(\\S+)\\} verify ${address}; reset run; exit\\]$`,
    ),
  );
  const blob = /\{(\S+provision\.bin)\}/.exec(call)![1];
  assert.equal(existsSync(blob), false, 'the file with the keys is gone');
  assert.match(run.stdout, /^netduinoplus2: \S+good\.elf, 1024 octets\nopenocd -f board\/\S+\.cfg -c 'program /);
  assert.doesNotMatch(run.stdout, /a key for tests/);
});

test('a programmer that fails, and one that is not there', async () => {
  const { folder } = programmer('openocd', 3);
  const failed = await dietespWith(folder + delimiter + process.env.PATH, 'flash', '--board', STM32, '--image', good);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /^error: openocd ended with 3\n$/);
  const missing = await dietespWith(dirname(process.execPath), 'flash', '--board', STM32, '--image', good);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^error: openocd not found on PATH: nothing was sent; /);
  assert.match(missing.stdout, /^openocd -f /m);
});

test('refused before anything is sent', async () => {
  const { folder, calls } = programmer('openocd');
  const path = folder + delimiter + process.env.PATH;
  const before = calls().length;
  const large = files.file('large.elf', elf([FLASH.origin, FLASH.size + 1]));
  const script = files.file('large.js', ' '.repeat(loadBoard(ESPRUINO).flash!.size + 1));
  const bad = files.file('bad.yaml', '- 1\n');
  for (const [args, code, pattern] of [
    [['--board', STM32, '--image', large], 1, /large\.elf: 1048577 octets at 0x08000000: netduinoplus2 has/],
    [['--board', STM32, '--image', files.path('none.elf')], 1, /none\.elf: no such file/],
    [['--board', STM32, '--image', good, '--provision', bad], 1, /bad\.yaml/],
    [
      ['--board', ESPRUINO, '--port', '/dev/null', '--image', script],
      1,
      /large\.js: \d+ octets: mdbt42q has \d+ octets/,
    ],
    [['--board', ESPRUINO, '--image', script], 2, /--port: \(missing\)/],
    [['--board', 'qemu-mps2-an386'], 2, /is an emulated board: `dietesp run --board qemu-mps2-an386` starts it$/],
    [['--board', 'toaster'], 2, /board: toaster: must be one of /],
    [['--board', STM32, '--engine', 'espruino'], 2, /--engine: espruino: must be one of /],
    [
      ['--board', STM32, '--radio', 'frames'],
      2,
      /--radio: frames: must be one of uart-pipe, mrf24j40 on netduinoplus2$/,
    ],
    [
      ['--board', STM32, '--radio', 'mrf24j40', '--image', good, '--provision', join(EXAMPLES, 'sensor-ike.yaml')],
      1,
      /sensor-ike\.yaml: radio\.ackWait: \d+: must be 250 at least with an MRF24J40$/,
    ],
    [['--board', 'bangle-js2', '--port', '/dev/null'], 1, /bangle-js2\/board\.json: radio\.cs: \(missing\): the pin/],
  ] as const) {
    const outcome = await dietespWith(path, 'flash', ...args);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr.trimEnd(), pattern);
    assert.ok(isOneLine(outcome.stderr), outcome.stderr);
  }
  assert.equal(calls().length, before);
});

test('dietesp build --list names every board', async () => {
  const { code, stdout } = await dietesp('build', '--list');
  assert.equal(code, 0);
  const data = JSON.parse((await dietesp('build', '--list', '--json')).stdout) as { name: string; tested: string }[];
  assert.deepEqual(
    data.map(({ name }) => name),
    listBoards(),
  );
  for (const { name, tested } of data) {
    assert.match(stdout, new RegExp(`^${name} `, 'm'));
    assert.notEqual(tested, '');
  }
});

test('dietesp build: wrong use', async () => {
  for (const [args, pattern] of [
    [[], /--board: \(missing\)/],
    [['--board', 'toaster'], /board: toaster: must be one of /],
    [['--board', 'qemu-mps2-an386'], /--config: \(missing\): a sensor's file, .*; or --general/],
    [['--board', 'qemu-mps2-an386', '--engine', 'basic'], /--engine: basic: must be one of lua, /],
  ] as const) {
    const { code, stderr } = await dietesp('build', ...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, pattern);
    assert.ok(isOneLine(stderr), stderr);
  }
});

test('dietesp build: the script of every board with Espruino fits its Storage', { timeout: 600000 }, async () => {
  for (const { name, flash, engines } of listBoards().map(loadBoard)) {
    if (engines[0] !== 'espruino') continue;
    const { code, stdout, stderr } = await dietesp('build', '--board', name, '--general', '--json');
    assert.equal(code, 0, stderr);
    const { shares, file } = JSON.parse(stdout) as { shares: { used: number }[]; file: string };
    assert.ok(shares[0].used > 10000 && shares[0].used <= flash!.size, name);
    assert.equal(readFileSync(file).length, shares[0].used);
  }
});

test('dietesp build: sizes within the limits of the board', {
  skip: firmwareMissing('lua'),
  timeout: 600000,
}, async () => {
  const out = files.path('out');
  const { code, stdout, stderr } = await dietesp('build', '--board', 'qemu-mps2-an386', '--general', '--out', out);
  assert.equal(code, 0, stderr);
  const file = join(out, 'qemu-mps2-an386-lua.elf');
  assert.ok(stdout.startsWith(file + '\n'));
  const data = JSON.parse((await dietesp('build', '--board', 'qemu-mps2-an386', '--general', '--json')).stdout) as {
    shares: { what: string; used: number; limit: number }[];
  };
  assert.ok(data.shares.length >= 4);
  for (const { what, used, limit } of data.shares) {
    assert.ok(used > 0 && used <= limit, what);
    assert.match(stdout, new RegExp(`${used}  ${limit}`), what);
  }
  const flash = data.shares.find(({ what }) => what === 'flash')!;
  const written = checkImage(loadBoard('qemu-mps2-an386'), file);
  assert.ok(Math.abs(written - flash.used) < 64, `${written} octets are written, ${flash.used} were told`);
});
