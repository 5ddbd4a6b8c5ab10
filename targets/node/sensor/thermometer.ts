// The readings of sensors on Node: a wandering temperature, always with three digits.

import type { Random } from '../../../core/crypto/portable.ts';

const LOW = 100;
const HIGH = 399;

/** Readings `{"t":21.5}`, one after the other. */
export function createThermometer(random: Random): () => string {
  const dice = new Uint8Array(1);
  const below = (limit: number): number => {
    random(dice, 0, 1);
    return dice[0] % limit;
  };
  let degrees = 150 + below(100);
  return () => {
    degrees = Math.min(HIGH, Math.max(LOW, degrees + below(9) - 4));
    return `{"t":${(degrees / 10).toFixed(1)}}`;
  };
}
