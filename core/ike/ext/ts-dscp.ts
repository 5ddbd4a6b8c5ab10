// TS_DSCP in the negotiation of a Child SA [draft-mglt-ipsecme-ts-dscp-03]; codec/ts-dscp.ts has its octets. It is optional; the
// DSCP notify (dscp-notify.ts) is the default. It holds in tunnel mode only: nothing protects the DSCP of a header in front
// of ESP.

import { MODE_TUNNEL } from '../../dietesp/attributes.ts';
import { N_TS_UNACCEPTABLE } from '../codec/numbers.ts';
import { appendTsDscp, narrowTsDscp, tsDscpIn, tsDscpWithin } from '../codec/ts-dscp.ts';
import type { Draft } from '../state/child.ts';
import { DSCP_SELECTED, DSCP_STATED, noteDscp } from '../state/dscp-note.ts';
import type { Extension } from '../state/ike.ts';
import { OUTCOME_PROTOCOL, OUTCOME_SELECTORS, type Verdict } from '../state/outcome.ts';
import { type IkeSa, privateFits } from '../state/sa.ts';
import { isChildRequest, isChildResponse, STEP_SELECTORS } from '../state/step.ts';

/** The values that this side offers. */
function offerOf(draft: Draft): number[] {
  return draft.policy.tsDscp === true && draft.policy.dscp !== null ? draft.policy.dscp : [];
}

/** What of the list in a request this side takes; empty: it declines. */
function takenOf(draft: Draft, list: number[]): number[] {
  const own = offerOf(draft);
  return own.length === 0 ? [] : narrowTsDscp(list, own);
}

function readAnswer(draft: Draft, list: number[]): Verdict {
  const offer = offerOf(draft);
  if (offer.length === 0) return list.length === 0 ? 0 : OUTCOME_PROTOCOL;
  if (list.length === 0) {
    if (draft.policy.tsDscpOptional !== true) return OUTCOME_SELECTORS;
    noteDscp(draft, DSCP_STATED, offer);
    return 0;
  }
  // A value that was not offered would be let in without a policy.
  if (!tsDscpWithin(list, offer)) return OUTCOME_PROTOCOL;
  noteDscp(draft, DSCP_SELECTED, list);
  return 0;
}

function takesPart(sa: IkeSa, draft: Draft): boolean {
  return privateFits(sa) && draft.mode === MODE_TUNNEL;
}

/** TS_DSCP for policies that have it (`ChildPolicy.tsDscp`): an offer, and the answer to the peer's. */
export const tsDscp: Extension = {
  add: (ike, sa, step, draft, w) => {
    if (step !== STEP_SELECTORS || draft === null || !takesPart(sa, draft)) return;
    if (draft.own) {
      appendTsDscp(w, w.next, ike.numbers.tsDscp, offerOf(draft));
      return;
    }
    // The request that is being answered; what was noted of it belongs to the Child SA by now.
    const list: number[] = [];
    if (tsDscpIn(ike.message, ike.numbers.tsDscp, list) !== 0) return;
    appendTsDscp(w, w.next, ike.numbers.tsDscp, takenOf(draft, list));
  },
  read: (ike, sa, step, draft, m) => {
    if (draft === null || !takesPart(sa, draft)) return 0;
    if (isChildResponse(step)) {
      const answered: number[] = [];
      // What is wrong with an answer is no error to answer.
      return tsDscpIn(m, ike.numbers.tsDscp, answered) !== 0 ? OUTCOME_PROTOCOL : readAnswer(draft, answered);
    }
    if (!isChildRequest(step)) return 0;
    const list: number[] = [];
    const code = tsDscpIn(m, ike.numbers.tsDscp, list);
    if (code !== 0) return code;
    // Without it, or declined: the SA is for every value.
    if (list.length === 0 || offerOf(draft).length === 0) return 0;
    const narrowed = takenOf(draft, list);
    if (narrowed.length === 0) return N_TS_UNACCEPTABLE;
    noteDscp(draft, DSCP_SELECTED, narrowed);
    return 0;
  },
};
