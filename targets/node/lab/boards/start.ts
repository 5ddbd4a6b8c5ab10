// Boards without hardware: builds a board's firmware or script and starts it as its board.json says.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Board, type BoardEngine, loadBoard, withRadio } from '../../../build/board-file.ts';
import { outputFolder, sourceRoot } from '../../../build/root.ts';
import type { Native } from '../../../build/specialise/profile-of.ts';
import type { DeviceReport } from '../../../build/specialise/report.ts';
import { makeFolders } from '../../host/append.ts';
import { CommandError } from '../../host/errors.ts';
import type { BoardEnd, RunningBoard } from './process.ts';
import { startProgram } from './program.ts';
import { type QemuConfig, startQemu } from './qemu.ts';

/** What a board runs, and its sizes in octets. */
export interface BoardImage {
  file: string;
  /** Of an image: flash, and of it the script. */
  flash: number;
  script: number;
  /** Static RAM, the engine's heap, stack; null where the interpreter on the board decides. */
  memory: { ram: number; heap: number; stack: number } | null;
}

export interface StartConfig {
  image: string;
  /** The provisioning blob; none: the area is erased. */
  blob?: Uint8Array;
  /** See QemuConfig. */
  entropy?: QemuConfig['entropy'];
  icount?: boolean;
  /** A program's file for its record; default: in its own folder, which ends with it. */
  state?: string;
}

/** A board by name, and the engine asked for, or its standard one. */
export function boardAndEngine(
  name: string,
  engine: string | undefined,
  radio?: string,
): { board: Board; engine: BoardEngine } {
  const board = radio === undefined ? loadBoard(name) : withRadio(loadBoard(name), radio);
  const chosen = engine ?? board.engines[0];
  if (!(board.engines as string[]).includes(chosen)) {
    throw new CommandError(`--engine: ${chosen}: must be one of ${board.engines.join(', ')} on ${name}`, 2);
  }
  return { board, engine: chosen as BoardEngine };
}

/** A sensor's file: its name for errors, and its text. */
export interface SensorText {
  file: string;
  text: string;
}

/** True for a board that gets the general device: because it was asked for, or because it has room for SAs keyed by hand alone. */
export function isGeneralFor(board: Board, isGeneral: boolean): boolean {
  return isGeneral || board.flashing['entry'] !== undefined;
}

/** What a build is made of: a sensor's file, or null for the general device. Throws where neither was asked for. */
export function deviceOf(
  board: Board,
  sensor: SensorText | null,
  isGeneral: boolean,
  option: string,
): SensorText | null {
  if (isGeneralFor(board, isGeneral)) return null;
  if (sensor !== null) return sensor;
  const limit = "a sensor's file, for the device of its profile; or --general, for the device that a blob configures";
  throw new CommandError(`${option}: (missing): ${limit}`, 2);
}

/** Firmware and programs have AES-CCM, HMAC and X25519 in C. */
export const NATIVE: Native = { ccm: true, hmac: true, x25519: true };

/** The script of a specialised device, for firmware. */
export async function specialScript(
  engine: BoardEngine,
  { file, text }: SensorText,
  native: Native = NATIVE,
): Promise<{ name: string; text: string }> {
  const { deviceText } = await import('../../../build/specialise/image.ts');
  const { readSpecial } = await import('./special.ts');
  const { constants } = readSpecial(file, text, native, engine);
  const name = `special-${String(constants.profileHash)}${native.ccm ? '' : '-portable'}`;
  return { name, text: await deviceText(constants, engine as 'lua', { hasSpans: true }) };
}

/** What the specialised device of a firmware image is made of. */
export async function specialReport(engine: BoardEngine, { file, text }: SensorText): Promise<DeviceReport> {
  const { reportOf } = await import('../../../build/specialise/report.ts');
  const { readSpecial } = await import('./special.ts');
  return reportOf(readSpecial(file, text, NATIVE, engine).constants, { hasSpans: true });
}

/** The script of a specialised device for Espruino: the module that a program starts. */
async function espruinoScript(board: Board, { file, text }: SensorText): Promise<string> {
  const { engineText, joinDevice } = await import('../../../build/specialise/image.ts');
  const { readSpecial } = await import('./special.ts');
  // The interpreter of this machine has neither AES nor E.nativeCall.
  const isHere = board.run?.kind === 'interpreter';
  const native = { ccm: !isHere, hmac: true, x25519: !isHere };
  const { constants } = readSpecial(file, text, native, 'espruino');
  const entry = join(sourceRoot(), 'targets', 'espruino', 'special.ts');
  const joined = await joinDevice({ ...constants, engine: 'espruino' }, { entry, hasTypes: false });
  // `start` sets it.
  const script = await engineText(joined.replace('declare const board:', 'let board:'), 'espruino');
  return isHere ? `function dietespAgain(){${script}}\ndietespAgain();\n` : script;
}

