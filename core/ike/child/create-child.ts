// CREATE_CHILD_SA for a new Child SA or the rekey of one, begun by either side or by both at once
// [RFC 7296 §1.3.1, §1.3.3, §2.8.1].

import { u32 } from '../../base/bytes.ts';
import { KE_OPENS_LASTING, type KeMethod } from '../../crypto/asymmetric.ts';
import { SPI_MIN } from '../../wire/esp.ts';
import { addNotify, findNotify, findPayload, type Writer } from '../codec/message.ts';
import {
  CREATE_CHILD_SA,
  N_INVALID_SYNTAX,
  N_IPCOMP_SUPPORTED,
  N_NO_ADDITIONAL_SAS,
  N_NO_PROPOSAL_CHOSEN,
  N_REKEY_SA,
  N_SA_RESOURCE_INFO,
  N_TEMPORARY_FAILURE,
  N_TS_MAX_QUEUE,
  PAYLOAD_NONCE,
  PAYLOAD_SA,
  PAYLOAD_TSI,
  PAYLOAD_TSR,
} from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { bodyOf, errorOf, spiOctets } from '../codec/payloads.ts';
import { addNonceAndKe, dropKe, finishKe, keMethodOf, startKe } from '../crypto/key-exchange.ts';
import { createTask, enqueue, isAsked } from '../exchange/queue.ts';
import { nonce } from '../exchange/registry.ts';
import { closeChild } from '../exchange/requests.ts';
import { begin, sendRequest, sendResponse } from '../exchange/send.ts';
import { dropDraft } from '../exchange/session.ts';
import { CHILD_LIVE, CHILD_SUPERSEDED, type ChildSa, type Draft, retire } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { OUTCOME_DELETED, OUTCOME_PROTOCOL, OUTCOME_REFUSED, type Verdict } from '../state/outcome.ts';
import type { IkeSa, Task } from '../state/sa.ts';
import { STEP_CHILD_REQUEST, STEP_CHILD_RESPONSE } from '../state/step.ts';
import { TASK_DELETE_CHILD, TASK_REKEY_CHILD } from '../state/task.ts';
import { addOptimized, answerKe, optimizedSpi } from './create-kit.ts';
import { below, installChild, lowest } from './install.ts';
import {
  addAnswerSelectors,
  addChildRequest,
  addChildResponse,
  addChildSelectors,
  agreeChild,
  createDraft,
  prepareDraft,
  readChildRequest,
  readChildResponse,
} from './negotiate.ts';

function addRekey(w: Writer, old: ChildSa): void {
  addNotify(w, old.protocol, N_REKEY_SA, spiOctets(old.spiIn, old.spiSize), NONE);
}

/** The KE method for a Child SA of a policy: the first on offer; 0: none. */
function firstKe(list: (KeMethod | 0)[]): KeMethod | 0 {
  return list.length > 0 ? list[0] : 0;
}

/** True when a Child SA needs a key exchange of its own. */
function needsKe(list: number[]): boolean {
  for (let i = 0; i < list.length; i++) if (list[i] === 0) return false;
  return list.length > 0;
}

/** A rekey in the optimized form keeps what was agreed for `old`. */
export function inherit(draft: Draft, old: ChildSa): void {
  draft.optimized = true;
  draft.choice.extra = old.transforms;
  draft.choice.ke = old.ke;
  draft.mode = old.mode;
}

/** Sends the request about a Child SA. False: it cannot be made. */
export function startChild(ike: Ike, sa: IkeSa, task: Task, now: number): boolean {
  const old = task.child;
  const policy = old !== null ? old.policy : task.policy !== null ? task.policy : sa.policy.child;
  const draft = createDraft(policy, old, true);
  task.draft = draft;
  draft.kx.nonceI = nonce(ike, sa.policy.nonceSize);
  if (old !== null && old.spiSize === 4 && old.keKnown && sa.optimizedRekey && !task.regular) {
    inherit(draft, old);
  }
  if (!prepareDraft(ike, sa, draft, now)) return false;
  const usual = old !== null && old.keKnown ? old.ke : firstKe(policy.esp[0].ke);
  startKe(ike.asymmetric, draft.kx, task.ke >= 0 ? task.ke : usual, KE_OPENS_LASTING);
  const w = begin(ike);
  if (old !== null) addRekey(w, old);
  if (draft.optimized) addOptimized(ike, w, spiOctets(draft.spiIn, 4));
  else addChildRequest(ike, sa, STEP_CHILD_REQUEST, draft, w);
  addNonceAndKe(draft.kx, draft.kx.nonceI, w);
  if (!draft.optimized) addChildSelectors(ike, sa, draft, w);
  return sendRequest(ike, sa, CREATE_CHILD_SA, now);
}

