// AES-128-GCM for the dissector [NIST SP 800-38D], with a nonce of 12 octets. Opening only, and without haste: GHASH goes bit by
// bit. The table lookups of AES are no matter here, as the keys are in a file beside the capture.

import { aesEncrypt, aesExpand } from '../../core/crypto/aes.ts';
import type { Part } from '../../core/crypto/portable.ts';
import { type Aead, ALG_AES_GCM, type Key } from '../../core/crypto/provider.ts';

interface GcmKey extends Key {
  rounds: Uint16Array;
  hash: Uint32Array;
}

const BLOCK = 16;
const POLYNOMIAL = 0xe1000000;

const product = /* @__PURE__ */ new Uint32Array(4);
const power = /* @__PURE__ */ new Uint32Array(4);

function word(octets: Uint8Array, at: number): number {
  return octets[at] * 0x1000000 + octets[at + 1] * 0x10000 + octets[at + 2] * 0x100 + octets[at + 3];
}

/** x becomes x * h [§6.3]. */
function multiply(x: Uint32Array, h: Uint32Array): void {
  for (let i = 0; i < 4; i++) {
    product[i] = 0;
    power[i] = h[i];
  }
  for (let bit = 0; bit < 128; bit++) {
    if (((x[bit >>> 5] >>> (31 - (bit & 31))) & 1) === 1) {
      for (let i = 0; i < 4; i++) product[i] = ((product[i] ^ power[i]) & 0xffffffff) >>> 0;
    }
    const last = power[3] & 1;
    for (let i = 3; i > 0; i--) power[i] = ((power[i] >>> 1) | ((power[i - 1] & 1) * 0x80000000)) >>> 0;
    power[0] = power[0] >>> 1;
    if (last === 1) power[0] = ((power[0] ^ POLYNOMIAL) & 0xffffffff) >>> 0;
  }
  for (let i = 0; i < 4; i++) x[i] = product[i];
}

const state = /* @__PURE__ */ new Uint32Array(4);
const block = /* @__PURE__ */ new Uint8Array(BLOCK);
const stream = /* @__PURE__ */ new Uint8Array(BLOCK);

function takeBlock(hash: Uint32Array): void {
  for (let i = 0; i < 4; i++) state[i] = ((state[i] ^ word(block, 4 * i)) & 0xffffffff) >>> 0;
  multiply(state, hash);
}

function take(hash: Uint32Array, octets: Uint8Array, offset: number, length: number): void {
  for (let done = 0; done < length; done += BLOCK) {
    for (let i = 0; i < BLOCK; i++) block[i] = done + i < length ? octets[offset + done + i] : 0;
    takeBlock(hash);
  }
}

function putWord(to: Uint8Array, at: number, value: number): void {
  to[at] = Math.floor(value / 0x1000000) & 0xff;
  to[at + 1] = Math.floor(value / 0x10000) & 0xff;
  to[at + 2] = Math.floor(value / 0x100) & 0xff;
  to[at + 3] = value & 0xff;
}

/** The key stream's block with this number. */
function streamBlock(key: GcmKey, aead: Aead, count: number): void {
  for (let i = 0; i < 12; i++) block[i] = aead.nonce[i];
  putWord(block, 12, count);
  aesEncrypt(key.rounds, block, stream);
}

export const aesGcm: Part = {
  alg: ALG_AES_GCM,
  minKey: 16,
  maxKey: 16,
  key: (octets) => {
    const rounds = aesExpand(octets);
    const zero = new Uint8Array(BLOCK);
    aesEncrypt(rounds, zero, zero);
    const hash = new Uint32Array(4);
    for (let i = 0; i < 4; i++) hash[i] = word(zero, 4 * i);
    const made: GcmKey = { alg: ALG_AES_GCM, rounds: rounds, hash: hash };
    return made;
  },
  wipe: () => {},
  open: (given, aead, buffer, offset, length) => {
    const key = given as GcmKey;
    for (let i = 0; i < 4; i++) state[i] = 0;
    take(key.hash, aead.aad, 0, aead.aadLength);
    take(key.hash, buffer, offset, length);
    for (let i = 0; i < BLOCK; i++) block[i] = 0;
    putWord(block, 4, aead.aadLength * 8);
    putWord(block, 12, length * 8);
    takeBlock(key.hash);
    streamBlock(key, aead, 1);
    for (let i = 0; i < 4; i++) putWord(block, 4 * i, state[i]);
    for (let i = 0; i < aead.icvLength; i++) {
      if (((block[i] ^ stream[i]) & 0xff) !== buffer[offset + length + i]) return false;
    }
    for (let done = 0; done < length; done += BLOCK) {
      streamBlock(key, aead, 2 + done / BLOCK);
      for (let i = 0; i < BLOCK && done + i < length; i++) {
        buffer[offset + done + i] = (buffer[offset + done + i] ^ stream[i]) & 0xff;
      }
    }
    return true;
  },
};
