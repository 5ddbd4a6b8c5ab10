// A hash for tables that are indexed by what strangers write: the octets that it adds up are random, so nobody can aim at one
// place (tabulation hashing).

/** 32 bits that follow from the 8 octets buffer[offset..offset + 8). */
export type Hash8 = (buffer: Uint8Array, offset: number) => number;

/** A hash of 8 octets, another one for each call; it takes 8 kB. `random` fills a range with random octets. */
export function createHash8(random: (buffer: Uint8Array, offset: number, length: number) => void): Hash8 {
  const dice = new Uint8Array(8192);
  random(dice, 0, 8192);
  const words = new Uint32Array(2048);
  for (let i = 0; i < 2048; i++) {
    const at = 4 * i;
    words[i] = ((dice[at] << 24) | (dice[at + 1] << 16) | (dice[at + 2] << 8) | dice[at + 3]) >>> 0;
  }
  return (buffer, offset) => {
    let result = 0;
    for (let i = 0; i < 8; i++) result ^= words[256 * i + buffer[offset + i]];
    return result >>> 0;
  };
}
