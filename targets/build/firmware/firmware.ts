// Firmware images: a TypeScript entry is bundled for an engine, and linked with the engine, our glue, the board's C and
// native cryptography into one ELF file below build/firmware/. Sizes are reported; what does not fit is refused.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { BOARD_MEMBERS, SPAN_MEMBERS } from '../../board/hooks.ts';
import { CommandError } from '../../node/config/errors.ts';
import type { Board, BoardEngine, Region } from '../board.ts';
import { bundle as bundleRun } from '../engines.ts';
import { bundleScript } from '../javascript.ts';
import { bundleLua } from '../luabundle.ts';
import { sourceRoot } from '../root.ts';
import { cryptoPart, enginePart, engineSourcesMissing, type FirmwareEngine, scriptOf } from './engines.ts';
import { compile, firmwareFolder, link, scriptUnit, sections, toolchainMissing, type Unit } from './toolchain.ts';

export type { FirmwareEngine } from './engines.ts';

export interface FirmwareOptions {
  /** A .ts file of the project; standard targets/ENGINE/main-native.ts: an image has all cryptography of its own. */
  entry?: string;
  /** Cases of an entry that exports `run(cases, emit)`; without them the entry is the program. */
  cases?: readonly (readonly string[])[];
  /** See ScriptOptions; the hooks' names are always kept. Standard: true, but not with cases. */
  mangle?: boolean | readonly string[];
  /** Octets of the engine's heap instead of the board's. */
  heap?: number;
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

/** Octets of stack: a script's calls nest in C on every engine. */
const STACK: Readonly<Record<FirmwareEngine, number>> = { lua: 8192, duktape: 16384, jerryscript: 9216 };

const COMMON_SOURCES = [
  'start',
  'semihosting',
  'syscalls',
  'radio',
  'console',
  'provision',
  'crypto',
  'x25519',
  'spans',
];
const GLUE: Readonly<Record<FirmwareEngine, readonly string[]>> = {
  lua: ['lua_glue', 'lua_spans'],
  duktape: ['duktape_glue'],
  jerryscript: ['jerry_glue', 'jerry_call', 'jerry_spans', 'jerry_port'],
};

/** Why no image for `engine` can be built here (for a test's skip), or false. With a board also what is not for its core. */
export function firmwareMissing(engine: BoardEngine, board?: Board): string | false {
  if (engine === 'espruino') return 'Espruino is firmware by itself';
  const toolchain = toolchainMissing();
  return toolchain === false ? engineSourcesMissing(engine, board?.core) : toolchain;
}

async function bundleText(engine: FirmwareEngine, options: FirmwareOptions): Promise<string> {
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

function boardFile(board: Board, name: string): string {
  const common = join(sourceRoot(), 'boards', 'common');
  for (const folder of [board.folder, common]) {
    if (existsSync(join(folder, name))) return join(folder, name);
  }
  throw new CommandError(`boards/${board.name}/board.json: build: ${name}: no such file there or in boards/common`);
}

/** Flash without the provisioning area at its end. */
function codeRegion(board: Board): Region {
  const flash = board.flash as Region;
  const end = flash.origin + flash.size;
  const at = board.provision?.address ?? end;
  return { origin: flash.origin, size: (at > flash.origin && at < end ? at : end) - flash.origin };
}

/** Builds an image. Throws a CommandError: what is missing, what does not compile, what does not fit. */
export async function buildFirmware(
  board: Board,
  engine: BoardEngine,
  options: FirmwareOptions = {},
): Promise<Firmware> {
  if (board.build.kind !== 'firmware') throw new CommandError(`board: ${board.name}: is not built as a firmware image`);
  if (!board.engines.includes(engine) || engine === 'espruino') {
    throw new CommandError(`engine: ${engine}: must be one of ${board.engines.join(', ')} on ${board.name}`);
  }
  const missing = firmwareMissing(engine, board);
  if (missing !== false) throw new CommandError(`firmware: ${missing}`);
  const script = await scriptOf(engine, await bundleText(engine, options));

  const common = join(sourceRoot(), 'boards', 'common');
  const cpu = ['-mcpu=' + board.core, '-mthumb', '-mfloat-abi=soft'];
  const flags = [...cpu, '-std=gnu11', '-Os', '-ffunction-sections', '-fdata-sections', '-fno-common'];
  const part = enginePart(engine, flags, common);
  const crypto = cryptoPart(flags, common);
  const own = [
    ...flags,
    '-Wall',
    '-Wextra',
    '-Werror',
    '-fno-tree-loop-distribute-patterns',
    '-DPROVISION_ADDRESS=' + (board.provision?.address ?? 0) + 'U',
    '-DPROVISION_SIZE=' + (board.provision?.size ?? 0),
    '-DMBEDTLS_CONFIG_FILE="mbedtls_config.h"',
    ...(board.build.defines ?? []).map((define) => '-D' + define),
    '-I' + common,
    ...[...part.include, ...crypto.include].map((folder) => '-isystem' + folder),
  ];
  const sources = COMMON_SOURCES.map((name) => join(common, name + '.c'));
  sources.push(...board.build.sources.map((name) => boardFile(board, name)));
  const units: Unit[] = sources.map((source) => ({ source, flags: own }));
  const glueFlags = [...own, ...(part.glue ?? [])];
  units.push(...GLUE[engine].map((name) => ({ source: join(common, name + '.c'), flags: glueFlags })));
  units.push(...part.units, ...crypto.units, scriptUnit(script.octets, script.strings, cpu));
  const objects = await compile(units, common);

  const heap = options.heap ?? (board.heap[engine] as number);
  const name = basename(options.entry ?? 'main.ts').replace(/(\.entry)?\.ts$/, '');
  const elf = await linkImage(board, engine, name, objects, part.libraries, [...cpu, ...memory(board, engine, heap)]);
  return measure(elf, script.octets.length);
}

/** The numbers of the linker script. */
function memory(board: Board, engine: FirmwareEngine, heap: number): string[] {
  const region = codeRegion(board);
  const ram = board.ram as Region;
  const symbols = {
    FLASH_ORIGIN: region.origin,
    FLASH_SIZE: region.size,
    RAM_ORIGIN: ram.origin,
    RAM_SIZE: ram.size,
    HEAP_SIZE: heap,
    STACK_SIZE: STACK[engine],
  };
  return Object.entries(symbols).map(([name, value]) => `-Wl,--defsym=${name}=${value}`);
}

/** An image of the same objects is not linked again. */
async function linkImage(
  board: Board,
  engine: FirmwareEngine,
  name: string,
  objects: readonly string[],
  libraries: readonly string[],
  flags: readonly string[],
): Promise<string> {
  const script = boardFile(board, (board.build as { linker: string }).linker);
  const linking = [...flags, '-nostartfiles', '-Wl,--gc-sections', '-T' + script, ...libraries, '-lm'];
  const digest = createHash('sha256').update(JSON.stringify([objects, linking]));
  for (const file of [script, ...libraries]) digest.update(readFileSync(file));
  const stem = [engine, name, digest.digest('hex').slice(0, 12)].join('-');
  const elf = join(firmwareFolder(board.name), stem + '.elf');
  if (!existsSync(elf)) await link(objects, linking, elf, board.name + ' with ' + engine);
  return elf;
}

function measure(elf: string, script: number): Firmware {
  const found = sections(elf);
  const size = (name: string): number => found.get(name) ?? 0;
  return {
    elf,
    flash: size('.text') + size('.ARM.exidx') + size('.data'),
    ram: size('.data') + size('.bss'),
    heap: size('.heap'),
    stack: size('.stack'),
    script,
  };
}
