// AES-128-GCM, in place [SP 800-38D; RFC 4106 for ESP], and so GMAC, which is GCM without a text [RFC 4543]. One AES block per 16
// octets of text, two more per packet; GHASH with a table of 16 multiples of the hash key, four bits at a time. Hosts have
// providers that are faster; no bundle for boards has it. NOT constant time, as aes.ts is not.

import { fill, put32, u32 } from '../base/bytes.ts';
import { checkRange } from '../base/refuse.ts';
import { AES_ROUND_KEYS, aesEncrypt, aesExpand } from './aes.ts';
import type { Part } from './portable.ts';
import { type Aead, ALG_AES_GCM, type Key } from './provider.ts';

const BLOCK = 16;
const NONCE = 12;
const ICV = 16;
/** Multiples of the hash key, of four words each. */
const TABLE = 64;

/** An AES-GCM key: the round keys of the cipher, and n times the hash key for n of four bits, the highest first. */
export interface GcmKey extends Key {
  rounds: Uint16Array;
  table: Int32Array;
}

/** What the four bits that a shift pushes out add to the highest 16 bits [SP 800-38D §6.3]: multiples of 0xe1, reduced. */
const REDUCE = /* @__PURE__ */ new Uint16Array(16);
const counter = /* @__PURE__ */ new Uint8Array(BLOCK);
const stream = /* @__PURE__ */ new Uint8Array(BLOCK);
const hash = /* @__PURE__ */ new Uint8Array(BLOCK);
/** The sum in the multiplication: four words, the highest first. */
const sum = /* @__PURE__ */ new Int32Array(4);

function makeReduce(): void {
  for (let n = 0; n < 16; n++) {
    // A bit that leaves at the right comes back as x^128 = x^7 + x^2 + x + 1, in reversed order of bits.
    let value = n;
    for (let i = 0; i < 4; i++) value = (value & 1) !== 0 ? (value >>> 1) ^ 0xe100 : value >>> 1;
    REDUCE[n] = value & 0xffff;
  }
}

function makeKey(octets: Uint8Array): Key {
  if (REDUCE[1] === 0) makeReduce();
  const rounds = aesExpand(octets);
  const table = new Int32Array(TABLE);
  fill(stream, 0, BLOCK, 0);
  aesEncrypt(rounds, stream, stream);
  // 8 stands for the hash key itself: bits are reversed, and a shift to the right is a product with x.
  for (let i = 0; i < 4; i++) table[32 + i] = u32(stream, 4 * i) & 0xffffffff;
  fill(stream, 0, BLOCK, 0);
  for (let n = 4; n > 0; n = n >>> 1) {
    const from = 8 * n;
    const to = 4 * n;
    const lost = (table[from + 3] & 1) !== 0 ? 0xe1000000 : 0; // wide
    for (let i = 3; i > 0; i--) {
      table[to + i] = ((table[from + i] >>> 1) | ((table[from + i - 1] & 1) << 31)) & 0xffffffff;
    }
    table[to] = ((table[from] >>> 1) ^ lost) & 0xffffffff;
  }
  for (let n = 2; n < 16; n = 2 * n) {
    for (let m = 1; m < n; m++) {
      for (let i = 0; i < 4; i++) table[4 * (n + m) + i] = (table[4 * n + i] ^ table[4 * m + i]) & 0xffffffff;
    }
  }
  const key: GcmKey = { alg: ALG_AES_GCM, rounds: rounds, table: table };
  return key;
}

/** Sixteen times the sum, and the multiple of the hash key for the next four bits on top. */
function step(table: Int32Array, bits: number): void {
  const lost = REDUCE[sum[3] & 15];
  for (let i = 3; i > 0; i--) {
    sum[i] = (((sum[i] >>> 4) & 0x0fffffff) | ((sum[i - 1] & 15) << 28)) & 0xffffffff;
  }
  sum[0] = (((sum[0] >>> 4) & 0x0fffffff) ^ (lost << 16)) & 0xffffffff;
  for (let i = 0; i < 4; i++) sum[i] = (sum[i] ^ table[4 * bits + i]) & 0xffffffff;
}

