// The AUTH payload [RFC 7296 §2.15, RFC 7427, RFC 8420; downgrade prevention: draft-ietf-ipsecme-ikev2-downgrade-
// prevention]. It covers the IKE_SA_INIT messages as they were on the wire, the other's nonce, the identity under SK_p, and the
// IKE_INTERMEDIATE messages [RFC 9242].

import { put32 } from '../../base/bytes.ts';
import { copy, equal } from '../../base/spans.ts';
import type { Asymmetric } from '../../crypto/asymmetric.ts';
import type { Provider } from '../../crypto/provider.ts';
import { beginPayload, endPayload, IKE_LENGTH, IKE_SIZE, type Writer, write8, writeOctets } from '../codec/message.ts';
import {
  AUTH_DIGITAL_SIGNATURE,
  AUTH_SHARED_KEY,
  type AuthMethod,
  PAYLOAD_AUTH,
  PAYLOAD_SK,
} from '../codec/numbers.ts';
import { join, NONE, octets32, take, wipe } from '../codec/octets.ts';
import type { KeyExchange } from './key-exchange.ts';
import { type ProofKeys, prf } from './keys.ts';

const SIGNATURE_SIZE = 64;

/** The cryptography that signs and verifies; an Ike has it. */
export interface Signers {
  provider: Provider;
  asymmetric: Asymmetric;
}

/**
 * Digital signatures [RFC 7427] with other keys than a pair of Ed25519 that both sides have: certificates, raw keys of other kinds.
 * `ext/certificates.ts` carries what they need.
 *
 * @noSelf
 */
export interface Signatures {
  /** Data of SIGNATURE_HASH_ALGORITHMS: numbers of two octets each that this side verifies. */
  hashes: Uint8Array;
  /** Data of our AUTH payload for `octets`: AlgorithmIdentifier with its length in front, signature. Empty: the peer verifies none of ours. */
  make(setup: Transcript, octets: Uint8Array): Uint8Array;
  /** True when `data` of the peer's AUTH payload is its signature of `octets`, and the key that of `id` (the body of its ID payload). */
  check(setup: Transcript, id: Uint8Array, octets: Uint8Array, data: Uint8Array): boolean;
  /** What this side verifies, as SUPPORTED_AUTH_METHODS has it [RFC 9593 §3.2]: whole entries. Absent: Ed25519. */
  announced?: Uint8Array;
  /** Changes when something does that a peer was taken for: then tickets from before are void. Absent: nothing does. */
  mark?: Uint8Array;
  /** Until when the peer that was taken in this set-up would be, in milliseconds since 1970. Absent: for ever. */
  until?(setup: Transcript): number;
}

/** How both sides prove who they are; an IkePolicy has it. */
export interface Credentials {
  /** AUTH_SHARED_KEY or AUTH_DIGITAL_SIGNATURE (Ed25519): how this side, and how the peer proves itself. */
  localAuth: AuthMethod;
  /** How the peer proves itself. */
  remoteAuth: AuthMethod;
  /** Pre-shared key; empty: none. */
  psk: Uint8Array;
  /** Ed25519: the private key of this side, the public key of the peer, 32 octets each; empty: none. */
  privateKey: Uint8Array;
  /** Ed25519 public key of the peer; empty: none. */
  publicKey: Uint8Array;
  /** Stands for both keys in digital signatures; absent: Ed25519 with those keys. */
  signatures?: Signatures;
}

/** The input of AUTH; a Setup has it. */
export interface Transcript extends ProofKeys {
  kx: KeyExchange;
  /** IKE_SA_INIT as sent and received. */
  message1: Uint8Array;
  message2: Uint8Array;
  /** Downgrade prevention: sent, received. */
  transcriptSent: boolean;
  transcriptReceived: boolean;
  /** The peer verifies Ed25519, or something that `Credentials.signatures` may make. */
  hashIdentity: boolean;
  /** AUTH data for a peer without the PPK [RFC 8784 §3]; empty: none. */
  noPpkAuth: Uint8Array;
  /** IntAuth of IKE_INTERMEDIATE: initiator's and responder's, 32 octets each; and whether there was one. */
  intAuth: Uint8Array;
  intAuthDone: boolean;
  resumed: boolean;
}

/** Whose proof, over which identity (the body of its ID payload), in the request or answer with which Message ID. */
export interface Claim {
  ofInitiator: boolean;
  id: Uint8Array;
  messageId: number;
}

function text(characters: string): Uint8Array {
  const out = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i++) out[i] = characters.charCodeAt(i);
  return out;
}

/** AlgorithmIdentifier of Ed25519 with its length in front: 07 30 05 06 03 2b 65 70 [RFC 8420 §2, RFC 7427 §3]. */
const ED25519 = text('\u00070\u0005\u0006\u0003+ep');

/** prf(PSK, "Key Pad for IKEv2") [RFC 7296 §2.15]. */
function padded(provider: Provider, psk: Uint8Array): Uint8Array {
  return prf(provider, psk, text('Key Pad for IKEv2'));
}

/** The octets that the initiator or the responder signs. */
function signed(provider: Provider, setup: Transcript, claim: Claim): Uint8Array {
  const ofInitiator = claim.ofInitiator;
  const own = ofInitiator ? setup.message1 : setup.message2;
  const other = ofInitiator ? setup.message2 : setup.message1;
  const parts: Uint8Array[] = [];
  if (setup.transcriptSent && setup.transcriptReceived && !setup.resumed) parts.push(new Uint8Array(8), other);
  parts.push(own, ofInitiator ? setup.kx.nonceR : setup.kx.nonceI);
  parts.push(prf(provider, ofInitiator ? setup.skPi : setup.skPr, claim.id));
  if (setup.intAuthDone) parts.push(setup.intAuth, octets32(claim.messageId));
  return join(parts);
}

