// Sequence numbers of the gateway's SAs in its store: reserved ahead, used by this thread or by a worker, given back.

import type { Journal } from '../../host/state/journal.ts';
import { encodePlain } from '../../host/state/plain.ts';
import { isWide, type Kept, lower, narrow, numberOf, type Reserve, use } from '../../host/state/reserve.ts';
import type { Association } from '../associations.ts';

/** Milliseconds between looks at SAs with more than one number ahead. */
const SWEEP = 100;

export interface Numbers {
  /** Writes the numbers that are asked for; they count when that is durable. */
  put(kept: Kept): void;
  /** The same for a store that holds none of them yet. */
  putAnew(kept: Kept): void;
  /** A number of this SA was used. True: what it did must wait (`after`). */
  waits(association: Association): boolean;
  /** A worker used numbers of this SA up to `number`: asks for more. */
  used(association: Association, number: number, packets: number): void;
  /** The last number of this SA that a worker may use. */
  limitOf(association: Association): number;
  /** A worker gave back the numbers of this SA above `number`. */
  narrowed(association: Association, number: number): void;
  /** When the packet that the last `waits` was about may go; undefined: now. */
  ready(): (() => boolean) | undefined;
  /** Stops its timer. */
  close(): void;
}

/** Numbers of this SA's direction. */
function ofSide({ kept, direction }: Association): Reserve | null {
  return kept === null ? null : direction === 'out' ? kept.out : kept.in;
}

export function createNumbers(journal: Journal, now: () => number, isShared: boolean): Numbers {
  /** Numbers with more than one ahead. */
  const wide = new Set<Kept>();
  let sweeper: NodeJS.Timeout | null = null;
  let waiting: (() => boolean) | undefined;

  function sweep(): void {
    for (const kept of wide) {
      const both = kept.granted === null ? [kept.out, kept.in] : [];
      const isNarrower = both.filter((one) => one !== null && narrow(one, now())).length > 0;
      if (isNarrower) put(kept);
      if (kept.gone || !both.some((one) => one !== null && isWide(one))) wide.delete(kept);
    }
    if (wide.size > 0 || sweeper === null) return;
    clearInterval(sweeper);
    sweeper = null;
  }

  function put(kept: Kept): void {
    // Those of a configured SA that is there again have their key already.
    if (kept.gone) return;
    journal.put(kept.key, () => {
      const { out, in: into } = kept;
      return kept.gone ? null : encodePlain({ out: out?.asked ?? 0, in: into?.asked ?? 0, seen: into?.last ?? 0 });
    });
    for (const reserve of [kept.out, kept.in]) {
      if (reserve === null) continue;
      if (isWide(reserve) && kept.granted === null) {
        wide.add(kept);
        sweeper ??= setInterval(sweep, SWEEP).unref();
      }
      if (reserve.asked === reserve.durable) continue;
      const value = reserve.asked;
      journal.after(() => {
        // Less is asked for meanwhile where a peer has fallen silent.
        reserve.durable = Math.max(reserve.durable, Math.min(value, reserve.asked));
        kept.granted?.();
      });
    }
  }

  return {
    put,
    putAnew(kept) {
      for (const reserve of [kept.out, kept.in]) if (reserve !== null) reserve.durable = -1;
      put(kept);
    },
    waits(association) {
      const { kept, sa } = association;
      const reserve = ofSide(association);
      if (kept === null || reserve === null || sa.subspaces !== undefined) return false;
      const number = numberOf(sa.snHi, sa.snLo);
      // Without a store, too: one that is begun anew has to hold no number that was used meanwhile.
      const isMore = use(reserve, number, now());
      if (!journal.isKept()) return false;
      const mustWait = number > reserve.durable;
      // One number more, which nobody waits for, goes with the next write: a reading and its answer are one.
      if (isMore && (mustWait || !isShared || isWide(reserve))) put(kept);
      if (mustWait) waiting = () => number <= reserve.durable;
      return mustWait;
    },
    used(association, number, packets) {
      const { kept } = association;
      const reserve = ofSide(association);
      if (kept !== null && reserve !== null && use(reserve, number, now(), packets, false)) put(kept);
    },
    limitOf(association) {
      const reserve = ofSide(association);
      if (reserve === null) return 0;
      return journal.isKept() ? reserve.durable : reserve.asked;
    },
    narrowed(association, number) {
      const { kept } = association;
      const reserve = ofSide(association);
      if (kept === null || reserve === null || reserve.asked <= number) return;
      lower(reserve, number);
      put(kept);
    },
    ready() {
      const isReady = waiting;
      waiting = undefined;
      return isReady;
    },
    close() {
      if (sweeper !== null) clearInterval(sweeper);
      sweeper = null;
      wide.clear();
    },
  };
}
