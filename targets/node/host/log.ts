// Logs with levels and namespaces. A text may be a function: it is called only when the line is wanted, so a log that
// is off costs a call and a comparison.

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogText = string | (() => string);

/** Takes a line; `namespace` is the part that speaks: radio, link, esp, peer, flow. */
export type Log = (level: LogLevel, namespace: string, text: LogText) => void;

/** The default: nothing is written. */
export const silent: Log = () => {};

export interface LogConfig {
  /** The least important level that is written. Default info. */
  level?: LogLevel;
  /** Namespaces that are written; default all. */
  namespaces?: string[];
  /** Default: one line on stderr. */
  sink?: (line: string) => void;
}

/** A log that writes lines `level namespace: text`. */
export function createLog(config: LogConfig = {}): Log {
  const most = LOG_LEVELS.indexOf(config.level ?? 'info');
  if (most < 0) throw new Error(`log.level: ${config.level}: must be one of ${LOG_LEVELS.join(', ')}`);
  const only = config.namespaces === undefined ? null : new Set(config.namespaces);
  const sink = config.sink ?? ((line: string) => void process.stderr.write(line + '\n'));
  return (level, namespace, text) => {
    if (LOG_LEVELS.indexOf(level) > most || (only !== null && !only.has(namespace))) return;
    sink(`${level} ${namespace}: ${typeof text === 'function' ? text() : text}`);
  };
}
