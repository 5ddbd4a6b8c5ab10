// AES-128-CBC, in place over whole blocks [SP 800-38A §6.2; RFC 3602 for ESP, where padding is ESP's own].

import { copy } from '../base/bytes.ts';
import { checkRange } from '../base/refuse.ts';
import { AES_ROUND_KEYS, aesEncrypt, aesExpand } from './aes.ts';
import { aesDecrypt } from './aes-inverse.ts';
import type { Part } from './portable.ts';
import type { Key } from './provider.ts';
import { ALG_AES_CBC } from './provider.ts';

/** An AES-CBC key: the round keys of the forward cipher. */
export interface CbcKey extends Key {
  rounds: Uint16Array;
}

const block = /* @__PURE__ */ new Uint8Array(16);

function cbc(key: Key, encrypt: boolean, buffer: Uint8Array, ivOffset: number, offset: number, length: number): void {
  const w = (key as CbcKey).rounds;
  checkRange('length modulo 16', length & 15, 0, 0);
  if (encrypt) {
    copy(block, 0, buffer, ivOffset, 16);
    for (let at = offset; at < offset + length; at += 16) {
      for (let i = 0; i < 16; i++) block[i] = block[i] ^ buffer[at + i];
      aesEncrypt(w, block, block);
      copy(buffer, at, block, 0, 16);
    }
    return;
  }
  // From the end, because each block needs the cipher text before it.
  for (let at = offset + length - 16; at >= offset; at -= 16) {
    const before = at === offset ? ivOffset : at - 16;
    aesDecrypt(w, buffer, at);
    for (let i = 0; i < 16; i++) buffer[at + i] = buffer[at + i] ^ buffer[before + i];
  }
}

/** AES-CBC with a 16-octet key. */
export const aesCbc: Part = {
  alg: ALG_AES_CBC,
  minKey: 16,
  maxKey: 16,
  key: (octets) => ({ alg: ALG_AES_CBC, rounds: aesExpand(octets) }) as CbcKey,
  wipe: (key) => {
    for (let i = 0; i < AES_ROUND_KEYS; i++) (key as CbcKey).rounds[i] = 0;
  },
  cbc: cbc,
};
