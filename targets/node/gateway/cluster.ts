// A gateway of several that share their records: it takes over the SAs of one that is gone when a packet of theirs comes, and
// gives up its own, without a word to the peers, when another gateway has them.
//
// A packet that no SA here is for may be that of a gateway of which nobody knows yet that it is gone. It waits for a while.

import { errorText } from '../host/errors.ts';
import { createInARow, timesText } from '../host/in-a-row.ts';
import type { ClusterState, Orphan } from '../host/state/shared.ts';
import type { Bus } from './bus.ts';
import { patienceOf } from './relay.ts';
import { isInner } from './state/own-groups.ts';

/** Packets that wait: in all, and of one hint. */
const WAITING_MAX = 4096;
const EACH_MAX = 8;
/** Leases until a gateway takes groups of which no packet came here; one more for each gateway before it. */
const LATE = 20;
/** Groups taken at a time then. */
const LATE_STEP = 64;
/** Attempts to take one while the store does not answer, and milliseconds between them. */
const TRIES = 20;
const TRY_AGAIN = 100;

export interface Cluster {
  /** True while this gateway may send and take packets. */
  isHeld(): boolean;
  /** Place among the gateways. */
  index(): number;
  /**
   * A packet came that no SA here is for, known by `hints` (state/own-groups.ts). `again` is called when its SA may be here; it
   * has a copy. True: its SA is being taken over; false: too many wait; else it waits until the result is called.
   */
  unknown(hints: string[], again: () => void): boolean | (() => void);
  view: ClusterState['view'];
  /** No address is left: looks, a lease later, which others have no more. */
  exhausted(): void;
  close(): void;
}

export interface ClusterParts {
  /** SAs of another gateway are this one's now. */
  take(records: ReadonlyMap<string, Uint8Array>): void;
  /** What packets of all other gateways' SAs are known by (state/own-groups.ts), and the place of this one. */
  others(hints: string[], place: number): void;
  /** Groups are another gateway's. */
  release(groups: string[]): void;
}

interface Waiting {
  hints: string[];
  until: number;
  again: () => void;
}

/** Values by key, where most keys have one. */
interface Index<Value> {
  of(key: string): ReadonlySet<Value> | undefined;
  add(keys: string[], value: Value): void;
  remove(keys: string[], value: Value): void;
  clear(): void;
}

function createIndex<Value>(): Index<Value> {
  const sets = new Map<string, Set<Value>>();
  return {
    of: (key) => sets.get(key),
    add(keys, value) {
      for (const key of keys) {
        const set = sets.get(key);
        if (set === undefined) sets.set(key, new Set([value]));
        else set.add(value);
      }
    },
    remove(keys, value) {
      for (const key of keys) {
        const set = sets.get(key);
        set?.delete(value);
        if (set?.size === 0) sets.delete(key);
      }
    },
    clear: () => sets.clear(),
  };
}

