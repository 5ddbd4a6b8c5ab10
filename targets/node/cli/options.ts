// Values of options, checked: what is refused is wrong use, exit code 2.

import { CommandError } from '../host/errors.ts';
import type { LossNote } from '../host/outlet.ts';

/** How numbers are written. */
export const INTEGER = /^\d{1,10}$/;
export const FRACTION = /^(\d+(\.\d*)?|\.\d+)$/;

/** Largest chance that a node misses a frame: `--loss`. */
export const LOSS_MAX = 0.9;
export const SEED_MAX = 2 ** 31 - 1;

/** What a shell says of a process that a signal ended. */
export const SIGNAL_CODES: Record<string, number> = { SIGINT: 130, SIGTERM: 143 };

/** The number of `--option`, within low..high. */
export function numberOf(option: string, text: string, pattern: RegExp, low: number, high: number): number {
  const value = Number(text);
  if (!pattern.test(text) || value < low || value > high) {
    // Files have seconds in the field of this name.
    const unit = option === 'interval' ? ' milliseconds' : '';
    throw new CommandError(`--${option}: ${text}: must be ${low}..${high}${unit}`, 2);
  }
  return value;
}

/** Options that name a file or folder: `--keylog "$DIR"` of a variable that is not set would be the working directory. */
export function refuseEmpty(options: { config?: string; keylog?: string }): void {
  for (const name of ['config', 'keylog'] as const) {
    if (options[name]?.trim() === '') throw new CommandError(`--${name}: must be the name of a file or folder`, 2);
  }
}

/** The integer of an option that may be absent. */
export function integerOf(option: string, text: string | undefined, low: number, high: number): number | undefined {
  return text === undefined ? undefined : numberOf(option, text, INTEGER, low, high);
}

/** `HOST:PORT` of `--gateway`, `[HOST]:PORT` for IPv6. */
export function gatewayOf(text: string): { address: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65535) throw new CommandError(`--gateway: ${text}: must be HOST:PORT`, 2);
  return { address: match[1] ?? match[2], port };
}

/** What stands in place of JSON lines that could not be written. */
export const jsonNote: LossNote = (lines, reason) => `${JSON.stringify({ event: 'lost-lines', lines, reason })}\n`;

/** Prints data for programs. */
export function printJson(data: unknown): void {
  process.stdout.write(JSON.stringify(data, null, 2) + '\n');
}
