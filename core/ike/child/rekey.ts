import { copy } from '../../base/spans.ts';
import { KE_OPENS_LASTING } from '../../crypto/asymmetric.ts';
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
import { join, take, wipe } from '../codec/octets.ts';
import { bodyOf, errorOf } from '../codec/payloads.ts';
import { addAnswer, addSa, checkSaAnswer, chooseSa } from '../codec/proposals.ts';
import { addNonceAndKe, finishKe, type KeyExchange, keMethodOf, startKe } from '../crypto/key-exchange.ts';
import { rekeySeed } from '../crypto/keys.ts';
import { cipherOf } from '../crypto/suites.ts';
import { extend, readExtensions } from '../exchange/extensions.ts';
import { deriveSk } from '../exchange/keying.ts';
import { createTask } from '../exchange/queue.ts';
import { createIkeSa, nonce } from '../exchange/registry.ts';
import { due } from '../exchange/schedule.ts';
import { begin, sendRequest, sendResponse } from '../exchange/send.ts';
import { abandon, sendDelete } from '../exchange/session.ts';
import { adopt } from '../exchange/succession.ts';
import type { Draft } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { OUTCOME_PROTOCOL, type Verdict } from '../state/outcome.ts';
import { type IkeSa, STATE_ESTABLISHED, STATE_FORMING, STATE_REPLACED, type Task } from '../state/sa.ts';
import { STEP_REKEY_RESPONSE } from '../state/step.ts';
import { TASK_DELETE_IKE, TASK_PROBE, TASK_REKEY_IKE } from '../state/task.ts';
import { addOptimized, answerKe, optimizedSpi } from './create-kit.ts';
import { below, lowest } from './install.ts';
import { createDraft } from './negotiate.ts';

/** Makes an IKE SA that continues `old`, with the agreed values. */
export function createNext(ike: Ike, old: IkeSa, initiator: boolean): IkeSa {
  const next = createIkeSa(ike, old.policy, old.path, initiator, STATE_FORMING);
  next.ke = old.ke;
  next.transforms = old.transforms;
  next.fragmentation = old.fragmentation;
  next.vendor = old.vendor;
  next.optimizedRekey = old.optimizedRekey;
  next.peerBehindNat = old.peerBehindNat;
  next.behindNat = old.behindNat;
  next.reported = true;
  next.rivalOf = old;
  return next;
}

/** Sends the request to rekey the IKE SA. */
export function startIkeRekey(ike: Ike, sa: IkeSa, task: Task, now: number): boolean {
  const draft = createDraft(sa.policy.child, null, true);
  task.draft = draft;
  draft.optimized = sa.optimizedRekey && !task.regular;
  if (draft.optimized) draft.choice.extra = sa.transforms;
  draft.kx.nonceI = nonce(ike, sa.policy.nonceSize);
  startKe(ike.asymmetric, draft.kx, task.ke >= 0 ? task.ke : sa.ke, KE_OPENS_LASTING);
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
  if (draft.kx.nonceR.length === 0) return OUTCOME_PROTOCOL;
  next.cipher = sa.cipher;
  let spi = optimizedSpi(ike, m, 8);
  if (!draft.optimized) {
    const i = findPayload(m.payloads, PAYLOAD_SA, 0);
    const c = draft.choice;
    const isAnswer = i >= 0 && checkSaAnswer(m.buffer, m.payloads.at[i], m.payloads.size[i], sa.policy.ike, 8, c) === 0;
    if (!isAnswer || c.ke !== draft.kx.method) return OUTCOME_PROTOCOL;
    next.cipher = cipherOf(sa.policy.ciphers, c);
    next.ke = c.ke;
    next.transforms = c.extra;
    spi = take(m.buffer, c.spiAt, 8);
  }
  if (spi.length === 0 || next.cipher === null) return OUTCOME_PROTOCOL;
  copy(next.spis, 8, spi, 0, 8);
  if (!finishKe(ike.asymmetric, draft.kx, m)) return OUTCOME_PROTOCOL;
  return readExtensions(ike, next, STEP_REKEY_RESPONSE, null, m);
}

/** Keys of the IKE SA that a rekey makes [RFC 7296 §2.18, RFC 9370 §2.2.4]. */
function deriveNext(ike: Ike, sa: IkeSa, next: IkeSa, x: KeyExchange): void {
  const nonces = join([x.nonceI, x.nonceR]);
  const seed = rekeySeed(ike.provider, sa.skD, x.secret, join([nonces, x.more]));
  deriveSk(ike, next, nonces, seed, null);
  wipe(x.secret);
  wipe(x.more);
}

