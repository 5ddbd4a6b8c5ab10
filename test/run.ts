// npm test: the checks (Biome, tsc), then every test/**/*.test.ts, one file more at a time than there are cores: many wait for
// real time. `npm test -- TEXT...` runs the files whose path contains one of the texts. The last line is always
// `N passed, N failed, N skipped`; skipped tests and failures are listed above it.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleTests } from './support/bundle.ts';
import { filesBelow } from './support/files.ts';
import { inOrder } from './support/order.ts';
import { providePackages } from './support/packages.ts';
import { type FileResult, runNode, runTestFile } from './support/test-file.ts';

const say = (line: string): void => {
  process.stdout.write(line + '\n');
};

interface Job {
  name: string;
  run: () => Promise<FileResult>;
}

/** A tool that passes or fails as a whole. */
function toolJob(name: string, args: readonly string[]): Job {
  const run = async (): Promise<FileResult> => {
    const ended = await runNode(args);
    const isGood = ended.code === 0;
    return {
      file: name,
      passed: isGood ? 1 : 0,
      failed: isGood ? 0 : 1,
      skipped: [],
      failures: isGood ? [] : [name + '\n' + ended.output],
      notes: [],
      seconds: ended.seconds,
    };
  };
  return { name, run };
}

const CHECKS: readonly Job[] = [
  toolJob('check: biome', ['node_modules/@biomejs/biome/bin/biome', 'check', '--colors=off', '.']),
  toolJob('check: tsc', ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.']),
  toolJob('check: tsc of the page', ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.page.json']),
];

/** Makes dist current, which the tests of the command line then run, see test/support/command.ts. */
async function buildPackage(): Promise<void> {
  for (const project of ['tsconfig.build.json', 'tsconfig.page.json']) {
    const ended = await runNode(['node_modules/typescript/bin/tsc', '-p', project]);
    // The sources stand in for a package that can't be built; the check names the reason.
    if (ended.code !== 0) return;
  }
  process.env.DIETESP_BUILT = '1';
}

/** Makes JavaScript of the test files; undefined where one can't be compiled: each then says so by itself. */
async function bundles(files: readonly string[]): Promise<((file: string) => string) | undefined> {
  try {
    return await bundleTests(files);
  } catch (error) {
    say('tests run as they are written: ' + String(error));
    return undefined;
  }
}

function progress(result: FileResult): string {
  const state = result.failed > 0 ? 'FAIL' : result.passed === 0 ? 'skip' : 'ok  ';
  const counts = [result.passed + ' passed'];
  if (result.failed > 0) counts.push(result.failed + ' failed');
  if (result.skipped.length > 0) counts.push(result.skipped.length + ' skipped');
  return state + ' ' + result.file + '  ' + counts.join(', ') + '  ' + result.seconds.toFixed(1) + ' s';
}

async function runAll(jobs: readonly Job[], atOnce: number): Promise<FileResult[]> {
  const results: FileResult[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < jobs.length) {
      const result = await jobs[next++].run();
      say(progress(result));
      results.push(result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results.sort((a, b) => (a.file < b.file ? -1 : 1));
}

async function main(patterns: readonly string[]): Promise<number> {
  const wanted = (name: string): boolean => patterns.length === 0 || patterns.some((text) => name.includes(text));
  const left = providePackages(say);
  // State of gateways in memory where there is such a place: other tests keep the disk busy for seconds.
  const state = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'dietesp-state-'));
  process.env.STATE_DIRECTORY = state;
  // Gateways that a test kills leave their sockets.
  process.env.RUNTIME_DIRECTORY = join(state, 'run');
  process.on('exit', () => rmSync(state, { recursive: true, force: true }));
  const ordered = inOrder(filesBelow('test', ['test.ts']).filter(wanted));
  const isWhole = patterns.length === 0;
  if (isWhole) await buildPackage();
  const bundleOf = isWhole ? await bundles(ordered) : undefined;
  const jobs = [
    ...CHECKS.filter((job) => wanted(job.name)),
    ...ordered.map((file) => ({ name: file, run: () => runTestFile(file, bundleOf?.(file)) })),
  ];
  const results = await runAll(jobs, Math.min(4, cpus().length + 1));

  const notes = results.flatMap((result) => result.notes);
  if (notes.length > 0) say('\nNotes\n' + notes.join('\n'));
  const skipped = results.flatMap((result) => result.skipped.map((reason) => result.file + ': ' + reason));
  if (left.length > 0 || skipped.length > 0) {
    say('\nSkipped');
    for (const need of left) say('  ' + need.suites + ': package ' + need.package + ' is not installed');
    for (const line of skipped) say('  ' + line);
  }
  const failures = results.flatMap((result) => result.failures);
  if (failures.length > 0) {
    say('\nFailures\n\n' + failures.join('\n\n'));
    // Once more in short: what a reader of the last lines needs.
    say('\nFailed');
    for (const text of failures) say('  ' + text.split('\n', 2).join(' ').slice(0, 300));
  }
  if (jobs.length === 0) say('no test file matches ' + patterns.join(' '));
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, jobs.length === 0 ? 1 : 0);
  say('\n' + passed + ' passed, ' + failed + ' failed, ' + skipped.length + ' skipped');
  return failed > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
