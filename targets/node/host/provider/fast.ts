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

/** An AES key in the WebAssembly's memory: a gateway has four for each peer. */
interface HeldKey extends Key {
  /** Address of the expanded key; below 0: minus the place of one that rests. */
  slot: number;
}

/** Any other key of this provider: OpenSSL's, and the core's HMAC key (or null, as long as unused). */
export interface FastKey extends NodeKey {
  slot: 0;
  hmac: Key | null;
  used: boolean;
}

/**
 * All ALG_*, as `createNodeProvider`. Where the engine lacks WebAssembly SIMD, AES-CCM is OpenSSL's too. `isResting`: keys of
 * AES-CCM take a tenth of the memory and are expanded when they are used, which suits IKE.
 */
export function createFastProvider(isResting = false): Provider {
  const node = createNodeProvider();
  const simd = simdAvailable() ? new CcmSimd() : null;

  /** A held key with its octets, for OpenSSL; to be wiped. */
  function withOctets({ alg, slot }: HeldKey): NodeKey {
    return { alg, octets: simd!.keyOf(Math.abs(slot)), cipher: CCM };
  }

  function slotOf({ slot }: HeldKey): number {
    return slot > 0 ? slot : simd!.wake(-slot);
  }

  return {
    has: node.has,
    key: (alg, octets) => {
      if (simd !== null && alg === ALG_AES_CCM && octets.length === 16) {
        return { alg, slot: isResting ? -simd.rest(octets) : simd.expand(octets) } satisfies HeldKey;
      }
      const { octets: own, cipher } = node.key(alg, octets) as NodeKey;
      return { alg, octets: own, cipher, slot: 0, hmac: null, used: false } satisfies FastKey;
    },
    wipe: (key) => {
      const k = key as HeldKey | FastKey;
      if ('octets' in k) {
        if (k.hmac !== null) hmacSha256.wipe(k.hmac);
        node.wipe(k);
        return;
      }
      if (k.slot > 0) simd!.release(k.slot);
      else if (k.slot < 0) simd!.forget(-k.slot);
      k.slot = 0;
      k.alg = 0;
    },
    seal: (key, aead, buffer, offset, length) => {
      const k = key as HeldKey;
      if (k.slot === 0) {
        node.seal(key, aead, buffer, offset, length);
        return;
      }
      if (length > SIMD_LIMIT || aead.aadLength > SIMD_MAX_AAD) {
        const full = withOctets(k);
        node.seal(full, aead, buffer, offset, length);
        node.wipe(full);
        return;
      }
      checkAead(key, aead, buffer, offset, length);
      simd!.seal(slotOf(k), aead, buffer, offset, length);
    },
    open: (key, aead, buffer, offset, length) => {
      const k = key as HeldKey;
      if (k.slot === 0) return node.open(key, aead, buffer, offset, length);
      if (length > SIMD_LIMIT || aead.aadLength > SIMD_MAX_AAD) {
        const full = withOctets(k);
        const isGood = node.open(full, aead, buffer, offset, length);
        node.wipe(full);
        return isGood;
      }
      checkAead(key, aead, buffer, offset, length);
      return simd!.open(slotOf(k), aead, buffer, offset, length);
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
