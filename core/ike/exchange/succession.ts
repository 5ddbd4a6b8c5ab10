// Succession after a rekey of the IKE SA: the new one gets the Child SAs and the waiting requests of the old one
// [RFC 7296 §1.3.2, §2.8, §2.25.2].

import { setNote } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { type IkeSa, STATE_REPLACED } from '../state/sa.ts';
import { TASK_REKEY_IKE } from '../state/task.ts';
import { due } from './schedule.ts';
import { startClocks } from './session.ts';

/** Gives the Child SAs of `old` to the IKE SA that was made by its rekey. */
export function succeed(ike: Ike, old: IkeSa, sa: IkeSa, now: number): void {
  for (let i = 0; i < old.children.length; i++) sa.children.push(old.children[i]);
  old.children = [];
  sa.peerId = old.peerId;
  sa.peerIdType = old.peerIdType;
  sa.announced = old.announced;
  sa.espPath = old.espPath;
  sa.address = old.address;
  sa.tag = old.tag;
  sa.session = old.session;
  // What the rekey brought replaces what was noted before.
  const fresh = sa.notes;
  sa.notes = old.notes;
  for (let i = 0; i < fresh.length; i++) setNote(sa.notes, fresh[i].name, fresh[i].octets);
  old.notes = [];
  sa.outcome = old.outcome;
  sa.rivalOf = null;
  sa.endAt = -1;
  old.successor = sa;
  sa.former = old;
  // Waiting requests continue under the new keys, except the rekey, which is done. It proves no identity, so
  // reauthentication stays due.
  const reauthAt = old.reauthAt;
  for (let i = 0; i < old.tasks.length; i++) if (old.tasks[i].kind !== TASK_REKEY_IKE) sa.tasks.push(old.tasks[i]);
  due(ike, sa, now);
  old.tasks = [];
  old.rekeyAt = -1;
  old.reauthAt = -1;
  startClocks(ike, sa, now);
  if (ike.responder !== null) ike.responder.joined(sa);
  sa.reauthAt = reauthAt;
  ike.upper.replaced(old, sa, now);
}

/** `next` continues `sa`, which waits for its end. */
export function adopt(ike: Ike, sa: IkeSa, next: IkeSa, now: number): void {
  sa.rival = null;
  next.reported = sa.reported;
  succeed(ike, sa, next, now);
  sa.state = STATE_REPLACED;
  sa.endAt = now + sa.policy.retransmitTime * 64;
  due(ike, sa, sa.endAt);
}

/**
 * A request came under `sa`. If the peer made `sa` while we rekey the same IKE SA, the peer has decided: it now uses `sa`, or
 * deletes it as redundant (`ends`).
 */
export function decided(ike: Ike, sa: IkeSa, ends: boolean, now: number): void {
  const old = sa.rivalOf;
  if (old !== null && old.rival === sa && !ends) adopt(ike, old, sa, now);
}
