// Agreement on rules for CoAP under a Child SA: a private iipc_profile beside Diet-ESP (dietesp/coap-rules.ts). A status notify,
// in request and answer, in either form of the negotiation (HCP_PROPOSAL, EHC_SUPPORTED), with the data
//
//   iipc_profile(1) | role of the sender(1): 0 Dev, 1 App | name of the rule set(8)
//
// The responder answers it when Diet-ESP was agreed, the names are the same and the roles are not. Without an answer the Child
// SA has Diet-ESP alone, or fails where the policy requires the rules. What was agreed is part of what Diet-ESP was agreed
// (`CompressionChoice.coap`): an optimized rekey inherits it, a store keeps it.

import { equal } from '../../base/bytes.ts';
import { refuse } from '../../base/refuse.ts';
import { COAP_HASH, type CoapRules } from '../../dietesp/coap-rules.ts';
import { N_NO_PROPOSAL_CHOSEN } from '../codec/numbers.ts';
import { addStatus, dataOf } from '../codec/payloads.ts';
import { IIPC_COAP, N_IIPC_PROFILE } from '../codec/private-numbers.ts';
import type { ChildSa } from '../state/child.ts';
import type { Extension, Ike } from '../state/ike.ts';
import { OUTCOME_COMPRESSION } from '../state/outcome.ts';
import { privateFits } from '../state/sa.ts';
import { isChildRequest, isChildResponse } from '../state/step.ts';

const PROFILE = 0;
const ROLE = 1;
const NAME = 2;
const SIZE: number = NAME + COAP_HASH;

function typeOf(ike: Ike): number {
  return ike.numbers.iipcProfile === undefined ? N_IIPC_PROFILE : ike.numbers.iipcProfile;
}

function profileOf(ike: Ike): number {
  return ike.numbers.iipcCoap === undefined ? IIPC_COAP : ike.numbers.iipcCoap;
}

function octetsOf(ike: Ike, rules: CoapRules): Uint8Array {
  const octets = new Uint8Array(SIZE);
  octets[PROFILE] = profileOf(ike);
  octets[ROLE] = rules.isDev ? 0 : 1;
  for (let i = 0; i < COAP_HASH; i++) octets[NAME + i] = rules.hash[i];
  return octets;
}

/** True when the peer's data names these rules, in the other role. */
function fits(ike: Ike, rules: CoapRules, data: Uint8Array): boolean {
  return (
    data.length === SIZE &&
    data[PROFILE] === profileOf(ike) &&
    data[ROLE] === (rules.isDev ? 1 : 0) &&
    equal(data, NAME, rules.hash, 0, COAP_HASH)
  );
}

/** Agrees on the rules for CoAP of `ChildPolicy.coap`. To be listed behind `headerCompression`. */
export const coapProfile: Extension = {
  add: (ike, sa, step, draft, w) => {
    const coap = draft === null ? undefined : draft.policy.coap;
    if (draft === null || coap === undefined || coap === null || !privateFits(sa)) return;
    const isOffer = isChildRequest(step) && draft.policy.notify !== null && draft.policy.compression !== null;
    const isAnswer = isChildResponse(step) && draft.compression !== null && draft.compression.coap !== undefined;
    if (isOffer || isAnswer) addStatus(w, typeOf(ike), octetsOf(ike, coap.rules));
  },
  read: (ike, sa, step, draft, m) => {
    const coap = draft === null ? undefined : draft.policy.coap;
    if (draft === null || coap === undefined || coap === null) return 0;
    const isRequest = isChildRequest(step);
    if (!isRequest && !isChildResponse(step)) return 0;
    const data = privateFits(sa) && draft.compression !== null ? dataOf(m, typeOf(ike)) : null;
    const isAgreed = data !== null && fits(ike, coap.rules, data);
    // After an answer outside the offer nobody knows what the peer does to packets.
    if (data !== null && !isAgreed && !isRequest) return OUTCOME_COMPRESSION;
    if (isAgreed && draft.compression !== null) draft.compression.coap = coap.rules.hash;
    if (isAgreed || !coap.required) return 0;
    return isRequest ? N_NO_PROPOSAL_CHOSEN : OUTCOME_COMPRESSION;
  },
};

/**
 * The rules that packets of a Child SA go by, for `Sa.coap` of its two SAs; null: none were agreed. Throws when they are not those
 * of its policy, which has changed since: nobody could read its packets.
 */
export function coapOf(child: ChildSa): CoapRules | null {
  const name = child.compression === null ? undefined : child.compression.coap;
  if (name === undefined) return null;
  const coap = child.policy.coap;
  if (coap === undefined || coap === null || !equal(name, 0, coap.rules.hash, 0, COAP_HASH)) {
    return refuse('coap', 'rules agreed before', 'must be those of the configuration');
  }
  return coap.rules;
}
