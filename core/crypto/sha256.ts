// SHA-256, incremental [FIPS 180-4 §5, §6.2]. Whole blocks are read from the caller's buffer; a partial one is kept.
// 32-bit steps are masked with `& 0xffffffff` where a sum is kept: signed numbers in JavaScript, unsigned ones on Lua,
// with the same low 32 bits.
//
// The constants are the first 32 bits of the fractional parts of square and cube roots [FIPS 180-4 §4.2.2, §5.3.3],
// computed at first use: shorter than the literals, and none of the 72 roots is so close to a boundary that a relative
// error of 1e-13 (some 500 times the rounding error of a double) would change it. The tests compare all of them.

import { fill, put32, u32 } from '../base/bytes.ts';

const K = /* @__PURE__ */ new Int32Array(64);
const H0 = /* @__PURE__ */ new Int32Array(8);
const w = /* @__PURE__ */ new Int32Array(64);

/** The state of one hash: plain data. */
export interface Sha256 {
  h: Int32Array;
  block: Uint8Array;
  /** Octets hashed so far. */
  length: number;
}

function fraction(x: number): number {
  return Math.floor((x - Math.floor(x)) * 4294967296) & 0xffffffff;
}

function makeConstants(): void {
  let n = 0;
  for (let p = 2; n < 64; p++) {
    let divisor = 2;
    while (p % divisor !== 0) divisor++;
    if (divisor === p) {
      K[n] = fraction(Math.pow(p, 1 / 3));
      if (n < 8) H0[n] = fraction(Math.sqrt(p));
      n++;
    }
  }
}

/** A new state; start it with `sha256Start`. */
export function sha256New(): Sha256 {
  if (K[0] === 0) makeConstants();
  return { h: new Int32Array(8), block: new Uint8Array(64), length: 0 };
}

/** The compression function [FIPS 180-4 §6.2.2] of the 64 octets at `offset`. */
export function sha256Block(state: Int32Array, buffer: Uint8Array, offset: number): void {
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let t = 0; t < 64; t++) {
    if (t < 16) w[t] = u32(buffer, offset + 4 * t);
    else {
      const x = w[t - 15];
      const y = w[t - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[t] = (w[t - 16] + s0 + w[t - 7] + s1) & 0xffffffff;
    }
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    // Ch and Maj [FIPS 180-4 §4.1.2] with one operation less.
    const t1 = h + s1 + (g ^ (e & (f ^ g))) + K[t] + w[t];
    const t2 = s0 + ((a & b) | (c & (a | b)));
    h = g;
    g = f;
    f = e;
    e = (d + t1) & 0xffffffff;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) & 0xffffffff;
  }
  state[0] = (state[0] + a) & 0xffffffff;
  state[1] = (state[1] + b) & 0xffffffff;
  state[2] = (state[2] + c) & 0xffffffff;
  state[3] = (state[3] + d) & 0xffffffff;
  state[4] = (state[4] + e) & 0xffffffff;
  state[5] = (state[5] + f) & 0xffffffff;
  state[6] = (state[6] + g) & 0xffffffff;
  state[7] = (state[7] + h) & 0xffffffff;
}

/** Starts a hash in `s`. */
export function sha256Start(s: Sha256): void {
  for (let i = 0; i < 8; i++) s.h[i] = H0[i];
  s.length = 0;
}

/** Adds buffer[offset..offset+length). */
export function sha256Update(s: Sha256, buffer: Uint8Array, offset: number, length: number): void {
  const end = offset + length;
  let used = s.length & 63;
  let i = offset;
  s.length += length;
  while (i < end) {
    if (used === 0 && end - i >= 64) {
      sha256Block(s.h, buffer, i);
      i += 64;
    } else {
      s.block[used] = buffer[i];
      used++;
      i++;
      if (used === 64) {
        sha256Block(s.h, s.block, 0);
        used = 0;
      }
    }
  }
}

/** Ends the hash: 32 octets to out[outOffset..). The state must be started anew [FIPS 180-4 §5.1.1]. */
export function sha256End(s: Sha256, out: Uint8Array, outOffset: number): void {
  const used = s.length & 63;
  s.block[used] = 0x80;
  fill(s.block, used + 1, 63 - used, 0);
  if (used > 55) {
    sha256Block(s.h, s.block, 0);
    fill(s.block, 0, 64, 0);
  }
  put32(s.block, 56, s.length >>> 29);
  put32(s.block, 60, (s.length << 3) & 0xffffffff);
  sha256Block(s.h, s.block, 0);
  for (let i = 0; i < 8; i++) put32(out, outOffset + 4 * i, s.h[i]);
}
