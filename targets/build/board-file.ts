// Reads boards/NAME/board.json and checks it by the schema below. Throws the first error as
// `boards/NAME/board.json:line: field: value: limit`.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { type ConfigDocument, parseConfig, readText } from '../node/host/document.ts';
import type { FieldPath } from '../node/host/errors.ts';
import { CommandError } from '../node/host/errors.ts';
import { sourceRoot } from './root.ts';

/** Engines that boards run. */
export type BoardEngine = 'lua' | 'duktape' | 'jerryscript' | 'espruino';

const BOARD_ENGINES: readonly BoardEngine[] = ['lua', 'duktape', 'jerryscript', 'espruino'];

/** Memory, in octets. */
export interface Region {
  origin: number;
  size: number;
}

/**
 * A radio: its kind, and what the kind needs (pins). frames: a chip that takes whole frames, in the board's own C. `sources`: C
 * files of firmware, beside those of its kind.
 */
export interface BoardRadio {
  kind: 'uart-pipe' | 'mrf24j40' | 'frames';
  [setting: string]: unknown;
}

/**
 * firmware: an image linked from C sources of the board's folder or boards/common. program: the same sources as a program of
 * this machine. module: a script.
 */
export type BoardBuild =
  | { kind: 'firmware'; sources: string[]; linker: string; defines?: string[] }
  | { kind: 'program'; sources: string[] }
  | { kind: 'module' };

export interface BoardFlashing {
  kind: 'qemu' | 'espruino' | 'openocd' | 'stlink' | 'uf2' | 'none';
  [setting: string]: unknown;
}

export type BoardRun =
  | { kind: 'qemu'; machine: string; serial?: string[] }
  | { kind: 'program' }
  | { kind: 'interpreter'; command: string };

export interface Board {
  /** The folder's name. */
  name: string;
  title: string;
  /** The first is the standard one. */
  engines: BoardEngine[];
  /** Value of the compiler's -mcpu; `host`: this machine's. */
  core: string;
  /** Memory for code and data; null if an operating system or an interpreter decides. */
  flash: Region | null;
  ram: Region | null;
  /** Octets of the engine's heap. */
  heap: { [engine in BoardEngine]?: number };
  /** The provisioning area, in flash. */
  provision: { address: number; size: number } | null;
  /** Firmware: flash for the record of `Board.save`, in two halves of whole sectors; null: it keeps none. */
  record: { address: number; size: number } | null;
  radio: BoardRadio;
  /** Firmware: other radios that it can have, by their kind. */
  radios?: BoardRadio[];
  build: BoardBuild;
  flashing: BoardFlashing;
  /** How to run it without hardware. */
  run: BoardRun | null;
  /** What was tested and what was not. */
  tested: string;
  /** Absolute path of the board's folder. */
  folder: string;
}

const NUMBER = { type: ['integer', 'string'], minimum: 0, maximum: 0xffffffff, pattern: '^0x[0-9a-fA-F]{1,8}$' };
const TEXT = { type: 'string', minLength: 1 };
const TEXTS = { type: 'array', items: TEXT };

function object(properties: Record<string, unknown>, optional: readonly string[] = []): Record<string, unknown> {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', additionalProperties: false, required, properties };
}

/** An object whose `kind` selects its shape. */
function kinds(shapes: Record<string, Record<string, unknown>>): Record<string, unknown> {
  return {
    type: 'object',
    required: ['kind'],
    properties: { kind: { enum: Object.keys(shapes) } },
    allOf: Object.entries(shapes).map(([kind, shape]) => ({
      if: { type: 'object', properties: { kind: { const: kind } } },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so.
      then: shape,
    })),
  };
}

const KIND = { type: 'string' };
const AREA = object({ address: NUMBER, size: NUMBER });
const REGION = object({ origin: NUMBER, size: NUMBER });
const optional = (schema: Record<string, unknown>): Record<string, unknown> => ({ ...schema, nullable: true });
const ANY_SETTINGS = { type: 'object' };

const RADIO = kinds({ 'uart-pipe': ANY_SETTINGS, mrf24j40: ANY_SETTINGS, frames: ANY_SETTINGS });

export const BOARD_SCHEMA = object(
  {
    name: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]*$' },
    title: TEXT,
    engines: { type: 'array', minItems: 1, uniqueItems: true, items: { enum: BOARD_ENGINES } },
    core: TEXT,
    flash: optional(REGION),
    ram: optional(REGION),
    heap: object(Object.fromEntries(BOARD_ENGINES.map((name) => [name, NUMBER])), BOARD_ENGINES),
    provision: optional(AREA),
    record: optional(AREA),
    radio: RADIO,
    radios: { type: 'array', items: RADIO },
    build: kinds({
      firmware: object({ kind: KIND, sources: TEXTS, linker: TEXT, defines: TEXTS }, ['defines']),
      program: object({ kind: KIND, sources: TEXTS }),
      module: object({ kind: KIND }),
    }),
    flashing: kinds(
      Object.fromEntries(
        ['qemu', 'espruino', 'openocd', 'stlink', 'uf2', 'none'].map((kind) => [kind, { type: 'object' }]),
      ),
    ),
    run: optional(
      kinds({
        qemu: object({ kind: KIND, machine: TEXT, serial: TEXTS }, ['serial']),
        program: object({ kind: KIND }),
        interpreter: object({ kind: KIND, command: TEXT }),
      }),
    ),
    tested: TEXT,
  },
  ['record', 'radios'],
);

