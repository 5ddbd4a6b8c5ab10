// Which of several Child SA policies a request of the peer is for: the one with its DSCP values, then the one with exactly its
// selectors, then whichever takes it. The responder tries its policies in turn, and this extension refuses those that another
// one suits better. It comes behind dscpNotify, which reads the list.

import { ownSelectors, peerSelectors } from '../child/negotiate.ts';
import { hasDscp } from '../codec/dscp.ts';
import { findPayload } from '../codec/message.ts';
import { N_NO_PROPOSAL_CHOSEN, PAYLOAD_TSI, PAYLOAD_TSR } from '../codec/numbers.ts';
import type { Message } from '../codec/payloads.ts';
import { pairSelectors, parseSelectors, type Selector, selectorsEqual, selectorsWithin } from '../codec/selectors.ts';
import { tsDscpIn } from '../codec/ts-dscp.ts';
import type { Extension } from '../state/ike.ts';
import { type ChildPolicy, childPolicies } from '../state/policy.ts';
import type { IkeSa } from '../state/sa.ts';
import { isChildRequest } from '../state/step.ts';

/** How well a policy fits; a policy that does not is below 0. */
const FITS_VALUES = 8;
const FITS_ALL = 4;
const FITS_SELECTORS = 2;
const IS_NARROW = 1;

/** The selectors of a payload of the request. */
function selectorsIn(m: Message, type: number): Selector[] {
  const i = findPayload(m.payloads, type, 0);
  const list: Selector[] = [];
  if (i >= 0) parseSelectors(m.buffer, m.payloads.at[i], m.payloads.size[i], list);
  return list;
}

/** How many values of `list` a policy's own list has. */
function common(own: number[], list: number[]): number {
  let count = 0;
  for (let i = 0; i < list.length; i++) if (hasDscp(own, list[i])) count++;
  return count;
}

/** How well a policy suits the selectors and the DSCP values of a request. */
function fitOf(sa: IkeSa, policy: ChildPolicy, theirs: Selector[], ours: Selector[], dscp: number[]): number {
  const peers = peerSelectors(sa, policy);
  const owns = ownSelectors(sa, policy);
  const pair = pairSelectors(theirs, peers, ours, owns);
  if (pair.length === 0) return -1;
  let fit = 0;
  const own = policy.dscp;
  if (own !== null && own.length > 0) {
    const shared = common(own, dscp);
    // A selector may be narrowed; a statement is for the policy that makes it too.
    const isMeant = policy.tsDscp === true ? shared > 0 : shared === own.length && shared === dscp.length;
    if (isMeant) fit += FITS_VALUES;
    else if (policy !== sa.policy.child) return -1;
  }
  const isList = theirs.length > 1 || ours.length > 1;
  if (policy.several === true && isList && selectorsWithin(theirs, peers) && selectorsWithin(ours, owns))
    fit += FITS_ALL;
  // A protocol on one side is that of both.
  const whole = pairSelectors(theirs, theirs, ours, ours);
  if (selectorsEqual([pair[0]], [whole[0]]) && selectorsEqual([pair[1]], [whole[1]])) {
    fit += FITS_SELECTORS;
    if (policy.rank !== undefined && policy.rank < 0) fit += IS_NARROW;
  }
  return fit;
}

/** Refuses a request for the policies of `IkePolicy.children` that another one suits better. */
export const severalChildren: Extension = {
  add: () => {},
  read: (ike, sa, step, draft, m) => {
    const more = sa.policy.children;
    if (draft === null || draft.replaces !== null || !isChildRequest(step)) return 0;
    if (more === undefined || more.length === 0) return 0;
    let dscp: number[] = [];
    // Its errors are told by the policy's own extension.
    tsDscpIn(m, ike.numbers.tsDscp, dscp);
    if (dscp.length === 0 && draft.peerDscp !== null) dscp = draft.peerDscp;
    const theirs = selectorsIn(m, PAYLOAD_TSI);
    const ours = selectorsIn(m, PAYLOAD_TSR);
    const fit = fitOf(sa, draft.policy, theirs, ours, dscp);
    const all = childPolicies(sa.policy);
    for (let i = 0; i < all.length; i++) {
      if (fitOf(sa, all[i], theirs, ours, dscp) > fit) return N_NO_PROPOSAL_CHOSEN;
    }
    return fit < 0 ? N_NO_PROPOSAL_CHOSEN : 0;
  },
};
