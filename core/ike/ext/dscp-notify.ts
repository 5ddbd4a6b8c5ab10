// The DSCP notify: the DSCP values that each side sends on a Child SA [draft-mglt-ipsecme-dscp-np]. It is a statement, not a
// negotiation. If both sides state the same list, dscp_cda "sa" indexes it.

import { readDscp, writeDscp } from '../codec/dscp.ts';
import { beginPayload, endPayload, findNotify, notifyDataAt, notifyDataSize, write16 } from '../codec/message.ts';
import { PAYLOAD_NOTIFY } from '../codec/numbers.ts';
import type { Extension } from '../state/ike.ts';
import { privateFits } from '../state/sa.ts';
import { isChildRequest, isChildResponse, type Step } from '../state/step.ts';

function isChildStep(step: Step): boolean {
  return isChildRequest(step) || isChildResponse(step);
}

/** States the DSCP values that this side sends in a Child SA (`ChildPolicy.dscp`), in a private notify. */
export const dscpNotify: Extension = {
  add: (ike, sa, step, draft, w) => {
    if (draft === null || draft.policy.dscp === null || !isChildStep(step) || !privateFits(sa)) return;
    const at = beginPayload(w, PAYLOAD_NOTIFY);
    write16(w, 0);
    write16(w, ike.numbers.dscp);
    writeDscp(w, draft.policy.dscp);
    endPayload(w, at);
  },
  read: (ike, sa, step, draft, m) => {
    if (draft === null || draft.policy.dscp === null || !isChildStep(step) || !privateFits(sa)) return 0;
    const p = m.payloads;
    const i = findNotify(p, m.buffer, ike.numbers.dscp);
    if (i < 0) return 0;
    draft.peerDscp = readDscp(m.buffer, notifyDataAt(m.buffer, p.at[i]), notifyDataSize(m.buffer, p.at[i], p.size[i]));
    return 0;
  },
};