/** hash = hash * H. */
function multiply(table: Int32Array): void {
  for (let i = 0; i < 4; i++) sum[i] = 0;
  for (let i = BLOCK - 1; i >= 0; i--) {
    step(table, hash[i] & 15);
    step(table, hash[i] >>> 4);
  }
  for (let i = 0; i < 4; i++) put32(hash, 4 * i, sum[i]);
}

/** GHASH of a range, filled up to a whole block with zeros [SP 800-38D §6.4]. */
function absorb(table: Int32Array, buffer: Uint8Array, offset: number, length: number): void {
  for (let done = 0; done < length; done += BLOCK) {
    const n = Math.min(length - done, BLOCK);
    for (let i = 0; i < n; i++) hash[i] = hash[i] ^ buffer[offset + done + i];
    multiply(table);
  }
}

/** Counter mode from the second block on, in place. */
function crypt(w: Uint16Array, buffer: Uint8Array, offset: number, length: number): void {
  let block = 1;
  for (let done = 0; done < length; done += BLOCK) {
    const n = Math.min(length - done, BLOCK);
    block++;
    put32(counter, NONCE, block);
    aesEncrypt(w, counter, stream);
    for (let i = 0; i < n; i++) buffer[offset + done + i] = buffer[offset + done + i] ^ stream[i];
  }
}

/** Sets the counter to the nonce, and `hash` to GHASH of the additional data. */
function begin(k: GcmKey, aead: Aead, length: number): void {
  checkRange('nonceLength', aead.nonceLength, NONCE, NONCE);
  checkRange('icvLength', aead.icvLength, ICV, ICV);
  checkRange('length', length, 0, 0xffffff);
  checkRange('aadLength', aead.aadLength, 0, 0xffffff);
  for (let i = 0; i < NONCE; i++) counter[i] = aead.nonce[i];
  fill(hash, 0, BLOCK, 0);
  absorb(k.table, aead.aad, 0, aead.aadLength);
}

/** Leaves the ICV in `hash`, which has the additional data and the cipher text [SP 800-38D §7.1]. */
function finish(k: GcmKey, aead: Aead, length: number): void {
  fill(stream, 0, BLOCK, 0);
  put32(stream, 4, 8 * aead.aadLength);
  put32(stream, 12, 8 * length);
  absorb(k.table, stream, 0, BLOCK);
  put32(counter, NONCE, 1);
  aesEncrypt(k.rounds, counter, stream);
  for (let i = 0; i < BLOCK; i++) hash[i] = hash[i] ^ stream[i];
}

function seal(key: Key, aead: Aead, buffer: Uint8Array, offset: number, length: number): void {
  const k = key as GcmKey;
  begin(k, aead, length);
  crypt(k.rounds, buffer, offset, length);
  absorb(k.table, buffer, offset, length);
  finish(k, aead, length);
  for (let i = 0; i < ICV; i++) buffer[offset + length + i] = hash[i];
}

function open(key: Key, aead: Aead, buffer: Uint8Array, offset: number, length: number): boolean {
  const k = key as GcmKey;
  begin(k, aead, length);
  absorb(k.table, buffer, offset, length);
  finish(k, aead, length);
  let difference = 0;
  for (let i = 0; i < ICV; i++) difference |= buffer[offset + length + i] ^ hash[i];
  if (difference !== 0) return false;
  crypt(k.rounds, buffer, offset, length);
  return true;
}

/** AES-GCM with a 16-octet key: nonce of 12 octets, ICV of 16. */
export const aesGcm: Part = {
  alg: ALG_AES_GCM,
  minKey: 16,
  maxKey: 16,
  key: makeKey,
  wipe: (key) => {
    for (let i = 0; i < AES_ROUND_KEYS; i++) (key as GcmKey).rounds[i] = 0;
    for (let i = 0; i < TABLE; i++) (key as GcmKey).table[i] = 0;
  },
  seal: seal,
  open: open,
};
