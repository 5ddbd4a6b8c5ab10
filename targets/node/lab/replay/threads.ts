// Real workers of this machine: one worker against several, for each answer, in turns. Workers share no lock; an answer with one
// counter has work for one of them.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { dscpValues } from '../../host/lanes.ts';
import { type Answer, CLASS_DSCP, countersOf } from './answers.ts';
import { type AgreedPair, negotiate } from './negotiate.ts';
import { createSpin, undisturbed } from './spin.ts';
import { plainOf, type WorkerJob, type WorkerPart } from './work.ts';

/** Above the numbers that a worker uses in a run, times the workers. */
const NUMBERS = 2 ** 31;
const PAYLOAD = 1200;

export interface ThreadOptions {
  workers: number;
  /** Packets of a run, for all workers together, and runs of each kind. */
  packets: number;
  runs: number;
  esp: string;
  /** The program of a worker; absent: worker.js beside this file. */
  program?: URL;
}

/** What workers did for an answer. */
export interface ThreadFigures {
  /** Workers that have work. */
  busy: number;
  /** Packets a second: one worker, and all together. */
  send: [one: number, all: number];
  receive: [one: number, all: number];
  /** Good packets that were dropped. */
  lost: number;
  /** Packets that came once more, and those that were taken. */
  replayed: number;
  accepted: number;
}

/** The part of worker `index`. */
function partOf(answer: Answer, pairs: readonly AgreedPair[], index: number, workers: number): WorkerPart {
  const own = pairs.find(({ child }) => dscpValues(child).includes(CLASS_DSCP[index]));
  const pair = answer.by === 'class' ? own! : pairs[answer.by === 'ike' || answer.by === 'child' ? index : 0];
  const outgoing = plainOf(pair.outgoing);
  // Without a window the key is the same and the numbers are apart, so that no nonce comes twice.
  if (answer.window === 0) outgoing.snLo = Math.floor(NUMBERS / workers) * index;
  const isPart = answer.by === 'subspace' || answer.by === 'sub-sa';
  return {
    outgoing,
    incoming: plainOf(pair.incoming),
    id: isPart ? index : 0,
    dscp: answer.by === 'class' ? CLASS_DSCP[index] : 0,
    payload: PAYLOAD,
  };
}

interface Crew {
  answer: Answer;
  workers: Worker[];
  send: [one: number[], all: number[]];
  receive: [one: number[], all: number[]];
  lost: number;
  replayed: number;
  accepted: number;
}

async function run(workers: readonly Worker[], job: WorkerJob): Promise<number> {
  const answers = await Promise.all(
    workers.map(async (worker) => {
      worker.postMessage(job);
      const [good] = (await once(worker, 'message')) as [number];
      return good;
    }),
  );
  return answers.reduce((sum, good) => sum + good, 0);
}

/** Figures of each answer, and how much faster threads are that only compute. `progress` hears of each round. */
export async function measureThreads(
  answers: readonly Answer[],
  options: ThreadOptions,
  progress: (done: number, of: number) => void,
): Promise<{ answers: ThreadFigures[]; machine: number }> {
  const { workers, packets, runs, esp } = options;
  const program = options.program ?? new URL('worker.js', import.meta.url);
  const spin = createSpin(workers);
  const spins: [one: number[], all: number[]] = [[], []];
  const crews = answers.map((answer): Crew => {
    const { pairs } = negotiate(answer, workers, esp);
    const parts = answer.window === 0 ? workers : countersOf(answer, workers);
    return {
      answer,
      workers: Array.from({ length: parts }, (_, index) => {
        return new Worker(program, { workerData: partOf(answer, pairs, index, workers) });
      }),
      send: [[], []],
      receive: [[], []],
      lost: 0,
      replayed: 0,
      accepted: 0,
    };
  });
  try {
    // The first round is for the compiler.
    for (let round = -1; round < runs; round++) {
      progress(round + 1, runs + 1);
      // The order changes, lest one of them always has the worse moment.
      for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        spins[which].push(await spin.rate(which === 0 ? 1 : workers));
        for (const crew of crews) {
          const busy = which === 0 ? crew.workers.slice(0, 1) : crew.workers;
          const count = Math.floor(packets / busy.length);
          const rate = async (what: 'send' | 'receive'): Promise<number> => {
            const begun = performance.now();
            const good = await run(busy, { what, count });
            const seconds = (performance.now() - begun) / 1000;
            crew.lost += count * busy.length - good;
            return (count * busy.length) / seconds;
          };
          const sent = await rate('send');
          await run(busy, { what: 'prepare', count });
          const received = await rate('receive');
          crew.accepted += await run(busy, { what: 'replay', count });
          crew.replayed += count * busy.length;
          if (round < 0) continue;
          crew.send[which].push(sent);
          crew.receive[which].push(received);
        }
      }
    }
  } finally {
    await spin.close();
    await Promise.all(crews.flatMap((crew) => crew.workers.map((worker) => worker.terminate())));
  }
  const best = (lists: [number[], number[]]): [number, number] => [undisturbed(lists[0]), undisturbed(lists[1])];
  const [one, all] = best(spins);
  return {
    machine: all / one,
    answers: crews.map((crew) => ({
      busy: crew.workers.length,
      send: best(crew.send),
      receive: best(crew.receive),
      lost: crew.lost,
      replayed: crew.replayed,
      accepted: crew.accepted,
    })),
  };
}
