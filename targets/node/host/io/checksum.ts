// The Internet checksum [RFC 1071] over long ranges, by words of 32 bits in the order of the processor: a sum of swapped octets
// is the swapped sum. For processors with the least octet first.

/** Octets as octets and as words: of one ArrayBuffer, which begins where they do. */
export interface Memory {
  octets: Uint8Array;
  words: Uint32Array;
}

export function createMemory(size: number): Memory {
  const buffer = new ArrayBuffer(size);
  return { octets: new Uint8Array(buffer), words: new Uint32Array(buffer) };
}

/** The sum, folded to 16 bits, of octets[at..at+length) and of `more`, a sum like it; `at` is a multiple of 4. */
export function sumOf({ octets, words }: Memory, at: number, length: number, more: number): number {
  // Doubles count to 2^53 without loss; two of them do not wait for each other.
  let even = 0;
  let odd = 0;
  let word = at >>> 2;
  const end = word + (length >>> 2);
  for (; word + 1 < end; word += 2) {
    even += words[word];
    odd += words[word + 1];
  }
  if (word < end) even += words[word];
  const tail = length & 3;
  if (tail > 0) {
    const last = end << 2;
    odd += octets[last];
    if (tail > 1) odd += octets[last + 1] * 256;
    if (tail > 2) odd += octets[last + 2] * 65536;
  }
  const sum = even + odd;
  const low = fold(((sum >>> 0) % 65536) + ((sum >>> 0) >>> 16) + Math.floor(sum / 4294967296));
  return fold((((low & 0xff) << 8) | (low >>> 8)) + more);
}

/** A sum as 16 bits. */
export function fold(sum: number): number {
  let total = sum;
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 65536);
  return total;
}

/** The sum of the pseudo-header of the IP packet at `ip`, a multiple of 4: of `length` octets of `protocol`. */
export function pseudoOf(memory: Memory, ip: number, protocol: number, length: number): number {
  const isSix = memory.octets[ip] >>> 4 === 6;
  return sumOf(memory, ip + (isSix ? 8 : 12), isSix ? 32 : 8, protocol + length);
}

export function put16(octets: Uint8Array, at: number, value: number): void {
  octets[at] = value >>> 8;
  octets[at + 1] = value;
}

export function get16(octets: Uint8Array, at: number): number {
  return (octets[at] << 8) | octets[at + 1];
}

/** The checksum of the IPv4 header of 20 octets or more at `ip`. */
export function putHeaderChecksum(memory: Memory, ip: number): void {
  const { octets } = memory;
  put16(octets, ip + 10, 0);
  put16(octets, ip + 10, ~sumOf(memory, ip, 4 * (octets[ip] & 15), 0) & 0xffff);
}
