// Keys for gateways and sensors: pre-shared keys, and Ed25519 pairs in the form that both sides, boards and other
// implementations read.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { CommandError } from '../host/errors.ts';

/** Bits of a pre-shared key: below is guessed, above adds nothing to PRF_HMAC_SHA2_256 (which hashes it down). */
export const PSK_BITS_MIN = 128;
export const PSK_BITS_MAX = 512;
export const PSK_BITS = 256;

/** Only its owner reads a file with a key. */
const MODE = 0o600;

/** A pre-shared key of random octets. */
export function newPsk(bits = PSK_BITS): Buffer {
  return randomBytes(bits / 8);
}

export interface KeyPair {
  /** PKCS #8 and SubjectPublicKeyInfo in PEM [RFC 8410]. */
  privatePem: string;
  publicPem: string;
  /** The 32 octets of each, as 64 hexadecimal digits. */
  privateHex: string;
  publicHex: string;
}

/** An Ed25519 pair. */
export function newKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const jwk = privateKey.export({ format: 'jwk' });
  const hex = (text: string | undefined): string => Buffer.from(text!, 'base64url').toString('hex');
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateHex: hex(jwk.d),
    publicHex: hex(jwk.x),
  };
}

/** Writes a file that was not there, for its owner alone. Throws a CommandError that names it. */
export function writeSecret(file: string, text: string): void {
  try {
    const fd = openSync(file, 'wx', MODE);
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw CommandError.from(file, error);
  }
}
