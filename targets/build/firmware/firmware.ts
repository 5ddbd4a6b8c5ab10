// Firmware images. It bundles a TypeScript entry for an engine and links it with the engine, our glue, the board's C and
// native cryptography into one ELF file below build/firmware/. It reports sizes and refuses an image that does not fit.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from '../../node/host/errors.ts';
import type { Board, BoardEngine, Region } from '../board-file.ts';
import { sourceRoot } from '../root.ts';
import {
  cryptoPart,
  DUKTAPE_SMALL,
  enginePart,
  engineSourcesMissing,
  type FirmwareEngine,
  scriptOf,
} from './engine-parts.ts';
import {
  boardFile,
  bundleText,
  type Firmware,
  type FirmwareOptions,
  GLUE,
  radioDefines,
  radioSources,
  scriptName,
} from './parts.ts';
import { buildProgram, programMissing } from './program.ts';
import { compile, firmwareFolder, link, scriptUnit, sections, toolchainMissing, type Unit } from './toolchain.ts';

export type { FirmwareEngine } from './engine-parts.ts';
export type { Firmware, FirmwareOptions } from './parts.ts';

/** Octets of stack. On every engine a script's nested calls nest in C. */
const STACK: Readonly<Record<FirmwareEngine, number>> = { lua: 8192, duktape: 16384, jerryscript: 9216 };

const COMMON_SOURCES = [
  'start',
  'semihosting',
  'syscalls',
  'radio',
  'console',
  'provision',
  'record',
  'crypto',
  'x25519',
  'spans',
];
/** Why no image for `engine` can be built (for a test's skip), or false. With a board, it also checks the core. */
export function firmwareMissing(engine: BoardEngine, board?: Board): string | false {
  if (engine === 'espruino') return 'Espruino is firmware by itself';
  if (board?.build.kind === 'program') return programMissing(engine);
  const toolchain = toolchainMissing();
  return toolchain === false ? engineSourcesMissing(engine, board?.core) : toolchain;
}

/** Flash without the areas at its end, for provisioning and for the record. */
function codeRegion(board: Board): Region {
  const { origin, size } = board.flash as Region;
  const isInside = (at: number | undefined): at is number => at !== undefined && at > origin && at < origin + size;
  const areas = [board.provision?.address, board.record?.address].filter(isInside);
  return { origin, size: Math.min(origin + size, ...areas) - origin };
}

/** Builds an image or a program. Throws a CommandError: something is missing, does not compile, or does not fit. */
export async function buildFirmware(
  board: Board,
  engine: BoardEngine,
  options: FirmwareOptions = {},
): Promise<Firmware> {
  if (board.build.kind === 'module') throw new CommandError(`board: ${board.name}: is not built as a firmware image`);
  if (!board.engines.includes(engine) || engine === 'espruino') {
    throw new CommandError(`engine: ${engine}: must be one of ${board.engines.join(', ')} on ${board.name}`);
  }
  const missing = firmwareMissing(engine, board);
  if (missing !== false) throw new CommandError(`firmware: ${missing}`);
  if (board.build.kind === 'program') {
    return buildProgram(board, engine, await bundleText(engine, options), options);
  }
  const script = await scriptOf(engine, board.core, await bundleText(engine, options));

  const common = join(sourceRoot(), 'boards', 'common');
  const cpu = ['-mcpu=' + board.core, '-mthumb', '-mfloat-abi=soft'];
  const flags = [...cpu, '-std=gnu11', '-Os', '-ffunction-sections', '-fdata-sections', '-fno-common'];
  const most = board.heap[engine] as number;
  // What is made for one profile fits a small heap, where objects are smaller.
  const isSmall = engine === 'duktape' && options.script !== undefined;
  const heap = options.heap ?? (isSmall ? Math.min(most, DUKTAPE_SMALL) : most);
  const part = enginePart(engine, board.core, flags, common, script, heap);
  const crypto = cryptoPart(flags, common);
  const own = [
    ...flags,
    '-Wall',
    '-Wextra',
    '-Werror',
    '-fno-tree-loop-distribute-patterns',
    '-DPROVISION_ADDRESS=' + (board.provision?.address ?? 0) + 'U',
    '-DPROVISION_SIZE=' + (board.provision?.size ?? 0),
    '-DRECORD_ADDRESS=' + (board.record?.address ?? 0) + 'U',
    '-DRECORD_SIZE=' + (board.record?.size ?? 0),
    '-DMBEDTLS_CONFIG_FILE="mbedtls_config.h"',
    ...[...(board.build.defines ?? []), ...radioDefines(board)].map((define) => '-D' + define),
    '-I' + common,
    ...[...part.include, ...crypto.include].map((folder) => '-isystem' + folder),
  ];
  const sources = [...COMMON_SOURCES, ...radioSources(board)].map((name) => join(common, name + '.c'));
  const named = [...board.build.sources, ...((board.radio['sources'] ?? []) as string[])];
  sources.push(...named.map((name) => boardFile(board, name)));
  const units: Unit[] = sources.map((source) => ({ source, flags: own }));
  const glueFlags = [...own, ...(part.glue ?? [])];
  units.push(...GLUE[engine].map((name) => ({ source: join(common, name + '.c'), flags: glueFlags })));
  units.push(...part.units, ...crypto.units, scriptUnit(script, 4, cpu));
  const objects = await compile(units, common);

  const name = scriptName(options);
  const elf = await linkImage(board, engine, name, objects, part.libraries, [...cpu, ...memory(board, engine, heap)]);
  return measure(elf, script.octets.length);
}

/** The linker script's numbers. */
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

/** Links an image, unless it exists from the same objects. */
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
