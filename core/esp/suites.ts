// Cipher suites of ESP: numbers and lengths of each, and functions to seal and open a packet
// [RFC 4303 §3.2, RFC 4309, RFC 4106, RFC 7634, RFC 8750, RFC 4868, RFC 3602]. One object per suite; a board carries
// those it imports. The ICV covers the full ESP header and the compressed clear text (ICV-SCOPE).

import { copy, equal, put32 } from '../base/bytes.ts';
import {
  type Aead,
  ALG_AES_CBC,
  ALG_AES_CCM,
  ALG_AES_GCM,
  ALG_CHACHA20_POLY1305,
  ALG_HMAC_SHA256,
  type Key,
  type Provider,
} from '../crypto/provider.ts';
import type { Counter } from './sn.ts';

/** The fields of an SA that sealing and opening need. */
export interface Keyed {
  /** The whole SPI, 32 bits. */
  spi: number;
  /** Key of the encryption. */
  key: Key;
  /** Key of the integrity algorithm; `key` again for an AEAD. */
  authKey: Key;
  /** The salt is at base + form.saltAt. */
  octets: Uint8Array;
  /** Where the SA's part of `octets` begins. */
  base: number;
  /** The suite, the offset of the salt, and the kind of sequence numbers. */
  form: { suite: Suite; saltAt: number; counter: Counter };
}

/**
 * Seals or opens buffer[ivOffset..): IV, text of `length` octets, ICV, with the sequence number hi, lo. The 8 octets in
 * front of ivOffset may be overwritten. Returns false when the ICV is wrong; the text is then as it was.
 */
export type Operation = (
  provider: Provider,
  sa: Keyed,
  hi: number,
  lo: number,
  buffer: Uint8Array,
  ivOffset: number,
  length: number,
) => boolean;

/**
 * A cipher suite of ESP: its transform identifiers, its lengths in octets, and how it seals and opens [RFC 4303 §3.2].
 *
 * @noSelf
 */
export interface Suite {
  /** Name of the transforms as IANA has it. */
  name: string;
  /** IANA transform identifiers: encryption, and integrity (0 for an AEAD). */
  encr: number;
  /** Transform identifier of the integrity algorithm; 0 for an AEAD. */
  integ: number;
  /** ALG_* of the encryption; 0 for NULL. */
  alg: number;
  /** Default key length in octets; AES also takes 24 and 32 if the provider does. */
  keyLength: number;
  /** Octets of the salt, behind the key in KEYMAT; 0: none. */
  saltLength: number;
  /** Octets of the integrity key; 0 for an AEAD. */
  authKeyLength: number;
  /** Octets on the wire; 0 for an implicit IV. */
  ivLength: number;
  /** Octets of the ICV on the wire. */
  icvLength: number;
  /** Block size of the cipher in octets, 1 for none. */
  blockSize: number;
  /** Encrypts `length` octets in place behind the IV and writes the ICV behind them. True. */
  seal: Operation;
  /** Verifies the ICV and decrypts in place. False: the ICV is wrong, and the text is as it was. */
  open: Operation;
  /** Number of subspaces (createSubspaceSuite); absent: one counter. */
  subspaces?: number;
}

/** Nonce and additional data of the current packet. */
const aead: Aead = {
  nonce: /* @__PURE__ */ new Uint8Array(12),
  nonceLength: 0,
  aad: /* @__PURE__ */ new Uint8Array(12),
  aadLength: 0,
  icvLength: 0,
};
const digest = /* @__PURE__ */ new Uint8Array(32);
const received = /* @__PURE__ */ new Uint8Array(32);

/**
 * Additional data, and the nonce: salt, then the IV of the packet or, implicit, the sequence number as 64 bits
 * [RFC 8750 §4].
 */
function setAead(sa: Keyed, hi: number, lo: number, buffer: Uint8Array, ivOffset: number): void {
  const suite = sa.form.suite;
  const nonce = aead.nonce;
  copy(nonce, 0, sa.octets, sa.base + sa.form.saltAt, suite.saltLength);
  if (suite.ivLength > 0) {
    copy(nonce, suite.saltLength, buffer, ivOffset, 8);
  } else {
    put32(nonce, suite.saltLength, sa.form.counter.esn * hi);
    put32(nonce, suite.saltLength + 4, lo);
  }
  aead.nonceLength = suite.saltLength + 8;
  aead.aadLength = sa.form.counter.aad(sa.spi, hi, lo, aead.aad);
  aead.icvLength = suite.icvLength;
}

const sealAead: Operation = (provider, sa, hi, lo, buffer, ivOffset, length) => {
  setAead(sa, hi, lo, buffer, ivOffset);
  provider.seal(sa.key, aead, buffer, ivOffset + sa.form.suite.ivLength, length);
  return true;
};

const openAead: Operation = (provider, sa, hi, lo, buffer, ivOffset, length) => {
  setAead(sa, hi, lo, buffer, ivOffset);
  return provider.open(sa.key, aead, buffer, ivOffset + sa.form.suite.ivLength, length);
};

function withAead(
  name: string,
  encr: number,
  alg: number,
  keyLength: number,
  saltLength: number,
  ivLength: number,
  icvLength: number,
): Suite {
  return {
    name: name,
    encr: encr,
    integ: 0,
    alg: alg,
    keyLength: keyLength,
    saltLength: saltLength,
    authKeyLength: 0,
    ivLength: ivLength,
    icvLength: icvLength,
    blockSize: 1,
    seal: sealAead,
    open: openAead,
  };
}

