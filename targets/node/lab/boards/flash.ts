// Puts what a board runs on the board: Espruino boards through their serial port, others with the programmer that their
// board.json names. All that can be refused is, before an octet is sent.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { readBlob } from '../../../board/blob.ts';
import type { Board, BoardEngine } from '../../../build/board-file.ts';
import { onPath } from '../../../build/engines.ts';
import { radioDefines } from '../../../build/firmware/parts.ts';
import { readText } from '../../host/document.ts';
import { CommandError } from '../../host/errors.ts';
import { shellWord } from '../../host/shell.ts';
import { buildBoard } from './build.ts';
import { checkImage } from './image.ts';
import { atEnd } from './leavings.ts';
import { readProvision } from './provision.ts';
import { provisionOf } from './special.ts';
import { deviceOf, isGeneralFor } from './start.ts';

/** What is to be done. */
export interface FlashPlan {
  board: Board;
  engine: BoardEngine;
  /** Espruino: a serial port, or tcp://HOST:PORT. */
  port?: string;
  /** ELF, HEX or plain octets, or a script; default: built now. */
  image?: string;
  /** A sensor file: keys and policy go to the board too. */
  provision?: string;
  /** The general device, not the one of the file's profile. */
  isGeneral: boolean;
  /** Print the commands, and send nothing. */
  dryRun: boolean;
}

/** Takes a line about what is done, or a command. */
export type Print = (line: string) => void;

/** A program with its arguments: one step of flashing. */
type Step = [program: string, ...args: string[]];

/** What the board is to read, and where its flash has it. */
interface Blob {
  file: string;
  address: number;
}

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

function textOf(board: Board, name: string): string {
  const value = board.flashing[name];
  if (typeof value !== 'string' || value === '') {
    throw new CommandError(`boards/${board.name}/board.json: flashing.${name}: (missing): is required`);
  }
  return value;
}

/** What openocd does: an ELF or HEX file knows its addresses, plain octets go to the start of the flash. */
function openocdSteps(board: Board, image: string, blob: Blob | null): Step[] {
  // A word of openocd's language; what would end it there would be obeyed.
  const quoted = (file: string): string => {
    if (/[{}\\\n\r]/.test(file)) throw new CommandError(`${file}: openocd takes no name with {, }, \\ or a line end`);
    return `{${file}}`;
  };
  const origin = /\.bin$/i.test(image) ? ` ${hex(board.flash?.origin ?? 0)}` : '';
  const commands = [`program ${quoted(image)} verify${origin}`];
  if (blob !== null) commands.push(`program ${quoted(blob.file)} verify ${hex(blob.address)}`);
  return [['openocd', '-f', textOf(board, 'config'), '-c', [...commands, 'reset run', 'exit'].join('; ')]];
}

/** st-flash writes plain octets: made with objcopy where the image is an ELF file. */
function stlinkSteps(board: Board, image: string, blob: Blob | null, folder: string): Step[] {
  const steps: Step[] = [];
  let octets = image;
  if (!['.bin', '.hex'].includes(extname(image).toLowerCase())) {
    octets = join(folder, 'image.bin');
    steps.push(['arm-none-eabi-objcopy', '-O', 'binary', image, octets]);
  }
  if (blob !== null) steps.push(['st-flash', 'write', blob.file, hex(blob.address)]);
  if (octets.endsWith('.hex')) steps.push(['st-flash', '--reset', '--format', 'ihex', 'write', octets]);
  else steps.push(['st-flash', '--reset', 'write', octets, hex(board.flash?.origin ?? 0)]);
  return steps;
}

function commandText(step: Step): string {
  return step.map(shellWord).join(' ');
}

function runStep([program, ...args]: Step): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** Runs the steps; the first that fails ends it. */
async function perform(steps: Step[], print: Print): Promise<void> {
  for (const step of steps) print(commandText(step));
  for (const step of steps) {
    const code = await runStep(step);
    if (code !== 0) throw new CommandError(`${step[0]} ended with ${code}`);
  }
}

/** Pins without which the script would stop at its start. Firmware's are checked where it is built. */
function checkPlace(board: Board): void {
  const { radio } = board;
  if (radio.kind !== 'mrf24j40') return;
  if (board.build.kind === 'firmware') {
    radioDefines(board);
    return;
  }
  const missing = ['cs', 'irq'].find((pin) => (radio as Record<string, unknown>)[pin] === undefined);
  if (missing === undefined) return;
  const where = `boards/${board.name}/board.json: radio.${missing}`;
  throw new CommandError(`${where}: (missing): the pin of the radio must be there before the board is flashed`);
}

