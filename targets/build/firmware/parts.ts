// Shared by firmware images and programs: options, sizes, the bundle, and the search for C files.

import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { BOARD_MEMBERS, SPAN_MEMBERS } from '../../board/hooks.ts';
import { CommandError } from '../../node/host/errors.ts';
import type { Board } from '../board-file.ts';
import { bundle as bundleRun } from '../engines.ts';
import { bundleScript } from '../javascript.ts';
import { bundleLua } from '../lua-bundle.ts';
import { sourceRoot } from '../root.ts';
import type { FirmwareEngine } from './engine-parts.ts';

export interface FirmwareOptions {
  /** A .ts file of the project. Default: targets/ENGINE/main-native.ts, as an image has all cryptography natively. */
  entry?: string;
  /** Instead of an entry: a script made before (with the board's functions for spans), and a name for its file. */
  script?: { name: string; text: string };
  /** Cases for an entry that exports `run(cases, emit)`. Without them the entry is the program. */
  cases?: readonly (readonly string[])[];
  /** See ScriptOptions; the hooks' names are always kept. Default: true without cases, false with them. */
  mangle?: boolean | readonly string[];
  /** Octets of the engine's heap instead of the board's. */
  heap?: number;
  /** Build with AddressSanitizer and UndefinedBehaviorSanitizer; only for programs. */
  sanitize?: boolean;
}

/** Sizes in octets. */
export interface Firmware {
  elf: string;
  flash: number;
  /** Static data: all but heap and stack. */
  ram: number;
  heap: number;
  stack: number;
  /** The bundle, byte code or snapshot; included in `flash`. */
  script: number;
}

export const GLUE: Readonly<Record<FirmwareEngine, readonly string[]>> = {
  lua: ['lua_glue', 'lua_spans'],
  duktape: ['duktape_glue'],
  jerryscript: ['jerry_glue', 'jerry_call', 'jerry_spans', 'jerry_port'],
};

/** C files of boards/common for a board's radio, beside those that its file names. */
export function radioSources(board: Board): string[] {
  const { kind } = board.radio;
  if (kind === 'uart-pipe') return ['radio_pipe'];
  return kind === 'mrf24j40' ? ['radio_frames', 'mrf24j40'] : ['radio_frames'];
}

/** Name of what an image runs, in its file's name. */
export function scriptName(options: FirmwareOptions): string {
  return options.script?.name ?? basename(options.entry ?? 'main.ts').replace(/(\.entry)?\.ts$/, '');
}

/** Pins of an MRF24J40 in firmware, by the names of board.json and of C. */
const PINS = { sck: 'SCK', miso: 'MISO', mosi: 'MOSI', cs: 'CS', irq: 'INT' };
const OTHER_PINS = { reset: 'RESET', power: 'POWER' };

/** Macros with a radio's SPI and pins. Throws a CommandError: one is missing or is none. */
export function radioDefines(board: Board): string[] {
  const { radio } = board;
  if (radio.kind !== 'mrf24j40') return [];
  const fail = (name: string, limit: string): never => {
    const value = radio[name] === undefined ? '(missing)' : String(radio[name]);
    throw new CommandError(`boards/${board.name}/board.json: radio.${name}: ${value}: ${limit}`);
  };
  if (radio['spi'] !== 1 && radio['spi'] !== 2) fail('spi', 'must be 1 or 2');
  const defines = [`RADIO_SPI=${radio['spi']}`];
  for (const [name, macro] of Object.entries({ ...PINS, ...OTHER_PINS })) {
    if (name in OTHER_PINS && radio[name] === undefined) continue;
    const found = /^P([A-I])(\d|1[0-5])$/.exec(String(radio[name]));
    if (found === null) fail(name, 'must be a pin, such as PB12');
    else defines.push(`RADIO_${macro}=${16 * 'ABCDEFGHI'.indexOf(found[1]) + Number(found[2])}`);
  }
  return defines;
}

export async function bundleText(engine: FirmwareEngine, options: FirmwareOptions): Promise<string> {
  if (options.script !== undefined) return options.script.text;
  const root = sourceRoot();
  const entry = resolve(root, options.entry ?? join('targets', engine, 'main-native.ts'));
  if (!existsSync(entry)) throw new CommandError(`entry: ${entry}: no such file`);
  const wanted = options.mangle ?? options.cases === undefined;
  const mangle = wanted === false ? false : [...BOARD_MEMBERS, ...SPAN_MEMBERS, ...(wanted === true ? [] : wanted)];
  const nativeSpans = true;
  if (options.cases !== undefined) {
    return readFileSync(await bundleRun(entry, engine, { mangle, cases: options.cases, nativeSpans }), 'utf8');
  }
  if (engine === 'lua') return bundleLua(entry, nativeSpans);
  return (await bundleScript(entry, engine, { mangle, nativeSpans })).text;
}

/** Path of a source in the board's folder or in boards/common. */
export function boardFile(board: Board, name: string): string {
  const common = join(sourceRoot(), 'boards', 'common');
  for (const folder of [board.folder, common]) {
    if (existsSync(join(folder, name))) return join(folder, name);
  }
  throw new CommandError(`boards/${board.name}/board.json: build: ${name}: no such file there or in boards/common`);
}
