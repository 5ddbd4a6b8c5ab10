// Per engine: the C sources and flags of its firmware, and the step from a bundle to the octets of `script`.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from '../../node/host/errors.ts';
import { onPath } from '../engines.ts';
import { flashLua } from './lua-code.ts';
import { type LuaUse, luaPart } from './lua-part.ts';
import { staticSnapshot } from './snapshot.ts';
import { type PackageName, packageSources, packageVersion, sourcesMissing } from './sources.ts';
import { attributes, type EnginePart, firmwareFolder, isFile, pointedStrings, writeOnce } from './toolchain.ts';

export type FirmwareEngine = 'lua' | 'duktape' | 'jerryscript';

/** Octets of heap up to which an address in it has 16 bits. */
export const DUKTAPE_SMALL = 0x40000;

/** Debian's prepared sources with our options. The tool for other sources needs a Python that Debian no longer has. */
function duktapePart(flags: readonly string[], common: string, isSmall: boolean): EnginePart {
  const sources = join(packageSources('duktape'), 'src');
  const files = isSmall ? ['duktape_options.h', 'duktape_small.h'] : ['duktape_options.h'];
  const options = files.map((name) => readFileSync(join(common, name), 'utf8')).join('');
  const config = readFileSync(join(sources, 'duk_config.h'), 'utf8').replace(/#endif[^\n]*\n*$/, options + '$&');
  const digest = createHash('sha256').update(config).digest('hex').slice(0, 12);
  const folder = firmwareFolder('duktape-' + digest);
  for (const name of ['duktape.c', 'duktape.h']) writeOnce(join(folder, name), readFileSync(join(sources, name)));
  writeOnce(join(folder, 'duk_config.h'), config);
  const source = join(folder, 'duktape.c');
  return { units: [{ source, flags: [...flags, '-I', folder] }], include: [folder], libraries: [] };
}

/** A core, as in the board's file. `host`: this machine. */
const HOST = 'host';

/** An engine that the user has to install is not there. */
export class EngineMissing extends CommandError {}

/** The installed JerryScript: headers and static libraries in JERRYSCRIPT_ROOT, for programs in JERRYSCRIPT_HOST_ROOT. */
function jerryRoot(core?: string): string {
  const isHost = core === HOST;
  const variable = isHost ? 'JERRYSCRIPT_HOST_ROOT' : 'JERRYSCRIPT_ROOT';
  const root = process.env[variable] ?? '';
  const what = isHost ? 'this machine' : 'Cortex-M';
  if (root === '') throw new EngineMissing(`${variable} is not set (JerryScript for ${what}, tested with 3.0.0)`);
  for (const file of ['include/jerryscript.h', 'lib/libjerry-core.a']) {
    if (!isFile(join(root, file))) throw new CommandError(`${variable}: ${root}: has no ${file}`);
  }
  return root;
}

function jerryPart(core?: string): EnginePart {
  const root = jerryRoot(core);
  const libraries = ['jerry-core', 'jerry-math'].map((name) => join(root, 'lib', `lib${name}.a`)).filter(isFile);
  // Another library in the same place must compile our glue again.
  const digest = createHash('sha256').update(readFileSync(libraries[0])).digest('hex').slice(0, 16);
  return { units: [], include: [join(root, 'include')], libraries, glue: ['-DLIBRARY="' + digest + '"'] };
}

/** Values of a library's Tag_CPU_arch that an image for a core can link. */
const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  'cortex-m3': ['v6-M', 'v6S-M', 'v7'],
  'cortex-m4': ['v6-M', 'v6S-M', 'v7', 'v7E-M'],
};

/** Why the installed JerryScript does not fit a core, or false. */
export function jerryMisfit(core: string): string | false {
  if (core === HOST) return false;
  const found = attributes(join(jerryRoot(), 'lib', 'libjerry-core.a'));
  const allowed = ARCHITECTURES[core];
  const wrong = [...(found.get('Tag_CPU_arch') ?? ['unknown'])].find((arch) => !(allowed ?? []).includes(arch));
  if (wrong !== undefined) return `JERRYSCRIPT_ROOT: built for ${wrong}, which ${core} does not run`;
  if (found.has('Tag_ABI_VFP_args')) return 'JERRYSCRIPT_ROOT: built with -mfloat-abi=hard: must be soft';
  return false;
}

