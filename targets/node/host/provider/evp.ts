// AEADs on the OpenSSL inside Node, with a cipher context kept for each key and direction: node:crypto makes an object, with a
// key schedule, for each packet. The calls go through the optional package koffi. Where that is missing, or the OpenSSL is not
// one that is known here, there is no `Evp`, and node:crypto serves as before.
//
// The contexts are memory outside of JavaScript: `forget` frees them, which wipes their keys, and so does the garbage collector
// for keys that nobody wiped. Packets are worked on in one staging buffer, whose address does not change. The clear text of
// the last packet stays there until the next, unless its ICV was wrong.

import { createCipheriv } from 'node:crypto';
import { createRequire } from 'node:module';
import type Koffi from 'koffi';
import { type Aead, ALG_AES_CCM, ALG_AES_GCM, ALG_CHACHA20_POLY1305 } from '../../../../core/crypto/provider.ts';

/** Longest text and AAD that it takes, in octets: all of a packet is the AAD of GMAC. */
export const EVP_MAX = 65536;
export const EVP_MAX_AAD = 65600;

// EVP_CTRL_AEAD_* of OpenSSL 3.
const MAJOR = 3;
const SET_IVLEN = 0x9;
const GET_TAG = 0x10;
const SET_TAG = 0x11;

// The staging buffer.
const KEY = 0;
const NONCE = 32;
const WRITTEN = 64;
const TAG = WRITTEN + 16;
const TEXT = TAG + 16;
const AAD = TEXT + EVP_MAX + 16;
/** Below it a loop copies faster than `set`. */
const SHORT = 96;

/** The contexts of a key: addresses, 0: none yet. */
export interface Contexts {
  alg: number;
  /** A copy of the key, for the time in which a context is made. It must not hold what the contexts go with. */
  octets: () => Uint8Array;
  sealing: number;
  opening: number;
  nonceLength: number;
  icvLength: number;
}

/** Arguments of packets are checked; `length` is 1 to EVP_MAX, of AES-GCM 0 as well, the AAD at most EVP_MAX_AAD. */
export interface Evp {
  /** No contexts yet; they go with `owner`, if `forget` was not called. */
  contexts(owner: object, alg: number, octets: () => Uint8Array): Contexts;
  /** As `Provider.seal`. */
  seal(kept: Contexts, aead: Aead, buffer: Uint8Array, offset: number, length: number): void;
  /** As `Provider.open`. */
  open(kept: Contexts, aead: Aead, buffer: Uint8Array, offset: number, length: number): boolean;
  /** Frees them. The next packet makes others. */
  forget(kept: Contexts): void;
  /** Contexts that are there now, in all. */
  count(): number;
}

type Call = (...values: number[]) => number;

interface Calls {
  create: Call;
  free: Call;
  init: Call;
  update: Call;
  final: Call;
  ctrl: Call;
  /**
   * Empties this thread's queue of errors. A failed call leaves one there, and node:crypto would throw it later, from a call
   * that it has nothing to do with.
   */
  clearErrors: () => void;
  /** EVP_CIPHER of an algorithm and a key's length; 0: there is none. */
  cipher(alg: number, keyLength: number): number;
  address(octets: Uint8Array): number;
}

