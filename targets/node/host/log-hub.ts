// A log that several read: the program's own output, whose level may change while it runs, and those who follow it for a while,
// each at a level of its own.

import { createLog, LOG_LEVELS, type Log, type LogConfig, type LogLevel } from './log.ts';

/** A line as data: what `--log-format json` writes. */
export type LogLine = Record<string, string | number> & {
  /** ISO 8601, UTC. */
  time: string;
  /** error, warn, info or debug. */
  level: LogLevel;
  /** The part that speaks. */
  name: string;
  /** What it says. */
  message: string;
};

/** Which lines are wanted: this level and those above; only of these parts, where they are named. */
export interface LogChoice {
  /** The least important level. */
  level: LogLevel;
  /** Parts that speak; absent: all. */
  namespaces?: readonly string[];
}

export interface LogHub {
  log: Log;
  /** The program's own log is another one from now on. */
  use(config: LogConfig): void;
  /** What the program's own log writes. */
  choice(): LogChoice;
  /** Changes that until `use` is called again. */
  choose(choice: LogChoice): void;
  /** Calls `take` with each line that `choice` wants. Returns what ends that. */
  follow(choice: LogChoice, take: (line: LogLine) => void): () => void;
}

/** Throws where the program's own log cannot be made, as createLog does. */
export function createLogHub(first: LogConfig): LogHub {
  let config = first;
  let own = createLog(config);
  const followers = new Set<{ most: number; names: ReadonlySet<string> | null; take: (line: LogLine) => void }>();

  return {
    log(level, namespace, text, fields) {
      if (followers.size === 0) {
        own(level, namespace, text, fields);
        return;
      }
      let message: string | undefined;
      const once = (): string => {
        message ??= typeof text === 'function' ? text() : text;
        return message;
      };
      own(level, namespace, once, fields);
      const rank = LOG_LEVELS.indexOf(level);
      for (const { most, names, take } of followers) {
        if (rank > most || names?.has(namespace) === false) continue;
        take({ ...fields, time: new Date().toISOString(), level, name: namespace, message: once() });
      }
    },
    use(next) {
      own = createLog(next);
      config = next;
    },
    choice: () => ({ level: config.level ?? 'info', namespaces: config.namespaces }),
    choose({ level, namespaces }) {
      const next = { ...config, level, namespaces: namespaces === undefined ? undefined : [...namespaces] };
      own = createLog(next);
      config = next;
    },
    follow({ level, namespaces }, take) {
      const names = namespaces === undefined ? null : new Set(namespaces);
      const follower = { most: LOG_LEVELS.indexOf(level), names, take };
      followers.add(follower);
      return () => void followers.delete(follower);
    },
  };
}
