// Several Child SAs with the same selectors, one for each resource (a worker, a CPU) [RFC 9611]. A side with resources has a
// policy for each of them, alike but for `ChildPolicy.resource`; a Child SA and its rekeys keep their policy, and so stay bound
// to the resource. Who has no such policies takes one Child SA for these selectors and answers TS_MAX_QUEUE to more.

import { findNotify, notifyDataSize } from '../codec/message.ts';
import { N_NO_PROPOSAL_CHOSEN, N_SA_RESOURCE_INFO, N_TS_MAX_QUEUE } from '../codec/numbers.ts';
import { take } from '../codec/octets.ts';
import { addStatus, dataOf, type Message } from '../codec/payloads.ts';
import { selectorsEqual } from '../codec/selectors.ts';
import { CHILD_LIVE, type ChildSa, type Draft, noteOf, setNote } from '../state/child.ts';
import type { Extension } from '../state/ike.ts';
import type { IkeSa } from '../state/sa.ts';
import { selectorsOf } from '../state/selector-note.ts';
import { isChildRequest, isChildResponse } from '../state/step.ts';

/** Note of an IKE SA whose peer has resources too; and of a Child SA: what the peer calls its resource. */
const NOTE_RESOURCE = 'resource';
/** Octets of the peer's identifier that are kept: it is for people. */
const KEPT = 32;

/** True when the peer of an IKE SA takes several Child SAs with the same selectors. */
export function takesResources(sa: IkeSa): boolean {
  return noteOf(sa.notes, NOTE_RESOURCE).length > 0;
}

/** What the peer calls the resource of a Child SA; empty: it did not say. */
export function resourceOf(child: ChildSa): Uint8Array {
  return noteOf(child.notes, NOTE_RESOURCE);
}

function infoIn(m: Message): number {
  return findNotify(m.payloads, m.buffer, N_SA_RESOURCE_INFO);
}

/**
 * True when the place of `draft` is taken, or where it has no place its selectors are. A place has two policies where two
 * protocols are offered: it holds one Child SA, and all of a set have the same properties [RFC 9611 §3].
 */
function isTaken(sa: IkeSa, draft: Draft): boolean {
  for (let i = 0; i < sa.children.length; i++) {
    const child = sa.children[i];
    if (child.retired !== CHILD_LIVE) continue;
    if (draft.policy.resource !== undefined) {
      if (child.policy.resource === draft.policy.resource) return true;
    } else {
      const all = selectorsOf(child);
      if (selectorsEqual(all.local, draft.local) && selectorsEqual(all.remote, draft.remote)) return true;
    }
  }
  return false;
}

/** SA_RESOURCE_INFO in both directions, and TS_MAX_QUEUE [RFC 9611 §3, §5]. */
export const perResource: Extension = {
  add: (ike, _sa, step, draft, w) => {
    const resource = draft === null ? undefined : draft.policy.resource;
    if (resource === undefined || draft!.replaces !== null) return;
    if (!isChildRequest(step) && !(isChildResponse(step) && infoIn(ike.message) >= 0)) return;
    // The identifier is the place among those with the same selectors, and tells nothing about the hardware [§7].
    const identifier = new Uint8Array(1);
    identifier[0] = resource & 0xff;
    addStatus(w, N_SA_RESOURCE_INFO, identifier);
  },
  read: (_ike, sa, step, draft, m) => {
    if (draft === null || draft.replaces !== null || !(isChildRequest(step) || isChildResponse(step))) return 0;
    const i = infoIn(m);
    const resource = draft.policy.resource;
    if (isChildRequest(step)) {
      // Without the notify it is no request for one more resource.
      if (i < 0) return resource !== undefined && resource > 1 ? N_NO_PROPOSAL_CHOSEN : 0;
      if (isTaken(sa, draft)) return N_TS_MAX_QUEUE;
    }
    if (i < 0) return 0;
    if (resource !== undefined) setNote(sa.notes, NOTE_RESOURCE, new Uint8Array(1));
    if (notifyDataSize(m.buffer, m.payloads.at[i], m.payloads.size[i]) > 0) {
      const identifier = dataOf(m, N_SA_RESOURCE_INFO)!;
      setNote(draft.notes, NOTE_RESOURCE, take(identifier, 0, Math.min(KEPT, identifier.length)));
    }
    return 0;
  },
};
