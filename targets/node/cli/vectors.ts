// `dietesp vectors`: runs test vectors on Node with one of its providers, or on another engine with the portable one. Both
// run the same function (targets/build/vector-case.ts).

import { Command, Option } from 'commander';
import { dropName } from '../../../core/base/drop-name.ts';
import type { Engine } from '../../build/engines.ts';
import { casesOf, type VectorFile } from '../../build/vector-file.ts';
import { readText } from '../host/document.ts';
import { CommandError } from '../host/errors.ts';
import { PROVIDERS, providerNamed } from '../host/provider/by-name.ts';

const ENGINES = ['lua', 'duktape', 'jerryscript', 'espruino'];
/** The module that runs the cases on an engine. */
const ENTRY = 'targets/build/vectors.entry.ts';
/** Octets of case data in one run: a small heap holds source and data; others take everything at once. */
const PART_OCTETS: Record<string, number> = { jerryscript: 40000, espruino: 40000 };
const PART_OCTETS_ELSE = 2000000;

/** Vector files are made by programs, and are larger than what people write. */
const VECTORS_MAX = 1 << 26;

interface Failure {
  file: string;
  id: string;
  field: string;
  expected: string;
  actual: string;
}

interface Skip {
  file: string;
  id: string;
  reason: string;
}

interface Results {
  passed: number;
  failures: Failure[];
  skips: Skip[];
}

interface Options {
  engine?: string;
  provider: string;
  timeout: string;
  verbose?: boolean;
  json?: boolean;
}

function loadCases(file: string): string[][] {
  let parsed: VectorFile;
  try {
    parsed = JSON.parse(readText(file, VECTORS_MAX)) as VectorFile;
  } catch (error) {
    throw error instanceof CommandError ? error : CommandError.from(file, error);
  }
  if (parsed === null || typeof parsed !== 'object') throw new CommandError(`${file}: not a vector file`);
  let cases: string[][];
  try {
    cases = casesOf(parsed);
  } catch (error) {
    throw CommandError.from(file, error);
  }
  if (cases.length === 0)
    throw new CommandError(
      `${file}: no vectors of Diet-ESP: \`vectors\`, \`refusals\`, \`rejections\`, \`on_path\` or \`sn_recovery\``,
    );
  return cases;
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
function addLine(results: Results, file: string, line: string): void {
  const [kind, id, field, expected] = line.split(' ', 4);
  if (kind === 'ok') results.passed++;
  if (kind === 'skip') results.skips.push({ file, id, reason: line.slice(6 + id.length) });
  if (kind === 'fail') {
    const actual = line.slice(`fail ${id} ${field} ${expected} `.length);
    results.failures.push({ file, id, field, expected: named(field, expected), actual: named(field, actual) });
  }
}

async function runHere(results: Results, file: string, cases: string[][], name: string): Promise<void> {
  const { runCases } = await import('../../build/vector-case.ts');
  const { ALL_SUITES } = await import('../../../core/esp/all-suites.ts');
  const { FULL_PARTS } = await import('../../../core/esp/full-parts.ts');
  const provider = await providerNamed(name);
  runCases(cases, FULL_PARTS, provider, ALL_SUITES, (line) => addLine(results, file, line));
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

async function runThere(results: Results, file: string, cases: string[][], engine: Engine, timeout: number) {
  const { bundle, engineMissing, runOn } = await import('../../build/engines.ts');
  const missing = engineMissing(engine);
  if (missing !== false) throw new CommandError(`${engine}: ${missing}`);
  for (const part of parts(cases, PART_OCTETS[engine] ?? PART_OCTETS_ELSE)) {
    let outcome: Awaited<ReturnType<typeof runOn>>;
    try {
      outcome = await runOn(engine, await bundle(ENTRY, engine, { cases: part }), timeout);
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
  }
}

async function vectors(files: string[], options: Options): Promise<void> {
  const timeout = Number(options.timeout);
  if (!(timeout > 0 && timeout <= 3600)) {
    throw new CommandError(`--timeout: ${options.timeout}: must be 1..3600 seconds`, 2);
  }
  const loaded = files.map((file) => ({ file, cases: loadCases(file) }));
  const results: Results = { passed: 0, failures: [], skips: [] };
  for (const { file, cases } of loaded) {
    if (options.engine === undefined) await runHere(results, file, cases, options.provider);
    else await runThere(results, file, cases, options.engine as Engine, timeout * 1000);
  }
  const { passed, failures, skips } = results;
  if (options.json === true) {
    const runner = options.engine ?? `node, provider ${options.provider}`;
    const data = { runner, passed, failed: failures.length, skipped: skips.length, failures, skips };
    process.stdout.write(JSON.stringify(data, null, 2) + '\n');
  } else {
    for (const f of failures) {
      process.stdout.write(`${f.id}: ${f.field}: expected ${f.expected}, actual ${f.actual}\n`);
    }
    if (options.verbose === true) for (const s of skips) process.stdout.write(`${s.id}: skipped: ${s.reason}\n`);
    const skipped = skips.length === 0 ? '' : `, ${skips.length} skipped`;
    process.stdout.write(`${passed} passed, ${failures.length} failed${skipped}\n`);
  }
  if (failures.length > 0) process.exitCode = 1;
}

export function vectorsCommand(): Command {
  return new Command('vectors')
    .description(
      'Runs vector files in both directions and compares every intermediate value that they give. ' +
        'One line per failure; exit code 1 when there is one.',
    )
    .argument('<files...>', 'vector files (JSON)')
    .addOption(
      new Option('--engine <name>', 'run on another engine, portable provider').choices(ENGINES).conflicts('provider'),
    )
    .addOption(new Option('--provider <name>', 'cryptographic provider on Node').choices(PROVIDERS).default('fast'))
    .option('--timeout <seconds>', 'time limit of one run on an engine', '120')
    .option('--verbose', 'name the skipped vectors')
    .option('--json', 'print the results as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ dietesp vectors test/vectors/diet-esp.json test/vectors/own.json --engine lua',
    )
    .action((files: string[], options: Options) => vectors(files, options));
}