/** The answer to a request about a Child SA is in ike.message: 0, or what is wrong with it. */
export function readChildAnswer(ike: Ike, sa: IkeSa, task: Task): Verdict {
  const m = ike.message;
  const draft = task.draft!;
  const error = errorOf(m);
  if (error !== 0) return error;
  draft.kx.nonceR = bodyOf(m, PAYLOAD_NONCE);
  if (draft.kx.nonceR.length === 0) return OUTCOME_PROTOCOL;
  if (draft.optimized) {
    const spi = optimizedSpi(ike, m, 4);
    if (spi.length === 0 || u32(spi, 0) < SPI_MIN) return OUTCOME_PROTOCOL;
    draft.spiOut = u32(spi, 0);
  } else {
    const code = readChildResponse(ike, sa, STEP_CHILD_RESPONSE, draft, m);
    if (code !== 0) return code;
    // The peer may choose no key exchange if NONE is on offer.
    if (draft.choice.ke === 0) {
      // What extensions noted of the answer stays.
      dropKe(ike.asymmetric, draft.kx);
      draft.kx.method = 0;
    }
    if (draft.choice.ke !== draft.kx.method) return OUTCOME_PROTOCOL;
  }
  return finishKe(ike.asymmetric, draft.kx, m) ? 0 : OUTCOME_PROTOCOL;
}

/** If `verdict` is 0, makes the Child SA that a request and its answer agreed on. Returns 0, or why it failed. */
export function finishChild(ike: Ike, sa: IkeSa, task: Task, verdict: Verdict, now: number): Verdict {
  const draft = task.draft!;
  const old = task.child;
  let child: ChildSa | null = null;
  let loses = false;
  if (verdict === 0) {
    if (task.gone === draft.spiOut) {
      // The peer deleted it before its answer came.
      dropDraft(ike, draft);
      if (old === null) return OUTCOME_DELETED;
      old.rival = null;
      closeChild(ike, sa, old, now);
      return 0;
    }
    loses = old !== null && old.rival !== null && below(lowest(draft.kx), old.rivalNonce);
    child = installChild(ike, sa, draft, !loses, now);
  }
  if (child === null) {
    if (draft.spiOut !== 0) {
      // The peer has made it, so it must be deleted there as well.
      const ghost = createTask(TASK_DELETE_CHILD, null);
      ghost.draft = draft;
      enqueue(ike, sa, ghost, now);
    }
    return verdict !== 0 ? verdict : OUTCOME_REFUSED;
  }
  if (old === null) return 0;
  // The host has closed it meanwhile, so its successor is closed too.
  if (isAsked(sa, TASK_DELETE_CHILD, old)) closeChild(ike, sa, loses && old.rival !== null ? old.rival : child, now);
  old.rival = null;
  if (loses) {
    // The exchange with the lowest nonce is redundant; its initiator deletes the SA that it made [RFC 7296 §2.8.1].
    child.rekeyAt = -1;
    retire(old, CHILD_SUPERSEDED);
    closeChild(ike, sa, child, now);
  } else if (old.removeAt < 0) {
    old.rekeyAt = -1;
    closeChild(ike, sa, old, now);
  }
  return 0;
}

function liveChildren(sa: IkeSa): number {
  let live = 0;
  for (let i = 0; i < sa.children.length; i++) if (sa.children[i].retired === CHILD_LIVE) live++;
  return live;
}

