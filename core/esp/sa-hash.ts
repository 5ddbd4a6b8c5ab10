// SA look-up for gateways: hash tables by scope, number of SPI bits and SPI bits. A packet costs one probe for each scope
// and number of bits in use, whatever the number of SAs; so do adding, removing, and the question for a conflict.

import { getBits, power } from '../base/bits.ts';
import { u32 } from '../base/bytes.ts';
import type { Sa } from './sa.ts';
import { fits, type Located, meets, type SaTable, type Scoped } from './sa-table.ts';

const SCOPES = 3;
const WIDTHS = 33;

/** Hash of an address's 32-bit words, going on from `seed`. */
function mix(seed: number, buffer: Uint8Array, offset: number, length: number): number {
  let hash = seed;
  for (let i = 0; i < length; i += 4) hash = ((hash * 31 + u32(buffer, offset + i)) & 0xffffffff) >>> 0; // wide
  return hash;
}

/** Hash of addresses, number of bits and bits: the middle of a product, because low bits alone would cluster. */
function finish(scope: number, bits: number, prefix: number, hash: number): number {
  const kind = (scope * WIDTHS + bits) * 7919;
  let mixed = ((hash + kind + (prefix & 0xffff) * 40503 + (prefix >>> 16) * 31) & 0xffffffff) >>> 0; // wide
  mixed = ((mixed ^ (mixed >>> 15)) & 0xffffffff) >>> 0; // wide
  return ((mixed * 40503) & 0xffffffff) >>> 8; // wide
}

function hashOf(sa: Scoped, scope: number): number {
  let hash = 0;
  if (scope < 2) hash = mix(hash, sa.octets, sa.base + sa.form.destinationAt, sa.form.destinationSize);
  if (scope < 1) hash = mix(hash, sa.octets, sa.base + sa.form.sourceAt, sa.form.sourceSize);
  return hash;
}

/** A chained hash table of the SAs with one scope and number of SPI bits, by an address part and a prefix of these bits. */
interface Index {
  /** The SAs that are in it. */
  scope: number;
  bits: number;
  /** What it hashes: the addresses of this scope (that of the SAs, or a wider one), and as many of the first bits. */
  by: number;
  common: number;
  /** First slot of each chain, and the slots beside each one; plus one, 0: none. */
  heads: Int32Array;
  after: Int32Array;
  before: Int32Array;
}

