// A radio over a stream of octets (pipe.ts): the UART of a board, as a serial port, a terminal device, or the unix
// socket that an emulator gives it. When the stream ends, the radio opens it again, so that a board may restart.
//
// A UART has no channel to sense: `clear` is always true. Give the MAC an ackWait that covers the board's own delay.

import type { Duplex } from 'node:stream';
import { createPipeDecoder, PIPE_HEADER, pipeOctets } from './pipe.ts';
import type { Radio } from './radio.ts';

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

/** Options of `createUartRadio`. */
export interface UartConfig {
  /** Where the stream comes from: serialLine, socketLine, listenLine, terminalLine. */
  line: UartLine;
  /** Milliseconds until a stream that ended, or did not open, is opened again; default 250. */
  reopenAfter?: number;
  /** Octets that may wait for a slow reader; frames beyond are dropped. Default 4096. */
  room?: number;
  /** Milliseconds, monotonic. */
  clock?: () => number;
}

/** Counters of a radio on a stream. */
export interface UartCounters {
  /** Frames given to the stream. */
  sent: number;
  /** Frames read, octets outside of frames, bad lengths, frames cut off: see PipeCounters. */
  frames: number;
  /** Octets outside of frames. */
  garbage: number;
  /** Lengths out of range. */
  badLength: number;
  /** Frames cut off. */
  interrupted: number;
  /** Frames not sent: of a length that the pipe cannot carry, without a stream, and because the reader is slow. */
  refused: number;
  /** Frames not sent for want of a stream. */
  unconnected: number;
  /** Frames not sent because the reader is slow. */
  congested: number;
  /** Streams opened, and errors of streams or of opening them. */
  opened: number;
  /** Errors of streams, and of opening them. */
  errors: number;
}

/** IEEE 802.15.4 frames on a serial line or a socket, with a board at the other end. */
export interface UartRadio extends Radio {
  /** What happened so far. */
  counters: UartCounters;
  /** Resolves at the first stream; rejects when the line cannot listen or is closed before that. */
  ready: Promise<void>;
  /** Resolves when everything is closed. */
  closed: Promise<void>;
  /** A stream is open now. */
  isConnected(): boolean;
  /** Puts octets on the stream that are no frame, for tests of what listens; false when there is no room, or no stream. */
  sendOctets(octets: Uint8Array): boolean;
  /** The last error, or ''. */
  problem(): string;
}

const REOPEN_AFTER = 250;
const ROOM = 4096;

/** A radio over the streams of a line. */
export function createUartRadio(config: UartConfig): UartRadio {
  const room = config.room ?? ROOM;
  if (!(room >= PIPE_HEADER + 127)) throw new Error(`uart.room: ${room}: must be 129 or more`);
  const reopenAfter = config.reopenAfter ?? REOPEN_AFTER;
  const clock = config.clock ?? (() => performance.now());
  const counters: UartCounters = {
    sent: 0,
    frames: 0,
    garbage: 0,
    badLength: 0,
    interrupted: 0,
    refused: 0,
    unconnected: 0,
    congested: 0,
    opened: 0,
    errors: 0,
  };
  let stream: Duplex | null = null;
  let problem = '';
  let isClosed = false;
  let reopening: NodeJS.Timeout | undefined;
  let stop: () => Promise<void> = async () => {};
  let onReady: () => void = () => {};
  let onFailed: (error: Error) => void = () => {};
  let onClosed: () => void = () => {};

  const decoder = createPipeDecoder((frame, offset, length) => radio.onFrame?.(frame, offset, length), counters);

  function failed(error: Error): void {
    counters.errors++;
    problem = error.message;
    again();
  }

  function again(): void {
    if (isClosed || config.line.listens) return;
    clearTimeout(reopening);
    reopening = setTimeout(open, reopenAfter);
  }

  function lost(gone: Duplex): void {
    if (gone !== stream) return;
    stream = null;
    decoder.reset();
    again();
  }

  function take(opened: Duplex): void {
    const before = stream;
    stream = opened;
    if (before !== null) {
      decoder.reset();
      before.destroy();
    }
    if (isClosed) {
      opened.destroy();
      return;
    }
    counters.opened++;
    opened.on('data', (octets: Uint8Array) => {
      if (opened === stream) decoder.push(octets, clock());
    });
    opened.on('error', (error: Error) => {
      counters.errors++;
      problem = error.message;
    });
    opened.on('end', () => opened.destroy());
    opened.on('close', () => lost(opened));
    onReady();
  }

  function open(): void {
    if (isClosed) return;
    const before = stop;
    void before();
    stop = config.line.open(take, failed);
  }

  const radio: UartRadio = {
    onFrame: null,
    counters,
    ready: new Promise((resolve, reject) => {
      onReady = resolve;
      onFailed = reject;
    }),
    closed: new Promise((resolve) => {
      onClosed = resolve;
    }),
    instant: true,
    isConnected: () => stream !== null,
    problem: () => problem,
    clear: () => true,
    sendOctets(octets) {
      if (stream === null || !stream.writable || stream.writableLength + octets.length > room) return false;
      stream.write(octets);
      return true;
    },
    transmit(buffer, offset, length) {
      if (isClosed) return;
      const octets = pipeOctets(buffer, offset, length);
      if (octets === null) counters.refused++;
      else if (stream === null || !stream.writable) counters.unconnected++;
      else if (stream.writableLength + octets.length > room) counters.congested++;
      else {
        counters.sent++;
        stream.write(octets);
      }
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      radio.onFrame = null;
      clearTimeout(reopening);
      const last = stream;
      stream = null;
      last?.destroy();
      onFailed(new Error('the radio was closed'));
      void stop().then(onClosed, onClosed);
    },
  };
  // Nobody has to wait for it.
  radio.ready.catch(() => {});
  config.line.listening?.catch(onFailed);
  open();
  return radio;
}
