// Bits as strings of '0' and '1', addresses, prefixes (PREFIX-X in core/dietesp/README.md), checksums. Slow and obvious on purpose.

export type Bits = string;

export function bitsOf(value: number | bigint, width: number): Bits {
  const text = width === 0 && BigInt(value) === 0n ? '' : BigInt(value).toString(2).padStart(width, '0');
  if (text.length > width) throw new Error(`value ${value} does not fit in ${width} bits`);
  return text;
}

export function numberOf(bits: Bits): bigint {
  return bits === '' ? 0n : BigInt('0b' + bits);
}

export function bitsOfOctets(octets: Buffer): Bits {
  return [...octets].map((octet) => bitsOf(octet, 8)).join('');
}

/** Zero-filled to the next octet boundary. */
export function octetsOfBits(bits: Bits): Buffer {
  const octets: number[] = [];
  for (let i = 0; i < bits.length; i += 8) octets.push(Number(numberOf(bits.slice(i, i + 8).padEnd(8, '0'))));
  return Buffer.from(octets);
}

/** Address text to 32 or 128 bits. */
export function addressBits(text: string): Bits {
  if (text.includes('.')) {
    return text
      .split('.')
      .map((part) => bitsOf(Number(part), 8))
      .join('');
  }
  const [head, tail] = text.split('::');
  const groups = (part: string | undefined) => (part === undefined || part === '' ? [] : part.split(':'));
  const front = groups(head);
  const back = groups(tail);
  const middle = tail === undefined ? [] : new Array<string>(8 - front.length - back.length).fill('0');
  return [...front, ...middle, ...back].map((group) => bitsOf(BigInt('0x' + group), 16)).join('');
}

export function addressOctets(text: string): Buffer {
  return octetsOfBits(addressBits(text));
}

/** 4 or 16 octets to address text. */
export function addressText(octets: Buffer): string {
  if (octets.length === 4) return [...octets].join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(octets.readUInt16BE(i).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

/** The equal leading bits of a range's two ends: the target value of MSB(x). */
export function commonPrefix(start: Bits, end: Bits): Bits {
  let n = 0;
  while (n < start.length && start[n] === end[n]) n++;
  return start.slice(0, n);
}

/** ceil(log2 n); 0 when n is 1. */
export function indexBits(n: number): number {
  let bits = 0;
  while (2 ** bits < n) bits++;
  return bits;
}

/** RFC 1071 over octets, an odd last octet padded with zero; the complement, 16 bits. */
export function internetChecksum(octets: Buffer): number {
  let sum = 0;
  for (let i = 0; i < octets.length; i += 2) {
    const low = i + 1 < octets.length ? octets[i + 1]! : 0;
    sum += octets[i]! * 256 + low;
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

/** CRC-32C (RFC 9260 appendix A), bit by bit. */
export function crc32c(octets: Buffer): number {
  let crc = 0xffffffffn;
  for (const octet of octets) {
    crc ^= BigInt(octet);
    for (let i = 0; i < 8; i++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  return Number(crc ^ 0xffffffffn);
}

/** Protocols with a transport header that IIPC compresses: fixed header length, place and width of the checksum. */
export const TRANSPORTS: Record<number, { name: string; size: number; sumAt: number; sumSize: number }> = {
  6: { name: 'TCP', size: 20, sumAt: 16, sumSize: 2 },
  17: { name: 'UDP', size: 8, sumAt: 6, sumSize: 2 },
  132: { name: 'SCTP', size: 12, sumAt: 8, sumSize: 4 },
  136: { name: 'UDP-Lite', size: 8, sumAt: 6, sumSize: 2 },
};

/** The checksum octets that belong into a segment, whatever its checksum field holds now (RFC 768, 8200, 9293, 3828, 9260). */
export function transportChecksum(proto: number, src: Buffer, dst: Buffer, segment: Buffer): Buffer {
  const { sumAt, sumSize } = TRANSPORTS[proto]!;
  const zeroed = Buffer.from(segment);
  zeroed.fill(0, sumAt, sumAt + sumSize);
  const out = Buffer.alloc(sumSize);
  if (proto === 132) {
    out.writeUInt32LE(crc32c(zeroed));
    return out;
  }
  const tail = Buffer.alloc(src.length === 4 ? 4 : 8);
  if (src.length === 4) {
    tail[1] = proto;
    tail.writeUInt16BE(segment.length, 2);
  } else {
    tail.writeUInt32BE(segment.length, 0);
    tail[7] = proto;
  }
  let sum = internetChecksum(Buffer.concat([src, dst, tail, zeroed]));
  if (sum === 0 && proto !== 6) sum = 0xffff;
  out.writeUInt16BE(sum);
  return out;
}

export function ipv4Checksum(header: Buffer): number {
  const zeroed = Buffer.from(header);
  zeroed.writeUInt16BE(0, 10);
  return internetChecksum(zeroed);
}
