// Loops over whole spans of octets: the cost of a packet beside cryptography. They share a file without imports, because
// the build of a firmware image replaces it with the board's own functions (targets/board/spans.ts). The modules that they
// belong to export them. Nothing here checks bounds.

/** Copies `length` octets; the ranges may overlap, also within one buffer. A variable, because a host may have a faster way. */
export let copy = (to: Uint8Array, toOffset: number, from: Uint8Array, fromOffset: number, length: number): void => {
  if (to === from && toOffset > fromOffset) {
    for (let i = length - 1; i >= 0; i--) to[toOffset + i] = from[fromOffset + i];
  } else {
    for (let i = 0; i < length; i++) to[toOffset + i] = from[fromOffset + i];
  }
};

/** Gives `copy` another body, on a host; nothing of it is in the bundles of boards. */
export function setCopy(by: typeof copy): void {
  copy = by;
}

/** Sets `length` octets to `value` (0 wipes). */
export function fill(buffer: Uint8Array, offset: number, length: number, value: number): void {
  for (let i = 0; i < length; i++) buffer[offset + i] = value;
}

/** True when the two ranges hold the same octets. Runs through the whole range: usable for ICVs. */
export function equal(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number, length: number): boolean {
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= a[aOffset + i] ^ b[bOffset + i];
  return difference === 0;
}

/** The last index below `length` where the two ranges differ in a bit of `mask`; -1: there is none. */
export function lastDifference(
  a: Uint8Array,
  aOffset: number,
  b: Uint8Array,
  bOffset: number,
  mask: Uint8Array,
  length: number,
): number {
  for (let i = length - 1; i >= 0; i--) {
    const difference = a[aOffset + i] ^ b[bOffset + i];
    if (difference !== 0 && (difference & mask[i]) !== 0) return i;
  }
  return -1;
}

/** Adds the 16-bit words of a range to `sum` (unfolded; an odd last octet is padded with zero). */
export function sumWords(buffer: Uint8Array, offset: number, length: number, sum: number): number {
  let total = sum;
  const end = offset + length - 1;
  let i = offset;
  for (; i < end; i += 2) total += (buffer[i] << 8) | buffer[i + 1];
  if (i === end) total += buffer[i] << 8;
  return total;
}

/**
 * CRC-16 of ITU-T, reflected, initial value 0, over a range [IEEE 802.15.4-2006 §7.2.1.9]. Over a frame with its FCS
 * the result is 0. Works by nibbles: the table of 16 entries for polynomial 0x8408 is n * 0x1081.
 */
export function frameFcs(buffer: Uint8Array, offset: number, length: number): number {
  let crc = 0;
  for (let i = offset; i < offset + length; i++) {
    crc ^= buffer[i];
    crc = (crc >>> 4) ^ ((crc & 15) * 0x1081);
    crc = (crc >>> 4) ^ ((crc & 15) * 0x1081);
  }
  return crc;
}