function calls(): Calls {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const library = koffi.load(null);
  // `process.versions` tells of the OpenSSL that Node was built with: the symbols must be of the same one.
  const version = Number(library.func('unsigned long OpenSSL_version_num()')());
  const text = `${version >>> 28}.${(version >>> 20) & 0xff}.${(version >>> 4) & 0xffff}`;
  if (version >>> 28 !== MAJOR || process.versions.openssl.replace(/[^\d.].*$/, '') !== text) {
    throw new Error(`OpenSSL ${text}`);
  }
  const ciphers = new Map<string, number>();
  const named = (name: string): number => {
    const known = ciphers.get(name) ?? Number(library.func(`uintptr_t EVP_${name}()`)());
    ciphers.set(name, known);
    return known;
  };
  return {
    create: library.func('uintptr_t EVP_CIPHER_CTX_new()'),
    free: library.func('void EVP_CIPHER_CTX_free(uintptr_t)'),
    init: library.func('int EVP_CipherInit_ex(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, int)'),
    update: library.func('int EVP_CipherUpdate(uintptr_t, uintptr_t, uintptr_t, uintptr_t, int)'),
    final: library.func('int EVP_CipherFinal_ex(uintptr_t, uintptr_t, uintptr_t)'),
    ctrl: library.func('int EVP_CIPHER_CTX_ctrl(uintptr_t, int, int, uintptr_t)'),
    clearErrors: library.func('void ERR_clear_error()'),
    cipher(alg, keyLength) {
      if (alg === ALG_CHACHA20_POLY1305) return named('chacha20_poly1305');
      return named(`aes_${8 * keyLength}_${alg === ALG_AES_CCM ? 'ccm' : 'gcm'}`);
    },
    address: (octets) => Number(koffi.address(octets)),
  };
}

function createEvp(found: Calls): Evp {
  const { create, free, init, update, final, ctrl, clearErrors, cipher, address } = found;
  const stage = new Uint8Array(AAD + EVP_MAX_AAD);
  const base = address(stage);
  let contexts = 0;
  const lost = new FinalizationRegistry<Contexts>((kept) => forget(kept));

  function forget(kept: Contexts): void {
    for (const context of [kept.sealing, kept.opening]) {
      if (context === 0) continue;
      free(context);
      contexts--;
    }
    kept.sealing = 0;
    kept.opening = 0;
  }

  function made(alg: number, octets: Uint8Array, aead: Aead, seal: number): number {
    const context = create();
    const kind = cipher(alg, octets.length);
    stage.set(octets, KEY);
    const isMade =
      context !== 0 &&
      init(context, kind, 0, 0, 0, seal) === 1 &&
      ctrl(context, SET_IVLEN, aead.nonceLength, 0) === 1 &&
      (alg !== ALG_AES_CCM || ctrl(context, SET_TAG, aead.icvLength, 0) === 1) &&
      init(context, 0, 0, base + KEY, 0, seal) === 1;
    stage.fill(0, KEY, KEY + octets.length);
    octets.fill(0);
    if (!isMade) {
      if (context !== 0) free(context);
      clearErrors();
      throw new Error(`OpenSSL: no cipher context for alg ${alg}`);
    }
    contexts++;
    return context;
  }

  /** The context for a direction; one for nonces and ICVs of other lengths is made anew. */
  function contextOf(kept: Contexts, aead: Aead, seal: number): number {
    if (kept.nonceLength !== aead.nonceLength || kept.icvLength !== aead.icvLength) {
      forget(kept);
      kept.nonceLength = aead.nonceLength;
      kept.icvLength = aead.icvLength;
    }
    const there = seal === 1 ? kept.sealing : kept.opening;
    if (there !== 0) return there;
    const context = made(kept.alg, kept.octets(), aead, seal);
    if (seal === 1) kept.sealing = context;
    else kept.opening = context;
    return context;
  }

  function into(at: number, from: Uint8Array, offset: number, length: number): void {
    if (length > SHORT) stage.set(from.subarray(offset, offset + length), at);
    else for (let i = 0; i < length; i++) stage[at + i] = from[offset + i];
  }

  function outOf(at: number, to: Uint8Array, offset: number, length: number): void {
    if (length > SHORT) to.set(stage.subarray(at, at + length), offset);
    else for (let i = 0; i < length; i++) to[offset + i] = stage[at + i];
  }

  /** A new nonce, the AAD, and the text at TEXT, in place. */
  function run(context: number, isCcm: boolean, aead: Aead, length: number, seal: number): boolean {
    into(NONCE, aead.nonce, 0, aead.nonceLength);
    into(AAD, aead.aad, 0, aead.aadLength);
    return (
      init(context, 0, 0, 0, base + NONCE, seal) === 1 &&
      // CCM has to know the length first [RFC 3610 §2.2].
      (!isCcm || update(context, 0, base + WRITTEN, 0, length) === 1) &&
      (aead.aadLength === 0 || update(context, 0, base + WRITTEN, base + AAD, aead.aadLength) === 1) &&
      (length === 0 || update(context, base + TEXT, base + WRITTEN, base + TEXT, length) === 1)
    );
  }

  return {
    contexts(owner, alg, octets) {
      const kept: Contexts = { alg, octets, sealing: 0, opening: 0, nonceLength: 0, icvLength: 0 };
      lost.register(owner, kept, kept);
      return kept;
    },
    seal(kept, aead, buffer, offset, length) {
      const context = contextOf(kept, aead, 1);
      const isCcm = kept.alg === ALG_AES_CCM;
      into(TEXT, buffer, offset, length);
      const isSealed =
        run(context, isCcm, aead, length, 1) &&
        (isCcm || final(context, base + TEXT + length, base + WRITTEN) === 1) &&
        ctrl(context, GET_TAG, aead.icvLength, base + TEXT + length) === 1;
      if (!isSealed) {
        clearErrors();
        // What is in the buffer is clear text still.
        throw new Error(`OpenSSL: alg ${kept.alg} failed`);
      }
      outOf(TEXT, buffer, offset, length + aead.icvLength);
    },
    open(kept, aead, buffer, offset, length) {
      const context = contextOf(kept, aead, 0);
      const isCcm = kept.alg === ALG_AES_CCM;
      const { icvLength } = aead;
      into(TEXT, buffer, offset, length);
      into(TAG, buffer, offset + length, icvLength);
      // OpenSSL compares in constant time: CCM in the update, the others at the end.
      const isGood = isCcm
        ? ctrl(context, SET_TAG, icvLength, base + TAG) === 1 && run(context, true, aead, length, 0)
        : run(context, false, aead, length, 0) &&
          ctrl(context, SET_TAG, icvLength, base + TAG) === 1 &&
          final(context, base + TEXT + length, base + WRITTEN) === 1;
      if (!isGood) {
        stage.fill(0, TEXT, TEXT + length);
        clearErrors();
        return false;
      }
      outOf(TEXT, buffer, offset, length);
      return true;
    },
    forget(kept) {
      lost.unregister(kept);
      forget(kept);
    },
    count: () => contexts,
  };
}

