// A program of these suites inside a namespace that answers commands: a line of JSON each way.

import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sourceRoot } from '../../../targets/build/root.ts';
import { type Namespace, spawnIn } from './namespaces.ts';

export interface Agent<C> {
  readonly child: ChildProcess;
  /** Asks when all before has been answered. Throws what the agent complains of, and when it takes too long. */
  ask<T>(command: C, limitMs?: number): Promise<T>;
  /** It ends when it has answered everything. */
  close(): void;
  /** What it wrote to standard error. */
  complaint(): string;
}

/** Starts the script, a file of this folder. It ends with `close` or with the site. */
export function startAgent<C>(space: Namespace, name: string, args: readonly string[]): Agent<C> {
  const script = fileURLToPath(new URL(name, import.meta.url));
  // The agent finds tsx from the project's root, which is this process's folder or not.
  const loader = import.meta.resolve('tsx', 'file://' + sourceRoot() + '/');
  const child = spawnIn(space, process.execPath, ['--import', loader, script, ...args]);
  let output = '';
  let complaint = '';
  let look = (): void => {};
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    look();
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  child.stdin?.on('error', () => {});
  const answer = (limitMs: number): Promise<string> =>
    new Promise((done, fail) => {
      const refuse = (why: string): void => {
        fail(new Error('agent in ' + space.name + ': ' + why + ' ' + complaint));
      };
      const limit = setTimeout(() => refuse('no answer in ' + limitMs + ' ms'), limitMs);
      const gone = (): void => refuse('ended');
      child.once('close', gone);
      look = () => {
        if (!output.endsWith('\n')) return;
        clearTimeout(limit);
        child.off('close', gone);
        done(output);
      };
    });
  let turn: Promise<unknown> = Promise.resolve();
  const ask = <T>(command: C, limitMs = 10000): Promise<T> => {
    const answered = turn.then(async () => {
      output = '';
      const line = answer(limitMs);
      child.stdin?.write(JSON.stringify(command) + '\n');
      const result = JSON.parse(await line) as T & { error?: string };
      if (result.error !== undefined) throw new Error('agent in ' + space.name + ': ' + result.error);
      return result;
    });
    turn = answered.catch(() => undefined);
    return answered;
  };
  return { child, ask, close: () => void child.stdin?.end(), complaint: () => complaint };
}
