// One key exchange, for IKE_SA_INIT and CREATE_CHILD_SA: nonces, our half, the shared secret
// [RFC 7296 §2.10, §2.12, §3.4].

import { u16 } from '../../base/bytes.ts';
import { type Asymmetric, type KePrivate, type KeUse, keSize } from '../../crypto/asymmetric.ts';
import { findPayload, type Writer } from '../codec/message.ts';
import { PAYLOAD_KE } from '../codec/numbers.ts';
import { NONE, wipe } from '../codec/octets.ts';
import { addKe, addNonce, type Message } from '../codec/payloads.ts';

/** All secrets have this size [RFC 8031, RFC 5903, FIPS 203]. */
export const SECRET_SIZE = 32;

/** Nonces and keys of one exchange. */
export interface KeyExchange {
  /** Nonce of the exchange's initiator, 16 to 256 octets; empty before. */
  nonceI: Uint8Array;
  /** Nonce of its responder; empty before. */
  nonceR: Uint8Array;
  /** KE_*, 0: no key exchange. */
  method: number;
  /** Our private half; null before and after its use. */
  half: KePrivate | null;
  /** Our public value; with a key encapsulation the encapsulation key, or the ciphertext. */
  own: Uint8Array;
  /** The shared secret, empty before. */
  secret: Uint8Array;
  /** Secrets of additional key exchanges, one behind the other [RFC 9370 §2.2.4]; empty: none. */
  more: Uint8Array;
}

export function createKeyExchange(): KeyExchange {
  return { nonceI: NONE, nonceR: NONE, method: 0, half: null, own: NONE, secret: NONE, more: NONE };
}

/** Ends a key exchange that led to nothing. */
export function dropKe(asymmetric: Asymmetric, x: KeyExchange): void {
  if (x.half !== null) asymmetric.keWipe(x.half);
  x.half = null;
  wipe(x.secret);
  wipe(x.more);
}

/** Begins a key exchange and gives up the current one. Method 0: none. `use`: see `Asymmetric.keStart`. */
export function startKe(asymmetric: Asymmetric, x: KeyExchange, method: number, use: KeUse): void {
  if (x.half !== null) asymmetric.keWipe(x.half);
  x.half = null;
  x.method = method;
  if (method === 0) return;
  x.own = new Uint8Array(keSize(method));
  x.half = asymmetric.keStart(method, x.own, 0, use, x);
}

/**
 * Computes the shared secret from the message's KE payload. False: it is wrong, missing, or not asked for. Our half then stays
 * usable, because the sender may be unknown yet, and a better message may come.
 */
export function finishKe(asymmetric: Asymmetric, x: KeyExchange, m: Message): boolean {
  const i = findPayload(m.payloads, PAYLOAD_KE, 0);
  if (x.method === 0) return i < 0;
  if (i < 0 || x.half === null) return false;
  const at = m.payloads.at[i];
  const size = m.payloads.size[i] - 4;
  if (u16(m.buffer, at) !== x.method) return false;
  x.secret = new Uint8Array(SECRET_SIZE);
  const fine = asymmetric.keFinish(x.half, m.buffer, at + 4, size, x.secret, 0);
  if (fine) x.half = null;
  return fine;
}

/** The method of the message's KE payload, 0: it has none. */
export function keMethodOf(m: Message): number {
  const i = findPayload(m.payloads, PAYLOAD_KE, 0);
  return i < 0 ? 0 : u16(m.buffer, m.payloads.at[i]);
}

/** KE and Nonce payloads of our side, in the order of IKE_SA_INIT. */
export function addKeAndNonce(x: KeyExchange, nonce: Uint8Array, w: Writer): void {
  addKe(w, x.method, x.own);
  addNonce(w, nonce);
}

/** Nonce and, where there is a key exchange, KE: in the order of CREATE_CHILD_SA. */
export function addNonceAndKe(x: KeyExchange, nonce: Uint8Array, w: Writer): void {
  addNonce(w, nonce);
  if (x.method !== 0) addKe(w, x.method, x.own);
}
