// Seals the records of a store with XChaCha20-Poly1305: what was changed, or belongs to another key, does not open. Nonces are
// random; with 24 octets none comes twice [draft-irtf-cfrg-xchacha §2].

import { randomBytes } from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';

const NONCE_SIZE = 24;
const SEQUENCE_SIZE = 8;
const TAG_SIZE = 16;
/** Octets of a sealing key. */
export const SEAL_KEY_SIZE = 32;

/** A record and the number of the batch that wrote it. */
export interface Opened {
  /** Number of its batch, from 1. */
  sequence: number;
  /** Null: it does not open. */
  value: Uint8Array | null;
}

function sequenceOctets(sequence: number): Uint8Array {
  const octets = new Uint8Array(SEQUENCE_SIZE);
  new DataView(octets.buffer).setBigUint64(0, BigInt(sequence));
  return octets;
}

/** What is authenticated beside the value: the record's key and its number. */
function boundTo(key: string, sequence: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(key), sequence]);
}

/** number | nonce | sealed value and tag. */
export function seal(secret: Uint8Array, key: string, sequence: number, value: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_SIZE);
  const number = sequenceOctets(sequence);
  const sealed = xchacha20poly1305(secret, nonce, boundTo(key, number)).encrypt(value);
  return Buffer.concat([number, nonce, sealed]);
}

/** Opens what `seal` made; null: it is too short to be one. */
export function unseal(secret: Uint8Array, key: string, record: Uint8Array): Opened | null {
  if (record.length < SEQUENCE_SIZE + NONCE_SIZE + TAG_SIZE) return null;
  const number = record.subarray(0, SEQUENCE_SIZE);
  const sequence = Number(new DataView(number.buffer, number.byteOffset, SEQUENCE_SIZE).getBigUint64(0));
  const nonce = record.subarray(SEQUENCE_SIZE, SEQUENCE_SIZE + NONCE_SIZE);
  try {
    const cipher = xchacha20poly1305(secret, nonce, boundTo(key, number));
    return { sequence, value: cipher.decrypt(record.subarray(SEQUENCE_SIZE + NONCE_SIZE)) };
  } catch {
    return { sequence, value: null };
  }
}
