// Espruino as a Board (targets/board/hooks.ts): hooks in JavaScript, and frames from a radio driver. setTimeout runs the
// application, because nothing may wait in Espruino.

import { copy } from '../../core/base/bytes.ts';
import type { Phy } from '../../core/link/mac.ts';
import type { Board } from '../board/hooks.ts';
import type { App } from '../board/start.ts';
import type { CryptoHooks } from './crypto.ts';
import { after, clock, engine, forget, printLine, readStored, variables, writeStored } from './globals.ts';

const FRAME_MAX = 127;
/** Most frames that wait for the application. Any more is lost, until the sender repeats it. */
const FRAMES = 4;
const LINES = 4;

/**
 * A radio for `start` and `device`, such as the driver of the MRF24J40.
 *
 * @noSelf
 */
export interface EspruinoRadio extends Phy {
  /** Takes a frame, MHR to FCS, valid during the call. The application sets it. */
  onFrame: ((frame: Uint8Array, offset: number, length: number) => void) | null;
  /** When `poll` must run next; -1: never. */
  poll(now: number): void;
  nextTimeout(): number;
}

export interface BoardOptions {
  radio: EspruinoRadio;
  blob: Uint8Array;
  /** Null: Espruino's console. */
  print: ((line: string) => void) | null;
  /** Null: E.reboot. */
  restart: (() => void) | null;
  /** Name of the Storage's file that keeps the session; '': it is not kept. */
  record: string;
}

/** @noSelf */
export interface EspruinoBoard {
  board: Board;
  /** Frames lost because too many waited. */
  lost(): number;
  /** Gives the application a line. False: too many wait. */
  command(text: string): boolean;
  /** Called when a frame or a line arrives. */
  onWork: () => void;
  isStopped(): boolean;
}

function nothing(): void {}

function silent(): false {
  return false;
}

/** Whole monotonic milliseconds, although the user may set Espruino's clock. */
export function createClock(): () => number {
  let last = clock();
  let passed = 0;
  return () => {
    const now = clock();
    // Backwards, or forwards by more than a day.
    if (now > last && now - last < 86400000) passed += now - last;
    last = now;
    return Math.floor(passed);
  };
}

export function createEspruinoBoard(hooks: CryptoHooks, options: BoardOptions): EspruinoBoard {
  const frames = new Uint8Array(FRAMES * (FRAME_MAX + 1));
  const lines: string[] = [];
  const radio = options.radio;
  let head = 0;
  let count = 0;
  let lost = 0;
  let isStopped = false;
  let peak = variables();

  const board: Board = {
    now: createClock(),
    ticks: () => 0,
    random: hooks.random,
    // Whoever made the radio has told it.
    tune: () => {},
    transmit: radio.transmit,
    receive: (buffer) => {
      if (count === 0) return -1;
      const at = head * (FRAME_MAX + 1);
      const length = frames[at];
      copy(buffer, 0, frames, at + 1, Math.min(length, buffer.length));
      head = (head + 1) % FRAMES;
      count--;
      return length;
    },
    wait: nothing,
    print: (text) => {
      if (options.print === null) printLine(text);
      else options.print(text);
    },
    command: (buffer) => {
      if (lines.length === 0) return -1;
      const line = lines[0];
      for (let i = 1; i < lines.length; i++) lines[i - 1] = lines[i];
      lines.pop();
      const length = Math.min(line.length, buffer.length);
      for (let i = 0; i < length; i++) buffer[i] = line.charCodeAt(i) & 0xff;
      return length;
    },
    provision: (buffer) => {
      const length = Math.min(options.blob.length, buffer.length);
      copy(buffer, 0, options.blob, 0, length);
      return length;
    },
    // The Storage drops the old file before it writes the new one: a power cut between leaves none.
    save: (buffer, offset, length) => {
      if (options.record === '') return false;
      let text = '';
      for (let i = 0; i < length; i++) text += String.fromCharCode(buffer[offset + i]);
      return writeStored(options.record, text);
    },
    load: (buffer) => {
      const text = options.record === '' ? '' : readStored(options.record);
      const length = Math.min(text.length, buffer.length);
      for (let i = 0; i < length; i++) buffer[i] = text.charCodeAt(i) & 0xff;
      return length;
    },
    exit: () => {
      isStopped = true;
      radio.onFrame = null;
    },
    restart: () => {
      isStopped = true;
      radio.onFrame = null;
      if (options.restart !== null) options.restart();
      else if (engine().reboot !== undefined) engine().reboot!();
    },
    // Octets of all variables, other programs' included.
    memory: () => {
      peak = Math.max(peak, variables());
      return peak;
    },
    heap: () => variables(),
    native: hooks.native,
    ccm: hooks.ccm,
    hmac: hooks.hmac,
    x25519: hooks.x25519,
    sign: () => {
      throw new Error('Ed25519: not on this board');
    },
    verify: silent,
  };

  const espruino: EspruinoBoard = {
    board: board,
    lost: () => lost,
    command: (text) => {
      if (lines.length === LINES) return false;
      lines.push(text);
      espruino.onWork();
      return true;
    },
    onWork: nothing,
    isStopped: () => isStopped,
  };

  radio.onFrame = (frame, offset, length) => {
    if (length < 0 || length > FRAME_MAX || count === FRAMES) {
      lost++;
      return;
    }
    const at = ((head + count) % FRAMES) * (FRAME_MAX + 1);
    frames[at] = length;
    copy(frames, at + 1, frame, offset, length);
    count++;
    espruino.onWork();
  };
  return espruino;
}

/**
 * A program for a runner.
 *
 * @noSelf
 */
export interface Runnable {
  step(now: number): void;
  nextTimeout(): number;
}

/** @noSelf */
export interface Runner {
  /** Wakes the runner: there is input, or something may be due earlier. */
  wake(): void;
  stop(): void;
}

/** Calls `step` whenever it is due, until `isOver`. Errors of `step` go to `fail`, which ends the program. */
export function createRunner(
  node: Runnable,
  radio: EspruinoRadio,
  now: () => number,
  isOver: () => boolean,
  fail: (problem: unknown) => void,
): Runner {
  let timer = -1;
  let isRunning = true;

  function tick(): void {
    timer = -1;
    if (!isRunning || isOver()) return;
    try {
      const time = now();
      radio.poll(time);
      node.step(time);
    } catch (problem) {
      isRunning = false;
      fail(problem);
      return;
    }
    schedule();
  }

  function schedule(): void {
    if (!isRunning || isOver()) return;
    const a = node.nextTimeout();
    const b = radio.nextTimeout();
    const at = a < 0 || (b >= 0 && b < a) ? b : a;
    if (at >= 0) timer = after(Math.max(1, Math.ceil(at - now())), tick);
  }

  function wake(): void {
    if (!isRunning) return;
    if (timer !== -1) forget(timer);
    timer = after(0, tick);
  }

  wake();
  return {
    wake: wake,
    stop: () => {
      isRunning = false;
      if (timer !== -1) forget(timer);
      timer = -1;
    },
  };
}

/** The application as a program for a runner. */
export function createAppRunner(app: App, espruino: EspruinoBoard, radio: EspruinoRadio): Runner {
  const runner = createRunner(
    { step: (now) => app.step(now), nextTimeout: () => app.nextTimeout() },
    radio,
    espruino.board.now,
    () => app.isOver() || espruino.isStopped(),
    (problem) => app.fail(problem),
  );
  espruino.onWork = runner.wake;
  return runner;
}
