// Shared by the messages of CREATE_CHILD_SA: key exchange in a draft, the notify of the optimized form
// [draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt §2], refusals.

import { KE_ANSWERS, type KeMethod } from '../../crypto/asymmetric.ts';
import type { Writer } from '../codec/message.ts';
import { CREATE_CHILD_SA, N_INVALID_KE_PAYLOAD, N_INVALID_SYNTAX } from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { addStatus, dataOf, type Message } from '../codec/payloads.ts';
import { finishKe, keMethodOf, startKe } from '../crypto/key-exchange.ts';
import { sendNotify } from '../exchange/send.ts';
import { endIkeSa } from '../exchange/session.ts';
import type { Draft } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { type End, OUTCOME_PROTOCOL, type Verdict } from '../state/outcome.ts';
import type { IkeSa } from '../state/sa.ts';
import { notifyOf } from '../state/verdict.ts';

/** The peer's KE payload and our half: 0, or the error to answer; INVALID_KE_PAYLOAD, with `method` in ike.wantedKe. */
export function answerKe(ike: Ike, draft: Draft, m: Message, method: KeMethod | 0): Verdict {
  if (method === 0) return 0;
  if (keMethodOf(m) !== method) {
    const wanted = new Uint8Array(2);
    wanted[0] = (method >>> 8) & 0xff;
    wanted[1] = method & 0xff;
    ike.wantedKe = wanted;
    return N_INVALID_KE_PAYLOAD;
  }
  startKe(ike.asymmetric, draft.kx, method, KE_ANSWERS);
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

/**
 * Refuses the request in ike.message and tells the host; INVALID_KE_PAYLOAD with the method that we want. INVALID_SYNTAX is
 * fatal: what the peer makes is not what this side reads [RFC 7296 §2.21.3].
 */
export function refuse(ike: Ike, sa: IkeSa, verdict: End, now: number): void {
  const type = notifyOf(verdict);
  sendNotify(ike, sa, CREATE_CHILD_SA, type, type === N_INVALID_KE_PAYLOAD ? ike.wantedKe : NONE, now);
  ike.upper.refused(sa, verdict, now);
  if (type === N_INVALID_SYNTAX) endIkeSa(ike, sa, OUTCOME_PROTOCOL, now);
}
