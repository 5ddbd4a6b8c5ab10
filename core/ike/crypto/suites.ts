// Ciphers of the SK payload: numbers and lengths of each [RFC 5282, RFC 7634, RFC 4868, RFC 3602]. Each cipher is an object;
// a board contains those that it imports.

import {
  ALG_AES_CBC,
  ALG_AES_CCM,
  ALG_AES_GCM,
  ALG_CHACHA20_POLY1305,
  ALG_HMAC_SHA256,
  type Provider,
} from '../../crypto/provider.ts';
import { INTEG_HMAC_SHA2_256_128 } from '../codec/numbers.ts';
import type { Choice } from '../codec/proposals.ts';

/** Lengths are in octets unless a field says otherwise. */
export interface IkeCipher {
  /** Name as outcomes and configuration files have it. */
  name: string;
  /** IANA transform identifiers: encryption, and integrity (0 for an AEAD). */
  encr: number;
  /** Transform identifier of the integrity algorithm; 0 for an AEAD. */
  integ: number;
  /** ALG_* of the encryption. */
  alg: number;
  /** Attribute Key Length, in bits; 0: none is sent. */
  keyBits: number;
  /** Of SK_e, without the salt. */
  keyLength: number;
  /** Of the salt, behind SK_e in the key material; 0 for none. */
  saltLength: number;
  /** Of SK_a; 0 for an AEAD. */
  authKeyLength: number;
  /** Of the IV at the front of SK. */
  ivLength: number;
  /** Of the ICV at the end of SK. */
  icvLength: number;
  /** Block size of the cipher, 1 for none. */
  blockSize: number;
}

function aead(name: string, encr: number, alg: number, keyBits: number, salt: number, icv: number): IkeCipher {
  return {
    name: name,
    encr: encr,
    integ: 0,
    alg: alg,
    keyBits: keyBits,
    keyLength: keyBits === 128 ? 16 : 32,
    saltLength: salt,
    authKeyLength: 0,
    ivLength: 8,
    icvLength: icv,
    blockSize: 1,
  };
}

function cbc(name: string, keyBits: number): IkeCipher {
  return {
    name: name,
    encr: 12,
    integ: INTEG_HMAC_SHA2_256_128,
    alg: ALG_AES_CBC,
    keyBits: keyBits,
    keyLength: keyBits === 128 ? 16 : 32,
    saltLength: 0,
    authKeyLength: 32,
    ivLength: 16,
    icvLength: 16,
    blockSize: 16,
  };
}

/** AES-CCM, 128-bit key, 8-octet ICV [RFC 5282]. */
export const ikeCcm8 = /* @__PURE__ */ aead('AES_CCM_8', 14, ALG_AES_CCM, 128, 3, 8);
/** AES-CCM, 128-bit key, 16-octet ICV [RFC 5282]. */
export const ikeCcm16 = /* @__PURE__ */ aead('AES_CCM_16', 16, ALG_AES_CCM, 128, 3, 16);
/** AES-GCM, 128-bit key, 16-octet ICV [RFC 5282]. */
export const ikeGcm16 = /* @__PURE__ */ aead('AES_GCM_16', 20, ALG_AES_GCM, 128, 4, 16);
/** AES-CCM, 256-bit key, 16-octet ICV [RFC 5282]. */
export const ikeCcm16x256 = /* @__PURE__ */ aead('AES_CCM_16_256', 16, ALG_AES_CCM, 256, 3, 16);
/** AES-GCM, 256-bit key, 16-octet ICV [RFC 5282]. */
export const ikeGcm16x256 = /* @__PURE__ */ aead('AES_GCM_16_256', 20, ALG_AES_GCM, 256, 4, 16);
/** ChaCha20-Poly1305, 256-bit key, 16-octet ICV [RFC 7634]. */
export const ikeChaCha20 = /* @__PURE__ */ aead('CHACHA20_POLY1305', 28, ALG_CHACHA20_POLY1305, 0, 4, 16);
/** AES-CBC, 128-bit key [RFC 3602], with HMAC-SHA2-256-128 [RFC 4868]. */
export const ikeCbcHmac = /* @__PURE__ */ cbc('AES_CBC_HMAC_SHA2_256_128', 128);
/** AES-CBC, 256-bit key [RFC 3602], with HMAC-SHA2-256-128 [RFC 4868]. */
export const ikeCbcHmacX256 = /* @__PURE__ */ cbc('AES_CBC_256_HMAC_SHA2_256_128', 256);

/** True when the provider has everything that the cipher needs. */
export function hasCipher(provider: Provider, cipher: IkeCipher): boolean {
  return (
    provider.has(cipher.alg, cipher.keyLength) &&
    (cipher.integ === 0 || provider.has(ALG_HMAC_SHA256, cipher.authKeyLength))
  );
}

/** The cipher of a choice among the policy's, or null. */
export function cipherOf(ciphers: IkeCipher[], choice: Choice): IkeCipher | null {
  for (let i = 0; i < ciphers.length; i++) {
    const c = ciphers[i];
    if (c.encr === choice.encr && c.keyBits === choice.keyBits && c.integ === choice.integ) return c;
  }
  return null;
}
