// Files with very many named peers: CSV with a header line [RFC 4180], JSON lines, or a list in YAML; or a folder of such files.
// Each record is handed on with its place. A line is a record: quoted line ends are refused.

import { readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { parseConfig, readText } from '../document.ts';
import { CommandError, FieldError, FieldErrors, type FieldPath } from '../errors.ts';

/** Octets of a file (YAML: 1 MiB, the limit of all configurations), and characters of a line. */
const FILE_MAX = 1 << 26;
const LINE_MAX = 4096;

type Values = Record<string, unknown>;

/** What is done with the records. */
export interface RecordTaker {
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

/** The fields of a line of CSV; null: a quote is wrong. */
function csvFields(line: string): string[] | null {
  if (!line.includes('"')) return line.split(',');
  const fields: string[] = [];
  const part = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = part.exec(line);
    if (match === null) return null;
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

function readCsv(file: string, text: string, taker: RecordTaker): void {
  let columns: string[] | null = null;
  eachLine(file, text, taker, (line, number) => {
    const fields = csvFields(line);
    if (fields === null) {
      taker.fail(recordError(file, number, [], '', 'a quote must begin and end a field, and be doubled in it'));
    } else if (columns === null) {
      columns = fields.map((name) => name.trim());
      const twice = columns.find((name, index) => columns!.indexOf(name) < index);
      if (twice !== undefined) taker.fail(recordError(file, number, [twice], '', 'is there twice'));
    } else if (fields.length !== columns.length) {
      const limit = `must be ${columns.length} fields, as in the first line`;
      taker.fail(recordError(file, number, [], `${fields.length} fields`, limit));
    } else {
      const values: Values = {};
      for (let i = 0; i < fields.length; i++) if (fields[i] !== '') values[columns[i]] = fields[i];
      taker.take(file, number, values);
    }
  });
}

function readJsonLines(file: string, text: string, taker: RecordTaker): void {
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
