// The life of an IKE SA: made, established, replaced, ended; and its waiting requests.

import { INFORMATIONAL, N_AUTHENTICATION_FAILED, PROTOCOL_IKE } from '../codec/numbers.ts';
import { NONE, wipe } from '../codec/octets.ts';
import { addDelete, addStatus } from '../codec/payloads.ts';
import { dropKe } from '../crypto/key-exchange.ts';
import { wipeSkKey } from '../crypto/sk.ts';
import type { ChildSa, Draft, Note } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import {
  type End,
  OUTCOME_CLOSED,
  OUTCOME_INTERNAL,
  OUTCOME_NONE,
  OUTCOME_PEER_AUTH,
  OUTCOME_PEER_ID,
  OUTCOME_REPLACED,
} from '../state/outcome.ts';
import { type IkeSa, STATE_CLOSING, STATE_ENDED, STATE_ESTABLISHED, STATE_FORMING, type Task } from '../state/sa.ts';
import { TASK_DELETE_IKE } from '../state/task.ts';
import { removeChild } from './children.ts';
import { createTask, request } from './queue.ts';
import { forget, jittered } from './registry.ts';
import { due } from './schedule.ts';
import { begin, sendRequest, settle } from './send.ts';

/** Ends a key exchange that led to nothing. */
export function dropDraft(ike: Ike, draft: Draft | null): void {
  if (draft === null) return;
  dropKe(ike.asymmetric, draft.kx);
  wipeNotes(draft.notes);
}

export function wipeNotes(notes: Note[]): void {
  for (let i = 0; i < notes.length; i++) wipe(notes[i].octets);
}

/** Gives up the SA that the peer's CREATE_CHILD_SA asked for. */
export function dropHeld(ike: Ike, sa: IkeSa): void {
  const held = sa.held;
  if (held === null) return;
  sa.held = null;
  dropDraft(ike, held.draft);
  if (held.next !== null && held.next.state === STATE_FORMING) forget(ike, held.next);
}

/** Ends a request of ours, and gives up what it was going to make. */
export function dropTask(ike: Ike, task: Task | null): void {
  if (task === null) return;
  dropDraft(ike, task.draft);
  if (task.next !== null && task.next.state === STATE_FORMING) forget(ike, task.next);
}

/** Wipes what only the set-up needed. */
export function dropSetup(ike: Ike, sa: IkeSa): void {
  const setup = sa.setup;
  if (setup === null) return;
  sa.setup = null;
  dropKe(ike.asymmetric, setup.kx);
  wipeNotes(setup.notes);
  wipe(setup.skPi);
  wipe(setup.skPr);
  wipe(setup.plainKeys);
  if (setup.earlierIn !== null) wipeSkKey(ike.provider, setup.earlierIn);
  dropDraft(ike, setup.draft);
}

/** Starts the clocks of an IKE SA that both sides have. */
export function startClocks(ike: Ike, sa: IkeSa, now: number): void {
  sa.state = STATE_ESTABLISHED;
  sa.heardAt = now;
  sa.rekeyAt = jittered(ike, sa, sa.policy.rekeyTime, now);
  sa.reauthAt = sa.initiator ? jittered(ike, sa, sa.policy.reauthTime, now) : -1;
  if (sa.policy.dpdTime > 0) due(ike, sa, now + sa.policy.dpdTime);
}

/** The established IKE SA that `sa` was to replace, no more than once; it may have been rekeyed since. Null: none. */
function takePredecessor(sa: IkeSa): IkeSa | null {
  let old = sa.predecessor;
  sa.predecessor = null;
  while (old !== null && old.successor !== null) old = old.successor;
  return old !== null && old.state === STATE_ESTABLISHED ? old : null;
}

/** Both sides are authenticated. */
export function establish(ike: Ike, sa: IkeSa, now: number): void {
  const resumed = sa.setup !== null && sa.setup.resumed;
  dropSetup(ike, sa);
  startClocks(ike, sa, now);
  if (ike.responder !== null) ike.responder.joined(sa);
  ike.upper.established(sa, resumed, now);
  if (sa.tasks.length > 0) due(ike, sa, now);
  const old = takePredecessor(sa);
  if (old === null) return;
  old.outcome = OUTCOME_REPLACED;
  request(ike, old, TASK_DELETE_IKE, null, now);
}

/** A reauthentication failed: the SA that it should have replaced lives on, until the next attempt. */
function reauthLater(ike: Ike, sa: IkeSa, now: number): void {
  const old = takePredecessor(sa);
  if (old === null) return;
  old.reauthAt = now + Math.max(sa.policy.reauthTime / 8, 10000);
  due(ike, old, old.reauthAt);
}

