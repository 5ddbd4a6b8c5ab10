// JerryScript snapshots for flash. Executing a snapshot, JerryScript 3.0.0 writes the address of a script's shared data
// into each function of the snapshot before it copies the function's head to its heap; in flash, where the write gets
// lost, every function would have none. So that address is written here: a fixed place in RAM, where our glue puts the
// data, taken from a second snapshot of nothing that is executed in RAM first.
//
// Layout (version 70, little endian): magic, version, flags, offset of the literals, number of functions, their offsets.
// A function: size / 8, references, status (16 bits each); at 8 the address; then, in octets or, by a status bit, in 16
// bits, the ends of registers, identifiers, constants and literals; then literals of 32 bits. The last of them are
// functions, by their offset from this one, 0 for itself.

const MAGIC = 0x5952524a;
const VERSION = 70;
const FUNCTION_COUNT = 16;
const FUNCTION_OFFSETS = 20;
const STATUS = 4;
const SCRIPT_VALUE = 8;
const WIDE = 2;
/** Status values below are regular expressions, which have no address. */
const FIRST_FUNCTION = 1 << 12;

/** Octets of a script's shared data: realm, references, and up to two names. */
export const SCRIPT_DATA = 16;

/** Writes `address` into all functions of a snapshot; returns how many there are. Throws for another format. */
export function placeScript(snapshot: Buffer, address: number): number {
  if (snapshot.length < FUNCTION_OFFSETS + 4 || snapshot.readUInt32LE(0) !== MAGIC) {
    throw new Error('snapshot: is none of JerryScript');
  }
  const version = snapshot.readUInt32LE(4);
  if (version !== VERSION) throw new Error(`snapshot: version ${version}: must be ${VERSION} (JerryScript 3.0)`);
  const seen = new Set<number>();
  const walk = (at: number): void => {
    if (seen.has(at) || snapshot.readUInt16LE(at + STATUS) < FIRST_FUNCTION) return;
    seen.add(at);
    snapshot.writeUInt32LE(address, at + SCRIPT_VALUE);
    const isWide = (snapshot.readUInt16LE(at + STATUS) & WIDE) !== 0;
    const registers = isWide ? snapshot.readUInt16LE(at + 14) : snapshot[at + 12];
    const constants = isWide ? snapshot.readUInt16LE(at + 18) : snapshot[at + 14];
    const literals = isWide ? snapshot.readUInt16LE(at + 20) : snapshot[at + 15];
    const first = at + (isWide ? 24 : 16);
    for (let i = constants - registers; i < literals - registers; i++) {
      const offset = snapshot.readUInt32LE(first + 4 * i);
      if (offset !== 0) walk(at + offset);
    }
  };
  for (let i = 0; i < snapshot.readUInt32LE(FUNCTION_COUNT); i++) {
    walk(snapshot.readUInt32LE(FUNCTION_OFFSETS + 4 * i) & ~1);
  }
  return seen.size;
}

/** What the glue takes as `script`: the snapshot, that of nothing, and the length of the latter. */
export function joinSnapshots(snapshot: Buffer, nothing: Buffer): Buffer {
  const padded = Buffer.alloc(Math.ceil(snapshot.length / 8) * 8);
  snapshot.copy(padded);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(nothing.length);
  return Buffer.concat([padded, nothing, length]);
}
