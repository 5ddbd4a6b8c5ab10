// Where a program keeps its state: a directory that the command line or the file names, or one of the user's own.

import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { CommandError, errorText } from '../errors.ts';
import { openToOthers, readOctets } from '../read-file.ts';
import { printWarning } from '../terminal.ts';
import { KEY_FILE, openLevelStore } from './level-store.ts';
import { SEAL_KEY_SIZE } from './seal.ts';
import type { StateStore } from './store.ts';

/** What a file says about its state. */
export interface StateConfig {
  /** A directory, `off`, or '': the default. Relative to the file. */
  directory: string;
  /** File of the key that seals the records; '': the directory has its own. Relative to the file. */
  keyFile: string;
}

/**
 * The directory of a program whose configuration is `file`: below that of systemd (STATE_DIRECTORY), /var/lib/dietesp for
 * root, or the user's (XDG_STATE_HOME). Files of one name in different folders have different ones.
 */
export function defaultDirectory(file: string, environment = process.env): string {
  const path = resolve(file);
  const digest = createHash('sha256').update(path).digest('hex').slice(0, 8);
  const name = `${basename(path, extname(path))}-${digest}`;
  const { STATE_DIRECTORY, XDG_STATE_HOME } = environment;
  // systemd gives several, parted by colons.
  if (STATE_DIRECTORY !== undefined && STATE_DIRECTORY !== '') return join(STATE_DIRECTORY.split(':')[0], name);
  if (process.getuid?.() === 0) return join('/var/lib/dietesp', name);
  return join(XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'dietesp', name);
}

function readKey(file: string): Uint8Array {
  let octets: Buffer;
  try {
    octets = readOctets(file, 256);
  } catch (error) {
    throw CommandError.from(file, error);
  }
  if (octets.length === SEAL_KEY_SIZE) return octets;
  const text = octets.toString('latin1').trim();
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw new CommandError(`${file}: must be ${SEAL_KEY_SIZE} octets, or 64 hexadecimal digits`);
  }
  return Buffer.from(text, 'hex');
}

/** The key of a file that the operator made; `file`: the configuration. */
export function sealKeyOf(file: string, keyFile: string, warn: (text: string) => void): Uint8Array {
  const path = resolve(dirname(resolve(file)), keyFile);
  const key = readKey(path);
  const warning = openToOthers(path);
  if (warning !== '') warn(warning);
  return key;
}

/**
 * Where a program keeps its state; '': nowhere. `said`: what the file says. `directory`: what the command line says, before the
 * file. Throws a CommandError.
 */
export function stateDirectory(file: string, said: string, directory: string | undefined): string {
  // `--state "$DIR"` of a variable that is not set.
  if (directory?.trim() === '') throw new CommandError('--state: must be a directory, or off', 2);
  const wanted = directory ?? said;
  if (wanted === 'off') return '';
  const base = directory === undefined ? dirname(resolve(file)) : process.cwd();
  return wanted === '' ? defaultDirectory(file) : resolve(base, wanted);
}

/**
 * Opens the state of a program. `directory`: what the command line says, before the file. Null: `off`. Rejects with a
 * CommandError that names the directory. `warn`: of a key that others may read.
 */
export async function openState(
  kind: string,
  file: string,
  state: StateConfig,
  directory: string | undefined,
  warn: (text: string) => void = printWarning,
): Promise<StateStore | null> {
  const place = stateDirectory(file, state.directory, directory);
  if (place === '') return null;
  const keyFile = state.keyFile === '' ? join(place, KEY_FILE) : resolve(dirname(resolve(file)), state.keyFile);
  const sealKey = state.keyFile === '' ? undefined : readKey(keyFile);
  try {
    const store = await openLevelStore({ directory: place, kind, ...(sealKey === undefined ? {} : { sealKey }) });
    const warning = openToOthers(keyFile);
    if (warning !== '') warn(warning);
    return store;
  } catch (error) {
    // The directory is in the error; who named it is not.
    const help = (directory ?? state.directory) === '' ? '; --state names another directory, `off` goes without' : '';
    const where = directory === undefined ? (state.directory === '' ? '' : `${file}: state: `) : '--state: ';
    throw new CommandError(`${where}${errorText(error)}${help}`);
  }
}
