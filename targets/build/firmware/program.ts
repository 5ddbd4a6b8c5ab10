// Programs of this machine: its gcc compiles an engine, our glue and boards/common/posix.c with a bundle.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Board } from '../board-file.ts';
import { onPath } from '../engines.ts';
import { sourceRoot } from '../root.ts';
import { cryptoPart, enginePart, engineSourcesMissing, type FirmwareEngine, scriptOf } from './engine-parts.ts';
import { boardFile, type Firmware, type FirmwareOptions, GLUE, radioSources, scriptName } from './parts.ts';
import { compile, firmwareFolder, link, scriptUnit, sections, type Unit } from './toolchain.ts';

const COMPILER = 'gcc';

const COMMON_SOURCES = ['radio', 'console', 'crypto', 'x25519', 'spans'];

/** For our C. An engine's takes minutes to compile with them; what it gets from malloc is watched all the same. */
const SANITIZE = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer', '-g'];

/** Why no program for `engine` can be built here, or false. */
export function programMissing(engine: FirmwareEngine): string | false {
  if (process.platform !== 'linux') return 'programs are built on Linux only';
  if (onPath(COMPILER) === undefined) return `${COMPILER} not found (Debian package gcc)`;
  return engineSourcesMissing(engine, 'host');
}

/** Builds a program from a bundle's text. Throws a CommandError if it does not compile or link. */
export async function buildProgram(
  board: Board,
  engine: FirmwareEngine,
  text: string,
  options: FirmwareOptions,
): Promise<Firmware> {
  const script = await scriptOf(engine, board.core, text);
  const common = join(sourceRoot(), 'boards', 'common');
  const heap = options.heap ?? (board.heap[engine] as number);
  const sanitize = options.sanitize === true ? SANITIZE : [];
  const flags = ['-std=gnu11', '-O2', '-ffunction-sections', '-fdata-sections', '-fno-common'];
  const part = enginePart(engine, board.core, flags, common, script, heap);
  const crypto = cryptoPart(flags, common);
  const own = [
    ...flags,
    ...sanitize,
    '-Wall',
    '-Wextra',
    '-Werror',
    '-DPROVISION_SIZE=' + (board.provision?.size ?? 0),
    // JerryScript's heap is one block; the other engines count what they allocate.
    (engine === 'jerryscript' ? '-DHEAP_SIZE=' : '-DHEAP_LIMIT=') + heap,
    '-DMBEDTLS_CONFIG_FILE="mbedtls_config.h"',
    '-I' + common,
    ...[...part.include, ...crypto.include].map((folder) => '-isystem' + folder),
    ...(part.glue ?? []),
  ];
  const sources = [...COMMON_SOURCES, ...radioSources(board), ...GLUE[engine]].map((name) => join(common, name + '.c'));
  sources.push(...(board.build as { sources: string[] }).sources.map((name) => boardFile(board, name)));
  const units: Unit[] = sources.map((source) => ({ source, flags: own }));
  units.push(...part.units, ...crypto.units, scriptUnit({ ...script, strings: [] }, 8, ['-Wa,--noexecstack']));
  const objects = await compile(units, common, COMPILER);

  const ends = engine === 'jerryscript' ? [`-Wl,--defsym=__heap_end=__heap_start+${heap}`] : [];
  const linking = [...part.libraries, ...sanitize, '-Wl,--gc-sections', ...ends, '-lm'];
  const digest = createHash('sha256').update(JSON.stringify([objects, linking]));
  for (const file of part.libraries) digest.update(readFileSync(file));
  const name = scriptName(options);
  const elf = join(firmwareFolder(board.name), [engine, name, digest.digest('hex').slice(0, 12)].join('-') + '.elf');
  if (!existsSync(elf)) await link(objects, linking, elf, board.name + ' with ' + engine, COMPILER);
  return measure(elf, engine === 'jerryscript' ? 0 : heap, heap, script.octets.length);
}

/** `apart`: octets of the heap that are no static data. */
function measure(elf: string, apart: number, heap: number, script: number): Firmware {
  const found = sections(elf, '');
  const size = (name: string): number => found.get(name) ?? 0;
  const data = size('.data') + size('.data.rel.ro');
  return {
    elf,
    flash: size('.text') + size('.rodata') + size('.eh_frame') + data,
    ram: data + size('.bss') - (heap - apart),
    heap,
    stack: 0,
    script,
  };
}
