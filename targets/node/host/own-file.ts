// Files with keys: for their owner alone.

import { closeSync, fchmodSync, fstatSync, openSync, writeSync } from 'node:fs';

const MODE = 0o600;

/** Writes a file, or what is there in its place. One that others may read is closed to them before the octets are in it. */
export function writeOwn(file: string, octets: Uint8Array): void {
  const fd = openSync(file, 'w', MODE);
  try {
    if (fstatSync(fd).isFile()) fchmodSync(fd, MODE);
    writeSync(fd, octets);
  } finally {
    closeSync(fd);
  }
}
