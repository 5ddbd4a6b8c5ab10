// Negotiates a Child SA in IKE_AUTH and CREATE_CHILD_SA, on both sides, and derives its keys [RFC 7296 §1.2, §1.3, §2.9,
// §2.17]. The two messages fill in a Draft, which then becomes a ChildSa and a pair of SAs at the host.

import { MODE_TRANSPORT } from '../../dietesp/attributes.ts';
import { findNotify, findPayload, type Writer } from '../codec/message.ts';
import {
  N_INVALID_SYNTAX,
  N_NO_PROPOSAL_CHOSEN,
  N_TS_UNACCEPTABLE,
  N_USE_TRANSPORT_MODE,
  PAYLOAD_SA,
  PAYLOAD_TSI,
  PAYLOAD_TSR,
  PROTOCOL_ESP,
  TRANSFORM_ADDKE1,
  TRANSFORM_ADDKE7,
} from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { addStatus, type Message, readSpi, spiOctets } from '../codec/payloads.ts';
import { addAnswer, addSa, checkSaAnswer, chooseSa, createChoice, type Transforms } from '../codec/proposals.ts';
import {
  addSelectors,
  pairSelectors,
  parseSelectors,
  type Selector,
  type SelectorVerdict,
  selectorsEqual,
  selectorsWithin,
} from '../codec/selectors.ts';
import { createKeyExchange, keMethodOf } from '../crypto/key-exchange.ts';
import { protocolOf, spiSizeOf } from '../exchange/children.ts';
import { extend, readExtensions } from '../exchange/extensions.ts';
import type { ChildSa, Draft } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { OUTCOME_PROTOCOL, OUTCOME_SELECTORS, type Verdict } from '../state/outcome.ts';
import { type ChildPolicy, childPolicies } from '../state/policy.ts';
import { espPathOf, type IkeSa } from '../state/sa.ts';
import { STEP_AUTH_REQUEST, STEP_AUTH_RESPONSE, STEP_SELECTORS, type Step } from '../state/step.ts';
import { spiOffers } from './compression.ts';

export function createDraft(policy: ChildPolicy, replaces: ChildSa | null, own: boolean): Draft {
  return {
    policy: policy,
    replaces: replaces,
    optimized: false,
    own: own,
    spiIn: 0,
    spiOut: 0,
    choice: createChoice(),
    mode: policy.mode,
    local: replaces === null ? [] : [replaces.local],
    remote: replaces === null ? [] : [replaces.remote],
    compression: null,
    refused: false,
    dscpList: [],
    peerDscp: null,
    kx: createKeyExchange(),
    verdict: 0,
    followUp: 0,
    path: replaces === null ? null : replaces.path,
    notes: [],
  };
}

/** A selector for one address. */
function hostSelector(address: Uint8Array): Selector {
  return { protocol: 0, startPort: 0, endPort: 65535, start: address, end: address };
}

/** The proposals without KE methods: IKE_AUTH has none, unless child-pfs-info was agreed [RFC 7296 §1.2]. */
function proposalsFor(policy: ChildPolicy, step: Step, pfsInfo: boolean): Transforms[] {
  if (pfsInfo || (step !== STEP_AUTH_REQUEST && step !== STEP_AUTH_RESPONSE)) return policy.esp;
  const list: Transforms[] = [];
  for (let i = 0; i < policy.esp.length; i++) {
    const p = policy.esp[i];
    list.push({
      protocol: p.protocol,
      ciphers: p.ciphers,
      keyBits: p.keyBits,
      prf: p.prf,
      integ: p.integ,
      ke: [],
      sn: p.sn,
      extra: p.extra === undefined ? p.extra : p.extra.without(TRANSFORM_ADDKE1, TRANSFORM_ADDKE7),
    });
  }
  return list;
}

function pfsInfoOf(sa: IkeSa): boolean {
  return sa.setup !== null && sa.setup.pfsInfo;
}

/** `list` with the inner address that CP gave in place of its own: which protocols and ports it may use stays. */
function givenAddress(list: Selector[], address: Uint8Array): Selector[] {
  const given: Selector[] = [];
  for (let i = 0; i < list.length; i++) {
    const s = list[i];
    if (s.start.length !== address.length) continue;
    const one = { protocol: s.protocol, startPort: s.startPort, endPort: s.endPort, start: address, end: address };
    if (!selectorsWithin([one], given)) given.push(one);
  }
  return given.length > 0 ? given : [hostSelector(address)];
}

/**
 * What this side may use; where CP gave it an inner address, that one in place of the policy's. The policy says who asked for
 * it, because a rekey may have changed the initiator of the IKE SA.
 */
