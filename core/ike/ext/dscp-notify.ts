// The DSCP notify: the DSCP values that each side sends on a Child SA [draft-mglt-ipsecme-dscp-np]. It is a statement, not a
// negotiation. If both sides state the same list, dscp_cda "sa" indexes it. What this side will send is in the Child SA's note
// (state/dscp-note.ts).

import { readDscp, writeDscp } from '../codec/dscp.ts';
import { beginPayload, endPayload, findNotify, notifyDataAt, notifyDataSize, write16 } from '../codec/message.ts';
import { PAYLOAD_NOTIFY } from '../codec/numbers.ts';
import { type Draft, setNote } from '../state/child.ts';
import { DSCP_STATED, NOTE_PEER, noteDscp } from '../state/dscp-note.ts';
import type { Extension } from '../state/ike.ts';
import { privateFits } from '../state/sa.ts';
import { isChildRequest, isChildResponse, type Step } from '../state/step.ts';

function isChildStep(step: Step): boolean {
  return isChildRequest(step) || isChildResponse(step);
}

/** What this side states: its policy's list, or the initiator's where it has none of its own [§3]; null: nothing. */
function statedBy(draft: Draft): number[] | null {
  const own = draft.policy.dscp;
  if (draft.own || draft.peerDscp === null) return own;
  return own === null || own.length === 0 ? draft.peerDscp : own;
}

/** States the DSCP values that this side sends in a Child SA (`ChildPolicy.dscp`), in a private notify. */
export const dscpNotify: Extension = {
  add: (ike, sa, step, draft, w) => {
    if (draft === null || !isChildStep(step) || !privateFits(sa)) return;
    const list = statedBy(draft);
    if (list === null) return;
    const at = beginPayload(w, PAYLOAD_NOTIFY);
    write16(w, 0);
    write16(w, ike.numbers.dscp);
    writeDscp(w, list);
    endPayload(w, at);
  },
  read: (ike, sa, step, draft, m) => {
    if (draft === null || !isChildStep(step) || !privateFits(sa)) return 0;
    // Whoever states nothing does not care for what the peer answers.
    if (draft.own && draft.policy.dscp === null) return 0;
    const p = m.payloads;
    const i = findNotify(p, m.buffer, ike.numbers.dscp);
    if (i >= 0) {
      const size = notifyDataSize(m.buffer, p.at[i], p.size[i]);
      draft.peerDscp = readDscp(m.buffer, notifyDataAt(m.buffer, p.at[i]), size);
      if (draft.policy.dscp !== null) setNote(sa.notes, NOTE_PEER, new Uint8Array(1));
    }
    const list = statedBy(draft);
    if (list !== null && (list.length > 0 || draft.replaces !== null)) noteDscp(draft, DSCP_STATED, list);
    return 0;
  },
};
