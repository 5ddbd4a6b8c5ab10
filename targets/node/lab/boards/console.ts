// Lines of a board's console: it keeps them, passes them on, and waits for one.

/** Lines that are kept for who waits later; older ones are dropped. */
const KEPT = 10000;
/** A line longer than this is cut: a board that writes without line ends fills no memory. */
const LINE_MAX = 4096;

export interface ConsoleLines {
  /** Adds what the board wrote. */
  push(text: string): void;
  /** No more comes; `why` is told to those that wait. */
  end(why: string): void;
  /** Every line from now on; returns what ends that. */
  onLine(listener: (line: string) => void): () => void;
  /** The lines so far, the last ones when there were many. */
  lines(): string[];
  /**
   * The first line that matches, among those after the last one that was waited for. Rejects after `limit`
   * milliseconds, or when the board is gone, with the last lines that came.
   */
  waitFor(pattern: RegExp, limit: number): Promise<RegExpExecArray>;
  /** From now on `waitFor` looks at new lines only. */
  skip(): void;
}

export function createConsoleLines(): ConsoleLines {
  const kept: string[] = [];
  const listeners = new Set<(line: string) => void>();
  const enders = new Set<(why: string) => void>();
  let rest = '';
  let ended = '';
  /** Lines in all, and those that have been waited past. */
  let count = 0;
  let seen = 0;

  function add(line: string): void {
    kept.push(line);
    count++;
    if (kept.length > KEPT) kept.shift();
    for (const listener of [...listeners]) listener(line);
  }

  /** Hands on pieces of what is too long for a line; the rest. */
  function cut(line: string): string {
    let at = 0;
    for (; line.length - at > LINE_MAX; at += LINE_MAX) add(line.slice(at, at + LINE_MAX));
    return line.slice(at);
  }

  const tail = (): string => (kept.length === 0 ? 'no line came' : `last lines: ${kept.slice(-8).join(' | ')}`);

  return {
    push(text) {
      rest += text;
      const parts = rest.split('\n');
      rest = parts.pop()!;
      for (const part of parts) add(cut(part).replace(/\r$/, ''));
      rest = cut(rest);
    },
    end(why) {
      if (ended !== '') return;
      if (rest !== '') add(rest);
      rest = '';
      ended = why;
      for (const ender of [...enders]) ender(why);
    },
    onLine(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    lines: () => [...kept],
    skip() {
      seen = count;
    },
    waitFor(pattern, limit) {
      for (let i = Math.max(0, kept.length - (count - seen)); i < kept.length; i++) {
        const match = pattern.exec(kept[i]);
        if (match === null) continue;
        seen = count - kept.length + i + 1;
        return Promise.resolve(match);
      }
      return new Promise((resolve, reject) => {
        const done = (): void => {
          clearTimeout(timer);
          listeners.delete(listen);
          enders.delete(fail);
        };
        const fail = (why: string): void => {
          done();
          reject(new Error(`waited for ${pattern}: ${why}; ${tail()}`));
        };
        const listen = (line: string): void => {
          const match = pattern.exec(line);
          if (match === null) return;
          done();
          seen = count;
          resolve(match);
        };
        const timer = setTimeout(() => fail(`nothing within ${limit} ms`), limit);
        listeners.add(listen);
        enders.add(fail);
        if (ended !== '') fail(ended);
      });
    },
  };
}
