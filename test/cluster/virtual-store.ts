// Virtual time, and the store of a cluster in memory: it counts what it has to do, loses nothing, and keeps to revisions.

import type { Bucket, Entry } from '../../targets/node/host/cluster/bucket.ts';

/** Milliseconds to the store, and back. */
const WAY = 1;
/** Octets a millisecond of a scan. */
const SCAN_RATE = 100_000;
/** Octets that are taken for values at a time. */
const SLAB = 1 << 20;
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
  /** Milliseconds that a write had to wait for those before it, at most. */
  longest: number;
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

interface Stored {
  /** Octets of it in `slab`, and how many more fit there; `length` -1: it was removed. */
  slab: Uint8Array;
  offset: number;
  length: number;
  room: number;
  revision: number;
}

/** Values by key, packed: a million of them take little more than their octets. */
function createValues() {
  let slab = new Uint8Array(0);
  let used = 0;
  const kinds = new Map<string, Map<string, Stored>>();
  const kindOf = (key: string): Map<string, Stored> => {
    const kind = key.slice(0, key.indexOf('.') + 1);
    if (!kinds.has(kind)) kinds.set(kind, new Map());
    return kinds.get(kind)!;
  };
  const entryOf = (key: string, { slab: from, offset, length, revision }: Stored): Entry => {
    return { key, value: length < 0 ? null : from.slice(offset, offset + length), revision };
  };
  return {
    get(key: string): Entry | null {
      const stored = kindOf(key).get(key);
      return stored === undefined ? null : entryOf(key, stored);
    },
    revisionOf: (key: string): number => kindOf(key).get(key)?.revision ?? 0,
    set(key: string, value: Uint8Array | null, revision: number): void {
      const kind = kindOf(key);
      const size = value?.length ?? 0;
      let stored = kind.get(key);
      if (stored === undefined || stored.room < size) {
        if (slab.length - used < size) {
          slab = new Uint8Array(SLAB);
          used = 0;
        }
        stored = { slab, offset: used, length: 0, room: size, revision };
        used += size;
        kind.set(key, stored);
      }
      stored.length = value === null ? -1 : size;
      stored.revision = revision;
      if (value !== null) stored.slab.set(value, stored.offset);
    },
    /** Keys that begin with `prefix`, with the octets of their values; -1: it was removed. */
    *of(prefix: string): Generator<[string, number]> {
      for (const [kind, stored] of kinds) {
        if (prefix !== '' && kind !== prefix) continue;
        for (const [key, { length }] of stored) yield [key, length];
      }
    },
  };
}

/** `rate`: writes that the store does in a second, one after another. */
export function createVirtualStore(clock: VirtualClock, rate = Number.POSITIVE_INFINITY): VirtualStore {
  const { at, now } = clock;
  const values = createValues();
  const watchers: { isOver(): boolean; prefix: string; each: (entry: Entry) => void }[] = [];
  const count: StoreCount = {
    puts: 0,
    octets: 0,
    removes: 0,
    gets: 0,
    scans: 0,
    scanned: 0,
    refused: 0,
    leases: 0,
    longest: 0,
  };
  let revision = 0;
  let freeAt = 0;
  const isLease = (key: string): boolean => key.startsWith('gw.');

  function write(key: string, value: Uint8Array | null, expected: number): number {
    if (values.revisionOf(key) !== expected) {
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
    values.set(key, value, revision);
    for (const { isOver, prefix, each } of watchers) {
      if (key.startsWith(prefix)) at(now() + WAY, () => isOver() || each(entry));
    }
    return revision;
  }

  function bucketOf(isOver: () => boolean): Bucket {
    const call = <Value>(work: () => Value, delay = 0): Promise<Value> =>
      new Promise((resolve) => {
        at(now() + WAY + delay, () => {
          const value = work();
          at(now() + WAY, () => isOver() || resolve(value));
        });
      });
    /** Milliseconds until the store has done what was asked before, and this. */
    const queued = (): number => {
      freeAt = Math.max(freeAt, now()) + 1000 / rate;
      count.longest = Math.max(count.longest, freeAt - now());
      return freeAt - now();
    };
    return {
      get: (key) => {
        count.gets++;
        return call(() => values.get(key));
      },
      put: (key, value, expected) => call(() => write(key, value, expected), queued()),
      remove: (key, expected) => call(() => write(key, null, expected) >= 0, queued()),
      async scan(prefix, each) {
        count.scans++;
        let octets = 0;
        for (const [key, length] of await call(() => values.of(prefix))) {
          const size = key.length + Math.max(0, length);
          count.scanned += size;
          octets += size;
          if (octets > SCAN_RATE) {
            octets = 0;
            await new Promise<void>((resolve) => at(now() + 1, resolve));
            if (isOver()) await new Promise(() => {});
          }
          each(values.get(key)!);
        }
      },
      async watch(prefix, each) {
        watchers.push({ isOver, prefix, each });
        for (const [key] of values.of(prefix)) at(now() + WAY, () => each(values.get(key)!));
      },
      messages: { send: () => false, listen: () => () => {} },
      close: async () => {},
    };
  }

  return {
    count,
    stored() {
      let [records, octets] = [0, 0];
      for (const [key, length] of values.of('')) {
        if (length < 0 || isLease(key)) continue;
        records++;
        octets += key.length + length;
      }
      return { records, octets };
    },
    bucketOf,
  };
}
