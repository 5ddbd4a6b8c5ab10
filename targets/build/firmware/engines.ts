// Per engine: the C sources and flags of its firmware, and how a bundle becomes the octets of `script`.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onPath } from '../engines.ts';
import { type PackageName, packageSources, packageVersion, sourcesMissing } from './sources.ts';
import { firmwareFolder, type Unit, writeOnce } from './toolchain.ts';

export type FirmwareEngine = 'lua' | 'duktape' | 'jerryscript';

/** What an engine adds to an image. */
export interface EnginePart {
  units: Unit[];
  /** Include path of our glue. */
  include: string[];
  libraries: string[];
}

const LUA_FILES =
  'lapi lauxlib lbaselib lcode lctype ldebug ldo ldump lfunc lgc llex lmathlib lmem lobject lopcodes lparser lstate ' +
  'lstring lstrlib ltable ltablib ltm lundump lvm lzio';

/** Lua's interpreter loop is worth its octets. */
const FAST = ['lvm', 'ltable'];

function luaPart(flags: readonly string[], common: string): EnginePart {
  const folder = join(packageSources('lua5.4'), 'src');
  const port = ['-include', join(common, 'lua_port.h'), '-I', common, '-DDEBIAN="' + packageVersion('lua5.4') + '"'];
  const units = LUA_FILES.split(' ').map((name) => ({
    source: join(folder, name + '.c'),
    flags: [...flags, ...port, ...(FAST.includes(name) ? ['-O2'] : [])],
  }));
  return { units, include: [folder], libraries: [] };
}

/** Debian's prepared sources with our options: its tool that makes others needs a Python that Debian has no more. */
function duktapePart(flags: readonly string[], common: string): EnginePart {
  const sources = join(packageSources('duktape'), 'src');
  const options = readFileSync(join(common, 'duktape_options.h'), 'utf8');
  const config = readFileSync(join(sources, 'duk_config.h'), 'utf8').replace(/#endif[^\n]*\n*$/, options + '$&');
  const digest = createHash('sha256').update(config).digest('hex').slice(0, 12);
  const folder = firmwareFolder('duktape-' + digest);
  for (const name of ['duktape.c', 'duktape.h']) writeOnce(join(folder, name), readFileSync(join(sources, name)));
  writeOnce(join(folder, 'duk_config.h'), config);
  const source = join(folder, 'duktape.c');
  return { units: [{ source, flags: [...flags, '-I', folder] }], include: [folder], libraries: [] };
}

export function enginePart(engine: FirmwareEngine, flags: readonly string[], common: string): EnginePart {
  if (engine === 'lua') return luaPart(flags, common);
  if (engine === 'duktape') return duktapePart(flags, common);
  throw new Error(engine + ': not yet');
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

/** Why an engine's sources are missing here, or false. */
export function engineSourcesMissing(engine: FirmwareEngine): string | false {
  if (engine === 'lua' && onPath('luac5.4') === undefined) return 'luac5.4 not found (Debian package lua5.4)';
  for (const name of PACKAGES[engine]) {
    const reason = sourcesMissing(name);
    if (reason !== false) return reason;
  }
  return false;
}

/** The octets of `script` for a bundle. Byte code of Lua is the same for 64 and 32 bits: its sizes are in digits of 7 bits. */
export function scriptOctets(engine: FirmwareEngine, bundle: string): Uint8Array {
  const folder = firmwareFolder('scripts', String(process.pid));
  mkdirSync(folder, { recursive: true });
  try {
    if (engine === 'lua') {
      writeFileSync(join(folder, 'script.lua'), bundle);
      execFileSync('luac5.4', ['-s', '-o', 'script.luac', 'script.lua'], { cwd: folder, timeout: 60000 });
      return readFileSync(join(folder, 'script.luac'));
    }
    return Buffer.from(bundle);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
