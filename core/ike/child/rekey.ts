import type { KeMethod } from '../../crypto/asymmetric.ts';
import { findPayload } from '../codec/message.ts';
import {
  CREATE_CHILD_SA,
  N_INVALID_SYNTAX,
  N_NO_PROPOSAL_CHOSEN,
  N_TEMPORARY_FAILURE,
  PAYLOAD_NONCE,
  PAYLOAD_SA,
  PROTOCOL_IKE,
} from '../codec/numbers.ts';
import { join, NONE, take, wipe } from '../codec/octets.ts';
import { bodyOf, errorOf } from '../codec/payloads.ts';
import { addAnswer, addSa, checkSaAnswer, chooseSa } from '../codec/proposals.ts';
import { addNonceAndKe, finishKe, type KeyExchange, keMethodOf, startKe } from '../crypto/key-exchange.ts';
import { rekeySeed } from '../crypto/keys.ts';
import { cipherOf } from '../crypto/suites.ts';
import { deriveSk } from '../exchange/keying.ts';
import { createTask } from '../exchange/queue.ts';
import { createIkeSa, due, nonce } from '../exchange/registry.ts';
import { begin, sendRequest, sendResponse } from '../exchange/send.ts';
import { abandon, sendDelete } from '../exchange/session.ts';
import { adopt } from '../exchange/succession.ts';
import type { Draft } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { notifyOf, OUTCOME_PROTOCOL, type Verdict } from '../state/outcome.ts';
import { type IkeSa, STATE_ESTABLISHED, STATE_FORMING, STATE_REPLACED, type Task } from '../state/sa.ts';
import { TASK_DELETE_IKE, TASK_PROBE, TASK_REKEY_IKE } from '../state/task.ts';
import { addOptimized, answerKe, optimizedSpi, refuse, refuseKe } from './create-kit.ts';
import { below, lowest } from './install.ts';
import { createDraft } from './negotiate.ts';

/** Makes an IKE SA that continues `old`, with the agreed values. */
function createNext(ike: Ike, old: IkeSa, initiator: boolean): IkeSa {
  const next = createIkeSa(ike, old.policy, old.path, initiator, STATE_FORMING);
  next.ke = old.ke;
  next.transforms = old.transforms;
  next.fragmentation = old.fragmentation;
  next.vendor = old.vendor;
  next.optimizedRekey = old.optimizedRekey;
  next.peerBehindNat = old.peerBehindNat;
  next.behindNat = old.behindNat;
  next.reported = true;
  return next;
}

/** Sends the request to rekey the IKE SA. */
export function startIkeRekey(ike: Ike, sa: IkeSa, task: Task, now: number): boolean {
  const draft = createDraft(sa.policy.child, null, true);
  task.draft = draft;
  draft.optimized = sa.optimizedRekey && !task.regular;
  if (draft.optimized) draft.choice.extra = sa.transforms;
  draft.kx.nonceI = nonce(ike, sa.policy.nonceSize);
  startKe(ike.asymmetric, draft.kx, task.ke >= 0 ? task.ke : sa.ke);
  task.next = createNext(ike, sa, true);
  const w = begin(ike);
  if (draft.optimized) addOptimized(ike, w, take(task.next.spis, 0, 8));
  else addSa(w, sa.policy.ike, task.next.spis, 0, 8);
  addNonceAndKe(draft.kx, draft.kx.nonceI, w);
  return sendRequest(ike, sa, CREATE_CHILD_SA, now);
}

/** The answer to a rekey of the IKE SA is in ike.message: 0, or what is wrong with it. */
export function readIkeAnswer(ike: Ike, sa: IkeSa, task: Task): Verdict {
  const m = ike.message;
  const draft = task.draft!;
  const next = task.next!;
  const error = errorOf(m);
  if (error !== 0) return error;
  draft.kx.nonceR = bodyOf(m, PAYLOAD_NONCE);
  let fine = draft.kx.nonceR.length > 0;
  next.cipher = sa.cipher;
  if (fine && draft.optimized) {
    const spi = optimizedSpi(ike, m, 8);
    fine = spi.length === 8;
    for (let i = 0; i < 8 && fine; i++) next.spis[8 + i] = spi[i];
  } else if (fine) {
    const i = findPayload(m.payloads, PAYLOAD_SA, 0);
    const c = draft.choice;
    fine = i >= 0 && checkSaAnswer(m.buffer, m.payloads.at[i], m.payloads.size[i], sa.policy.ike, 8, c) === 0;
    fine = fine && c.ke === draft.kx.method;
    if (fine) {
      next.cipher = cipherOf(sa.policy.ciphers, c);
      next.ke = c.ke;
      next.transforms = c.extra;
      for (let j = 0; j < 8; j++) next.spis[8 + j] = m.buffer[c.spiAt + j];
      fine = next.cipher !== null;
    }
  }
  return fine && finishKe(ike.asymmetric, draft.kx, m) ? 0 : OUTCOME_PROTOCOL;
}

/** Keys of the IKE SA that a rekey makes [RFC 7296 §2.18, RFC 9370 §2.2.4]. */
function deriveNext(ike: Ike, sa: IkeSa, next: IkeSa, x: KeyExchange): void {
  const nonces = join([x.nonceI, x.nonceR]);
  const seed = rekeySeed(ike.provider, sa.skD, x.secret, join([nonces, x.more]));
  deriveSk(ike, next, nonces, seed, null);
  wipe(x.secret);
  wipe(x.more);
}

