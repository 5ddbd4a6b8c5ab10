// What each engine does and costs: the vector files on this machine's engine, and a board's application in QEMU with counted
// instructions, once with native cryptography and once with portable code only. QEMU runs no board of Espruino, so this
// machine's interpreter shows that it works, and the script's size. A figure that cannot be measured is null.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Board, type BoardEngine, listBoards, loadBoard } from '../../build/board-file.ts';
import { type Engine, engineMissing, engineVersion, runCases } from '../../build/engines.ts';
import { buildFirmware, firmwareMissing } from '../../build/firmware/firmware.ts';
import { sourceRoot } from '../../build/root.ts';
import { casesOf, type VectorFile } from '../../build/vector-file.ts';
import { errorText } from '../host/errors.ts';
import { espruinoRunMissing } from './boards/espruino-run.ts';
import { createLab } from './boards/lab.ts';
import { qemuMissing, startQemu } from './boards/qemu.ts';
import { figuresOf } from './boards/run.ts';
import { provisionOf } from './boards/special.ts';
import { buildImage, NATIVE, specialScript, startBoard } from './boards/start.ts';

/** Ticks of `Board.ticks` in a second, by machine: `board_clock` of its C. */
const CLOCKS: Readonly<Record<string, number>> = { 'mps2-an386': 25e6, 'mps2-an385': 25e6, netduinoplus2: 168e6 };
/** -icount shift=0: a nanosecond for an instruction. */
const INSTRUCTIONS_PER_SECOND = 1e9;
const READINGS = 10;
const SAMPLES = 9;
const VECTOR_TIME = 600000;
/** Milliseconds for a handshake in portable code on the slowest engine, on a machine that does much else. */
const RUN_TIME = 600000;
const STATS_TIME = 60000;
export const STANDARD_BOARD = 'qemu-mps2-an386';
const VECTOR_FILES = ['diet-esp.json', 'own.json'];
const LAB = { nodes: 1, seed: 1, loss: 0, secret: 'engines', count: READINGS, interval: 0.01 };
const PORTABLE = { ccm: false, hmac: false, x25519: false };
const VECTORS_ENTRY = 'targets/build/vectors.entry.ts';
const PORTABLE_ENTRY = 'targets/build/portable.entry.ts';

/** Figures of a run on the board; instructions, octets. */
export interface BoardFigures {
  messages: number;
  octets: number;
  script: number;
  /** Null: in an interpreter, whose figures on this machine say nothing of a board. */
  device: {
    flash: number;
    /** Peaks. */
    memory: number;
    heap: number;
    perHandshake: number;
    perPacket: number;
  } | null;
}

/** Figures with the board's cryptography, and with portable code alone. */
export interface DeviceFigures {
  native: BoardFigures | null;
  portable: BoardFigures | null;
}

export interface EngineRow {
  engine: Engine;
  version: string | null;
  vectors: { passed: number; total: number } | null;
  /** The device of the lab's profile, and the one that a blob configures. */
  special: DeviceFigures;
  general: DeviceFigures;
  /** Why what is null was not measured, or what went wrong. */
  notes: string[];
}

/** Cases of the vector files of Diet-ESP and ESP. */
export function allVectors(): string[][] {
  const folder = join(sourceRoot(), 'test', 'vectors');
  return VECTOR_FILES.flatMap((name) => casesOf(JSON.parse(readFileSync(join(folder, name), 'utf8')) as VectorFile));
}

