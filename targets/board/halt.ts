// The ways to end of every application: one line says why a board ends. The codes are BLOB_* of blob-codes.ts, and HALT_*.

import { decimal, problemText } from './console.ts';
import type { Board } from './hooks.ts';

export const VERSION = '0.2.0';

export const HALT_ENTROPY = 20;
export const HALT_MEMORY = 21;
export const HALT_SCRIPT = 22;

/** `random` throws this text without a source. The application tells it from other errors by the text. */
export const NO_ENTROPY = 'random: no secure source';

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
