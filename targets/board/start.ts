// The start and the end of an application: it reads the provisioning area and accepts or refuses it; one line says why a
// board ends. The codes of `halt` are BLOB_* of blob.ts, and HALT_*.

import { fill } from '../../core/base/bytes.ts';
import type { Asymmetric } from '../../core/crypto/asymmetric.ts';
import type { IkeDevice } from '../../core/device/ike-device.ts';
import { BLOB_FIELD, BLOB_MAX, type BoardConfig, readBlob } from './blob.ts';
import { decimal, problemText } from './console.ts';
import type { Board } from './hooks.ts';
import { NO_ENTROPY } from './native.ts';

export const VERSION = '0.2.0';

export const HALT_ENTROPY = 20;
export const HALT_MEMORY = 21;
export const HALT_SCRIPT = 22;

/** @noSelf */
export interface App {
  /** Null: the application ended before it had one. */
  device: IkeDevice | null;
  config: BoardConfig | null;
  /** It has ended: `step` does nothing more. */
  isOver(): boolean;
  /** Takes frames and commands, and does what is due. Its errors go to `fail`. */
  step(now: number): void;
  /** When to call `step` next, or -1. */
  nextTimeout(): number;
  /** Prints an error on the console and ends. */
  fail(problem: unknown): void;
}

/** An application that has ended. */
export function createEnded(board: Board): App {
  return {
    device: null,
    config: null,
    isOver: () => true,
    step: () => {},
    nextTimeout: () => -1,
    fail: (problem) => {
      board.print(problemText(problem));
    },
  };
}

/** Ends, with a line that says why. */
export function halt(board: Board, code: number, word: string): void {
  board.print('halt ' + decimal(code) + ' ' + word);
  board.exit(code);
}

/** The meaning of an error to the board: no randomness, no memory, or a fault of the script, which it prints. */
export function haltWith(board: Board, problem: unknown): void {
  const text = problemText(problem);
  if (text === NO_ENTROPY) halt(board, HALT_ENTROPY, 'entropy');
  // "not enough memory" (Lua), "alloc failed" (Duktape).
  else if (text.indexOf('memory') >= 0 || text.indexOf('alloc') >= 0) halt(board, HALT_MEMORY, 'memory');
  else {
    board.print(text.split('\n').join(' '));
    halt(board, HALT_SCRIPT, 'script error');
  }
}

/** Reads the provisioning area. Null: it was refused, and the application has ended. */
export function readConfig(board: Board, asymmetric: Asymmetric): BoardConfig | null {
  const blob = new Uint8Array(BLOB_MAX);
  const result = readBlob(blob, board.provision(blob));
  // It held the key.
  fill(blob, 0, BLOB_MAX, 0);
  const config = result.config;
  let code = result.code;
  if (config !== null && config.privateKey.length + config.publicKey.length > 0 && !asymmetric.hasEd25519()) {
    code = BLOB_FIELD;
  }
  if (code === 0) return config;
  board.print('provision bad ' + decimal(code));
  halt(board, code, 'provision');
  return null;
}