/** Runs the application on the board, in virtual time that counts instructions, until it has sent some readings. */
export async function measureBoard(
  name: string,
  engine: BoardEngine,
  isPortable: boolean,
  isGeneral: boolean,
): Promise<BoardFigures> {
  const board = loadBoard(name);
  const machine = board.run?.kind === 'qemu' ? board.run.machine : '';
  const clock = CLOCKS[machine];
  if (clock === undefined) throw new Error(`${name}: the clock of its machine is not known`);
  const perTick = INSTRUCTIONS_PER_SECOND / clock;
  const lab = await createLab({ ...LAB, patient: true, isSpecial: !isGeneral });
  try {
    const sensor = { file: 'the board', text: lab.nodes[0].file };
    const script = isGeneral ? null : await specialScript(engine, sensor, isPortable ? PORTABLE : NATIVE);
    const entry = isPortable ? { entry: PORTABLE_ENTRY } : {};
    const made = await buildFirmware(board, engine, script === null ? entry : { script });
    const running = await startQemu({
      machine,
      kernel: made.elf,
      blob: { octets: provisionOf(sensor.file, sensor.text, isGeneral), address: board.provision!.address },
      entropy: '/dev/urandom',
      icount: true,
    });
    try {
      lab.bridge.join('board', running.radio);
      const [established] = await running.console.waitFor(/^ike established .*$/, RUN_TIME);
      const [done] = await running.console.waitFor(/^done .*$/, RUN_TIME);
      if (done !== `done ${READINGS} 0`) throw new Error(`the board said: ${done}`);
      // One packet may fall on a garbage collection: the one in the middle of several counts.
      const packets: number[] = [];
      let stats: Record<string, number> = {};
      for (let i = 1; i <= SAMPLES; i++) {
        running.send('send 1');
        await running.console.waitFor(new RegExp(`^reading ${READINGS + i} acknowledged `), STATS_TIME);
        running.send('stats');
        stats = figuresOf((await running.console.waitFor(/^stats .*$/, STATS_TIME))[0]);
        packets.push(stats['ticks-packet']);
      }
      const middle = packets.sort((a, b) => a - b)[(SAMPLES - 1) / 2];
      const { messages, octets } = figuresOf(established);
      return {
        messages,
        octets,
        script: made.script,
        device: {
          flash: made.flash,
          memory: stats.memory,
          heap: stats.heap,
          perHandshake: Math.round(stats['ticks-handshake'] * perTick),
          perPacket: Math.round(middle * perTick),
        },
      };
    } finally {
      await running.quit();
    }
  } finally {
    await lab.close();
  }
}

/** Runs the application in the interpreter of this machine. */
export async function measureInterpreter(board: Board, isGeneral: boolean): Promise<BoardFigures> {
  const lab = await createLab({ ...LAB, patient: true, isSpecial: !isGeneral });
  try {
    const sensor = { file: 'the board', text: lab.nodes[0].file };
    const image = await buildImage(board, board.engines[0], isGeneral ? null : sensor);
    const blob = provisionOf(sensor.file, sensor.text, isGeneral);
    const running = await startBoard(board, { image: image.file, blob });
    try {
      lab.bridge.join('board', running.radio);
      const [established] = await running.console.waitFor(/^ike established .*$/, RUN_TIME);
      const [done] = await running.console.waitFor(/^done .*$/, RUN_TIME);
      if (done !== `done ${READINGS} 0`) throw new Error(`the board said: ${done}`);
      const { messages, octets } = figuresOf(established);
      return { messages, octets, script: image.script, device: null };
    } finally {
      await running.quit();
    }
  } finally {
    await lab.close();
  }
}

async function vectorsOn(row: EngineRow): Promise<void> {
  const missing = engineMissing(row.engine);
  if (missing !== false) {
    row.notes.push(`vectors: ${missing}`);
    return;
  }
  row.version = engineVersion(row.engine);
  const report = await runCases(row.engine, VECTORS_ENTRY, allVectors(), VECTOR_TIME);
  row.vectors = { passed: report.passed, total: report.total };
  if (report.failures.length > 0) row.notes.push(`vectors: ${report.failures[0].slice(0, 200)}`);
}

/** The board whose interpreter runs here, and why not. */
function interpreterBoard(): { board: Board | undefined; missing: string | false } {
  const board = listBoards()
    .map(loadBoard)
    .find(({ run, engines }) => run?.kind === 'interpreter' && engines.includes('espruino'));
  return { board, missing: board === undefined ? 'no board runs in its interpreter' : espruinoRunMissing() };
}

