// A board's console: the lines that it prints, the commands that it takes. The texts are fixed: tests and programs match them.

import type { Board } from './hooks.ts';

export const COMMAND_NONE = 0;
export const COMMAND_REKEY = 1;
export const COMMAND_REKEY_IKE = 2;
export const COMMAND_DELETE = 3;
export const COMMAND_CONNECT = 4;
export const COMMAND_SEND = 5;
export const COMMAND_STATS = 6;
export const COMMAND_RESTART = 7;
export const COMMAND_EXIT = 8;
export const COMMAND_UNKNOWN = 9;

/** Most readings of `send N`. */
export const SEND_MAX = 65535;

/** Octets of the line buffer. A line that fills it may have been cut. */
const LINE_MAX = 31;
const NAMES = /* @__PURE__ */ ['rekey', 'rekey-ike', 'delete', 'connect', 'send', 'stats', 'restart', 'exit'];

/** @noSelf */
export interface Console {
  /** Takes the next line: COMMAND_*. */
  next(): number;
  /** N of the last `send N`. */
  count(): number;
  /** Lines that are no command. */
  bad(): number;
}

/** A whole number in decimal digits. On Lua a quotient prints as 3.0 unless floored. */
export function decimal(value: number): string {
  return '' + Math.floor(value);
}

const DIGITS = '0123456789abcdef';

/** Hexadecimal digits of buffer[0..length). */
export function hexText(buffer: Uint8Array, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += DIGITS.charAt(buffer[i] >>> 4) + DIGITS.charAt(buffer[i] & 15);
  return text;
}

/** The low `digits` hexadecimal digits of a whole number below 2^32. */
export function hexDigits(value: number, digits: number): string {
  let text = '';
  for (let i = digits - 1; i >= 0; i--) text += DIGITS.charAt((value >>> (4 * i)) & 15);
  return text;
}

/** The text of anything thrown. On Lua the engine's errors are strings. */
export function problemText(problem: unknown): string {
  const text = (problem as Error).message as string | undefined;
  return text === undefined ? `${problem}` : text;
}

function matches(line: Uint8Array, length: number, name: string): boolean {
  if (length !== name.length) return false;
  for (let i = 0; i < length; i++) if (line[i] !== name.charCodeAt(i)) return false;
  return true;
}

/** The number after the blank at `at`, or -1. */
function numberAt(line: Uint8Array, at: number, length: number): number {
  if (at + 1 >= length || line[at] !== 32 || length - at > 6) return -1;
  let value = 0;
  for (let i = at + 1; i < length; i++) {
    if (line[i] < 48 || line[i] > 57) return -1;
    value = value * 10 + line[i] - 48;
  }
  return value >= 1 && value <= SEND_MAX ? value : -1;
}

export function createConsole(board: Board): Console {
  const line = new Uint8Array(LINE_MAX + 1);
  let bad = 0;
  let count = 0;
  return {
    count: () => count,
    bad: () => bad,
    next: () => {
      const length = board.command(line);
      if (length < 0) return COMMAND_NONE;
      if (length <= LINE_MAX) {
        let word = 0;
        while (word < length && line[word] !== 32) word++;
        for (let i = 0; i < NAMES.length; i++) {
          if (!matches(line, word, NAMES[i])) continue;
          if (i + 1 !== COMMAND_SEND && word === length) return i + 1;
          count = i + 1 === COMMAND_SEND ? numberAt(line, word, length) : -1;
          if (count > 0) return COMMAND_SEND;
        }
      }
      bad++;
      return COMMAND_UNKNOWN;
    },
  };
}
