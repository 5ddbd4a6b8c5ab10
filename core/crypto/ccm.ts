// AES-128-CCM, in place [RFC 3610; RFC 4309 for ESP: an 11-octet nonce and an ICV of 8, 12 or 16 octets]. CBC-MAC over
// nonce, lengths, AAD and clear text, encrypted by the same key's counter mode. Two AES blocks per 16 octets of payload,
// one per 16 of AAD (with its 2-octet length), two more per packet. Only the forward AES is used.

import { fill } from '../base/bytes.ts';
import { checkRange } from '../base/refuse.ts';
import { AES_ROUND_KEYS, aesEncrypt, aesExpand } from './aes.ts';
import type { Part } from './portable.ts';
import { type Aead, ALG_AES_CCM, type Key } from './provider.ts';

/** The longest AAD: longer ones would need another encoding of their length [RFC 3610 §2.2]. */
export const CCM_MAX_AAD = 65279;

/** An AES-CCM key: the round keys of the forward cipher. */
export interface CcmKey extends Key {
  rounds: Uint16Array;
}

const mac = /* @__PURE__ */ new Uint8Array(16);
const counter = /* @__PURE__ */ new Uint8Array(16);
const stream = /* @__PURE__ */ new Uint8Array(16);

// Sets `mac` to the CBC-MAC of B_0 and the AAD, and `counter` to A_0 [RFC 3610 §2.2, §2.3].
function begin(w: Uint16Array, aead: Aead, length: number): void {
  const nonce = aead.nonce;
  const nonceLength = aead.nonceLength;
  const aad = aead.aad;
  const aadLength = aead.aadLength;
  const icvLength = aead.icvLength;
  checkRange('nonceLength', nonceLength, 7, 13);
  checkRange('aadLength', aadLength, 0, CCM_MAX_AAD);
  checkRange('length', length, 0, nonceLength < 13 ? 0xffffff : 0xffff);
  checkRange('icvLength', icvLength, 4, 16);
  checkRange('icvLength modulo 2', icvLength & 1, 0, 0);
  // L' of the flags octet: octets of the length field, less one.
  const last = 14 - nonceLength;
  mac[0] = (aadLength > 0 ? 64 : 0) + 4 * (icvLength - 2) + last;
  counter[0] = last;
  let rest = length;
  for (let i = 15; i > 0; i--) {
    const isNonce = i <= nonceLength;
    mac[i] = isNonce ? nonce[i - 1] : rest & 0xff;
    counter[i] = isNonce ? nonce[i - 1] : 0;
    rest = rest >>> 8;
  }
  aesEncrypt(w, mac, mac);
  if (aadLength > 0) {
    mac[0] = mac[0] ^ (aadLength >>> 8);
    mac[1] = mac[1] ^ (aadLength & 0xff);
    let at = 2;
    for (let i = 0; i < aadLength; i++) {
      if (at === 16) {
        aesEncrypt(w, mac, mac);
        at = 0;
      }
      mac[at] = mac[at] ^ aad[i];
      at++;
    }
    aesEncrypt(w, mac, mac);
  }
}

// Counter mode from A_1 on, in place [RFC 3610 §2.3]. The MAC takes the octets before (mode 1, seal) or after (mode 2,
// open) the key stream, or not at all (mode 0). Leaves A_0 in `counter`.
function crypt(
  w: Uint16Array,
  nonceLength: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  mode: number,
): void {
  for (let done = 0; done < length; done += 16) {
    const n = Math.min(length - done, 16);
    const at = offset + done;
    let i = 15;
    counter[15] = (counter[15] + 1) & 0xff;
    while (counter[i] === 0) {
      i--;
      counter[i] = (counter[i] + 1) & 0xff;
    }
    aesEncrypt(w, counter, stream);
    if (mode === 1) for (i = 0; i < n; i++) mac[i] = mac[i] ^ buffer[at + i];
    for (i = 0; i < n; i++) buffer[at + i] = buffer[at + i] ^ stream[i];
    if (mode === 2) for (i = 0; i < n; i++) mac[i] = mac[i] ^ buffer[at + i];
    if (mode !== 0) aesEncrypt(w, mac, mac);
  }
  fill(counter, nonceLength + 1, 15 - nonceLength, 0);
}

function seal(key: Key, aead: Aead, buffer: Uint8Array, offset: number, length: number): void {
  const w = (key as CcmKey).rounds;
  begin(w, aead, length);
  crypt(w, aead.nonceLength, buffer, offset, length, 1);
  aesEncrypt(w, counter, stream);
  for (let i = 0; i < aead.icvLength; i++) buffer[offset + length + i] = mac[i] ^ stream[i];
}

function open(key: Key, aead: Aead, buffer: Uint8Array, offset: number, length: number): boolean {
  const w = (key as CcmKey).rounds;
  begin(w, aead, length);
  crypt(w, aead.nonceLength, buffer, offset, length, 2);
  aesEncrypt(w, counter, stream);
  let difference = 0;
  for (let i = 0; i < aead.icvLength; i++) difference |= buffer[offset + length + i] ^ mac[i] ^ stream[i];
  if (difference === 0) return true;
  // The same key stream again: the buffer is as it was.
  crypt(w, aead.nonceLength, buffer, offset, length, 0);
  return false;
}

/** AES-CCM with a 16-octet key: nonce of 7 to 13 octets, even ICV of 4 to 16, AAD up to CCM_MAX_AAD. */
export const aesCcm: Part = {
  alg: ALG_AES_CCM,
  minKey: 16,
  maxKey: 16,
  key: (octets) => ({ alg: ALG_AES_CCM, rounds: aesExpand(octets) }) as CcmKey,
  wipe: (key) => {
    for (let i = 0; i < AES_ROUND_KEYS; i++) (key as CcmKey).rounds[i] = 0;
  },
  seal: seal,
  open: open,
};
