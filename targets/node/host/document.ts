// A configuration file (YAML 1.2, of which JSON is a part) as plain data with the line of every field, so that an error can
// say where it is: `file:line: field: value: limit`. It collects errors until the whole file is read, and then reports all.
// Only this file shows values, and never a secret.

import { isUtf8 } from 'node:buffer';
import {
  type Alias,
  type ErrorCode,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';
import { isHidden, isHolder } from './config/secrets.ts';
import {
  CommandError,
  errorText,
  type FieldError,
  FieldErrors,
  type FieldPath,
  FieldError as OneError,
} from './errors.ts';
import { readOctets } from './read-file.ts';

/** Configuration is written by people; more than this is a wrong file. */
export const FILE_MAX = 1 << 20;
/** No file of ours is nested deeper than a dozen. */
const DEPTH_MAX = 64;
/** Problems that `yaml` tells to programmers, by its code. */
const PROBLEMS: Partial<Record<ErrorCode, string>> = {
  MULTIPLE_DOCS: 'a second document begins here; a file holds one',
  RESOURCE_EXHAUSTION: 'nested too deep',
};
/** A file with more errors is another file; the rest is left out, and that is said. */
const ERRORS_MAX = 100;
/** Values are shown up to this length. */
const SHOWN_MAX = 60;

/** A parsed configuration file (YAML or JSON) that knows the line of each field, and the errors found in it. */
export interface ConfigDocument {
  /** Its name, for errors. */
  file: string;
  /** What the file says, as plain values. */
  data: unknown;
  /** What is no error, but should be known: key files that others may read. */
  warnings: string[];
  /** Line of the field at `path`, or of the nearest field around it. */
  line(path: FieldPath): number;
  /** The text of a scalar as written (`00105` where the value is 105); undefined for anything else. */
  source(path: FieldPath): string | undefined;
  /** Has a field that the file calls `written` found under another name; `path` ends in the name that the reader uses. */
  alias(path: FieldPath, written: string): void;
  /** `path` with the names that the file uses. */
  written(path: FieldPath): FieldPath;
  /** The error of a field, to be thrown or kept; `value` is text that may be shown. */
  error(path: FieldPath, value: string, limit: string): FieldError;
  /** Keeps an error, unless one of the same field, of one around or of one in it is kept already. */
  keep(error: FieldError): void;
  /** True where an error of the field at `path`, or of one in it, is kept. */
  hasError(path: FieldPath): boolean;
  /** Throws what was kept, in the order of the file. */
  finish(): void;
}

/** The text of octets; a CommandError with the line where they are not UTF-8. */
export function utf8Text(file: string, octets: Buffer): string {
  if (!isUtf8(octets)) {
    let line = 1;
    for (let start = 0; start < octets.length; line++) {
      const end = octets.indexOf(0x0a, start);
      const stop = end < 0 ? octets.length : end;
      if (!isUtf8(octets.subarray(start, stop))) break;
      start = stop + 1;
    }
    throw new OneError({ file, line, path: [], value: '', limit: 'must be UTF-8' });
  }
  return octets.toString('utf8');
}

/** The text of a file, `max` octets at most; a CommandError that names it otherwise. */
export function readText(file: string, max = FILE_MAX): string {
  let octets: Buffer;
  try {
    octets = readOctets(file, max);
  } catch (error) {
    throw CommandError.from(file, error);
  }
  return utf8Text(file, octets);
}

/** A value as errors show it: secrets, and what may hold them, by kind and length alone. */
export function valueText(path: FieldPath, value: unknown): string {
  if (value === undefined) return '(missing)';
  if (isHidden(path)) return typeof value === 'string' ? `(${value.length} characters)` : '(hidden)';
  if (typeof value === 'object' && value !== null) {
    if (isHolder(path) || !isPlain(value)) return Array.isArray(value) ? '(a list)' : '(an object)';
  } else if (isHolder(path)) {
    return '(hidden)';
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // A URL may have a password in front of its host.
  const shown = text.replaceAll(/:\/\/[^/]*@/g, '://(hidden)@');
  const line = shown.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  return line.length > SHOWN_MAX ? line.slice(0, SHOWN_MAX - 3) + '...' : line;
}

/** A list of numbers, texts and the like: nothing that has fields. */
function isPlain(value: object): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry !== 'object' || entry === null);
}

/** The path of a value that is in itself, or nested too deep. */
function endless(value: unknown, path: FieldPath, above: object[]): FieldPath | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (above.includes(value) || above.length >= DEPTH_MAX) return path;
  above.push(value);
  for (const [key, inner] of Object.entries(value)) {
    const found = endless(inner, [...path, Array.isArray(value) ? Number(key) : key], above);
    if (found !== undefined) return found;
  }
  above.pop();
  return undefined;
}

