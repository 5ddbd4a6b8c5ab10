// AES-128-GCM for packets and IKE messages of one profile [NIST SP 800-38D; RFC 4106, RFC 5282]: nonces of 12 octets, an ICV of 16. GHASH takes 4 bits at a
// time from a table of the key's 16 multiples [SP 800-38D, "Shoup's tables"]: 8 words of 16 bits each, because JerryScript keeps
// integers beyond 28 bits on its heap.
//
// NOT constant time, like AES here: look-ups have secret indices.

import { AES_ROUND_KEYS, aesEncrypt, aesExpand } from '../../core/crypto/aes.ts';

/** Words of the table of multiples, behind the round keys of a key. */
const GCM_TABLE = 128;
const gcmCounter: Uint8Array = /* @__PURE__ */ new Uint8Array(16);
const gcmStream: Uint8Array = /* @__PURE__ */ new Uint8Array(16);
/** GHASH so far, and its product: the most significant words first. */
const gcmHash: Uint16Array = /* @__PURE__ */ new Uint16Array(8);
const gcmProduct: Uint16Array = /* @__PURE__ */ new Uint16Array(8);

/** Round keys, and the multiples of H: entry n is n, its first bit the lowest power of x, times H. */
export function portableGcmKey(octets: Uint8Array): Uint16Array {
  const rounds = aesExpand(octets);
  const key = new Uint16Array(AES_ROUND_KEYS + GCM_TABLE);
  for (let i = 0; i < AES_ROUND_KEYS; i++) {
    key[i] = rounds[i];
    rounds[i] = 0;
  }
  for (let i = 0; i < 16; i++) gcmCounter[i] = 0;
  aesEncrypt(key, gcmCounter, gcmStream);
  const table = AES_ROUND_KEYS;
  for (let i = 0; i < 8; i++) key[table + 64 + i] = (gcmStream[2 * i] << 8) | gcmStream[2 * i + 1];
  for (let n = 4; n > 0; n = n >>> 1) {
    // Times x: one bit to the right.
    let carry = (key[table + n * 16 + 7] & 1) * 0xe100;
    for (let i = 0; i < 8; i++) {
      const word = key[table + n * 16 + i];
      key[table + n * 8 + i] = i === 0 ? (word >>> 1) ^ carry : (word >>> 1) | carry;
      carry = (word & 1) << 15;
    }
  }
  for (let n = 2; n < 16; n = n * 2) {
    for (let m = 1; m < n; m++) {
      for (let i = 0; i < 8; i++) key[table + (n + m) * 8 + i] = key[table + n * 8 + i] ^ key[table + m * 8 + i];
    }
  }
  return key;
}

/** Adds a block of `n` octets to GHASH, filled up with zeros. */
function gcmBlock(key: Uint16Array, buffer: Uint8Array, offset: number, n: number): void {
  for (let i = 0; i < n; i++)
    gcmHash[i >>> 1] = gcmHash[i >>> 1] ^ ((i & 1) === 0 ? buffer[offset + i] << 8 : buffer[offset + i]);
  for (let i = 0; i < 8; i++) gcmProduct[i] = 0;
  for (let k = 31; k >= 0; k--) {
    // Times x^4: what leaves on the right comes back as multiples of the polynomial, 1110 0001 at the left end.
    const out = gcmProduct[7] & 15;
    for (let i = 7; i > 0; i--) gcmProduct[i] = (gcmProduct[i] >>> 4) | ((gcmProduct[i - 1] & 15) << 12);
    gcmProduct[0] = gcmProduct[0] >>> 4;
    const fold =
      ((out >>> 3) * 0xe100) ^ (((out >>> 2) & 1) * 0x7080) ^ (((out >>> 1) & 1) * 0x3840) ^ ((out & 1) * 0x1c20);
    const entry = AES_ROUND_KEYS + ((gcmHash[k >>> 2] >>> (12 - 4 * (k & 3))) & 15) * 8;
    for (let i = 0; i < 8; i++) gcmProduct[i] = gcmProduct[i] ^ key[entry + i];
    gcmProduct[0] = gcmProduct[0] ^ fold;
  }
  for (let i = 0; i < 8; i++) gcmHash[i] = gcmProduct[i];
}

/** Counter mode over a range; GHASH takes the cipher text before (0) or after it (1), or not at all (2). */
function gcmRun(key: Uint16Array, buffer: Uint8Array, offset: number, length: number, mode: number): void {
  for (let done = 0; done < length; done += 16) {
    const n = Math.min(length - done, 16);
    const count = (done >>> 4) + 2;
    gcmCounter[14] = count >>> 8;
    gcmCounter[15] = count & 0xff;
    aesEncrypt(key, gcmCounter, gcmStream);
    if (mode === 0) gcmBlock(key, buffer, offset + done, n);
    for (let i = 0; i < n; i++) buffer[offset + done + i] = buffer[offset + done + i] ^ gcmStream[i];
    if (mode === 1) gcmBlock(key, buffer, offset + done, n);
  }
}

/** As `gcm` of crypto.ts. The text has at most 65,535 octets, the AAD 8,191. */
export function portableGcm(
  encrypt: number,
  key: Uint16Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  aadLength: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
): boolean {
  for (let i = 0; i < 16; i++) gcmCounter[i] = i < 12 ? nonce[i] : 0;
  for (let i = 0; i < 8; i++) gcmHash[i] = 0;
  if (aadLength > 16) for (let i = 0; i < aadLength; i += 16) gcmBlock(key, aad, i, Math.min(aadLength - i, 16));
  else gcmBlock(key, aad, 0, aadLength);
  gcmRun(key, buffer, offset, length, encrypt);
  // Lengths in bits.
  for (let i = 0; i < 16; i++) gcmStream[i] = 0;
  if (aadLength > 16) gcmStream[6] = aadLength >>> 5;
  gcmStream[7] = (aadLength * 8) & 0xff;
  gcmStream[13] = length >>> 13;
  gcmStream[14] = (length >>> 5) & 0xff;
  gcmStream[15] = (length << 3) & 0xff;
  gcmBlock(key, gcmStream, 0, 16);
  gcmCounter[14] = 0;
  gcmCounter[15] = 1;
  aesEncrypt(key, gcmCounter, gcmStream);
  let difference = 0;
  for (let i = 0; i < 16; i++) {
    const octet = gcmStream[i] ^ ((i & 1) === 0 ? gcmHash[i >>> 1] >>> 8 : gcmHash[i >>> 1] & 0xff);
    if (encrypt === 1) buffer[offset + length + i] = octet;
    else difference = difference | (buffer[offset + length + i] ^ octet);
  }
  if (difference !== 0) gcmRun(key, buffer, offset, length, 2);
  return difference === 0;
}
