// Ranges of addresses as numbers: without others, put one behind the other, and indexed.

export interface Range {
  first: bigint;
  last: bigint;
}

export function toNumber(octets: Uint8Array): bigint {
  return octets.length === 0 ? 0n : BigInt(`0x${Buffer.from(octets).toString('hex')}`);
}

export function toOctets(value: bigint, size: number): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex'));
}

/** The same addresses in ascending order, those that meet or touch in one range. */
export function merged(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const list: Range[] = [];
  for (const { first, last } of sorted) {
    const before = list[list.length - 1];
    if (before === undefined || first > before.last + 1n) list.push({ first, last });
    else if (last > before.last) before.last = last;
  }
  return list;
}

/** `ranges` without what is in `others`; both merged. */
export function without(ranges: readonly Range[], others: readonly Range[]): Range[] {
  const list: Range[] = [];
  let at = 0;
  for (const { first, last } of ranges) {
    let from = first;
    while (at < others.length && others[at].last < first) at++;
    let next = at;
    for (; next < others.length && others[next].first <= last; next++) {
      if (others[next].first > from) list.push({ first: from, last: others[next].first - 1n });
      from = others[next].last + 1n;
    }
    if (from <= last) list.push({ first: from, last });
  }
  return list;
}

/** The index of the last range that begins at `value` or before; -1: none. `ranges` in ascending order. */
export function lastFrom(ranges: readonly Range[], value: bigint): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle].first <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
