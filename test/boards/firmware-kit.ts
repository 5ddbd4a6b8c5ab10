// Shared by the tests of firmware: the combinations that they cover, images built once, and runs of cases in QEMU or in a
// program.

import assert from 'node:assert/strict';
import { type Board, type BoardEngine, loadBoard } from '../../targets/build/board-file.ts';
import { emptyReport, type Report, readReport } from '../../targets/build/engines.ts';
import { buildFirmware, firmwareMissing } from '../../targets/build/firmware/firmware.ts';
import { type QemuBoard, type QemuConfig, qemuMissing, startQemu } from '../../targets/node/lab/boards/qemu.ts';
import { startBoard } from '../../targets/node/lab/boards/start.ts';

/** Milliseconds for what a board does at once, and for a long computation, on a machine that does much else. */
export const PATIENCE = 60000;
export const LONG = 600000;

export const COMBINATIONS: readonly [board: string, engine: BoardEngine][] = [
  ['qemu-mps2-an386', 'lua'],
  ['qemu-mps2-an386', 'duktape'],
  ['qemu-mps2-an386', 'jerryscript'],
  ['qemu-mps2-an385', 'duktape'],
  ['netduinoplus2', 'lua'],
  ['netduinoplus2', 'jerryscript'],
];

/** For a test's `skip`: as `missing`; each engine has one board by default, and the others where DIETESP_LONG=1. */
export function missingNow(name: string, engine: BoardEngine): string | false {
  const isSecond = name === 'qemu-mps2-an386' && engine === 'duktape';
  return isSecond && process.env.DIETESP_LONG !== '1' ? 'with DIETESP_LONG=1' : missing(name, engine);
}

/** For a test's `skip`. */
export function missing(name: string, engine: BoardEngine): string | false {
  const board = loadBoard(name);
  return (board.run?.kind !== 'program' && qemuMissing()) || firmwareMissing(engine, board);
}

export function machineOf(board: Board): string {
  assert.ok(board.run !== null && board.run.kind === 'qemu');
  return board.run.machine;
}

/** Starts an image of `entry` on a board. */
export async function start(
  name: string,
  engine: BoardEngine,
  entry: string,
  config: Omit<Partial<QemuConfig>, 'blob'> & { blob?: Uint8Array; heap?: number } = {},
): Promise<QemuBoard> {
  const board = loadBoard(name);
  const { blob, heap, ...more } = config;
  const { elf } = await buildFirmware(board, engine, { entry, ...(heap === undefined ? {} : { heap }) });
  const area = blob === undefined ? {} : { blob: { octets: blob, address: board.provision!.address } };
  return startQemu({ machine: machineOf(board), kernel: elf, ...area, ...more });
}

/** Runs the cases of an entry that exports `run`, in parts of `size` cases, and reads the report. */
export async function runOnBoard(
  name: string,
  engine: BoardEngine,
  entry: string,
  cases: readonly (readonly string[])[],
  size: number,
  heap?: number,
  sanitize = false,
): Promise<Report> {
  const board = loadBoard(name);
  const report = emptyReport();
  for (let at = 0; at < cases.length; at += size) {
    const part = cases.slice(at, at + size);
    const more = { sanitize, ...(heap === undefined ? {} : { heap }) };
    const { elf } = await buildFirmware(board, engine, { entry, cases: part, ...more });
    const running = await startBoard(board, { image: elf, entropy: '/dev/urandom' });
    const limit = setTimeout(() => void running.quit(), LONG);
    const end = await running.exited;
    clearTimeout(limit);
    const stdout = running.console.lines().join('\n') + '\n';
    readReport({ ok: end.code === 0, stdout, stderr: end.stderr }, report);
  }
  return report;
}
