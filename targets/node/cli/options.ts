// Values of options, checked: what is refused is wrong use, exit code 2.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { HttpConfig } from '../gateway/http/config.ts';
import { socketOctets } from '../host/addresses.ts';
import { HTTP_ADDRESS, HTTP_PORT } from '../host/config/status-schema.ts';
import { CommandError, printableJson } from '../host/errors.ts';
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

/** Refuses empty names of files: `--keylog "$DIR"` of a variable that is not set would be the working directory. */
export function refuseEmpty(command: Command): void {
  const refuse = (name: string, value: unknown, limit: string): void => {
    const isEmpty = (Array.isArray(value) ? value : [value]).some(
      (one) => typeof one === 'string' && one.trim() === '',
    );
    if (isEmpty) throw new CommandError(`${name}: ${limit}`, 2);
  };
  for (const option of command.options) {
    if (!/<(file|folder)>/.test(option.flags)) continue;
    refuse(`--${option.name()}`, command.opts()[option.attributeName()], 'must be the name of a file or folder');
  }
  for (const [index, value] of command.processedArgs.entries()) {
    refuse(command.registeredArguments[index].name(), value, 'must not be empty');
  }
}

/** Does what an option or a field asks for: an error names it. */
export function within<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw CommandError.from(name, error);
  }
}

/** The integer of an option that may be absent. */
export function integerOf(option: string, text: string | undefined, low: number, high: number): number | undefined {
  return text === undefined ? undefined : numberOf(option, text, INTEGER, low, high);
}

/** `HOST:PORT` of an option, `[HOST]:PORT` for IPv6. */
export function hostPortOf(option: string, text: string): { address: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65535) throw new CommandError(`--${option}: ${text}: must be HOST:PORT`, 2);
  return { address: match[1] ?? match[2], port };
}

/** `--socket`: a path, or `off`. */
export function socketOf(text: string): string {
  if (text.trim() === '') throw new CommandError('--socket: must be a path, or off', 2);
  return text === 'off' ? text : resolve(text);
}

/** `--http`, `--http ADDRESS:PORT`, `--http PORT`; the rest is as in the file. */
export function httpOf(given: string | true, file: HttpConfig | null): HttpConfig {
  const none = { token: '', tokenFile: '', hosts: [], packets: false, peerMetrics: 0 };
  const base = file ?? { address: HTTP_ADDRESS, port: HTTP_PORT, ...none };
  if (given === true) return base;
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(given);
  const port = Number(match?.[3]);
  const address = match?.[1] ?? match?.[2] ?? base.address;
  if (match === null || port > 65535 || (address !== 'localhost' && socketOctets(address) === undefined)) {
    throw new CommandError(`--http: ${given}: must be ADDRESS:PORT, [ADDRESS]:PORT or PORT`, 2);
  }
  return { ...base, address, port };
}

/** What stands in place of JSON lines that could not be written. */
export const jsonNote: LossNote = (lines, reason) => `${JSON.stringify({ event: 'lost-lines', lines, reason })}\n`;

/** Prints data for programs. */
export function printJson(data: unknown): void {
  process.stdout.write(printableJson(data, 2) + '\n');
}
