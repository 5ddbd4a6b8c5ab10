// The MRF24J40 at the boards with an STM32F4: pins of board.json, what is said of wrong ones, registers of pins and SPI
// [RM0090 §7.3, §8.4, §9.2, §12.3, §28.5]; and an image without a module at its pins, which must not hang.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Board, loadBoard, withRadio } from '../../targets/build/board-file.ts';
import { buildFirmware } from '../../targets/build/firmware/firmware.ts';
import { radioDefines } from '../../targets/build/firmware/parts.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { startQemu } from '../../targets/node/lab/boards/qemu.ts';
import { packageMissing } from '../support/packages.ts';
import { LONG, missing, PATIENCE } from './firmware-kit.ts';

const skip = packageMissing('gcc');
const folder = mkdtempSync(join(tmpdir(), 'dietesp-spi-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function boardOf(name: string, changes: Record<string, unknown> = {}): Board {
  const board = withRadio(loadBoard(name), 'mrf24j40');
  return { ...board, radio: { ...board.radio, ...changes } };
}

/** The lines of the model, and its registers. */
function run(board: Board): { lines: string[]; registers: Record<string, string> } {
  const program = join(folder, board.name);
  const flags = ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-Werror', '-Wno-unused-function', '-fsanitize=undefined'];
  const include = join(sourceRoot(), 'boards', 'common');
  const source = join(sourceRoot(), 'test', 'boards', 'stm32spi.c');
  const defines = radioDefines(board).map((define) => `-D${define}`);
  execFileSync('gcc', [...flags, ...defines, '-I', include, '-o', program, source]);
  const lines = execFileSync(program, { encoding: 'utf8' }).split('\n').slice(0, -1);
  const isRegister = (line: string): boolean => /^[0-9a-f]{8} [0-9a-f]{8}$/.test(line);
  const pairs = lines.filter(isRegister).map((line) => line.split(' ') as [string, string]);
  return { lines: lines.filter((line) => !isRegister(line)), registers: Object.fromEntries(pairs) };
}

const SAID = ['fffe7f00', 'int 0 1', 'delay long enough'];
/** SPI2: on, master, 42 MHz / 8, chip select by software. */
const SPI2 = '00000354';

test('pins and SPI of the Netduino Plus 2', { skip }, () => {
  const { lines, registers } = run(boardOf('netduinoplus2'));
  assert.deepEqual(lines, SAID);
  const wanted = {
    // GPIOB's clock, SPI2's, SYSCFG's.
    '40023830': '00000002',
    '40023840': '00004000',
    '40023844': '00004000',
    // PB2, PB8, PB10 outputs; PB13 to PB15 alternate; PB3 and PB4 as before.
    '40020400': 'a8110290',
    '40020408': 'a8000000',
    // PB12 pulled up; function 5.
    '4002040c': '01000000',
    '40020424': '55500000',
    '40003800': SPI2,
    // Line 12 is port B's: falling edge, unmasked, acknowledged; interrupt 40.
    '40013814': '00000001',
    '40013c00': '00001000',
    '40013c0c': '00001000',
    '40013c14': '00001000',
    e000e104: '00000100',
  };
  for (const [address, value] of Object.entries(wanted)) assert.equal(registers[address], value, address);
  // The last of BSRR: RESET low.
  assert.equal(registers['40020418'], '01000000');
});

test('pins and SPI of the STM32F4-Discovery', { skip }, () => {
  const { lines, registers } = run(boardOf('stm32f4-discovery'));
  assert.deepEqual(lines, SAID);
  const wanted = {
    '40023830': '00000006',
    // PB12 output, PB13 to PB15 alternate; PC5 output.
    '40020400': 'a9000280',
    '40020800': '00000400',
    '4002040c': '00400000',
    '40003800': SPI2,
    // Line 11 is port B's.
    '40013810': '00001000',
    '40013c00': '00000800',
    e000e104: '00000100',
    '40020818': '00200000',
  };
  for (const [address, value] of Object.entries(wanted)) assert.equal(registers[address], value, address);
});

test('SPI1, and INT on lines of their own interrupts', { skip }, () => {
  const pins = { spi: 1, sck: 'PA5', miso: 'PA6', mosi: 'PA7', cs: 'PA4', power: undefined, reset: undefined };
  const { registers } = run(boardOf('netduinoplus2', { ...pins, irq: 'PC3' }));
  assert.equal(registers['40020000'], 'a800a900');
  assert.equal(registers['40020020'], '55500000');
  assert.equal(registers['40023844'], '00005000');
  assert.equal(registers['40013000'], '0000035c');
  assert.equal(registers['40013808'], '00002000');
  assert.equal(registers['e000e100'], '00000200');
  // CS high at the end, and no RESET.
  assert.equal(registers['40020018'], '00000010');
  assert.equal(run(boardOf('netduinoplus2', { ...pins, irq: 'PC7' })).registers['e000e100'], '00800000');
});

test('what is wrong with a radio is said by its field', () => {
  const said = (changes: Record<string, unknown>, pattern: RegExp): void =>
    assert.throws(() => radioDefines(boardOf('netduinoplus2', changes)), pattern);
  said(
    { cs: undefined },
    /^CommandError: boards\/netduinoplus2\/board\.json: radio\.cs: \(missing\): must be a pin, such as PB12$/,
  );
  said({ irq: 'B12' }, /radio\.irq: B12: must be a pin/);
  said({ sck: 'PB16' }, /radio\.sck: PB16: must be a pin/);
  said({ reset: 'PJ0' }, /radio\.reset: PJ0: must be a pin/);
  said({ spi: 3 }, /radio\.spi: 3: must be 1 or 2/);
  assert.throws(() => withRadio(loadBoard('netduinoplus2'), 'frames'), {
    message: '--radio: frames: must be one of uart-pipe, mrf24j40 on netduinoplus2',
  });
});

test('an image without a module at its pins goes on, and takes commands', {
  skip: missing('netduinoplus2', 'lua'),
}, async () => {
  const board = boardOf('netduinoplus2');
  const { elf } = await buildFirmware(board, 'lua', { entry: 'test/boards/tune.entry.ts' });
  const qemu = await startQemu({ machine: 'netduinoplus2', kernel: elf });
  try {
    await qemu.console.waitFor(/^end$/, Math.max(LONG, PATIENCE));
  } finally {
    await qemu.quit();
  }
  assert.deepEqual(qemu.console.lines(), ['tuned', 'sent', 'nothing', 'end']);
});