/** Responder: makes the Child SA of a draft. Null: the host does not take it. */
export function makeChild(ike: Ike, sa: IkeSa, draft: Draft, old: ChildSa | null, now: number): ChildSa | null {
  const task = sa.task;
  const child = installChild(ike, sa, draft, false, now);
  if (child === null || old === null) return child;
  if (task !== null && task.kind === TASK_REKEY_CHILD && task.child === old) {
    old.rival = child;
    old.rivalNonce = lowest(draft.kx);
  } else {
    retire(old, CHILD_SUPERSEDED);
    old.rekeyAt = -1;
  }
  return child;
}

/** The draft of a request in the optimized form, or why it is refused. */
function readOptimized(ike: Ike, sa: IkeSa, draft: Draft, old: ChildSa, now: number): Verdict {
  const m = ike.message;
  const p = m.payloads;
  const spi = optimizedSpi(ike, m, 4);
  if (spi.length === 0 || u32(spi, 0) < SPI_MIN) return N_INVALID_SYNTAX;
  inherit(draft, old);
  draft.spiOut = u32(spi, 0);
  // No Child SA of ours has IPComp: a rekey that brings it in is no rekey of what is there.
  const mixed =
    findPayload(p, PAYLOAD_SA, 0) +
    findPayload(p, PAYLOAD_TSI, 0) +
    findPayload(p, PAYLOAD_TSR, 0) +
    findNotify(p, m.buffer, N_IPCOMP_SUPPORTED);
  const fine = mixed === -4 && old.keKnown && keMethodOf(m) === old.ke && prepareDraft(ike, sa, draft, now);
  return fine ? 0 : N_NO_PROPOSAL_CHOSEN;
}

/**
 * A request for a Child SA, or for the rekey of `old`, is in ike.message: 0 when it has been answered, or why it is
 * refused.
 */
export function onChildRequest(ike: Ike, sa: IkeSa, old: ChildSa | null, optimized: boolean, now: number): Verdict {
  const m = ike.message;
  const most = sa.policy.maxChildren;
  if (old === null && liveChildren(sa) >= most) {
    // NO_ADDITIONAL_SAS would keep the peer from asking for other selectors [RFC 9611 §3.5].
    return findNotify(m.payloads, m.buffer, N_SA_RESOURCE_INFO) < 0 ? N_NO_ADDITIONAL_SAS : N_TS_MAX_QUEUE;
  }
  // Replaced SAs and those that wait for late packets count too, because a peer can make many without a Delete.
  if (sa.children.length >= 4 * most + 8) return N_TEMPORARY_FAILURE;
  const nonceI = bodyOf(m, PAYLOAD_NONCE);
  const nonceR = nonce(ike, sa.policy.nonceSize);
  if (nonceI.length === 0) return N_INVALID_SYNTAX;
  let draft: Draft;
  if (old === null) {
    draft = agreeChild(ike, sa, STEP_CHILD_REQUEST, m, now);
  } else {
    draft = createDraft(old.policy, old, false);
    draft.verdict = optimized
      ? readOptimized(ike, sa, draft, old, now)
      : readChildRequest(ike, sa, STEP_CHILD_REQUEST, draft, m, now);
  }
  const method = draft.choice.ke;
  draft.kx.nonceI = nonceI;
  draft.kx.nonceR = nonceR;
  if (draft.verdict !== 0) return draft.verdict;
  if (method === 0 && needsKe(draft.policy.esp[draft.choice.own].ke)) return N_NO_PROPOSAL_CHOSEN;
  const verdict = answerKe(ike, draft, m, method);
  if (verdict !== 0) return verdict;
  const w = begin(ike);
  const isLater = ike.followUps !== undefined && ike.followUps.hold(ike, sa, draft, null, now);
  if (!isLater && makeChild(ike, sa, draft, old, now) === null) return N_NO_PROPOSAL_CHOSEN;
  if (optimized) addOptimized(ike, w, spiOctets(draft.spiIn, 4));
  else addChildResponse(ike, sa, STEP_CHILD_RESPONSE, draft, w);
  addNonceAndKe(draft.kx, nonceR, w);
  if (!optimized) addAnswerSelectors(ike, sa, draft, w);
  sendResponse(ike, sa, CREATE_CHILD_SA, now);
  return 0;
}
