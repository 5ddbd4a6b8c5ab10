// Every algorithm on node:crypto (OpenSSL): the provider to compare others with, and the one for long packets. It makes a
// cipher object per packet, which costs some microseconds. fast.ts is the default.

import type { CipherGCMTypes } from 'node:crypto';
import { createCipheriv, createDecipheriv, createHmac, randomFillSync, timingSafeEqual } from 'node:crypto';
import type { Aead, Key, Provider } from '../../../../core/crypto/provider.ts';
import {
  ALG_AES_CBC,
  ALG_AES_CCM,
  ALG_AES_CMAC,
  ALG_AES_GCM,
  ALG_CHACHA20_POLY1305,
} from '../../../../core/crypto/provider.ts';
import { checkAead, checkCbc, checkKey, checkMac, keyFits } from '../../../web/limits.ts';

/** A key of this provider: its octets and OpenSSL's name of the cipher. */
export interface NodeKey extends Key {
  octets: Uint8Array;
  cipher: string;
  /** The subkeys of AES-CMAC, for a last block that is whole, and for another; of other algorithms empty. */
  subkeys: Uint8Array;
}

const BLOCK = 16;
const ZERO = new Uint8Array(BLOCK);
const NONE = new Uint8Array(0);
const MODES: string[] = [];
MODES[ALG_AES_CCM] = 'ccm';
MODES[ALG_AES_GCM] = 'gcm';
MODES[ALG_AES_CBC] = 'cbc';
MODES[ALG_AES_CMAC] = 'cbc';

// node:crypto takes an empty CCM payload only by an address that is not null: a view of no octets in some buffer.
const EMPTY = Buffer.alloc(16).subarray(0, 0);

// The four AEADs differ only by name in node:crypto, but its types have one signature for each.
function sealed(key: Key, aead: Aead, payload: Uint8Array): { text: Uint8Array; icv: Uint8Array } {
  const k = key as NodeKey;
  const cipher = createCipheriv(k.cipher as CipherGCMTypes, k.octets, aead.nonce.subarray(0, aead.nonceLength), {
    authTagLength: aead.icvLength,
  });
  cipher.setAAD(aead.aad.subarray(0, aead.aadLength), { plaintextLength: payload.length });
  const text = cipher.update(payload.length > 0 ? payload : EMPTY);
  cipher.final();
  return { text, icv: cipher.getAuthTag() };
}

function seal(key: Key, aead: Aead, buffer: Uint8Array, offset: number, length: number): void {
  checkAead(key, aead, buffer, offset, length);
  const { text, icv } = sealed(key, aead, buffer.subarray(offset, offset + length));
  buffer.set(text, offset);
  buffer.set(icv, offset + length);
}

function open(key: Key, aead: Aead, buffer: Uint8Array, offset: number, length: number): boolean {
  checkAead(key, aead, buffer, offset, length);
  const end = offset + length;
  const icv = buffer.subarray(end, end + aead.icvLength);
  // Without payload the ICV is all there is. Comparing it here does not rest on what a Node release makes of an empty
  // update(), during which it verifies CCM.
  if (length === 0) {
    return timingSafeEqual(icv, sealed(key, aead, EMPTY).icv);
  }
  const k = key as NodeKey;
  const decipher = createDecipheriv(k.cipher as CipherGCMTypes, k.octets, aead.nonce.subarray(0, aead.nonceLength), {
    authTagLength: aead.icvLength,
  });
  decipher.setAuthTag(icv);
  decipher.setAAD(aead.aad.subarray(0, aead.aadLength), { plaintextLength: length });
  try {
    const text = decipher.update(buffer.subarray(offset, end));
    decipher.final();
    buffer.set(text, offset);
    return true;
  } catch {
    return false;
  }
}

function cbc(key: Key, encrypt: boolean, buffer: Uint8Array, ivOffset: number, offset: number, length: number): void {
  checkCbc(key, buffer, ivOffset, offset, length);
  const k = key as NodeKey;
  const iv = buffer.subarray(ivOffset, ivOffset + 16);
  const cipher = encrypt ? createCipheriv(k.cipher, k.octets, iv) : createDecipheriv(k.cipher, k.octets, iv);
  cipher.setAutoPadding(false);
  buffer.set(cipher.update(buffer.subarray(offset, offset + length)), offset);
  cipher.final();
}

/** CBC from zero, of which the last block is the MAC [RFC 4493 §2.4]. node:crypto has no CMAC of its own. */
function cmac(k: NodeKey, buffer: Uint8Array, offset: number, length: number): Uint8Array {
  const whole = Math.max(0, Math.ceil(length / BLOCK) - 1) * BLOCK;
  const last = new Uint8Array(BLOCK);
  last.set(buffer.subarray(offset + whole, offset + length));
  const subkey = length - whole === BLOCK ? 0 : BLOCK;
  if (subkey > 0) last[length - whole] = 0x80;
  for (let i = 0; i < BLOCK; i++) last[i] ^= k.subkeys[subkey + i];
  const cipher = createCipheriv(k.cipher, k.octets, ZERO).setAutoPadding(false);
  cipher.update(buffer.subarray(offset, offset + whole));
  return cipher.update(last);
}

/** The two subkeys of CMAC, one behind the other. */
function subkeysOf(cipher: string, octets: Uint8Array): Uint8Array {
  const zero = createCipheriv(cipher, octets, ZERO).setAutoPadding(false).update(ZERO);
  const subkeys = new Uint8Array(2 * BLOCK);
  subkeys.set(doubled(zero));
  subkeys.set(doubled(subkeys.subarray(0, BLOCK)), BLOCK);
  zero.fill(0);
  return subkeys;
}

/** Twice a block in GF(2^128) [RFC 4493 §2.3]. */
function doubled(block: Uint8Array): Uint8Array {
  const out = Uint8Array.from(block, (octet, i) => (octet << 1) | ((block[i + 1] ?? 0) >>> 7));
  if (block[0] > 127) out[BLOCK - 1] ^= 0x87;
  return out;
}

function mac(key: Key, buffer: Uint8Array, offset: number, length: number, out: Uint8Array, outOffset: number): void {
  checkMac(key);
  const octets = (key as NodeKey).octets;
  if (key.alg === ALG_AES_CMAC) {
    out.set(cmac(key as NodeKey, buffer, offset, length), outOffset);
    return;
  }
  out.set(
    createHmac('sha256', octets)
      .update(buffer.subarray(offset, offset + length))
      .digest(),
    outOffset,
  );
}

function makeKey(alg: number, octets: Uint8Array): NodeKey {
  checkKey(keyFits(alg, octets.length), alg, octets.length);
  const copied = new Uint8Array(octets.length);
  copied.set(octets);
  const cipher = alg === ALG_CHACHA20_POLY1305 ? 'chacha20-poly1305' : `aes-${octets.length * 8}-${MODES[alg]}`;
  return { alg, octets: copied, cipher, subkeys: alg === ALG_AES_CMAC ? subkeysOf(cipher, copied) : NONE };
}

/** A provider on node:crypto: all ALG_*, AES with 16, 24 or 32 octets of key. It has no state but its keys. */
export function createNodeProvider(): Provider {
  return {
    has: keyFits,
    key: makeKey,
    wipe: (key) => {
      const { octets, subkeys } = key as NodeKey;
      octets.fill(0);
      subkeys.fill(0);
      key.alg = 0;
    },
    seal,
    open,
    cbc,
    mac,
    random: (buffer, offset, length) => {
      randomFillSync(buffer, offset, length);
    },
  };
}
