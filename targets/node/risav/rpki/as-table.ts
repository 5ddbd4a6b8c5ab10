// From an address to its AS: the longest prefix [of ROAs and routes], in typed arrays, so that a million prefixes fit into 200 MB and a
// look-up allocates nothing. A table does not change: a new one is built, and then taken instead.
//
// Prefixes are turned into borders: sorted addresses at which the answer changes. IPv4 borders are found by an index of the first 16 bits and a
// binary search; IPv6 borders are pairs of four words.

import { type Prefix, rangeOf, widthOf } from './resources.ts';

/** No AS is known: AS 0 may announce nothing [RFC 7607]. */
export const NO_AS = 0;

export interface Route extends Prefix {
  as: number;
}

/** Borders of one family: from border i on the answer is `ases[i]`. */
interface Borders {
  /** Words of a border after each other, most significant first. */
  keys: Uint32Array;
  ases: Uint32Array;
  /** Of each value of the first 16 bits: how many borders have smaller ones. */
  index: Uint32Array;
}

/** True where a prefix of these sorted ones has two ASes: the smaller counts, as it stands first. */
function bordersOf(routes: readonly Route[], family: 'v4' | 'v6'): Borders {
  const words = widthOf(family) / 32;
  const sorted = routes
    .filter((one) => one.family === family)
    .map((one) => ({ range: rangeOf(one), as: one.as, length: one.length }))
    .sort((a, b) => (a.range[0] < b.range[0] ? -1 : a.range[0] > b.range[0] ? 1 : a.length - b.length || a.as - b.as));
  const count = 2 * sorted.length + 1;
  const keys = new Uint32Array(count * words);
  const ases = new Uint32Array(count);
  let used = 0;
  const put = (at: bigint, as: number): void => {
    for (let word = 0; word < words; word++)
      keys[used * words + word] = Number((at >> BigInt(32 * (words - 1 - word))) & 0xffffffffn);
    ases[used++] = as;
  };
  const end = 1n << BigInt(widthOf(family));
  // Prefixes around the place, from the widest to the narrowest: they are inside each other.
  const open: { to: bigint; as: number }[] = [];
  let at = 0n;
  const cover = (to: bigint): void => {
    if (to > at) put(at, open.length === 0 ? NO_AS : open[open.length - 1].as);
    at = to > at ? to : at;
  };
  /** Up to the end of the narrowest one it is this one's. */
  const close = (): void => {
    cover(open[open.length - 1].to + 1n);
    open.pop();
  };
  let last: { from: bigint; length: number } | undefined;
  for (const { range, as, length } of sorted) {
    if (last !== undefined && last.from === range[0] && last.length === length) continue;
    last = { from: range[0], length };
    while (open.length > 0 && open[open.length - 1].to < range[0]) close();
    // What is left lies around this one.
    cover(range[0]);
    open.push({ to: range[1], as });
  }
  while (open.length > 0) close();
  if (at < end) put(at, NO_AS);
  const index = new Uint32Array(65537);
  for (let i = 0; i < used; i++) index[(keys[i * words] >>> 16) + 1]++;
  for (let i = 0; i < 65536; i++) index[i + 1] += index[i];
  return { keys: keys.slice(0, used * words), ases: ases.slice(0, used), index };
}

export interface AsTable {
  v4: Borders;
  v6: Borders;
  /** Octets of its arrays. */
  size: number;
}

/** Builds a table. Where a prefix has several ASes, the smallest number counts. */
export function asTable(routes: readonly Route[]): AsTable {
  const v4 = bordersOf(routes, 'v4');
  const v6 = bordersOf(routes, 'v6');
  const size = [v4, v6].reduce((sum, one) => sum + one.keys.byteLength + one.ases.byteLength + one.index.byteLength, 0);
  return { v4, v6, size };
}

/** The AS of the IPv4 address at `octets[at]`, or NO_AS. */
export function asOf4({ v4: { keys, ases, index } }: AsTable, octets: Uint8Array, at: number): number {
  const top = (octets[at] << 8) | octets[at + 1];
  const key = ((top << 16) | (octets[at + 2] << 8) | octets[at + 3]) >>> 0;
  // The last border that is not behind the address; border 0 is address 0.
  let low = index[top] === 0 ? 0 : index[top] - 1;
  let high = index[top + 1];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (keys[middle] <= key) low = middle;
    else high = middle;
  }
  return ases[low];
}

/** The AS of the IPv6 address at `octets[at]`, or NO_AS. */
export function asOf6({ v6: { keys, ases, index } }: AsTable, octets: Uint8Array, at: number): number {
  const word = (from: number): number =>
    ((octets[from] << 24) | (octets[from + 1] << 16) | (octets[from + 2] << 8) | octets[from + 3]) >>> 0;
  const a = word(at);
  const b = word(at + 4);
  const c = word(at + 8);
  const d = word(at + 12);
  const top = a >>> 16;
  let low = index[top] === 0 ? 0 : index[top] - 1;
  let high = index[top + 1];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    const k = middle * 4;
    const difference = keys[k] - a || keys[k + 1] - b || keys[k + 2] - c || keys[k + 3] - d;
    if (difference <= 0) low = middle;
    else high = middle;
  }
  return ases[low];
}
