// ChaCha20-Poly1305 for the dissector [RFC 8439], with a nonce of 12 octets. Opening only, and without haste. Limbs of Poly1305
// have 13 bits: sums of their products stay exact in Lua's and JavaScript's numbers. Nothing here takes constant time, as the keys
// are in a file beside the capture.

import type { Part } from '../../core/crypto/portable.ts';
import { type Aead, ALG_CHACHA20_POLY1305, type Key } from '../../core/crypto/provider.ts';

interface ChachaKey extends Key {
  words: Uint32Array;
}

const BLOCK = 64;
const TAG = 16;
const LIMBS = 10;
const LIMB = 8192;

const initial = /* @__PURE__ */ new Uint32Array(16);
const state = /* @__PURE__ */ new Uint32Array(16);
const stream = /* @__PURE__ */ new Uint8Array(BLOCK);
const tag = /* @__PURE__ */ new Uint8Array(TAG);
const block = /* @__PURE__ */ new Uint8Array(TAG);
const r = /* @__PURE__ */ new Uint32Array(LIMBS);
const h = /* @__PURE__ */ new Uint32Array(LIMBS);
const sums = /* @__PURE__ */ new Float64Array(LIMBS);

/** Four octets, the least significant first. */
function word(octets: Uint8Array, at: number): number {
  return octets[at] + octets[at + 1] * 0x100 + octets[at + 2] * 0x10000 + octets[at + 3] * 0x1000000;
}

/** state[at] becomes state[at] + state[by], and state[to] (state[to] xor that) turned left by `bits`. */
function mix(at: number, by: number, to: number, bits: number): void {
  state[at] = ((state[at] + state[by]) & 0xffffffff) >>> 0;
  const x = ((state[to] ^ state[at]) & 0xffffffff) >>> 0;
  state[to] = (((x << bits) | (x >>> (32 - bits))) & 0xffffffff) >>> 0;
}

function quarter(a: number, b: number, c: number, d: number): void {
  mix(a, b, d, 16);
  mix(c, d, b, 12);
  mix(a, b, d, 8);
  mix(c, d, b, 7);
}

/** The key stream's block with this number, into `stream` [§2.3]. */
function streamBlock(key: ChachaKey, aead: Aead, count: number): void {
  initial[0] = 0x61707865;
  initial[1] = 0x3320646e;
  initial[2] = 0x79622d32;
  initial[3] = 0x6b206574;
  for (let i = 0; i < 8; i++) initial[4 + i] = key.words[i];
  initial[12] = count;
  for (let i = 0; i < 3; i++) initial[13 + i] = word(aead.nonce, 4 * i);
  for (let i = 0; i < 16; i++) state[i] = initial[i];
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 4; i++) quarter(i, 4 + i, 8 + i, 12 + i);
    for (let i = 0; i < 4; i++) quarter(i, 4 + ((i + 1) & 3), 8 + ((i + 2) & 3), 12 + ((i + 3) & 3));
  }
  for (let i = 0; i < 16; i++) {
    const sum = ((state[i] + initial[i]) & 0xffffffff) >>> 0;
    stream[4 * i] = sum & 0xff;
    stream[4 * i + 1] = (sum >>> 8) & 0xff;
    stream[4 * i + 2] = (sum >>> 16) & 0xff;
    stream[4 * i + 3] = (sum >>> 24) & 0xff;
  }
}

/** The 13 bits of 16 octets from bit 13 * i on. */
function limbOf(octets: Uint8Array, i: number): number {
  const bit = 13 * i;
  const at = bit >>> 3;
  let three = octets[at];
  if (at + 1 < TAG) three += octets[at + 1] * 0x100;
  if (at + 2 < TAG) three += octets[at + 2] * 0x10000;
  return (three >>> (bit & 7)) & (LIMB - 1);
}

/** Takes what is above 13 bits of each limb to the next, and what is above 130 bits five times to the first. */
function carry(): void {
  let over = 0;
  for (let i = 0; i < LIMBS; i++) {
    const sum = sums[i] + over;
    over = Math.floor(sum / LIMB);
    h[i] = sum - over * LIMB;
  }
  let i = 0;
  over = over * 5;
  while (over > 0) {
    const sum = h[i] + over;
    over = Math.floor(sum / LIMB);
    h[i] = sum - over * LIMB;
    i++;
    if (i === LIMBS) {
      i = 0;
      over = over * 5;
    }
  }
}

