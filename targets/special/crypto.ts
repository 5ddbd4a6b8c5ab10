// Cryptography of a specialised device: each function by the board's hook, or portable, as the profile says.

import { copy, fill } from '../../core/base/bytes.ts';
import { aesExpand } from '../../core/crypto/aes.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import type { Key } from '../../core/crypto/provider.ts';
import { x25519 } from '../../core/crypto/x25519.ts';
import { NO_ENTROPY } from '../board/halt.ts';
import type { Board } from '../board/hooks.ts';
import { portableCcm } from './ccm.ts';
import { portableGcm, portableGcmKey } from './gcm.ts';
import type { Profile } from './profile.ts';

declare const board: Board;
declare const P: Profile;

/** A key of AES: its octets for a board that has the cipher, else the round keys. */
export type AeadKey = Uint8Array | Uint16Array;

/** Fills a range with random octets. Throws NO_ENTROPY. */
export function randomOctets(buffer: Uint8Array, offset: number, length: number): void {
  if (!board.random(buffer, offset, length)) throw new Error(NO_ENTROPY);
}

/** `length` octets of `from` in an array of their own. */
export function slice(from: Uint8Array, offset: number, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  copy(octets, 0, from, offset, length);
  return octets;
}

/** The key for `aead` whose 16 octets are at keys[at..). */
export function aeadKey(keys: Uint8Array, at: number): AeadKey {
  const octets = slice(keys, at, 16);
  if (P.nativeCcm) return octets;
  const rounds = aesExpand(octets);
  fill(octets, 0, 16, 0);
  return rounds;
}

/** Wipes a key of `aead` or `gcm`. */
export function wipeAead(key: AeadKey): void {
  for (let i = 0; i < key.length; i++) key[i] = 0;
}

/**
 * AES-CCM in place [RFC 3610], with a nonce of 11 octets: seals (`encrypt` 1) buffer[offset..offset + length) and writes the
 * ICV behind it, or opens it (0). False: the ICV is wrong, and the buffer is as it was.
 */
export function aead(
  encrypt: number,
  key: AeadKey,
  nonce: Uint8Array,
  aad: Uint8Array,
  aadLength: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  icvLength: number,
): boolean {
  if (P.nativeCcm) {
    return board.ccm(encrypt, key as Uint8Array, nonce, 11, aad, aadLength, buffer, offset, length, icvLength);
  }
  return portableCcm(encrypt, key as Uint16Array, nonce, aad, aadLength, buffer, offset, length, icvLength);
}

/** The key for `gcm` whose 16 octets are at keys[at..). */
export function gcmKey(keys: Uint8Array, at: number): AeadKey {
  if (P.nativeGcm) return slice(keys, at, 16);
  const octets = slice(keys, at, 16);
  const key = portableGcmKey(octets);
  fill(octets, 0, 16, 0);
  return key;
}

/** As `aead`, AES-GCM with a nonce of 12 octets and an ICV of 16 [RFC 4106]. */
export function gcm(
  encrypt: number,
  key: AeadKey,
  nonce: Uint8Array,
  aad: Uint8Array,
  aadLength: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
): boolean {
  if (P.nativeGcm) {
    return board.gcm!(encrypt, key as Uint8Array, nonce, 12, aad, aadLength, buffer, offset, length, 16);
  }
  return portableGcm(encrypt, key as Uint16Array, nonce, aad, aadLength, buffer, offset, length);
}

/** HMAC-SHA2-256 with all octets of `key`; writes 32 octets. */
export function hmacOf(
  key: Uint8Array,
  buffer: Uint8Array,
  offset: number,
  length: number,
  out: Uint8Array,
  outOffset: number,
): void {
  if (P.nativeHmac) {
    board.hmac(key, buffer, offset, length, out, outOffset);
    return;
  }
  const expanded = hmacSha256.key(key);
  hmacSha256.mac!(expanded, buffer, offset, length, out, outOffset);
  hmacSha256.wipe(expanded);
}

/** A key for `macOf`, from keys[at..at + 32). */
export function macKey(keys: Uint8Array, at: number): Uint8Array | Key {
  const octets = slice(keys, at, 32);
  if (P.nativeHmac) return octets;
  const expanded = hmacSha256.key(octets);
  fill(octets, 0, 32, 0);
  return expanded;
}

/** HMAC-SHA2-256 without memory of its own, for packets. */
export function macOf(
  key: Uint8Array | Key,
  buffer: Uint8Array,
  offset: number,
  length: number,
  out: Uint8Array,
): void {
  if (P.nativeHmac) board.hmac(key as Uint8Array, buffer, offset, length, out, 0);
  else hmacSha256.mac!(key as Key, buffer, offset, length, out, 0);
}

/** Wipes a key of `macOf`. */
export function wipeMac(key: Uint8Array | Key): void {
  if (P.nativeHmac) fill(key as Uint8Array, 0, 32, 0);
  else hmacSha256.wipe(key as Key);
}

/** X25519 [RFC 7748 §5]: 32 octets each. */
export function x25519Of(
  out: Uint8Array,
  outOffset: number,
  scalar: Uint8Array,
  scalarOffset: number,
  point: Uint8Array,
  pointOffset: number,
): void {
  if (P.nativeX25519) board.x25519(out, outOffset, scalar, scalarOffset, point, pointOffset);
  else x25519(out, outOffset, scalar, scalarOffset, point, pointOffset);
}

/**
 * P-256 by the board [RFC 5903]: the public value of a scalar of 32 octets (`point` null: 64 octets), or the secret with a point (32
 * octets). False: the scalar is none of the group's, or the point not on the curve.
 */
export function p256Of(
  out: Uint8Array,
  outOffset: number,
  scalar: Uint8Array,
  point: Uint8Array | null,
  pointOffset: number,
): boolean {
  return board.p256!(out, outOffset, scalar, 0, point, pointOffset);
}
