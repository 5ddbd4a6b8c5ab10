// Reads files that users name, up to a limit, whatever kind of file they are.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** The octets of a file, `max` at most. Devices are refused: `/dev/zero` has no end. Throws the system's error. */
export function readOctets(file: string, max: number): Buffer {
  // O_NOCTTY: a terminal that is named by mistake does not become ours.
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOCTTY);
  try {
    const stat = fstatSync(fd);
    if (stat.isDirectory()) throw new Error('is a directory');
    if (!stat.isFile() && !stat.isFIFO()) throw new Error('is a device, not a file');
    const parts: Buffer[] = [];
    let total = 0;
    for (;;) {
      const part = Buffer.alloc(Math.min(65536, max + 1 - total));
      const length = readSync(fd, part, 0, part.length, null);
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