/** h becomes (h + block + 2^128) * r modulo 2^130 - 5 [§2.5]. */
function takeBlock(): void {
  for (let i = 0; i < LIMBS; i++) h[i] = h[i] + limbOf(block, i);
  // Bit 128 is bit 11 of the last limb.
  h[LIMBS - 1] = h[LIMBS - 1] + 2048;
  for (let i = 0; i < LIMBS; i++) {
    let sum = 0;
    for (let j = 0; j <= i; j++) sum += h[j] * r[i - j];
    let folded = 0;
    for (let j = i + 1; j < LIMBS; j++) folded += h[j] * r[i + LIMBS - j];
    sums[i] = sum + 5 * folded;
  }
  carry();
}

/** Takes octets, and zeros up to a whole block [§2.8]. */
function take(octets: Uint8Array, offset: number, length: number): void {
  for (let done = 0; done < length; done += TAG) {
    for (let i = 0; i < TAG; i++) block[i] = done + i < length ? octets[offset + done + i] : 0;
    takeBlock();
  }
}

/** h modulo 2^130 - 5, and the second half of the one-time key added, into `tag`. */
function finish(): void {
  // h + 5 reaches 2^130 where h is not below the prime.
  let over = 5;
  for (let i = 0; i < LIMBS; i++) over = Math.floor((h[i] + over) / LIMB);
  over = over * 5;
  for (let i = 0; i < LIMBS; i++) {
    const sum = h[i] + over;
    over = Math.floor(sum / LIMB);
    h[i] = sum - over * LIMB;
  }
  let rest = 0;
  let bits = 0;
  let next = 0;
  let sum = 0;
  for (let i = 0; i < TAG; i++) {
    if (bits < 8) {
      rest += h[next] * (1 << bits);
      bits += 13;
      next++;
    }
    sum += (rest & 0xff) + stream[TAG + i];
    tag[i] = sum & 0xff;
    sum = sum >>> 8;
    rest = rest >>> 8;
    bits -= 8;
  }
}

function putLength(at: number, length: number): void {
  for (let i = 0; i < 4; i++) block[at + i] = (length >>> (8 * i)) & 0xff;
}

export const chacha20Poly1305: Part = {
  alg: ALG_CHACHA20_POLY1305,
  minKey: 32,
  maxKey: 32,
  key: (octets) => {
    const words = new Uint32Array(8);
    for (let i = 0; i < 8; i++) words[i] = word(octets, 4 * i);
    const made: ChachaKey = { alg: ALG_CHACHA20_POLY1305, words: words };
    return made;
  },
  wipe: () => {},
  open: (given, aead, buffer, offset, length) => {
    const key = given as ChachaKey;
    streamBlock(key, aead, 0);
    for (let i = 0; i < TAG; i++) block[i] = stream[i];
    for (let i = 3; i < TAG; i += 4) block[i] = block[i] & 15;
    for (let i = 4; i < TAG; i += 4) block[i] = block[i] & 252;
    for (let i = 0; i < LIMBS; i++) {
      r[i] = limbOf(block, i);
      h[i] = 0;
    }
    take(aead.aad, 0, aead.aadLength);
    take(buffer, offset, length);
    for (let i = 0; i < TAG; i++) block[i] = 0;
    putLength(0, aead.aadLength);
    putLength(8, length);
    takeBlock();
    finish();
    for (let i = 0; i < aead.icvLength; i++) {
      if (tag[i] !== buffer[offset + length + i]) return false;
    }
    for (let done = 0; done < length; done += BLOCK) {
      streamBlock(key, aead, 1 + done / BLOCK);
      for (let i = 0; i < BLOCK && done + i < length; i++) {
        buffer[offset + done + i] = (buffer[offset + done + i] ^ stream[i]) & 0xff;
      }
    }
    return true;
  },
};
