// Building firmware: an image that does not fit is refused before anything runs; unchanged parts are not built again.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Board, loadBoard, withRadio } from '../../targets/build/board-file.ts';
import { jerryMisfit } from '../../targets/build/firmware/engine-parts.ts';
import { buildFirmware, firmwareMissing } from '../../targets/build/firmware/firmware.ts';

const entry = 'test/boards/pipe.entry.ts';
const skip = firmwareMissing('lua');

test('an image is built once, and its sizes are told', { skip, timeout: 600000 }, async () => {
  const board = loadBoard('qemu-mps2-an386');
  const first = await buildFirmware(board, 'lua', { entry });
  const made = statSync(first.elf).mtimeMs;
  const again = await buildFirmware(board, 'lua', { entry });
  assert.deepEqual(again, first);
  assert.equal(statSync(again.elf).mtimeMs, made);
  assert.equal(first.heap, board.heap.lua);
  assert.ok(first.script > 1000 && first.flash > first.script + 50000, JSON.stringify(first));
  assert.ok(first.ram > 1000 && first.ram < 20000 && first.stack >= 4096, JSON.stringify(first));
  const other = await buildFirmware(board, 'lua', { entry, heap: 300000 });
  assert.notEqual(other.elf, first.elf);
  assert.equal(other.heap, 300000);
});

test('what does not fit, or cannot be, is refused in one line', { skip, timeout: 600000 }, async () => {
  const board = loadBoard('netduinoplus2');
  const small: Board = { ...board, flash: { origin: 0x08000000, size: 0x10000 }, provision: null };
  const refusals: [Board, Parameters<typeof buildFirmware>[1], object, RegExp][] = [
    [small, 'lua', {}, /^netduinoplus2 with lua: does not fit the flash of the board: \d+ octets too many$/],
    [
      board,
      'lua',
      { heap: 900000 },
      /^netduinoplus2 with lua: does not fit the RAM of the board: \d+ octets too many$/,
    ],
    [board, 'duktape', {}, /^engine: duktape: must be one of jerryscript, lua on netduinoplus2$/],
    [board, 'espruino', {}, /^engine: espruino: must be one of /],
    [board, 'lua', { entry: 'test/boards/none.entry.ts' }, /none\.entry\.ts: no such file$/],
    [{ ...board, build: { kind: 'module' } }, 'lua', {}, /^board: netduinoplus2: is not built as a firmware image$/],
  ];
  for (const [one, engine, options, pattern] of refusals) {
    await assert.rejects(buildFirmware(one, engine, { entry, ...options }), (error: Error) => {
      assert.match(error.message, pattern);
      return true;
    });
  }
});

test('boards with 128 kB of RAM take a JerryScript with and without its own mathematics, with each radio', {
  skip: firmwareMissing('jerryscript', loadBoard('stm32f4-discovery')),
  timeout: 600000,
}, async (t) => {
  const root = process.env['JERRYSCRIPT_ROOT']!;
  const plain = mkdtempSync(join(tmpdir(), 'dietesp-jerry-'));
  t.after(() => {
    process.env['JERRYSCRIPT_ROOT'] = root;
    rmSync(plain, { recursive: true, force: true });
  });
  cpSync(root, plain, { recursive: true });
  // As with --jerry-math=OFF: newlib's functions are linked.
  rmSync(join(plain, 'lib', 'libjerry-math.a'), { force: true });
  for (const folder of [root, plain]) {
    process.env['JERRYSCRIPT_ROOT'] = folder;
    for (const name of ['stm32f4-discovery', 'netduinoplus2']) {
      for (const radio of ['uart-pipe', 'mrf24j40']) {
        const board = withRadio(loadBoard(name), radio);
        const { ram, heap, stack } = await buildFirmware(board, 'jerryscript');
        assert.ok(ram + heap + stack <= board.ram!.size, `${name} ${radio}`);
      }
    }
  }
});

test('a JerryScript for another core is refused', { skip: firmwareMissing('jerryscript') }, () => {
  assert.match(String(jerryMisfit('cortex-m0')), /^JERRYSCRIPT_ROOT: built for v\S+, which cortex-m0 does not run$/);
  assert.ok(['cortex-m3', 'cortex-m4'].some((core) => jerryMisfit(core) === false));
});
