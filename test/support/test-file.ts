// Runs one test file in a process of its own and counts what it reports.

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceRoot } from '../../targets/build/root.ts';

export interface FileResult {
  file: string;
  passed: number;
  failed: number;
  /** Name and reason of each skipped test or suite. */
  skipped: string[];
  /** Name and error of each failure. */
  failures: string[];
  notes: string[];
  seconds: number;
}

interface Event {
  type: string;
  name: string;
  nesting: number;
  suite: boolean;
  skip?: string | boolean;
  todo?: string | boolean;
  failure?: string;
  error: string;
  message?: string;
}

const REPORTER = fileURLToPath(new URL('./reporter.mjs', import.meta.url));
const LIMIT_MS = 20 * 60 * 1000;
let number = 0;

export interface ProcessResult {
  code: number | null;
  output: string;
  seconds: number;
}

/** Runs Node with arguments at the project's root, without standard input; killed after the limit. */
export function runNode(args: readonly string[], limitMs = LIMIT_MS): Promise<ProcessResult> {
  const begun = Date.now();
  return new Promise((done) => {
    // Set by `node --test`, it would turn the child's reporters off.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn(process.execPath, [...args], { cwd: sourceRoot(), env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (text: string): void => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    const limit = setTimeout(() => {
      output += '\nkilled after ' + limitMs / 1000 + ' s';
      child.kill('SIGKILL');
    }, limitMs);
    const end = (code: number | null): void => {
      clearTimeout(limit);
      done({ code, output, seconds: (Date.now() - begun) / 1000 });
    };
    child.on('error', (error) => {
      output += error.message;
      end(null);
    });
    child.on('close', end);
  });
}

/**
 * Runs a test file, as it is written or as the JavaScript `bundle` that was made of it. A file that ends badly, or in which no
 * test ran, counts as a failure.
 */
export async function runTestFile(file: string, bundle?: string): Promise<FileResult> {
  const folder = join(sourceRoot(), 'build', 'test');
  mkdirSync(folder, { recursive: true });
  const events = join(folder, process.pid + '-' + number++ + '.jsonl');
  const ended = await runNode([
    ...(bundle === undefined ? ['--import', 'tsx'] : ['--enable-source-maps']),
    '--test-reporter=' + REPORTER,
    '--test-reporter-destination=' + events,
    bundle ?? file,
  ]);
  const result: FileResult = {
    file,
    passed: 0,
    failed: 0,
    skipped: [],
    failures: [],
    notes: [],
    seconds: ended.seconds,
  };
  for (const event of readEvents(events)) count(event, result);
  rmSync(events, { force: true });
  const ran = result.passed + result.failed + result.skipped.length;
  if (ended.code !== 0 && result.failed === 0) fail(result, 'the file ended with code ' + ended.code, '');
  else if (ran === 0) fail(result, 'no test ran in the file', '');
  if (result.failed > 0 && ended.output.trim() !== '') result.failures.push('output of ' + file + ':\n' + ended.output);
  return result;
}

function readEvents(path: string): Event[] {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // The process ended before it reported anything.
  }
  const lines = text.split('\n').filter((line) => line.endsWith('}'));
  return lines.map((line) => JSON.parse(line) as Event);
}

function fail(result: FileResult, name: string, error: string): void {
  result.failed++;
  result.failures.push(result.file + ': ' + name + (error === '' ? '' : '\n' + error));
}

function count(event: Event, result: FileResult): void {
  if (event.type === 'test:diagnostic') {
    result.notes.push(event.message ?? '');
    return;
  }
  const put = event.skip ?? event.todo;
  if (put !== undefined && put !== false) {
    const reason = typeof put === 'string' && put !== '' ? put : event.skip === undefined ? 'to do' : 'no reason given';
    result.skipped.push(event.name + ': ' + reason);
  } else if (event.type === 'test:fail') {
    // Its subtests are counted and shown already.
    if (event.failure !== 'subtestsFailed') fail(result, event.name, event.error);
  } else if (!event.suite) result.passed++;
}
