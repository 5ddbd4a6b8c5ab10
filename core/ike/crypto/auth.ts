// The AUTH payload [RFC 7296 §2.15, RFC 7427, RFC 8420; downgrade prevention: draft-ietf-ipsecme-ikev2-downgrade-
// prevention]. What is signed is the IKE_SA_INIT messages as they were on the wire, the other's nonce, the identity
// under SK_p, and what IKE_INTERMEDIATE exchanged [RFC 9242].

import { equal } from '../../base/bytes.ts';
import { beginPayload, endPayload, type Writer, write8, writeOctets } from '../codec/message.ts';
import { AUTH_DIGITAL_SIGNATURE, AUTH_SHARED_KEY, PAYLOAD_AUTH } from '../codec/numbers.ts';
import type { Ike } from '../state/ike.ts';
import type { IkePolicy } from '../state/policy.ts';
import type { IkeSa, Setup } from '../state/sa.ts';
import { join, octets32, prf, take, wipe } from './keys.ts';

/** AlgorithmIdentifier of Ed25519 with its length in front [RFC 8420 §2, RFC 7427 §3]. */
const ED25519 = [7, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
const SIGNATURE_SIZE = 64;
const NONE = /* @__PURE__ */ new Uint8Array(0);

function text(characters: string): Uint8Array {
  const out = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i++) out[i] = characters.charCodeAt(i);
  return out;
}

/** prf(PSK, "Key Pad for IKEv2") [RFC 7296 §2.15]. */
function padded(ike: Ike, psk: Uint8Array): Uint8Array {
  return prf(ike.provider, psk, text('Key Pad for IKEv2'));
}

/** What the initiator (true) or the responder signs; `id` is the body of its ID payload. */
function signed(ike: Ike, setup: Setup, ofInitiator: boolean, id: Uint8Array, messageId: number): Uint8Array {
  const own = ofInitiator ? setup.message1 : setup.message2;
  const other = ofInitiator ? setup.message2 : setup.message1;
  const parts: Uint8Array[] = [];
  if (setup.transcriptSent && setup.transcriptReceived && !setup.resumed) parts.push(new Uint8Array(8), other);
  parts.push(own, ofInitiator ? setup.nonceR : setup.nonceI);
  parts.push(prf(ike.provider, ofInitiator ? setup.skPi : setup.skPr, id));
  if (setup.intAuthDone) parts.push(setup.intAuth, octets32(messageId));
  return join(parts);
}

/** Data of an AUTH payload for a method; empty when this side cannot (no key, no provider). */
function authData(
  ike: Ike,
  policy: IkePolicy,
  setup: Setup,
  method: number,
  ofInitiator: boolean,
  id: Uint8Array,
  messageId: number,
): Uint8Array {
  if (setup.resumed) {
    return prf(ike.provider, ofInitiator ? setup.skPi : setup.skPr, ofInitiator ? setup.message1 : setup.message2);
  }
  const octets = signed(ike, setup, ofInitiator, id, messageId);
  if (method === AUTH_SHARED_KEY) {
    if (policy.psk.length === 0) return NONE;
    const key = padded(ike, policy.psk);
    const out = prf(ike.provider, key, octets);
    wipe(key);
    return out;
  }
  if (!ike.asymmetric.hasEd25519() || policy.privateKey.length === 0) return NONE;
  const out = new Uint8Array(ED25519.length + SIGNATURE_SIZE);
  for (let i = 0; i < ED25519.length; i++) out[i] = ED25519[i];
  ike.asymmetric.sign(policy.privateKey, octets, 0, octets.length, out, ED25519.length);
  return out;
}

/** The method of AUTH payloads of `sa`: a resumed session proves the ticket's key. */
function methodOf(setup: Setup, method: number): number {
  return setup.resumed ? AUTH_SHARED_KEY : method;
}

/**
 * Our AUTH data, empty when there is none (no credential, or the peer does not verify Ed25519). `id` is the body of our
 * ID payload.
 */
export function makeAuth(ike: Ike, sa: IkeSa, id: Uint8Array, messageId: number): Uint8Array {
  const setup = sa.setup!;
  const method = methodOf(setup, sa.policy.localAuth);
  if (method === AUTH_DIGITAL_SIGNATURE && !setup.hashIdentity) return NONE;
  return authData(ike, sa.policy, setup, method, sa.initiator, id, messageId);
}

export function addAuth(sa: IkeSa, data: Uint8Array, w: Writer): void {
  const at = beginPayload(w, PAYLOAD_AUTH);
  write8(w, methodOf(sa.setup!, sa.policy.localAuth));
  write8(w, 0);
  write8(w, 0);
  write8(w, 0);
  writeOctets(w, data, 0, data.length);
  endPayload(w, at);
}

/** True when the AUTH payload with its body at payload[at..at+size) proves the peer; `id` is the body of its ID payload. */
export function verifyAuth(
  ike: Ike,
  sa: IkeSa,
  id: Uint8Array,
  messageId: number,
  payload: Uint8Array,
  at: number,
  size: number,
): boolean {
  const setup = sa.setup!;
  const policy = sa.policy;
  const method = methodOf(setup, policy.remoteAuth);
  if (payload[at] !== method) return false;
  // A PPK that this side does not have: the other AUTH data counts [RFC 8784 §3].
  const without = setup.noPpkAuth.length > 0;
  const buffer = without ? setup.noPpkAuth : payload;
  const data = without ? 0 : at + 4;
  const length = without ? setup.noPpkAuth.length : size - 4;
  if (method === AUTH_SHARED_KEY) {
    const expected = authData(ike, policy, setup, method, !sa.initiator, id, messageId);
    return expected.length > 0 && length === expected.length && equal(buffer, data, expected, 0, length);
  }
  if (method !== AUTH_DIGITAL_SIGNATURE || policy.publicKey.length !== 32 || !ike.asymmetric.hasEd25519()) return false;
  if (length !== ED25519.length + SIGNATURE_SIZE) return false;
  for (let i = 0; i < ED25519.length; i++) if (buffer[data + i] !== ED25519[i]) return false;
  const octets = signed(ike, setup, !sa.initiator, id, messageId);
  return ike.asymmetric.verify(policy.publicKey, octets, 0, octets.length, buffer, data + ED25519.length);
}

/**
 * IntAuth of one IKE_INTERMEDIATE message [RFC 9242 §3.3.2]: `header` is the IKE header with the generic header of SK
 * behind it as if SK held the payloads alone; `inner` those payloads, in clear.
 */
export function updateIntAuth(
  ike: Ike,
  setup: Setup,
  ofInitiator: boolean,
  header: Uint8Array,
  inner: Uint8Array,
): void {
  const at = ofInitiator ? 0 : 32;
  const parts: Uint8Array[] = [];
  // The first has no previous value.
  if (setup.intAuthDone) parts.push(take(setup.intAuth, at, 32));
  parts.push(header, inner);
  const value = prf(ike.provider, ofInitiator ? setup.skPi : setup.skPr, join(parts));
  for (let i = 0; i < 32; i++) setup.intAuth[at + i] = value[i];
}
