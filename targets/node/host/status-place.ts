// Where the status sockets of running gateways are: programs that serve one, and those that look for it, agree here.

import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join, resolve } from 'node:path';

const SUFFIX = '.sock';

/** The folder: systemd's RUNTIME_DIRECTORY, /run/dietesp for root, else the user's own. */
export function runtimeFolder(environment = process.env): string {
  const { RUNTIME_DIRECTORY, XDG_RUNTIME_DIR } = environment;
  // systemd gives several, parted by colons.
  if (RUNTIME_DIRECTORY !== undefined && RUNTIME_DIRECTORY !== '') return RUNTIME_DIRECTORY.split(':')[0];
  const user = process.getuid?.();
  if (user === 0) return '/run/dietesp';
  if (XDG_RUNTIME_DIR !== undefined && XDG_RUNTIME_DIR !== '') return join(XDG_RUNTIME_DIR, 'dietesp');
  return join(tmpdir(), `dietesp-${user ?? ''}`);
}

/** The socket of the gateway whose configuration is `file`. Files of one name in different folders have different ones. */
export function defaultSocket(file: string, environment = process.env): string {
  const path = resolve(file);
  const digest = createHash('sha256').update(path).digest('hex').slice(0, 8);
  return join(runtimeFolder(environment), `${basename(path, extname(path)).slice(0, 40)}-${digest}${SUFFIX}`);
}

/** Makes the folder for its owner alone. Throws where another user made it: whoever has the folder has the socket. */
export function makeRuntimeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  const user = process.getuid?.();
  if (!stat.isDirectory()) throw new Error(`${folder}: is no folder`);
  if (user !== undefined && stat.uid !== user) throw new Error(`${folder}: belongs to another user`);
}

/** Folders to look in: the own one, and that of gateways of the system. */
function folders(environment: NodeJS.ProcessEnv): string[] {
  return [...new Set([runtimeFolder(environment), '/run/dietesp'])];
}

/** Sockets that are there, whether somebody serves them or not; the folders in which nothing may be read. */
export function findSockets(environment = process.env): { found: string[]; closed: string[] } {
  const found: string[] = [];
  const closed: string[] = [];
  for (const folder of folders(environment)) {
    try {
      const names = readdirSync(folder).filter((name) => name.endsWith(SUFFIX));
      found.push(...names.sort().map((name) => join(folder, name)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') closed.push(folder);
    }
  }
  return { found, closed };
}
