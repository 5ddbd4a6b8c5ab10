// Files with very many named peers: CSV with a header line [RFC 4180], JSON lines, or a list in YAML; or a folder of such files.
// Each record is handed on with its place. A line is a record: quoted line ends are refused.

import { readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { parseConfig, readText } from '../document.ts';
import { CommandError, FieldError, FieldErrors, type FieldPath } from '../errors.ts';
import { didYouMean } from '../suggest.ts';

/** Octets of a file (YAML: 1 MiB, the limit of all configurations), and characters of a line. */
const FILE_MAX = 1 << 26;
const LINE_MAX = 4096;

/** What is being written anew is empty for a while: it must not end the SAs of all its peers. */
const EMPTY = 'is empty';

type Values = Record<string, unknown>;

/** What is done with the records. */
export interface RecordTaker {
  /** Names of the fields that a record may have. */
  fields: readonly string[];
  /** A file begins. */
  begin(file: string): void;
  /** A record; `values` are its own. */
  take(file: string, line: number, values: Values): void;
  /** What is wrong with a file or line. */
  fail(error: FieldError): void;
}

export function recordError(file: string, line: number, path: FieldPath, value: string, limit: string): FieldError {
  return new FieldError({ file, line, path, value, limit });
}

/** What no line of text has; a CR alone is one, too: whoever ends lines with it has one line. */
const CONTROL = /(?!\t)\p{Cc}/u;

const hasBlanks = (field: string): boolean => field.trim() !== field;

/** The fields of a line of CSV, or what is wrong. `isHeader`: blanks around names are no part of them. */
function csvFields(line: string, isHeader: boolean): string[] | string {
  if (CONTROL.test(line)) return 'has a control character; lines end with LF or CR LF';
  // A key would be another with its blank [RFC 4180 §2], and nobody would see why.
  const blanks = 'a blank at the begin or end of a field must be in quotes';
  if (!line.includes('"')) {
    const fields = line.split(',');
    return !isHeader && fields.some(hasBlanks) ? blanks : fields;
  }
  const fields: string[] = [];
  const part = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = part.exec(line);
    if (match === null) return 'a quote must begin and end a field, and be doubled in it';
    if (match[1] === undefined && !isHeader && hasBlanks(match[2])) return blanks;
    fields.push(match[1] === undefined ? match[2] : match[1].replaceAll('""', '"'));
    if (match[3] === '') return fields;
  }
}

/** Calls `each` for every line that is not empty. */
function eachLine(file: string, text: string, taker: RecordTaker, each: (line: string, number: number) => void): void {
  let start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  for (let number = 1; start < text.length; number++) {
    const stop = text.indexOf('\n', start);
    const end = stop < 0 ? text.length : stop;
    const isCr = end > start && text.charCodeAt(end - 1) === 13;
    const line = text.slice(start, isCr ? end - 1 : end);
    start = end + 1;
    if (line.length > LINE_MAX) {
      taker.fail(recordError(file, number, [], `${line.length} characters`, `must be ${LINE_MAX} at most in a line`));
    } else if (line.trim() !== '') each(line, number);
  }
}

/**
 * What is wrong with the first line. Where none of its fields is a name of ours, it is no header: a key may stand in it, and
 * nothing of it is shown.
 */
function headerErrors(file: string, line: number, columns: string[], fields: readonly string[]): FieldError[] {
  const names = fields.join(', ');
  const known = columns.filter((name) => fields.includes(name));
  if (known.length === 0) {
    const limit = `must be the names of the columns, parted by commas: remoteId, and others of ${names}`;
    return [recordError(file, line, [], 'the first line', limit)];
  }
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const name of columns) {
    if (name !== '' && !fields.includes(name)) {
      errors.push(
        recordError(file, line, [name], '', `unknown field${didYouMean(name, fields)}; must be one of ${names}`),
      );
    } else if (name !== '' && seen.has(name)) errors.push(recordError(file, line, [name], '', 'is there twice'));
    seen.add(name);
  }
  if (!seen.has('remoteId'))
    errors.push(recordError(file, line, ['remoteId'], '(missing)', 'is a column of each file'));
  return errors;
}

