// Octets of many SAs in few arrays: a typed array for each SA would cost more than its content.

import type { Sa } from './sa.ts';

/** Octets of one array. */
const CHUNK = 65536;

/**
 * A `Parts.place` that takes the octets of SAs from arrays of 64 kB. The octets of an ended SA stay taken until all SAs of its
 * array have ended; its salt is wiped at once.
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
