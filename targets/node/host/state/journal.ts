// Writes a program's changes to its store, many at once, and holds back what must not be seen before they are durable.
//
// One that gateways share is tried until they have it or another gateway has taken over: nothing is seen before.
//
// A store that cannot be written (a full disk) is tried again. When it stays so, it is destroyed, because its records grow
// old: then nothing is held back any more, and whatever a crash takes has to be set up anew.

import { errorText } from '../errors.ts';
import { createInARow, timesText } from '../in-a-row.ts';
import type { Log } from '../log.ts';
import type { StateStore } from './store.ts';

/** Milliseconds between attempts to write, until the store is given up, and between attempts to begin it anew. */
const RETRY = 250;
const PATIENCE = 5000;
const RENEW = 60000;
/** Milliseconds of a batch that is told of as slow. */
const SLOW = 500;
/** Most effects that wait. */
const WAITING_MAX = 65536;

/** The value of a record, asked for when it is written: octets, or null for none. */
export type RecordValue = () => Uint8Array | null;

/** Counters. */
export interface JournalMetrics {
  /** Batches written, and records in them. */
  batches: number;
  /** Records written or deleted. */
  records: number;
  /** Batches that failed. */
  failures: number;
  /** Effects that were held back, and those dropped because too many were. */
  held: number;
  /** Dropped effects. */
  dropped: number;
  /** Effects that wait now. */
  waiting: number;
  /** Milliseconds that the last batch took. */
  time: number;
  /** Stores given up. */
  lost: number;
}

/** What waits until it is durable. */
interface Effect {
  run: () => void;
  isReady: (() => boolean) | undefined;
}

/** Changes of a store, in order. */
export interface Journal {
  /** Notes that a record changed; its value is asked for once, when the batch is made. */
  put(key: string, value: RecordValue): void;
  /**
   * Runs `effect` when every change so far is durable: at once where there is none; or when a batch is durable and `isReady` says
   * that this is enough, so that nothing that need not wait overtakes it. False: dropped, as too many wait.
   */
  after(effect: () => void, isReady?: () => boolean): boolean;
  /** True while the store works. False: it was given up; nothing is held back. */
  isKept(): boolean;
  /** Resolves when every change so far is durable, or the store was given up. */
  flush(): Promise<void>;
  metrics: JournalMetrics;
  /** Writes what is left and closes the store. Effects that still wait are dropped. */
  close(): Promise<void>;
}

/** `everything`: puts all records again, for a store that begins anew. */
export function createJournal(store: StateStore, log: Log, everything: (journal: Journal) => void): Journal {
  const metrics: JournalMetrics = {
    batches: 0,
    records: 0,
    failures: 0,
    held: 0,
    dropped: 0,
    waiting: 0,
    time: 0,
    lost: 0,
  };
  let changes = new Map<string, RecordValue>();
  let effects: Effect[] = [];
  let writing: Promise<void> | null = null;
  let isScheduled = false;
  let isLost = false;
  let isClosed = false;
  let failingSince = -1;
  const slow = createInARow();
  let timer: NodeJS.Timeout | null = null;

  function later(run: () => void, time: number): void {
    timer = setTimeout(() => {
      timer = null;
      run();
    }, time);
    timer.unref();
  }

  function schedule(): void {
    if (isScheduled || writing !== null || timer !== null || isClosed) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      commit();
    });
  }

  function run(list: Effect[]): void {
    metrics.waiting -= list.length;
    for (const effect of list) {
      try {
        effect.run();
      } catch (error) {
        log('error', 'state', () => errorText(error));
      }
    }
  }

  /** Runs those whose time has come before that of their own batch. */
  function release(): void {
    const ready: Effect[] = [];
    const rest: Effect[] = [];
    for (const effect of effects) (effect.isReady?.() === true ? ready : rest).push(effect);
    effects = rest;
    run(ready);
  }

  /** Begins the store anew with all that is there now. */
  function renew(): void {
    if (isClosed) return;
    isLost = false;
    failingSince = -1;
    log('info', 'state', () => 'the store is begun anew');
    everything(journal);
    schedule();
  }

  async function giveUp(): Promise<void> {
    try {
      await store.destroy();
    } catch (error) {
      // Its old records would come back: so what depends on it waits on.
      log('error', 'state', () => `the store can be neither written nor removed: ${errorText(error)}`);
      later(commit, RETRY);
      return;
    }
    isLost = true;
    metrics.lost++;
    log('error', 'state', () => 'the store is given up: what a crash takes has to be set up anew');
    changes.clear();
    const list = effects;
    effects = [];
    run(list);
    later(renew, RENEW);
  }

  function failed(batch: Map<string, RecordValue>, list: Effect[], error: unknown): Promise<void> | undefined {
    metrics.failures++;
    // What changed since is newer.
    for (const [key, value] of changes) batch.set(key, value);
    changes = batch;
    effects = [...list, ...effects];
    const now = performance.now();
    if (failingSince < 0) {
      failingSince = now;
      log('error', 'state', () => `${errorText(error)}: packets wait until it can be written`);
    }
    if (store.shared === undefined && now - failingSince >= PATIENCE) return giveUp();
    if (!isClosed) later(commit, RETRY);
    return undefined;
  }

  function timed(time: number): void {
    metrics.time = Math.round(time);
    if (time < SLOW) {
      slow.good();
      return;
    }
    const told = slow.failed();
    const many = `${metrics.waiting} packets and other effects wait`;
    if (told > 0)
      log('warn', 'state', () => `the store is slow${timesText(told)}: a batch took ${metrics.time} ms; ${many}`);
  }

  function commit(): void {
    if (writing !== null || isLost || (changes.size === 0 && effects.length === 0)) return;
    const batch = changes;
    const list = effects;
    changes = new Map();
    effects = [];
    const values = new Map<string, Uint8Array | null>();
    for (const [key, value] of batch) values.set(key, value());
    const begin = performance.now();
    const write = values.size === 0 ? Promise.resolve() : store.write(values);
    writing = write
      .then(
        () => {
          metrics.batches++;
          metrics.records += values.size;
          timed(performance.now() - begin);
          if (failingSince >= 0) log('info', 'state', () => 'the store can be written again');
          failingSince = -1;
          run(list);
          release();
        },
        (error) => failed(batch, list, error),
      )
      .finally(() => {
        writing = null;
        if (changes.size > 0 || effects.length > 0) schedule();
      });
  }

  const journal: Journal = {
    put(key, value) {
      if (isLost || isClosed) return;
      changes.set(key, value);
      schedule();
    },
    after(effect, isReady) {
      if (isLost || (changes.size === 0 && writing === null && effects.length === 0)) {
        effect();
        return true;
      }
      if (isClosed || metrics.waiting >= WAITING_MAX) {
        metrics.dropped++;
        return false;
      }
      metrics.held++;
      metrics.waiting++;
      effects.push({ run: effect, isReady });
      schedule();
      return true;
    },
    isKept: () => !isLost,
    flush() {
      return new Promise((resolve) => {
        if (!journal.after(resolve)) resolve();
      });
    },
    metrics,
    async close() {
      if (isClosed) return;
      await writing;
      commit();
      await writing;
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
      effects = [];
      metrics.waiting = 0;
      await store.close();
    },
  };
  return journal;
}
