// A progress bar on stderr, on terminals only, redrawn at most ten times a second.

import type { WriteStream } from 'node:tty';

const WIDTH = 30;
const REDRAW_MS = 100;

export interface Progress {
  /** `done` of `total`, any unit. */
  update(done: number, total: number, text: string): void;
  /** Removes the bar. */
  end(): void;
}

export function createProgress(stream: WriteStream, clock: () => number = Date.now): Progress {
  let drawn = false;
  let next = 0;
  return {
    update(done, total, text) {
      if (stream.isTTY !== true) return;
      const now = clock();
      if (now < next) return;
      next = now + REDRAW_MS;
      drawn = true;
      const part = total > 0 ? Math.min(1, done / total) : 1;
      const full = Math.round(part * WIDTH);
      const bar = '#'.repeat(full) + '.'.repeat(WIDTH - full);
      stream.write(`\r[${bar}] ${String(Math.floor(part * 100)).padStart(3)} % ${text}\x1b[K`);
    },
    end() {
      if (drawn) stream.write('\r\x1b[K');
      drawn = false;
    },
  };
}
