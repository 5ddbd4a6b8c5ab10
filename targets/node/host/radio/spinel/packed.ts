// Packed values of Spinel [draft-rquattle-spinel-unified §3.2]: b (bool), C and c (8 bits, unsigned and signed), S (16), L (32),
// X (64), i (7 bits an octet, three octets at most), E (EUI-64), U (text up to a zero), d (octets behind their length of 16
// bits). Numbers have their low octet first, an EUI-64 is in canonical order.

/** Largest number of the form `i`. */
export const PACKED_MAX = 2 ** 21 - 1;
const EUI64_SIZE = 8;

/** Builds a value. */
export interface Writer {
  octet(value: number): Writer;
  /** S */
  word(value: number): Writer;
  /** L */
  long(value: number): Writer;
  /** i */
  packed(value: number): Writer;
  /** D: octets as they are. */
  raw(octets: Uint8Array): Writer;
  /** d: octets behind their length. */
  data(octets: Uint8Array): Writer;
  /** U */
  text(value: string): Writer;
  octets(): Uint8Array;
}

export function createWriter(): Writer {
  const out: number[] = [];
  const writer: Writer = {
    octet(value) {
      out.push(value & 0xff);
      return writer;
    },
    word: (value) => writer.octet(value).octet(value >>> 8),
    long: (value) => writer.word(value & 0xffff).word(value >>> 16),
    packed(value) {
      if (!Number.isInteger(value) || value < 0 || value > PACKED_MAX)
        throw new Error(`spinel: ${value} is not packed`);
      let rest = value;
      while (rest > 0x7f) {
        out.push(0x80 | (rest & 0x7f));
        rest >>>= 7;
      }
      out.push(rest);
      return writer;
    },
    raw(octets) {
      for (const octet of octets) out.push(octet);
      return writer;
    },
    data: (octets) => writer.word(octets.length).raw(octets),
    text: (value) => writer.raw(new TextEncoder().encode(value)).octet(0),
    octets: () => Uint8Array.from(out),
  };
  return writer;
}

/** Reads a value front to back. What is not there reads as zero or as nothing, and `isWhole` tells. */
export interface Reader {
  /** Octets that are left. */
  left(): number;
  /** Nothing was missing so far. */
  isWhole(): boolean;
  octet(): number;
  /** c */
  signed(): number;
  word(): number;
  /** X; exact up to 2^53. */
  long64(): number;
  packed(): number;
  data(): Uint8Array;
  text(): string;
  eui64(): Uint8Array;
  /** All that is left. */
  rest(): Uint8Array;
}

export function createReader(octets: Uint8Array): Reader {
  let at = 0;
  let isWhole = true;
  function take(size: number): Uint8Array {
    if (at + size > octets.length) {
      isWhole = false;
      at = octets.length;
      return new Uint8Array(size);
    }
    at += size;
    return octets.subarray(at - size, at);
  }
  const reader: Reader = {
    left: () => octets.length - at,
    isWhole: () => isWhole,
    octet: () => take(1)[0],
    signed: () => (take(1)[0] << 24) >> 24,
    word() {
      const [low, high] = take(2);
      return low | (high << 8);
    },
    long64() {
      let value = 0;
      take(8).forEach((octet, index) => {
        value += octet * 2 ** (8 * index);
      });
      return value;
    },
    packed() {
      let value = 0;
      for (let shift = 0; shift < 21; shift += 7) {
        const octet = reader.octet();
        value |= (octet & 0x7f) << shift;
        if ((octet & 0x80) === 0) return value;
      }
      isWhole = false;
      return 0;
    },
    data() {
      const size = reader.word();
      if (at + size > octets.length) {
        isWhole = false;
        at = octets.length;
        return new Uint8Array(0);
      }
      return take(size);
    },
    text() {
      const end = octets.indexOf(0, at);
      const piece = take((end < 0 ? octets.length : end) - at);
      if (end >= 0) at++;
      return new TextDecoder().decode(piece);
    },
    eui64: () => take(EUI64_SIZE),
    rest: () => take(octets.length - at),
  };
  return reader;
}
