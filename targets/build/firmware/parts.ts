// What firmware images and programs have in common: options, sizes, the bundle, and where C is found.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BOARD_MEMBERS, SPAN_MEMBERS } from '../../board/hooks.ts';
import { CommandError } from '../../node/host/errors.ts';
import type { Board } from '../board-file.ts';
import { bundle as bundleRun } from '../engines.ts';
import { bundleScript } from '../javascript.ts';
import { bundleLua } from '../lua-bundle.ts';
import { sourceRoot } from '../root.ts';
import type { FirmwareEngine } from './engine-parts.ts';

export interface FirmwareOptions {
  /** A .ts file of the project; standard targets/ENGINE/main-native.ts: an image has all cryptography of its own. */
  entry?: string;
  /** Cases of an entry that exports `run(cases, emit)`; without them the entry is the program. */
  cases?: readonly (readonly string[])[];
  /** See ScriptOptions; the hooks' names are always kept. Standard: true, but not with cases. */
  mangle?: boolean | readonly string[];
  /** Octets of the engine's heap instead of the board's. */
  heap?: number;
  /** A program with AddressSanitizer and UndefinedBehaviorSanitizer; not for firmware. */
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
  /** The bundle, byte code or snapshot, a part of `flash`. */
  script: number;
}

export const GLUE: Readonly<Record<FirmwareEngine, readonly string[]>> = {
  lua: ['lua_glue', 'lua_spans'],
  duktape: ['duktape_glue'],
  jerryscript: ['jerry_glue', 'jerry_call', 'jerry_spans', 'jerry_port'],
};

export async function bundleText(engine: FirmwareEngine, options: FirmwareOptions): Promise<string> {
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

/** Path of a board's own source, or of one that boards share. */
export function boardFile(board: Board, name: string): string {
  const common = join(sourceRoot(), 'boards', 'common');
  for (const folder of [board.folder, common]) {
    if (existsSync(join(folder, name))) return join(folder, name);
  }
  throw new CommandError(`boards/${board.name}/board.json: build: ${name}: no such file there or in boards/common`);
}
