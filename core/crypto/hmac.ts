// HMAC-SHA2-256 [RFC 2104; RFC 4868]. A key holds the two hash states after its inner and outer pad, so that a message
// costs its own blocks and two more.

import { fill } from '../base/bytes.ts';
import type { Part } from './portable.ts';
import type { Key } from './provider.ts';
import { ALG_HMAC_SHA256 } from './provider.ts';
import type { Sha256 } from './sha256.ts';
import { sha256Block, sha256End, sha256New, sha256Start, sha256Update } from './sha256.ts';

/** An HMAC key: the hash states after the first block, and a hash to work with. */
export interface HmacKey extends Key {
  inner: Int32Array;
  outer: Int32Array;
  hash: Sha256;
}

const digest = /* @__PURE__ */ new Uint8Array(32);

function resume(hash: Sha256, state: Int32Array): void {
  for (let i = 0; i < 8; i++) hash.h[i] = state[i];
  hash.length = 64;
}

// [RFC 2104 §2] The state after the block of `octets` XOR `pad`. The block's octets are unchanged at the end.
function padState(hash: Sha256, octets: Uint8Array, pad: number): Int32Array {
  const state = new Int32Array(8);
  sha256Start(hash);
  for (let i = 0; i < 64; i++) octets[i] = octets[i] ^ pad;
  sha256Block(hash.h, octets, 0);
  for (let i = 0; i < 64; i++) octets[i] = octets[i] ^ pad;
  for (let i = 0; i < 8; i++) state[i] = hash.h[i];
  return state;
}

function wipeHmac(key: Key): void {
  const k = key as HmacKey;
  for (let i = 0; i < 8; i++) {
    k.inner[i] = 0;
    k.outer[i] = 0;
    k.hash.h[i] = 0;
  }
  fill(k.hash.block, 0, 64, 0);
}

function makeKey(octets: Uint8Array): Key {
  const hash = sha256New();
  const block = new Uint8Array(64);
  sha256Start(hash);
  if (octets.length > 64) {
    sha256Update(hash, octets, 0, octets.length);
    sha256End(hash, block, 0);
  } else for (let i = 0; i < octets.length; i++) block[i] = octets[i];
  const key: HmacKey = {
    alg: ALG_HMAC_SHA256,
    inner: padState(hash, block, 0x36),
    outer: padState(hash, block, 0x5c),
    hash: hash,
  };
  fill(block, 0, 64, 0);
  return key;
}

function hmac(key: Key, buffer: Uint8Array, offset: number, length: number, out: Uint8Array, outOffset: number): void {
  const k = key as HmacKey;
  resume(k.hash, k.inner);
  sha256Update(k.hash, buffer, offset, length);
  sha256End(k.hash, digest, 0);
  resume(k.hash, k.outer);
  sha256Update(k.hash, digest, 0, 32);
  sha256End(k.hash, out, outOffset);
}

/** HMAC-SHA2-256 with a key of 1 to 65,535 octets; ESP and IKE use 32. */
export const hmacSha256: Part = {
  alg: ALG_HMAC_SHA256,
  minKey: 1,
  maxKey: 65535,
  key: makeKey,
  wipe: wipeHmac,
  mac: hmac,
};
