// Runs the test vectors of files: on Node with one of its providers, or on another engine with the portable one. Both run
// the same functions (targets/build/vector-case.ts, targets/build/ccm-case.ts).

import { dropName } from '../../../core/base/drop-name.ts';
import { type CcmFile, ccmCasesOf, isCcmFile } from '../../build/ccm-file.ts';
import type { Engine } from '../../build/engines.ts';
import { casesOf, type VectorFile } from '../../build/vector-file.ts';
import { readText } from '../host/document.ts';
import { CommandError } from '../host/errors.ts';
import type { Step } from '../host/progress.ts';
import { providerNamed } from '../host/provider/by-name.ts';

/** What vectors are of: each kind has a module that runs it on an engine. */
const ENTRIES = {
  dietesp: 'targets/build/vectors.entry.ts',
  ccm: 'targets/build/ccm.entry.ts',
} as const;
type Kind = keyof typeof ENTRIES;

/** The engines besides Node. */
export const OTHER_ENGINES: Engine[] = ['lua', 'duktape', 'jerryscript', 'espruino'];
/** Octets of case data in one run: a small heap holds source and data; others take everything at once. */
const PART_OCTETS: Record<string, number> = { jerryscript: 40000, espruino: 40000 };
const PART_OCTETS_ELSE = 2000000;
/** Vector files are made by programs, and are larger than what people write. */
const FILE_MAX = 1 << 26;

interface Cases {
  file: string;
  kind: Kind;
  cases: string[][];
}

/** A value that differs; expected and actual as text, drop codes by name. */
export interface VectorFailure {
  file: string;
  id: string;
  field: string;
  expected: string;
  actual: string;
}

/** A vector that the engine or the provider cannot run. */
export interface SkippedVector {
  file: string;
  id: string;
  reason: string;
}

export interface VectorResults {
  passed: number;
  failures: VectorFailure[];
  skips: SkippedVector[];
}

/** Where vectors run: `provider` on Node, or `engine` with a limit in milliseconds for each of its runs. */
export type VectorRunner = { provider: string } | { engine: Engine; timeout: number };

/** The cases of a vector file. Throws a CommandError that names the file, and the vector that is wrong. */
export function loadCases(file: string): Cases {
  let parsed: VectorFile | CcmFile;
  try {
    parsed = JSON.parse(readText(file, FILE_MAX)) as VectorFile | CcmFile;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    // The engine's message quotes the file: one that holds a key may have been named by mistake.
    throw error instanceof SyntaxError ? new CommandError(`${file}: not JSON`) : CommandError.from(file, error);
  }
  if (parsed === null || typeof parsed !== 'object') throw new CommandError(`${file}: not a vector file`);
  const loaded: Cases = { file, kind: isCcmFile(parsed) ? 'ccm' : 'dietesp', cases: [] };
  try {
    loaded.cases = isCcmFile(parsed) ? ccmCasesOf(parsed) : casesOf(parsed);
  } catch (error) {
    throw CommandError.from(file, error);
  }
  if (loaded.cases.length === 0) {
    throw new CommandError(
      `${file}: no vectors: of Diet-ESP (\`vectors\`, \`refusals\`, \`rejections\`, \`on_path\`, \`sn_recovery\`) or of ` +
        'AES-CCM (`keys` and `vectors`)',
    );
  }
  return loaded;
}

/** Drop codes by name. */
function named(field: string, value: string): string {
  if ((field !== 'inbound' && field !== 'outbound') || !/^(0|-\d+)(,-\d+)*$/.test(value)) return value;
  return value
    .split(',')
    .map((code) => (code === '0' ? 'accepted' : dropName(Number(code))))
    .join(' or ');
}

/** Adds a line of a run to the results. */
function addLine(results: VectorResults, file: string, line: string): void {
  const [kind, id, field, expected] = line.split(' ', 4);
  if (kind === 'ok') results.passed++;
  if (kind === 'skip') results.skips.push({ file, id, reason: line.slice(6 + id.length) });
  if (kind === 'fail') {
    const actual = line.slice(`fail ${id} ${field} ${expected} `.length);
    results.failures.push({ file, id, field, expected: named(field, expected), actual: named(field, actual) });
  }
}

async function runHere(results: VectorResults, { file, kind, cases }: Cases, name: string): Promise<void> {
  const provider = await providerNamed(name);
  const add = (line: string): void => addLine(results, file, line);
  if (kind === 'ccm') {
    const { runCcmCases } = await import('../../build/ccm-case.ts');
    runCcmCases(cases, provider, add);
    return;
  }
  const { runCases } = await import('../../build/vector-case.ts');
  const { ALL_SUITES } = await import('../../../core/esp/all-suites.ts');
  const { FULL_PARTS } = await import('../../../core/esp/full-parts.ts');
  runCases(cases, FULL_PARTS, provider, ALL_SUITES, add);
}

function parts(cases: string[][], most: number): string[][][] {
  const all: string[][][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const strings of cases) {
    const length = strings.reduce((sum, text) => sum + text.length + 4, 0);
    if (size + length > most) {
      all.push([]);
      size = 0;
    }
    all[all.length - 1].push(strings);
    size += length;
  }
  return all;
}

async function runThere(results: VectorResults, loaded: Cases, engine: Engine, timeout: number, step: Step) {
  const { file, kind, cases } = loaded;
  const { bundle, engineMissing, runOn } = await import('../../build/engines.ts');
  const missing = engineMissing(engine);
  if (missing !== false) throw new CommandError(`${engine}: ${missing}`);
  let done = 0;
  for (const part of parts(cases, PART_OCTETS[engine] ?? PART_OCTETS_ELSE)) {
    let outcome: Awaited<ReturnType<typeof runOn>>;
    step(done, cases.length, `vectors of ${file} on ${engine}`);
    try {
      outcome = await runOn(engine, await bundle(ENTRIES[kind], engine, { cases: part }), timeout);
    } catch (error) {
      throw CommandError.from(engine, error);
    }
    const lines = outcome.stdout.split('\n').filter((line) => /^(ok|fail|skip|done) /.test(line));
    for (const line of lines) addLine(results, file, line);
    // A run that stops early must not look like a run with fewer vectors.
    if (!outcome.ok || lines.length !== part.length + 1) {
      const last = (outcome.stderr.trim() || outcome.stdout.trim()).split('\n').at(-1) ?? '';
      throw new CommandError(`${engine}: the run ended early after ${lines.length} of ${part.length} vectors: ${last}`);
    }
    done += part.length;
  }
}

/** Runs the vectors of all files; every file is read before the first runs. `step` is told how far it is. */
export async function runVectors(files: string[], runner: VectorRunner, step: Step): Promise<VectorResults> {
  const loaded = files.map(loadCases);
  const results: VectorResults = { passed: 0, failures: [], skips: [] };
  for (const one of loaded) {
    if ('engine' in runner) await runThere(results, one, runner.engine, runner.timeout, step);
    else await runHere(results, one, runner.provider);
  }
  return results;
}
