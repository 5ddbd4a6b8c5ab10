// What each engine does and costs: the vector files on this machine's engine, and the application of a board in QEMU
// with counted instructions, once with native cryptography and once with portable code alone. What cannot be measured
// here is null.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BoardEngine, loadBoard } from '../../build/board.ts';
import { type Engine, engineMissing, engineVersion, runCases } from '../../build/engines.ts';
import { buildFirmware, firmwareMissing } from '../../build/firmware/firmware.ts';
import { sourceRoot } from '../../build/root.ts';
import { casesOf, type VectorFile } from '../../build/vectorfile.ts';
import { createLab } from '../boards/lab.ts';
import { readProvision } from '../boards/provision.ts';
import { qemuMissing, startQemu } from '../boards/qemu.ts';
import { figuresOf } from '../boards/run.ts';
import { errorText } from '../config/errors.ts';

/** Instructions in a tick of `Board.ticks`: 25 MHz, and a nanosecond for an instruction with -icount shift=0. */
const INSTRUCTIONS_PER_TICK = 40;
const READINGS = 10;
const SAMPLES = 9;
const VECTOR_TIME = 600000;
/** Milliseconds for a handshake in portable code on the slowest engine, on a machine that does much else. */
const RUN_TIME = 600000;
const STATS_TIME = 60000;
const BOARD = 'qemu-mps2-an386';
const VECTOR_FILES = ['diet-esp.json', 'own.json'];
const VECTORS_ENTRY = 'targets/build/vectors.entry.ts';
const PORTABLE_ENTRY = 'targets/build/portable.entry.ts';

/** Figures of a run on the board; instructions, octets. */
export interface BoardFigures {
  messages: number;
  octets: number;
  flash: number;
  script: number;
  /** Peaks. */
  memory: number;
  heap: number;
  perHandshake: number;
  perPacket: number;
}

export interface EngineRow {
  engine: Engine;
  version: string | null;
  vectors: { passed: number; total: number } | null;
  native: BoardFigures | null;
  portable: BoardFigures | null;
  /** Why what is null was not measured, or what went wrong. */
  notes: string[];
}

/** Cases of the vector files of Diet-ESP and ESP. */
export function allVectors(): string[][] {
  const folder = join(sourceRoot(), 'test', 'vectors');
  return VECTOR_FILES.flatMap((name) => casesOf(JSON.parse(readFileSync(join(folder, name), 'utf8')) as VectorFile));
}

/** Runs the application on the board, in virtual time that counts instructions, until it has sent some readings. */
export async function measureBoard(engine: BoardEngine, isPortable: boolean): Promise<BoardFigures> {
  const board = loadBoard(BOARD);
  const made = await buildFirmware(board, engine, isPortable ? { entry: PORTABLE_ENTRY } : {});
  const lab = await createLab({
    nodes: 1,
    seed: 1,
    loss: 0,
    secret: 'engines',
    count: READINGS,
    interval: 0.01,
    patient: true,
  });
  try {
    const running = await startQemu({
      machine: board.run!.kind === 'qemu' ? board.run!.machine : '',
      kernel: made.elf,
      blob: { octets: readProvision('the board', lab.nodes[0].file), address: board.provision!.address },
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
        flash: made.flash,
        script: made.script,
        memory: stats.memory,
        heap: stats.heap,
        perHandshake: stats['ticks-handshake'] * INSTRUCTIONS_PER_TICK,
        perPacket: middle * INSTRUCTIONS_PER_TICK,
      };
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

/** Measures one engine. `say` is told what is done next. */
export async function measureEngine(engine: Engine, say: (text: string) => void): Promise<EngineRow> {
  const row: EngineRow = { engine, version: null, vectors: null, native: null, portable: null, notes: [] };
  say(`${engine}: vectors`);
  await vectorsOn(row);
  const isOnBoard = loadBoard(BOARD).engines.includes(engine as BoardEngine);
  const missing = isOnBoard ? qemuMissing() || firmwareMissing(engine as BoardEngine, loadBoard(BOARD)) : false;
  if (!isOnBoard) row.notes.push(`board: ${engine} runs on no board that QEMU has`);
  else if (missing !== false) row.notes.push(`board: ${missing}`);
  else {
    for (const kind of ['native', 'portable'] as const) {
      say(`${engine}: ${BOARD}, ${kind} cryptography`);
      try {
        row[kind] = await measureBoard(engine as BoardEngine, kind === 'portable');
      } catch (error) {
        row.notes.push(`board, ${kind} cryptography: ${errorText(error)}`);
      }
    }
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

/** One row a engine, as Markdown. */
export function engineTable(rows: readonly EngineRow[]): string {
  const head = [
    'engine',
    'vectors passed',
    'handshake',
    'script, octets',
    'flash, octets',
    'RAM peak, octets (heap)',
    'instructions per secured packet, native (portable)',
    'instructions per handshake, native (portable)',
  ];
  const both = (row: EngineRow, of: (figures: BoardFigures) => number): string =>
    row.native === null && row.portable === null
      ? UNTESTED
      : `${row.native === null ? UNTESTED : instructions(of(row.native))} (${row.portable === null ? UNTESTED : instructions(of(row.portable))})`;
  const lines = rows.map((row) => {
    const { engine, version, vectors, native } = row;
    return [
      version === null ? engine : `${engine} ${version}`,
      vectors === null ? UNTESTED : `${vectors.passed} of ${vectors.total}`,
      native === null ? UNTESTED : `${native.messages} messages, ${native.octets} octets`,
      native === null ? UNTESTED : thousands(native.script),
      native === null ? UNTESTED : thousands(native.flash),
      native === null ? UNTESTED : `${thousands(native.memory)} (${thousands(native.heap)})`,
      both(row, (figures) => figures.perPacket),
      both(row, (figures) => figures.perHandshake),
    ];
  });
  const text = [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const notes = rows.flatMap(({ engine, notes }) => notes.map((note) => `- ${engine}: ${note}`));
  return text + '\n' + (notes.length === 0 ? '' : `\n${notes.join('\n')}\n`);
}