/** AES-CCM, 16-octet key, 8-octet IV on the wire, 8-octet ICV [RFC 4309]. */
export const aesCcm8 = /* @__PURE__ */ withAead('AES_CCM_8', 14, ALG_AES_CCM, 16, 3, 8, 8);
/** AES-CCM, 16-octet key, 8-octet IV on the wire, 16-octet ICV [RFC 4309]. */
export const aesCcm16 = /* @__PURE__ */ withAead('AES_CCM_16', 16, ALG_AES_CCM, 16, 3, 8, 16);
/** AES-GCM, 16-octet key, 8-octet IV on the wire, 16-octet ICV [RFC 4106]. */
export const aesGcm16 = /* @__PURE__ */ withAead('AES_GCM_16', 20, ALG_AES_GCM, 16, 4, 8, 16);
/** ChaCha20-Poly1305, 32-octet key, 8-octet IV on the wire, 16-octet ICV [RFC 7634]. */
export const chacha20Poly1305 = /* @__PURE__ */ withAead('CHACHA20_POLY1305', 28, ALG_CHACHA20_POLY1305, 32, 4, 8, 16);
/** AES-CCM with an implicit IV [RFC 8750]: 16-octet key, 8-octet ICV. It adds the fewest octets of all. */
export const aesCcm8Iiv = /* @__PURE__ */ withAead('AES_CCM_8_IIV', 29, ALG_AES_CCM, 16, 3, 0, 8);
/** AES-GCM with an implicit IV [RFC 8750]: 16-octet key, 16-octet ICV. */
export const aesGcm16Iiv = /* @__PURE__ */ withAead('AES_GCM_16_IIV', 30, ALG_AES_GCM, 16, 4, 0, 16);
/** ChaCha20-Poly1305 with an implicit IV [RFC 8750]: 32-octet key, 16-octet ICV. */
export const chacha20Poly1305Iiv = /* @__PURE__ */ withAead(
  'CHACHA20_POLY1305_IIV',
  31,
  ALG_CHACHA20_POLY1305,
  32,
  4,
  0,
  16,
);

/**
 * HMAC over SPI, SN low, IV, text and, with ESN, SN high [RFC 4303 §3.3.2.1], laid out in place: the header in front of
 * the IV, SN high where the ICV will be.
 */
function authenticate(
  provider: Provider,
  sa: Keyed,
  hi: number,
  lo: number,
  buffer: Uint8Array,
  ivOffset: number,
  length: number,
): void {
  put32(buffer, ivOffset - 8, sa.spi);
  put32(buffer, ivOffset - 4, lo);
  let size = 8 + sa.form.suite.ivLength + length;
  if (sa.form.counter.esn === 1) {
    put32(buffer, ivOffset - 8 + size, hi);
    size += 4;
  }
  provider.mac(sa.authKey, buffer, ivOffset - 8, size, digest, 0);
}

const sealHmac: Operation = (provider, sa, hi, lo, buffer, ivOffset, length) => {
  const suite = sa.form.suite;
  const text = ivOffset + suite.ivLength;
  if (suite.alg !== 0) provider.cbc(sa.key, true, buffer, ivOffset, text, length);
  authenticate(provider, sa, hi, lo, buffer, ivOffset, length);
  copy(buffer, text + length, digest, 0, suite.icvLength);
  return true;
};

const openHmac: Operation = (provider, sa, hi, lo, buffer, ivOffset, length) => {
  const suite = sa.form.suite;
  const text = ivOffset + suite.ivLength;
  if (length % suite.blockSize !== 0) return false;
  copy(received, 0, buffer, text + length, suite.icvLength);
  authenticate(provider, sa, hi, lo, buffer, ivOffset, length);
  copy(buffer, text + length, received, 0, suite.icvLength);
  if (!equal(digest, 0, received, 0, suite.icvLength)) return false;
  if (suite.alg !== 0) provider.cbc(sa.key, false, buffer, ivOffset, text, length);
  return true;
};

function withHmac(name: string, encr: number, alg: number, keyLength: number, ivLength: number): Suite {
  return {
    name: name,
    encr: encr,
    integ: 12,
    alg: alg,
    keyLength: keyLength,
    saltLength: 0,
    authKeyLength: 32,
    ivLength: ivLength,
    icvLength: 16,
    blockSize: ivLength > 0 ? ivLength : 1,
    seal: sealHmac,
    open: openHmac,
  };
}

/** No encryption [RFC 2410]; HMAC-SHA2-256 with a 32-octet key, 16-octet ICV [RFC 4868]. */
export const nullHmacSha256 = /* @__PURE__ */ withHmac('NULL_HMAC_SHA2_256_128', 11, 0, 0, 0);
/** AES-CBC with a 16-octet key and IV [RFC 3602]; HMAC-SHA2-256 with a 32-octet key, 16-octet ICV [RFC 4868]. */
export const aesCbcHmacSha256 = /* @__PURE__ */ withHmac('AES_CBC_HMAC_SHA2_256_128', 12, ALG_AES_CBC, 16, 16);

/** ALG_* of the integrity algorithm of a suite with HMAC. */
export const INTEGRITY_ALG = ALG_HMAC_SHA256;