async function boardFigures(row: EngineRow, name: string, say: (text: string) => void): Promise<void> {
  const engine = row.engine as BoardEngine;
  if (engine === 'espruino') {
    const { board, missing } = interpreterBoard();
    if (missing !== false) row.notes.push(`board: ${missing}`);
    else {
      say(`${engine}: ${board!.name}`);
      row.special.native = await measureInterpreter(board!, false);
      row.general.native = await measureInterpreter(board!, true);
      row.notes.push(`handshake: on ${board!.name}; no board with Espruino runs in QEMU`);
    }
    return;
  }
  const board = loadBoard(name);
  const missing = board.engines.includes(engine) ? qemuMissing() || firmwareMissing(engine, board) : `not for ${name}`;
  if (missing !== false) {
    row.notes.push(`board: ${missing}`);
    return;
  }
  for (const device of ['special', 'general'] as const) {
    for (const kind of ['native', 'portable'] as const) {
      const what = `${device === 'special' ? 'specialised' : device} device, ${kind} cryptography`;
      say(`${engine}: ${name}, ${what}`);
      try {
        row[device][kind] = await measureBoard(name, engine, kind === 'portable', device === 'general');
      } catch (error) {
        row.notes.push(`board, ${what}: ${errorText(error)}`);
      }
    }
  }
}

/** Measures one engine, on the board of a name. `say` is told what is done next. */
export async function measureEngine(engine: Engine, name: string, say: (text: string) => void): Promise<EngineRow> {
  const none = (): DeviceFigures => ({ native: null, portable: null });
  const row: EngineRow = { engine, version: null, vectors: null, special: none(), general: none(), notes: [] };
  say(`${engine}: vectors`);
  await vectorsOn(row);
  try {
    await boardFigures(row, name, say);
  } catch (error) {
    row.notes.push(`board: ${errorText(error)}`);
  }
  return row;
}

const UNTESTED = 'untested';

function thousands(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Instructions, rounded as far as they repeat. */
function instructions(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : `${thousands(Math.round(value / 1000))} k`;
}

/** Two rows an engine, as Markdown: the specialised device, and the general one. */
export function engineTable(rows: readonly EngineRow[]): string {
  const head = [
    'engine',
    'vectors passed',
    'device',
    'handshake',
    'script, octets',
    'flash, octets',
    'RAM peak, octets (heap)',
    'instructions per secured packet, native (portable)',
    'instructions per handshake, native (portable)',
  ];
  const cell = (figures: BoardFigures | null, of: (device: NonNullable<BoardFigures['device']>) => string): string =>
    figures?.device == null ? UNTESTED : of(figures.device);
  const both = (
    { native, portable }: DeviceFigures,
    of: (device: NonNullable<BoardFigures['device']>) => string,
  ): string => {
    const cells = [cell(native, of), cell(portable, of)];
    return cells.every((text) => text === UNTESTED) ? UNTESTED : `${cells[0]} (${cells[1]})`;
  };
  const lines = rows.flatMap(({ engine, version, vectors, special, general }) =>
    [special, general].map((figures) => {
      const { native } = figures;
      return [
        version === null ? engine : `${engine} ${version}`,
        vectors === null ? UNTESTED : `${vectors.passed} of ${vectors.total}`,
        figures === special ? 'specialised' : 'general',
        native === null ? UNTESTED : `${native.messages} messages, ${native.octets} octets`,
        native === null ? UNTESTED : thousands(native.script),
        cell(native, ({ flash }) => thousands(flash)),
        cell(native, ({ memory, heap }) => `${thousands(memory)} (${thousands(heap)})`),
        both(figures, ({ perPacket }) => instructions(perPacket)),
        both(figures, ({ perHandshake }) => instructions(perHandshake)),
      ];
    }),
  );
  const text = [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const notes = rows.flatMap(({ engine, notes }) => notes.map((note) => `- ${engine}: ${note}`));
  return text + '\n' + (notes.length === 0 ? '' : `\n${notes.join('\n')}\n`);
}