/** The engine's own strings in its order, read from its library's table. */
function jerryStrings(folder: string): string[] {
  const library = join(jerryRoot(), 'lib', 'libjerry-core.a');
  return pointedStrings(library, 'lit_get_magic_string_utf8', 'lit_magic_strings', folder);
}

export function enginePart(
  engine: FirmwareEngine,
  core: string,
  flags: readonly string[],
  common: string,
  script: Script,
  heap: number,
): EnginePart {
  if (engine === 'lua') return luaPart(flags, common, core === HOST, script);
  if (engine === 'duktape') return duktapePart(flags, common, core !== HOST && heap <= DUKTAPE_SMALL);
  return jerryPart(core);
}

/** AES and SHA-256 of Mbed TLS. */
export function cryptoPart(flags: readonly string[], common: string): EnginePart {
  const folder = packageSources('mbedtls');
  const include = join(folder, 'include');
  const config = ['-DMBEDTLS_CONFIG_FILE="mbedtls_config.h"', '-I', common, '-I', include];
  const version = '-DDEBIAN="' + packageVersion('mbedtls') + '"';
  const units = ['aes', 'sha256', 'platform_util'].map((name) => ({
    source: join(folder, 'library', name + '.c'),
    flags: [...flags, ...config, version, '-O2'],
  }));
  return { units, include: [include], libraries: [] };
}

const PACKAGES: Readonly<Record<FirmwareEngine, readonly PackageName[]>> = {
  lua: ['lua5.4', 'mbedtls'],
  duktape: ['duktape', 'mbedtls'],
  jerryscript: ['mbedtls'],
};

/** Why an engine's sources are missing, or false. */
export function engineSourcesMissing(engine: FirmwareEngine, core?: string): string | false {
  if (engine === 'lua' && onPath('luac5.4') === undefined) return 'luac5.4 not found (Debian package lua5.4)';
  if (engine === 'jerryscript') {
    if (onPath('jerry-snapshot') === undefined) return 'jerry-snapshot not found on PATH (tested with 3.0.0)';
    try {
      const misfit = core === undefined ? false : jerryMisfit(core);
      jerryRoot(core);
      if (misfit !== false) return misfit;
    } catch (error) {
      return (error as Error).message;
    }
  }
  for (const name of PACKAGES[engine]) {
    const reason = sourcesMissing(name);
    if (reason !== false) return reason;
  }
  return false;
}

/** The content of `script`, see scriptUnit. */
export interface Script extends LuaUse {
  octets: Uint8Array;
  /** Offsets of addresses in it; Lua's alone. */
  pointers: readonly number[];
  /** Strings that JerryScript finds in flash; none for others. */
  strings: readonly Uint8Array[];
}

const NO_TEXTS: ReadonlySet<string> = new Set();

function plain(octets: Uint8Array, strings: readonly Uint8Array[] = []): Script {
  return { octets, pointers: [], strings, texts: NO_TEXTS, hasPower: false };
}

/** Makes the script of a bundle for a core; on HOST JerryScript's is copied to RAM. */
export async function scriptOf(engine: FirmwareEngine, core: string, bundle: string): Promise<Script> {
  // Several builds may run at once.
  const folder = mkdtempSync(join(firmwareFolder('scripts'), 'making-'));
  try {
    if (engine === 'lua') {
      writeFileSync(join(folder, 'script.lua'), bundle);
      execFileSync('luac5.4', ['-s', '-o', 'script.luac', 'script.lua'], { cwd: folder, timeout: 60000 });
      return { ...flashLua(readFileSync(join(folder, 'script.luac')), core === HOST ? 8 : 4), strings: [] };
    }
    if (engine === 'jerryscript' && core === HOST) {
      writeFileSync(join(folder, 'script.js'), bundle);
      const args = ['generate', '-o', 'script.snapshot', 'script.js'];
      execFileSync('jerry-snapshot', args, { cwd: folder, timeout: 60000, stdio: ['ignore', 'ignore', 'pipe'] });
      return plain(readFileSync(join(folder, 'script.snapshot')));
    }
    if (engine === 'jerryscript') {
      const { snapshot, strings } = await staticSnapshot(bundle, folder, jerryStrings(folder));
      return plain(snapshot, strings);
    }
    return plain(Buffer.from(bundle));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
