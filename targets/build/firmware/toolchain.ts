// The compiler for Cortex-M (Debian's gcc-arm-none-eabi with newlib): compiles, with a cache of objects by digest, links and
// measures.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join, relative } from 'node:path';
import { makeFolders } from '../../node/host/append.ts';
import { CommandError, errorText } from '../../node/host/errors.ts';
import { onPath } from '../engines.ts';
import { outputFolder, sourceRoot } from '../root.ts';

const PREFIX = 'arm-none-eabi-';
const TOOL_LIMIT_MS = 300000;

export function firmwareFolder(...parts: string[]): string {
  const path = outputFolder('firmware', ...parts);
  makeFolders(path);
  return path;
}

/** Why nothing can be compiled, or false. */
export function toolchainMissing(): string | false {
  if (onPath(PREFIX + 'gcc') === undefined) return PREFIX + 'gcc not found (Debian package gcc-arm-none-eabi)';
  const library = spawnSync(PREFIX + 'gcc', ['-print-file-name=libc.a'], { encoding: 'utf8' }).stdout ?? '';
  return library.trim().includes('/') ? false : 'newlib not found (Debian package libnewlib-arm-none-eabi)';
}

let made = 0;

/** Suffix of an unfinished file: another process, or another build of this one, may make the same file. */
function ownSuffix(): string {
  return '.' + process.pid + '.' + ++made;
}

interface Ended {
  code: number | null;
  output: string;
}

function runTool(tool: string, args: readonly string[]): Promise<Ended> {
  return new Promise((done) => {
    const child = spawn(tool, [...args], { cwd: sourceRoot(), stdio: ['ignore', 'pipe', 'pipe'], env: environment() });
    let output = '';
    const collect = (text: string): void => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    const limit = setTimeout(() => child.kill('SIGKILL'), TOOL_LIMIT_MS);
    const end = (code: number | null): void => {
      clearTimeout(limit);
      done({ code, output });
    };
    child.on('error', (error) => {
      output += error.message;
      end(null);
    });
    child.on('close', end);
  });
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C' };
}

/** A source and its compiler's options. */
export interface Unit {
  source: string;
  flags: readonly string[];
}

/** What an engine adds to an image. */
export interface EnginePart {
  units: Unit[];
  /** Include path of our glue. */
  include: string[];
  libraries: string[];
  /** Flags that our glue must share. */
  glue?: string[];
}

let version: string | undefined;

function compilerVersion(compiler: string): string {
  if (compiler !== PREFIX + 'gcc') return compiler + spawnSync(compiler, ['--version'], { encoding: 'utf8' }).stdout;
  version ??= spawnSync(compiler, ['--version'], { encoding: 'utf8' }).stdout;
  return version;
}

/** Digest of all headers below a folder. A changed header makes new objects. */
function headersDigest(folder: string): string {
  const hash = createHash('sha256');
  if (!existsSync(folder)) return '';
  for (const name of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
    if (name.endsWith('.h')) hash.update(name).update(readFileSync(join(folder, name)));
  }
  return hash.digest('hex');
}

/**
 * Compiles to objects below build/firmware/objects. Returns their paths. Does not compile unchanged sources again (with the
 * same compiler, flags and headers of `headers`). Throws with the compiler's messages.
 */
export async function compile(units: readonly Unit[], headers: string, compiler = PREFIX + 'gcc'): Promise<string[]> {
  const common = compilerVersion(compiler) + headersDigest(headers);
  // Include an engine's headers: another version may lie at the same place.
  const digests = new Map<string, string>();
  const digestOf = (folder: string): string => {
    const digest = digests.get(folder) ?? headersDigest(folder);
    digests.set(folder, digest);
    return digest;
  };
  const objects = units.map((unit) => objectOf(unit, common + includeFolders(unit.flags).map(digestOf).join()));
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < units.length) {
      const index = next++;
      if (existsSync(objects[index])) continue;
      const { source, flags } = units[index];
      const partial = objects[index] + ownSuffix() + '.o';
      const ended = await runTool(compiler, [...flags, '-c', source, '-o', partial]);
      if (ended.code !== 0) {
        rmSync(partial, { force: true });
        throw new CommandError(`${compiler}: ${source}:\n${ended.output}`);
      }
      renameSync(partial, objects[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, cpus().length) }, worker));
  return objects;
}

