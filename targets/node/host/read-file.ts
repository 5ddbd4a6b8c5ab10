// Reads files that users name, up to a limit, whatever kind of file they are.

import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';

/** Milliseconds in which a pipe (`<(command)`) has to bring something, and between looks. */
const PATIENCE = 10000;
const LOOK = 10;

function refuseKind(stat: Stats): void {
  if (stat.isDirectory()) throw new Error('is a directory');
  if (!stat.isFile() && !stat.isFIFO()) throw new Error('is a device, not a file');
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK);
}

/** Octets read into `part`, 0 at the end; waits for a pipe, but not for ever. */
function readPart(fd: number, part: Buffer): number {
  for (let waited = 0; ; waited += LOOK) {
    try {
      return readSync(fd, part, 0, part.length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      if (waited >= PATIENCE) throw new Error(`nothing came out of this pipe for ${PATIENCE / 1000} s`);
      pause();
    }
  }
}

/**
 * The octets of a file or a pipe, `max` at most. Devices are refused, unopened: `/dev/zero` has no end. A pipe into which nobody
 * writes is empty. Throws the system's error.
 */
export function readOctets(file: string, max: number): Buffer {
  refuseKind(statSync(file));
  // O_NOCTTY: a terminal that is named by mistake does not become ours. O_NONBLOCK: a pipe keeps nobody waiting.
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
  try {
    refuseKind(fstatSync(fd));
    const parts: Buffer[] = [];
    let total = 0;
    for (;;) {
      const part = Buffer.alloc(Math.min(65536, max + 1 - total));
      const length = readPart(fd, part);
      if (length === 0) break;
      total += length;
      if (total > max) throw new Error(`longer than ${max} octets`);
      parts.push(part.subarray(0, length));
    }
    return Buffer.concat(parts);
  } finally {
    closeSync(fd);
  }
}

/** The warning of a file with a key that others than its owner may read; '' where none may. */
export function openToOthers(file: string): string {
  const stat = process.platform === 'win32' ? undefined : statSync(file, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile() || (stat.mode & 0o077) === 0) return '';
  const mode = (stat.mode & 0o777).toString(8);
  return `${file}: others may read the key in it (mode 0${mode}); chmod 600 closes it`;
}
