// The modules for programs in Lua, or in JavaScript on Duktape and JerryScript: a sensor with IKEv2 from a provisioning
// blob, a device with SAs keyed by hand, and conversion of text to octets. The names equal those of the module for Espruino.
//
// The program passes its hooks (`board`, see hooks.ts; all but four are optional). It calls `run`, or `step` whenever a
// frame may be there or the time that `step` returned has passed. On Espruino a radio driver and timers do this.

import { copy } from '../../core/base/bytes.ts';
import type { Part } from '../../core/crypto/portable.ts';
import type { Phy } from '../../core/link/mac.ts';
import type { Board } from './hooks.ts';
import { createManual, type ManualOptions } from './manual.ts';
import { createRandom } from './native.ts';
import type { App } from './start.ts';

const FRAME_MAX = 127;
const FRAME_MIN = 5;
const LINES = 4;
/** Most frames in one step: a flood must not stop the clocks. */
const FRAMES_AT_ONCE = 8;
/** Work that is due within this half of a millisecond is done now, see app.ts. */
const SLACK = 0.5;

/**
 * The hooks of a program. `now`, `random`, `transmit` and `receive` are required, and `wait` for `run`.
 *
 * @noSelf
 */
export interface ProgramBoard {
  now: Board['now'];
  random: Board['random'];
  transmit: Board['transmit'];
  receive: Board['receive'];
  tune?: Board['tune'];
  wait?: Board['wait'];
  ticks?: Board['ticks'];
  print?: Board['print'];
  command?: Board['command'];
  provision?: Board['provision'];
  exit?: Board['exit'];
  restart?: Board['restart'];
  memory?: Board['memory'];
  heap?: Board['heap'];
  native?: number;
  ccm?: Board['ccm'];
  hmac?: Board['hmac'];
  x25519?: Board['x25519'];
  sign?: Board['sign'];
  verify?: Board['verify'];
}

/** A Board made of a program's hooks, with a console of its own. */
export interface Program {
  board: Board;
  /** Gives the application a line. False: too many wait. */
  command(line: string): boolean;
  isStopped(): boolean;
}

/** Options of `device`. */
export interface ProgramDeviceOptions extends ManualOptions {
  board: ProgramBoard;
}

/** Shared by the results of `start` and `device`. */
export interface Steps {
  /**
   * Takes frames and commands, and does what is due. Returns the milliseconds until the next call if no frame arrives before;
   * -1: call it only for a frame.
   */
  step(): number;
  /** Steps and waits with board.wait until it has ended. */
  run(): void;
  stop(): void;
  isOver(): boolean;
}

/** @noSelf */
export interface ProgramDevice extends Steps {
  /** Sends a UDP payload; `done` gets 0, or a drop code. Returns a tag > 0, or a drop code. */
  send(payload: Uint8Array, done: ((result: number) => void) | null): number;
  /** Packets sent, received, and dropped by reason: see core/device/device.ts. */
  device: unknown;
}

/** @noSelf */
export interface ProgramSensor extends Steps {
  /** Takes a console line: `rekey`, `rekey-ike`, `delete`, `connect`, `send N`, `stats`, `restart`, `exit`. */
  command(line: string): boolean;
  /** What is native, see hooks.ts. */
  native: number;
}

function need(name: string, hook: unknown): void {
  if (hook === undefined || hook === null) throw new Error('board.' + name + ': (missing)');
}

function checkHooks(hooks: ProgramBoard): void {
  if (hooks === undefined) throw new Error('board: (missing)');
  need('now', hooks.now);
  need('random', hooks.random);
  need('transmit', hooks.transmit);
  need('receive', hooks.receive);
  const native = hooks.native === undefined ? 0 : hooks.native;
  if ((native & 1) !== 0) need('ccm', hooks.ccm);
  if ((native & 2) !== 0) need('hmac', hooks.hmac);
  if ((native & 4) !== 0) need('x25519', hooks.x25519);
  if ((native & 8) !== 0) need('sign', hooks.sign);
  if ((native & 8) !== 0) need('verify', hooks.verify);
}

function absent(name: string): never {
  throw new Error('board.' + name + ': (missing)');
}

