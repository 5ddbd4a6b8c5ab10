// What the providers of hosts take, and the checks that they share. A message names field, value and limit.

import { checkRange } from '../../core/base/refuse.ts';
import { CCM_MAX_AAD } from '../../core/crypto/ccm.ts';
import {
  type Aead,
  ALG_AES_CBC,
  ALG_AES_CCM,
  ALG_AES_CMAC,
  ALG_AES_GCM,
  ALG_CHACHA20_POLY1305,
  ALG_HMAC_SHA256,
  type Key,
} from '../../core/crypto/provider.ts';

/** True when `keyLength` octets make a key of `alg`: AES-128, -192, -256; ChaCha20 with 32; HMAC with 1 to 65,535. */
export function keyFits(alg: number, keyLength: number): boolean {
  if (alg === ALG_AES_CCM || alg === ALG_AES_GCM || alg === ALG_AES_CBC || alg === ALG_AES_CMAC) {
    return keyLength === 16 || keyLength === 24 || keyLength === 32;
  }
  if (alg === ALG_CHACHA20_POLY1305) return keyLength === 32;
  return alg === ALG_HMAC_SHA256 && keyLength >= 1 && keyLength <= 65535;
}

/** Throws for a key that `has` refuses. */
export function checkKey(has: boolean, alg: number, keyLength: number): void {
  if (!has) {
    throw new RangeError(
      `key.length ${keyLength} for alg ${alg}: must be 16, 24 or 32 for AES, 32 for ChaCha20, 1..65535 for HMAC, and the alg in this provider`,
    );
  }
}

/** Throws when `key` is wiped, or of no integrity algorithm. */
export function checkMac(key: Key): void {
  if (key.alg !== ALG_HMAC_SHA256 && key.alg !== ALG_AES_CMAC) {
    throw new RangeError(`key.alg ${key.alg}: must be HMAC (5) or CMAC (6) here (0 is a wiped key)`);
  }
}

/** Throws when `key` is wiped, or of an algorithm other than `alg`. */
export function checkAlg(key: Key, alg: number): void {
  if (key.alg !== alg) throw new RangeError(`key.alg ${key.alg}: must be ${alg} here (0 is a wiped key)`);
}

/**
 * Checks an AEAD's arguments. AES-CCM: nonce 7..13, even ICV 4..16, AAD up to 65,279, and a payload that its length
 * field takes [RFC 3610 §2.1]; AES-GCM and ChaCha20-Poly1305: nonce 12, ICV 16 [RFC 4106 §6; RFC 7634 §2].
 */
export function checkAead(key: Key, aead: Aead, buffer: Uint8Array, offset: number, length: number): void {
  const nonceLength = aead.nonceLength;
  const icvLength = aead.icvLength;
  if (key.alg === ALG_AES_CCM) {
    checkRange('nonceLength', nonceLength, 7, 13);
    checkRange('icvLength', icvLength, 4, 16);
    checkRange('icvLength modulo 2', icvLength & 1, 0, 0);
    checkRange('aadLength', aead.aadLength, 0, CCM_MAX_AAD);
    checkRange('length', length, 0, nonceLength < 13 ? 0xffffff : 0xffff);
  } else {
    if (key.alg !== ALG_AES_GCM && key.alg !== ALG_CHACHA20_POLY1305) {
      throw new RangeError(`key.alg ${key.alg}: must be an AEAD (1..3) here (0 is a wiped key)`);
    }
    checkRange('nonceLength', nonceLength, 12, 12);
    checkRange('icvLength', icvLength, 16, 16);
  }
  checkRange('offset + length + icvLength', offset + length + icvLength, 0, buffer.length);
}

/** Checks the arguments of AES-CBC: whole blocks inside the buffer. */
export function checkCbc(key: Key, buffer: Uint8Array, ivOffset: number, offset: number, length: number): void {
  checkAlg(key, ALG_AES_CBC);
  checkRange('length modulo 16', length & 15, 0, 0);
  checkRange('ivOffset + 16', ivOffset + 16, 16, buffer.length);
  checkRange('offset + length', offset + length, 0, buffer.length);
}
