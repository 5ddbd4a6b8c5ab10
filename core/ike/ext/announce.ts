// SUPPORTED_AUTH_METHODS: the authentication methods that the sender can verify, in its order of preference [RFC 9593].
// The notify's data is a list of blobs, each begins with its length (that octet included) and the method:
//   2 | method                   3 | method | Cert Link                   n > 3 | method | Cert Link | AlgorithmIdentifier
// It is advice: who reads it may do otherwise, and what it cannot read does no harm.

import { type Writer, write8 } from '../message.ts';
import { AUTH_DIGITAL_SIGNATURE, AUTH_SHARED_KEY, N_INVALID_SYNTAX } from '../numbers.ts';

/** Further methods are not listed: they are the least wanted. */
export const MAX_METHODS = 16;

/** AlgorithmIdentifier of Ed25519, DER [RFC 8410 §3]. */
const ED25519 = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];

/** One announced method. */
export interface Announced {
  /** AUTH_* */
  method: number;
  /** Index of the CA among the CERTREQ payloads, from 1; 0: none in particular. */
  certLink: number;
  /** Where the AlgorithmIdentifier is; size 0: none. */
  algorithmAt: number;
  algorithmSize: number;
}

/** Fills `out` with the methods of a notify's data. 0, or N_INVALID_SYNTAX with those in front of the bad blob. */
export function readAnnounced(buffer: Uint8Array, at: number, size: number, out: Announced[]): number {
  const end = at + size;
  let next = at;
  while (next < end) {
    const length = buffer[next];
    if (length < 2 || length > end - next) return N_INVALID_SYNTAX;
    if (out.length < MAX_METHODS) {
      out.push({
        method: buffer[next + 1],
        certLink: length > 2 ? buffer[next + 2] : 0,
        algorithmAt: next + 3,
        algorithmSize: length > 2 ? length - 3 : 0,
      });
    }
    next += length;
  }
  return 0;
}

/** True for a digital signature [RFC 7427] with Ed25519. */
export function isEd25519(buffer: Uint8Array, announced: Announced): boolean {
  if (announced.method !== AUTH_DIGITAL_SIGNATURE || announced.algorithmSize !== ED25519.length) return false;
  for (let i = 0; i < ED25519.length; i++) if (buffer[announced.algorithmAt + i] !== ED25519[i]) return false;
  return true;
}

/** Appends the blob for a pre-shared key. */
export function announceSharedKey(w: Writer): void {
  write8(w, 2);
  write8(w, AUTH_SHARED_KEY);
}

/** Appends the blob for digital signatures with Ed25519. */
export function announceEd25519(w: Writer, certLink: number): void {
  write8(w, 3 + ED25519.length);
  write8(w, AUTH_DIGITAL_SIGNATURE);
  write8(w, certLink);
  for (let i = 0; i < ED25519.length; i++) write8(w, ED25519[i]);
}
