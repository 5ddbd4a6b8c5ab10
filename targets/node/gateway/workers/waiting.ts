// Packets whose number was not granted yet, in their order.

import type { Held } from './held.ts';

/** Those of all SAs. */
const MOST = 8192;

export interface Waiting {
  /** Keeps a copy; false: too many wait. */
  keep(held: Held, isOut: boolean, number: number, octets: Uint8Array): boolean;
  /** Lets go of those whose number is granted now. */
  release(held: Held): void;
  forget(held: Held): void;
}

export function createWaiting(
  transmit: (held: Held, octets: Uint8Array) => void,
  deliver: (octets: Uint8Array, length: number) => void,
): Waiting {
  let count = 0;
  return {
    keep({ waiting }, isOut, number, octets) {
      if (count >= MOST) return false;
      count++;
      waiting.push({ isOut, number, octets: octets.slice() });
      return true;
    },
    release(held) {
      const { waiting, grant } = held;
      if (waiting.length === 0) return;
      held.waiting = waiting.filter(({ isOut, number }) => number > (isOut ? grant.out : grant.in));
      for (const { isOut, number, octets } of waiting) {
        if (number > (isOut ? grant.out : grant.in)) continue;
        count--;
        if (isOut) transmit(held, octets);
        else deliver(octets, octets.length);
      }
    },
    forget(held) {
      count -= held.waiting.length;
      held.waiting = [];
    },
  };
}
