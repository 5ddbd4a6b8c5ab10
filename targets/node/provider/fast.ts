// The default provider on Node: AES-CCM with 16-octet keys and short packets in WebAssembly SIMD (constant time, see
// aes-simd.ts), without an object per packet; everything else as in node-crypto.ts.

import type { Provider } from '../../../core/crypto/provider.ts';
import { ALG_AES_CCM } from '../../../core/crypto/provider.ts';
import { CcmSimd, SIMD_MAX_AAD, simdAvailable } from './ccm-simd.ts';
import { checkAead } from './limits.ts';
import type { NodeKey } from './node-crypto.ts';
import { createNodeProvider } from './node-crypto.ts';

/** Payload octets up to which the WebAssembly is faster than one OpenSSL cipher object; `npm run bench` shows it. */
export const SIMD_LIMIT = 512;

/** A key of this provider: OpenSSL's, and the slot of the expanded key or 0. */
export interface FastKey extends NodeKey {
  slot: number;
}

/** All ALG_*, as `createNodeProvider`, and the same object when the engine lacks WebAssembly SIMD. */
export function createFastProvider(): Provider {
  const node = createNodeProvider();
  if (!simdAvailable()) return node;
  const simd = new CcmSimd();
  return {
    has: node.has,
    key: (alg, octets) => {
      const key = node.key(alg, octets) as FastKey;
      key.slot = alg === ALG_AES_CCM && octets.length === 16 ? simd.expand(octets) : 0;
      return key;
    },
    wipe: (key) => {
      const k = key as FastKey;
      if (k.slot !== 0) simd.release(k.slot);
      k.slot = 0;
      node.wipe(k);
    },
    seal: (key, nonce, nonceLength, aad, aadLength, buffer, offset, length, icvLength) => {
      const slot = (key as FastKey).slot;
      if (slot === 0 || length > SIMD_LIMIT || aadLength > SIMD_MAX_AAD) {
        node.seal(key, nonce, nonceLength, aad, aadLength, buffer, offset, length, icvLength);
        return;
      }
      checkAead(key, nonceLength, aadLength, buffer, offset, length, icvLength);
      simd.seal(slot, nonce, nonceLength, aad, aadLength, buffer, offset, length, icvLength);
    },
    open: (key, nonce, nonceLength, aad, aadLength, buffer, offset, length, icvLength) => {
      const slot = (key as FastKey).slot;
      if (slot === 0 || length > SIMD_LIMIT || aadLength > SIMD_MAX_AAD) {
        return node.open(key, nonce, nonceLength, aad, aadLength, buffer, offset, length, icvLength);
      }
      checkAead(key, nonceLength, aadLength, buffer, offset, length, icvLength);
      return simd.open(slot, nonce, nonceLength, aad, aadLength, buffer, offset, length, icvLength);
    },
    cbc: node.cbc,
    mac: node.mac,
    random: node.random,
  };
}
