// The dissector for Wireshark as one file: the core in Lua, and dissector.lua. `npm run build` writes it to dist/, as users have
// no typescript-to-lua.

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { privateNumbers } from '../../core/ike/codec/private-numbers.ts';
import { makeFolders } from '../node/host/append.ts';
import { bundleLua, LUA_OF_WIRESHARK } from './lua-bundle.ts';
import { sourceRoot } from './root.ts';

/** Path of the file in the package. */
export const DISSECTOR = join('dist', 'targets', 'wireshark', 'dietesp.lua');

/** The text of the dissector. Its first line is what `dietesp wireshark` knows its own files by. */
export async function dissectorText(): Promise<string> {
  const folder = join(sourceRoot(), 'targets', 'wireshark');
  const core = await bundleLua(join(folder, 'core.ts'), false, LUA_OF_WIRESHARK);
  const { version } = JSON.parse(readFileSync(join(sourceRoot(), 'package.json'), 'utf8')) as { version: string };
  const numbers = privateNumbers();
  const names = Object.entries(numbers).map(([name, number]) => `  ${name} = ${number},\n`);
  return (
    `-- dietesp.lua: Diet-ESP for Wireshark. Made by dietesp ${version}; license: Apache-2.0.\n` +
    `local core = (function(...)\n${core.replaceAll(/^ +/gm, '')}\nend)()\n` +
    `local numbers = {\n${names.join('')}}\n` +
    ['dissector.lua', 'carriers.lua'].map((name) => readFileSync(join(folder, name), 'utf8')).join('\n')
  );
}

/** The time of the newest file that the dissector is made of. */
function newest(): number {
  const root = sourceRoot();
  const folders = ['core', 'targets/wireshark', 'targets/build', 'targets/node/host/explain'];
  const times = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).map((entry) => {
      return entry.isFile() ? statSync(join(entry.parentPath, entry.name)).mtimeMs : 0;
    }),
  );
  return Math.max(statSync(join(root, 'package.json')).mtimeMs, ...times);
}

/** Writes the file to dist/, unless it is there and newer than all of which it is made. */
export async function writeDissector(): Promise<string> {
  const file = join(sourceRoot(), DISSECTOR);
  if ((statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) > newest()) return file;
  makeFolders(join(file, '..'));
  writeFileSync(file, await dissectorText());
  return file;
}
