// The threads of a gateway's workers, as its main thread sees them: what is said to them, and what becomes of one that dies.

import { Worker } from 'node:worker_threads';
import { errorText } from '../../host/errors.ts';
import { loadReadiness } from '../../host/io/readiness.ts';
import { type Libc, loadLibc } from '../../host/libc.ts';
import type { BoundQueue } from '../tun-queue.ts';
import { type FromWorker, TO_MAIN, TO_WORKER, type ToWorker, type WorkerData } from './messages.ts';
import { createParcels, type Parcels } from './parcels.ts';

/** Milliseconds until a worker that was told to end is ended. */
const END_LIMIT = 2000;

export interface Thread {
  /** 1 and up: the number of its sockets among those of a port. */
  index: number;
  /** False once it has ended. */
  isAlive: boolean;
  /** Its name below /proc/self/task. */
  name: string;
  /** The queue that it had. */
  queue: BoundQueue;
  post(message: ToWorker): void;
  /** Packets for it. */
  parcels: Parcels;
}

/** What is done with what workers say. */
export interface CrewUpper {
  said(thread: Thread, message: FromWorker): void;
  /** It has ended by itself. */
  died(thread: Thread, why: string): void;
}

export interface Crew {
  threads: Thread[];
  /** Set before anything is posted. */
  upper: CrewUpper | null;
  /** Ends a thread as an error in it would: for tests. */
  kill(index: number): Promise<void>;
  /** Ends all; their sockets and queues are closed. */
  close(): Promise<void>;
}

type Calls = { libc: Libc; atEnd: (flush: () => void) => void };

const wakeUp = new Uint8Array(new ArrayBuffer(8));
wakeUp[0] = 1;

interface Hand {
  thread: Thread;
  worker: Worker;
  ended: Promise<void>;
}

/** Starts one; rejects with why it cannot work. */
async function start(calls: Calls, index: number, queue: BoundQueue, program: URL, crew: Crew): Promise<Hand> {
  const onWay = new SharedArrayBuffer(8);
  const counts = new Int32Array(onWay);
  const data: WorkerData = { queue, onWay };
  const worker = new Worker(program, { workerData: data, trackUnmanagedFds: false });
  let wake = -1;
  let why = '';
  const wakeAt = calls.libc.addressOf(wakeUp);
  const thread: Thread = {
    index,
    isAlive: true,
    name: '',
    queue,
    post(message) {
      if (!thread.isAlive) return;
      worker.postMessage(message, message.op === 'parcel' ? [message.octets.buffer] : []);
      calls.libc.write(wake, wakeAt, 8);
    },
    parcels: createParcels(
      counts,
      TO_WORKER,
      (octets) => thread.post({ op: 'parcel', octets }),
      () => calls.atEnd(() => thread.parcels.flush()),
    ),
  };
  let isReady = false;
  const ready = new Promise<void>((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if (message.op === 'ready') {
        ({ wake, thread: thread.name } = message);
        isReady = true;
        resolve();
      } else if (message.op === 'failed') why = message.why;
      else {
        if (message.op === 'parcel') Atomics.sub(counts, TO_MAIN, 1);
        crew.upper?.said(thread, message);
      }
    });
    worker.on('error', (error) => {
      why = errorText(error);
    });
    worker.on('exit', (code) => {
      if (why === '') why = `it ended with ${code}`;
      reject(new Error(why));
    });
  });
  const ended = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      const wasAlive = thread.isAlive;
      thread.isAlive = false;
      if (wasAlive && isReady) crew.upper?.died(thread, why);
      resolve();
    });
  });
  await ready;
  return { thread, worker, ended };
}

/** Starts a thread for each queue, or none: then it rejects with `workers: ...`. */
export async function startCrew(queues: readonly BoundQueue[], program?: URL): Promise<Crew> {
  const calls: Calls = { libc: await loadLibc(), atEnd: (await loadReadiness()).atEnd };
  const hands: Hand[] = [];
  const crew: Crew = {
    threads: [],
    upper: null,
    async kill(index) {
      const hand = hands.find(({ thread }) => thread.index === index);
      await hand?.worker.terminate();
      await hand?.ended;
    },
    async close() {
      await Promise.all(
        hands.map(async ({ thread, worker, ended }) => {
          thread.post({ op: 'end' });
          thread.isAlive = false;
          const limit = setTimeout(() => void worker.terminate(), END_LIMIT);
          await ended;
          clearTimeout(limit);
        }),
      );
    },
  };
  const from = program ?? new URL('thread.js', import.meta.url);
  try {
    for (const [at, queue] of queues.entries()) {
      hands.push(await start(calls, at + 1, queue, from, crew));
      crew.threads.push(hands[at].thread);
    }
    return crew;
  } catch (error) {
    await crew.close();
    throw new Error(`workers: ${queues.length}: ${errorText(error)}`);
  }
}
