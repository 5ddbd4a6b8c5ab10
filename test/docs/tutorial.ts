// Runs the commands of a document. A block ```sh holds one command; the block without a language behind it holds lines that
// the command has to print, in this order, among others. In such a line every number stands for any number, and `...`
// for anything. A comment before the command says more:
//
//   <!-- background -->          goes on while the commands behind it run
//   <!-- needs: lua5.4 tshark -->  Debian packages; without them this command and its output are left out
//
// A block of another language behind `<!-- file: NAME -->` is a file that the reader writes.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import type { TestContext } from 'node:test';
import { packageMissing } from '../support/packages.ts';

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

/** The files of a document: name and text. */
export function filesOf(markdown: string): [name: string, text: string][] {
  const file = /<!-- file: (\S+) -->\n```\w+\n([\s\S]*?)```/g;
  return [...markdown.matchAll(file)].map(([, name, text]) => [name, text]);
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

/** Milliseconds for one command: the longest builds firmware. */
export const LIMIT = 300000;

/** Types the commands in `folder`, each a test of its own; what goes on in the background is stopped at last. */
export async function walk(t: TestContext, steps: readonly Step[], folder: string): Promise<void> {
  const background: Running[] = [];
  // npm sets its own variables for what it starts; a newcomer has none of them.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_/.test(name)));
  env['NO_COLOR'] = '1';
  try {
    for (const step of steps) {
      const missing = step.needs.map((name) => packageMissing(name)).filter((reason) => reason !== false);
      await t.test(step.command, { skip: missing[0] ?? false }, async () => {
        const running = start(step.command, folder, env);
        if (step.isBackground) background.push(running);
        const line = await seen(running, step.expected, LIMIT);
        assert.equal(line, undefined, `not printed: ${line}\n${running.printed()}`);
        if (step.isBackground) return;
        const limit = setTimeout(() => stop(running, 'SIGKILL'), LIMIT);
        const code = await running.ended;
        clearTimeout(limit);
        assert.equal(code, 0, running.printed());
      });
    }
    for (const running of background) {
      stop(running, 'SIGINT');
      await running.ended;
    }
  } finally {
    for (const running of background) stop(running, 'SIGKILL');
  }
}