function readCsv(file: string, text: string, taker: RecordTaker): void {
  let columns: string[] | null = null;
  let isGood = true;
  eachLine(file, text, taker, (line, number) => {
    // Without names nothing can be said about the values.
    if (!isGood) return;
    const fields = csvFields(line, columns === null);
    if (typeof fields === 'string') {
      taker.fail(recordError(file, number, [], '', fields));
      isGood = columns !== null;
    } else if (columns === null) {
      columns = fields.map((name) => name.trim());
      for (const error of headerErrors(file, number, columns, taker.fields)) {
        taker.fail(error);
        isGood = false;
      }
    } else if (fields.length !== columns.length) {
      const limit = `must be ${columns.length} fields, as in the first line`;
      taker.fail(recordError(file, number, [], `${fields.length} fields`, limit));
    } else {
      const values: Values = {};
      for (let i = 0; i < fields.length; i++) {
        if (fields[i] === '') continue;
        if (columns[i] === '') {
          taker.fail(recordError(file, number, [], `field ${i + 1}`, 'has no name in the first line'));
          return;
        }
        values[columns[i]] = fields[i];
      }
      taker.take(file, number, values);
    }
  });
  if (columns === null && isGood) taker.fail(recordError(file, 0, [], '', EMPTY));
}

function readJsonLines(file: string, text: string, taker: RecordTaker): void {
  if (text.trim() === '') taker.fail(recordError(file, 0, [], '', EMPTY));
  eachLine(file, text, taker, (line, number) => {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      // What the error says would be a part of the line, which holds a key.
      taker.fail(recordError(file, number, [], '', 'must be an object of JSON'));
      return;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      taker.fail(recordError(file, number, [], '', 'must be an object of JSON'));
      return;
    }
    const names = line.match(/"(?:[^"\\]|\\.)*"\s*:/g) ?? [];
    if (names.length > Object.keys(value).length) {
      taker.fail(recordError(file, number, [], '', 'a name is there twice'));
      return;
    }
    taker.take(file, number, value as Values);
  });
}

function readYaml(file: string, text: string, taker: RecordTaker): void {
  const document = parseConfig(file, text);
  const { data } = document;
  if (!Array.isArray(data)) throw document.error([], '', 'must be a list of peers');
  data.forEach((value: unknown, index) => {
    const line = document.line([index]);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      taker.fail(recordError(file, line, [], '', 'must be an object'));
      return;
    }
    const values = { ...value } as Values;
    for (const name of Object.keys(values)) {
      // `psk: 0123` is as it is written.
      if (typeof values[name] === 'number') values[name] = document.source([index, name]) ?? String(values[name]);
    }
    taker.take(file, line, values);
  });
}

const READERS: Record<string, { read: typeof readCsv; max: number }> = {
  '.csv': { read: readCsv, max: FILE_MAX },
  '.jsonl': { read: readJsonLines, max: FILE_MAX },
  '.ndjson': { read: readJsonLines, max: FILE_MAX },
  '.yaml': { read: readYaml, max: 1 << 20 },
  '.yml': { read: readYaml, max: 1 << 20 },
};

/** The files of a folder in the order of their names; hidden ones and those that editors leave (`~`) are passed over. */
function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => !name.startsWith('.') && !name.endsWith('~'));
  return names.sort().map((name) => join(path, name));
}

/** Reads a file or a folder. Throws a CommandError where it is not there; what is wrong inside is told to `taker`. */
export function readPeerFiles(path: string, taker: RecordTaker): void {
  let files: string[];
  try {
    files = filesOf(path);
  } catch (error) {
    throw CommandError.from(path, error);
  }
  for (const file of files) {
    const reader = READERS[extname(file).toLowerCase()];
    if (reader === undefined) {
      taker.fail(recordError(file, 0, [], '', `its name must end in one of ${Object.keys(READERS).join(', ')}`));
      continue;
    }
    try {
      const text = readText(file, reader.max);
      taker.begin(file);
      reader.read(file, text, taker);
    } catch (error) {
      // Enough errors, or peers.
      if (error instanceof FieldErrors) throw error;
      if (error instanceof FieldError) taker.fail(error);
      else if (error instanceof CommandError)
        taker.fail(recordError(file, 0, [], '', error.message.replace(`${file}: `, '')));
      else throw error;
    }
  }
}
