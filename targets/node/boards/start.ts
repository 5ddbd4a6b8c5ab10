// Boards without hardware: builds what a board runs and starts it the way its board.json says.

import { type Board, type BoardEngine, loadBoard } from '../../build/board.ts';
import { CommandError } from '../config/errors.ts';
import { type QemuBoard, type QemuConfig, startQemu } from './qemu.ts';

/** A board that runs here. */
export type RunningBoard = QemuBoard;

/** What a board runs, and its sizes in octets: flash, static RAM, heap, stack, and the script in the flash. */
export interface BoardImage {
  file: string;
  flash: number;
  ram: number;
  heap: number;
  stack: number;
  script: number;
}

export interface StartConfig {
  image: string;
  /** The provisioning blob; none: the area is erased. */
  blob?: Uint8Array;
  /** See QemuConfig. */
  entropy?: QemuConfig['entropy'];
  icount?: boolean;
}

/** A board by name, and the engine asked for, or its standard one. */
export function boardAndEngine(name: string, engine: string | undefined): { board: Board; engine: BoardEngine } {
  const board = loadBoard(name);
  const chosen = engine ?? board.engines[0];
  if (!(board.engines as string[]).includes(chosen)) {
    throw new CommandError(`--engine: ${chosen}: must be one of ${board.engines.join(', ')} on ${name}`, 2);
  }
  return { board, engine: chosen as BoardEngine };
}

/** The image of a board that is linked from C; it is made again only where something has changed. */
export async function buildImage(board: Board, engine: BoardEngine): Promise<BoardImage> {
  if (board.build.kind !== 'firmware') throw new CommandError(`board: ${board.name}: has no firmware image`);
  const { buildFirmware } = await import('../../build/firmware/firmware.ts');
  const { elf, ...sizes } = await buildFirmware(board, engine);
  return { file: elf, ...sizes };
}

/** Why a board cannot be run on any machine without hardware, or ''. */
export function runProblem(board: Board): string {
  if (board.run?.kind === 'qemu') return '';
  return board.run === null ? 'runs on hardware only' : `runs as ${board.run.kind}, which is not supported here`;
}

/** Starts a board; see startQemu. */
export async function startBoard(board: Board, config: StartConfig): Promise<RunningBoard> {
  const { run, provision } = board;
  if (run?.kind !== 'qemu') throw new CommandError(`board: ${board.name}: ${runProblem(board)}`);
  if (config.blob !== undefined && provision === null) {
    throw new CommandError(`boards/${board.name}/board.json: provision: null: a board that is run needs it`);
  }
  if (config.blob !== undefined && config.blob.length > provision!.size) {
    throw new CommandError(`provisioning: ${config.blob.length} octets: must be ${provision!.size} at most`);
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
