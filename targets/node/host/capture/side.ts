// One side of a running program in capture files: pcapng, a new file when one is full, the oldest removed. A packet is copied into
// buffers of fixed size and written later, so that a slow disk holds nobody up. What does not fit, or cannot be written, is counted, and
// the next packet says how many are missing before it (epb_dropcount).
//
// Files are made anew under a number that nobody has (O_EXCL), for their owner alone (0600): no link leads elsewhere.

import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { appendWholeLater } from '../append.ts';
import { errorText } from '../errors.ts';
import { PACKET_MORE, type PacketNotes, pcapngHeader, putPacket } from '../radio/pcapng-writer.ts';

/** Octets of a buffer, and how many there are: so many octets can wait to be written. */
const BUFFER = 524288;
const BUFFERS = 4;
const PAUSE = 5000;
/** It is told that packets are captured again after so many pauses without a failure. */
const QUIET = 12;
/** Milliseconds for the last packets at the end. */
const LAST_WORDS = 1000;
const LOOK = 1000;
const DIGITS = 6;

/** Counters of a side. */
export interface CaptureMetrics {
  /** Of its files: `air-radio0`, `outer`, `inner`. */
  name: string;
  /** The file that is being written; '': none yet. */
  file: string;
  /** Packets that are in files, and their octets with what pcapng has around them. */
  packets: number;
  /** Octets written. */
  octets: number;
  /** Packets that are not: the buffer was full, or they are too long for it. */
  crowded: number;
  /** Packets that could not be written. */
  failed: number;
  /** Why that was so last; ''. */
  problem: string;
}

/** Takes packets, never waits and never throws. */
export interface CaptureSide {
  /** Copies packet[offset..offset + length). */
  put(notes: PacketNotes, packet: Uint8Array, offset: number, length: number): void;
  metrics(): CaptureMetrics;
  /** Writes what waits, for a second at most, and closes the file. */
  close(): Promise<void>;
}

/** Does work, and resolves or rejects as it does. */
export type Turn = (work: () => Promise<void>) => Promise<void>;

/**
 * Work of several sides, one after the other: Node has few threads for files, and a file system that does not answer may keep one of them,
 * but not those that the store of SAs needs.
 */
export function createTurn(): Turn {
  let last = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
}

/** What a side is. */
export interface SideOptions {
  /** Where its files are. */
  folder: string;
  /** Letters, digits, `.`, `_` and `-`. */
  name: string;
  /** What the interface is called in the file. */
  title: string;
  linkType: number;
  /** Octets of a file at most, 1 MiB or more. */
  size: number;
  /** Files at most, 2 or more. */
  files: number;
  /** Has the work of files done, one after the other where several sides share it. Default: at once. */
  turn?: Turn;
  /** Milliseconds after a failure in which nothing is tried, default 5000. */
  pause?: number;
  /** Milliseconds between looks whether somebody has removed the file, default 1000. */
  look?: number;
  /** Hears of the first failure, and of its end. */
  tell(isGood: boolean, text: string): void;
}

/** A buffer with packets. */
interface Filled {
  octets: Buffer;
  size: number;
  packets: number;
  /** Missing packets of which they tell. */
  noted: number;
}

function createFilled(): Filled {
  return { octets: Buffer.allocUnsafeSlow(BUFFER), size: 0, packets: 0, noted: 0 };
}

