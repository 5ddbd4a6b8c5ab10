// CERT and CERTREQ payloads, and the hash algorithms that the peer verifies [RFC 7296 §3.6, §3.7, RFC 7427 §4, RFC 7670]. What is in a
// certificate the host knows: `Credentials.signatures` makes and checks signatures with what is kept here.

import { beginPayload, endPayload, findPayload, type Writer, write8, writeOctets } from '../codec/message.ts';
import {
  N_SIGNATURE_HASH_ALGORITHMS,
  N_SUPPORTED_AUTH_METHODS,
  PAYLOAD_CERT,
  PAYLOAD_CERTREQ,
} from '../codec/numbers.ts';
import { join, NONE, octets32, take } from '../codec/octets.ts';
import { dataOf, type Message } from '../codec/payloads.ts';
import type { Signatures, Transcript } from '../crypto/auth.ts';
import { noteOf, setNote } from '../state/child.ts';
import type { Extension } from '../state/ike.ts';
import type { IkeSa } from '../state/sa.ts';
import type { Setup } from '../state/setup.ts';
import { STEP_IDENT_REQUEST, STEP_IDENT_RESPONSE, STEP_INIT_REQUEST, STEP_INIT_RESPONSE } from '../state/step.ts';

/** Certificate encodings [RFC 7296 §3.6, RFC 7670]: X.509 signature, raw public key. Hash and URL (12, 13) are never asked for, and not read. */
export const CERT_X509 = 4 as const;
export const CERT_RAW_KEY = 15 as const;
/** Most CERT and CERTREQ payloads of a message that are kept. */
export const MAX_CERTIFICATES = 10;

const CERTIFICATES = 'certificates';
const REQUESTS = 'certificate requests';
const HASHES = 'signature hashes';
const METHODS = 'signature methods';
/** Most octets of a peer's list of methods that are kept, which may end in the middle of one: RSASSA-PSS takes 70 each. */
const MAX_METHODS = 1024;

/** A CERT payload, or (with key identifiers of 20 octets each as its data) a CERTREQ payload. */
export interface Encoded {
  /** CERT_*, or another encoding. */
  encoding: number;
  octets: Uint8Array;
}

/** `Signatures` that go with CERT payloads. */
export interface CertifiedSignatures extends Signatures {
  /** CERT payloads that go with our AUTH in this set-up, the one of the key that `make` takes first. */
  certificates(setup: Transcript): Encoded[];
  /** CERTREQ payloads: what we verify. */
  requests: Encoded[];
}

function isCertified(signatures: Signatures | undefined): signatures is CertifiedSignatures {
  return signatures !== undefined && (signatures as CertifiedSignatures).requests !== undefined;
}

function addEncoded(w: Writer, type: typeof PAYLOAD_CERT | typeof PAYLOAD_CERTREQ, list: Encoded[]): void {
  for (let i = 0; i < list.length; i++) {
    const at = beginPayload(w, type);
    write8(w, list[i].encoding);
    writeOctets(w, list[i].octets, 0, list[i].octets.length);
    endPayload(w, at);
  }
}

/** Keeps the bodies of the first payloads of a type, each with its length in front. */
function keep(sa: IkeSa, m: Message, type: number, name: string): void {
  const p = m.payloads;
  const parts: Uint8Array[] = [];
  let count = 0;
  for (let i = findPayload(p, type, 0); i >= 0 && count < MAX_CERTIFICATES; i = findPayload(p, type, i + 1)) {
    const size = p.size[i];
    if (size < 1) continue;
    count++;
    parts.push(take(octets32(size), 2, 2), take(m.buffer, p.at[i], size));
  }
  setNote(sa.setup!.notes, name, parts.length === 0 ? NONE : join(parts));
}

function kept(setup: Transcript, name: string): Encoded[] {
  const octets = noteOf((setup as Setup).notes, name);
  const out: Encoded[] = [];
  let at = 0;
  while (at + 3 <= octets.length) {
    const size = octets[at] * 256 + octets[at + 1];
    out.push({ encoding: octets[at + 2], octets: take(octets, at + 3, size - 1) });
    at += 2 + size;
  }
  return out;
}

/** The peer's CERT payloads, in their order; at most MAX_CERTIFICATES. */
export function peerCertificates(setup: Transcript): Encoded[] {
  return kept(setup, CERTIFICATES);
}

/** The peer's CERTREQ payloads, in their order; at most MAX_CERTIFICATES. */
export function peerRequests(setup: Transcript): Encoded[] {
  return kept(setup, REQUESTS);
}

/** The peer's SUPPORTED_AUTH_METHODS (`readAnnounced` takes it apart); empty: it sent none. The last entry may be cut. */
export function peerAnnounced(setup: Transcript): Uint8Array {
  return noteOf((setup as Setup).notes, METHODS);
}

/** The peer's SIGNATURE_HASH_ALGORITHMS: two octets each; empty: it sent none. */
export function peerHashes(setup: Transcript): Uint8Array {
  return noteOf((setup as Setup).notes, HASHES);
}

/** CERT and CERTREQ of policies with such signatures; others neither send nor read any. */
export const certificates: Extension = {
  add: (_ike, sa, step, _draft, w) => {
    const setup = sa.setup;
    const signatures = sa.policy.signatures;
    if (setup === null || setup.resumed || !isCertified(signatures)) return;
    if (step === STEP_IDENT_REQUEST || step === STEP_IDENT_RESPONSE) {
      addEncoded(w, PAYLOAD_CERT, signatures.certificates(setup));
    }
    if (step === STEP_INIT_RESPONSE || step === STEP_IDENT_REQUEST) addEncoded(w, PAYLOAD_CERTREQ, signatures.requests);
  },
  read: (_ike, sa, step, _draft, m) => {
    const setup = sa.setup;
    if (setup === null || setup.resumed || !isCertified(sa.policy.signatures)) return 0;
    if (step === STEP_INIT_REQUEST || step === STEP_INIT_RESPONSE) {
      const hashes = dataOf(m, N_SIGNATURE_HASH_ALGORITHMS);
      setNote(setup.notes, HASHES, hashes === null ? NONE : take(hashes, 0, hashes.length));
      // Whether one of them is of use, `make` knows.
      setup.hashIdentity = true;
    }
    if (step === STEP_INIT_RESPONSE || step === STEP_IDENT_REQUEST) {
      keep(sa, m, PAYLOAD_CERTREQ, REQUESTS);
      const methods = dataOf(m, N_SUPPORTED_AUTH_METHODS);
      setNote(setup.notes, METHODS, methods === null ? NONE : take(methods, 0, Math.min(methods.length, MAX_METHODS)));
    }
    if (step === STEP_IDENT_REQUEST || step === STEP_IDENT_RESPONSE) keep(sa, m, PAYLOAD_CERT, CERTIFICATES);
    return 0;
  },
};
