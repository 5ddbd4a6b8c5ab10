// The Encrypted payload SK and its fragment SKF [RFC 7296 §3.14, RFC 5282, RFC 7634, RFC 7383 §2.5]: generic header, in SKF
// two fragment fields, IV, cipher text of (payloads, padding, Pad Length), ICV. An AEAD authenticates everything from the
// IKE header to the IV; an HMAC the whole message up to the ICV.

import { put16, put32, u16 } from '../../base/bytes.ts';
import { DROP_FRAGMENT, DROP_ICV, DROP_SHORT, DROP_TRAILER } from '../../base/drop.ts';
import { copy, equal, fill } from '../../base/spans.ts';
import { type Aead, ALG_HMAC_SHA256, type Key, type Provider } from '../../crypto/provider.ts';
import { IKE_LENGTH, IKE_NEXT, IKE_SIZE, type Payloads } from '../codec/message.ts';
import { PAYLOAD_SK, PAYLOAD_SKF } from '../codec/numbers.ts';
import type { Content } from '../codec/payloads.ts';
import type { IkeCipher } from './suites.ts';

/** The keys of one direction. */
export interface SkKey {
  /** The cipher, and the integrity algorithm if it is no AEAD. */
  cipher: IkeCipher;
  /** Key of the encryption. */
  key: Key;
  /** Key of the integrity algorithm; `key` again for an AEAD. */
  authKey: Key;
  /** Left-aligned in 32 bits, because an array would be the larger part of this object. */
  salt: number;
  /** The next IV of an AEAD, counts up. */
  counter: number;
}

/** Most octets before the IV: nobody sends payloads before SK. */
const MAX_AAD = 256;
/** Most messages under one key. */
export const MAX_COUNTER = 0xfffffff;

/** Nonce and additional data of the current message. */
const aead: Aead = {
  nonce: /* @__PURE__ */ new Uint8Array(12),
  nonceLength: 0,
  aad: /* @__PURE__ */ new Uint8Array(MAX_AAD),
  aadLength: 0,
  icvLength: 0,
};
const digest = /* @__PURE__ */ new Uint8Array(32);

function expand(provider: Provider, alg: number, octets: Uint8Array, at: number, length: number): Key {
  const own = new Uint8Array(length);
  copy(own, 0, octets, at, length);
  const key = provider.key(alg, own);
  fill(own, 0, length, 0);
  return key;
}

/** SK_e (key, salt) from octets[encrAt..), SK_a from octets[authAt..). Throws when the provider lacks the cipher. */
export function createSkKey(
  provider: Provider,
  cipher: IkeCipher,
  octets: Uint8Array,
  encrAt: number,
  authAt: number,
): SkKey {
  const key = expand(provider, cipher.alg, octets, encrAt, cipher.keyLength);
  const saltAt = encrAt + cipher.keyLength;
  let salt = 0;
  for (let i = 0; i < 4; i++) salt = salt * 256 + (i < cipher.saltLength ? octets[saltAt + i] : 0);
  return {
    cipher: cipher,
    key: key,
    authKey: cipher.integ === 0 ? key : expand(provider, ALG_HMAC_SHA256, octets, authAt, cipher.authKeyLength),
    salt: salt,
    counter: 0,
  };
}

/** Overwrites the keys. Afterwards `k` is unusable. */
export function wipeSkKey(provider: Provider, k: SkKey): void {
  provider.wipe(k.key);
  if (k.authKey !== k.key) provider.wipe(k.authKey);
  k.salt = 0;
}

/** Octets of a message around the encrypted ones. */
function around(cipher: IkeCipher, isFragment: boolean): number {
  return IKE_SIZE + (isFragment ? 8 : 4) + cipher.ivLength + cipher.icvLength;
}

/** Octets of the whole message, IKE header included, for `innerSize` octets of payloads in SK, or in one SKF. */
export function sealedSize(cipher: IkeCipher, innerSize: number, isFragment: boolean): number {
  return around(cipher, isFragment) + Math.floor(innerSize / cipher.blockSize + 1) * cipher.blockSize;
}

/** The largest `innerSize` whose message has at most `messageSize` octets; negative when there is none. */
export function innerRoom(cipher: IkeCipher, messageSize: number, isFragment: boolean): number {
  return Math.floor((messageSize - around(cipher, isFragment)) / cipher.blockSize) * cipher.blockSize - 1;
}

