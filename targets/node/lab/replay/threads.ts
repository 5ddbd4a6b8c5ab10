// Real workers of this machine: one worker against several, for each answer, in turns. Workers share no lock; an answer with one
// counter has work for one of them.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { dscpValues } from '../../host/lanes.ts';
import { type Answer, CLASS_DSCP, countersOf } from './answers.ts';
import { type AgreedPair, negotiate } from './negotiate.ts';
import { createSpin, median, undisturbed } from './spin.ts';
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

/** Packets a second of one worker, and of all together. */
export interface Rates {
  /** By the clock, in the best rounds: others use the processors too. */
  one: number;
  all: number;
  /** By processor time, shared out among the workers: as if each had a processor of its own. */
  oneOwn: number;
  allOwn: number;
}

/** What workers did for an answer. */
export interface ThreadFigures {
  /** Workers that have work. */
  busy: number;
  /** What one worker does, and all together. */
  send: Rates;
  receive: Rates;
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

/** Rates of the rounds, by how many workers had the packets. */
interface Rounds {
  clock: [one: number[], all: number[]];
  own: [one: number[], all: number[]];
}

interface Crew {
  workers: Worker[];
  send: Rounds;
  receive: Rounds;
  lost: number;
  replayed: number;
  accepted: number;
}

const noRounds = (): Rounds => ({ clock: [[], []], own: [[], []] });

/** Packets that went well. */
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

function ratesOf({ clock, own }: Rounds): Rates {
  return {
    one: undisturbed(clock[0]),
    all: undisturbed(clock[1]),
    oneOwn: median(own[0]),
    allOwn: median(own[1]),
  };
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
      workers: Array.from({ length: parts }, (_, index) => {
        return new Worker(program, { workerData: partOf(answer, pairs, index, workers) });
      }),
      send: noRounds(),
      receive: noRounds(),
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
          const take = async (what: 'send' | 'receive'): Promise<void> => {
            const used = process.cpuUsage();
            const begun = performance.now();
            const good = await run(busy, { what, count });
            const seconds = (performance.now() - begun) / 1000;
            const { user, system } = process.cpuUsage(used);
            const all = count * busy.length;
            crew.lost += all - good;
            if (round < 0) return;
            crew[what].clock[which].push(all / seconds);
            crew[what].own[which].push((all * busy.length * 1e6) / Math.max(1, user + system));
          };
          await take('send');
          await run(busy, { what: 'prepare', count });
          await take('receive');
          crew.accepted += await run(busy, { what: 'replay', count });
          crew.replayed += count * busy.length;
        }
      }
    }
  } finally {
    await spin.close();
    await Promise.all(crews.flatMap((crew) => crew.workers.map((worker) => worker.terminate())));
  }
  return {
    machine: undisturbed(spins[1]) / undisturbed(spins[0]),
    answers: crews.map(({ workers: { length: busy }, send, receive, lost, replayed, accepted }) => ({
      busy,
      send: ratesOf(send),
      receive: ratesOf(receive),
      lost,
      replayed,
      accepted,
    })),
  };
}
