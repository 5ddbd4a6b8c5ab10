// Reads from an image how much of a board's flash it takes: an ELF file's segments, Intel HEX records, or plain octets. It
// refuses an image that does not fit before anything is sent.

import { readFileSync } from 'node:fs';
import type { Board } from '../../../build/board-file.ts';
import { CommandError } from '../../host/errors.ts';

/** Octets of an image, and where they go; `at` -1: wherever the board's flash begins. */
export interface ImagePart {
  at: number;
  length: number;
}

const ELF_MAGIC = 0x7f454c46;
const ELF_32 = 1;
const ELF_LITTLE = 1;
const ELF_HEADER = 52;
const SEGMENT_SIZE = 32;
const SEGMENT_LOAD = 1;

function elfParts(octets: Buffer, file: string): ImagePart[] {
  const fail = (what: string): never => {
    throw new CommandError(`${file}: ${what}`);
  };
  if (octets.length < ELF_HEADER) fail(`ELF header of ${ELF_HEADER} octets, the file has ${octets.length}`);
  if (octets[4] !== ELF_32 || octets[5] !== ELF_LITTLE) fail('is not a 32-bit little-endian ELF image');
  const at = octets.readUInt32LE(28);
  const size = octets.readUInt16LE(42);
  const count = octets.readUInt16LE(44);
  if (size !== SEGMENT_SIZE || at + size * count > octets.length) fail('ELF segment table leaves the file');
  const parts: ImagePart[] = [];
  for (let i = 0; i < count; i++) {
    const entry = at + i * size;
    if (octets.readUInt32LE(entry) !== SEGMENT_LOAD) continue;
    const length = octets.readUInt32LE(entry + 16);
    if (octets.readUInt32LE(entry + 4) + length > octets.length) fail(`ELF segment ${i} leaves the file`);
    // The physical address: where it is stored.
    if (length > 0) parts.push({ at: octets.readUInt32LE(entry + 12), length });
  }
  return parts;
}

function hexParts(text: string, file: string): ImagePart[] {
  const parts: ImagePart[] = [];
  let base = 0;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '') continue;
    const octets = /^:([0-9a-fA-F]{2})+$/.test(line) ? Buffer.from(line.slice(1), 'hex') : Buffer.alloc(0);
    const isRecord = octets.length >= 5 && octets.length === 5 + octets[0];
    if (!isRecord || octets.reduce((sum, octet) => sum + octet, 0) % 256 !== 0) {
      throw new CommandError(`${file}:${index + 1}: is not a record of Intel HEX`);
    }
    const [length, , , type] = octets;
    if (type === 0) parts.push({ at: base + octets.readUInt16BE(1), length });
    else if (type === 1) break;
    else if (type === 2) base = octets.readUInt16BE(4) * 16;
    else if (type === 4) base = octets.readUInt16BE(4) * 65536;
  }
  return parts;
}

/** Reads what an image would write. Throws a CommandError where the file is not what it seems. */
export function imageParts(file: string): ImagePart[] {
  let octets: Buffer;
  try {
    octets = readFileSync(file);
  } catch (error) {
    throw CommandError.from(file, error);
  }
  if (octets.length === 0) throw new CommandError(`${file}: is empty`);
  if (octets.length >= 4 && octets.readUInt32BE(0) === ELF_MAGIC) return elfParts(octets, file);
  if (/\.i?hex$/i.test(file)) return hexParts(octets.toString('latin1'), file);
  return [{ at: -1, length: octets.length }];
}

/** Octets that an image writes. Throws a CommandError where it leaves the board's flash. */
export function checkImage(board: Board, file: string): number {
  const parts = imageParts(file);
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  if (size === 0) throw new CommandError(`${file}: holds nothing to write`);
  const flash = board.flash;
  if (flash === null) return size;
  for (const { at, length } of parts) {
    const start = at < 0 ? flash.origin : at;
    if (start >= flash.origin && start + length <= flash.origin + flash.size) continue;
    const place = at < 0 ? '' : ` at 0x${at.toString(16).padStart(8, '0')}`;
    throw new CommandError(
      `${file}: ${length} octets${place}: ${board.name} has ${flash.size} octets of flash at 0x${flash.origin.toString(16).padStart(8, '0')}`,
    );
  }
  return size;
}
