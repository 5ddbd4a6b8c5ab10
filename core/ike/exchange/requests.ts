// What a host asks of an IKE SA. Requests wait for their turn; what came of them is told through IkeUpper.

import { startChild } from '../child/create-child.ts';
import { startIkeRekey } from '../child/rekey.ts';
import { beginPayload, endPayload, write8, write16, write32 } from '../codec/message.ts';
import { INFORMATIONAL, PAYLOAD_DELETE, PROTOCOL_ESP } from '../codec/numbers.ts';
import type { Ike } from '../state/ike.ts';
import type { ChildPolicy } from '../state/policy.ts';
import {
  type ChildSa,
  type IkeSa,
  OUTCOME_CLOSED,
  OUTCOME_NONE,
  OUTCOME_REFUSED,
  STATE_ESTABLISHED,
  TASK_CHILD,
  TASK_DELETE_CHILD,
  TASK_DELETE_IKE,
  TASK_PROBE,
  TASK_REKEY_CHILD,
  TASK_REKEY_IKE,
  type Task,
} from '../state/sa.ts';
import { begin, due, sendRequest } from './exchange.ts';
import { createTask, dropTask, endIkeSa, nextTask, request, sendDelete } from './session.ts';

export function rekeyChild(ike: Ike, sa: IkeSa, child: ChildSa, now: number): void {
  if (child.retired === 0) request(ike, sa, TASK_REKEY_CHILD, child, now);
}

/** One more Child SA. */
export function createChild(ike: Ike, sa: IkeSa, policy: ChildPolicy, now: number): void {
  const task = createTask(TASK_CHILD, null);
  task.policy = policy;
  sa.tasks.push(task);
  due(ike, now);
}

export function closeChild(ike: Ike, sa: IkeSa, child: ChildSa, now: number): void {
  child.retired = Math.max(child.retired, 1);
  request(ike, sa, TASK_DELETE_CHILD, child, now);
}

export function rekeyIke(ike: Ike, sa: IkeSa, now: number): void {
  request(ike, sa, TASK_REKEY_IKE, null, now);
}

/** Ends an IKE SA: with a Delete where it is established, at once where it is not. */
export function closeIke(ike: Ike, sa: IkeSa, now: number): void {
  if (sa.state !== STATE_ESTABLISHED) {
    endIkeSa(ike, sa, OUTCOME_CLOSED, now);
    return;
  }
  if (sa.outcome === OUTCOME_NONE) sa.outcome = OUTCOME_CLOSED;
  request(ike, sa, TASK_DELETE_IKE, null, now);
  runTasks(ike, sa, now);
}

/** Asks whether the peer is there. */
export function probe(ike: Ike, sa: IkeSa, now: number): void {
  request(ike, sa, TASK_PROBE, null, now);
}

/** Begins one task; false when there was nothing to send. */
function begins(ike: Ike, sa: IkeSa, task: Task, now: number): boolean {
  const child = task.child;
  const kind = task.kind;
  if (kind === TASK_CHILD) return startChild(ike, sa, task, now);
  if (kind === TASK_REKEY_CHILD) return child!.retired === 0 && startChild(ike, sa, task, now);
  if (kind === TASK_REKEY_IKE) return startIkeRekey(ike, sa, task, now);
  if (kind === TASK_PROBE) {
    begin(ike);
    return sendRequest(ike, sa, INFORMATIONAL, now);
  }
  if (kind === TASK_DELETE_IKE) {
    sendDelete(ike, sa, null, now);
    return true;
  }
  if (child === null) {
    // A Child SA that the peer has and this side did not take.
    const w = begin(ike);
    const at = beginPayload(w, PAYLOAD_DELETE);
    write8(w, PROTOCOL_ESP);
    write8(w, 4);
    write16(w, 1);
    write32(w, task.draft!.spiIn);
    endPayload(w, at);
    return sendRequest(ike, sa, INFORMATIONAL, now);
  }
  if (child.removeAt >= 0) return false;
  sendDelete(ike, sa, child, now);
  return true;
}

/** Begins what waits, one request at a time. */
export function runTasks(ike: Ike, sa: IkeSa, now: number): void {
  while (sa.state === STATE_ESTABLISHED && sa.task === null) {
    const task = nextTask(sa, now);
    if (task === null) return;
    sa.task = task;
    if (begins(ike, sa, task, now)) return;
    dropTask(ike, task);
    sa.task = null;
    dropTask(ike, task);
    if (task.kind === TASK_CHILD || task.kind === TASK_REKEY_CHILD) {
      if (task.child === null || task.child.retired === 0) ike.upper.childFailed(sa, OUTCOME_REFUSED, now);
    }
  }
}
