// What @noble/ciphers and @noble/hashes have: AES-GCM, ChaCha20-Poly1305, AES-CBC, AES-CMAC, HMAC-SHA2-256; they have no AES-CCM.
// Plain JavaScript, audited; it runs in browsers too, and is a third implementation to compare with.

import { cmac, gcm, cbc as nobleCbc } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { Aead, Key, Provider } from '../../core/crypto/provider.ts';
import { ALG_AES_CCM, ALG_AES_CMAC, ALG_AES_GCM } from '../../core/crypto/provider.ts';
import { checkAead, checkCbc, checkKey, checkMac, keyFits } from './limits.ts';
import { webRandom } from './random.ts';

/** A key of this provider. */
export interface NobleKey extends Key {
  octets: Uint8Array;
}

function has(alg: number, keyLength: number): boolean {
  return alg !== ALG_AES_CCM && keyFits(alg, keyLength);
}

function cipherOf(key: Key, aead: Aead) {
  const make = key.alg === ALG_AES_GCM ? gcm : chacha20poly1305;
  return make((key as NobleKey).octets, aead.nonce.slice(0, aead.nonceLength), aead.aad.slice(0, aead.aadLength));
}

function seal(key: Key, aead: Aead, buffer: Uint8Array, offset: number, length: number): void {
  checkAead(key, aead, buffer, offset, length);
  const text = buffer.slice(offset, offset + length);
  buffer.set(cipherOf(key, aead).encrypt(text), offset);
}

function open(key: Key, aead: Aead, buffer: Uint8Array, offset: number, length: number): boolean {
  checkAead(key, aead, buffer, offset, length);
  const text = buffer.slice(offset, offset + length + aead.icvLength);
  try {
    buffer.set(cipherOf(key, aead).decrypt(text), offset);
    return true;
  } catch {
    return false;
  }
}

function cbc(key: Key, encrypt: boolean, buffer: Uint8Array, ivOffset: number, offset: number, length: number): void {
  checkCbc(key, buffer, ivOffset, offset, length);
  if (length === 0) return;
  const iv = buffer.slice(ivOffset, ivOffset + 16);
  const text = buffer.slice(offset, offset + length);
  const cipher = nobleCbc((key as NobleKey).octets, iv, { disablePadding: true });
  buffer.set(encrypt ? cipher.encrypt(text) : cipher.decrypt(text), offset);
}

function mac(key: Key, buffer: Uint8Array, offset: number, length: number, out: Uint8Array, outOffset: number): void {
  checkMac(key);
  const { octets } = key as NobleKey;
  const message = buffer.slice(offset, offset + length);
  out.set(key.alg === ALG_AES_CMAC ? cmac(message, octets) : hmac(sha256, octets, message), outOffset);
}

function makeKey(alg: number, octets: Uint8Array): NobleKey {
  checkKey(has(alg, octets.length), alg, octets.length);
  return { alg, octets: Uint8Array.from(octets) };
}

/** A provider on @noble: no AES-CCM, AES with 16, 24 or 32 octets of key. */
export function createNobleProvider(): Provider {
  return {
    has,
    key: makeKey,
    wipe: (key) => {
      (key as NobleKey).octets.fill(0);
      key.alg = 0;
    },
    seal,
    open,
    cbc,
    mac,
    random: webRandom,
  };
}
