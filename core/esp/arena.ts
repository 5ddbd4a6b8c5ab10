// Octets of many SAs in few arrays: a typed array of its own would cost an SA more than what it holds.

import type { Sa } from './sa.ts';

/** Octets of one array. */
const CHUNK = 65536;

/**
 * A `Parts.place` that takes the octets of SAs from arrays of 64 kB. What an SA had stays taken when it goes, until all
 * SAs of its array are gone; its salt is wiped all the same.
 */
export function createArena(): (sa: Sa, size: number) => void {
  let chunk = new Uint8Array(0);
  let used = 0;
  return (sa, size) => {
    if (used + size > chunk.length) {
      chunk = new Uint8Array(Math.max(CHUNK, size));
      used = 0;
    }
    sa.octets = chunk;
    sa.base = used;
    used += size;
  };
}
