// AES-128 on 16 octets at once in WebAssembly SIMD, in constant time: no table look-up in memory and no branch depends
// on secrets; the tables are 16 octets each, in registers, and i8x16.swizzle looks up 16 nibbles at once. The method is
// that of M. Hamburg, "Accelerating AES with Vector Permute Instructions", CHES 2009; tables and permutations are
// computed below from FIPS 197's definitions.
//
// S-box. An octet is written as x = k + iB over the subfield GF(16), where B^2 + aB + a = 0, and kept as the two
// nibbles k (high) and i (low): the tower basis. With j = i + k and 1/0 = "infinity" (an octet with its high bit set,
// for which a swizzle gives 0 = 1/infinity),
//   io = 1/(1/i + a/k) + j = N/(k + ai),   jo = 1/(1/j + a/k) + i = N/(k(1 + a) + ai),   N = k^2 + aik + ai^2,
// and N is the norm of x. 1/x = (k + ai + iB)/N is thus a sum of one constant times 1/io and another times 1/jo: five
// look-ups for io and jo, two more for 1/x with any linear map applied to it. Here these are the affine map of SubBytes
// (its constant 0x63 goes into the round key), the way back to the tower basis, and multiplication by 2 for MixColumns.
//
// There is no ShiftRows: before round r the state is the true one under the inverse of ShiftRows^(r-1), and the rotations of
// MixColumns and the round keys are permuted to match. After four rounds the permutation is the identity again.

import { type FunctionCode, V128 } from './wasm-emit.ts';

/** Octets of an expanded key: 11 round keys in the form that `emitRounds` wants. */
export const SLOT_SIZE = 176;

// GF(2^8) of FIPS 197 §4.2.
function multiply(a: number, b: number): number {
  let product = 0;
  for (let i = 7; i >= 0; i--) {
    product = (product << 1) ^ ((product >>> 7) * 0x11b);
    if (((b >>> i) & 1) === 1) product ^= a;
  }
  return product;
}

function power(x: number, exponent: number): number {
  let result = 1;
  for (let i = 0; i < exponent; i++) result = multiply(result, x);
  return result;
}

const inverse = (x: number): number => power(x, 254);

const octets = [...new Array(256).keys()];
const nibbles = octets.slice(0, 16);

// The subfield's elements in an order that is linear: nibble n stands for the sum of g^b over its bits b, g of order 15.
const generator = octets.find((x) => x > 1 && power(x, 15) === 1 && power(x, 5) !== 1 && power(x, 3) !== 1)!;
const element = nibbles.map((n) => [0, 1, 2, 3].reduce((sum, b) => sum ^ (((n >>> b) & 1) * power(generator, b)), 0));
const nibbleOf = (x: number): number => element.indexOf(x);

// a in GF(16), B outside it, B^2 + aB + a = 0.
const pairs = element.flatMap((a) => octets.map((b) => ({ a, b })));
const { a, b: B } = pairs.find(
  (p) => p.a !== 0 && nibbleOf(p.b) < 0 && (multiply(p.b, p.b) ^ multiply(p.a, p.b) ^ p.a) === 0,
)!;

// Octet to tower basis.
const tower: number[] = [];
for (const k of nibbles) for (const i of nibbles) tower[element[k] ^ multiply(element[i], B)] = (k << 4) | i;

// The linear part of SubBytes [FIPS 197 §5.1.1].
const affine = (x: number): number =>
  ((x * 257) ^ ((x * 257) >>> 4) ^ ((x * 257) >>> 5) ^ ((x * 257) >>> 6) ^ ((x * 257) >>> 7)) & 0xff;

const INFINITY = 0x80;
const TOWER_LOW = nibbles.map((n) => tower[n]);
const TOWER_HIGH = nibbles.map((n) => tower[n << 4]);
const INVERSE = nibbles.map((n) => (n === 0 ? INFINITY : nibbleOf(inverse(element[n]))));
const A_OVER_K = nibbles.map((n) => (n === 0 ? INFINITY : nibbleOf(multiply(a, inverse(element[n])))));

// conj(x) = P + iB with P = k + ai and Q = k(1 + a) + ai, so that i = P/a + (P + Q)/a^2.
const overA = multiply(B, inverse(a));
const overA2 = multiply(overA, inverse(a));

/** The pair of tables for `map` of 1/x: indexed by io and jo. */
function outputTables(map: (x: number) => number): [number[], number[]] {
  const table = (c: number): number[] => nibbles.map((n) => (n === 0 ? 0 : map(multiply(c, inverse(element[n])))));
  return [table(1 ^ overA ^ overA2), table(overA2)];
}

const SUB_TOWER = outputTables((x) => tower[affine(x)]);
const SUB_TOWER_2 = outputTables((x) => tower[multiply(2, affine(x))]);
const SUB_OCTET = outputTables(affine);

