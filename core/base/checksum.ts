// The Internet checksum [RFC 1071] over octet ranges, and over the pseudo-headers of IPv4 [RFC 768] and IPv6
// [RFC 8200 §8.1].

import { sumWords } from './spans.ts';

export { sumWords };

/** Folds a sum of words to 16 bits and complements it: the value of a checksum field. */
export function foldSum(sum: number): number {
  let total = sum;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

/**
 * Sum of the pseudo-header for `length` octets of `protocol`, addresses taken from the IPv4 or IPv6 header at `ip`
 * in the same buffer.
 */
export function pseudoSum(buffer: Uint8Array, ip: number, protocol: number, length: number): number {
  if (buffer[ip] >>> 4 === 4) return sumWords(buffer, ip + 12, 8, protocol + length);
  return sumWords(buffer, ip + 8, 32, protocol + (length & 0xffff) + (length >>> 16));
}

/** True when the 16-bit words of a range, with `sum`, add up to all ones (a valid checksum is inside). */
export function sumsToZero(buffer: Uint8Array, offset: number, length: number, sum: number): boolean {
  return foldSum(sumWords(buffer, offset, length, sum)) === 0;
}

/** Zeroes the checksum field at `field`, sums, and writes the checksum; a computed 0 becomes `zero`. */
export function putChecksum(
  buffer: Uint8Array,
  field: number,
  offset: number,
  length: number,
  sum: number,
  zero: number,
): void {
  buffer[field] = 0;
  buffer[field + 1] = 0;
  let value = foldSum(sumWords(buffer, offset, length, sum));
  if (value === 0) value = zero;
  buffer[field] = value >>> 8;
  buffer[field + 1] = value & 0xff;
}
