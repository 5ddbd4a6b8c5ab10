// Static snapshots of JerryScript 3.0. The engine executes them where they lie, in flash, and a function takes heap only for
// its object. Their literals must fit a value of 32 bits, so a script is changed on its way into one:
// - Strings that the engine lacks go into a table for it; the snapshot names a string by its index. jerry-snapshot would
//   use the indexes of its own engine, which equal the board's only with the same options. So this file makes the
//   snapshot static itself, from a plain one, with the strings of the board's library.
// - Whole numbers have 28 bits with their sign. Any other number becomes an expression of such, computed each time.
// - Arrow functions become plain ones: in static snapshots JerryScript 3.0.0 looks for their code where `this` is.
//
// Layout (version 70, little endian): magic, version, flags, offset of the literals, number of functions, their offsets.
// A function: size / 8, references, status (16 bits each); at 8 the script; then, in octets or, by a status bit, in 16
// bits, the ends of registers, identifiers, constants and literals; then literals of 32 bits; the byte code; values of
// 32 bits: its name, names of arguments. The last literals are functions, by their offset from this one, 0 for itself.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from 'typescript';
import { buildTool } from '../root.ts';

const MAGIC = 0x5952524a;
const VERSION = 70;
const LITERALS = 12;
const FUNCTION_COUNT = 16;
const FUNCTION_OFFSETS = 20;
const STATUS = 4;
const SCRIPT_VALUE = 8;
const WIDE = 2;
const MAPPED_ARGUMENTS = 8;
const STATIC = 1 << 8;
const TYPE_SHIFT = 12;
/** Types of functions: regular expressions are below the first, arrows begin at the second. */
const FIRST_FUNCTION = 1;
const FIRST_ARROW = 9;
/** Values of 32 bits: their low three bits, and the higher bits for strings and for literals of a plain snapshot. */
const TYPE_MASK = 7;
const LITERAL = 7;
const NO_STRING = 3 << 3;
const STRING = 5;
const STRING_MAGIC = 1 << 3;
const STRING_NUMBER = 2 << 3;
const PLACE_SHIFT = 5;
const PLACE_MAX = 0xffff;
/** The engine's own strings that no script can name follow the others. */
const INTERNAL_STRINGS = 29;

/** The largest number that is a value of 32 bits. */
const DIRECT_MAX = 2 ** 27 - 1;
const HALF = 2 ** 26;
/** Powers of ten up to here are exact, and so are their factors. */
const POWER_MAX = 22;

export interface StaticSnapshot {
  snapshot: Buffer;
  /** The table. The engine must get it in this order before it runs the snapshot. */
  strings: Buffer[];
}

function whole(value: number): string {
  if (value <= DIRECT_MAX) return String(value);
  if (value < 2 ** 32 && Math.abs(value | 0) <= DIRECT_MAX) return `(${value | 0}>>>0)`;
  return `(${whole(Math.floor(value / HALF))}*${HALF}+${value % HALF})`;
}

function power(exponent: number): string {
  return exponent <= 8 ? String(10 ** exponent) : `(${power(8)}*${power(exponent - 8)})`;
}

function isExact(value: number): boolean {
  return Number.isInteger(value) && value <= 2 ** 53;
}

/** An expression of 28-bit whole numbers with exactly the value of a number (0 or more). Throws if there is none. */
export function directNumber(value: number): string {
  if (isExact(value)) return whole(value);
  const [, before, after = '', exponent] = /^(\d)(?:\.(\d+))?e(.+)$/.exec(value.toExponential()) ?? [];
  const digits = Number(before + after);
  const places = Number(exponent) - after.length;
  // A quotient or product of exact numbers rounds like the number itself.
  if (!isExact(digits) || Math.abs(places) > POWER_MAX) {
    throw new Error(`snapshot: ${value}: must be up to 2^53 times or by a power of ten up to 10^${POWER_MAX}`);
  }
  return `(${whole(digits)}${places < 0 ? '/' : '*'}${power(Math.abs(places))})`;
}

/**
 * The text of a whole number up to 16 bits is a value of its own. When the engine makes any other text of a number, it does not
 * look into the table, and the text would equal none there. So such a text is built from its characters instead.
 */
function isOtherNumber(text: string): boolean {
  if (text === 'NaN' || text === 'Infinity' || String(Number(text)) !== text) return false;
  return !isNumber(text) || Number(text) > PLACE_MAX;
}

function isNumber(text: string): boolean {
  return String(Number(text) >>> 0) === text;
}

