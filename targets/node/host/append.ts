// Files that grow record by record, and folders for them. A record is written whole or not at all: what a full disk took of
// one is cut off again, so that the next one can be read.

import { closeSync, existsSync, fstatSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Appends `octets` to an open file of our own; throws the system's error, and the file is then as it was. */
export function appendWhole(fd: number, octets: Uint8Array): void {
  const stat = fstatSync(fd);
  try {
    for (let at = 0; at < octets.length; ) at += writeSync(fd, octets, at, octets.length - at);
  } catch (error) {
    if (stat.isFile()) ftruncateSync(fd, stat.size);
    throw error;
  }
}

/**
 * Appends octets[0..size) to a file of our own that has `before` octets and was opened to be appended to, and holds nobody up.
 * Rejects with the system's error, and the file is then as it was.
 */
export async function appendWholeLater(
  file: FileHandle,
  octets: Uint8Array,
  size: number,
  before: number,
): Promise<void> {
  try {
    for (let at = 0; at < size; ) at += (await file.write(octets, at, size - at)).bytesWritten;
  } catch (error) {
    await file.truncate(before);
    throw error;
  }
}

/** Appends to a file by name, which is made where it is not there. Throws the system's error. */
export function appendTo(file: string, octets: Uint8Array, mode: number): void {
  const fd = openSync(file, 'a', mode);
  try {
    appendWhole(fd, octets);
  } finally {
    closeSync(fd);
  }
}

/** Makes a folder and those around it. Throws the system's error. */
export function makeFolders(folder: string, mode = 0o777): void {
  const missing: string[] = [];
  // Node's own `recursive` never ends in /proc: what is made there is not there.
  for (let at = resolve(folder); !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const one of missing) mkdirSync(one, mode);
}