/** Folders of `-I` and `-isystem`. */
function includeFolders(flags: readonly string[]): string[] {
  return flags.flatMap((flag, i) => {
    if (flag === '-I' || flag === '-isystem') return [flags[i + 1]];
    return /^-I./.test(flag) ? [flag.slice(2)] : /^-isystem./.test(flag) ? [flag.slice(8)] : [];
  });
}

function objectOf(unit: Unit, common: string): string {
  const hash = createHash('sha256').update(common).update(JSON.stringify(unit)).update(readFileSync(unit.source));
  return join(firmwareFolder('objects'), basename(unit.source) + '-' + hash.digest('hex').slice(0, 16) + '.o');
}

/** What scriptUnit puts into an image. */
export interface ScriptData {
  octets: Uint8Array;
  pointers: readonly number[];
  strings: readonly Uint8Array[];
}

/** The directive for octets that are a file. */
function included(octets: Uint8Array, folder: string): string {
  const file = join(folder, createHash('sha256').update(octets).digest('hex').slice(0, 16) + '.bin');
  writeOnce(file, octets);
  // Relative to the compiler's folder, because a folder's name may contain quotes.
  return `.incbin "${relative(sourceRoot(), file)}"`;
}

function withAddresses(octets: Uint8Array, pointers: readonly number[], width: 4 | 8): string[] {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const lines: string[] = [];
  let next = 0;
  for (let at = 0; at < octets.length; at += 4) {
    const word = view.getUint32(at, true);
    if (at !== pointers[next]) lines.push(`.long ${word}`);
    else {
      lines.push(`${width === 4 ? '.long' : '.quad'} script + ${word}`);
      next++;
      at += width - 4;
    }
  }
  return lines;
}

/**
 * An assembler source with a script's octets as `script` (8-aligned), their number as `script_length`, and strings in the tables
 * `script_strings` and `script_string_lengths` of `script_string_count` items. `pointers`: offsets of addresses of `width`
 * octets, which are offsets in `script`; the linker makes addresses of them.
 */
export function scriptUnit(script: ScriptData, width: 4 | 8, flags: readonly string[]): Unit {
  const { octets, pointers, strings } = script;
  const folder = firmwareFolder('scripts');
  const table = (name: string, values: string[]): string[] => ['.balign 8', `.global ${name}`, `${name}:`, ...values];
  const lines = [
    // A program's loader makes the addresses, before the section becomes read-only.
    pointers.length > 0 && width === 8 ? '.section .data.rel.ro.script,"aw"' : '.section .rodata.script,"a"',
    '.balign 8',
    '.global script',
    'script:',
    ...(pointers.length === 0 ? [included(octets, folder)] : withAddresses(octets, pointers, width)),
    ...table('script_length', [`.long ${octets.length}`, '.long 0']),
    ...table('script_string_count', [`.long ${strings.length}`]),
    ...table(
      'script_strings',
      strings.map((_, i) => `.long string_${i}`),
    ),
    ...table(
      'script_string_lengths',
      strings.map((string) => `.long ${string.length}`),
    ),
    ...strings.map((string, i) => `string_${i}: .byte ${[...string, 0].join()}`),
  ];
  const text = lines.join('\n') + '\n';
  const source = join(folder, createHash('sha256').update(text).digest('hex').slice(0, 16) + '.S');
  writeOnce(source, text);
  return { source, flags };
}

/** Another process may write the same file at the same time. */
export function writeOnce(file: string, data: string | Uint8Array): void {
  if (existsSync(file)) return;
  const partial = file + ownSuffix();
  writeFileSync(partial, data);
  renameSync(partial, file);
}

