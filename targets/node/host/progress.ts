// Progress of work that takes longer than two seconds: one line on a terminal, redrawn at most ten times a second and
// gone at the end. Files and pipes get nothing.

import { type Stream, widthOf } from './terminal.ts';

const WIDTH = 30;
const REDRAW_MS = 100;
/** Work that ends sooner shows nothing. */
const PATIENCE_MS = 2000;

/** Where progress goes: stderr. */
export interface Output extends Stream {
  write(text: string): unknown;
}

/** Takes how far a work is: `done` of `total`, any unit; `total` 0: nobody knows. */
export type Step = (done: number, total: number, text: string) => void;

export interface Progress {
  update: Step;
  /** Removes the line. */
  end(): void;
}

export function createProgress(stream: Output, clock: () => number = Date.now): Progress {
  let drawn = false;
  const start = clock();
  let next = start + PATIENCE_MS;
  return {
    update(done, total, text) {
      const now = clock();
      if (stream.isTTY !== true || now < next) return;
      next = now + REDRAW_MS;
      drawn = true;
      const part = Math.min(1, total > 0 ? done / total : 0);
      const full = Math.round(part * WIDTH);
      const bar = '#'.repeat(full) + '.'.repeat(WIDTH - full);
      const percent = String(Math.floor(part * 100)).padStart(3);
      const line = total > 0 ? `[${bar}] ${percent} % ${text}` : `${text} ... ${Math.floor((now - start) / 1000)} s`;
      // A line that wraps could not be removed.
      stream.write(`\r${line.slice(0, widthOf(stream) - 1)}\x1b[K`);
    },
    end() {
      if (drawn) stream.write('\r\x1b[K');
      drawn = false;
    },
  };
}

/** Does work of which nobody knows how long it takes, and says meanwhile what it is. */
export async function whileShown<Result>(stream: Output, text: string, work: () => Promise<Result>): Promise<Result> {
  const progress = createProgress(stream);
  const timer = setInterval(() => progress.update(0, 0, text), REDRAW_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    progress.end();
  }
}