/** Completes the hooks. `blob` is the provisioning blob; null: the hook `provision` has it. */
export function createProgram(hooks: ProgramBoard, blob: Uint8Array | null, print: (text: string) => void): Program {
  checkHooks(hooks);
  const lines: string[] = [];
  let isStopped = false;
  const board: Board = {
    now: hooks.now,
    ticks: hooks.ticks === undefined ? () => 0 : hooks.ticks,
    random: hooks.random,
    transmit: hooks.transmit,
    receive: hooks.receive,
    tune: hooks.tune === undefined ? () => {} : hooks.tune,
    wait: hooks.wait === undefined ? () => absent('wait') : hooks.wait,
    print: hooks.print === undefined ? print : hooks.print,
    command: (buffer) => {
      if (lines.length === 0) return hooks.command === undefined ? -1 : hooks.command(buffer);
      const line = lines[0];
      for (let i = 1; i < lines.length; i++) lines[i - 1] = lines[i];
      lines.pop();
      const length = Math.min(line.length, buffer.length);
      for (let i = 0; i < length; i++) buffer[i] = line.charCodeAt(i) & 0xff;
      return length;
    },
    provision: (buffer) => {
      if (blob === null) return hooks.provision === undefined ? 0 : hooks.provision(buffer);
      const length = Math.min(blob.length, buffer.length);
      copy(buffer, 0, blob, 0, length);
      return length;
    },
    // Modules leave out keep.ts.
    save: () => false,
    load: () => 0,
    exit: (code) => {
      isStopped = true;
      if (hooks.exit !== undefined) hooks.exit(code);
    },
    restart: () => {
      isStopped = true;
      if (hooks.restart !== undefined) hooks.restart();
    },
    memory: hooks.memory === undefined ? () => -1 : hooks.memory,
    heap: hooks.heap === undefined ? () => -1 : hooks.heap,
    native: hooks.native === undefined ? 0 : hooks.native,
    ccm: hooks.ccm === undefined ? () => absent('ccm') : hooks.ccm,
    hmac: hooks.hmac === undefined ? () => absent('hmac') : hooks.hmac,
    x25519: hooks.x25519 === undefined ? () => absent('x25519') : hooks.x25519,
    sign: hooks.sign === undefined ? () => absent('sign') : hooks.sign,
    verify: hooks.verify === undefined ? () => false : hooks.verify,
  };
  return {
    board: board,
    command: (line) => {
      if (lines.length === LINES) return false;
      lines.push(line);
      return true;
    },
    isStopped: () => isStopped,
  };
}

function waitFor(at: number, now: number): number {
  return at < 0 ? -1 : Math.max(0, Math.ceil(at - now));
}

/** The application for a program. `step` throws errors; `run` prints them on the console. */
export function createSensorOf(program: Program, app: App): ProgramSensor {
  const board = program.board;
  const isOver = (): boolean => app.isOver() || program.isStopped();
  const step = (): number => {
    if (!isOver()) app.step(board.now());
    return isOver() ? -1 : waitFor(app.nextTimeout(), board.now());
  };
  return {
    step: step,
    run: () => {
      // One `try` around everything, because on Lua each costs a closure.
      try {
        while (!isOver()) {
          const ms = step();
          if (!isOver()) board.wait(ms);
        }
      } catch (problem) {
        app.fail(problem);
      }
    },
    command: program.command,
    stop: () => {
      board.exit(0);
    },
    isOver: isOver,
    native: board.native,
  };
}

/** A device with SAs keyed by hand over a program's hooks; `partOf` chooses AES-CCM. */
export function createProgramDevice(options: ProgramDeviceOptions, partOf: (board: Board) => Part): ProgramDevice {
  const board = createProgram(options.board, null, () => {}).board;
  const phy: Phy = {
    clear: () => true,
    transmit: (buffer, offset, length) => {
      board.transmit(buffer, offset, length);
    },
  };
  const manual = createManual(options, phy, partOf(board), createRandom(board));
  const device = manual.device;
  const frame = new Uint8Array(FRAME_MAX);
  let isOver = false;
  const step = (): number => {
    if (isOver) return -1;
    const now = board.now();
    let frames = 0;
    for (; frames < FRAMES_AT_ONCE; frames++) {
      const length = board.receive(frame);
      if (length < 0) break;
      if (length >= FRAME_MIN && length <= FRAME_MAX) device.receive(frame, 0, length, now);
    }
    device.poll(now + SLACK);
    if (isOver) return -1;
    return frames === FRAMES_AT_ONCE ? 0 : waitFor(device.nextTimeout(), board.now());
  };
  return {
    step: step,
    run: () => {
      while (!isOver) {
        const ms = step();
        if (!isOver) board.wait(ms);
      }
    },
    stop: () => {
      isOver = true;
    },
    isOver: () => isOver,
    send: (payload, done) => manual.send(payload, done, board.now()),
    device: device,
  };
}