/** True when it seals and opens one packet of each kind as node:crypto does. */
function isRight(evp: Evp): boolean {
  for (const [alg, name, nonceLength, icvLength] of [
    [ALG_AES_GCM, 'aes-128-gcm', 12, 16],
    [ALG_AES_CCM, 'aes-128-ccm', 11, 8],
    [ALG_CHACHA20_POLY1305, 'chacha20-poly1305', 12, 16],
  ] as const) {
    const key = new Uint8Array(alg === ALG_CHACHA20_POLY1305 ? 32 : 16).fill(7);
    const [nonce, aad, text] = [nonceLength, 8, 100].map((length) => new Uint8Array(length).fill(length));
    const cipher = createCipheriv(name as 'aes-128-ccm', key, nonce, { authTagLength: icvLength });
    cipher.setAAD(aad, { plaintextLength: text.length });
    const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
    const buffer = new Uint8Array(sealed.length);
    buffer.set(text);
    const aead: Aead = { nonce, nonceLength, aad, aadLength: 8, icvLength };
    const kept = evp.contexts(aead, alg, () => key.slice());
    evp.seal(kept, aead, buffer, 0, text.length);
    const isSame = Buffer.compare(buffer, sealed) === 0;
    const isOpened = evp.open(kept, aead, buffer, 0, text.length) && buffer[0] === text[0];
    evp.forget(kept);
    if (!isSame || !isOpened) return false;
  }
  return true;
}

let shared: Evp | null | undefined;

/** The one of this thread; null: it is not to be had here. */
export function evpOf(): Evp | null {
  if (shared === undefined) {
    try {
      const evp = createEvp(calls());
      shared = isRight(evp) ? evp : null;
    } catch {
      shared = null;
    }
  }
  return shared;
}