/** Milliseconds that an MRF24J40 may take for a frame, with its back-offs and repetitions. */
const MRF24J40_WAIT = 250;

/** A radio that repeats frames by itself must not be interrupted by the sensor's own repetitions. */
function checkWait(board: Board, file: string, blob: Uint8Array): void {
  if (board.radio.kind !== 'mrf24j40') return;
  const { config } = readBlob(blob, blob.length);
  const wait = config === null ? MRF24J40_WAIT : config.ackWait / 1000;
  if (wait >= MRF24J40_WAIT) return;
  throw new CommandError(`${file}: radio.ackWait: ${wait}: must be ${MRF24J40_WAIT} at least with an MRF24J40`);
}

/** Flashes, or with `dryRun` prints the commands. Throws a CommandError; see FlashPlan. */
export async function flashBoard(plan: FlashPlan, print: Print): Promise<void> {
  const { board, engine, dryRun } = plan;
  const isGeneral = isGeneralFor(board, plan.isGeneral);
  const show = (steps: Step[]): void => {
    for (const step of steps) print(commandText(step));
  };
  const { kind } = board.flashing;
  if (kind === 'qemu') {
    throw new CommandError(
      `--board: ${board.name} is an emulated board: \`dietesp run --board ${board.name}\` starts it`,
      2,
    );
  }
  if (kind === 'none') throw new CommandError(`--board: ${board.name}: has nothing to flash`, 2);
  // All that can be refused is, before anything is sent.
  if (kind === 'espruino' && plan.port === undefined && !dryRun) {
    throw new CommandError('--port: (missing): a serial port, or tcp://HOST:PORT', 2);
  }
  checkPlace(board);
  const sensor = plan.provision === undefined ? null : { file: plan.provision, text: readText(plan.provision) };
  const octets = sensor === null ? null : provisionOf(sensor.file, sensor.text, isGeneral);
  if (sensor !== null) checkWait(board, sensor.file, readProvision(sensor.file, sensor.text));
  if (octets !== null && kind !== 'espruino') {
    if (board.provision === null) throw new CommandError(`--provision: ${board.name} has no provisioning area`, 2);
    if (octets.length > board.provision.size) {
      throw new CommandError(`--provision: ${octets.length} octets: must be ${board.provision.size} at most`);
    }
  }
  const image = plan.image ?? (await buildBoard(board, engine, deviceOf(board, sensor, isGeneral, '--provision'))).file;
  const general = plan.isGeneral ? ['--general'] : [];
  const size = checkImage(board, image);
  print(`${board.name}: ${image}, ${size} octets`);
  if (kind === 'espruino') {
    if (dryRun) {
      const provision = plan.provision === undefined ? [] : ['--provision', plan.provision, ...general];
      show([
        ['dietesp', 'flash', '--board', board.name, '--image', image, ...provision, '--port', plan.port ?? 'PORT'],
      ]);
      return;
    }
    const { flashEspruino } = await import('./espruino-flash.ts');
    await flashEspruino({ board, file: image, port: plan.port!, ...(octets === null ? {} : { blob: octets }) });
    print(`${board.name}: written to ${plan.port} and read back`);
    return;
  }
  const stepsWith = (blob: Blob | null, folder: string): Step[] => {
    if (kind === 'openocd') return openocdSteps(board, image, blob);
    if (kind === 'stlink') return stlinkSteps(board, image, blob, folder);
    const where = `boards/${board.name}/board.json: flashing.kind: ${kind}`;
    throw new CommandError(`${where}: is done by hand, see the board's page`);
  };
  // Commands for somebody else's hands name files that he has, or that the first command makes.
  const byHand = (): Step[] => {
    if (octets === null) return stepsWith(null, '');
    const blob = { file: 'provision.bin', address: board.provision!.address };
    const words = ['--config', plan.provision!, '--out', blob.file, ...general];
    return [['dietesp', 'provision', ...words], ...stepsWith(blob, '')];
  };
  if (dryRun) {
    show(byHand());
    return;
  }
  const missing = stepsWith(null, '')
    .map(([program]) => program)
    .find((program) => onPath(program) === undefined);
  if (missing !== undefined) {
    show(byHand());
    throw new CommandError(`${missing} not found on PATH: nothing was sent; the commands above do it elsewhere`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-flash-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const forget = atEnd(remove);
  try {
    let blob: Blob | null = null;
    if (octets !== null) {
      blob = { file: join(folder, 'provision.bin'), address: board.provision!.address };
      writeFileSync(blob.file, octets, { mode: 0o600 });
    }
    await perform(stepsWith(blob, folder), print);
  } finally {
    remove();
    forget();
  }
}