export function createCluster(bus: Bus, shared: ClusterState, parts: ClusterParts): Cluster {
  const { log } = bus;
  const patience = patienceOf(shared.lease);
  const orphans = new Map<string, Orphan>();
  const index = createIndex<string>();
  const taking = new Map<string, (() => void)[]>();
  /** In the order of their coming. */
  const early = new Set<Waiting>();
  const waiting = createIndex<Waiting>();
  const failures = createInARow();
  let isClosed = false;
  let isLooking = false;
  let lookAgain = false;
  // Before that it gives no addresses: another gateway may have what this one gave in an earlier life.
  let isKnown = false;
  let isExhausted = false;
  // The next look reads what the others have, too.
  let isWhole = true;
  const cancels = new Set<() => void>();

  function after(time: number, work: () => void): void {
    const cancel = shared.after(time, () => {
      cancels.delete(cancel);
      if (!isClosed) work();
    });
    cancels.add(cancel);
  }

  function forgetEarly(one: Waiting): void {
    early.delete(one);
    waiting.remove(one.hints, one);
  }

  function forgetOrphan(id: string): void {
    const orphan = orphans.get(id);
    if (orphan === undefined) return;
    orphans.delete(id);
    index.remove(orphan.hints, id);
  }

  function again(list: (() => void)[]): void {
    for (const one of list) bus.guard(undefined, one);
  }

  function take(orphan: Orphan, tries = TRIES): void {
    const { id, session } = orphan;
    if (!taking.has(id)) taking.set(id, []);
    shared.take(id, session).then(
      (records) => {
        // Who had it then may have gone since: that is another orphan.
        if (orphans.get(id)?.session === session) forgetOrphan(id);
        if (isClosed) return;
        if (records !== null) {
          bus.guard(undefined, () => parts.take(records));
          log('debug', 'state', () => `took group ${id} of session ${session}`);
        }
        const list = taking.get(id) ?? [];
        taking.delete(id);
        again(list);
        bus.wake(0);
      },
      (error: unknown) => {
        if (isClosed) return;
        if (tries > 1) {
          after(TRY_AGAIN, () => take(orphan, tries - 1));
          return;
        }
        taking.delete(id);
        log('warn', 'state', () => `group ${id} could not be taken over: ${errorText(error)}`);
      },
    );
  }

  /** True where the packet waits for a group that is being taken. */
  function seize(hints: string[], retry: () => void): boolean {
    const ids = hints.flatMap((hint) => [...(index.of(hint) ?? [])]);
    for (const id of ids) {
      const isNew = !taking.has(id);
      const list = taking.get(id) ?? [];
      taking.set(id, list);
      if (list.length < EACH_MAX) list.push(retry);
      if (isNew) take(orphans.get(id)!);
    }
    return ids.length > 0;
  }

  /** A group has no owner: what waits for it goes on as soon as it is taken. */
  function found(orphan: Orphan): void {
    forgetOrphan(orphan.id);
    orphans.set(orphan.id, orphan);
    index.add(orphan.hints, orphan.id);
    for (const one of orphan.hints.flatMap((hint) => [...(waiting.of(hint) ?? [])])) {
      forgetEarly(one);
      if (one.until >= shared.now()) seize(one.hints, one.again);
    }
  }

  /** Looks for groups without an owner, and for what addresses the others have where that is not known. */
  async function look(): Promise<void> {
    if (isLooking) {
      lookAgain = true;
      return;
    }
    isLooking = true;
    lookAgain = false;
    const isAll = isWhole;
    isWhole = false;
    const others: string[] = [];
    const before = new Set(orphans.keys());
    let count = 0;
    try {
      await shared.survey({
        orphan(one) {
          if (isClosed) return;
          before.delete(one.id);
          count++;
          found(one);
        },
        ...(isAll ? { other: (hints) => others.push(...hints.filter(isInner)) } : {}),
      });
      failures.good();
      if (isClosed) return;
      for (const id of before) forgetOrphan(id);
      if (isAll) bus.guard(undefined, () => parts.others(others, shared.index()));
      // A place that was taken meanwhile has a look of its own.
      if (!lookAgain) isKnown = true;
      if (count > 0) log('info', 'state', () => `${count} groups of SAs have no gateway`);
      if (orphans.size > 0) takeLate();
    } catch (error) {
      isWhole ||= isAll;
      const told = failures.failed();
      if (told > 0) log('warn', 'state', () => `groups without a gateway${timesText(told)}: ${errorText(error)}`);
      after(TRY_AGAIN * 10, () => void look());
    }
    isLooking = false;
    if (lookAgain && !isClosed) void look();
  }

  let isLate = false;
  /** After a while somebody has to: else nobody rekeys them, or notices that a peer is gone. */
  function takeLate(): void {
    if (isLate) return;
    isLate = true;
    const before = shared.live().filter((one) => one < shared.index()).length;
    after(shared.lease * (LATE + before), function next() {
      let count = 0;
      for (const one of shared.isHeld() ? orphans.values() : []) {
        if (taking.has(one.id)) continue;
        take(one);
        if (++count === LATE_STEP) break;
      }
      isLate = orphans.size > 0;
      if (isLate) after(TRY_AGAIN, next);
    });
  }

  /** Those that have waited for too long go. */
  function sweep(): void {
    const now = shared.now();
    for (const one of early) {
      if (one.until >= now) break;
      forgetEarly(one);
    }
    after(shared.lease / 2, sweep);
  }

  shared.lost = (groups) => {
    log('warn', 'state', () => `${groups.length} groups of SAs are another gateway's now`);
    bus.guard(undefined, () => parts.release(groups));
    // Of one that two wrote at once the record may name this gateway still.
    isWhole = true;
    if (shared.isHeld()) void look();
  };
  shared.died = () => void look();
  shared.rejoined = () => {
    isKnown = false;
    isWhole = true;
    void look();
  };
  const isHeld = (): boolean => isKnown && shared.isHeld();
  sweep();
  void look();

  return {
    isHeld,
    index: shared.index,
    view: () => ({ ...shared.view(), isHeld: isHeld() }),
    exhausted() {
      if (isExhausted) return;
      isExhausted = true;
      after(shared.lease, () => {
        isExhausted = false;
        isWhole = true;
        void look();
      });
    },
    unknown(hints, retry) {
      if (isClosed || !shared.isHeld()) return false;
      if (seize(hints, retry)) return true;
      if (early.size >= WAITING_MAX || hints.some((hint) => (waiting.of(hint)?.size ?? 0) >= EACH_MAX)) return false;
      const one = { hints, until: shared.now() + patience, again: retry };
      early.add(one);
      waiting.add(hints, one);
      return () => forgetEarly(one);
    },
    close() {
      isClosed = true;
      for (const cancel of cancels) cancel();
      early.clear();
      waiting.clear();
    },
  };
}
