// Numbers that the main thread grants to workers: up to where the store says that they may have been used, or, without a store, up
// to where this process remembers so.

import type { Sa } from '../../../../core/esp/sa.ts';
import { aheadOf, createReserve, lastOf, lower, numberOf, type Reserve, use } from '../../host/state/reserve.ts';
import type { Association } from '../associations.ts';
import type { Keeper } from '../state/keeper.ts';
import type { Grant } from './messages.ts';

/** Numbers that are granted ahead at least, where no store has to be asked. */
const LEAST = 64;

/** Those of one SA pair. */
export interface Granted {
  out: Association;
  in: Association;
  /** Without a store. */
  own: { out: Reserve; in: Reserve } | null;
  /** The last one that was told. */
  grant: Grant;
}

export interface Grants {
  begin(out: Association, into: Association, changed: () => void): Granted;
  /** So many packets were carried, the last with this number. */
  used(granted: Granted, isOut: boolean, number: number, packets: number): void;
  /** Where more is granted than was told: that. Null: nothing is new. */
  next(granted: Granted, isForced?: boolean): Grant | null;
  /** The worker gave numbers back. */
  narrowed(granted: Granted, to: Grant): void;
  /** The worker is gone. */
  end(granted: Granted): void;
}

export function createGrants(keeper: Keeper | null, now: () => number): Grants {
  function reserve(sa: Sa, isOut: boolean): Reserve {
    const most = aheadOf(isOut ? sa.form.snLsb : 32);
    const one = createReserve(
      numberOf(sa.snHi, sa.snLo),
      most,
      lastOf(sa.form.counter.esn),
      now(),
      Math.min(LEAST, most),
    );
    use(one, one.last, now(), 0);
    return one;
  }

  function limit(granted: Granted, isOut: boolean): number {
    const { own } = granted;
    if (own !== null) return (isOut ? own.out : own.in).asked;
    return keeper!.limitOf(isOut ? granted.out : granted.in);
  }

  return {
    begin(out, into, changed) {
      const own = keeper === null ? { out: reserve(out.sa, true), in: reserve(into.sa, false) } : null;
      // The pair has one record.
      if (out.kept !== null) out.kept.granted = changed;
      const granted = { out, in: into, own, grant: { out: 0, in: 0, turn: 0 } };
      granted.grant = { out: limit(granted, true), in: limit(granted, false), turn: 0 };
      return granted;
    },
    used(granted, isOut, number, packets) {
      if (packets === 0) return;
      const { own } = granted;
      if (own !== null) use(isOut ? own.out : own.in, number, now(), packets, false);
      else keeper!.used(isOut ? granted.out : granted.in, number, packets);
    },
    next(granted, isForced = false) {
      const { grant } = granted;
      const [out, into] = [limit(granted, true), limit(granted, false)];
      if (!isForced && out <= grant.out && into <= grant.in) return null;
      granted.grant = { out: Math.max(out, grant.out), in: Math.max(into, grant.in), turn: grant.turn + 1 };
      return granted.grant;
    },
    narrowed(granted, to) {
      granted.grant = to;
      const { own } = granted;
      if (own === null) {
        keeper!.narrowed(granted.out, to.out);
        keeper!.narrowed(granted.in, to.in);
        return;
      }
      lower(own.out, to.out);
      lower(own.in, to.in);
    },
    end(granted) {
      if (granted.out.kept !== null) granted.out.kept.granted = null;
    },
  };
}
