// Threads that compute and share nothing: what the machine itself gives them at the moment. Figures of threads stand beside it.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const SPIN = `const { parentPort } = require('node:worker_threads');
parentPort.on('message', (count) => {
  let x = 1;
  for (let i = 0; i < count; i++) x = (x * 1103515245 + 12345) & 0x7fffffff;
  parentPort.postMessage(x);
});`;
const LOOPS = 4e6;

/** Threads that only compute. */
export interface Spin {
  /** Loops per millisecond in so many of the threads together. */
  rate(threads: number): Promise<number>;
  close(): Promise<unknown>;
}

export function createSpin(most: number): Spin {
  const workers = Array.from({ length: most }, () => new Worker(SPIN, { eval: true }));
  const run = (worker: Worker, count: number): Promise<unknown> => {
    worker.postMessage(count);
    return once(worker, 'message');
  };
  return {
    async rate(threads) {
      const begun = performance.now();
      await Promise.all(workers.slice(0, threads).map((worker) => run(worker, LOOPS / threads)));
      return LOOPS / (performance.now() - begun);
    },
    close: () => Promise.all(workers.map((worker) => worker.terminate())),
  };
}

/** The value that this share of the others is below. */
export function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)];
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);
/** What a run does when nothing else wants the processors: most runs of a busy machine say nothing about threads. */
export const undisturbed = (values: readonly number[]): number => quantile(values, 0.95);
