// Numbers 0..count-1 in an order of their own: a list linked both ways, in two arrays, for tables whose oldest entry goes first.

/** Some of the numbers 0..count-1, each once, from the oldest to the newest. */
export interface Order {
  /** The oldest, or -1. */
  first(): number;
  /** Puts one that is not there behind all others. */
  add(index: number): void;
  /** Takes one out that is there. */
  remove(index: number): void;
}

/** An empty order of numbers below `count`. */
export function createOrder(count: number): Order {
  // Both ends are at `count`.
  const next = new Int32Array(count + 1);
  const previous = new Int32Array(count + 1);
  next[count] = count;
  previous[count] = count;
  return {
    first: () => (next[count] < count ? next[count] : -1),
    add: (index) => {
      const last = previous[count];
      next[last] = index;
      previous[index] = last;
      next[index] = count;
      previous[count] = index;
    },
    remove: (index) => {
      next[previous[index]] = next[index];
      previous[next[index]] = previous[index];
    },
  };
}
