// CREATE_CHILD_SA for a new Child SA or the rekey of one, begun by either side or by both at once
// [RFC 7296 §1.3.1, §1.3.3, §2.8.1].

import { u32 } from '../../base/bytes.ts';
import type { KeMethod } from '../../crypto/asymmetric.ts';
import { SPI_MIN } from '../../wire/esp.ts';
import { addNotify, findPayload, type Writer } from '../codec/message.ts';
import {
  CREATE_CHILD_SA,
  N_INVALID_SYNTAX,
  N_NO_ADDITIONAL_SAS,
  N_NO_PROPOSAL_CHOSEN,
  N_REKEY_SA,
  N_TEMPORARY_FAILURE,
  PAYLOAD_NONCE,
  PAYLOAD_SA,
  PAYLOAD_TSI,
  PAYLOAD_TSR,
  PROTOCOL_ESP,
} from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { bodyOf, errorOf, spiOctets } from '../codec/payloads.ts';
import { addNonceAndKe, finishKe, keMethodOf, startKe } from '../crypto/key-exchange.ts';
import { createTask, isAsked, request } from '../exchange/queue.ts';
import { due, nonce } from '../exchange/registry.ts';
import { begin, sendRequest, sendResponse } from '../exchange/send.ts';
import { dropDraft } from '../exchange/session.ts';
import { CHILD_LIVE, CHILD_SUPERSEDED, type ChildSa, type Draft, retire } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { notifyOf, OUTCOME_DELETED, OUTCOME_PROTOCOL, OUTCOME_REFUSED, type Verdict } from '../state/outcome.ts';
import type { IkeSa, Task } from '../state/sa.ts';
import { STEP_CHILD_REQUEST, STEP_CHILD_RESPONSE } from '../state/step.ts';
import { TASK_DELETE_CHILD, TASK_REKEY_CHILD } from '../state/task.ts';
import { addOptimized, answerKe, optimizedSpi, refuse, refuseKe } from './create-kit.ts';
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

/** Sends the request about a Child SA. False: it cannot be made. */
export function startChild(ike: Ike, sa: IkeSa, task: Task, now: number): boolean {
  const old = task.child;
  const policy = old !== null ? old.policy : task.policy !== null ? task.policy : sa.policy.child;
  const draft = createDraft(policy, old, true);
  task.draft = draft;
  draft.kx.nonceI = nonce(ike, sa.policy.nonceSize);
  draft.optimized = old !== null && old.protocol === PROTOCOL_ESP && old.keKnown && sa.optimizedRekey && !task.regular;
  if (draft.optimized) draft.choice.extra = old!.transforms;
  if (!prepareDraft(ike, sa, draft, now)) return false;
  const usual = old !== null && old.keKnown ? old.ke : firstKe(policy.esp[0].ke);
  startKe(ike.asymmetric, draft.kx, task.ke >= 0 ? task.ke : usual);
  const w = begin(ike);
  if (old !== null) addRekey(w, old);
  if (draft.optimized) {
    addOptimized(ike, w, spiOctets(draft.spiIn, 4));
    addNonceAndKe(draft.kx, draft.kx.nonceI, w);
  } else {
    addChildRequest(ike, sa, STEP_CHILD_REQUEST, draft, w);
    addNonceAndKe(draft.kx, draft.kx.nonceI, w);
    addChildSelectors(sa, draft, w);
  }
  return sendRequest(ike, sa, CREATE_CHILD_SA, now);
}

/** Makes the peer delete a Child SA that this side did not take. */
function orphan(ike: Ike, sa: IkeSa, draft: Draft, now: number): void {
  const ghost = createTask(TASK_DELETE_CHILD, null);
  ghost.draft = draft;
  sa.tasks.push(ghost);
  due(ike, now);
}

