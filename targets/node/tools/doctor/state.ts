// Whether the state of a gateway can be kept where it would be.

import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorText } from '../../host/errors.ts';
import { absent, type Finding, ok, type Wants, warning } from './finding.ts';

/** Octets that a store of some thousand SAs may take while it writes itself anew. */
const ROOM = 64 * 1024 * 1024;
/** f_type of file systems in memory: tmpfs, ramfs. */
const IN_MEMORY = new Set([0x01021994, 0x858458f6]);

/** The nearest folder of `path` that is there. */
export function nearest(path: string): string {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

export function stateFinding({ state, file }: Wants): Finding {
  const name = 'state';
  if (state === '') return warning(name, 'off', 'every peer connects anew after a restart');
  const folder = nearest(state);
  try {
    if (!statSync(folder).isDirectory()) throw new Error('not a directory');
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    return absent(
      name,
      file !== '',
      `${folder}: ${errorText(error)}`,
      `${state} is where SAs survive a restart: --state DIR`,
    );
  }
  if (folder === state && process.platform !== 'win32') {
    const mode = statSync(state).mode & 0o777;
    if ((mode & 0o077) !== 0)
      return warning(name, `${state}: mode ${mode.toString(8)}`, `keys are in it: chmod 700 ${state}`);
  }
  const { type, bavail, bsize } = statfsSync(folder);
  if (IN_MEMORY.has(type)) {
    return warning(name, `${folder} is memory`, 'SAs survive a crash of the process, not of the host');
  }
  if (bavail * bsize < ROOM) {
    return warning(
      name,
      `${Math.floor((bavail * bsize) / 1048576)} MiB are free at ${folder}`,
      'packets wait while the disk is full',
    );
  }
  return ok(name, state);
}
