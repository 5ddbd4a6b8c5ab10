// What goes wrong again and again is told of the first time, the second, the fourth, ...: it stays in sight, and fills no disk.

/** Counts failures in a row. */
export interface InARow {
  /** One more: its number where it is to be told of, else 0. */
  failed(): number;
  /** It went well: how many failures there were before. */
  good(): number;
}

export function createInARow(): InARow {
  let count = 0;
  return {
    failed() {
      count++;
      return (count & (count - 1)) === 0 ? count : 0;
    },
    good() {
      const before = count;
      count = 0;
      return before;
    },
  };
}

/** ` (4 times in a row)`; '' for the first. */
export function timesText(count: number): string {
  return count > 1 ? ` (${count} times in a row)` : '';
}
