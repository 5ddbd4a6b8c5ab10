// Runs the commands of a document. A block ```sh holds one command; the block without a language behind it holds lines that
// the command has to print, in this order, among others. In such a line every number stands for any number, and `...`
// for anything. A comment before the command says more:
//
//   <!-- background -->          goes on while the commands behind it run
//   <!-- needs: lua5.4 tshark -->  Debian packages; without them this command and its output are left out

import { type ChildProcess, spawn } from 'node:child_process';

export interface Step {
  command: string;
  isBackground: boolean;
  needs: string[];
  expected: string[];
}

/** The commands of a document, in their order. */
export function stepsOf(markdown: string): Step[] {
  const steps: Step[] = [];
  const block = /((?:<!--[^>]*-->\n)*)```(\w*)\n([\s\S]*?)```/g;
  for (const [, comments, language, text] of markdown.matchAll(block)) {
    if (language === 'sh') {
      const needs = /<!-- needs: ([^>]*) -->/.exec(comments)?.[1].split(' ') ?? [];
      const isBackground = comments.includes('<!-- background -->');
      steps.push({ command: text.trim(), isBackground, needs, expected: [] });
    } else if (language === '' && steps.length > 0) {
      steps[steps.length - 1].expected = text.split('\n').filter((line) => line.trim() !== '');
    }
  }
  return steps;
}

/** What a line of the document stands for. */
export function patternOf(line: string): RegExp {
  const parts = line
    .trim()
    .split(/(\.\.\.|\b[0-9a-f]*\d[0-9a-f]*\b|\d+)/)
    .map((part, i) => {
      if (i % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+');
      return part === '...' ? '.*' : '[0-9a-f]+';
    });
  return new RegExp(parts.join(''));
}

/** The first of `expected` that `printed` does not hold in order, or undefined. */
export function missingLine(expected: readonly string[], printed: string): string | undefined {
  const lines = printed.split('\n');
  let at = 0;
  for (const line of expected) {
    const pattern = patternOf(line);
    while (at < lines.length && !pattern.test(lines[at])) at++;
    if (at++ >= lines.length) return line;
  }
  return undefined;
}

export interface Running {
  child: ChildProcess;
  /** What it printed so far. */
  printed: () => string;
  /** Its end: the exit code, or -1 for a signal. */
  ended: Promise<number>;
}

/** Starts a command in a shell of its own process group. */
export function start(command: string, folder: string, env: NodeJS.ProcessEnv): Running {
  const child = spawn('sh', ['-c', command], { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      printed += text;
    });
  }
  const ended = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)));
  return { child, printed: () => printed, ended };
}

/** Sends a signal to a command and all that it started. */
export function stop(running: Running, signal: NodeJS.Signals): void {
  try {
    process.kill(-running.child.pid!, signal);
  } catch {
    // It has ended.
  }
}

/** Resolves with undefined once `printed` holds all of `expected`, else after `ms` or the command's end with the line. */
export async function seen(running: Running, expected: readonly string[], ms: number): Promise<string | undefined> {
  let isOver = false;
  void running.ended.then(() => {
    isOver = true;
  });
  const limit = Date.now() + ms;
  for (;;) {
    const missing = missingLine(expected, running.printed());
    if (missing === undefined || isOver || Date.now() > limit) return missing;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
