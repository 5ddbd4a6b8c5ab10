// A configuration file (YAML 1.2, of which JSON is a part) as plain data, with the line of every field, so that an error
// can say where it is: `file:line: field: value: limit`.

import { readFileSync, statSync } from 'node:fs';
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { CommandError, errorText } from './errors.ts';

/** Configuration is written by people; more than this is a wrong file. */
const FILE_MAX = 1 << 20;

export type Path = (string | number)[];

export interface ConfigDocument {
  file: string;
  /** What the file says, as plain values. */
  data: unknown;
  /** Line of the field at `path`, or of the nearest field around it. */
  line(path: Path): number;
  /** The text of a scalar as written (`00105` where the value is 105); undefined for anything else. */
  source(path: Path): string | undefined;
  /** The error of a field, to be thrown: what is `field: value: limit`. */
  error(path: Path, what: string): CommandError;
}

/** The text of a file; a CommandError that names it otherwise. */
export function readText(file: string): string {
  try {
    if (statSync(file).size > FILE_MAX) throw new CommandError(`${file}: longer than ${FILE_MAX} octets`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw CommandError.from(file, error);
  }
}

/** Parses `text`; throws a CommandError at the first thing that is not YAML (a key that occurs twice is one). */
export function parseConfig(file: string, text: string): ConfigDocument {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  for (const problem of [...document.errors, ...document.warnings]) {
    // Behind a colon is what the file says, which may be a key.
    throw new CommandError(`${file}:${counter.linePos(problem.pos[0]).line}: ${problem.message.split(': ')[0]}`);
  }
  let data: unknown;
  try {
    data = document.toJS();
  } catch (error) {
    throw new CommandError(`${file}: ${errorText(error).split(': ')[0]}`);
  }

  const resolve = (node: unknown): Node | undefined => {
    const target = isAlias(node) ? node.resolve(document) : node;
    return isNode(target) ? target : undefined;
  };
  const lineAt = (node: unknown): number => {
    return isNode(node) && node.range ? counter.linePos(node.range[0]).line : 1;
  };
  const walk = (path: Path): { line: number; node: Node | undefined; found: boolean } => {
    let node = resolve(document.contents);
    let line = lineAt(node);
    for (const step of path) {
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
        if (pair === undefined) return { line, node: undefined, found: false };
        line = lineAt(pair.key);
        node = resolve(pair.value);
      } else if (isSeq(node)) {
        const item = node.items[Number(step)];
        if (item === undefined) return { line, node: undefined, found: false };
        line = lineAt(item);
        node = resolve(item);
      } else {
        return { line, node: undefined, found: false };
      }
    }
    return { line, node, found: true };
  };

  return {
    file,
    data,
    line: (path) => walk(path).line,
    source: (path) => {
      const { node } = walk(path);
      return isScalar(node) && node.value !== null ? (node.source ?? String(node.value)) : undefined;
    },
    error: (path, what) => new CommandError(`${file}:${walk(path).line}: ${what}`),
  };
}

/** `['sas', 1, 'ts_ip_src', 0]` as `sas[1].ts_ip_src[0]`. */
export function pathName(path: Path): string {
  let name = '';
  for (const step of path) {
    name += typeof step === 'number' ? `[${step}]` : name === '' ? step : `.${step}`;
  }
  return name;
}
