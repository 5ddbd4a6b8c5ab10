// What AUTH payloads prove: a pre-shared key, an Ed25519 key, or a ticket's key [RFC 7296 §2.15, RFC 7427, RFC 8420, RFC 5723 §5.1;
// draft-ietf-ipsecme-ikev2-downgrade-prevention]. As core/ike/crypto/auth.ts.

import { copy, equal, fill, put32 } from '../../../core/base/bytes.ts';
import { PAYLOAD_AUTH } from '../../../core/ike/codec/numbers.ts';
import type { Board } from '../../board/hooks.ts';
import { hmacOf, slice } from '../crypto.ts';
import { D } from '../data.ts';
import { isHex, putHex } from '../octets.ts';
import type { Profile } from '../profile.ts';
import { S } from './ike-state.ts';
import { addPayloads, addRoom, chain, foundAt, foundSize, putAll, seek, W } from './payloads.ts';

declare const board: Board;
declare const P: Profile;

/** 'Key Pad for IKEv2'. */
const KEY_PAD = '4b65792050616420666f7220494b457632';
/** AlgorithmIdentifier of Ed25519 with its length in front [RFC 8420 §2]. */
const ED25519_HEAD = '07300506032b6570';
const SIGNED_SIZE = 72;

/** The octets that the initiator (`ofInitiator`) or the responder signs, whose ID body is `id`. */
function signedOctets(ofInitiator: boolean, id: Uint8Array): Uint8Array {
  const setup = S.setup!;
  const own = ofInitiator ? setup.m1 : setup.m2;
  const other = ofInitiator ? setup.m2 : setup.m1;
  const nonce = ofInitiator ? setup.nr : S.draft!.nonce;
  const before = P.transcript && setup.transcript ? 8 + other.length : 0;
  const rounds = P.ppkIntermediate ? setup.intAuth.length : 0;
  const octets = new Uint8Array(before + own.length + nonce.length + 32 + (rounds > 0 ? rounds + 4 : 0));
  if (before > 0) putAll(octets, 8, other);
  const at = putAll(octets, putAll(octets, before, own), nonce);
  hmacOf(ofInitiator ? setup.pi : setup.pr, id, 0, id.length, octets, at);
  if (rounds > 0) put32(octets, putAll(octets, at + 32, setup.intAuth), setup.authId);
  return octets;
}

/** AUTH data under a ticket's key, or the pre-shared one. */
function keyProof(ofInitiator: boolean, id: Uint8Array): Uint8Array {
  const setup = S.setup!;
  const out = new Uint8Array(32);
  if (P.tickets && setup.resumed) {
    const own = ofInitiator ? setup.m1 : setup.m2;
    hmacOf(ofInitiator ? setup.pi : setup.pr, own, 0, own.length, out, 0);
    return out;
  }
  const octets = signedOctets(ofInitiator, id);
  const psk = slice(D, P.atPsk, P.pskSize);
  const pad = new Uint8Array(17);
  const key = new Uint8Array(32);
  hmacOf(psk, pad, 0, putHex(pad, 0, KEY_PAD), key, 0);
  hmacOf(key, octets, 0, octets.length, out, 0);
  fill(psk, 0, P.pskSize, 0);
  fill(key, 0, 32, 0);
  return out;
}

/** This side's AUTH data. */
export function makeProof(id: Uint8Array): Uint8Array {
  if (!P.localSigns || (P.tickets && S.setup!.resumed)) return keyProof(true, id);
  const octets = signedOctets(true, id);
  const key = slice(D, P.atPrivateKey, 32);
  const out = new Uint8Array(SIGNED_SIZE);
  board.sign(key, octets, 0, octets.length, out, putHex(out, 0, ED25519_HEAD));
  fill(key, 0, 32, 0);
  return out;
}

/** An AUTH payload with this side's proof at the end of W. */
export function putProof(proof: Uint8Array): void {
  const at = addPayloads(PAYLOAD_AUTH, '0000002802000000', 0);
  if (P.localSigns && proof.length === SIGNED_SIZE) {
    W[at + 3] = 8 + SIGNED_SIZE;
    W[at + 4] = 14;
  }
  putAll(W, addRoom(proof.length), proof);
}

/** True when the chain's AUTH payload proves the gateway's ID body `id`. */
export function isProved(id: Uint8Array): boolean {
  const signs = P.remoteSigns && !(P.tickets && S.setup!.resumed);
  if (!seek(PAYLOAD_AUTH, 0, 0) || chain[foundAt] !== (signs ? 14 : 2)) return false;
  const at = foundAt + 4;
  if (!signs) return foundSize === 36 && equal(chain, at, keyProof(false, id), 0, 32);
  if (foundSize !== 4 + SIGNED_SIZE || !isHex(chain, at, ED25519_HEAD)) return false;
  const octets = signedOctets(false, id);
  return board.verify(slice(D, P.atPublicKey, 32), octets, 0, octets.length, chain, at + 8);
}

/** Mixes the PPK into a key of 32 octets: prf+(PPK, key) [RFC 8784 §3]. */
export function mixKey(key: Uint8Array, out: Uint8Array): void {
  const ppk = slice(D, P.atPpk, P.ppkSize);
  const seed = new Uint8Array(33);
  copy(seed, 0, key, 0, 32);
  seed[32] = 1;
  hmacOf(ppk, seed, 0, 33, out, 0);
  fill(ppk, 0, P.ppkSize, 0);
  fill(seed, 0, 33, 0);
}
