// From an address to its AS: the longest prefix [of ROAs and routes], in typed arrays, so that a million prefixes fit into 200 MB and a
// look-up allocates nothing. A table does not change: a new one is built, and then taken instead.
//
// Prefixes are turned into borders: sorted addresses at which the answer changes. They are found by an index of the first bits and a binary
// search.

import { type Prefix, rangeOf, widthOf } from './resources.ts';

/** No AS is known: AS 0 may announce nothing [RFC 7607]. */
export const NO_AS = 0;

export interface Route extends Prefix {
  as: number;
}

const SIGN = -0x80000000;
/** Bits by which the index finds a part of the borders: with a million prefixes it has two of them. */
const INDEX_BITS = 20;
const REST = 32 - INDEX_BITS;

/** Borders of one family: from each on the answer is its AS. They lie together: most of a look-up is waiting for memory. */
interface Borders {
  /** Of each border its words, most significant first, less 2^31 each (V8 compares whole numbers with a sign fastest), and the AS. */
  borders: Int32Array;
  /** Of each value of the first INDEX_BITS: how many borders have smaller ones. */
  index: Uint32Array;
}

/** Where a prefix has two ASes, the smaller counts, as it stands first. */
function bordersOf(routes: readonly Route[], family: 'v4' | 'v6'): Borders {
  const words = widthOf(family) / 32;
  const sorted = routes
    .filter((one) => one.family === family)
    .map((one) => ({ range: rangeOf(one), as: one.as, length: one.length }))
    .sort((a, b) => (a.range[0] < b.range[0] ? -1 : a.range[0] > b.range[0] ? 1 : a.length - b.length || a.as - b.as));
  const count = 2 * sorted.length + 1;
  const borders = new Int32Array(count * (words + 1));
  let used = 0;
  const put = (at: bigint, as: number): void => {
    for (let word = 0; word < words; word++)
      borders[used * (words + 1) + word] = Number((at >> BigInt(32 * (words - 1 - word))) & 0xffffffffn) ^ SIGN;
    borders[used * (words + 1) + words] = as;
    used++;
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
  const index = new Uint32Array((1 << INDEX_BITS) + 1);
  for (let i = 0; i < used; i++) index[((borders[i * (words + 1)] ^ SIGN) >>> REST) + 1]++;
  for (let i = 0; i < 1 << INDEX_BITS; i++) index[i + 1] += index[i];
  return { borders: borders.slice(0, used * (words + 1)), index };
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
  const size = [v4, v6].reduce((sum, one) => sum + one.borders.byteLength + one.index.byteLength, 0);
  return { v4, v6, size };
}

/** Four octets as a word of `borders`. */
function word(octets: Uint8Array, at: number): number {
  return ((octets[at] << 24) | (octets[at + 1] << 16) | (octets[at + 2] << 8) | octets[at + 3]) ^ SIGN;
}

/** The AS of the IPv4 address at `octets[at]`, or NO_AS. */
export function asOf4({ v4: { borders, index } }: AsTable, octets: Uint8Array, at: number): number {
  const key = word(octets, at);
  const top = (key ^ SIGN) >>> REST;
  // The last border that is not behind the address; border 0 is address 0.
  let low = index[top] === 0 ? 0 : index[top] - 1;
  let high = index[top + 1];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (borders[middle * 2] <= key) low = middle;
    else high = middle;
  }
  return borders[low * 2 + 1] >>> 0;
}

/** The AS of the IPv6 address at `octets[at]`, or NO_AS. */
export function asOf6({ v6: { borders, index } }: AsTable, octets: Uint8Array, at: number): number {
  const a = word(octets, at);
  const b = word(octets, at + 4);
  const c = word(octets, at + 8);
  const d = word(octets, at + 12);
  const top = (a ^ SIGN) >>> REST;
  let low = index[top] === 0 ? 0 : index[top] - 1;
  let high = index[top + 1];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    const k = middle * 5;
    let isBehind = borders[k] > a;
    if (borders[k] === a) {
      isBehind = borders[k + 1] > b;
      if (borders[k + 1] === b) isBehind = borders[k + 2] > c || (borders[k + 2] === c && borders[k + 3] > d);
    }
    if (isBehind) high = middle;
    else low = middle;
  }
  return borders[low * 5 + 4] >>> 0;
}
