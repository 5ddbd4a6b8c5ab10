// Keys of IKE and Child SAs [RFC 7296 §2.13, §2.14, §2.17, §2.18; RFC 5723 §5.1; RFC 8784 §3; RFC 9867 §3]. The PRF is
// HMAC-SHA2-256: keys of any length, 32 octets out.

import { copy } from '../../base/spans.ts';
import { ALG_HMAC_SHA256, type Key, type Provider } from '../../crypto/provider.ts';
import { join, NONE, take, wipe } from '../codec/octets.ts';
import type { KeyExchange } from './key-exchange.ts';
import { createSkKey, type SkKey } from './sk.ts';
import type { IkeCipher } from './suites.ts';

export const PRF_SIZE = 32;
/** Room for T(n-1) | seed | n: the seed is Ni | Nr | SPIs, or a shared secret and the nonces. */
export const SEED_MAX = 32 + 512 + 16;
const block = /* @__PURE__ */ new Uint8Array(32 + SEED_MAX + 1);
const keys = /* @__PURE__ */ new Uint8Array(3 * 32 + 4 * 64);

/** prf(key, data): 32 octets. */
export function prf(provider: Provider, key: Uint8Array, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(PRF_SIZE);
  const k = provider.key(ALG_HMAC_SHA256, key);
  provider.mac(k, data, 0, data.length, out, 0);
  provider.wipe(k);
  return out;
}

function expand(provider: Provider, key: Key, seed: Uint8Array, out: Uint8Array, length: number): void {
  let filled = 0;
  let previous = 0;
  for (let n = 1; filled < length; n++) {
    copy(block, previous, seed, 0, seed.length);
    block[previous + seed.length] = n;
    provider.mac(key, block, 0, previous + seed.length + 1, block, 0);
    const size = Math.min(PRF_SIZE, length - filled);
    copy(out, filled, block, 0, size);
    filled += size;
    previous = PRF_SIZE;
  }
  wipe(block);
}

/** prf+(key, seed) [RFC 7296 §2.13]: `length` octets, at most 8160, to out[0..). */
export function prfPlus(provider: Provider, key: Uint8Array, seed: Uint8Array, out: Uint8Array, length: number): void {
  const k = provider.key(ALG_HMAC_SHA256, key);
  expand(provider, k, seed, out, length);
  provider.wipe(k);
}

/** The keys that protect an IKE SA; an IkeSa has them. */
export interface KeySet {
  /** The cipher of IKE messages; null before one is chosen. */
  cipher: IkeCipher | null;
  /** SPIi | SPIr */
  spis: Uint8Array;
  /** This side is the original initiator: the I flag. */
  initiator: boolean;
  /** SK_d, 32 octets, a secret: keys of Child SAs follow from it. */
  skD: Uint8Array;
  /** Keys of incoming and of outgoing messages; null: none yet, or no longer. */
  skIn: SkKey | null;
  /** Keys of outgoing messages. */
  skOut: SkKey | null;
}

/** The keys that authenticate both ends of an IKE SA; a Setup has them. */
export interface ProofKeys {
  skPi: Uint8Array;
  skPr: Uint8Array;
}

/**
 * SK_d, SK_a, SK_e, SK_p from SKEYSEED [RFC 7296 §2.14]: sets skD, skIn, skOut of the SA, and skPi, skPr of `proof`
 * where it is given. `skeyseed` is wiped. Returns what a key log holds (SK_ei, SK_er with salts, SK_ai, SK_ar) where
 * `logged`, else nothing.
 */
export function deriveKeys(
  provider: Provider,
  sa: KeySet,
  nonces: Uint8Array,
  skeyseed: Uint8Array,
  proof: ProofKeys | null,
  logged: boolean,
): Uint8Array {
  const cipher = sa.cipher!;
  const encr = cipher.keyLength + cipher.saltLength;
  const auth = cipher.authKeyLength;
  const size = PRF_SIZE * 3 + 2 * auth + 2 * encr;
  prfPlus(provider, skeyseed, join([nonces, sa.spis]), keys, size);
  wipe(skeyseed);
  wipe(sa.skD);
  sa.skD = take(keys, 0, PRF_SIZE);
  const authI = PRF_SIZE;
  const encrI = authI + 2 * auth;
  const ofInitiator = createSkKey(provider, cipher, keys, encrI, authI);
  const ofResponder = createSkKey(provider, cipher, keys, encrI + encr, authI + auth);
  sa.skOut = sa.initiator ? ofInitiator : ofResponder;
  sa.skIn = sa.initiator ? ofResponder : ofInitiator;
  if (proof !== null) {
    wipe(proof.skPi);
    wipe(proof.skPr);
    proof.skPi = take(keys, encrI + 2 * encr, PRF_SIZE);
    proof.skPr = take(keys, encrI + 2 * encr + PRF_SIZE, PRF_SIZE);
  }
  const log = logged ? join([take(keys, encrI, 2 * encr), take(keys, authI, 2 * auth)]) : NONE;
  wipe(keys);
  return log;
}

/** SKEYSEED of IKE_SA_INIT [RFC 7296 §2.14]. */
export function initialSeed(provider: Provider, x: KeyExchange): Uint8Array {
  return prf(provider, join([x.nonceI, x.nonceR]), x.secret);
}

/** SKEYSEED of an IKE rekey [RFC 7296 §2.18]; `skD` is that of the old SA. */
export function rekeySeed(provider: Provider, skD: Uint8Array, secret: Uint8Array, nonces: Uint8Array): Uint8Array {
  return prf(provider, skD, join([secret, nonces]));
}

/** SKEYSEED of a resumed session [RFC 5723 §5.1]. */
export function resumptionSeed(provider: Provider, skD: Uint8Array, nonces: Uint8Array): Uint8Array {
  const text = 'Resumption';
  const label = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) label[i] = text.charCodeAt(i);
  return prf(provider, skD, join([label, nonces]));
}

/** KEYMAT of a Child SA [RFC 7296 §2.17]: `length` octets. `secret` is empty without PFS. */
export function keymat(
  provider: Provider,
  skD: Uint8Array,
  secret: Uint8Array,
  nonces: Uint8Array,
  length: number,
): Uint8Array {
  const out = new Uint8Array(length);
  prfPlus(provider, skD, join([secret, nonces]), out, length);
  return out;
}

/** Mixes a PPK into a key of 32 octets, in place: prf+(PPK, key) [RFC 8784 §3]. */
export function mixPpk(provider: Provider, ppk: Uint8Array, key: Uint8Array): void {
  prfPlus(provider, ppk, take(key, 0, key.length), key, key.length);
}