/** The answer to a request about a Child SA is in ike.message: 0, or what is wrong with it. */
export function readChildAnswer(ike: Ike, sa: IkeSa, task: Task): Verdict {
  const m = ike.message;
  const draft = task.draft!;
  const error = errorOf(m);
  if (error !== 0) return error;
  draft.kx.nonceR = bodyOf(m, PAYLOAD_NONCE);
  let code: Verdict = draft.kx.nonceR.length === 0 ? OUTCOME_PROTOCOL : 0;
  if (code === 0 && draft.optimized) {
    const spi = optimizedSpi(ike, m, 4);
    if (spi.length === 0 || u32(spi, 0) < SPI_MIN) code = OUTCOME_PROTOCOL;
    else draft.spiOut = u32(spi, 0);
    draft.mode = draft.replaces!.mode;
  } else if (code === 0) {
    code = readChildResponse(ike, sa, STEP_CHILD_RESPONSE, draft, m);
    // The peer may choose no key exchange if NONE is on offer.
    if (code === 0 && draft.choice.ke === 0) {
      dropDraft(ike, draft);
      draft.kx.method = 0;
    }
    if (code === 0 && draft.choice.ke !== draft.kx.method) code = OUTCOME_PROTOCOL;
  }
  return code === 0 && !finishKe(ike.asymmetric, draft.kx, m) ? OUTCOME_PROTOCOL : code;
}

/** Makes the Child SA that a request and its answer agreed on, where `verdict` is 0: 0, or why it failed. */
export function finishChild(ike: Ike, sa: IkeSa, task: Task, verdict: Verdict, now: number): Verdict {
  const draft = task.draft!;
  const code = verdict;
  const old = task.child;
  if (code === 0 && task.gone === draft.spiOut) {
    // The peer deleted it before its answer came.
    dropDraft(ike, draft);
    if (old === null) return OUTCOME_DELETED;
    old.rival = null;
    retire(old, CHILD_SUPERSEDED);
    request(ike, sa, TASK_DELETE_CHILD, old, now);
    return 0;
  }
  const mine = code === 0 ? lowest(draft.kx.nonceI, draft.kx.nonceR) : NONE;
  const loses = code === 0 && old !== null && old.rival !== null && below(mine, old.rivalNonce);
  const child = code === 0 ? installChild(ike, sa, draft, !loses, now) : null;
  if (child === null) {
    // The peer has made it, so it must be deleted there as well.
    if (draft.spiOut !== 0) orphan(ike, sa, draft, now);
    return code !== 0 ? code : OUTCOME_REFUSED;
  }
  if (old === null) return 0;
  // The host has closed it meanwhile, so its successor is closed too.
  if (isAsked(sa, TASK_DELETE_CHILD, old)) {
    const left = loses && old.rival !== null ? old.rival : child;
    retire(left, CHILD_SUPERSEDED);
    request(ike, sa, TASK_DELETE_CHILD, left, now);
  }
  old.rival = null;
  if (loses) {
    // The exchange with the lowest nonce is redundant; its initiator deletes the SA that it made [RFC 7296 §2.8.1].
    retire(child, CHILD_SUPERSEDED);
    child.rekeyAt = -1;
    retire(old, CHILD_SUPERSEDED);
    request(ike, sa, TASK_DELETE_CHILD, child, now);
  } else if (old.removeAt < 0) {
    retire(old, CHILD_SUPERSEDED);
    old.rekeyAt = -1;
    request(ike, sa, TASK_DELETE_CHILD, old, now);
  }
  return 0;
}

function liveChildren(sa: IkeSa): number {
  let live = 0;
  for (let i = 0; i < sa.children.length; i++) if (sa.children[i].retired === CHILD_LIVE) live++;
  return live;
}

