// SUPPORTED_AUTH_METHODS: the authentication methods that the sender can verify, in its order of preference [RFC 9593].
// The notify's data is a list of blobs, each begins with its length (that octet included) and the method:
//   2 | method                   3 | method | Cert Link                   n > 3 | method | Cert Link | AlgorithmIdentifier
// It is advice: a reader may ignore it, and unknown content does no harm. The responder sends it in the answer to IKE_SA_INIT,
// the initiator in IKE_AUTH. An empty one (the list comes in IKE_INTERMEDIATE [RFC 9593 §3.1]) says nothing.

import { beginPayload, endPayload, type Writer, write8, write16, writeOctets } from '../codec/message.ts';
import {
  AUTH_DIGITAL_SIGNATURE,
  AUTH_SHARED_KEY,
  N_INVALID_SYNTAX,
  N_SUPPORTED_AUTH_METHODS,
  PAYLOAD_NOTIFY,
} from '../codec/numbers.ts';
import { NONE, take } from '../codec/octets.ts';
import { dataOf } from '../codec/payloads.ts';
import type { Extension } from '../state/ike.ts';
import { STEP_AUTH_REQUEST, STEP_INIT_RESPONSE } from '../state/step.ts';

/** Most methods in the list. Later ones are the least preferred. */
export const MAX_METHODS = 16;
/** Most octets of a peer's list that are kept. */
export const MAX_ANNOUNCED = 128;

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

/** The blobs at the front of a notify's data that are whole, in MAX_ANNOUNCED octets. */
export function keptAnnounced(data: Uint8Array): Uint8Array {
  let size = 0;
  while (size < data.length && data[size] >= 2 && size + data[size] <= Math.min(data.length, MAX_ANNOUNCED)) {
    size += data[size];
  }
  return size === 0 ? NONE : take(data, 0, size);
}

/** Sends the methods of `IkePolicy.announce`, and keeps the peer's in `IkeSa.announced`, for the host. */
export const authMethods: Extension = {
  add: (_ike, sa, step, _draft, w) => {
    const list = sa.policy.announce;
    const own = sa.policy.signatures;
    if ((step !== STEP_INIT_RESPONSE && step !== STEP_AUTH_REQUEST) || list.length === 0 || sa.setup!.resumed) return;
    const at = beginPayload(w, PAYLOAD_NOTIFY);
    write16(w, 0);
    write16(w, N_SUPPORTED_AUTH_METHODS);
    for (let i = 0; i < list.length; i++) {
      if (list[i] === AUTH_SHARED_KEY) announceSharedKey(w);
      else if (own !== undefined && own.announced !== undefined) writeOctets(w, own.announced, 0, own.announced.length);
      else announceEd25519(w, 0);
    }
    endPayload(w, at);
  },
  read: (_ike, sa, step, _draft, m) => {
    if (step !== STEP_INIT_RESPONSE && step !== STEP_AUTH_REQUEST) return 0;
    const data = dataOf(m, N_SUPPORTED_AUTH_METHODS);
    sa.announced = data === null ? NONE : keptAnnounced(data);
    return 0;
  },
};