/** If `verdict` is 0, makes the IKE SA that a request and its answer agreed on. Returns 0, or why it failed. */
export function finishIke(ike: Ike, sa: IkeSa, task: Task, verdict: Verdict, now: number): Verdict {
  if (verdict !== 0) return verdict;
  const draft = task.draft!;
  const next = task.next!;
  deriveNext(ike, sa, next, draft.kx);
  const rival = sa.rival;
  if (rival !== null && rival.state === STATE_ESTABLISHED && below(lowest(draft.kx), sa.rivalNonce)) {
    next.state = STATE_ESTABLISHED;
    abandon(ike, next, 0, now);
    adopt(ike, sa, rival, now);
    return 0;
  }
  if (rival !== null) {
    // The loser deletes it, unless our answer did not reach it before our Delete of the old one did.
    rival.endAt = Math.min(rival.endAt, now + sa.policy.retransmitTime * 4);
    due(ike, rival, rival.endAt);
  }
  adopt(ike, sa, next, now);
  sa.endAt = -1;
  sa.task = createTask(TASK_DELETE_IKE, null);
  sendDelete(ike, sa, null, now);
  return 0;
}

/** Responder: the IKE SA of a rekey is there, or stands beside the one that we make. */
export function makeIke(ike: Ike, sa: IkeSa, next: IkeSa, draft: Draft, now: number): void {
  const task = sa.task;
  deriveNext(ike, sa, next, draft.kx);
  if (task !== null && task.kind === TASK_REKEY_IKE) {
    sa.rival = next;
    sa.rivalNonce = lowest(draft.kx);
    next.state = STATE_ESTABLISHED;
    // The loser deletes the SA that it made; a side without an answer does not know of it.
    next.endAt = now + sa.policy.retransmitTime * 64;
    due(ike, next, next.endAt);
  } else {
    adopt(ike, sa, next, now);
  }
}

/** A request to rekey the IKE SA is in ike.message: 0 when it has been answered, or why it is refused. */
export function onIkeRequest(ike: Ike, sa: IkeSa, optimized: boolean, now: number): Verdict {
  const m = ike.message;
  const p = m.payloads;
  const task = sa.task;
  if (task !== null && task.kind !== TASK_REKEY_IKE && task.kind !== TASK_PROBE) return N_TEMPORARY_FAILURE;
  // One after the other: the peer has to delete the SA that this one replaced first.
  if (sa.rival !== null) return N_TEMPORARY_FAILURE;
  if (sa.former !== null && sa.former.state === STATE_REPLACED) return N_TEMPORARY_FAILURE;
  const draft = createDraft(sa.policy.child, null, false);
  draft.kx.nonceI = bodyOf(m, PAYLOAD_NONCE);
  draft.kx.nonceR = nonce(ike, sa.policy.nonceSize);
  if (draft.kx.nonceI.length === 0) return N_INVALID_SYNTAX;
  let cipher = sa.cipher;
  let spi = optimizedSpi(ike, m, 8);
  const choice = draft.choice;
  const sai = findPayload(p, PAYLOAD_SA, 0);
  if (optimized) {
    choice.extra = sa.transforms;
    choice.ke = sa.ke;
    if (spi.length === 0) return N_INVALID_SYNTAX;
    if (sai >= 0 || keMethodOf(m) !== sa.ke) return N_NO_PROPOSAL_CHOSEN;
  } else {
    const code = chooseSa(m.buffer, p.at[sai], p.size[sai], sa.policy.ike, 8, keMethodOf(m), choice);
    if (code !== 0) return code;
    cipher = cipherOf(sa.policy.ciphers, choice);
    spi = take(m.buffer, choice.spiAt, 8);
  }
  if (cipher === null || choice.ke === 0) return N_NO_PROPOSAL_CHOSEN;
  const code = answerKe(ike, draft, m, choice.ke);
  if (code !== 0) return code;
  const next = createNext(ike, sa, false);
  next.cipher = cipher;
  next.ke = choice.ke;
  next.transforms = choice.extra;
  copy(next.spis, 0, spi, 0, 8);
  const w = begin(ike);
  const isLater = ike.followUps !== undefined && ike.followUps.hold(ike, sa, draft, next, now);
  if (optimized) addOptimized(ike, w, take(next.spis, 8, 8));
  else addAnswer(w, PROTOCOL_IKE, choice, next.spis, 8, 8);
  addNonceAndKe(draft.kx, draft.kx.nonceR, w);
  extend(ike, next, STEP_REKEY_RESPONSE, null, w);
  sendResponse(ike, sa, CREATE_CHILD_SA, now);
  if (!isLater) makeIke(ike, sa, next, draft, now);
  return 0;
}