/** Rewrites a script to use only such literals. It must follow all minifying, which would fold the expressions. */
export async function directLiterals(script: string): Promise<string> {
  const ts = (await buildTool('typescript', () => import('typescript'))).default;
  const found: { start: number; end: number; text: string }[] = [];
  const file = ts.createSourceFile('script.js', script, ts.ScriptTarget.ES2015, true, ts.ScriptKind.JS);
  const visit = (node: Node): void => {
    let text = '';
    // Property names are no expressions.
    if (ts.isPropertyAssignment(node.parent) && node.parent.name === node) return;
    if (ts.isNumericLiteral(node)) {
      const value = Number(node.text);
      if (!Number.isInteger(value) || value > DIRECT_MAX) text = directNumber(value);
    } else if (ts.isStringLiteralLike(node) && isOtherNumber(node.text)) {
      text = `(${[...node.text].map((part) => `"${part}"`).join('+')})`;
    }
    if (text !== '') found.push({ start: node.getStart(file), end: node.end, text });
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  let made = '';
  let at = 0;
  for (const { start, end, text } of found) {
    made += script.slice(at, start) + text;
    at = end;
  }
  return made + script.slice(at);
}

/**
 * Makes a plain snapshot static, in place, for an engine with the strings `known`. Returns the table of other strings, sorted
 * by length and octets. Throws for another format, and for content that a static snapshot cannot have.
 */
export function makeStatic(snapshot: Buffer, known: readonly string[]): Buffer[] {
  if (snapshot.length < FUNCTION_OFFSETS + 4 || snapshot.readUInt32LE(0) !== MAGIC) {
    throw new Error('snapshot: is none of JerryScript');
  }
  const version = snapshot.readUInt32LE(4);
  if (version !== VERSION) throw new Error(`snapshot: version ${version}: must be ${VERSION} (JerryScript 3.0)`);
  const literals = snapshot.readUInt32LE(LITERALS);
  const seen = new Set<number>();
  /** Where a value names a string, and the string. */
  const uses: { at: number; text: string }[] = [];
  const take = (at: number): void => {
    const value = snapshot.readUInt32LE(at);
    if ((value & TYPE_MASK) !== LITERAL) return;
    if ((value & NO_STRING) !== 0) throw new Error('snapshot: has a number of more than 28 bits');
    const place = literals + (value >>> PLACE_SHIFT);
    uses.push({ at, text: snapshot.toString('latin1', place + 2, place + 2 + snapshot.readUInt16LE(place)) });
  };
  const walk = (at: number): void => {
    if (seen.has(at)) return;
    seen.add(at);
    const status = snapshot.readUInt16LE(at + STATUS);
    const type = status >> TYPE_SHIFT;
    if (type < FIRST_FUNCTION) throw new Error('snapshot: has a regular expression');
    if (type >= FIRST_ARROW) throw new Error('snapshot: has an arrow function');
    snapshot.writeUInt16LE(status | STATIC, at + STATUS);
    snapshot.writeUInt32LE(0, at + SCRIPT_VALUE);
    const isWide = (status & WIDE) !== 0;
    const end = (index: number): number =>
      isWide ? snapshot.readUInt16LE(at + 14 + 2 * index) : snapshot[at + 12 + index];
    const first = at + (isWide ? 24 : 16) - 4 * end(0);
    for (let i = end(0); i < end(2); i++) take(first + 4 * i);
    const names =
      1 + ((status & MAPPED_ARGUMENTS) === 0 ? 0 : isWide ? snapshot.readUInt16LE(at + 12) : snapshot[at + 7]);
    for (let i = 1; i <= names; i++) take(at + 8 * snapshot.readUInt16LE(at) - 4 * i);
    for (let i = end(2); i < end(3); i++) {
      const offset = snapshot.readUInt32LE(first + 4 * i);
      if (offset !== 0) walk(at + offset);
    }
  };
  for (let i = 0; i < snapshot.readUInt32LE(FUNCTION_COUNT); i++) {
    walk(snapshot.readUInt32LE(FUNCTION_OFFSETS + 4 * i) & ~1);
  }
  const places = new Map(known.map((text, i) => [text, i]));
  const others = [...new Set(uses.map((use) => use.text))]
    .filter((text) => !places.has(text) && !isNumber(text))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  others.forEach((text, i) => {
    places.set(text, known.length + INTERNAL_STRINGS + i);
  });
  for (const { at, text } of uses) {
    const place = isNumber(text) ? Number(text) : (places.get(text) as number);
    if (place > PLACE_MAX || isOtherNumber(text))
      throw new Error(`snapshot: string ${text}: must be no number, or fit 16 bits`);
    snapshot.writeUInt32LE(STRING + (isNumber(text) ? STRING_NUMBER : STRING_MAGIC) + (place << PLACE_SHIFT), at);
  }
  return others.map((text) => Buffer.from(text, 'latin1'));
}

/** Makes a script's snapshot with jerry-snapshot, and files in `folder`. `known`: see makeStatic. */
export async function staticSnapshot(
  script: string,
  folder: string,
  known: readonly string[],
): Promise<StaticSnapshot> {
  const esbuild = await buildTool('esbuild', () => import('esbuild'));
  const plain = await esbuild.transform(script, {
    supported: { arrow: false },
    minifyWhitespace: true,
    target: 'es2015',
    charset: 'ascii',
  });
  writeFileSync(join(folder, 'script.js'), await directLiterals(plain.code));
  const args = ['generate', '-o', 'script.snapshot', 'script.js'];
  execFileSync('jerry-snapshot', args, { cwd: folder, timeout: 60000, stdio: ['ignore', 'ignore', 'pipe'] });
  const snapshot = readFileSync(join(folder, 'script.snapshot'));
  const strings = makeStatic(snapshot, known);
  // The plain snapshot's literals follow the functions.
  return { snapshot: snapshot.subarray(0, snapshot.readUInt32LE(LITERALS)), strings };
}