/** Tells the host, once, of the end of an SA that no rekey replaced. */
function report(ike: Ike, sa: IkeSa, now: number): void {
  if (sa.reported || sa.successor !== null) return;
  sa.reported = true;
  ike.upper.ended(sa, sa.outcome, now);
}

/** Takes from an IKE SA what it has: Child SAs, requests, the set-up. */
function strip(ike: Ike, sa: IkeSa, now: number): void {
  while (sa.children.length > 0) removeChild(ike, sa, sa.children[0], now);
  settle(sa);
  sa.tasks = [];
  dropHeld(ike, sa);
  const task = sa.task;
  sa.task = null;
  dropTask(ike, task);
  dropSetup(ike, sa);
}

/** Ends what an ended IKE SA has. Where something throws, the rest is done by the SA's timer. */
export function finish(ike: Ike, sa: IkeSa, now: number): void {
  if (ike.responder !== null) ike.responder.dropped(sa);
  strip(ike, sa, now);
  const rival = sa.rival;
  sa.rival = null;
  if (sa.response.length === 0) forget(ike, sa);
  if (rival !== null) endIkeSa(ike, rival, sa.outcome, now);
  reauthLater(ike, sa, now);
  report(ike, sa, now);
}

/** Ends an IKE SA and its Child SAs. Its last answer stays for a while, for a peer that did not get it. */
export function endIkeSa(ike: Ike, sa: IkeSa, outcome: End, now: number): void {
  if (sa.state === STATE_ENDED) return;
  if (sa.outcome === OUTCOME_NONE || outcome > 0) sa.outcome = outcome;
  sa.state = STATE_ENDED;
  sa.endAt = sa.response.length > 0 ? now + ike.linger : now;
  due(ike, sa, sa.endAt);
  finish(ike, sa, now);
}

/** Sends INFORMATIONAL with a Delete for the IKE SA (child null), or for a Child SA. */
export function sendDelete(ike: Ike, sa: IkeSa, child: ChildSa | null, now: number): void {
  const w = begin(ike);
  // The peer learns why [RFC 7296 §2.21.2].
  const isStranger = sa.outcome === OUTCOME_PEER_AUTH || sa.outcome === OUTCOME_PEER_ID;
  if (child === null && isStranger) addStatus(w, N_AUTHENTICATION_FAILED, NONE);
  if (child === null) addDelete(w, PROTOCOL_IKE, 0, []);
  else addDelete(w, child.protocol, child.spiSize, [child.spiIn]);
  if (child === null) sa.state = STATE_CLOSING;
  // With no key left to say so the SA ends at once.
  if (!sendRequest(ike, sa, INFORMATIONAL, now) && child === null) endIkeSa(ike, sa, OUTCOME_CLOSED, now);
}

/** Ends an IKE SA that we give up: ends its Child SAs at once, and tells the peer. */
export function abandon(ike: Ike, sa: IkeSa, outcome: End, now: number): void {
  if (sa.state === STATE_CLOSING || sa.state === STATE_ENDED) return;
  strip(ike, sa, now);
  if (sa.outcome === OUTCOME_NONE) sa.outcome = outcome;
  if (sa.rival !== null) endIkeSa(ike, sa.rival, outcome, now);
  sa.rival = null;
  sa.task = createTask(TASK_DELETE_IKE, null);
  sendDelete(ike, sa, null, now);
  report(ike, sa, now);
}

/** Not even the Delete can be sent. */
function crashHard(ike: Ike, sa: IkeSa, now: number): void {
  try {
    endIkeSa(ike, sa, OUTCOME_INTERNAL, now);
  } catch (_error) {
    // What is left is due: the timer ends it.
  }
}

/**
 * Something threw an error in the middle of work for `sa`: the SA ends, with a Delete where the peer knows it, and nothing of
 * it stays. The error is the caller's to pass on.
 */
export function crash(ike: Ike, sa: IkeSa, now: number): void {
  for (let i = 0; i < ike.sas.length; i++) {
    const made = ike.sas[i];
    if (made.rivalOf !== sa || made.state !== STATE_FORMING) continue;
    forget(ike, made);
    i = -1;
  }
  try {
    if (sa.state === STATE_ESTABLISHED) abandon(ike, sa, OUTCOME_INTERNAL, now);
    else endIkeSa(ike, sa, OUTCOME_INTERNAL, now);
  } catch (_error) {
    crashHard(ike, sa, now);
  }
}
