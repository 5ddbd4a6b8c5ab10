// IKE_FOLLOWUP_KE [RFC 9370 §2.2.4]: rounds of extensions after CREATE_CHILD_SA. Until they are done, the agreement of
// CREATE_CHILD_SA is held: by the initiator in the task that asked for it, by the responder in `IkeSa.held`.

import { IKE_FOLLOWUP_KE, N_NO_PROPOSAL_CHOSEN, N_STATE_NOT_FOUND } from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { errorOf } from '../codec/payloads.ts';
import { due } from '../exchange/schedule.ts';
import { begin, sendNotify, sendRequest, sendResponse } from '../exchange/send.ts';
import { dropHeld } from '../exchange/session.ts';
import type { ChildSa, Draft } from '../state/child.ts';
import type { FollowUp, FollowUps, Ike } from '../state/ike.ts';
import { OUTCOME_REFUSED } from '../state/outcome.ts';
import type { IkeSa, Task } from '../state/sa.ts';
import { notifyOf } from '../state/verdict.ts';
import { finishOrFollow } from './create.ts';
import { makeChild } from './create-child.ts';
import { makeIke } from './rekey.ts';

/** Initiator: sends the next round's request; false when none is left, or (draft.verdict) it cannot be sent. */
function start(list: FollowUp[], ike: Ike, sa: IkeSa, task: Task, now: number): boolean {
  const draft = task.draft!;
  for (; draft.followUp < list.length; draft.followUp++) {
    const one = list[draft.followUp];
    if (!one.holds(ike, sa, draft) || !one.request(ike, sa, draft, begin(ike))) continue;
    if (!sendRequest(ike, sa, IKE_FOLLOWUP_KE, now)) {
      // The agreed SA must not be made without its rounds.
      draft.verdict = OUTCOME_REFUSED;
      return false;
    }
    sa.task = task;
    return true;
  }
  return false;
}

/** Responder: true while rounds about `draft` are outstanding. */
function isHeld(list: FollowUp[], ike: Ike, sa: IkeSa, draft: Draft): boolean {
  for (; draft.followUp < list.length; draft.followUp++) {
    const one = list[draft.followUp];
    if (one.holds(ike, sa, draft) && !one.isDone(ike, sa, draft)) return true;
  }
  return false;
}

function hold(list: FollowUp[], ike: Ike, sa: IkeSa, draft: Draft, next: IkeSa | null, now: number): boolean {
  if (!isHeld(list, ike, sa, draft)) return false;
  dropHeld(ike, sa);
  sa.held = { draft: draft, next: next, until: now + sa.policy.retransmitTime * 64 };
  due(ike, sa, sa.held.until);
  return true;
}

/** The Child SA that a held draft replaces, if it still exists. */
function replacedBy(sa: IkeSa, draft: Draft): ChildSa | null {
  for (let i = 0; i < sa.children.length; i++) if (sa.children[i] === draft.replaces) return draft.replaces;
  return null;
}

/** Responder: answers the round in ike.message. After the last it makes the held SA. */
function onRequest(list: FollowUp[], ike: Ike, sa: IkeSa, now: number): void {
  const held = sa.held;
  if (held === null) {
    sendNotify(ike, sa, IKE_FOLLOWUP_KE, N_STATE_NOT_FOUND, NONE, now);
    return;
  }
  const draft = held.draft;
  let verdict = list[draft.followUp].answer(ike, sa, draft, begin(ike));
  const isLast = verdict === 0 && !isHeld(list, ike, sa, draft);
  if (isLast && held.next === null && makeChild(ike, sa, draft, replacedBy(sa, draft), now) === null) {
    verdict = N_NO_PROPOSAL_CHOSEN;
  }
  if (verdict !== 0) {
    dropHeld(ike, sa);
    sendNotify(ike, sa, IKE_FOLLOWUP_KE, notifyOf(verdict), NONE, now);
    return;
  }
  if (isLast) sa.held = null;
  sendResponse(ike, sa, IKE_FOLLOWUP_KE, now);
  if (isLast && held.next !== null) makeIke(ike, sa, held.next, draft, now);
}

/** The part of an endpoint for IKE_FOLLOWUP_KE, with the rounds of these extensions. */
export function createFollowUps(list: FollowUp[]): FollowUps {
  return {
    start: (ike, sa, task, now) => start(list, ike, sa, task, now),
    onResponse: (ike, sa, task, now) => {
      const draft = task.draft!;
      const error = errorOf(ike.message);
      const verdict = error !== 0 ? error : list[draft.followUp].response(ike, sa, draft);
      finishOrFollow(ike, sa, task, verdict, now);
    },
    hold: (ike, sa, draft, next, now) => hold(list, ike, sa, draft, next, now),
    onRequest: (ike, sa, now) => onRequest(list, ike, sa, now),
  };
}
