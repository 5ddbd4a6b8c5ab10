// Octets of Lua's firmware, in an image and in a program. What is expected is what JavaScript does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBoard } from '../../targets/build/board-file.ts';
import { buildFirmware } from '../../targets/build/firmware/firmware.ts';
import { startBoard } from '../../targets/node/lab/boards/start.ts';
import { LONG, missing } from './firmware-kit.ts';

const kept = Array.from({ length: 20 }, (_none, i) => (100 * i) & 0xff).reduce((sum, octet) => sum + octet, 0);
const LINES = [
  'zero 0 0 0 0 0',
  'masked 254 255 0 1 2',
  'length 5',
  'behind nil',
  'before nil',
  'far nil',
  'between nil',
  'float index 0',
  'name nil',
  'stored 254 255 77 1 2',
  'float 1',
  'negative 255',
  'large 1',
  'infinite 0',
  'text 0',
  'none 0',
  'empty 0',
  'rounded 2',
  'negative length refused',
  'table refused',
  'text refused',
  `kept ${kept}`,
  'end',
];

for (const name of ['qemu-mps2-an386', 'linux-program']) {
  test(`octets of Lua: ${name}`, { skip: missing(name, 'lua') }, async () => {
    const board = loadBoard(name);
    const sanitize = name === 'linux-program';
    const { elf } = await buildFirmware(board, 'lua', { entry: 'test/boards/lua-octets.entry.ts', sanitize });
    const running = await startBoard(board, { image: elf, entropy: '/dev/urandom' });
    const limit = setTimeout(() => void running.quit(), LONG);
    const end = await running.exited;
    clearTimeout(limit);
    assert.deepEqual(running.console.lines(), LINES);
    assert.equal(end.code, 0, end.stderr);
  });
}
