import { startChild } from '../child/create-child.ts';
import { startIkeRekey } from '../child/rekey.ts';
import { INFORMATIONAL } from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { addDelete } from '../codec/payloads.ts';
import { connect } from '../setup/initiator.ts';
import { CHILD_LIVE } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { OUTCOME_REFUSED, OUTCOME_TIMEOUT } from '../state/outcome.ts';
import { type IkeSa, NEVER, STATE_ENDED, STATE_ESTABLISHED, STATE_HALF_OPEN, type Task } from '../state/sa.ts';
import { STEP_INFORMATIONAL_REQUEST } from '../state/step.ts';
import { TASK_CHILD, TASK_DELETE_IKE, TASK_PROBE, TASK_REKEY_CHILD, TASK_REKEY_IKE } from '../state/task.ts';
import { protocolOf, removeChild, spiSizeOf } from './children.ts';
import { extend } from './extensions.ts';
import { nextTask } from './queue.ts';
import { probe, rekeyChild, rekeyIke } from './requests.ts';
import { due, setDue } from './schedule.ts';
import { begin, isSpent, repeat, sendRequest } from './send.ts';
import { crash, dropHeld, dropTask, endIkeSa, finish, sendDelete } from './session.ts';

/** Most IKE SAs that one call of `pollIke` works for. */
const SLICE = 32;

/** Begins a task. False: there was nothing to send. */
function begins(ike: Ike, sa: IkeSa, task: Task, now: number): boolean {
  const child = task.child;
  const kind = task.kind;
  if (kind === TASK_CHILD) return startChild(ike, sa, task, now);
  if (kind === TASK_REKEY_CHILD) return child!.retired === CHILD_LIVE && startChild(ike, sa, task, now);
  if (kind === TASK_REKEY_IKE) return startIkeRekey(ike, sa, task, now);
  if (kind === TASK_PROBE) {
    const w = begin(ike);
    extend(ike, sa, STEP_INFORMATIONAL_REQUEST, null, w);
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
  if (now >= sa.forgetAt) sa.response = NONE;
  if (sa.endAt >= 0 && now >= sa.endAt) {
    // A peer that never proved who it is: nobody is told.
    if (sa.state === STATE_HALF_OPEN) sa.reported = true;
    if (sa.state !== STATE_ENDED) endIkeSa(ike, sa, OUTCOME_TIMEOUT, now);
    if (sa.state !== STATE_ENDED) return;
    sa.response = NONE;
    finish(ike, sa, now);
    return;
  }
  if (sa.state === STATE_ESTABLISHED && sa.rivalOf === null) {
    age(ike, sa, now);
    runTasks(ike, sa, now);
  }
}

/** When `sa` has its next work, or NEVER. */
function nextOf(sa: IkeSa): number {
  let at: number = NEVER;
  if (sa.deadline >= 0) at = Math.min(at, sa.deadline);
  if (sa.endAt >= 0) at = Math.min(at, sa.endAt);
  if (sa.held !== null) at = Math.min(at, sa.held.until);
  // A device need not wake for this: it has few answers to forget.
  if (!sa.initiator && sa.response.length > 0) at = Math.min(at, sa.forgetAt);
  const isUp = sa.state === STATE_ESTABLISHED;
  for (let i = 0; i < sa.children.length; i++) {
    const child = sa.children[i];
    if (child.removeAt >= 0) at = Math.min(at, child.removeAt);
    if (isUp && child.rekeyAt >= 0) at = Math.min(at, child.rekeyAt);
  }
  if (!isUp || sa.rivalOf !== null) return at;
  if (sa.rekeyAt >= 0) at = Math.min(at, sa.rekeyAt);
  if (sa.reauthAt >= 0) at = Math.min(at, sa.reauthAt);
  if (sa.task !== null) return at;
  if (sa.policy.dpdTime > 0) at = Math.min(at, sa.heardAt + sa.policy.dpdTime);
  for (let i = 0; i < sa.tasks.length; i++) at = Math.min(at, sa.tasks[i].after);
  return at;
}

/**
 * Does work that is due at `now` (ms), of SLICE IKE SAs at most. Where more is due, `ikeTimeout` says so: the host has a turn in
 * between.
 */
export function pollIke(ike: Ike, now: number): void {
  for (let left = SLICE; left > 0 && ike.sas.length > 0 && ike.sas[0].dueAt <= now; left--) {
    const sa = ike.sas[0];
    setDue(ike, sa, NEVER);
    try {
      pollSa(ike, sa, now);
    } catch (error) {
      crash(ike, sa, now);
      throw error;
    } finally {
      // What could not be done now must not keep others from their turn.
      due(ike, sa, Math.max(nextOf(sa), now + 1));
    }
  }
}