function isWithin(inner: FieldPath, outer: FieldPath): boolean {
  return outer.length <= inner.length && outer.every((step, index) => step === inner[index]);
}

/** Parses `text`; throws a CommandError at the first thing that is not YAML (a key that occurs twice is one). */
export function parseConfig(file: string, text: string): ConfigDocument {
  const counter = new LineCounter();
  const whole = (line: number, limit: string) => new OneError({ file, line, path: [], value: '', limit });
  let document: ReturnType<typeof parseDocument>;
  let data: unknown;
  try {
    document = parseDocument(text, { lineCounter: counter, prettyErrors: false, logLevel: 'error' });
  } catch (error) {
    throw whole(1, error instanceof RangeError ? 'nested too deep' : errorText(error).split(': ')[0]);
  }
  for (const problem of [...document.errors, ...document.warnings]) {
    // Behind a colon is what the file says, which may be a key.
    const limit = PROBLEMS[problem.code] ?? problem.message.split(': ')[0];
    throw whole(counter.linePos(problem.pos[0]).line, limit);
  }
  if (document.contents === null) throw whole(1, 'is empty');
  // `yaml` would make a name of a list or an object, and tell all of it in a warning.
  visit(document, {
    Pair(_, { key }) {
      if (isMap(key) || isSeq(key)) throw whole(counter.linePos(key.range?.[0] ?? 0).line, 'a name must be text');
    },
  });
  try {
    data = document.toJS();
  } catch (error) {
    throw whole(1, error instanceof RangeError ? 'nested too deep' : errorText(error).split(': ')[0]);
  }

  const resolve = (node: unknown): Node | undefined => {
    const target = isAlias(node) ? (node as Alias).resolve(document) : node;
    return isNode(target) ? target : undefined;
  };
  const lineAt = (node: unknown): number => {
    return isNode(node) && node.range ? counter.linePos(node.range[0]).line : 1;
  };
  // Files of the wrong kind have maps of many thousand fields.
  const indices = new Map<unknown, Map<string, Pair>>();
  const pairIn = (map: YAMLMap, step: string): Pair | undefined => {
    let index = indices.get(map);
    if (index === undefined) {
      index = new Map(map.items.flatMap((item) => (isScalar(item.key) ? [[String(item.key.value), item]] : [])));
      indices.set(map, index);
    }
    return index.get(step);
  };
  const aliases = new Map<string, string>();
  const writtenPath = (path: FieldPath): FieldPath =>
    path.map((step, index) => aliases.get(JSON.stringify(path.slice(0, index + 1))) ?? step);
  const walk = (path: FieldPath): { line: number; node: Node | undefined } => {
    let node = resolve(document.contents);
    let line = lineAt(node);
    for (const step of writtenPath(path)) {
      if (isMap(node)) {
        const pair = pairIn(node, String(step));
        if (pair === undefined) return { line, node: undefined };
        line = lineAt(pair.key);
        node = resolve(pair.value);
      } else if (isSeq(node)) {
        const item = node.items[Number(step)];
        if (item === undefined) return { line, node: undefined };
        line = lineAt(item);
        node = resolve(item);
      } else {
        return { line, node: undefined };
      }
    }
    return { line, node };
  };

  const kept: FieldError[] = [];
  let isCut = false;
  const result: ConfigDocument = {
    file,
    data,
    warnings: [],
    line: (path) => walk(path).line,
    source: (path) => {
      const { node } = walk(path);
      return isScalar(node) && node.value !== null ? (node.source ?? String(node.value)) : undefined;
    },
    alias: (path, written) => void aliases.set(JSON.stringify(path), written),
    written: writtenPath,
    error(path, value, limit) {
      const own = writtenPath(path);
      return new OneError({ file, line: walk(path).line, path: own.length === 0 ? ['file'] : own, value, limit });
    },
    keep(error) {
      if (kept.length === ERRORS_MAX) {
        isCut = true;
        return;
      }
      const isTold = kept.some((one) => isWithin(one.path, error.path) || isWithin(error.path, one.path));
      if (!isTold || error.file !== file) kept.push(error);
    },
    hasError: (path) => kept.some((one) => isWithin(one.path, writtenPath(path))),
    finish() {
      if (kept.length === 0) return;
      if (kept.length === 1) throw kept[0];
      const sorted = [...kept].sort((a, b) => Number(a.file !== file) - Number(b.file !== file) || a.line - b.line);
      if (isCut) sorted.push(whole(0, `more than ${ERRORS_MAX} errors; the rest is not shown`));
      throw new FieldErrors(sorted);
    },
  };
  const loop = endless(data, [], []);
  if (loop !== undefined) throw result.error(loop, '', 'nested too deep, or in itself');
  return result;
}
