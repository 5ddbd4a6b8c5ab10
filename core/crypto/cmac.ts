// AES-128-CMAC of one range [RFC 4493; SP 800-38B]. Hosts use it for AH and have a provider that is faster; no bundle for boards
// has it.

import { copy, fill } from '../base/bytes.ts';
import { AES_ROUND_KEYS, aesEncrypt, aesExpand } from './aes.ts';
import type { Part } from './portable.ts';
import { ALG_AES_CMAC, type Key } from './provider.ts';

const BLOCK = 16;

/** An AES-CMAC key: the round keys, and the two subkeys for the last block, one behind the other. */
export interface CmacKey extends Key {
  rounds: Uint16Array;
  subkeys: Uint8Array;
}

const state = /* @__PURE__ */ new Uint8Array(BLOCK);

/** Twice the block at `from`, in GF(2^128), to `to` [RFC 4493 §2.3]. */
function double(octets: Uint8Array, from: number, to: number): void {
  const carry = octets[from] >>> 7;
  for (let i = 0; i < BLOCK - 1; i++) {
    octets[to + i] = ((octets[from + i] << 1) | (octets[from + i + 1] >>> 7)) & 0xff;
  }
  octets[to + BLOCK - 1] = ((octets[from + BLOCK - 1] << 1) & 0xff) ^ (carry * 0x87);
}

function makeKey(octets: Uint8Array): Key {
  const rounds = aesExpand(octets);
  const subkeys = new Uint8Array(2 * BLOCK);
  fill(state, 0, BLOCK, 0);
  aesEncrypt(rounds, state, state);
  copy(subkeys, 0, state, 0, BLOCK);
  fill(state, 0, BLOCK, 0);
  double(subkeys, 0, 0);
  double(subkeys, 0, BLOCK);
  const key: CmacKey = { alg: ALG_AES_CMAC, rounds: rounds, subkeys: subkeys };
  return key;
}

function cmac(key: Key, buffer: Uint8Array, offset: number, length: number, out: Uint8Array, outOffset: number): void {
  const k = key as CmacKey;
  fill(state, 0, BLOCK, 0);
  let at = offset;
  let left = length;
  for (; left > BLOCK; left -= BLOCK) {
    for (let i = 0; i < BLOCK; i++) state[i] = state[i] ^ buffer[at + i];
    aesEncrypt(k.rounds, state, state);
    at += BLOCK;
  }
  for (let i = 0; i < left; i++) state[i] = state[i] ^ buffer[at + i];
  // A last block that is not whole is filled up with a 1 bit and zeros.
  if (left < BLOCK) state[left] = state[left] ^ 0x80;
  const subkey = left < BLOCK ? BLOCK : 0;
  for (let i = 0; i < BLOCK; i++) state[i] = state[i] ^ k.subkeys[subkey + i];
  aesEncrypt(k.rounds, state, state);
  copy(out, outOffset, state, 0, BLOCK);
}

/** AES-CMAC with a 16-octet key; 16 octets. */
export const aesCmac: Part = {
  alg: ALG_AES_CMAC,
  minKey: 16,
  maxKey: 16,
  key: makeKey,
  wipe: (key) => {
    for (let i = 0; i < AES_ROUND_KEYS; i++) (key as CmacKey).rounds[i] = 0;
    fill((key as CmacKey).subkeys, 0, 2 * BLOCK, 0);
  },
  mac: cmac,
};
