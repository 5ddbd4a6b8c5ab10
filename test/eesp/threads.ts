// Threads with one Sub SA each, driven by tests and the bench.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { programOf } from '../threads/programs.ts';
import type { ThreadJob } from './thread.ts';

export interface Threads {
  /** The same job in all of them at once: packets that went well, and what they told. */
  run(job: ThreadJob): Promise<{ good: number; nonces: string[] }>;
  close(): Promise<void>;
}

export async function createThreads(
  sessions: number[],
  options: { payload: number; suite: string; isWatched: boolean },
): Promise<Threads> {
  const program = await programOf(new URL('./thread.ts', import.meta.url));
  const workers = sessions.map((session) => new Worker(program, { workerData: { session, ...options } }));
  return {
    async run(job) {
      const answers = workers.map(async (worker) => {
        worker.postMessage(job);
        const [answer] = (await once(worker, 'message')) as [{ good: number; nonces: string[] }];
        return answer;
      });
      const all = await Promise.all(answers);
      return { good: all.reduce((sum, { good }) => sum + good, 0), nonces: all.flatMap(({ nonces }) => nonces) };
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
