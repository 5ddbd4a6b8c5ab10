// Modules for users of an engine with boards of their own. build/ENGINE/module/ gets
//   lua           dietesp.lua, a rockspec, and dietesp.luac if luac5.4 is on PATH
//   duktape       dietesp.js (ES5), and dietesp.min.js with short property names
//   jerryscript   dietesp.js, dietesp.min.js, and its snapshot dietesp.snap if jerry-snapshot is on PATH
// and the same as `dietlite`: the data plane without IKEv2. Types are in targets/board/program.ts.

import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BOARD_MEMBERS } from '../board/hooks.ts';
import { makeFolders } from '../node/host/append.ts';
import { onPath } from './engines.ts';
import { bundleScript } from './javascript.ts';
import { bundleLua } from './lua-bundle.ts';
import { outputFolder, sourceRoot } from './root.ts';

export type ModuleEngine = 'lua' | 'duktape' | 'jerryscript';

export const MODULE_ENGINES: readonly ModuleEngine[] = ['lua', 'duktape', 'jerryscript'];

/** Modules by name: their entries in targets/ENGINE. */
export const PROGRAM_MODULES: Readonly<Record<string, string>> = { dietesp: 'module.ts', dietlite: 'lite.ts' };

export interface ModuleFile {
  /** Path, and octets. */
  file: string;
  size: number;
}

/** Names that a module and its program share, beside those of the hooks. */
const MODULE_MEMBERS = [
  ...['start', 'device', 'blob', 'octets', 'hex', 'text'],
  ...['step', 'run', 'stop', 'isOver', 'send', 'command', 'native', 'board', 'provision', 'keys'],
  ...['panId', 'shortAddress', 'extendedAddress', 'gateway', 'address', 'peer', 'tunnel', 'tunnelPeer', 'port'],
  ...['peerPort', 'up', 'down', 'spi', 'key', 'salt', 'spiBits', 'snBits', 'ackWait', 'reserved', 'reserve'],
  ...['received', 'maxSize', 'endpoint', 'sent', 'drops'],
];

/** Exports as a global, or by a module system. */
function framed(name: string, text: string): string {
  return (
    `var ${name}=(function(exports){${text.trim()}\nreturn exports})({});` +
    `if(typeof module==="object")module.exports=${name};\n`
  );
}

/** The text of a JavaScript module. */
export async function moduleScript(
  engine: 'duktape' | 'jerryscript',
  name: string,
  isMinified: boolean,
): Promise<string> {
  const entry = join(sourceRoot(), 'targets', engine, PROGRAM_MODULES[name]);
  const mangle = isMinified ? [...BOARD_MEMBERS, ...MODULE_MEMBERS] : false;
  return framed(name, (await bundleScript(entry, engine, { minify: isMinified, mangle })).text);
}

/** The text of a Lua module. It has typed arrays of its own, not as the program's globals. */
export async function moduleLua(name: string): Promise<string> {
  const text = await bundleLua(join(sourceRoot(), 'targets', 'lua', PROGRAM_MODULES[name]));
  return (
    `-- ${name} ${version()}: see README.md. License: Apache-2.0.\n` +
    `local Uint8Array, Uint16Array, Int32Array, Uint32Array, Float64Array\n${text.replaceAll(/^ +/gm, '')}`
  );
}

function version(): string {
  const manifest = JSON.parse(readFileSync(join(sourceRoot(), 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

/** A rockspec for `luarocks make` in the folder. LuaRocks requires `source` and does not use it there. */
function rockspec(): string {
  const names = Object.keys(PROGRAM_MODULES);
  return `rockspec_format = "1.0"
package = "dietesp"
version = "${version()}-1"
source = { url = "file://dietesp-${version()}.tar.gz" }
description = {
  summary = "Diet-ESP: IPsec small enough for a sensor",
  license = "Apache-2.0",
}
dependencies = { "lua >= 5.3" }
build = {
  type = "builtin",
  modules = { ${names.map((name) => `${name} = "${name}.lua"`).join(', ')} },
}
`;
}

async function writeLua(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const name of Object.keys(PROGRAM_MODULES)) {
    writeFileSync(join(folder, `${name}.lua`), await moduleLua(name));
    files.push(`${name}.lua`);
    if (onPath('luac5.4') === undefined) continue;
    execFileSync('luac5.4', ['-s', '-o', `${name}.luac`, `${name}.lua`], { cwd: folder, timeout: 60000 });
    files.push(`${name}.luac`);
  }
  const spec = `dietesp-${version()}-1.rockspec`;
  writeFileSync(join(folder, spec), rockspec());
  return [...files, spec];
}

async function writeScripts(engine: 'duktape' | 'jerryscript', folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const name of Object.keys(PROGRAM_MODULES)) {
    for (const isMinified of [false, true]) {
      const file = `${name}${isMinified ? '.min' : ''}.js`;
      writeFileSync(join(folder, file), await moduleScript(engine, name, isMinified));
      files.push(file);
    }
    if (engine !== 'jerryscript' || onPath('jerry-snapshot') === undefined) continue;
    execFileSync('jerry-snapshot', ['generate', '-o', `${name}.snap`, `${name}.min.js`], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 60000,
      killSignal: 'SIGKILL',
    });
    files.push(`${name}.snap`);
  }
  return files;
}

/** Writes the modules of an engine, and their page, into `folder`; default build/ENGINE/module. */
export async function buildModules(engine: ModuleEngine, folder?: string): Promise<ModuleFile[]> {
  const root = sourceRoot();
  const target = folder ?? outputFolder(engine, 'module');
  makeFolders(target);
  // Byte code of an earlier run, from other text.
  for (const name of Object.keys(PROGRAM_MODULES)) {
    for (const extension of ['luac', 'snap']) rmSync(join(target, `${name}.${extension}`), { force: true });
  }
  const files = engine === 'lua' ? await writeLua(target) : await writeScripts(engine, target);
  copyFileSync(join(root, 'targets', engine, 'README.md'), join(target, 'README.md'));
  return [...files, 'README.md'].map((name) => {
    const file = join(target, basename(name));
    return { file, size: statSync(file).size };
  });
}
