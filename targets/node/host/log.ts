// Logs with levels and namespaces. A text may be a function: it is called only when the line is wanted, so a log that
// is off costs a call and a comparison. Lines that others can cause are bounded (bounded.ts).

import { CommandError, printableJson } from './errors.ts';
import { type LossNote, outletOf } from './outlet.ts';
import { didYouMean } from './suggest.ts';

/** Levels of importance, the most important first. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
/** A level of importance. */
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
/** A message, or a function that makes it: it is called only if the line is written. */
export type LogText = string | (() => string);
/** What a program may want of a line apart from its text: `{ peer, reason }`. */
export type LogFields = Record<string, string | number>;

/** The parts of a gateway that speak. */
export const GATEWAY_NAMES = ['gateway', 'peer', 'ike', 'esp', 'link', 'flow', 'tun', 'state', 'mtu'] as const;
/** The parts of a sensor that speak. */
export const SENSOR_NAMES = ['ike', 'application', 'mtu', 'link'] as const;

/** Takes a line; `namespace` is the part that speaks. */
export type Log = (level: LogLevel, namespace: string, text: LogText, fields?: LogFields) => void;

/** The default: nothing is written. */
export const silent: Log = () => {};

/** Options of `createLog`. */
export interface LogConfig {
  /** The least important level that is written. Default info. */
  level?: LogLevel;
  /** Namespaces that are written; default all. */
  namespaces?: string[];
  /** `text`: `TIME LEVEL NAME: MESSAGE`; `json`: an object with time, level, name, message and the line's fields. */
  format?: LogFormat;
  /** Default: one line on stderr; what cannot be written is lost, and a later line says how many were. */
  sink?: (line: string) => void;
  /** Milliseconds since 1970, for the time of a line; default the system's clock. */
  time?: () => number;
}

/** `text` without line ends and what a terminal obeys: whatever is told, it stays in its line. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}

/** A log that writes lines with their time in UTC, ISO 8601 with milliseconds. */
export function createLog(config: LogConfig = {}): Log {
  const most = LOG_LEVELS.indexOf(config.level ?? 'info');
  if (most < 0) throw new Error(`log.level: ${config.level}: must be one of ${LOG_LEVELS.join(', ')}`);
  const format = config.format ?? 'text';
  if (!LOG_FORMATS.includes(format)) throw new Error(`log.format: ${format}: must be one of ${LOG_FORMATS.join(', ')}`);
  const only = config.namespaces === undefined ? null : new Set(config.namespaces);
  const clock = config.time ?? Date.now;
  const lineOf = (level: LogLevel, namespace: string, message: string, fields?: LogFields): string => {
    const time = new Date(clock()).toISOString();
    if (format === 'json') return printableJson({ time, level, name: namespace, message, ...fields });
    return `${time} ${level} ${namespace}: ${oneLine(message)}`;
  };
  const note: LossNote = (lost, reason) =>
    `${lineOf('warn', 'log', `${lost} lines lost: ${reason}`, { lost, reason })}\n`;
  const sink = config.sink ?? ((line: string) => outletOf(process.stderr).write(line + '\n', note));
  return (level, namespace, text, fields) => {
    if (LOG_LEVELS.indexOf(level) > most || (only !== null && !only.has(namespace))) return;
    sink(lineOf(level, namespace, typeof text === 'function' ? text() : text, fields));
  };
}

/** `debug`, `debug:ike,esp`: what `--log` says. `names`: the namespaces that there are. */
export function parseLog(
  text: string,
  names: readonly string[],
  option = '--log',
): { level: LogLevel; namespaces?: string[] } {
  const [level, list, ...more] = text.split(':');
  if (!LOG_LEVELS.includes(level as LogLevel)) {
    throw new CommandError(
      `${option}: ${level}: must be one of ${LOG_LEVELS.join(', ')}${didYouMean(level, LOG_LEVELS)}`,
      2,
    );
  }
  if (list === undefined) return { level: level as LogLevel };
  const namespaces = [list, ...more].join(':').split(',');
  for (const name of namespaces) {
    if (names.includes(name)) continue;
    throw new CommandError(`${option}: ${name}: must be one of ${names.join(', ')}${didYouMean(name, names)}`, 2);
  }
  return { level: level as LogLevel, namespaces };
}

/** What `--log-format` says. */
export function parseLogFormat(text: string): LogFormat {
  if (!LOG_FORMATS.includes(text as LogFormat)) {
    throw new CommandError(`--log-format: ${text}: must be one of ${LOG_FORMATS.join(', ')}`, 2);
  }
  return text as LogFormat;
}
