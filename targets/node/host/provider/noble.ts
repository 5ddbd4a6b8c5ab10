// What @noble/ciphers and @noble/hashes have: AES-GCM, ChaCha20-Poly1305, AES-CBC, HMAC-SHA2-256; they have no AES-CCM.
// Plain JavaScript, audited; a third implementation to compare with, and one for a Node without OpenSSL's algorithms.

import { randomFillSync } from 'node:crypto';
import { gcm, cbc as nobleCbc } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { Key, Provider } from '../../../../core/crypto/provider.ts';
import { ALG_AES_CCM, ALG_AES_GCM, ALG_HMAC_SHA256 } from '../../../../core/crypto/provider.ts';
import { checkAead, checkAlg, checkCbc, checkKey, keyFits } from './limits.ts';

/** A key of this provider. */
export interface NobleKey extends Key {
  octets: Uint8Array;
}

function has(alg: number, keyLength: number): boolean {
  return alg !== ALG_AES_CCM && keyFits(alg, keyLength);
}

function aead(key: Key, nonce: Uint8Array, nonceLength: number, aad: Uint8Array, aadLength: number) {
  const make = key.alg === ALG_AES_GCM ? gcm : chacha20poly1305;
  return make((key as NobleKey).octets, nonce.slice(0, nonceLength), aad.slice(0, aadLength));
}

function seal(
  key: Key,
  nonce: Uint8Array,
  nonceLength: number,
  aad: Uint8Array,
  aadLength: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  icvLength: number,
): void {
  checkAead(key, nonceLength, aadLength, buffer, offset, length, icvLength);
  const text = buffer.slice(offset, offset + length);
  buffer.set(aead(key, nonce, nonceLength, aad, aadLength).encrypt(text), offset);
}

function open(
  key: Key,
  nonce: Uint8Array,
  nonceLength: number,
  aad: Uint8Array,
  aadLength: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  icvLength: number,
): boolean {
  checkAead(key, nonceLength, aadLength, buffer, offset, length, icvLength);
  const text = buffer.slice(offset, offset + length + icvLength);
  try {
    buffer.set(aead(key, nonce, nonceLength, aad, aadLength).decrypt(text), offset);
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
  checkAlg(key, ALG_HMAC_SHA256);
  out.set(hmac(sha256, (key as NobleKey).octets, buffer.slice(offset, offset + length)), outOffset);
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
    random: (buffer, offset, length) => {
      randomFillSync(buffer, offset, length);
    },
  };
}