export function ownSelectors(sa: IkeSa, policy: ChildPolicy): Selector[] {
  return sa.policy.requestAddress > 0 && sa.address.length > 0 ? givenAddress(policy.local, sa.address) : policy.local;
}

/** Selectors that the peer may use. A peer that asked for an address gets that one. */
export function peerSelectors(sa: IkeSa, policy: ChildPolicy): Selector[] {
  return sa.policy.requestAddress === 0 && sa.address.length > 0
    ? givenAddress(policy.remote, sa.address)
    : policy.remote;
}

/** Draws the SPI for our side. False: none is free. */
function drawSpi(ike: Ike, sa: IkeSa, draft: Draft, offers: number[], now: number): boolean {
  try {
    draft.spiIn = ike.upper.allocateSpi(draft.path === null ? espPathOf(sa) : draft.path, offers, now);
  } catch (_error) {
    return false;
  }
  return true;
}

/** Bits of the SPI that may be on the wire by the offer or agreement in `draft`. */
function offersOf(ike: Ike, sa: IkeSa, draft: Draft): number[] {
  const policy = draft.policy;
  if (protocolOf(policy) !== PROTOCOL_ESP) return [8 * spiSizeOf(ike, protocolOf(policy))];
  if (draft.replaces !== null && (draft.optimized || draft.own)) {
    const bits = draft.replaces.compression === null ? 32 : draft.replaces.compression.espSpiLsb;
    if (draft.optimized || bits > 0) return [bits];
  }
  if (!draft.own) return [draft.compression === null ? 32 : draft.compression.espSpiLsb];
  if (policy.notify === null || policy.compression === null) return [32];
  return sa.vendor || sa.policy.privateAlways ? spiOffers(policy.compression) : [32];
}

/** Draws the SPI of a draft of ours; false when none is free. */
export function prepareDraft(ike: Ike, sa: IkeSa, draft: Draft, now: number): boolean {
  return drawSpi(ike, sa, draft, offersOf(ike, sa, draft), now);
}

/** Writes a request's SA, selectors and related payloads. */
export function addChildRequest(ike: Ike, sa: IkeSa, step: Step, draft: Draft, w: Writer): void {
  if (draft.mode === MODE_TRANSPORT) addStatus(w, N_USE_TRANSPORT_MODE, NONE);
  extend(ike, sa, step, draft, w);
  const size = spiSizeOf(ike, protocolOf(draft.policy));
  addSa(w, proposalsFor(draft.policy, step, pfsInfoOf(sa)), spiOctets(draft.spiIn, size), 0, size);
}

export function addChildSelectors(ike: Ike, sa: IkeSa, draft: Draft, w: Writer): void {
  if (draft.replaces === null) {
    draft.local = ownSelectors(sa, draft.policy);
    draft.remote = peerSelectors(sa, draft.policy);
  }
  addSelectors(w, PAYLOAD_TSI, draft.local);
  extend(ike, sa, STEP_SELECTORS, draft, w);
  addSelectors(w, PAYLOAD_TSR, draft.remote);
}

/** Reads the selectors of TSi or TSr: 0, or the error. */
function readSelectors(m: Message, type: typeof PAYLOAD_TSI | typeof PAYLOAD_TSR, out: Selector[]): SelectorVerdict {
  const p = m.payloads;
  const i = findPayload(p, type, 0);
  return i < 0 ? N_INVALID_SYNTAX : parseSelectors(m.buffer, p.at[i], p.size[i], out);
}

/** Reads SA, TSi, TSr of a request and chooses. Returns 0, or the error to answer. */
export function readChildRequest(ike: Ike, sa: IkeSa, step: Step, draft: Draft, m: Message, now: number): Verdict {
  const policy = draft.policy;
  const p = m.payloads;
  const sai = findPayload(p, PAYLOAD_SA, 0);
  const theirs: Selector[] = [];
  const ours: Selector[] = [];
  if (sai < 0) return N_INVALID_SYNTAX;
  const own = proposalsFor(policy, step, pfsInfoOf(sa));
  const spiSize = spiSizeOf(ike, protocolOf(policy));
  const chosen = chooseSa(m.buffer, p.at[sai], p.size[sai], own, spiSize, keMethodOf(m), draft.choice);
  if (chosen !== 0) return chosen;
  draft.spiOut = readSpi(m.buffer, draft.choice.spiAt, spiSize);
  if (draft.spiOut < 256) return N_INVALID_SYNTAX;
  if (readSelectors(m, PAYLOAD_TSI, theirs) !== 0 || readSelectors(m, PAYLOAD_TSR, ours) !== 0) return N_INVALID_SYNTAX;
  const pair = pairSelectors(theirs, peerSelectors(sa, policy), ours, ownSelectors(sa, policy));
  if (pair.length === 0) return N_TS_UNACCEPTABLE;
  draft.remote = [pair[0]];
  draft.local = [pair[1]];
  // A peer that did not ask for transport mode gets a tunnel, if the policy has one [RFC 7296 §1.3.1].
  if (policy.mode === MODE_TRANSPORT && findNotify(p, m.buffer, N_USE_TRANSPORT_MODE) < 0) return N_NO_PROPOSAL_CHOSEN;
  const verdict = readExtensions(ike, sa, step, draft, m);
  if (verdict !== 0) return verdict;
  return drawSpi(ike, sa, draft, offersOf(ike, sa, draft), now) ? 0 : N_NO_PROPOSAL_CHOSEN;
}

