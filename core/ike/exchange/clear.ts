// The end of an endpoint: nothing of its IKE SAs is left.

import { NONE, wipe } from '../codec/octets.ts';
import type { Ike } from '../state/ike.ts';
import { forget } from './registry.ts';
import { dropHeld, dropSetup, dropTask, wipeNotes } from './session.ts';

/**
 * Wipes the keys of all IKE SAs and forgets them; neither peers nor the host are told. Keys of Child SAs are the host's,
 * and a Session, which is there to be kept, is its owner's.
 */
export function clearIke(ike: Ike): void {
  while (ike.sas.length > 0) {
    const sa = ike.sas[0];
    if (ike.responder !== null) ike.responder.dropped(sa);
    dropHeld(ike, sa);
    dropTask(ike, sa.task);
    for (let i = 0; i < sa.tasks.length; i++) dropTask(ike, sa.tasks[i]);
    dropSetup(ike, sa);
    for (let i = 0; i < sa.children.length; i++) wipeNotes(sa.children[i].notes);
    sa.children = [];
    sa.task = null;
    sa.tasks = [];
    sa.request = NONE;
    sa.response = NONE;
    forget(ike, sa);
  }
  wipe(ike.writer.buffer);
}
