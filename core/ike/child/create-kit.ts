// What the messages of CREATE_CHILD_SA have in common: key exchange in a draft, the notify of the optimized form
// [draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt §2], refusals.

import { put32, u16 } from '../../base/bytes.ts';
import { keSize } from '../../crypto/asymmetric.ts';
import { findPayload, type Writer } from '../codec/message.ts';
import { CREATE_CHILD_SA, N_INVALID_KE_PAYLOAD, N_INVALID_SYNTAX, PAYLOAD_KE } from '../codec/numbers.ts';
import { addKe, addNonce, addStatus, dataOf, NONE, sendNotify } from '../exchange/exchange.ts';
import { endIkeSa } from '../exchange/session.ts';
import type { Ike, Message } from '../state/ike.ts';
import { type Draft, type IkeSa, OUTCOME_PROTOCOL } from '../state/sa.ts';

const four = /* @__PURE__ */ new Uint8Array(4);

/** Begins a key exchange in a draft; method 0: none. */
export function startKe(ike: Ike, draft: Draft, method: number): void {
  draft.keMethod = method;
  if (method === 0) return;
  draft.keOwn = new Uint8Array(keSize(method));
  draft.half = ike.asymmetric.keStart(method, draft.keOwn, 0);
}

/** The shared secret of the peer's KE payload into the draft: false when it is wrong, missing, or not asked for. */
export function finishKe(ike: Ike, draft: Draft, m: Message): boolean {
  const i = findPayload(m.payloads, PAYLOAD_KE, 0);
  if (draft.keMethod === 0) return i < 0;
  if (i < 0 || draft.half === null) return false;
  const at = m.payloads.at[i];
  if (u16(m.buffer, at) !== draft.keMethod) return false;
  draft.secret = new Uint8Array(32);
  const fine = ike.asymmetric.keFinish(draft.half, m.buffer, at + 4, m.payloads.size[i] - 4, draft.secret, 0);
  if (fine) draft.half = null;
  return fine;
}

/** The peer's KE payload and our half: 0, or the error to answer; INVALID_KE_PAYLOAD asks for `method`. */
export function answerKe(ike: Ike, draft: Draft, m: Message, method: number): number {
  const i = findPayload(m.payloads, PAYLOAD_KE, 0);
  if (method === 0) return 0;
  if (i < 0 || u16(m.buffer, m.payloads.at[i]) !== method) return N_INVALID_KE_PAYLOAD;
  startKe(ike, draft, method);
  return finishKe(ike, draft, m) ? 0 : N_INVALID_SYNTAX;
}

export function keHintOf(m: Message): number {
  const i = findPayload(m.payloads, PAYLOAD_KE, 0);
  return i < 0 ? 0 : u16(m.buffer, m.payloads.at[i]);
}

export function addNonceAndKe(draft: Draft, nonceOctets: Uint8Array, w: Writer): void {
  addNonce(w, nonceOctets);
  if (draft.keMethod !== 0) addKe(w, draft.keMethod, draft.keOwn);
}

export function addOptimized(ike: Ike, w: Writer, octets: Uint8Array): void {
  addStatus(w, ike.numbers.optimizedRekey, octets);
}

/** What the peer's optimized answer or request says: the new SPI, empty when it is not there or too long or short. */
export function optimizedSpi(ike: Ike, m: Message, size: number): Uint8Array {
  const data = dataOf(m, ike.numbers.optimizedRekey);
  return data === null || data.length !== size ? NONE : data;
}

export function spiOctets(spi: number): Uint8Array {
  put32(four, 0, spi);
  return four;
}

/** Answers an error. INVALID_SYNTAX is fatal: what the peer makes is not what this side reads [RFC 7296 §2.21.3]. */
export function refuse(ike: Ike, sa: IkeSa, type: number, now: number): void {
  sendNotify(ike, sa, CREATE_CHILD_SA, type, NONE, now);
  if (type === N_INVALID_SYNTAX) endIkeSa(ike, sa, OUTCOME_PROTOCOL, now);
}

/** Answers an error; INVALID_KE_PAYLOAD with the method that we want. */
export function refuseKe(ike: Ike, sa: IkeSa, type: number, method: number, now: number): void {
  if (type !== N_INVALID_KE_PAYLOAD) {
    refuse(ike, sa, type, now);
    return;
  }
  const data = new Uint8Array(2);
  data[0] = (method >>> 8) & 0xff;
  data[1] = method & 0xff;
  sendNotify(ike, sa, CREATE_CHILD_SA, type, data, now);
}
