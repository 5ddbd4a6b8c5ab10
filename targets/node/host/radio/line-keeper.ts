// Keeps a stream of octets open: when it ends, or cannot be opened, it is opened again, so that a board may restart and a
// dongle may be pulled out.

import type { Duplex } from 'node:stream';

/** Where streams come from. */
export interface UartLine {
  /**
   * Hands over streams as they come: `onStream` may be called again and again, a new one takes the place of the one
   * before. Without a stream `onError` is called, and `open` again after a while. Returns what stops it.
   */
  open(onStream: (stream: Duplex) => void, onError: (error: Error) => void): () => Promise<void>;
  /** It listens: streams come by themselves, and `open` is called once. */
  listens: boolean;
  /** Resolves when a line that listens can be reached; rejects when it cannot listen. */
  listening?: Promise<void>;
}

/** Counters of streams. */
export interface LineCounters {
  /** Streams opened. */
  opened: number;
  /** Errors of streams, and of opening them. */
  errors: number;
}

export interface LineKeeper {
  /** The stream that is open; null: none. */
  stream(): Duplex | null;
  /** The last error, or ''. */
  problem(): string;
  /** Puts octets on the stream: `no-stream`, or `slow` where more than `room` octets would wait. */
  write(octets: Uint8Array, room: number): '' | 'no-stream' | 'slow';
  /** Ends the stream that is open, for this reason; another is opened. */
  restart(reason: string): void;
  /** The stream is good: the next failure is the first one. */
  settled(): void;
  /** Ends everything. */
  close(): void;
  /** Resolves when everything is closed. */
  closed: Promise<void>;
}

/** What hears of streams. */
export interface LineEvents {
  /** A stream is open. */
  opened(): void;
  octets(octets: Uint8Array): void;
  /** The stream is gone, or another takes its place. */
  lost(): void;
  /** None could be opened. */
  failed?(error: Error): void;
}

/** `wait`: milliseconds until it is opened again, after so many failures in a row. */
export function keepLine(
  line: UartLine,
  wait: (failures: number) => number,
  counters: LineCounters,
  events: LineEvents,
): LineKeeper {
  let stream: Duplex | null = null;
  let problem = '';
  let isClosed = false;
  let failures = 0;
  let reopening: NodeJS.Timeout | undefined;
  let stop: () => Promise<void> = async () => {};
  let onClosed: () => void = () => {};

  function again(): void {
    if (isClosed || line.listens) return;
    clearTimeout(reopening);
    reopening = setTimeout(open, wait(failures++));
  }

  function failed(error: Error): void {
    counters.errors++;
    problem = error.message;
    events.failed?.(error);
    again();
  }

  function lost(gone: Duplex): void {
    if (gone !== stream) return;
    stream = null;
    events.lost();
    again();
  }

  function take(opened: Duplex): void {
    const before = stream;
    stream = opened;
    if (before !== null) {
      events.lost();
      before.destroy();
    }
    if (isClosed) {
      stream = null;
      opened.destroy();
      return;
    }
    counters.opened++;
    opened.on('data', (octets: Uint8Array) => {
      if (opened === stream) events.octets(octets);
    });
    opened.on('error', (error: Error) => {
      counters.errors++;
      problem = error.message;
    });
    opened.on('end', () => opened.destroy());
    opened.on('close', () => lost(opened));
    events.opened();
  }

  function open(): void {
    if (isClosed) return;
    const before = stop;
    void before();
    stop = line.open(take, failed);
  }

  const closed = new Promise<void>((resolve) => {
    onClosed = resolve;
  });
  open();
  return {
    stream: () => stream,
    problem: () => problem,
    write(octets, room) {
      if (stream === null || !stream.writable) return 'no-stream';
      if (stream.writableLength + octets.length > room) return 'slow';
      stream.write(octets);
      return '';
    },
    settled() {
      failures = 0;
    },
    restart(reason) {
      problem = reason;
      stream?.destroy();
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      clearTimeout(reopening);
      const last = stream;
      stream = null;
      last?.destroy();
      void stop().then(onClosed, onClosed);
    },
    closed,
  };
}
