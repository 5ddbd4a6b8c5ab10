// A radio over a stream of octets (pipe.ts): the UART of a board, as a serial port, a terminal device, or the unix
// socket that an emulator gives it. When the stream ends, the radio opens it again, so that a board may restart.
//
// A UART has no channel to sense: `clear` is always true. Give the MAC an ackWait that covers the board's own delay.

import { keepLine, type LineCounters, type UartLine } from './line-keeper.ts';
import { createPipeDecoder, PIPE_HEADER, pipeOctets } from './pipe.ts';
import type { Radio } from './radio.ts';

export type { UartLine } from './line-keeper.ts';

/** Options of `createUartRadio`. */
export interface UartConfig {
  /** Where the stream comes from: serialLine, socketLine, listenLine, terminalLine. */
  line: UartLine;
  /** The first failure to open a stream rejects `ready`; else it is tried again. */
  mustOpen?: boolean;
  /** Milliseconds until a stream that ended, or did not open, is opened again; default 250. */
  reopenAfter?: number;
  /** Octets that may wait for a slow reader; frames beyond are dropped. Default 4096. */
  room?: number;
  /** Milliseconds, monotonic. */
  clock?: () => number;
}

/** Counters of a radio on a stream. */
export interface UartCounters extends LineCounters {
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
  let isClosed = false;
  let onReady: () => void = () => {};
  let onFailed: (error: Error) => void = () => {};
  const decoder = createPipeDecoder((frame, offset, length) => radio.onFrame?.(frame, offset, length), counters);
  const ready = new Promise<void>((resolve, reject) => {
    onReady = resolve;
    onFailed = reject;
  });
  // Nobody has to wait for it.
  ready.catch(() => {});
  const keeper = keepLine(config.line, () => reopenAfter, counters, {
    opened: () => onReady(),
    octets: (octets) => decoder.push(octets, clock()),
    lost: () => decoder.reset(),
    failed: (error) => {
      if (config.mustOpen === true) onFailed(error);
    },
  });

  const radio: UartRadio = {
    onFrame: null,
    counters,
    ready,
    closed: keeper.closed,
    instant: true,
    isConnected: () => keeper.stream() !== null,
    problem: keeper.problem,
    clear: () => true,
    sendOctets: (octets) => keeper.write(octets, room) === '',
    transmit(buffer, offset, length) {
      if (isClosed) return;
      const octets = pipeOctets(buffer, offset, length);
      if (octets === null) {
        counters.refused++;
        return;
      }
      const problem = keeper.write(octets, room);
      if (problem === '') counters.sent++;
      else if (problem === 'slow') counters.congested++;
      else counters.unconnected++;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      radio.onFrame = null;
      keeper.close();
      onFailed(new Error('the radio was closed'));
    },
  };
  config.line.listening?.catch(onFailed);
  return radio;
}