/** Data of an AUTH payload for a method. Empty: this side cannot make it (no key, no provider). */
function authData(signers: Signers, own: Credentials, setup: Transcript, method: AuthMethod, claim: Claim): Uint8Array {
  const provider = signers.provider;
  const asymmetric = signers.asymmetric;
  if (setup.resumed) {
    const ofInitiator = claim.ofInitiator;
    return prf(provider, ofInitiator ? setup.skPi : setup.skPr, ofInitiator ? setup.message1 : setup.message2);
  }
  const octets = signed(provider, setup, claim);
  if (method === AUTH_SHARED_KEY) {
    if (own.psk.length === 0) return NONE;
    const key = padded(provider, own.psk);
    const out = prf(provider, key, octets);
    wipe(key);
    return out;
  }
  if (own.signatures !== undefined) return own.signatures.make(setup, octets);
  if (!asymmetric.hasEd25519() || own.privateKey.length === 0) return NONE;
  const out = new Uint8Array(ED25519.length + SIGNATURE_SIZE);
  copy(out, 0, ED25519, 0, ED25519.length);
  asymmetric.sign(own.privateKey, octets, 0, octets.length, out, ED25519.length);
  return out;
}

/** The method of AUTH payloads of `sa`: a resumed session proves the ticket's key. */
function methodOf(setup: Transcript, method: AuthMethod): AuthMethod {
  return setup.resumed ? AUTH_SHARED_KEY : method;
}

/** Our AUTH data. Empty: there is none (no credential, or the peer does not verify Ed25519). */
export function makeAuth(signers: Signers, own: Credentials, setup: Transcript, claim: Claim): Uint8Array {
  const method = methodOf(setup, own.localAuth);
  if (method === AUTH_DIGITAL_SIGNATURE && !setup.hashIdentity) return NONE;
  return authData(signers, own, setup, method, claim);
}

/** The AUTH payload with the data of `makeAuth`. */
export function addAuth(own: Credentials, setup: Transcript, data: Uint8Array, w: Writer): void {
  const at = beginPayload(w, PAYLOAD_AUTH);
  write8(w, methodOf(setup, own.localAuth));
  write8(w, 0);
  write8(w, 0);
  write8(w, 0);
  writeOctets(w, data, 0, data.length);
  endPayload(w, at);
}

/** True when `payload`, the body of an AUTH payload, proves the peer's claim. */
export function verifyAuth(
  signers: Signers,
  own: Credentials,
  setup: Transcript,
  claim: Claim,
  payload: Uint8Array,
): boolean {
  const asymmetric = signers.asymmetric;
  const method = methodOf(setup, own.remoteAuth);
  if (payload[0] !== method) return false;
  // A PPK that this side does not have: the other AUTH data counts [RFC 8784 §3].
  const data = setup.noPpkAuth.length > 0 ? setup.noPpkAuth : take(payload, 4, payload.length - 4);
  const size = data.length;
  if (method === AUTH_SHARED_KEY) {
    const expected = authData(signers, own, setup, method, claim);
    return expected.length > 0 && size === expected.length && equal(data, 0, expected, 0, size);
  }
  if (method !== AUTH_DIGITAL_SIGNATURE) return false;
  const octets = signed(signers.provider, setup, claim);
  if (own.signatures !== undefined) return own.signatures.check(setup, claim.id, octets, data);
  return (
    own.publicKey.length === 32 &&
    asymmetric.hasEd25519() &&
    size === ED25519.length + SIGNATURE_SIZE &&
    equal(data, 0, ED25519, 0, ED25519.length) &&
    asymmetric.verify(own.publicKey, octets, 0, octets.length, data, ED25519.length)
  );
}

/**
 * IntAuth of one IKE_INTERMEDIATE message [RFC 9242 §3.3.2]: `header` is the IKE header with the generic header of SK
 * behind it as if SK held the payloads alone; `inner` those payloads, in clear.
 */
export function updateIntAuth(
  provider: Provider,
  setup: Transcript,
  ofInitiator: boolean,
  header: Uint8Array,
  inner: Uint8Array,
): void {
  const at = ofInitiator ? 0 : 32;
  const parts: Uint8Array[] = [];
  // The first has no previous value.
  if (setup.intAuthDone) parts.push(take(setup.intAuth, at, 32));
  parts.push(header, inner);
  const value = prf(provider, ofInitiator ? setup.skPi : setup.skPr, join(parts));
  for (let i = 0; i < 32; i++) setup.intAuth[at + i] = value[i];
}

/** The header and the generic header of SK as IntAuth has them: as if SK held the payloads alone [RFC 9242 §3.3.2]. */
export function intAuthHeader(header: Uint8Array, at: number, first: number, size: number): Uint8Array {
  const out = new Uint8Array(IKE_SIZE + 4);
  copy(out, 0, header, at, IKE_SIZE);
  out[16] = PAYLOAD_SK;
  put32(out, IKE_LENGTH, IKE_SIZE + 4 + size);
  out[IKE_SIZE] = first;
  out[IKE_SIZE + 2] = ((4 + size) >>> 8) & 0xff;
  out[IKE_SIZE + 3] = (4 + size) & 0xff;
  return out;
}
