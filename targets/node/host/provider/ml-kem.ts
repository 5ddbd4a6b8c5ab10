// ML-KEM [FIPS 203]: node:crypto where Node and its OpenSSL have it (Node 24.7, OpenSSL 3.5), else @noble/post-quantum. Both
// make the checks of FIPS 203 §7.2 and §7.3: a key or a ciphertext that fails gives null.

import * as crypto from 'node:crypto';
import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import { KE_ML_KEM_512, KE_ML_KEM_768, KE_ML_KEM_1024 } from '../../../../core/crypto/asymmetric.ts';

/** One parameter set. The decapsulation key is kept as the 64 octets that it follows from, d | z. */
export interface MlKem {
  /** Octets of an encapsulation key. */
  keySize: number;
  /** Octets of a ciphertext. */
  cipherSize: number;
  /** A fresh pair. */
  make(): { key: Uint8Array; seed: Uint8Array };
  /** A shared secret for the owner of `key`; null: the key has a wrong length, or a coefficient that is not below q. */
  encapsulate(key: Uint8Array): { cipher: Uint8Array; secret: Uint8Array } | null;
  /** The shared secret; of a forged ciphertext it is another one. Null: the length is wrong. */
  decapsulate(seed: Uint8Array, cipher: Uint8Array): Uint8Array | null;
}

const SEED_SIZE = 64;

/** Sizes [FIPS 203 §8], and the last octet of the OID 2.16.840.1.101.3.4.4.n. */
const SETS: Record<
  number,
  { name: string; keySize: number; cipherSize: number; oid: number; noble: typeof ml_kem768 }
> = {
  [KE_ML_KEM_512]: { name: 'ml-kem-512', keySize: 800, cipherSize: 768, oid: 1, noble: ml_kem512 },
  [KE_ML_KEM_768]: { name: 'ml-kem-768', keySize: 1184, cipherSize: 1088, oid: 2, noble: ml_kem768 },
  [KE_ML_KEM_1024]: { name: 'ml-kem-1024', keySize: 1568, cipherSize: 1568, oid: 3, noble: ml_kem1024 },
};

/** What newer versions of node:crypto have; the types of this project's oldest Node do not. */
interface Native {
  generateKeyPairSync(type: string): { publicKey: crypto.KeyObject; privateKey: crypto.KeyObject };
  encapsulate(key: crypto.KeyObject): { sharedKey: Uint8Array; ciphertext: Uint8Array };
  decapsulate(key: crypto.KeyObject, cipher: Uint8Array): Uint8Array;
}

function size16(size: number): number[] {
  return [size >> 8, size & 0xff];
}

/** On node:crypto; null: this Node, or its OpenSSL, has none. */
export function nativeMlKem(method: number): MlKem | null {
  const { name, keySize, cipherSize, oid } = SETS[method];
  const native = crypto as unknown as Partial<Native>;
  if (native.encapsulate === undefined || native.decapsulate === undefined) return null;
  const { generateKeyPairSync, encapsulate, decapsulate } = native as Native;
  const algorithm = [0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, oid];
  // SubjectPublicKeyInfo and PrivateKeyInfo with the seed [RFC 9935 §4, §6], up to their octets.
  const spki = [0x30, 0x82, ...size16(keySize + 18), ...algorithm, 0x03, 0x82, ...size16(keySize + 1), 0];
  const pkcs8 = [0x30, 0x54, 0x02, 0x01, 0x00, ...algorithm, 0x04, 0x42, 0x80, SEED_SIZE];
  const exported = (key: crypto.KeyObject): Buffer => key.export({ format: 'der', type: 'pkcs8' });
  try {
    // The seed alone is what OpenSSL writes unless it is configured otherwise.
    if (exported(generateKeyPairSync(name).privateKey).length !== pkcs8.length + SEED_SIZE) return null;
  } catch {
    return null;
  }
  return {
    keySize,
    cipherSize,
    make() {
      const { publicKey, privateKey } = generateKeyPairSync(name);
      const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-keySize);
      const der = exported(privateKey);
      const seed = Uint8Array.from(der.subarray(-SEED_SIZE));
      der.fill(0);
      return { key, seed };
    },
    encapsulate(key) {
      if (key.length !== keySize) return null;
      try {
        const der = Buffer.concat([Buffer.from(spki), key]);
        const { ciphertext, sharedKey } = encapsulate(
          crypto.createPublicKey({ key: der, format: 'der', type: 'spki' }),
        );
        return { cipher: ciphertext, secret: sharedKey };
      } catch {
        return null;
      }
    },
    decapsulate(seed, cipher) {
      if (cipher.length !== cipherSize || seed.length !== SEED_SIZE) return null;
      const der = Buffer.concat([Buffer.from(pkcs8), seed]);
      const key = crypto.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
      der.fill(0);
      return decapsulate(key, cipher);
    },
  };
}

/** On @noble/post-quantum: in JavaScript, which is not of constant time. */
export function nobleMlKem(method: number): MlKem {
  const { keySize, cipherSize, noble } = SETS[method];
  return {
    keySize,
    cipherSize,
    make() {
      const seed = Uint8Array.from(crypto.randomBytes(SEED_SIZE));
      const { publicKey, secretKey } = noble.keygen(seed);
      secretKey.fill(0);
      return { key: publicKey, seed };
    },
    encapsulate(key) {
      if (key.length !== keySize) return null;
      try {
        const { cipherText, sharedSecret } = noble.encapsulate(key);
        return { cipher: cipherText, secret: sharedSecret };
      } catch {
        return null;
      }
    },
    decapsulate(seed, cipher) {
      if (cipher.length !== cipherSize || seed.length !== SEED_SIZE) return null;
      const { secretKey } = noble.keygen(seed);
      const secret = noble.decapsulate(cipher, secretKey);
      secretKey.fill(0);
      return secret;
    },
  };
}

const made = new Map<number, MlKem>();

/** The better one for a method; undefined: it is no ML-KEM. */
export function mlKemOf(method: number): MlKem | undefined {
  const known = made.get(method);
  if (known !== undefined || SETS[method] === undefined) return known;
  const one = nativeMlKem(method) ?? nobleMlKem(method);
  made.set(method, one);
  return one;
}
