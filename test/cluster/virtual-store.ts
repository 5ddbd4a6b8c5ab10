// Virtual time, and the store of a cluster in memory: it counts what it has to do, loses nothing, and keeps to revisions.

import type { Bucket, Entry } from '../../targets/node/host/cluster/bucket.ts';

/** Milliseconds to the store, and back. */
const WAY = 1;
/** Octets a millisecond of a scan. */
const SCAN_RATE = 100_000;
/** Milliseconds after the last event in which the journal may still do something. */
const TURNS = 3;

/** What was asked of the store. */
export interface StoreCount {
  puts: number;
  /** Keys and values that were written. */
  octets: number;
  removes: number;
  gets: number;
  scans: number;
  /** Octets that scans gave. */
  scanned: number;
  /** Writes that another was faster than. */
  refused: number;
  /** Writes of leases, which are not in `puts`. */
  leases: number;
}

export interface VirtualClock {
  now(): number;
  /** Runs `work` at this time, a millisecond from now at the earliest. */
  at(when: number, work: () => void): void;
  /** Something was done outside of `at`. */
  touch(): void;
  /** Runs for `time` ms; `each` is called at each of them. */
  run(time: number, each?: (now: number) => void): Promise<void>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createClock(): VirtualClock {
  let busy = TURNS;
  let time = 0;
  const ticks = new Map<number, (() => void)[]>();
  const at = (when: number, work: () => void): void => {
    const tick = Math.max(time + 1, Math.ceil(when));
    const list = ticks.get(tick);
    if (list === undefined) ticks.set(tick, [work]);
    else list.push(work);
  };
  return {
    now: () => time,
    at,
    touch() {
      busy = TURNS;
    },
    async run(length, each) {
      const end = time + length;
      await turn();
      while (time < end) {
        time++;
        each?.(time);
        const list = ticks.get(time);
        ticks.delete(time);
        for (const work of list ?? []) work();
        // The journal begins a batch in a turn of its own, and the next one after it.
        if (list !== undefined) busy = TURNS;
        if (busy-- > 0) await turn();
      }
    },
  };
}

export interface VirtualStore {
  count: StoreCount;
  /** Records but for leases, and their octets. */
  stored(): { records: number; octets: number };
  /** The store as one gateway sees it, until `isOver`. */
  bucketOf(isOver: () => boolean): Bucket;
}

export function createVirtualStore(clock: VirtualClock): VirtualStore {
  const { at, now } = clock;
  const values = new Map<string, Entry>();
  const watchers: { isOver(): boolean; prefix: string; each: (entry: Entry) => void }[] = [];
  const count: StoreCount = { puts: 0, octets: 0, removes: 0, gets: 0, scans: 0, scanned: 0, refused: 0, leases: 0 };
  let revision = 0;
  const isLease = (key: string): boolean => key.startsWith('gw.');

  function write(key: string, value: Uint8Array | null, expected: number): number {
    if ((values.get(key)?.revision ?? 0) !== expected) {
      count.refused++;
      return -1;
    }
    if (isLease(key)) count.leases++;
    else if (value === null) count.removes++;
    else {
      count.puts++;
      count.octets += key.length + value.length;
    }
    const entry = { key, value, revision: ++revision };
    values.set(key, entry);
    for (const { isOver, prefix, each } of watchers) {
      if (key.startsWith(prefix)) at(now() + WAY, () => isOver() || each(entry));
    }
    return revision;
  }

  function bucketOf(isOver: () => boolean): Bucket {
    const call = <Value>(work: () => Value, extra: (value: Value) => number = () => 0): Promise<Value> =>
      new Promise((resolve) => {
        at(now() + WAY, () => {
          const value = work();
          at(now() + WAY + extra(value), () => isOver() || resolve(value));
        });
      });
    return {
      get: (key) => {
        count.gets++;
        return call(() => values.get(key) ?? null);
      },
      put: (key, value, expected) => call(() => write(key, value, expected)),
      remove: (key, expected) => call(() => write(key, null, expected) >= 0),
      async scan(prefix, each) {
        count.scans++;
        let octets = 0;
        const all = await call(
          () => {
            const list: Entry[] = [];
            for (const entry of values.values()) {
              if (!entry.key.startsWith(prefix)) continue;
              list.push(entry);
              octets += entry.key.length + (entry.value?.length ?? 0);
            }
            return list;
          },
          () => octets / SCAN_RATE,
        );
        count.scanned += octets;
        for (const entry of all) each(entry);
      },
      async watch(prefix, each) {
        watchers.push({ isOver, prefix, each });
        for (const entry of values.values()) if (entry.key.startsWith(prefix)) at(now() + WAY, () => each(entry));
      },
      messages: { send: () => false, listen: () => () => {} },
      close: async () => {},
    };
  }

  return {
    count,
    stored() {
      let [records, octets] = [0, 0];
      for (const { key, value } of values.values()) {
        if (value === null || isLease(key)) continue;
        records++;
        octets += key.length + value.length;
      }
      return { records, octets };
    },
    bucketOf,
  };
}
