// Writes expressions for octets that are put together from bit strings whose places are known when the text is made:
// residues, headers, templates. A whole octet that stands at an octet's border is copied; others are shifted and masked.

import { copyBits, getBits } from '../../../core/base/bits.ts';

/** A bit string: bits of an array from a known bit on, or of a number. */
export interface Piece {
  /** Its length in bits. */
  bits: number;
  /** Name of the array that has it; '': it is a number. */
  array: string;
  /** Where in the array: name of an offset in octets, and bits after it. */
  base: string;
  /** Bits after `base`. */
  bit: number;
  /** The number's expression, '' for a constant. */
  number: string;
  /** The constant's octets, right-aligned. */
  value: Uint8Array;
}

const NO_OCTETS = new Uint8Array(0);

/** `bits` bits of `array` from bit `bit` after octet `base`. */
export function bitsOf(array: string, base: string, bit: number, bits: number): Piece {
  return { bits, array, base, bit, number: '', value: NO_OCTETS };
}

/** The low `bits` bits, up to 24, of a number's expression. */
export function numberPiece(number: string, bits: number): Piece {
  return { bits, array: '', base: '', bit: 0, number, value: NO_OCTETS };
}

/** The low `bits` bits of a constant, right-aligned in `value`. */
export function constant(value: Uint8Array, bits: number): Piece {
  return { bits, array: '', base: '', bit: 0, number: '', value };
}

/** The low `bits` bits of the number `value`, a constant below 2^32. */
export function constantNumber(value: number, bits: number): Piece {
  return constant(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value), bits);
}

/** `name`, `name + n`: the index of an octet. */
export function index(base: string, octet: number): string {
  return octet === 0 ? base : `${base} + ${octet}`;
}

/** The first `count` bits of a constant of `bits` bits. */
export function leading(value: Uint8Array, bits: number, count: number): Piece {
  const octets = new Uint8Array((count + 7) >>> 3);
  copyBits(octets, octets.length * 8 - count, value, value.length * 8 - bits, count);
  return constant(octets, count);
}

/** Bits `from` to `from + count`, up to 32, of a constant piece. */
function constantBits({ value, bits }: Piece, from: number, count: number): number {
  return getBits(value, value.length * 8 - bits + from, count);
}

/** `expression` shifted right by `shift`, or left where it is negative. */
function shifted(expression: string, shift: number): string {
  if (shift === 0) return expression;
  return shift > 0 ? `(${expression} >>> ${shift})` : `(${expression} << ${-shift})`;
}

/** What one piece gives to an octet: a constant, or an expression. */
interface Part {
  constant: number;
  text: string;
}

/**
 * Bits `from` to `from + take` of a piece, at the place in an octet that has `room` bits left. They do not cross an octet of
 * the source.
 */
function partOf(piece: Piece, from: number, take: number, room: number): Part {
  const up = room - take;
  if (piece.array !== '') {
    const bit = piece.bit + from;
    const inOctet = bit & 7;
    const below = 8 - inOctet - take;
    const source = `${piece.array}[${index(piece.base, bit >>> 3)}]`;
    const text = shifted(source, below - up);
    // Bits above go away by themselves at the top of an octet, those below at its bottom.
    const isClean = (inOctet === 0 || room === 8) && (below === 0 || up === 0);
    return { constant: 0, text: isClean ? text : `(${text} & ${((1 << take) - 1) << up})` };
  }
  if (piece.number !== '') {
    const below = piece.bits - from - take;
    const text = shifted(piece.number, below - up);
    return { constant: 0, text: `(${text} & ${((1 << take) - 1) << up})` };
  }
  return { constant: constantBits(piece, from, take) << up, text: '' };
}

/**
 * The octets of `pieces`, one expression each; the last is filled with zero bits. Values above 255 may come out where the array
 * that takes them keeps the low 8 bits.
 */
export function octetExpressions(pieces: readonly Piece[]): string[] {
  const octets: string[] = [];
  let parts: string[] = [];
  let known = 0;
  let room = 8;
  const close = (): void => {
    if (known !== 0 || parts.length === 0) parts.push(String(known));
    octets.push(parts.join(' | '));
    parts = [];
    known = 0;
    room = 8;
  };
  for (const piece of pieces) {
    let done = 0;
    while (done < piece.bits) {
      const inSource = piece.array === '' ? 8 : 8 - ((piece.bit + done) & 7);
      const take = Math.min(room, piece.bits - done, inSource);
      const part = partOf(piece, done, take, room);
      known |= part.constant;
      if (part.text !== '') parts.push(part.text);
      done += take;
      room -= take;
      if (room === 0) close();
    }
  }
  if (room < 8) close();
  return octets;
}

/** Statements that write `pieces` to `array` from octet `base` on, a line each. */
export function writeOctets(pieces: readonly Piece[], array: string, base: string): string[] {
  return octetExpressions(pieces).map((octet, i) => `${array}[${index(base, i)}] = ${octet};`);
}

/**
 * An expression that is not zero where bits of `array`, from bit `bit` after octet `base`, differ from a constant of `bits`
 * bits, right-aligned in `value`; only the first `count` are compared. '': there is nothing to compare.
 */
export function difference(array: string, base: string, bit: number, value: Piece, count: number): string {
  const terms: string[] = [];
  let done = 0;
  while (done < count) {
    const inOctet = (bit + done) & 7;
    const take = Math.min(8 - inOctet, count - done);
    const up = 8 - inOctet - take;
    const wanted = constantBits(value, done, take) << up;
    const octet = `${array}[${index(base, (bit + done) >>> 3)}]`;
    const differs = wanted === 0 ? octet : `(${octet} ^ ${wanted})`;
    terms.push(take === 8 ? differs : `(${differs} & ${((1 << take) - 1) << up})`);
    done += take;
  }
  return terms.join(' | ');
}
