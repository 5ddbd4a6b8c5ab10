// AES-128-CCM for packets of one profile [RFC 3610]: nonces of 11 octets, as ESP and IKE have [RFC 4309, RFC 5282]. It is what
// core/crypto/ccm.ts does, without checks of what the profile fixes.

import { aesEncrypt } from '../../core/crypto/aes.ts';

/** The MAC, the counter block, key stream: one after the other would need offsets in AES. */
const ccmMac = /* @__PURE__ */ new Uint8Array(16);
const ccmCounter = /* @__PURE__ */ new Uint8Array(16);
const ccmStream = /* @__PURE__ */ new Uint8Array(16);

/** Counter mode over a range; the MAC takes the clear text before (`mode` 1) or after it (0), or not at all (2). */
function ccmRun(w: Uint16Array, buffer: Uint8Array, offset: number, length: number, mode: number): void {
  for (let done = 0; done < length; done += 16) {
    const n = Math.min(length - done, 16);
    const at = offset + done;
    const count = (done >>> 4) + 1;
    ccmCounter[14] = count >>> 8;
    ccmCounter[15] = count & 0xff;
    aesEncrypt(w, ccmCounter, ccmStream);
    if (mode === 1) for (let i = 0; i < n; i++) ccmMac[i] = ccmMac[i] ^ buffer[at + i];
    for (let i = 0; i < n; i++) buffer[at + i] = buffer[at + i] ^ ccmStream[i];
    if (mode === 0) for (let i = 0; i < n; i++) ccmMac[i] = ccmMac[i] ^ buffer[at + i];
    if (mode < 2) aesEncrypt(w, ccmMac, ccmMac);
  }
}

/** As `aead` of crypto.ts. The AAD has at most 44 octets, the text at most 65,535. */
export function portableCcm(
  encrypt: number,
  w: Uint16Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  aadLength: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  icvLength: number,
): boolean {
  for (let i = 1; i < 16; i++) {
    ccmCounter[i] = i < 12 ? nonce[i - 1] : 0;
    ccmMac[i] = ccmCounter[i];
  }
  ccmCounter[0] = 3;
  ccmMac[0] = 59 + 4 * icvLength;
  ccmMac[14] = length >>> 8;
  ccmMac[15] = length & 0xff;
  aesEncrypt(w, ccmMac, ccmMac);
  ccmMac[1] = ccmMac[1] ^ aadLength;
  for (let i = 0; i < aadLength; i++) {
    const at = (i + 2) & 15;
    if (at === 0) aesEncrypt(w, ccmMac, ccmMac);
    ccmMac[at] = ccmMac[at] ^ aad[i];
  }
  aesEncrypt(w, ccmMac, ccmMac);
  ccmRun(w, buffer, offset, length, encrypt);
  ccmCounter[14] = 0;
  ccmCounter[15] = 0;
  aesEncrypt(w, ccmCounter, ccmStream);
  let difference = 0;
  for (let i = 0; i < icvLength; i++) {
    const octet = ccmMac[i] ^ ccmStream[i];
    if (encrypt === 1) buffer[offset + length + i] = octet;
    else difference = difference | (buffer[offset + length + i] ^ octet);
  }
  if (difference !== 0) ccmRun(w, buffer, offset, length, 2);
  return difference === 0;
}
