// A gateway of several that share their records: it takes over the SAs of one that is gone when a packet of theirs comes, and
// gives up its own, without a word to the peers, when another gateway has them.
//
// A packet that no SA here is for may be that of a gateway of which nobody knows yet that it is gone. It waits for a while.

import { errorText } from '../host/errors.ts';
import { createInARow, timesText } from '../host/in-a-row.ts';
import type { ClusterState, Orphan } from '../host/state/shared.ts';
import type { Bus } from './bus.ts';

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
   * has a copy. True: its SA is being taken over.
   */
  unknown(hints: string[], again: () => void): boolean;
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

export function createCluster(bus: Bus, shared: ClusterState, parts: ClusterParts): Cluster {
  const { log } = bus;
  const patience = shared.lease * 1.5 + 1000;
  let orphans = new Map<string, Orphan>();
  let index = new Map<string, Set<string>>();
  const taking = new Map<string, (() => void)[]>();
  let early: Waiting[] = [];
  const counts = new Map<string, number>();
  const failures = createInARow();
  let isClosed = false;
  let isLooking = false;
  let lookAgain = false;
  // Before that it gives no addresses: another gateway may have what this one gave in an earlier life.
  let isKnown = false;
  let isExhausted = false;
  const cancels = new Set<() => void>();

  function after(time: number, work: () => void): void {
    const cancel = shared.after(time, () => {
      cancels.delete(cancel);
      if (!isClosed) work();
    });
    cancels.add(cancel);
  }

  function count(hints: string[], step: number): void {
    for (const hint of hints) {
      const left = (counts.get(hint) ?? 0) + step;
      if (left > 0) counts.set(hint, left);
      else counts.delete(hint);
    }
  }

  function found(hints: string[]): string[] {
    return hints.flatMap((hint) => [...(index.get(hint) ?? [])]);
  }

  function forgetOrphan(id: string): void {
    const orphan = orphans.get(id);
    orphans.delete(id);
    for (const hint of orphan?.hints ?? []) {
      const all = index.get(hint);
      all?.delete(id);
      if (all?.size === 0) index.delete(hint);
    }
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
    const ids = found(hints);
    for (const id of ids) {
      const isNew = !taking.has(id);
      const list = taking.get(id) ?? [];
      taking.set(id, list);
      if (list.length < EACH_MAX) list.push(retry);
      if (isNew) take(orphans.get(id)!);
    }
    return ids.length > 0;
  }

  /** Looks for groups without an owner, and for packets of theirs that wait. */
  async function look(): Promise<void> {
    if (isLooking) {
      lookAgain = true;
      return;
    }
    isLooking = true;
    try {
      const { orphans: list, others } = await shared.survey();
      failures.good();
      if (isClosed) return;
      bus.guard(undefined, () => parts.others(others, shared.index()));
      // A place that was taken meanwhile has a look of its own.
      if (!lookAgain) isKnown = true;
      orphans = new Map(list.map((one) => [one.id, one]));
      index = new Map();
      for (const { id, hints } of list) {
        for (const hint of hints) index.set(hint, (index.get(hint) ?? new Set()).add(id));
      }
      if (list.length > 0) log('info', 'state', () => `${list.length} groups of SAs have no gateway`);
      const waiting = early;
      early = [];
      counts.clear();
      for (const one of waiting) {
        if (one.until < shared.now() || seize(one.hints, one.again)) continue;
        early.push(one);
        count(one.hints, 1);
      }
      if (list.length > 0) takeLate();
    } catch (error) {
      const told = failures.failed();
      if (told > 0) log('warn', 'state', () => `groups without a gateway${timesText(told)}: ${errorText(error)}`);
      after(TRY_AGAIN * 10, () => void look());
    }
    isLooking = false;
    if (lookAgain && !isClosed) {
      lookAgain = false;
      void look();
    }
  }

  let isLate = false;
  /** After a while somebody has to: else nobody rekeys them, or notices that a peer is gone. */
  function takeLate(): void {
    if (isLate) return;
    isLate = true;
    const before = shared.live().filter((one) => one < shared.index()).length;
    after(shared.lease * (LATE + before), function next() {
      const list = shared.isHeld() ? [...orphans.values()].filter(({ id }) => !taking.has(id)).slice(0, LATE_STEP) : [];
      for (const one of list) take(one);
      isLate = list.length > 0 || orphans.size > 0;
      if (isLate) after(TRY_AGAIN, next);
    });
  }

  /** Those that have waited for too long go. */
  function sweep(): void {
    const now = shared.now();
    while (early.length > 0 && early[0].until < now) count(early.shift()!.hints, -1);
    after(shared.lease / 2, sweep);
  }

  shared.lost = (groups) => {
    log('warn', 'state', () => `${groups.length} groups of SAs are another gateway's now`);
    bus.guard(undefined, () => parts.release(groups));
    // Of one that two wrote at once the record may name this gateway still.
    if (shared.isHeld()) void look();
  };
  shared.died = () => void look();
  shared.rejoined = () => {
    isKnown = false;
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
        void look();
      });
    },
    unknown(hints, retry) {
      if (isClosed || !shared.isHeld()) return false;
      if (seize(hints, retry)) return true;
      if (early.length >= WAITING_MAX || hints.some((hint) => (counts.get(hint) ?? 0) >= EACH_MAX)) return false;
      early.push({ hints, until: shared.now() + patience, again: retry });
      count(hints, 1);
      return false;
    },
    close() {
      isClosed = true;
      for (const cancel of cancels) cancel();
      early = [];
    },
  };
}
