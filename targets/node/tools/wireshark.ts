// Our dissector in the user's folder of plugins for Wireshark: `dietesp wireshark`.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { sourceRoot } from '../../build/root.ts';
import { makeFolders } from '../host/append.ts';
import { CommandError } from '../host/errors.ts';

const NAME = 'dietesp.lua';
/** What our files begin with, of every version. */
const HEAD = '-- dietesp.lua: Diet-ESP for Wireshark.';
const FOLDER_LINE = /^Personal Lua Plugins:\s*(.+)$/m;
const WAIT_MS = 30000;

/** The user's folder of Lua plugins: as tshark says, or where it is where nothing says otherwise. */
export function pluginFolder(): string {
  try {
    const said = execFileSync('tshark', ['-G', 'folders'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: WAIT_MS,
    });
    const found = FOLDER_LINE.exec(said);
    if (found !== null) return found[1].trim();
  } catch {
    // There is no tshark, which Wireshark does not need.
  }
  const { APPDATA: roaming } = process.env;
  if (process.platform === 'win32' && roaming !== undefined) return join(roaming, 'Wireshark', 'plugins');
  return join(homedir(), '.local', 'lib', 'wireshark', 'plugins');
}

/** The dissector of this package. */
function ownText(): string {
  const file = join(sourceRoot(), 'dist', 'targets', 'wireshark', NAME);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw CommandError.from(`${file} (npm run build makes it)`, error);
  }
}

/** The text of the file at a place; null: there is none. Throws where it is not ours. */
function installed(file: string): string | null {
  if (!existsSync(file)) return null;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw CommandError.from(file, error);
  }
  if (!text.startsWith(HEAD)) throw new CommandError(`${file}: is not of dietesp: move it away first`);
  return text;
}

/** Puts the dissector there, if it is not there already. The path, and what was done. */
export function installDissector(folder: string): { file: string; did: 'installed' | 'updated' | 'nothing' } {
  const file = join(folder, NAME);
  const text = ownText();
  const there = installed(file);
  if (there === text) return { file, did: 'nothing' };
  const half = `${file}.new`;
  try {
    makeFolders(folder);
    writeFileSync(half, text, { mode: 0o644 });
    renameSync(half, file);
  } catch (error) {
    if (existsSync(half)) rmSync(half);
    throw CommandError.from(file, error);
  }
  return { file, did: there === null ? 'installed' : 'updated' };
}

/** Takes the dissector away. The path, and whether there was one. */
export function uninstallDissector(folder: string): { file: string; did: boolean } {
  const file = join(folder, NAME);
  if (installed(file) === null) return { file, did: false };
  try {
    rmSync(file);
  } catch (error) {
    throw CommandError.from(file, error);
  }
  return { file, did: true };
}