/** Makes the IKE SA that a request and its answer agreed on, where `verdict` is 0: 0, or why it failed. */
export function finishIke(ike: Ike, sa: IkeSa, task: Task, verdict: Verdict, now: number): Verdict {
  if (verdict !== 0) return verdict;
  const draft = task.draft!;
  const next = task.next!;
  deriveNext(ike, sa, next, draft.kx);
  const rival = sa.rival;
  if (
    rival !== null &&
    rival.state === STATE_ESTABLISHED &&
    below(lowest(draft.kx.nonceI, draft.kx.nonceR), sa.rivalNonce)
  ) {
    next.state = STATE_ESTABLISHED;
    abandon(ike, next, 0, now);
    adopt(ike, sa, rival, now);
    return 0;
  }
  adopt(ike, sa, next, now);
  sa.endAt = -1;
  sa.task = createTask(TASK_DELETE_IKE, null);
  sendDelete(ike, sa, null, now);
  return 0;
}

export function onIkeRequest(ike: Ike, sa: IkeSa, optimized: boolean, now: number): void {
  const m = ike.message;
  const p = m.payloads;
  const task = sa.task;
  if (task !== null && task.kind !== TASK_REKEY_IKE && task.kind !== TASK_PROBE) {
    refuse(ike, sa, N_TEMPORARY_FAILURE, now);
    return;
  }
  // One after the other: the peer must first delete the SA that this one replaced.
  let waits = sa.rival !== null;
  for (let i = 0; i < ike.sas.length; i++) {
    if (ike.sas[i].successor === sa && ike.sas[i].state === STATE_REPLACED) waits = true;
  }
  if (waits) {
    refuse(ike, sa, N_TEMPORARY_FAILURE, now);
    return;
  }
  const draft = createDraft(sa.policy.child, null, false);
  draft.kx.nonceI = bodyOf(m, PAYLOAD_NONCE);
  draft.kx.nonceR = nonce(ike, sa.policy.nonceSize);
  if (draft.kx.nonceI.length === 0) {
    refuse(ike, sa, N_INVALID_SYNTAX, now);
    return;
  }
  let cipher = sa.cipher;
  let method: KeMethod | 0 = sa.ke;
  let spi: Uint8Array = NONE;
  const choice = draft.choice;
  if (optimized) {
    choice.extra = sa.transforms;
    spi = optimizedSpi(ike, m, 8);
    if (spi.length === 0) {
      refuse(ike, sa, N_INVALID_SYNTAX, now);
      return;
    }
    if (findPayload(p, PAYLOAD_SA, 0) >= 0 || keMethodOf(m) !== method) {
      refuse(ike, sa, N_NO_PROPOSAL_CHOSEN, now);
      return;
    }
  } else {
    const i = findPayload(p, PAYLOAD_SA, 0);
    const code = chooseSa(m.buffer, p.at[i], p.size[i], sa.policy.ike, 8, keMethodOf(m), choice);
    if (code !== 0) {
      refuse(ike, sa, code, now);
      return;
    }
    cipher = cipherOf(sa.policy.ciphers, choice);
    method = choice.ke;
    spi = take(m.buffer, choice.spiAt, 8);
    if (cipher === null) {
      refuse(ike, sa, N_NO_PROPOSAL_CHOSEN, now);
      return;
    }
  }
  const code = method === 0 ? N_NO_PROPOSAL_CHOSEN : answerKe(ike, draft, m, method);
  if (code !== 0) {
    refuseKe(ike, sa, notifyOf(code), method, now);
    return;
  }
  const next = createNext(ike, sa, false);
  next.cipher = cipher;
  next.ke = method;
  for (let i = 0; i < 8; i++) next.spis[i] = spi[i];
  if (!optimized) next.transforms = choice.extra;
  const isLater = ike.followUps !== null && ike.followUps.hold(ike, sa, draft, next, now);
  const w = begin(ike);
  if (optimized) addOptimized(ike, w, take(next.spis, 8, 8));
  else addAnswer(w, PROTOCOL_IKE, choice, next.spis, 8, 8);
  addNonceAndKe(draft.kx, draft.kx.nonceR, w);
  sendResponse(ike, sa, CREATE_CHILD_SA, now);
  if (!isLater) makeIke(ike, sa, next, draft, now);
}

/** Responder: the IKE SA of a rekey is there, or stands beside the one that we make. */
export function makeIke(ike: Ike, sa: IkeSa, next: IkeSa, draft: Draft, now: number): void {
  const task = sa.task;
  deriveNext(ike, sa, next, draft.kx);
  if (task !== null && task.kind === TASK_REKEY_IKE) {
    sa.rival = next;
    sa.rivalNonce = lowest(draft.kx.nonceI, draft.kx.nonceR);
    next.rivalOf = sa;
    next.state = STATE_ESTABLISHED;
    // The loser deletes the SA that it made; a side without an answer does not know of it.
    next.endAt = now + sa.policy.retransmitTime * 64;
    due(ike, next.endAt);
  } else {
    adopt(ike, sa, next, now);
  }
}
