// `--log LEVEL[:NAMES]` of gateway and sensor.

import { CommandError } from '../host/errors.ts';
import { LOG_LEVELS, type LogLevel } from '../host/log.ts';

/** `debug`, `debug:ike,esp`; throws a CommandError for another level. */
export function logOption(text: string): { level: LogLevel; namespaces?: string[] } {
  const [level, names] = text.split(':');
  if (!LOG_LEVELS.includes(level as LogLevel)) {
    throw new CommandError(`--log: ${level}: must be one of ${LOG_LEVELS.join(', ')}`, 2);
  }
  return { level: level as LogLevel, ...(names === undefined ? {} : { namespaces: names.split(',') }) };
}