/** The application as a script, for a board whose firmware is the interpreter. */
async function buildScript(board: Board, engine: BoardEngine, sensor: SensorText | null): Promise<BoardImage> {
  const root = sourceRoot();
  // Some boards have room for a smaller script only.
  const entry = join(root, 'targets', engine, String(board.flashing['entry'] ?? 'main.ts'));
  const { espruinoText } = await import('../../../build/espruino.ts');
  const text = sensor === null ? await espruinoText(entry, true) : await espruinoScript(board, sensor);
  const folder = outputFolder('boards', board.name);
  makeFolders(folder);
  const file = join(folder, `${engine}.js`);
  writeFileSync(file, text);
  const size = Buffer.byteLength(text);
  if (board.flash !== null && size > board.flash.size) {
    throw new CommandError(`board: ${board.name}: the script of ${size} octets: its flash has ${board.flash.size}`);
  }
  return { file, flash: size, script: size, memory: null };
}

/**
 * What a board runs: an image linked from C, or a script. An image is made again only where something has changed. `sensor`: the
 * specialised device of this file; null: the general device.
 */
export async function buildImage(
  board: Board,
  engine: BoardEngine,
  sensor: SensorText | null = null,
): Promise<BoardImage> {
  if (board.build.kind === 'module') return buildScript(board, engine, sensor);
  const { buildFirmware } = await import('../../../build/firmware/firmware.ts');
  const { EngineMissing } = await import('../../../build/firmware/engine-parts.ts');
  const made = sensor === null ? {} : { script: await specialScript(engine, sensor) };
  const { elf, flash, script, ...memory } = await buildFirmware(board, engine, made).catch((error: unknown) => {
    const others = board.engines.filter((name) => name !== engine);
    if (!(error instanceof EngineMissing) || others.length === 0) throw error;
    throw new CommandError(`${error.message}; without it: --engine ${others.join(' or --engine ')}`);
  });
  return { file: elf, flash, script, memory };
}

function isEspruino(board: Board): boolean {
  return board.run?.kind === 'interpreter' && board.engines.includes('espruino');
}

/** Why a board cannot be run on any machine without hardware, or ''. */
export function runProblem(board: Board): string {
  if (board.run?.kind === 'qemu' || board.run?.kind === 'program' || isEspruino(board)) return '';
  return board.run === null ? 'runs on hardware only' : `runs as ${board.run.kind}, which is not supported here`;
}

async function startInterpreter(config: StartConfig): Promise<RunningBoard> {
  const { startEspruino } = await import('./espruino-run.ts');
  const running = await startEspruino({
    script: config.image,
    ...(config.blob === undefined ? {} : { blob: config.blob }),
  });
  const exited = running.exited.then((code): BoardEnd => ({ code, signal: null, stderr: '' }));
  return {
    ...running,
    reset: async () => running.send('restart'),
    exited,
    async quit() {
      await running.quit();
      return exited;
    },
  };
}

/** Starts a board; see startQemu. */
export async function startBoard(board: Board, config: StartConfig): Promise<RunningBoard> {
  const { run, provision } = board;
  if (isEspruino(board)) return startInterpreter(config);
  if (run?.kind !== 'qemu' && run?.kind !== 'program')
    throw new CommandError(`board: ${board.name}: ${runProblem(board)}`);
  if (config.blob !== undefined && provision === null) {
    throw new CommandError(`boards/${board.name}/board.json: provision: null: a board that is run needs it`);
  }
  if (config.blob !== undefined && config.blob.length > provision!.size) {
    throw new CommandError(`provisioning: ${config.blob.length} octets: must be ${provision!.size} at most`);
  }
  if (run.kind === 'program') {
    const { image: program, blob, entropy, state } = config;
    return startProgram({
      program,
      ...(blob === undefined ? {} : { blob }),
      ...(entropy === undefined ? {} : { entropy }),
      ...(state === undefined ? {} : { state }),
    });
  }
  return startQemu({
    machine: run.machine,
    kernel: config.image,
    ...(run.serial === undefined ? {} : { serial: run.serial as NonNullable<QemuConfig['serial']> }),
    ...(config.blob === undefined ? {} : { blob: { octets: config.blob, address: provision!.address } }),
    ...(config.entropy === undefined ? {} : { entropy: config.entropy }),
    ...(config.icount === undefined ? {} : { icount: config.icount }),
  });
}
