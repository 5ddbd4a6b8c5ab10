// SA look-up for gateways: a hash table by scope, number of SPI bits and SPI bits. A packet costs one probe for each scope
// and number of bits in use, whatever the number of SAs.

import { getBits } from '../base/bits.ts';
import { u32 } from '../base/bytes.ts';
import type { Sa } from './sa.ts';
import { fits, meets, power, type SaTable, type Scoped } from './sa-table.ts';

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

/** A table for many SAs. */
export function createHash(): SaTable {
  let places: (Sa | null)[] = [];
  let used = 0;
  /** SAs by scope and number of bits. */
  const counts = new Int32Array(SCOPES * WIDTHS);
  for (let i = 0; i < 8; i++) places.push(null);

  function put(sa: Sa): void {
    const scope = sa.form.scope;
    const mask = places.length - 1;
    let at = finish(scope, sa.form.spiLsb, sa.spi % power(sa.form.spiLsb), hashOf(sa, scope)) & mask;
    while (places[at] !== null) at = (at + 1) & mask;
    places[at] = sa;
  }

  function all(): Sa[] {
    const sas: Sa[] = [];
    for (let i = 0; i < places.length; i++) {
      const sa = places[i];
      if (sa !== null) sas.push(sa);
    }
    return sas;
  }

  function rebuild(sas: Sa[], size: number): void {
    places = [];
    for (let i = 0; i < size; i++) places.push(null);
    for (let i = 0; i < sas.length; i++) put(sas[i]);
  }

  /** The SAs along the probe for a hash, up to one that matches `spi`. */
  function probe(sa: Scoped, spi: number, bits: number, scope: number): Sa | null {
    const mask = places.length - 1;
    let at = finish(scope, bits, spi % power(bits), hashOf(sa, scope)) & mask;
    for (;;) {
      const other = places[at];
      if (other === null || meets(sa, spi, bits, other)) return other;
      at = (at + 1) & mask;
    }
  }

  return {
    find: (buffer, source, destination, size, esp, length) => {
      const local = mix(0, buffer, destination, size);
      const both = mix(local, buffer, source, size);
      const mask = places.length - 1;
      for (let scope = 0; scope < SCOPES; scope++) {
        const hash = scope === 0 ? both : scope === 1 ? local : 0;
        for (let bits = 0; bits < WIDTHS && bits <= length * 8; bits++) {
          if (counts[scope * WIDTHS + bits] === 0) continue;
          let at = finish(scope, bits, getBits(buffer, esp * 8, bits), hash) & mask;
          for (;;) {
            const sa = places[at];
            if (sa === null) break;
            if (fits(sa, buffer, source, destination, size, esp, length)) return sa;
            at = (at + 1) & mask;
          }
        }
      }
      return null;
    },
    conflict: (sa, spi, bits) => {
      // With one scope and one number of bits in use (the common case) only an equal prefix matches: one probe.
      const scope = sa.form.scope;
      if (counts[scope * WIDTHS + bits] === used) return probe(sa, spi, bits, scope);
      for (let i = 0; i < places.length; i++) {
        const other = places[i];
        if (other !== null && meets(sa, spi, bits, other)) return other;
      }
      return null;
    },
    insert: (sa) => {
      used++;
      counts[sa.form.scope * WIDTHS + sa.form.spiLsb]++;
      if (used * 2 > places.length) rebuild(all(), places.length * 2);
      put(sa);
    },
    remove: (sa) => {
      const sas = all();
      for (let i = 0; i < sas.length; i++) {
        if (sas[i] !== sa) continue;
        sas[i] = sas[sas.length - 1];
        sas.pop();
        used--;
        counts[sa.form.scope * WIDTHS + sa.form.spiLsb]--;
        rebuild(sas, places.length);
        return;
      }
    },
    all: all,
  };
}
