// The default provider on Node; it makes no object per packet. AES-CCM of short packets with 16-octet keys runs in WebAssembly
// SIMD (constant time, see aes-simd.ts), other AEADs on OpenSSL contexts that are kept (evp.ts), or where there are none on
// node:crypto. HMAC of short messages is the core's, whose keys hold the hashed pads. Everything else is as in node-crypto.ts.
// Hashing the pads costs as much as a MAC, so it waits for a key's second message: most keys of IKE's PRF see only one.

import { hmacSha256 } from '../../../../core/crypto/hmac.ts';
import type { Aead, Key, Provider } from '../../../../core/crypto/provider.ts';
import { ALG_AES_CCM, ALG_AES_CMAC, ALG_AES_GCM, ALG_HMAC_SHA256 } from '../../../../core/crypto/provider.ts';
import { checkAead, checkMac } from '../../../web/limits.ts';
import { CcmSimd, SIMD_MAX_AAD, simdAvailable } from './ccm-simd.ts';
import { type Contexts, EVP_MAX, EVP_MAX_AAD, type Evp, evpOf } from './evp.ts';
import type { NodeKey } from './node-crypto.ts';
import { createNodeProvider } from './node-crypto.ts';

/** Payload octets up to which the WebAssembly is faster than a kept context of OpenSSL, or than an object for each packet. */
const SIMD_LIMIT = 64;
const SIMD_ALONE_LIMIT = 512;
/** Message octets up to which the core's HMAC is faster than an OpenSSL object. */
const HMAC_LIMIT = 128;
const CCM = 'aes-128-ccm';
const NONE = new Uint8Array(0);

/** An AES key in the WebAssembly's memory: a gateway has four for each peer. */
interface HeldKey extends Key {
  /** Address of the expanded key; below 0: minus the place of one that rests. */
  slot: number;
  /** Of OpenSSL, for long packets; null: not used yet. */
  contexts: Contexts | null;
}

/** Any other key of this provider: OpenSSL's, and the core's HMAC key (or null, as long as unused). */
export interface FastKey extends NodeKey {
  slot: 0;
  hmac: Key | null;
  used: boolean;
  contexts: Contexts | null;
}

/**
 * All ALG_*, as `createNodeProvider`. Where the engine lacks WebAssembly SIMD, AES-CCM is OpenSSL's too. `isResting`: keys of
 * AES-CCM take a tenth of the memory and are expanded when they are used, which suits IKE.
 */
export function createFastProvider(isResting = false): Provider {
  const node = createNodeProvider();
  const simd = simdAvailable() ? new CcmSimd() : null;

  /** A held key with its octets, for node:crypto; to be wiped. */
  function withOctets({ alg, slot }: HeldKey): NodeKey {
    return { alg, octets: simd!.keyOf(Math.abs(slot)), cipher: CCM, subkeys: NONE };
  }

  function slotOf({ slot }: HeldKey): number {
    return slot > 0 ? slot : simd!.wake(-slot);
  }

  /** True when the WebAssembly takes the packet. */
  function isShort({ slot }: HeldKey | FastKey, aead: Aead, length: number): boolean {
    return slot !== 0 && length <= SIMD_ALONE_LIMIT && aead.aadLength <= SIMD_MAX_AAD;
  }

  /** The OpenSSL with kept contexts, where it is to take the packet, or null. */
  function evpFor({ alg, slot }: HeldKey | FastKey, aead: Aead, length: number): Evp | null {
    // An empty text is node:crypto's, since OpenSSL's update may not look at the ICV of CCM then. Of AES-GCM it is GMAC.
    const isEmpty = length === 0 && alg !== ALG_AES_GCM;
    const isLeft = isResting || isEmpty || length > EVP_MAX || aead.aadLength > EVP_MAX_AAD;
    return isLeft || (slot !== 0 && length <= SIMD_LIMIT) ? null : evpOf();
  }

  function contextsOf(evp: Evp, key: HeldKey | FastKey): Contexts {
    if (key.contexts === null) {
      const { slot } = key;
      const octets = 'octets' in key ? key.octets : null;
      key.contexts = evp.contexts(key, key.alg, () => octets?.slice() ?? simd!.keyOf(slot));
    }
    return key.contexts;
  }

  return {
    has: node.has,
    key: (alg, octets) => {
      if (simd !== null && alg === ALG_AES_CCM && octets.length === 16) {
        const slot = isResting ? -simd.rest(octets) : simd.expand(octets);
        return { alg, slot, contexts: null } satisfies HeldKey;
      }
      const made = node.key(alg, octets) as NodeKey;
      // What it takes to load is not for the first packet to wait for.
      if (!isResting && alg !== ALG_HMAC_SHA256 && alg !== ALG_AES_CMAC) evpOf();
      return { ...made, slot: 0, hmac: null, used: false, contexts: null } satisfies FastKey;
    },
    wipe: (key) => {
      const k = key as HeldKey | FastKey;
      if (k.contexts !== null) evpOf()?.forget(k.contexts);
      k.contexts = null;
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
      const k = key as HeldKey | FastKey;
      checkAead(k, aead, buffer, offset, length);
      const evp = evpFor(k, aead, length);
      if (evp !== null) evp.seal(contextsOf(evp, k), aead, buffer, offset, length);
      else if (isShort(k, aead, length)) simd!.seal(slotOf(k as HeldKey), aead, buffer, offset, length);
      else if ('octets' in k) node.seal(k, aead, buffer, offset, length);
      else {
        const full = withOctets(k);
        node.seal(full, aead, buffer, offset, length);
        node.wipe(full);
      }
    },
    open: (key, aead, buffer, offset, length) => {
      const k = key as HeldKey | FastKey;
      checkAead(k, aead, buffer, offset, length);
      const evp = evpFor(k, aead, length);
      if (evp !== null) return evp.open(contextsOf(evp, k), aead, buffer, offset, length);
      if (isShort(k, aead, length)) return simd!.open(slotOf(k as HeldKey), aead, buffer, offset, length);
      if ('octets' in k) return node.open(k, aead, buffer, offset, length);
      const full = withOctets(k);
      const isGood = node.open(full, aead, buffer, offset, length);
      node.wipe(full);
      return isGood;
    },
    cbc: node.cbc,
    mac: (key, buffer, offset, length, out, outOffset) => {
      checkMac(key);
      const k = key as FastKey;
      if (length > HMAC_LIMIT || !k.used || k.alg === ALG_AES_CMAC) {
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
