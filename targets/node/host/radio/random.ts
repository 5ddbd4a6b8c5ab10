// A seeded generator for simulations (mulberry32): small, fast, the same on every machine. Never for keys.

/** Pseudorandom numbers for simulations, from a seed; not for keys. */
export interface Random {
  /** A number x, 0 <= x < 1. */
  next(): number;
  /** An integer 0..limit-1. */
  below(limit: number): number;
  /** Fills buffer[offset..offset+length). */
  fill(buffer: Uint8Array, offset: number, length: number): void;
}

/** The sequence that belongs to `seed` (its low 32 bits). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  function word(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  return {
    next: () => word() / 2 ** 32,
    below: (limit) => Math.floor((word() / 2 ** 32) * limit),
    fill: (buffer, offset, length) => {
      for (let i = 0; i < length; i++) buffer[offset + i] = word() >>> 24;
    },
  };
}
