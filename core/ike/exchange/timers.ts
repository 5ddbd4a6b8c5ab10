import { startChild } from '../child/create-child.ts';
import { startIkeRekey } from '../child/rekey.ts';
import { INFORMATIONAL } from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { addDelete } from '../codec/payloads.ts';
import { connect } from '../setup/initiator.ts';
import { CHILD_LIVE } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { OUTCOME_REFUSED, OUTCOME_TIMEOUT } from '../state/outcome.ts';
import { type IkeSa, STATE_ENDED, STATE_ESTABLISHED, STATE_HALF_OPEN, type Task } from '../state/sa.ts';
import { TASK_CHILD, TASK_DELETE_IKE, TASK_PROBE, TASK_REKEY_CHILD, TASK_REKEY_IKE } from '../state/task.ts';
import { protocolOf, removeChild, spiSizeOf } from './children.ts';
import { nextTask } from './queue.ts';
import { due, forget } from './registry.ts';
import { probe, rekeyChild, rekeyIke } from './requests.ts';
import { begin, isSpent, repeat, sendRequest } from './send.ts';
import { dropHeld, dropTask, endIkeSa, sendDelete } from './session.ts';

/** Begins a task. False: there was nothing to send. */
function begins(ike: Ike, sa: IkeSa, task: Task, now: number): boolean {
  const child = task.child;
  const kind = task.kind;
  if (kind === TASK_CHILD) return startChild(ike, sa, task, now);
  if (kind === TASK_REKEY_CHILD) return child!.retired === CHILD_LIVE && startChild(ike, sa, task, now);
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
    const draft = task.draft!;
    addDelete(begin(ike), protocolOf(draft.policy), spiSizeOf(ike, protocolOf(draft.policy)), [draft.spiIn]);
    return sendRequest(ike, sa, INFORMATIONAL, now);
  }
  if (child.removeAt >= 0) return false;
  sendDelete(ike, sa, child, now);
  return true;
}

/** Begins waiting requests, one at a time. */
export function runTasks(ike: Ike, sa: IkeSa, now: number): void {
  while (sa.state === STATE_ESTABLISHED && sa.task === null) {
    const task = nextTask(sa, now);
    if (task === null) return;
    sa.task = task;
    if (begins(ike, sa, task, now)) return;
    dropTask(ike, task);
    sa.task = null;
    if (task.kind === TASK_CHILD || task.kind === TASK_REKEY_CHILD) {
      if (task.child === null || task.child.retired === CHILD_LIVE) ike.upper.childFailed(sa, OUTCOME_REFUSED, now);
    }
  }
}

/** Handles a request that was not answered after all its repetitions. */
function expire(ike: Ike, sa: IkeSa, now: number): void {
  endIkeSa(ike, sa, sa.setup === null || sa.setup.error === 0 ? OUTCOME_TIMEOUT : sa.setup.error, now);
}

/** The scheduled work of an established SA. */
function age(ike: Ike, sa: IkeSa, now: number): void {
  const policy = sa.policy;
  if (sa.rekeyAt >= 0 && now >= sa.rekeyAt) {
    sa.rekeyAt = -1;
    rekeyIke(ike, sa, now);
  }
  if (sa.reauthAt >= 0 && now >= sa.reauthAt) {
    sa.reauthAt = -1;
    const next = connect(ike, policy, sa.path, null, now);
    next.predecessor = sa;
    next.tag = sa.tag;
  }
  for (let i = 0; i < sa.children.length; i++) {
    const child = sa.children[i];
    if (child.rekeyAt < 0 || now < child.rekeyAt) continue;
    child.rekeyAt = -1;
    rekeyChild(ike, sa, child, now);
  }
  if (policy.dpdTime > 0 && now >= sa.heardAt + policy.dpdTime && sa.task === null) probe(ike, sa, now);
}

function pollSa(ike: Ike, sa: IkeSa, now: number): void {
  if (sa.deadline >= 0 && now >= sa.deadline && !repeat(ike, sa, now)) {
    expire(ike, sa, now);
    return;
  }
  if (isSpent(sa)) endIkeSa(ike, sa, OUTCOME_REFUSED, now);
  for (let i = sa.children.length - 1; i >= 0; i--) {
    const child = sa.children[i];
    if (child.removeAt >= 0 && now >= child.removeAt) removeChild(ike, sa, child, now);
  }
  if (sa.held !== null && now >= sa.held.until) dropHeld(ike, sa);
  // No timer wakes the endpoint for this: it happens along with other work.
  if (now >= sa.forgetAt) sa.response = NONE;
  if (sa.endAt >= 0 && now >= sa.endAt) {
    // A peer that never proved who it is: nobody is told.
    if (sa.state === STATE_HALF_OPEN) sa.reported = true;
    if (sa.state !== STATE_ENDED) endIkeSa(ike, sa, OUTCOME_TIMEOUT, now);
    if (sa.state === STATE_ENDED) forget(ike, sa);
    return;
  }
  if (sa.state === STATE_ESTABLISHED && sa.rivalOf === null) {
    age(ike, sa, now);
    runTasks(ike, sa, now);
  }
}

function sooner(ike: Ike, at: number): void {
  if (at >= 0) due(ike, at);
}

/** Does the work that is due at `now` (ms). */
export function pollIke(ike: Ike, now: number): void {
  if (ike.due < 0 || now < ike.due) return;
  ike.due = -1;
  const sas: IkeSa[] = [];
  for (let i = 0; i < ike.sas.length; i++) sas.push(ike.sas[i]);
  for (let i = 0; i < sas.length; i++) pollSa(ike, sas[i], now);
  for (let i = 0; i < ike.sas.length; i++) {
    const sa = ike.sas[i];
    sooner(ike, sa.deadline);
    sooner(ike, sa.endAt);
    if (sa.held !== null) sooner(ike, sa.held.until);
    for (let j = 0; j < sa.children.length; j++) {
      sooner(ike, sa.children[j].removeAt);
      if (sa.state === STATE_ESTABLISHED) sooner(ike, sa.children[j].rekeyAt);
    }
    if (sa.state !== STATE_ESTABLISHED || sa.rivalOf !== null) continue;
    sooner(ike, sa.rekeyAt);
    sooner(ike, sa.reauthAt);
    if (sa.policy.dpdTime > 0 && sa.task === null) sooner(ike, sa.heardAt + sa.policy.dpdTime);
    for (let j = 0; j < sa.tasks.length && sa.task === null; j++) sooner(ike, Math.max(now, sa.tasks[j].after));
  }
}