// Permutations as index arrays: octet n of the result is octet p[n] of the argument. State octet n is row n % 4.
const SHIFT_ROWS = nibbles.map((n) => (n + 4 * (n % 4)) % 16);
const ROTATE_1 = nibbles.map((n) => (n & 12) | ((n + 1) & 3));
const ROTATE_2 = nibbles.map((n) => (n & 12) | ((n + 2) & 3));
const ROTATE_3 = nibbles.map((n) => (n & 12) | ((n + 3) & 3));

/** First `p`, then `q`. */
const then = (p: number[], q: number[]): number[] => q.map((n) => p[n]);

/** ShiftRows `times` times; its fourth power is the identity. */
export function shiftRows(times: number): number[] {
  let p = nibbles;
  for (let n = 0; n < ((times % 4) + 4) % 4; n++) p = then(p, SHIFT_ROWS);
  return p;
}

/** Emits constants and rounds into one function. */
export class AesEmitter {
  private readonly f: FunctionCode;
  private readonly constants = new Map<string, number>();
  private readonly scratch: number[];

  constructor(f: FunctionCode) {
    this.f = f;
    this.scratch = [0, 1, 2, 3, 4].map(() => f.local(V128));
  }

  /** Puts a vector constant into a local; before the function's loop. */
  constant(octets: number[]): number {
    const name = octets.join();
    let local = this.constants.get(name);
    if (local === undefined) {
      local = this.f.local(V128);
      this.f.vector(octets).set(local);
      this.constants.set(name, local);
    }
    return local;
  }

  /** All constants of `emitRounds`. */
  prepare(): void {
    this.constant(nibbles.map(() => 15));
    for (const t of [TOWER_LOW, TOWER_HIGH, INVERSE, A_OVER_K, ...SUB_TOWER, ...SUB_TOWER_2, ...SUB_OCTET]) {
      this.constant(t);
    }
  }

  // Splits state `s` into low nibbles (to local `low`) and high ones (left on the stack).
  private split(s: number, low: number): FunctionCode {
    const mask = this.constant(nibbles.map(() => 15));
    this.f.get(s).get(mask).and().set(low);
    return this.f.get(s).get(mask).andNot().i32(4).shiftRight32();
  }

  /** Brings `s` from octets to the tower basis. */
  toTower(s: number): void {
    const [low, high] = this.scratch;
    this.split(s, low).set(high);
    this.f.get(this.constant(TOWER_LOW)).get(low).swizzle();
    this.f.get(this.constant(TOWER_HIGH)).get(high).swizzle().xor().set(s);
  }

  /** io and jo of state `s` in the tower basis, to the first two scratch locals. */
  private invert(s: number): void {
    const [io, jo, i, k, j] = this.scratch;
    const f = this.f;
    const inv = this.constant(INVERSE);
    this.split(s, i).tee(k).get(i).xor().set(j);
    f.get(this.constant(A_OVER_K)).get(k).swizzle().set(k);
    f.get(inv).get(inv).get(i).swizzle().get(k).xor().swizzle().get(j).xor().set(io);
    f.get(inv).get(inv).get(j).swizzle().get(k).xor().swizzle().get(i).xor().set(jo);
  }

  // Leaves the sum of two look-ups on the stack.
  private lookUp(tables: [number[], number[]]): FunctionCode {
    const [io, jo] = this.scratch;
    this.f.get(this.constant(tables[0])).get(io).swizzle();
    return this.f.get(this.constant(tables[1])).get(jo).swizzle().xor();
  }

  /** SubBytes of `s` in the tower basis to octets, without the constant 0x63. */
  subBytes(s: number): void {
    this.invert(s);
    this.lookUp(SUB_OCTET).set(s);
  }

  // Round 1..9 of `s` with the round keys at the address in local `key`.
  private round(s: number, key: number, r: number): void {
    const f = this.f;
    const [, , y, y2] = this.scratch;
    const rotated = (local: number, p: number[]): FunctionCode => {
      const permuted = then(then(shiftRows(r), p), shiftRows(-r));
      return f.get(local).vector(permuted).swizzle();
    };
    this.invert(s);
    this.lookUp(SUB_TOWER).set(y);
    this.lookUp(SUB_TOWER_2).tee(y2).get(y).xor().set(s);
    // [FIPS 197 §5.1.3] 2a + 3b + c + d, from a (y) and 2a (y2): one permutation deep, as latency is what counts.
    rotated(s, ROTATE_1);
    rotated(y, ROTATE_2);
    rotated(y, ROTATE_3).xor();
    const roundKey = 16 * r;
    f.get(y2).get(key).load(roundKey).xor().xor().xor().set(s);
  }

  /** Encrypts each of `states` (locals, octets in and out); one round of each in turn, for the processor to overlap. */
  emitRounds(states: number[], key: number): void {
    const f = this.f;
    for (const s of states) {
      f.get(s).get(key).load(0).xor().set(s);
      this.toTower(s);
    }
    for (let r = 1; r < 10; r++) for (const s of states) this.round(s, key, r);
    for (const s of states) {
      this.subBytes(s);
      f.get(s).vector(shiftRows(10)).swizzle().get(key).load(160).xor().set(s);
    }
  }
}
