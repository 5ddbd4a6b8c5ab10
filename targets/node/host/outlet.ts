// Standard output and error of programs that go on whatever becomes of what they say: a full disk, a reader that left or that
// reads no more. Lines that cannot be written are lost and counted; the next one that can be written says how many.

import { fstatSync, writeSync } from 'node:fs';
import { errorText } from './errors.ts';

/** Octets that may wait for a slow reader; what comes then is lost. */
const WAITING_MAX = 1 << 20;

/** The line (with its end) that tells of lost ones. */
export type LossNote = (lines: number, why: string) => string;

/** What process.stdout and process.stderr have. */
export interface StandardStream {
  isTTY?: boolean;
  columns?: number;
  fd: number;
  rows?: number;
  write(text: string, done: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

export interface Outlet {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** Writes whole lines, or loses and counts them. Never throws. */
  write(text: string, note?: LossNote): void;
  /** Lines lost so far. */
  lost(): number;
  /** Waits until all is written, `time` milliseconds at most; false when something waits still. */
  end(time: number): Promise<boolean>;
}

const plainNote: LossNote = (lines, why) => `${lines} lines lost: ${why}\n`;

/** True where a write is done when it returns: a file, or a device that is no terminal. */
function isFile(stream: StandardStream): boolean {
  if (stream.isTTY === true) return false;
  try {
    const stat = fstatSync(stream.fd);
    return stat.isFile() || stat.isCharacterDevice();
  } catch {
    return false;
  }
}

function linesIn(text: string): number {
  return Math.max(1, text.split('\n').length - 1);
}

function createOutlet(stream: StandardStream): Outlet {
  const isDirect = isFile(stream);
  let waiting = 0;
  let total = 0;
  // Lost, and not told yet.
  let untold = 0;
  let why = '';
  // A file may have taken a part of a line.
  let isCut = false;
  let drained: () => void = () => {};

  function lose(lines: number, reason: string): void {
    untold += lines;
    why = reason;
  }

  /** Writes to a file; throws the system's error. */
  function put(octets: Buffer): void {
    for (let at = 0; at < octets.length; ) {
      at += writeSync(stream.fd, octets, at);
      isCut = at < octets.length;
    }
  }

  // Each write has the same error in its own answer.
  stream.on('error', () => {});
  return {
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
    get rows() {
      return stream.rows;
    },
    write(text, note = plainNote) {
      const lines = linesIn(text);
      if (waiting > WAITING_MAX) {
        total += lines;
        lose(lines, 'nobody reads');
        return;
      }
      const told = untold;
      const reason = why;
      untold = 0;
      const whole = `${isCut ? '\n' : ''}${told > 0 ? note(told, reason) : ''}${text}`;
      const failed = (error: unknown): void => {
        total += lines;
        lose(told + lines, errorText(error));
      };
      if (isDirect) {
        try {
          put(Buffer.from(whole));
        } catch (error) {
          failed(error);
        }
        return;
      }
      const size = Buffer.byteLength(whole);
      waiting += size;
      stream.write(whole, (error) => {
        waiting -= size;
        if (error !== undefined && error !== null) failed(error);
        if (waiting === 0) drained();
      });
    },
    lost: () => total,
    async end(time) {
      if (waiting === 0) return true;
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        new Promise<void>((resolve) => {
          drained = resolve;
        }),
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, time);
        }),
      ]);
      clearTimeout(timer);
      return waiting === 0;
    },
  };
}

const outlets = new Map<StandardStream, Outlet>();

/** The outlet of a stream, one for all who write to it. */
export function outletOf(stream: StandardStream): Outlet {
  const known = outlets.get(stream);
  if (known !== undefined) return known;
  const outlet = createOutlet(stream);
  outlets.set(stream, outlet);
  return outlet;
}

/** True for a stream that an outlet looks after. */
export function hasOutlet(stream: StandardStream): boolean {
  return outlets.has(stream);
}

/** Waits until all outlets have written what they took, `time` milliseconds at most; false when one has not. */
export async function endOutlets(time: number): Promise<boolean> {
  const ended = await Promise.all([...outlets.values()].map((outlet) => outlet.end(time)));
  return ended.every(Boolean);
}