/** Responder: makes the Child SA of a draft; null when the host does not take it. */
export function makeChild(ike: Ike, sa: IkeSa, draft: Draft, old: ChildSa | null, now: number): ChildSa | null {
  const task = sa.task;
  const mine = lowest(draft.kx.nonceI, draft.kx.nonceR);
  const child = installChild(ike, sa, draft, false, now);
  if (child === null || old === null) return child;
  if (task !== null && task.kind === TASK_REKEY_CHILD && task.child === old) {
    old.rival = child;
    old.rivalNonce = mine;
  } else {
    retire(old, CHILD_SUPERSEDED);
    old.rekeyAt = -1;
  }
  return child;
}

export function onChildRequest(ike: Ike, sa: IkeSa, old: ChildSa | null, optimized: boolean, now: number): void {
  const m = ike.message;
  if (old === null && liveChildren(sa) >= sa.policy.maxChildren) {
    refuse(ike, sa, N_NO_ADDITIONAL_SAS, now);
    return;
  }
  // Replaced SAs and those that wait for late packets count too, because a peer can make many without a Delete.
  if (sa.children.length >= 4 * sa.policy.maxChildren + 8) {
    refuse(ike, sa, N_TEMPORARY_FAILURE, now);
    return;
  }
  const nonceI = bodyOf(m, PAYLOAD_NONCE);
  const nonceR = nonce(ike, sa.policy.nonceSize);
  if (nonceI.length === 0) {
    refuse(ike, sa, N_INVALID_SYNTAX, now);
    return;
  }
  let draft: Draft;
  let code: Verdict = 0;
  let method: KeMethod | 0 = 0;
  if (optimized) {
    const p = m.payloads;
    draft = createDraft(old!.policy, old, false);
    const spi = optimizedSpi(ike, m, 4);
    draft.optimized = true;
    draft.choice.extra = old!.transforms;
    draft.mode = old!.mode;
    if (spi.length === 0 || u32(spi, 0) < SPI_MIN) {
      refuse(ike, sa, N_INVALID_SYNTAX, now);
      return;
    }
    draft.spiOut = u32(spi, 0);
    const mixed = findPayload(p, PAYLOAD_SA, 0) + findPayload(p, PAYLOAD_TSI, 0) + findPayload(p, PAYLOAD_TSR, 0);
    method = old!.ke;
    if (mixed !== -3 || !old!.keKnown || keMethodOf(m) !== method || !prepareDraft(ike, sa, draft, now)) {
      code = N_NO_PROPOSAL_CHOSEN;
    }
  } else {
    if (old === null) {
      draft = agreeChild(ike, sa, STEP_CHILD_REQUEST, m, now);
    } else {
      draft = createDraft(old.policy, old, false);
      draft.verdict = readChildRequest(ike, sa, STEP_CHILD_REQUEST, draft, m, now);
    }
    code = draft.verdict;
    method = draft.choice.ke;
  }
  draft.kx.nonceI = nonceI;
  draft.kx.nonceR = nonceR;
  if (code === 0 && method === 0 && needsKe(draft.policy.esp[draft.choice.own].ke)) code = N_NO_PROPOSAL_CHOSEN;
  if (code === 0) code = answerKe(ike, draft, m, method);
  if (code !== 0) {
    refuseKe(ike, sa, notifyOf(code), method, now);
    return;
  }
  const isLater = ike.followUps !== null && ike.followUps.hold(ike, sa, draft, null, now);
  if (!isLater && makeChild(ike, sa, draft, old, now) === null) {
    refuse(ike, sa, N_NO_PROPOSAL_CHOSEN, now);
    return;
  }
  const w = begin(ike);
  if (optimized) {
    addOptimized(ike, w, spiOctets(draft.spiIn, 4));
    addNonceAndKe(draft.kx, draft.kx.nonceR, w);
  } else {
    addChildResponse(ike, sa, STEP_CHILD_RESPONSE, draft, w);
    addNonceAndKe(draft.kx, draft.kx.nonceR, w);
    addAnswerSelectors(draft, w);
  }
  sendResponse(ike, sa, CREATE_CHILD_SA, now);
}
