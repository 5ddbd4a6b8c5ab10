// One SA with subspaces in several threads, one key and no lock: each thread sends on subspaces of its own, and has the windows
// of its own. Arriving packets go to the thread that has their subspace.

import { Worker } from 'node:worker_threads';
import { u16 } from '../../../../core/base/bytes.ts';
import { refuse } from '../../../../core/base/refuse.ts';
import { FULL_PARTS } from '../../../../core/esp/full-parts.ts';
import { limitKey } from '../../../../core/esp/key-limits.ts';
import type { SaConfig } from '../../../../core/esp/sa.ts';
import { createFastProvider } from '../provider/fast.ts';
import { type Batch, batchOf } from './batch.ts';
import { type PlainConfig, plainOf, wipePlain } from './plain.ts';
import { createQuotaShare, takenOf } from './quota.ts';
import { configFrom, idOffset, type Job, type ThreadData } from './serve.ts';

/** Options of `createSplitSa`. */
export interface SplitOptions {
  /** What the SA does: protect inner packets, or open those that come. */
  direction: 'out' | 'in';
  /** The SA, with the suite as it is without subspaces. Keys are copied; the caller wipes its own. */
  config: SaConfig;
  /** Subspaces, at least one for each thread. */
  count: number;
  /** Threads. */
  threads: number;
  /** The program of a thread; absent: the package's (thread.js). From its sources the project has none that Node can start. */
  program?: URL;
}

/** An SA in several threads. */
export interface SplitSa {
  /**
   * Gives packets to thread `index`, which answers in order: outer packets for inner ones, or the reverse, or a drop code. The
   * buffers of `batch` change hands. An arriving packet of another thread's subspace is dropped. Rejects when the thread has ended.
   */
  run(index: number, batch: Batch, now: number): Promise<Batch>;
  /** Arriving packets by the thread that has their subspace. */
  sort(packets: readonly Uint8Array[]): Batch[];
  /** True when a soft lifetime is over, counted over all threads. */
  isAgeing(): boolean;
  /** Ends the threads; each wipes its key. */
  close(): Promise<void>;
}

interface Waiting {
  resolve(batch: Batch): void;
  reject(error: Error): void;
}

/** The sum of what is carried, over all threads, is the quota's. */
function unlimited(config: SaConfig): PlainConfig {
  return { ...plainOf(config), hardPackets: 0, hardBytes: 0, softPackets: 0, softBytes: 0 };
}

/** Throws like createSa. */
function checkSa(config: SaConfig): void {
  FULL_PARTS.check?.(FULL_PARTS, createFastProvider(), config);
}

/** Makes the threads. Throws like createSa; nothing is left behind then. */
export function createSplitSa(options: SplitOptions): SplitSa {
  const { direction, config, count, threads } = options;
  if (!(threads >= 1 && threads <= count)) refuse('threads', threads, `must be 1..${count}, the number of subspaces`);
  const limits = { ...config };
  limitKey(limits);
  const quota = createQuotaShare(limits.hardPackets, limits.hardBytes);
  const program = options.program ?? new URL('thread.js', import.meta.url);
  let last = 0;

  function start(index: number) {
    const waiting = new Map<number, Waiting>();
    let error: Error | null = null;
    const plain = unlimited(config);
    const data: ThreadData = { direction, config: plain, count, index, of: threads, quota };
    const worker = new Worker(program, { workerData: data });
    wipePlain(plain);
    const fail = (reason: Error): void => {
      error ??= reason;
      for (const one of waiting.values()) one.reject(error);
      waiting.clear();
    };
    worker.on('message', ({ id, octets, lengths }: Job) => {
      waiting.get(id)?.resolve({ octets, lengths });
      waiting.delete(id);
    });
    worker.on('error', fail);
    const gone = new Promise<void>((resolve) => {
      worker.on('exit', () => {
        fail(new Error(`thread ${index} has ended`));
        resolve();
      });
    });
    return {
      run({ octets, lengths }: Batch, now: number) {
        return new Promise<Batch>((resolve, reject) => {
          if (error !== null) {
            reject(error);
            return;
          }
          last++;
          waiting.set(last, { resolve, reject });
          const job: Job = { id: last, now, octets, lengths };
          worker.postMessage(job, [octets.buffer, lengths.buffer]);
        });
      },
      close() {
        if (error === null) worker.postMessage(null);
        return gone;
      },
    };
  }

  // What the threads would refuse is refused here.
  checkSa(configFrom(unlimited(config), count));
  const all = Array.from({ length: threads }, (_, index) => start(index));
  return {
    run: (index, batch, now) => all[index].run(batch, now),
    sort(packets) {
      const own: Uint8Array[][] = all.map(() => []);
      for (const packet of packets) {
        const at = packet.length === 0 ? 0 : idOffset(packet, 0);
        own[at + 2 > packet.length ? 0 : u16(packet, at) % threads].push(packet);
      }
      return own.map(batchOf);
    },
    isAgeing() {
      const { packets, bytes } = takenOf(quota);
      const { softPackets, softBytes } = limits;
      return (softPackets > 0 && packets >= softPackets) || (softBytes > 0 && bytes >= softBytes);
    },
    async close() {
      await Promise.all(all.map((one) => one.close()));
    },
  };
}
