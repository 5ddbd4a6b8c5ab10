// Shared by the messages of CREATE_CHILD_SA: key exchange in a draft, the notify of the optimized form
// [draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt §2], refusals.

import type { KeMethod } from '../../crypto/asymmetric.ts';
import type { Writer } from '../codec/message.ts';
import { CREATE_CHILD_SA, type ErrorType, N_INVALID_KE_PAYLOAD, N_INVALID_SYNTAX } from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { addStatus, dataOf, type Message } from '../codec/payloads.ts';
import { finishKe, keMethodOf, startKe } from '../crypto/key-exchange.ts';
import { sendNotify } from '../exchange/send.ts';
import { endIkeSa } from '../exchange/session.ts';
import type { Draft } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { OUTCOME_PROTOCOL, type Verdict } from '../state/outcome.ts';
import type { IkeSa } from '../state/sa.ts';

/** Reads the peer's KE payload and makes our half. Returns 0, or the error to answer; INVALID_KE_PAYLOAD asks for `method`. */
export function answerKe(ike: Ike, draft: Draft, m: Message, method: KeMethod | 0): Verdict {
  if (method === 0) return 0;
  if (keMethodOf(m) !== method) return N_INVALID_KE_PAYLOAD;
  startKe(ike.asymmetric, draft.kx, method);
  return finishKe(ike.asymmetric, draft.kx, m) ? 0 : N_INVALID_SYNTAX;
}

export function addOptimized(ike: Ike, w: Writer, octets: Uint8Array): void {
  addStatus(w, ike.numbers.optimizedRekey, octets);
}

/** The new SPI in the peer's optimized answer or request; empty: it is missing, too long or too short. */
export function optimizedSpi(ike: Ike, m: Message, size: number): Uint8Array {
  const data = dataOf(m, ike.numbers.optimizedRekey);
  return data === null || data.length !== size ? NONE : data;
}

/** Answers an error. INVALID_SYNTAX is fatal: the two sides do not understand each other [RFC 7296 §2.21.3]. */
export function refuse(ike: Ike, sa: IkeSa, type: ErrorType, now: number): void {
  sendNotify(ike, sa, CREATE_CHILD_SA, type, NONE, now);
  if (type === N_INVALID_SYNTAX) endIkeSa(ike, sa, OUTCOME_PROTOCOL, now);
}

/** Answers an error; INVALID_KE_PAYLOAD names the method that we want. */
export function refuseKe(ike: Ike, sa: IkeSa, type: ErrorType, method: KeMethod | 0, now: number): void {
  if (type !== N_INVALID_KE_PAYLOAD) {
    refuse(ike, sa, type, now);
    return;
  }
  const data = new Uint8Array(2);
  data[0] = (method >>> 8) & 0xff;
  data[1] = method & 0xff;
  sendNotify(ike, sa, CREATE_CHILD_SA, type, data, now);
}
