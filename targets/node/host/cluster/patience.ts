// How long a call to the store may take before it is tried once more. A fixed time would never let a call end where the store is
// slower than that.

/** A call may take so many times what calls took lately. */
const FACTOR = 4;
/** Weight of the newest call in what they took. */
const WEIGHT = 1 / 4;

export interface Patience {
  /** Milliseconds that the next call may take. */
  time(): number;
  /** A call took so many milliseconds. */
  took(time: number): void;
  /** A call was given up after `time`. */
  missed(time: number): void;
}

/** Between `least` and `most` ms. */
export function createPatience(least: number, most: number): Patience {
  let smooth = 0;
  let time = least;
  return {
    time: () => time,
    took(one) {
      smooth += WEIGHT * (one - smooth);
      time = Math.min(most, Math.max(least, FACTOR * smooth));
    },
    missed(one) {
      // Others that were begun with it may miss with it.
      time = Math.min(most, Math.max(time, 2 * one));
      smooth = Math.max(smooth, time / FACTOR);
    },
  };
}
