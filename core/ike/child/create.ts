// CREATE_CHILD_SA: recognizes the form of a message, and handles failures of our requests [RFC 7296 §1.3, §2.25].
// create-child.ts handles Child SAs, rekey.ts the IKE SA.

import { u16 } from '../../base/bytes.ts';
import type { KeMethod } from '../../crypto/asymmetric.ts';
import { addNotify, findNotify, findPayload } from '../codec/message.ts';
import {
  CREATE_CHILD_SA,
  N_CHILD_SA_NOT_FOUND,
  N_INVALID_KE_PAYLOAD,
  N_INVALID_SYNTAX,
  N_REKEY_SA,
  N_TEMPORARY_FAILURE,
  PAYLOAD_SA,
  PROTOCOL_IKE,
} from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { dataOf, type Message, readSpi, spiOctets } from '../codec/payloads.ts';
import { findChild, removeChild, spiSizeOf } from '../exchange/children.ts';
import { createTask, enqueue, isAsked, request } from '../exchange/queue.ts';
import { nonce } from '../exchange/registry.ts';
import { due } from '../exchange/schedule.ts';
import { begin, sendResponse } from '../exchange/send.ts';
import { dropHeld, dropTask, endIkeSa } from '../exchange/session.ts';
import { adopt, decided } from '../exchange/succession.ts';
import { CHILD_LIVE, CHILD_SUPERSEDED, retire } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import type { End, Verdict } from '../state/outcome.ts';
import { type IkeSa, STATE_ESTABLISHED, type Task } from '../state/sa.ts';
import { TASK_CHILD, TASK_DELETE_CHILD, TASK_REKEY_CHILD, TASK_REKEY_IKE } from '../state/task.ts';
import { finishChild, onChildRequest, readChildAnswer } from './create-child.ts';
import { refuse } from './create-kit.ts';
import { finishIke, onIkeRequest, readIkeAnswer } from './rekey.ts';

/** Handles the failure of a request of ours. */
function failed(ike: Ike, sa: IkeSa, task: Task, error: End, m: Message, now: number): void {
  const child = task.child;
  dropTask(ike, task);
  if (error === N_INVALID_SYNTAX) {
    // Fatal on both sides, no Delete follows [RFC 7296 §2.21.3].
    endIkeSa(ike, sa, error, now);
    return;
  }
  const retry = createTask(task.kind, child);
  retry.policy = task.policy;
  retry.ke = task.ke;
  retry.regular = task.regular;
  if (error === N_INVALID_KE_PAYLOAD && task.ke < 0) {
    const asked = dataOf(m, N_INVALID_KE_PAYLOAD);
    retry.ke = asked !== null && asked.length === 2 ? (u16(asked, 0) as KeMethod) : 0;
    // The optimized form cannot choose a method.
    retry.regular = task.regular || (task.draft !== null && task.draft.optimized);
    if (ike.asymmetric.hasKe(retry.ke)) {
      enqueue(ike, sa, retry, now);
      return;
    }
  }
  if (task.draft !== null && task.draft.optimized && error !== N_TEMPORARY_FAILURE && error !== N_CHILD_SA_NOT_FOUND) {
    retry.regular = true;
    enqueue(ike, sa, retry, now);
    return;
  }
  // Both sides may try at once, so don't repeat at the same moment.
  const octet = nonce(ike, 1);
  const later = now + sa.policy.retransmitTime + Math.floor((sa.policy.retransmitTime * octet[0]) / 64);
  if (task.kind === TASK_REKEY_IKE) {
    if (sa.rival !== null && sa.rival.state === STATE_ESTABLISHED) {
      adopt(ike, sa, sa.rival, now);
      return;
    }
    sa.rekeyAt = error === N_TEMPORARY_FAILURE ? later : now + Math.max(sa.policy.rekeyTime / 8, 10000);
    due(ike, sa, sa.rekeyAt);
    return;
  }
  if (child === null) {
    if (error === N_TEMPORARY_FAILURE) {
      retry.after = later;
      enqueue(ike, sa, retry, later);
    } else {
      ike.upper.childFailed(sa, error, now);
    }
    return;
  }
  if (child.rival !== null) {
    if (isAsked(sa, TASK_DELETE_CHILD, child)) request(ike, sa, TASK_DELETE_CHILD, child.rival, now);
    retire(child, CHILD_SUPERSEDED);
    child.rival = null;
  } else if (error === N_CHILD_SA_NOT_FOUND && child.removeAt < 0 && child.retired === CHILD_LIVE) {
    // The peer has lost it, so make a new one.
    removeChild(ike, sa, child, now);
    retry.kind = TASK_CHILD;
    retry.child = null;
    retry.policy = child.policy;
    enqueue(ike, sa, retry, now);
  } else if (child.retired === CHILD_LIVE) {
    child.rekeyAt = error === N_TEMPORARY_FAILURE ? later : now + Math.max(child.policy.rekeyTime / 8, 10000);
    due(ike, sa, child.rekeyAt);
    if (error !== N_TEMPORARY_FAILURE) ike.upper.childFailed(sa, error, now);
  }
}

