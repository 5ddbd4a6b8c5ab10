// A host's requests to an IKE SA. They wait for their turn; IkeUpper tells their results.

import { CHILD_LIVE, CHILD_SUPERSEDED, type ChildSa, retire } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { OUTCOME_CLOSED, OUTCOME_NONE } from '../state/outcome.ts';
import type { ChildPolicy } from '../state/policy.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../state/sa.ts';
import { TASK_DELETE_CHILD, TASK_DELETE_IKE, TASK_PROBE, TASK_REKEY_CHILD, TASK_REKEY_IKE } from '../state/task.ts';
import { createTask, enqueue, isAsked, nextTask, request, requestChild } from './queue.ts';
import { endIkeSa, sendDelete } from './session.ts';

/**
 * Asks for a rekey of a Child SA [RFC 7296 §1.3.3], or for an optimized one where both sides have it. It waits its
 * turn. How it ends: `IkeUpper.install`, or `childFailed`.
 */
export function rekeyChild(ike: Ike, sa: IkeSa, child: ChildSa, now: number): void {
  if (child.retired === CHILD_LIVE) request(ike, sa, TASK_REKEY_CHILD, child, now);
}

/** Asks for one more Child SA. */
export function createChild(ike: Ike, sa: IkeSa, policy: ChildPolicy, now: number): void {
  requestChild(ike, sa, policy, now);
}

/** Sends Delete for a Child SA [RFC 7296 §1.4.1]. It waits its turn behind other requests. */
export function closeChild(ike: Ike, sa: IkeSa, child: ChildSa, now: number): void {
  retire(child, CHILD_SUPERSEDED);
  request(ike, sa, TASK_DELETE_CHILD, child, now);
}

/** Asks for a rekey of the IKE SA [RFC 7296 §1.3.2]. It waits its turn. `IkeUpper.replaced` tells of the new SA. */
export function rekeyIke(ike: Ike, sa: IkeSa, now: number): void {
  request(ike, sa, TASK_REKEY_IKE, null, now);
}

/**
 * Asks for the end of an IKE SA, with a Delete if it is established, which `pollIke` sends: the way to end very many at a time.
 */
export function leaveIke(ike: Ike, sa: IkeSa, now: number): void {
  if (sa.state !== STATE_ESTABLISHED) {
    endIkeSa(ike, sa, OUTCOME_CLOSED, now);
    return;
  }
  if (sa.outcome === OUTCOME_NONE) sa.outcome = OUTCOME_CLOSED;
  // It goes before all that waits.
  if (!isAsked(sa, TASK_DELETE_IKE, null)) enqueue(ike, sa, createTask(TASK_DELETE_IKE, null), now);
}

/** Ends an IKE SA: with a Delete if it is established, else at once. */
export function closeIke(ike: Ike, sa: IkeSa, now: number): void {
  leaveIke(ike, sa, now);
  if (sa.state !== STATE_ESTABLISHED || sa.task !== null) return;
  sa.task = nextTask(sa, now);
  sendDelete(ike, sa, null, now);
}

/** Asks whether the peer is there. */
export function probe(ike: Ike, sa: IkeSa, now: number): void {
  request(ike, sa, TASK_PROBE, null, now);
}