/** A table for many SAs. */
export function createHash<T extends Located = Sa>(): SaTable<T> {
  /** SAs by slot, and the slots that are free. */
  const sas: (T | null)[] = [];
  /** Places of `sas`, free ones too: on Lua an array with an empty place has no length. */
  let places = 0;
  const free: number[] = [];
  let capacity = 8;
  const indexes: Index[] = [];
  /** Number of SAs, and their index, by scope and number of bits. */
  const counts = new Int32Array(SCOPES * WIDTHS);
  const mains: (Index | null)[] = [];
  for (let i = 0; i < SCOPES * WIDTHS; i++) mains.push(null);
  /** Where `counts` is not 0, ascending: a packet looks there alone. */
  const used = new Int32Array(SCOPES * WIDTHS);
  let inUse = 0;

  /** Counts an SA of this kind, or (-1) one fewer. */
  function count(sa: T, more: number): void {
    counts[sa.form.scope * WIDTHS + sa.form.spiLsb] += more;
    inUse = 0;
    for (let kind = 0; kind < SCOPES * WIDTHS; kind++) {
      if (counts[kind] === 0) continue;
      used[inUse] = kind;
      inUse++;
    }
  }

  /** Chain of an SPI of which `bits` are on the wire, in an index that hashes the first of them. */
  function chainOf(index: Index, sa: Scoped, spi: number, bits: number): number {
    const prefix = Math.floor((spi % power(bits)) / power(bits - index.common));
    return finish(index.by, index.common, prefix, hashOf(sa, index.by)) & (index.heads.length - 1);
  }

  function link(index: Index, slot: number, sa: T): void {
    const chain = chainOf(index, sa, sa.spi, index.bits);
    const first = index.heads[chain];
    index.after[slot] = first;
    index.before[slot] = 0;
    if (first !== 0) index.before[first - 1] = slot + 1;
    index.heads[chain] = slot + 1;
  }

  function unlink(index: Index, slot: number, sa: T): void {
    const after = index.after[slot];
    const before = index.before[slot];
    if (after !== 0) index.before[after - 1] = before;
    if (before !== 0) index.after[before - 1] = after;
    else index.heads[chainOf(index, sa, sa.spi, index.bits)] = after;
  }

  function holds(index: Index, sa: T): boolean {
    return index.scope === sa.form.scope && index.bits === sa.form.spiLsb;
  }

  /** Fills an index anew, for the present capacity. */
  function fill(index: Index): void {
    index.heads = new Int32Array(2 * capacity);
    index.after = new Int32Array(capacity);
    index.before = new Int32Array(capacity);
    for (let slot = 0; slot < places; slot++) {
      const sa = sas[slot];
      if (sa !== null && holds(index, sa)) link(index, slot, sa);
    }
  }

  /** An index, made when it is asked for first. */
  function indexOf(scope: number, bits: number, by: number, common: number): Index {
    for (let i = 0; i < indexes.length; i++) {
      const one = indexes[i];
      if (one.scope === scope && one.bits === bits && one.by === by && one.common === common) return one;
    }
    const none = new Int32Array(0);
    const made: Index = {
      scope: scope,
      bits: bits,
      by: by,
      common: common,
      heads: none,
      after: none,
      before: none,
    };
    fill(made);
    indexes.push(made);
    return made;
  }

  /** The slot of an SA, or -1. */
  function slotOf(sa: T): number {
    const main = mains[sa.form.scope * WIDTHS + sa.form.spiLsb];
    if (main === null) return -1;
    let at = main.heads[chainOf(main, sa, sa.spi, main.bits)];
    while (at !== 0 && sas[at - 1] !== sa) at = main.after[at - 1];
    return at - 1;
  }

  return {
    find: (buffer, source, destination, size, esp, length) => {
      const local = mix(0, buffer, destination, size);
      const both = mix(local, buffer, source, size);
      for (let i = 0; i < inUse; i++) {
        const main = mains[used[i]]!;
        if (main.bits > length * 8) continue;
        const hash = main.scope === 0 ? both : main.scope === 1 ? local : 0;
        const prefix = getBits(buffer, esp * 8, main.bits);
        let at = main.heads[finish(main.scope, main.bits, prefix, hash) & (main.heads.length - 1)];
        while (at !== 0) {
          const sa = sas[at - 1]!;
          if (fits(sa, buffer, source, destination, size, esp, length)) return sa;
          at = main.after[at - 1];
        }
      }
      return null;
    },
    conflict: (sa, spi, bits) => {
      const own = sa.form.scope;
      for (let scope = 0; scope < SCOPES; scope++) {
        for (let width = 0; width < WIDTHS; width++) {
          if (counts[scope * WIDTHS + width] === 0) continue;
          const index = indexOf(scope, width, Math.max(own, scope), Math.min(bits, width));
          let at = index.heads[chainOf(index, sa, spi, bits)];
          while (at !== 0) {
            const other = sas[at - 1]!;
            if (meets(sa, spi, bits, other)) return other;
            at = index.after[at - 1];
          }
        }
      }
      return null;
    },
    insert: (sa) => {
      const scope = sa.form.scope;
      const spiLsb = sa.form.spiLsb;
      count(sa, 1);
      mains[scope * WIDTHS + spiLsb] = indexOf(scope, spiLsb, scope, spiLsb);
      let slot = places;
      if (free.length > 0) {
        slot = free[free.length - 1];
        free.pop();
      } else places++;
      sas[slot] = sa;
      if (slot < capacity) {
        for (let i = 0; i < indexes.length; i++) if (holds(indexes[i], sa)) link(indexes[i], slot, sa);
        return;
      }
      capacity *= 2;
      for (let i = 0; i < indexes.length; i++) fill(indexes[i]);
    },
    remove: (sa) => {
      const slot = slotOf(sa);
      if (slot < 0) return;
      for (let i = 0; i < indexes.length; i++) if (holds(indexes[i], sa)) unlink(indexes[i], slot, sa);
      count(sa, -1);
      sas[slot] = null;
      free.push(slot);
    },
    all: () => {
      const found: T[] = [];
      for (let i = 0; i < places; i++) {
        const sa = sas[i];
        if (sa !== null) found.push(sa);
      }
      return found;
    },
  };
}
