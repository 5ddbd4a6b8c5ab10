// The default provider on Node; it makes no object per short packet. AES-CCM with 16-octet keys runs in WebAssembly SIMD
// (constant time, see aes-simd.ts). HMAC of short messages is the core's, whose keys hold the hashed pads. Everything else is
// as in node-crypto.ts. Hashing the pads costs as much as a MAC, so it waits for a key's second message: most keys of IKE's
// PRF see only one.

import { hmacSha256 } from '../../../../core/crypto/hmac.ts';
import type { Key, Provider } from '../../../../core/crypto/provider.ts';
import { ALG_AES_CCM, ALG_HMAC_SHA256 } from '../../../../core/crypto/provider.ts';
import { checkAead, checkAlg } from '../../../web/limits.ts';
import { CcmSimd, SIMD_MAX_AAD, simdAvailable } from './ccm-simd.ts';
import type { NodeKey } from './node-crypto.ts';
import { createNodeProvider } from './node-crypto.ts';

/** Payload octets up to which the WebAssembly is faster than an OpenSSL cipher object; test/bench/crypto.ts shows it. */
const SIMD_LIMIT = 512;
/** Message octets up to which the core's HMAC is faster than an OpenSSL object. */
const HMAC_LIMIT = 128;
const CCM = 'aes-128-ccm';
const NONE = new Uint8Array(0);

/** A key of this provider: OpenSSL's, and the slot of the expanded AES key (or 0) or the core's HMAC key (or null, as long as unused). */
export interface FastKey extends NodeKey {
  slot: number;
  hmac: Key | null;
  used: boolean;
}

/** All ALG_*, as `createNodeProvider`. Where the engine lacks WebAssembly SIMD, AES-CCM is OpenSSL's too. */
export function createFastProvider(): Provider {
  const node = createNodeProvider();
  const simd = simdAvailable() ? new CcmSimd() : null;

  /** A key of a slot with its octets, for OpenSSL; to be wiped. */
  function withOctets({ alg, slot, cipher }: FastKey): NodeKey {
    return { alg, octets: simd!.keyOf(slot), cipher };
  }

  return {
    has: node.has,
    key: (alg, octets) => {
      // A gateway has four of these for each peer. The WebAssembly has their octets: an array of their own costs ten times as much.
      if (simd !== null && alg === ALG_AES_CCM && octets.length === 16) {
        return { alg, octets: NONE, cipher: CCM, slot: simd.expand(octets), hmac: null, used: false } satisfies FastKey;
      }
      const { octets: own, cipher } = node.key(alg, octets) as NodeKey;
      return { alg, octets: own, cipher, slot: 0, hmac: null, used: false } satisfies FastKey;
    },
    wipe: (key) => {
      const k = key as FastKey;
      if (k.slot !== 0) simd!.release(k.slot);
      if (k.hmac !== null) hmacSha256.wipe(k.hmac);
      k.slot = 0;
      node.wipe(k);
    },
    seal: (key, aead, buffer, offset, length) => {
      const slot = (key as FastKey).slot;
      if (slot === 0) {
        node.seal(key, aead, buffer, offset, length);
        return;
      }
      if (length > SIMD_LIMIT || aead.aadLength > SIMD_MAX_AAD) {
        const full = withOctets(key as FastKey);
        node.seal(full, aead, buffer, offset, length);
        node.wipe(full);
        return;
      }
      checkAead(key, aead, buffer, offset, length);
      simd!.seal(slot, aead, buffer, offset, length);
    },
    open: (key, aead, buffer, offset, length) => {
      const slot = (key as FastKey).slot;
      if (slot === 0) return node.open(key, aead, buffer, offset, length);
      if (length > SIMD_LIMIT || aead.aadLength > SIMD_MAX_AAD) {
        const full = withOctets(key as FastKey);
        const isGood = node.open(full, aead, buffer, offset, length);
        node.wipe(full);
        return isGood;
      }
      checkAead(key, aead, buffer, offset, length);
      return simd!.open(slot, aead, buffer, offset, length);
    },
    cbc: node.cbc,
    mac: (key, buffer, offset, length, out, outOffset) => {
      checkAlg(key, ALG_HMAC_SHA256);
      const k = key as FastKey;
      if (length > HMAC_LIMIT || !k.used) {
        k.used = true;
        node.mac(key, buffer, offset, length, out, outOffset);
        return;
      }
      if (k.hmac === null) k.hmac = hmacSha256.key(k.octets);
      hmacSha256.mac!(k.hmac, buffer, offset, length, out, outOffset);
    },
    random: node.random,
  };
}
