// The SA file of a key log (host/keylog.ts). It is an SA file like others, but it grows as long as a gateway runs: it has as many
// SAs as there were, and may end in the middle of a line. Its lines are JSON, which is read a hundred times faster than YAML.

import { CommandError, errorText } from '../errors.ts';

/** What the file begins with. */
export const SA_LOG_HEAD = 'sas: # key log of dietesp\n';
/** Octets of a file that is read: some 500,000 SAs. */
export const SA_LOG_MAX = 1 << 28;
const ITEM = '- ';
/** Between the SA and the time of its line. JSON has no such sign outside texts. */
const COMMENT = ' # ';

/** The values of each SA and the number of its line; null: the text is that of another SA file. */
export function saLogLines(text: string): [Record<string, unknown>, number][] | null {
  if (!text.startsWith(SA_LOG_HEAD)) return null;
  const lines = text.split('\n');
  const found: [Record<string, unknown>, number][] = [];
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i];
    if (line === '' || line.startsWith('#')) continue;
    const isLast = i === lines.length - 1;
    const end = line.lastIndexOf(COMMENT);
    try {
      if (!line.startsWith(ITEM)) throw new Error('no item of a list');
      found.push([JSON.parse(line.slice(ITEM.length, end < 0 ? undefined : end)), i + 1]);
    } catch {
      // Somebody has changed it: whoever reads YAML says what is wrong. The last line may be half written.
      if (!isLast) return null;
    }
  }
  return found;
}

/** What an SA of such a file has beside what `load` makes of it: as LoadedSa. */
interface Logged {
  name: string;
  locate(error: unknown): CommandError;
}

/** The SAs of such a file; null: it has to be read as YAML. `load` throws what is wrong with one. */
export function loadSaLog<T>(
  file: string,
  text: string,
  load: (values: Record<string, unknown>) => T,
): (T & Logged)[] | null {
  const lines = saLogLines(text);
  if (lines === null) return null;
  return lines.map(([values, line]) => {
    const locate = (error: unknown): CommandError => new CommandError(`${file}:${line}: ${errorText(error)}`);
    try {
      return { ...load(values), name: String(values.name), locate };
    } catch (error) {
      throw locate(error);
    }
  });
}
