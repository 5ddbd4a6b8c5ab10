// A log with limits, for lines that others cause: per source, per reason, and in all. What is left out is counted, and a line
// tells how many.

import type { Log, LogFields, LogLevel, LogText } from './log.ts';

/** Milliseconds in which lines of a reason are counted. */
const WINDOW = 1000;
/** Lines of one reason from one source, from all strangers, and from all peers that proved who they are. */
const BY_SOURCE = 3;
const BY_STRANGERS = 10;
const BY_PEERS = 100;
/** Lines of all kinds: at once, and then for each second. Those at `debug` have limits of their own. */
const BURST = 2000;
const RATE = 100;
const DEBUG_RATE = 500;

/** Who caused a line, `''`: nobody in particular. */
export type Source = string;

export interface Bounded {
  /** A line of the program itself: limited in all only. */
  line: Log;
  /** A line that anybody can cause. `reason`: one of a few, such as the name of an outcome; it is a field of the line as well. */
  log(level: LogLevel, namespace: string, reason: string, text: LogText, fields?: LogFields, source?: Source): void;
  /** A line that a peer causes which proved who it is: as `log`, and there may be more of them. */
  peer(level: LogLevel, namespace: string, reason: string, text: LogText, fields?: LogFields, source?: Source): void;
  /** Writes what was left out in windows that are over at `now`. */
  poll(now: number): void;
  /** When poll has something to write, or -1. */
  nextTimeout(): number;
  /** Lines left out so far. */
  suppressed(): number;
}

interface Window {
  reason: string;
  /** Its end: compared as it is, since a difference of two times may fall short of the window by rounding. */
  until: number;
  lines: number;
  sources: Map<Source, number>;
  suppressed: number;
  level: LogLevel;
  namespace: string;
}

/** Tokens that come back with time. */
interface Bucket {
  rate: number;
  tokens: number;
  at: number;
}

function take(bucket: Bucket, now: number): boolean {
  const gained = Math.max(0, now - bucket.at) * (bucket.rate / 1000);
  bucket.tokens = Math.min(BURST, bucket.tokens + gained);
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens--;
  return true;
}

/** An address of a source: an IPv6 network of the Internet as a whole, since one host may have all addresses of it. */
export function sourceOf(address: Uint8Array): Source {
  const isNetwork = address.length === 16 && address[0] >>> 5 === 1;
  return Buffer.from(isNetwork ? address.subarray(0, 8) : address).toString('hex');
}

/** `now`: milliseconds, the clock of `poll`. */
export function createBounded(log: Log, now: () => number): Bounded {
  const windows = new Map<string, Window>();
  const start = now();
  const all: Bucket = { rate: RATE, tokens: BURST, at: start };
  const debug: Bucket = { rate: DEBUG_RATE, tokens: BURST, at: start };
  let total = 0;

  function finish(key: string, window: Window): void {
    windows.delete(key);
    const { reason, suppressed, level, namespace } = window;
    if (suppressed > 0) log(level, namespace, `${reason}: ${suppressed} more lines suppressed`, { reason, suppressed });
  }

  function windowOf(level: LogLevel, namespace: string, reason: string, time: number): Window {
    // Lines that nobody wants to see must not take the place of those that matter.
    const key = `${level} ${namespace} ${reason}`;
    const known = windows.get(key);
    if (known !== undefined && time < known.until) return known;
    if (known !== undefined) finish(key, known);
    const until = time + WINDOW;
    const window = { reason, until, lines: 0, sources: new Map(), suppressed: 0, level, namespace };
    windows.set(key, window);
    return window;
  }

  function suppress(window: Window): void {
    window.suppressed++;
    total++;
  }

  /** Takes one of the lines of all kinds; false where there is none. */
  function hasRoom(level: LogLevel, time: number): boolean {
    if (take(level === 'debug' ? debug : all, time)) return true;
    suppress(windowOf(level === 'debug' ? 'debug' : 'warn', 'gateway', 'of all kinds', time));
    return false;
  }

  const within =
    (most: number): Bounded['log'] =>
    (level, namespace, reason, text, fields, source = '') => {
      const time = now();
      const window = windowOf(level, namespace, reason, time);
      const own = window.sources.get(source) ?? 0;
      if (window.lines >= most || own >= BY_SOURCE) {
        suppress(window);
        return;
      }
      window.lines++;
      window.sources.set(source, own + 1);
      if (hasRoom(level, time)) log(level, namespace, text, { ...fields, reason });
    };

  return {
    line(level, namespace, text, fields) {
      if (hasRoom(level, now())) log(level, namespace, text, fields);
    },
    log: within(BY_STRANGERS),
    peer: within(BY_PEERS),
    poll(time) {
      for (const [key, window] of [...windows]) if (time >= window.until) finish(key, window);
    },
    nextTimeout() {
      let due = -1;
      for (const { until, suppressed } of windows.values()) {
        if (suppressed > 0 && (due < 0 || until < due)) due = until;
      }
      return due;
    },
    suppressed: () => total,
  };
}
