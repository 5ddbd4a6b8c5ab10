// One source on every engine. `bundle` joins an entry, the engine's adapter and the data of a run into one file under
// build/<engine>/; `runOn` runs such a file on the installed engine; `runCases` does both and reads the report.
//
// An entry is a module of the portable subset that exports
//   run(cases: readonly string[][], emit: (line: string) => void): void
// It prints one line per case, `ok ID`, `fail ID field expected actual` or `skip ID reason`, and at last
// `done PASSED TOTAL`, which does not count skipped cases.
// Nothing here builds or fetches an engine: an engine that is not on PATH is missing, and the caller says so.

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join, relative, resolve } from 'node:path';
import { makeFolders } from '../node/host/append.ts';
import { bundleScript, type ScriptOptions } from './javascript.ts';
import { bundleLua } from './lua-bundle.ts';
import { outputFolder, sourceRoot } from './root.ts';

export type Engine = 'node' | 'lua' | 'duktape' | 'jerryscript' | 'espruino';

interface EngineFacts {
  command: string;
  /** Extension of the bundle. */
  extension: string;
  /** Arguments that print the version, and where it stands in the output. */
  version: readonly string[];
  pattern: RegExp;
  /** The version this project was tested with. */
  tested: string;
  /** Most octets of case data in one run. More is split, because a small heap holds source and data. */
  caseLimit: number;
}

const FACTS: Readonly<Record<Engine, EngineFacts>> = {
  node: {
    command: process.execPath,
    extension: '.js',
    version: ['--version'],
    pattern: /v(\S+)/,
    tested: '20.19',
    caseLimit: 4000000,
  },
  lua: {
    command: 'lua5.4',
    extension: '.lua',
    version: ['-v'],
    pattern: /Lua (\S+)/,
    tested: '5.4.4',
    caseLimit: 1000000,
  },
  duktape: {
    command: 'duk',
    extension: '.js',
    version: ['-e', 'print(Duktape.version)'],
    pattern: /(\d{5})/,
    tested: '2.7.0',
    caseLimit: 1000000,
  },
  jerryscript: {
    command: 'jerry',
    extension: '.js',
    version: ['--version'],
    pattern: /Version: (\S+)/,
    tested: '3.0.0',
    caseLimit: 48000,
  },
  espruino: {
    command: 'espruino',
    extension: '.js',
    version: ['-e', 'print(process.version)'],
    pattern: /^(\d+v\S+)$/m,
    tested: '2v29',
    caseLimit: 48000,
  },
};

/** All engines, the reference first. */
export const ENGINES: readonly Engine[] = ['node', 'lua', 'duktape', 'jerryscript', 'espruino'];

/** The version of an engine that this project was tested with. */
export function testedVersion(engine: Engine): string {
  return FACTS[engine].tested;
}

/** The program an engine is run with: a name looked up on PATH. */
export function engineCommand(engine: Engine): string {
  return FACTS[engine].command;
}

