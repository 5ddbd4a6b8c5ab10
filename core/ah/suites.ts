// Integrity algorithms of AH: HMAC-SHA2-256-128 [RFC 4868], AES-CMAC-96 [RFC 4494], AES-GMAC [RFC 4543].
//
// The ICV field of GMAC holds the IV and then the ICV. RFC 4302 §3.3.3 counts the whole field as zero, RFC 4543 does not say more:
// so the IV is authenticated as the nonce, and nothing else.

import { copy, equal, fill } from '../base/bytes.ts';
import { type Aead, ALG_AES_CMAC, ALG_AES_GCM, ALG_HMAC_SHA256, type Provider } from '../crypto/provider.ts';
import type { Keyed, Operation, Suite } from '../esp/suites.ts';

/** Octets of an IV, and of the nonce that salt and IV are. */
const IV_SIZE = 8;
const NONCE_SIZE = 12;

const digest = /* @__PURE__ */ new Uint8Array(32);
const received = /* @__PURE__ */ new Uint8Array(32);
/** Of the packet that is being worked on. */
const aead: Aead = {
  nonce: /* @__PURE__ */ new Uint8Array(NONCE_SIZE),
  nonceLength: NONCE_SIZE,
  aad: digest,
  aadLength: 0,
  icvLength: 16,
};

const sealMac: Operation = (provider, sa, _hi, _lo, buffer, icvAt, length) => {
  const size = sa.form.suite.icvLength;
  fill(buffer, icvAt, size, 0);
  provider.mac(sa.key, buffer, 0, length, digest, 0);
  copy(buffer, icvAt, digest, 0, size);
  return true;
};

const openMac: Operation = (provider, sa, _hi, _lo, buffer, icvAt, length) => {
  const size = sa.form.suite.icvLength;
  copy(received, 0, buffer, icvAt, size);
  fill(buffer, icvAt, size, 0);
  provider.mac(sa.key, buffer, 0, length, digest, 0);
  return equal(digest, 0, received, 0, size);
};

/** Takes IV and ICV out of the packet, and sets the nonce. */
function setGmac(sa: Keyed, buffer: Uint8Array, icvAt: number, length: number): void {
  copy(aead.nonce, 0, sa.octets, sa.base + sa.form.saltAt, sa.form.suite.saltLength);
  copy(aead.nonce, sa.form.suite.saltLength, buffer, icvAt, IV_SIZE);
  copy(received, 0, buffer, icvAt, IV_SIZE + aead.icvLength);
  fill(buffer, icvAt, IV_SIZE + aead.icvLength, 0);
  aead.aad = buffer;
  aead.aadLength = length;
}

const sealGmac: Operation = (provider, sa, _hi, _lo, buffer, icvAt, length) => {
  setGmac(sa, buffer, icvAt, length);
  provider.seal(sa.key, aead, digest, 0, 0);
  copy(buffer, icvAt, received, 0, IV_SIZE);
  copy(buffer, icvAt + IV_SIZE, digest, 0, aead.icvLength);
  return true;
};

const openGmac: Operation = (provider, sa, _hi, _lo, buffer, icvAt, length) => {
  setGmac(sa, buffer, icvAt, length);
  copy(digest, 0, received, IV_SIZE, aead.icvLength);
  return provider.open(sa.key, aead, digest, 0, 0);
};

function integrity(name: string, integ: number, alg: number, keyLength: number, icvLength: number): Suite {
  const isGmac = alg === ALG_AES_GCM;
  return {
    name: name,
    encr: 0,
    integ: integ,
    alg: alg,
    keyLength: keyLength,
    saltLength: isGmac ? NONCE_SIZE - IV_SIZE : 0,
    authKeyLength: 0,
    ivLength: isGmac ? IV_SIZE : 0,
    icvLength: icvLength,
    blockSize: 1,
    seal: isGmac ? sealGmac : sealMac,
    open: isGmac ? openGmac : openMac,
  };
}

/** HMAC-SHA2-256 with a 32-octet key, 16-octet ICV [RFC 4868]. */
export const ahHmacSha256 = /* @__PURE__ */ integrity('AUTH_HMAC_SHA2_256_128', 12, ALG_HMAC_SHA256, 32, 16);
/** AES-CMAC with a 16-octet key, 12-octet ICV [RFC 4494]. */
export const ahAesCmac = /* @__PURE__ */ integrity('AUTH_AES_CMAC_96', 8, ALG_AES_CMAC, 16, 12);
/** AES-GMAC with a 16-octet key and a salt, 8-octet IV and 16-octet ICV [RFC 4543]. */
export const ahAesGmac128 = /* @__PURE__ */ integrity('AUTH_AES_128_GMAC', 9, ALG_AES_GCM, 16, 16);
/** AES-GMAC with a 24-octet key. */
export const ahAesGmac192 = /* @__PURE__ */ integrity('AUTH_AES_192_GMAC', 10, ALG_AES_GCM, 24, 16);
/** AES-GMAC with a 32-octet key. */
export const ahAesGmac256 = /* @__PURE__ */ integrity('AUTH_AES_256_GMAC', 11, ALG_AES_GCM, 32, 16);

/** Every integrity algorithm of AH here. */
export const AH_SUITES: Suite[] = [ahHmacSha256, ahAesCmac, ahAesGmac128, ahAesGmac192, ahAesGmac256];

/** True where the provider has the algorithm. */
export function hasAhSuite(provider: Provider, suite: Suite): boolean {
  return provider.has(suite.alg, suite.keyLength);
}