export function createCaptureSide(options: SideOptions): CaptureSide {
  const {
    folder,
    name,
    title,
    linkType,
    size: fileMax,
    files,
    pause = PAUSE,
    look = LOOK,
    tell,
    turn = (work) => work(),
  } = options;
  const pattern = new RegExp(`^${name.replaceAll('.', '\\.')}-(\\d{${DIGITS},15})\\.pcapng$`);
  const metrics: CaptureMetrics = { name, file: '', packets: 0, octets: 0, crowded: 0, failed: 0, problem: '' };
  const full: Filled[] = [];
  const free: Filled[] = [];
  let filling = createFilled();
  let made = 1;
  let missed = 0;
  let isBusy = false;
  let isClosed = false;
  let isToldOf = false;
  let lastFailure = Number.NEGATIVE_INFINITY;
  let handle: FileHandle | null = null;
  let fileSize = 0;
  let last = 0;
  let lookedAt = 0;
  let foreign = new Set<string>();
  let idle: () => void = () => {};

  async function shut(): Promise<void> {
    const old = handle;
    handle = null;
    await old?.close();
  }

  /** Removes the oldest files, and makes one. */
  async function begin(): Promise<void> {
    const entries = await readdir(folder, { withFileTypes: true }).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      await mkdir(folder, 0o700);
      return [];
    });
    const own: { entry: string; number: number }[] = [];
    const others: string[] = [];
    let next = last + 1;
    for (const entry of entries) {
      const digits = pattern.exec(entry.name)?.[1];
      if (digits === undefined) continue;
      next = Math.max(next, Number(digits) + 1);
      if (entry.isFile()) own.push({ entry: entry.name, number: Number(digits) });
      else others.push(entry.name);
    }
    own.sort((a, b) => a.number - b.number);
    for (const { entry } of own.splice(0, Math.max(0, own.length - files + 1))) {
      await unlink(join(folder, entry)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
    const left = others.filter((entry) => !foreign.has(entry));
    foreign = new Set(others);
    if (left.length > 0) tell(false, `${name}: ${left.join(', ')}: is no file, and is left alone`);
    const file = join(folder, `${name}-${String(next).padStart(DIGITS, '0')}.pcapng`);
    // Appending: packets stand one behind the other whatever was cut off.
    const opened = await open(file, 'ax', 0o600);
    try {
      const header = pcapngHeader(linkType, title);
      await appendWholeLater(opened, header, header.length, 0);
      handle = opened;
      fileSize = header.length;
      metrics.file = file;
      last = next;
    } catch (error) {
      await opened.close();
      // Empty files would push those with packets out.
      await unlink(file);
      throw error;
    }
  }

  /** True where somebody has removed the file: what comes belongs into another, and a disk that is full gets its room back. */
  async function isRemoved(): Promise<boolean> {
    if (performance.now() - lookedAt < look) return false;
    lookedAt = performance.now();
    return (await handle!.stat()).nlink === 0;
  }

  async function write(octets: Buffer, size: number): Promise<void> {
    if (handle !== null && (fileSize + size > fileMax || (await isRemoved()))) await shut();
    if (handle === null) await begin();
    try {
      await appendWholeLater(handle!, octets, size, fileSize);
      fileSize += size;
    } catch (error) {
      // What it has is good; the next packets get a file of their own.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') await shut();
      throw error;
    }
  }

  /** Writes one buffer. */
  async function take({ octets, size, packets, noted }: Filled): Promise<void> {
    try {
      await turn(() => write(octets, size));
      metrics.packets += packets;
      metrics.octets += size;
      if (!isToldOf || performance.now() - lastFailure < QUIET * pause) return;
      isToldOf = false;
      tell(true, `${name}: packets are captured again`);
    } catch (error) {
      metrics.failed += packets;
      metrics.problem = errorText(error);
      missed += packets + noted;
      lastFailure = performance.now();
      if (isToldOf) return;
      isToldOf = true;
      tell(false, `${name}: packets are not captured: ${metrics.problem}`);
    }
  }

  async function flush(): Promise<void> {
    while (full.length > 0 || filling.size > 0) {
      let next = full.shift();
      if (next === undefined) {
        next = filling;
        // The others are free, or not made yet.
        filling = another()!;
      }
      await take(next);
      next.size = next.packets = next.noted = 0;
      free.push(next);
    }
    isBusy = false;
    idle();
  }

  /** An empty buffer; undefined: all wait to be written. */
  function another(): Filled | undefined {
    if (free.length > 0 || made === BUFFERS) return free.pop();
    made++;
    return createFilled();
  }

  /** Makes room for so many octets; false: there is none. */
  function hasRoom(size: number): boolean {
    if (filling.size + size <= BUFFER) return true;
    if (size > BUFFER) return false;
    const next = another();
    if (next === undefined) return false;
    full.push(filling);
    filling = next;
    return true;
  }

  return {
    put(notes, packet, offset, length) {
      if (isClosed) return;
      if (performance.now() - lastFailure < pause) {
        metrics.failed++;
        missed++;
        return;
      }
      if (!hasRoom(length + PACKET_MORE)) {
        metrics.crowded++;
        missed++;
        return;
      }
      if (missed > 0) {
        notes.missed = missed;
        filling.noted += missed;
        missed = 0;
      }
      filling.size = putPacket(filling.octets, filling.size, notes, packet, offset, length);
      filling.packets++;
      if (isBusy) return;
      isBusy = true;
      setImmediate(flush);
    },
    metrics: () => ({ ...metrics }),
    async close() {
      if (isClosed) return;
      isClosed = true;
      let timer: NodeJS.Timeout | undefined;
      const done = new Promise<void>((resolve) => {
        idle = resolve;
        if (!isBusy) resolve();
      }).then(shut);
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LAST_WORDS);
      });
      // What a file system does not answer keeps nobody.
      await Promise.race([done.catch(() => {}), late]);
      clearTimeout(timer);
    },
  };
}
