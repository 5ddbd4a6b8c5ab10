// IKE_FOLLOWUP_KE [RFC 9370 §2.2.4]: rounds of extensions after CREATE_CHILD_SA. Until they are done, the agreement of
// CREATE_CHILD_SA is held: by the initiator in the task that asked for it, by the responder in `IkeSa.held`. The notify
// ADDITIONAL_KEY_EXCHANGE links a request to what it continues; to the initiator its data means nothing.

import {
  IKE_FOLLOWUP_KE,
  N_ADDITIONAL_KEY_EXCHANGE,
  N_INVALID_SYNTAX,
  N_NO_PROPOSAL_CHOSEN,
  N_STATE_NOT_FOUND,
  N_TEMPORARY_FAILURE,
} from '../codec/numbers.ts';
import { NONE, same } from '../codec/octets.ts';
import { addStatus, dataOf, errorOf } from '../codec/payloads.ts';
import { nonce } from '../exchange/registry.ts';
import { due } from '../exchange/schedule.ts';
import { begin, sendNotify, sendRequest, sendResponse } from '../exchange/send.ts';
import { dropHeld, endIkeSa } from '../exchange/session.ts';
import type { ChildSa, Draft } from '../state/child.ts';
import type { FollowUp, FollowUps, Ike } from '../state/ike.ts';
import { OUTCOME_PROTOCOL, OUTCOME_REFUSED } from '../state/outcome.ts';
import type { Held, IkeSa, Task } from '../state/sa.ts';
import { notifyOf } from '../state/verdict.ts';
import { finishOrFollow } from './create.ts';
import { makeChild } from './create-child.ts';
import { makeIke } from './rekey.ts';

/** Octets of a link: the window is 1, so it tells one attempt from the one before it. */
const LINK_SIZE = 4;

/** Initiator: sends the next round's request; false when none is left, or (draft.verdict) it cannot be sent. */
function start(list: FollowUp[], ike: Ike, sa: IkeSa, task: Task, now: number): boolean {
  const draft = task.draft!;
  for (; draft.followUp < list.length; draft.followUp++) {
    const one = list[draft.followUp];
    const w = begin(ike);
    if (!one.holds(ike, sa, draft) || !one.request(ike, sa, draft, w)) continue;
    // It is in the answer that has just come.
    const link = dataOf(ike.message, N_ADDITIONAL_KEY_EXCHANGE);
    if (link === null) {
      draft.verdict = OUTCOME_PROTOCOL;
      return false;
    }
    addStatus(w, N_ADDITIONAL_KEY_EXCHANGE, link);
    if (!sendRequest(ike, sa, IKE_FOLLOWUP_KE, now)) {
      // The agreed SA must not be made without its rounds.
      draft.verdict = OUTCOME_REFUSED;
      return false;
    }
    sa.task = task;
    return true;
  }
  // Both sides rekey the same Child SA, and ours is done: the peer, which has answered its last round, takes it as well.
  const held = sa.held;
  if (held !== null && task.child !== null && held.draft.replaces === task.child) dropHeld(ike, sa);
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

/** Writes a fresh link into the answer in the writer. */
function addLink(ike: Ike, held: Held): void {
  held.link = nonce(ike, LINK_SIZE);
  addStatus(ike.writer, N_ADDITIONAL_KEY_EXCHANGE, held.link);
}

function hold(list: FollowUp[], ike: Ike, sa: IkeSa, draft: Draft, next: IkeSa | null, now: number): boolean {
  if (!isHeld(list, ike, sa, draft)) return false;
  dropHeld(ike, sa);
  const held: Held = { draft: draft, next: next, until: now + sa.policy.retransmitTime * 64, link: NONE };
  sa.held = held;
  due(ike, sa, held.until);
  addLink(ike, held);
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
  const link = dataOf(ike.message, N_ADDITIONAL_KEY_EXCHANGE);
  // The rest of the answer says nothing of what is held: it may be of another attempt.
  if (held === null || link === null || !same(link, held.link)) {
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
    // Fatal on both sides, as in CREATE_CHILD_SA [RFC 7296 §2.21.3].
    if (notifyOf(verdict) === N_INVALID_SYNTAX) endIkeSa(ike, sa, OUTCOME_PROTOCOL, now);
    return;
  }
  if (isLast) sa.held = null;
  else addLink(ike, held);
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
      // The peer has lost the state, and refused nothing: what was asked for is begun anew, a little later.
      const isLost = error === N_STATE_NOT_FOUND;
      const verdict = isLost
        ? N_TEMPORARY_FAILURE
        : error !== 0
          ? error
          : list[draft.followUp].response(ike, sa, draft);
      finishOrFollow(ike, sa, task, verdict, now);
    },
    hold: (ike, sa, draft, next, now) => hold(list, ike, sa, draft, next, now),
    onRequest: (ike, sa, now) => onRequest(list, ike, sa, now),
  };
}