function setAead(k: SkKey, buffer: Uint8Array, offset: number, ivAt: number): void {
  const saltLength = k.cipher.saltLength;
  // The IV begins where the salt ends.
  put32(aead.nonce, 0, k.salt);
  copy(aead.nonce, saltLength, buffer, ivAt, 8);
  aead.nonceLength = saltLength + 8;
  aead.aadLength = ivAt - offset;
  copy(aead.aad, 0, buffer, offset, ivAt - offset);
  aead.icvLength = k.cipher.icvLength;
}

/**
 * Makes a message of the IKE header at dst[dstAt..dstAt+28) and one SK, or one SKF, with the part of the payloads in
 * `src`; src may lie in dst. Returns the message's octets, or
 * -1 when dst or a length field has no room for it, or the counter is used up.
 */
export function sealMessage(
  provider: Provider,
  k: SkKey,
  dst: Uint8Array,
  dstAt: number,
  src: Uint8Array,
  part: Content,
): number {
  const cipher = k.cipher;
  const srcLen = part.size;
  const number = part.number;
  const total = part.total;
  const isFragment = total !== 0;
  const size = sealedSize(cipher, srcLen, isFragment);
  const body = dstAt + IKE_SIZE;
  const ivAt = body + (isFragment ? 8 : 4);
  const textAt = ivAt + cipher.ivLength;
  const icvAt = dstAt + size - cipher.icvLength;
  const padding = icvAt - textAt - srcLen - 1;
  if (dstAt + size > dst.length || size - IKE_SIZE > 0xffff || k.counter > MAX_COUNTER) return -1;
  copy(dst, textAt, src, part.at, srcLen);
  fill(dst, textAt + srcLen, padding, 0);
  dst[icvAt - 1] = padding;
  dst[dstAt + IKE_NEXT] = isFragment ? PAYLOAD_SKF : PAYLOAD_SK;
  put32(dst, dstAt + IKE_LENGTH, size);
  dst[body] = number > 1 ? 0 : part.first;
  dst[body + 1] = 0;
  put16(dst, body + 2, size - IKE_SIZE);
  if (isFragment) {
    put16(dst, body + 4, number);
    put16(dst, body + 6, total);
  }
  if (cipher.integ === 0) {
    put32(dst, ivAt, 0);
    put32(dst, ivAt + 4, k.counter++);
    setAead(k, dst, dstAt, ivAt);
    provider.seal(k.key, aead, dst, textAt, icvAt - textAt);
  } else {
    provider.random(dst, ivAt, cipher.ivLength);
    provider.cbc(k.key, true, dst, ivAt, textAt, icvAt - textAt);
    provider.mac(k.authKey, dst, dstAt, icvAt - dstAt, digest, 0);
    copy(dst, icvAt, digest, 0, cipher.icvLength);
  }
  return size;
}

/**
 * Verifies and decrypts in place payload `i` of p, which is the SK or SKF of the message at `offset`. 0, DROP_ICV,
 * DROP_SHORT (sizes that cannot be), or, with a right ICV, DROP_TRAILER (Pad Length) or DROP_FRAGMENT (a fragment number
 * that cannot be). `out` is written after 0 only; before the ICV is verified the buffer is as it was.
 */
export function openMessage(
  provider: Provider,
  k: SkKey,
  buffer: Uint8Array,
  offset: number,
  p: Payloads,
  i: number,
  out: Content,
): number {
  const cipher = k.cipher;
  const isFragment = p.type[i] === PAYLOAD_SKF;
  const body = p.at[i];
  const ivAt = isFragment ? body + 4 : body;
  const textAt = ivAt + cipher.ivLength;
  const icvAt = body + p.size[i] - cipher.icvLength;
  const length = icvAt - textAt;
  if (length < 1 || length % cipher.blockSize !== 0 || ivAt - offset > MAX_AAD) return DROP_SHORT;
  if (cipher.integ === 0) {
    setAead(k, buffer, offset, ivAt);
    if (!provider.open(k.key, aead, buffer, textAt, length)) return DROP_ICV;
  } else {
    provider.mac(k.authKey, buffer, offset, icvAt - offset, digest, 0);
    if (!equal(buffer, icvAt, digest, 0, cipher.icvLength)) return DROP_ICV;
    provider.cbc(k.key, false, buffer, ivAt, textAt, length);
  }
  const size = length - 1 - buffer[icvAt - 1];
  if (size < 0) return DROP_TRAILER;
  const number = isFragment ? u16(buffer, body) : 0;
  const total = isFragment ? u16(buffer, body + 2) : 0;
  if (isFragment && (number === 0 || number > total)) return DROP_FRAGMENT;
  out.first = buffer[body - 4];
  out.at = textAt;
  out.size = size;
  out.number = number;
  out.total = total;
  return 0;
}