/** Links an image. `name` is the image's, for errors. */
export async function link(
  objects: readonly string[],
  flags: readonly string[],
  elf: string,
  name: string,
  compiler = PREFIX + 'gcc',
): Promise<void> {
  // Another process may link the same image, or already run it.
  const partial = elf + ownSuffix();
  const ended = await runTool(compiler, [...objects, ...flags, '-o', partial]);
  if (ended.code === 0) {
    renameSync(partial, elf);
    return;
  }
  rmSync(partial, { force: true });
  for (const found of ended.output.matchAll(/region `(flash|ram)' overflowed by (\d+) bytes/g)) {
    const kind = found[1] === 'ram' ? 'RAM' : 'flash';
    throw new CommandError(`${name}: does not fit the ${kind} of the board: ${found[2]} octets too many`);
  }
  throw new CommandError(`${name}: linking failed:\n${ended.output}`);
}

/** What a tool of the toolchain prints; a CommandError where it is not there or fails: a compiler may come without it. */
function toolText(program: string, args: string[]): string {
  const { stdout, status, error } = spawnSync(program, args, { encoding: 'utf8', env: environment() });
  if (error !== undefined) throw new CommandError(`${program}: ${errorText(error)}: the toolchain is not complete`);
  if (status !== 0) throw new CommandError(`${program} ended with ${status}`);
  return stdout;
}

/** Octets per section of an image. */
export function sections(elf: string, prefix = PREFIX): Map<string, number> {
  const text = toolText(prefix + 'size', ['-A', elf]);
  const found = new Map<string, number>();
  for (const line of text.matchAll(/^(\.\S+)\s+(\d+)\s/gm)) found.set(line[1], Number(line[2]));
  return found;
}

/** Attributes of an object or library (`readelf -A`): all values of each name. */
export function attributes(file: string): Map<string, Set<string>> {
  const text = toolText(PREFIX + 'readelf', ['-A', file]);
  const found = new Map<string, Set<string>>();
  for (const line of text.matchAll(/^\s+(Tag_\w+): (.+)$/gm)) {
    const values = found.get(line[1]) ?? new Set();
    values.add(line[2].replaceAll('"', ''));
    found.set(line[1], values);
  }
  return found;
}

/**
 * The strings that a library's table points to. The table is static in the function `owner`, which is linked by itself
 * into a file of `folder`. Throws if the library has no such table.
 */
export function pointedStrings(library: string, owner: string, table: string, folder: string): string[] {
  const elf = join(folder, 'table.elf');
  const flags = ['-nostdlib', '-Wl,-e,' + owner, '-Wl,-u,' + owner, '-Wl,--gc-sections'];
  const tool = (name: string, args: string[]): string => {
    return execFileSync(PREFIX + name, args, {
      encoding: 'utf8',
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  };
  tool('gcc', [...flags, '-Wl,--unresolved-symbols=ignore-all', library, '-o', elf]);
  const found = new RegExp(`^(\\w+) (\\w+) r ${table}(?:\\.\\d+)?$`, 'm').exec(tool('nm', ['-S', elf]));
  const section = /\.rodata\s+PROGBITS\s+(\w+) (\w+)/.exec(tool('readelf', ['-S', elf]));
  if (found === null || section === null) throw new CommandError(`${library}: has no table ${table}`);
  const file = readFileSync(elf);
  // Converts addresses to file offsets.
  const base = Number.parseInt(section[2], 16) - Number.parseInt(section[1], 16);
  const start = base + Number.parseInt(found[1], 16);
  return Array.from({ length: Number.parseInt(found[2], 16) / 4 }, (_, i) => {
    const at = base + file.readUInt32LE(start + 4 * i);
    return file.toString('latin1', at, file.indexOf(0, at));
  });
}

/** True if the file exists and is not empty. */
export function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile() && statSync(path).size > 0;
}
