// Lua's sources for firmware: Debian's, with what the script does not use left out.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from '../../node/host/errors.ts';
import { packageSources, packageVersion } from './sources.ts';
import { type EnginePart, firmwareFolder, type Unit, writeOnce } from './toolchain.ts';

/** Without compiler and loader: the script is in flash, ready to run. */
const FILES =
  'lapi lauxlib lbaselib lctype ldebug ldo lfunc lgc lmathlib lmem lobject lopcodes lstate lstring lstrlib ltable ' +
  'ltablib ltm lvm lzio';

/** Values of 12 octets instead of 16: the core needs no 8-octet alignment. A 64-bit machine has enough memory for Lua's own. */
const PACKED = '-fpack-struct=4';

/** Lua's interpreter loop is worth the octets of -O2. */
const FAST = ['lvm', 'ltable'];

const LIBRARIES = ['lbaselib', 'lmathlib', 'lstrlib', 'ltablib'];
/** They need the compiler, or dump functions, which are in flash. */
const NEVER = ['load', 'loadfile', 'dofile', 'dump'];

/** Strings in flash are found before those in RAM. */
const INTERN = '  TString **list = &tb->hash[lmod(h, tb->size)];\n';
const FIND_IN_FLASH = '  TString *there = lua_flash_string(str, l, h);\n  if (there != NULL) return there;\n';

function withFlash(text: string): string {
  return text.replace('#include "lprefix.h"\n', '$&#include "lua_flash.h"\n#define luaC_fix lua_flash_fix\n');
}

/** A source as it is compiled. `texts`: the script's strings. A library keeps the functions whose names are among them. */
export function luaSource(name: string, text: string, texts: ReadonlySet<string>): string {
  if (name === 'lstring') {
    if (text.split(INTERN).length !== 2) throw new CommandError('lua5.4: lstring.c: is not that of Lua 5.4');
    return withFlash(text.replace(INTERN, INTERN + FIND_IN_FLASH));
  }
  if (name === 'ltm') return withFlash(text);
  if (!LIBRARIES.includes(name)) return text;
  const isKept = (word: string): boolean => texts.has(word) && !NEVER.includes(word);
  const random = isKept('random') || isKept('randomseed');
  return text
    .replace(/^ *\{"(\w+)", *(\w+)\},\n/gm, (line, word, value) => (value === 'NULL' || isKept(word) ? line : ''))
    .replace(/^ *setrandfunc\(L\);\n/m, (line) => (random ? line : ''));
}

/** What a script uses of Lua. */
export interface LuaUse {
  /** All its strings. */
  texts: ReadonlySet<string>;
  /** It has the operator `^`. */
  hasPower: boolean;
}

export function luaPart(flags: readonly string[], common: string, isHost: boolean, script: LuaUse): EnginePart {
  const sources = join(packageSources('lua5.4'), 'src');
  const packed = isHost ? [] : [PACKED];
  const power = script.hasPower ? ['-DLUA_WITH_POWER'] : [];
  const port = [...power, '-include', join(common, 'lua_port.h'), '-I', common, '-I', sources, ...packed];
  const version = '-DDEBIAN="' + packageVersion('lua5.4') + '"';
  const units: Unit[] = FILES.split(' ').map((name) => {
    const original = join(sources, name + '.c');
    const text = readFileSync(original, 'utf8');
    const own = luaSource(name, text, script.texts);
    return {
      source: own === text ? original : changed(name, own),
      flags: [
        ...flags,
        ...port,
        version,
        ...(FAST.includes(name) ? ['-O2'] : []),
        // Behind lua_port.h. Octets are indexed in Lua's own loop.
        ...(name === 'lvm' ? ['-include', join(common, 'lua_octets_vm.h')] : []),
      ],
    };
  });
  for (const name of ['lua_flash', 'lua_octets', 'lua_numbers']) {
    const ours = [...flags, ...port, '-Wall', '-Wextra', '-Werror'];
    units.push({ source: join(common, name + '.c'), flags: ours });
  }
  return { units, include: [sources], libraries: [], glue: packed };
}

function changed(name: string, text: string): string {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const file = join(firmwareFolder('lua-' + digest), name + '.c');
  writeOnce(file, text);
  return file;
}