/** Full path of a program on PATH, or undefined. */
export function onPath(command: string): string | undefined {
  const folders = command.includes('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  for (const folder of folders) {
    const file = join(folder, command);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

export function engineAvailable(engine: Engine): boolean {
  return onPath(FACTS[engine].command) !== undefined;
}

/** For a test's `skip` option: false if the engine is installed, else the reason. */
export function engineMissing(engine: Engine): string | false {
  const facts = FACTS[engine];
  return engineAvailable(engine) ? false : facts.command + ' not found on PATH (tested with ' + facts.tested + ')';
}

/** The installed engine's version, or 'unknown'. Throws if the engine is not installed. */
export function engineVersion(engine: Engine): string {
  const facts = FACTS[engine];
  const text = execFileSync(facts.command, [...facts.version], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 10000,
    killSignal: 'SIGKILL',
  });
  const found = facts.pattern.exec(text);
  if (found === null) return 'unknown';
  if (engine !== 'duktape') return found[1];
  const number = Number(found[1]);
  return Math.floor(number / 10000) + '.' + (Math.floor(number / 100) % 100) + '.' + (number % 100);
}

export interface BundleOptions extends ScriptOptions {
  /** Data of the run: each case is an array of strings. */
  cases?: readonly (readonly string[])[];
}

/**
 * Makes the file that `runOn` runs: build/<engine>/<entry>-<digest>.js or .lua. `entry` is a path of a .ts file inside
 * the project that exports `run`. Throws when a development dependency is missing or the entry does not translate.
 */
export async function bundle(entry: string, engine: Engine, options: BundleOptions = {}): Promise<string> {
  const root = sourceRoot();
  const folder = outputFolder(engine);
  makeFolders(folder);
  const adapter = engine === 'node' ? 'targets/build/emit.ts' : 'targets/' + engine + '/emit.ts';
  const main =
    'import { emit } from ' +
    importPath(folder, join(root, adapter)) +
    ';\nimport { run } from ' +
    importPath(folder, resolve(root, entry)) +
    ';\nconst cases: string[][] = [\n' +
    (options.cases ?? []).map((strings) => JSON.stringify(strings) + ',\n').join('') +
    '];\nrun(cases, emit);\n';
  const digest = createHash('sha256')
    .update(main + JSON.stringify([options.minify, options.mangle, options.nativeSpans]))
    .digest('hex')
    .slice(0, 8);
  const stem = join(folder, basename(entry).replace(/(\.entry)?\.ts$/, '') + '-' + digest);
  writeFileSync(stem + '.main.ts', main);
  const text =
    engine === 'lua'
      ? await bundleLua(stem + '.main.ts', options.nativeSpans)
      : (await bundleScript(stem + '.main.ts', engine, options)).text;
  const file = stem + FACTS[engine].extension;
  writeFileSync(file, text);
  return file;
}

function importPath(folder: string, file: string): string {
  return "'" + relative(folder, file) + "'";
}

/** Makes a JerryScript snapshot beside a bundle (`jerry-snapshot` on PATH). `runOn` knows it by its extension. */
export function snapshot(bundlePath: string): string {
  const file = bundlePath.replace(/\.js$/, '.snap');
  execFileSync('jerry-snapshot', ['generate', '-o', file, bundlePath], {
    cwd: dirname(bundlePath),
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 60000,
    killSignal: 'SIGKILL',
  });
  return file;
}

export interface Outcome {
  /** The engine ended by itself, in time, without an uncaught error. */
  ok: boolean;
  stdout: string;
  stderr: string;
}

/**
 * Runs a bundle. After `timeoutMs` it kills the engine, and the outcome is not ok. `command`: another version of the engine.
 * `more`: files that run after the bundle, in the same realm.
 */
export function runOn(
  engine: Engine,
  bundlePath: string,
  timeoutMs: number,
  command: string = FACTS[engine].command,
  more: readonly string[] = [],
): Promise<Outcome> {
  const bundle = resolve(bundlePath);
  const args = bundle.endsWith('.snap') ? ['--exec-snapshot', bundle] : [bundle];
  return new Promise((done) => {
    // Espruino writes its flash to the working directory.
    const child = spawn(command, [...args, ...more], { cwd: dirname(bundle), stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const limit = setTimeout(() => {
      stderr += 'killed after ' + timeoutMs + ' ms\n';
      child.kill('SIGKILL');
    }, timeoutMs);
    let over = false;
    const end = (ok: boolean): void => {
      if (over) return;
      over = true;
      clearTimeout(limit);
      const clean = engine === 'espruino' ? withoutBanner(stdout) : stdout;
      done({ ok: ok && !/^Uncaught /m.test(clean), stdout: clean, stderr });
    };
    child.on('error', (error) => {
      stderr += error.message + '\n';
      end(false);
    });
    child.on('close', (code) => end(code === 0));
  });
}

/** Removes Espruino's greeting and prompt from standard output. */
function withoutBanner(text: string): string {
  const plain = text.replaceAll('\r', '');
  const greeting = /http:\/\/espruino\.com\/Donate\n+/.exec(plain);
  const body = greeting === null ? plain : plain.slice(greeting.index + greeting[0].length);
  return body.replace(/^>$/m, '');
}

export interface Report {
  passed: number;
  total: number;
  /** The `fail` lines, and errors outside any case. */
  failures: string[];
  /** The `skip` lines. */
  skipped: string[];
}

export function emptyReport(): Report {
  return { passed: 0, total: 0, failures: [], skipped: [] };
}

/** Bundles the entry with the cases, runs it (in parts where the engine's heap is small) and reads the report. */
export async function runCases(
  engine: Engine,
  entry: string,
  cases: readonly (readonly string[])[],
  timeoutMs: number,
  options: ScriptOptions = {},
  command?: string,
): Promise<Report> {
  const report = emptyReport();
  for (const part of parts(cases, FACTS[engine].caseLimit)) {
    const file = await bundle(entry, engine, { ...options, cases: part });
    readReport(await runOn(engine, file, timeoutMs, command), report);
  }
  return report;
}

/** Adds one run's lines to a report. A run that ends without its closing line, or miscounts, is a failure. */
export function readReport(outcome: Outcome, report: Report): void {
  const lines = outcome.stdout.split('\n').filter((line) => line !== '');
  const passed = lines.filter((line) => line.startsWith('ok ')).length;
  const failures = lines.filter((line) => line.startsWith('fail '));
  const skipped = lines.filter((line) => line.startsWith('skip '));
  const total = passed + failures.length;
  report.passed += passed;
  report.total += total;
  report.failures.push(...failures);
  report.skipped.push(...skipped);
  if (!outcome.ok || lines.at(-1) !== 'done ' + passed + ' ' + total || total + skipped.length === 0) {
    const tail = (lines.slice(-5).join('\n') + '\n' + outcome.stderr).trim();
    report.failures.push('run did not end as it should: ' + tail);
  }
}

function parts(cases: readonly (readonly string[])[], limit: number): (readonly string[])[][] {
  const all: (readonly string[])[][] = [[]];
  let size = 0;
  for (const strings of cases) {
    let length = 0;
    for (const text of strings) length += text.length + 4;
    if (size > 0 && size + length > limit) {
      all.push([]);
      size = 0;
    }
    all[all.length - 1].push(strings);
    size += length;
  }
  return all;
}