/** True for the error of a policy that was not meant. */
function isFar(verdict: Verdict): boolean {
  return verdict === N_NO_PROPOSAL_CHOSEN || verdict === N_TS_UNACCEPTABLE;
}

/**
 * Responder: what a request for a Child SA comes to with the first of the policies that it fits. Its `verdict` is 0; where
 * none fits, it is the error of one that came near.
 */
export function agreeChild(ike: Ike, sa: IkeSa, step: Step, m: Message, now: number): Draft {
  const policies = childPolicies(sa.policy);
  let best: Draft | null = null;
  for (let i = 0; i < policies.length; i++) {
    const draft = createDraft(policies[i], null, false);
    draft.verdict = readChildRequest(ike, sa, step, draft, m, now);
    if (draft.verdict === 0) return draft;
    if (best === null || (isFar(best.verdict) && draft.verdict !== N_NO_PROPOSAL_CHOSEN)) best = draft;
  }
  return best!;
}

export function addChildResponse(ike: Ike, sa: IkeSa, step: Step, draft: Draft, w: Writer): void {
  if (draft.mode === MODE_TRANSPORT) addStatus(w, N_USE_TRANSPORT_MODE, NONE);
  extend(ike, sa, step, draft, w);
  const protocol = protocolOf(draft.policy);
  const size = spiSizeOf(ike, protocol);
  addAnswer(w, protocol, draft.choice, spiOctets(draft.spiIn, size), 0, size);
}

export function addAnswerSelectors(ike: Ike, sa: IkeSa, draft: Draft, w: Writer): void {
  addSelectors(w, PAYLOAD_TSI, draft.remote);
  extend(ike, sa, STEP_SELECTORS, draft, w);
  addSelectors(w, PAYLOAD_TSR, draft.local);
}

/** Reads the answer to our request: 0, or OUTCOME_* (it breaks the offer), or N_* of what is missing. */
export function readChildResponse(ike: Ike, sa: IkeSa, step: Step, draft: Draft, m: Message): Verdict {
  const policy = draft.policy;
  const p = m.payloads;
  const sar = findPayload(p, PAYLOAD_SA, 0);
  if (sar < 0) return OUTCOME_PROTOCOL;
  const offered = proposalsFor(policy, step, pfsInfoOf(sa));
  const spiSize = spiSizeOf(ike, protocolOf(policy));
  if (checkSaAnswer(m.buffer, p.at[sar], p.size[sar], offered, spiSize, draft.choice) !== 0) return OUTCOME_PROTOCOL;
  draft.spiOut = readSpi(m.buffer, draft.choice.spiAt, spiSize);
  if (draft.spiOut < 256) return OUTCOME_PROTOCOL;
  const local = draft.local;
  const remote = draft.remote;
  draft.local = [];
  draft.remote = [];
  if (readSelectors(m, PAYLOAD_TSI, draft.local) !== 0) return OUTCOME_PROTOCOL;
  if (readSelectors(m, PAYLOAD_TSR, draft.remote) !== 0) return OUTCOME_PROTOCOL;
  if (!selectorsWithin(draft.local, local) || !selectorsWithin(draft.remote, remote)) return OUTCOME_PROTOCOL;
  if (!policy.narrow && !(selectorsEqual(draft.local, local) && selectorsEqual(draft.remote, remote))) {
    return OUTCOME_SELECTORS;
  }
  const pair = pairSelectors(draft.local, local, draft.remote, remote);
  if (pair.length === 0) return OUTCOME_SELECTORS;
  draft.local = [pair[0]];
  draft.remote = [pair[1]];
  if (draft.mode === MODE_TRANSPORT && findNotify(p, m.buffer, N_USE_TRANSPORT_MODE) < 0) return OUTCOME_SELECTORS;
  return readExtensions(ike, sa, step, draft, m);
}