/** Continues with IKE_FOLLOWUP_KE if it is needed, else ends the request with its result. */
export function finishOrFollow(ike: Ike, sa: IkeSa, task: Task, verdict: Verdict, now: number): void {
  if (verdict === 0 && ike.followUps !== undefined && ike.followUps.start(ike, sa, task, now)) return;
  finish(ike, sa, task, verdict !== 0 ? verdict : task.draft!.verdict, now);
}

/** The answer to our CREATE_CHILD_SA is in ike.message. */
export function onCreateResponse(ike: Ike, sa: IkeSa, task: Task, now: number): void {
  const isIke = task.kind === TASK_REKEY_IKE;
  const verdict = isIke ? readIkeAnswer(ike, sa, task) : readChildAnswer(ike, sa, task);
  finishOrFollow(ike, sa, task, verdict, now);
}

/** Makes the result of our request and its answers, or handles its failure. */
function finish(ike: Ike, sa: IkeSa, task: Task, verdict: Verdict, now: number): void {
  const isIke = task.kind === TASK_REKEY_IKE;
  const end = isIke ? finishIke(ike, sa, task, verdict, now) : finishChild(ike, sa, task, verdict, now);
  if (end !== 0) failed(ike, sa, task, end, ike.message, now);
}

/** Answers CREATE_CHILD_SA, of which form it may be: 0 when that is done, or why it is refused. */
function answerCreate(ike: Ike, sa: IkeSa, now: number): Verdict {
  const m = ike.message;
  const p = m.payloads;
  const rekey = findNotify(p, m.buffer, N_REKEY_SA);
  const optimized = sa.optimizedRekey && findNotify(p, m.buffer, ike.numbers.optimizedRekey) >= 0;
  const sai = findPayload(p, PAYLOAD_SA, 0);
  if (rekey < 0 && (optimized || (sai >= 0 && p.size[sai] > 5 && m.buffer[p.at[sai] + 5] === PROTOCOL_IKE))) {
    return onIkeRequest(ike, sa, optimized, now);
  }
  const kind = sa.task === null ? 0 : sa.task.kind;
  if (sa.rival !== null || kind === TASK_REKEY_IKE) return N_TEMPORARY_FAILURE;
  if (rekey < 0) return onChildRequest(ike, sa, null, false, now);
  const at = p.at[rekey];
  const protocol = m.buffer[at];
  const spiSize = spiSizeOf(ike, protocol);
  if (spiSize === 0 || m.buffer[at + 1] !== spiSize) return N_INVALID_SYNTAX;
  const spi = readSpi(m.buffer, at + 4, spiSize);
  const child = findChild(sa, protocol, spi);
  if (child === null) {
    // It may be the one of which the answer is still on its way.
    if (kind === TASK_CHILD || kind === TASK_REKEY_CHILD) return N_TEMPORARY_FAILURE;
    addNotify(begin(ike), protocol, N_CHILD_SA_NOT_FOUND, spiOctets(spi, spiSize), NONE);
    sendResponse(ike, sa, CREATE_CHILD_SA, now);
    ike.upper.refused(sa, N_CHILD_SA_NOT_FOUND, now);
    return 0;
  }
  // With CHILD_SUPERSEDED, and no Delete from here, the peer did not take what an earlier rekey made.
  if (child.rival !== null || isAsked(sa, TASK_DELETE_CHILD, child)) return N_TEMPORARY_FAILURE;
  return onChildRequest(ike, sa, child, optimized, now);
}

/** A request CREATE_CHILD_SA is in ike.message. */
export function onCreateRequest(ike: Ike, sa: IkeSa, now: number): void {
  decided(ike, sa, false, now);
  // The window is 1: who asks for another one has given the earlier up.
  dropHeld(ike, sa);
  const verdict = answerCreate(ike, sa, now);
  if (verdict !== 0) refuse(ike, sa, verdict, now);
}
