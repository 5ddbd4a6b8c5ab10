// The store of a cluster and the messages between its gateways, in virtual time and with faults: requests and answers that are lost
// or late, messages that come late, twice or never, and gateways that are cut off.

import type { Bucket, Entry, Messages } from '../../targets/node/host/cluster/bucket.ts';

const PATIENCE = 750;
/** Of messages that come never, or twice, while faults are on; milliseconds of their way. */
const LOST = 0.05;
const TWICE = 0.05;
const WAY = 20;

/** A process of a gateway. */
export interface Process {
  index: number;
  /** Runs it in this process; `isNews`: it has to come from the store, in order. */
  later(delay: number, run: () => void, isNews?: boolean): void;
}

export interface FaultyConfig {
  random(): number;
  /** Runs it after this time, whatever becomes of any process. */
  after(delay: number, run: () => void): void;
  isCut(index: number): boolean;
  isRough(): boolean;
  /** False: it takes every write, whatever its revision. */
  fences: boolean;
}

export interface FaultyStore {
  values: ReadonlyMap<string, Entry>;
  writes: number;
  bucketOf(life: Process): Bucket;
}

export function createFaultyStore({ random, after, isCut, isRough, fences }: FaultyConfig): FaultyStore {
  const values = new Map<string, Entry>();
  const watchers: { life: Process; prefix: string; each: (entry: Entry) => void }[] = [];
  const listeners = new Set<{ life: Process; to: string; each: (octets: Uint8Array) => void }>();
  let revision = 0;

  function write(key: string, value: Uint8Array | null, expected: number): number {
    if (fences && (values.get(key)?.revision ?? 0) !== expected) return -1;
    const entry = { key, value, revision: ++revision };
    values.set(key, entry);
    store.writes++;
    for (const { life, prefix, each } of watchers) {
      if (key.startsWith(prefix)) life.later(2 + random() * 20, () => each(entry), true);
    }
    return revision;
  }

  const messagesOf = (life: Process): Messages => ({
    send(to, octets) {
      if (isCut(life.index) || (isRough() && random() < LOST)) return true;
      const copy = octets.slice();
      const arrive = (): void => {
        for (const one of listeners) {
          if (one.to === to && !isCut(one.life.index)) one.life.later(0, () => one.each(copy));
        }
      };
      after(1 + random() * WAY, arrive);
      if (isRough() && random() < TWICE) after(1 + random() * 50 * WAY, arrive);
      return true;
    },
    listen(to, each) {
      const listener = { life, to, each };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  });

  const store: FaultyStore = {
    values,
    writes: 0,
    bucketOf(life) {
      /** A call of the store: it may be lost, or be done with its answer lost, or come when nobody waits any more. */
      function call<Value>(work: () => Value): Promise<Value> {
        return new Promise((resolve, reject) => {
          let isDone = false;
          const end = (run: () => void): void => {
            if (isDone) return;
            isDone = true;
            run();
          };
          life.later(PATIENCE, () => end(() => reject(new Error('timeout'))));
          const isLate = isRough() && random() < 0.02;
          // Its request is on the wire: a process that stops or dies now does not call it back.
          after(1 + random() * 15 + (isLate ? 900 + random() * 6000 : 0), () => {
            if (isCut(life.index) || (isRough() && random() < 0.02)) return;
            const value = work();
            if (isRough() && random() < 0.03) return;
            life.later(1 + random() * 15, () => isCut(life.index) || end(() => resolve(value)));
          });
        });
      }
      return {
        get: (key) => call(() => values.get(key) ?? null),
        put: (key, value, expected) => call(() => write(key, value, expected)),
        remove: (key, expected) => call(() => write(key, null, expected) >= 0),
        scan: async (prefix, each) => {
          for (const entry of await call(() => [...values.values()].filter(({ key }) => key.startsWith(prefix))))
            each(entry);
        },
        async watch(prefix, each) {
          watchers.push({ life, prefix, each });
          for (const entry of values.values()) if (entry.key.startsWith(prefix)) life.later(5, () => each(entry), true);
        },
        messages: messagesOf(life),
        close: async () => {},
      };
    },
  };
  return store;
}