let validator: ValidateFunction | undefined;

function limitOf(problem: ErrorObject): string {
  const { description } = problem.parentSchema as { description?: string };
  switch (problem.keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
      return 'no such field';
    case 'enum':
      return 'must be one of ' + (problem.params['allowedValues'] as unknown[]).join(', ');
    case 'pattern':
      return 'must match ' + String(problem.params['pattern']);
    default:
      return description ?? problem.message ?? problem.keyword;
  }
}

function valueAt(data: unknown, path: FieldPath): unknown {
  let value = data;
  for (const step of path) value = (value as Record<string | number, unknown> | undefined)?.[step];
  return value;
}

function fail(document: ConfigDocument, path: FieldPath, limit: string): never {
  const value = valueAt(document.data, path);
  const text = value === undefined ? '(missing)' : JSON.stringify(value).slice(0, 60);
  throw document.error(path, text, limit);
}

/** An integer, or its hexadecimal text. */
function number(value: unknown): number {
  return Number(value);
}

function region(value: unknown): Region | null {
  if (value === null) return null;
  const { origin, size } = value as Record<string, unknown>;
  return { origin: number(origin), size: number(size) };
}

function area(value: unknown): { address: number; size: number } | null {
  if (value === null || value === undefined) return null;
  const { address, size } = value as Record<string, unknown>;
  return { address: number(address), size: number(size) };
}

/** Reads a board from the text of its board.json. `folder` is its absolute path; the last part is the board's name. */
export function parseBoard(file: string, text: string, folder: string): Board {
  const document = parseConfig(file, text);
  validator ??= new Ajv({ strict: false, verbose: true, allowUnionTypes: true }).compile(BOARD_SCHEMA);
  if (!validator(document.data)) {
    const problem = validator.errors?.find((error) => error.keyword !== 'if') as ErrorObject;
    const path: FieldPath = problem.instancePath.split('/').slice(1);
    if (problem.keyword === 'required') path.push(problem.params['missingProperty'] as string);
    if (problem.keyword === 'additionalProperties') path.push(problem.params['additionalProperty'] as string);
    fail(
      document,
      path.map((step) => (/^\d+$/.test(String(step)) ? Number(step) : step)),
      limitOf(problem),
    );
  }
  const data = document.data as Board;
  const board: Board = {
    ...data,
    flash: region(data.flash),
    ram: region(data.ram),
    heap: Object.fromEntries(Object.entries(data.heap).map(([engine, size]) => [engine, number(size)])),
    provision: area(data.provision),
    record: area(data.record),
    folder,
  };
  checkBoard(board, document);
  return board;
}

/** Checks what the schema cannot express. */
function checkBoard(board: Board, document: ConfigDocument): void {
  const name = board.folder.slice(board.folder.lastIndexOf('/') + 1);
  if (board.name !== name) fail(document, ['name'], 'must be the name of its folder, ' + name);
  const { kind } = board.build;
  if (kind === 'module') return;
  if (kind === 'program') {
    if (board.core !== 'host') fail(document, ['core'], 'must be host: a program is for this machine');
    if (board.provision === null) fail(document, ['provision'], 'a program needs it: the largest size of its file');
  }
  for (const field of ['flash', 'ram'] as const) {
    if (kind === 'firmware' && board[field] === null) fail(document, [field], 'a firmware image needs it');
  }
  for (const engine of board.engines) {
    if (engine === 'espruino') fail(document, ['engines'], 'Espruino is firmware by itself: build.kind is module');
    if (board.heap[engine] === undefined) fail(document, ['heap', engine], 'is required');
    const most = board.ram?.size ?? Number.POSITIVE_INFINITY;
    if ((board.heap[engine] as number) > most) fail(document, ['heap', engine], 'more than the RAM of ' + most);
  }
}

function boardsFolder(): string {
  return join(sourceRoot(), 'boards');
}

/** Names of all boards, sorted. */
export function listBoards(): string[] {
  const folder = boardsFolder();
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'board.json')))
    .sort();
}

/** The board with a name. Throws a CommandError: there is no such board, or its file is wrong. */
export function loadBoard(name: string): Board {
  const names = listBoards();
  if (!names.includes(name)) throw new CommandError(`board: ${name}: must be one of ${names.join(', ')}`, 2);
  return parseBoard(
    `boards/${name}/board.json`,
    readText(join(boardsFolder(), name, 'board.json')),
    join(boardsFolder(), name),
  );
}

/** A board with another of its radios. Throws a CommandError: it has none of that kind. */
export function withRadio(board: Board, kind: string): Board {
  const all = [board.radio, ...(board.radios ?? [])];
  const radio = all.find((one) => one.kind === kind);
  if (radio !== undefined) return { ...board, radio };
  const known = all.map((one) => one.kind).join(', ');
  throw new CommandError(`--radio: ${kind}: must be one of ${known} on ${board.name}`, 2);
}
