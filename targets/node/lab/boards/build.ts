// What is built for a board, and how much of the board that takes.

import { type Board, type BoardEngine, listBoards, loadBoard } from '../../../build/board-file.ts';
import type { DeviceReport } from '../../../build/specialise/report.ts';
import { buildImage, type SensorText, specialReport } from './start.ts';

/** A part of a board's memory: octets used, and what there is; null where nothing sets a limit. */
export interface Share {
  what: string;
  used: number;
  limit: number | null;
}

export interface BuildReport {
  board: string;
  engine: string;
  file: string;
  shares: Share[];
  /** What a specialised device is made of; null: the general device. */
  device: DeviceReport | null;
}

/** A board as a list shows it: sizes in octets, null where there is none. */
export interface BoardRow {
  name: string;
  title: string;
  engines: readonly string[];
  core: string;
  flash: number | null;
  ram: number | null;
  run: string | null;
  flashing: string;
  tested: string;
}

function boardRow(board: Board): BoardRow {
  const { name, title, engines, core, flash, ram, run, flashing, tested } = board;
  return {
    name,
    title,
    engines,
    core,
    flash: flash?.size ?? null,
    ram: ram?.size ?? null,
    run: run?.kind ?? null,
    flashing: flashing.kind,
    tested,
  };
}

/** Every board of boards/, by name. */
export function boardRows(): BoardRow[] {
  return listBoards().map((name) => boardRow(loadBoard(name)));
}

/** Builds what a board runs: the device of a sensor's file, or the general one (null). */
export async function buildBoard(board: Board, engine: BoardEngine, sensor: SensorText | null): Promise<BuildReport> {
  const { file, flash, script, memory } = await buildImage(board, engine, sensor);
  const device = sensor === null ? null : await specialReport(engine, sensor);
  const report = { board: board.name, engine, file, device };
  const most = board.flash?.size ?? null;
  if (memory === null) return { ...report, shares: [{ what: 'script', used: script, limit: most }] };
  const limit = board.ram?.size ?? null;
  return {
    ...report,
    shares: [
      { what: 'flash', used: flash, limit: most },
      { what: 'script, in the flash', used: script, limit: most },
      { what: 'RAM: static, heap, stack', used: memory.ram + memory.heap + memory.stack, limit },
      { what: 'static RAM', used: memory.ram, limit },
      { what: "the engine's heap", used: memory.heap, limit },
      { what: 'stack', used: memory.stack, limit },
    ],
  };
}
