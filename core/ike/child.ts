// Child SAs: what IKE_AUTH and CREATE_CHILD_SA say about one, on both sides, and its keys [RFC 7296 §1.2, §1.3, §2.9,
// §2.17]. A Draft is filled in by the two messages, then becomes a ChildSa and a pair of SAs at the host.

import { put32, u32 } from '../bytes.ts';
import { type Attributes, IIPC_DIET_ESP, IIPC_NOT_COMPRESSED, MODE_TRANSPORT } from '../dietesp/attributes.ts';
import { defaultConfig, type SaConfig } from '../esp/sa.ts';
import type { Suite } from '../esp/suites.ts';
import { addStatus, due, NONE } from './exchange.ts';
import { applyChoice, spiOffers } from './ext/compression.ts';
import { join, keymat, take, wipe } from './keys.ts';
import { findNotify, findPayload, type Writer } from './message.ts';
import {
  N_INVALID_SYNTAX,
  N_NO_PROPOSAL_CHOSEN,
  N_TS_UNACCEPTABLE,
  N_USE_TRANSPORT_MODE,
  PAYLOAD_SA,
  PAYLOAD_TSI,
  PAYLOAD_TSR,
  PROTOCOL_ESP,
} from './numbers.ts';
import type { ChildPolicy } from './policy.ts';
import { addAnswer, addSa, checkSaAnswer, chooseSa, createChoice, type Transforms } from './proposals.ts';
import {
  addSelectors,
  narrowSelectors,
  parseSelectors,
  type Selector,
  selectorsEqual,
  selectorsWithin,
} from './selectors.ts';
import {
  type ChildSa,
  type Draft,
  type Ike,
  type IkeSa,
  type Message,
  OUTCOME_PROTOCOL,
  OUTCOME_SELECTORS,
  STEP_AUTH_REQUEST,
  STEP_AUTH_RESPONSE,
} from './state.ts';

const spiOctets = /* @__PURE__ */ new Uint8Array(4);

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
    local: [],
    remote: [],
    compression: null,
    refused: false,
    dscpList: [],
    peerDscp: null,
    nonceI: NONE,
    nonceR: NONE,
    half: null,
    keMethod: 0,
    keOwn: NONE,
    secret: NONE,
  };
}

/** A selector for one address. */
export function hostSelector(address: Uint8Array): Selector {
  return { protocol: 0, startPort: 0, endPort: 65535, start: address, end: address };
}

/** The proposals without KE methods: IKE_AUTH carries none, unless child-pfs-info was agreed [RFC 7296 §1.2]. */
function proposalsFor(policy: ChildPolicy, step: number, pfsInfo: boolean): Transforms[] {
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
    });
  }
  return list;
}

function pfsInfoOf(sa: IkeSa): boolean {
  return sa.setup !== null && sa.setup.pfsInfo;
}

/** The inner address that CP gave in place of what the policy has, for this side (or for the peer). */
function ownSelectors(sa: IkeSa, policy: ChildPolicy): Selector[] {
  return sa.initiator && sa.policy.requestAddress > 0 && sa.address.length > 0
    ? [hostSelector(sa.address)]
    : policy.local;
}

/** Selectors that the peer may use; one that asked for an address gets that one. */
function peerSelectors(sa: IkeSa, policy: ChildPolicy): Selector[] {
  return !sa.initiator && sa.address.length > 0 ? [hostSelector(sa.address)] : policy.remote;
}

/** Draws the SPI for our side; false when none is free. */
function drawSpi(ike: Ike, sa: IkeSa, draft: Draft, offers: number[], now: number): boolean {
  try {
    draft.spiIn = ike.upper.allocateSpi(sa.path, offers, now);
  } catch (_error) {
    return false;
  }
  return true;
}

function extend(ike: Ike, sa: IkeSa, step: number, draft: Draft, w: Writer): void {
  for (let i = 0; i < ike.extensions.length; i++) ike.extensions[i].add(ike, sa, step, draft, w);
}

/** Lets the extensions read a message: 0, or the error of the first that refuses it. */
export function readExtensions(ike: Ike, sa: IkeSa, step: number, draft: Draft | null, m: Message): number {
  for (let i = 0; i < ike.extensions.length; i++) {
    const code = ike.extensions[i].read(ike, sa, step, draft, m);
    if (code !== 0) return code;
  }
  return 0;
}

/** Bits of the SPI that may be on the wire with what `draft` offers, or has agreed. */
function offersOf(sa: IkeSa, draft: Draft): number[] {
  const policy = draft.policy;
  if (draft.replaces !== null && draft.optimized) {
    return [draft.replaces.compression === null ? 32 : draft.replaces.compression.espSpiLsb];
  }
  if (!draft.own) return [draft.compression === null ? 32 : draft.compression.espSpiLsb];
  if (policy.notify === null || policy.compression === null) return [32];
  return sa.vendor || sa.policy.privateAlways ? spiOffers(policy.compression) : [32];
}

/** Draws the SPI of a draft of ours; false when none is free. */
export function prepareDraft(ike: Ike, sa: IkeSa, draft: Draft, now: number): boolean {
  return drawSpi(ike, sa, draft, offersOf(sa, draft), now);
}

/** SA, selectors and what belongs to them, of a request. */
export function addChildRequest(ike: Ike, sa: IkeSa, step: number, draft: Draft, w: Writer): void {
  put32(spiOctets, 0, draft.spiIn);
  if (draft.mode === MODE_TRANSPORT) addStatus(w, N_USE_TRANSPORT_MODE, NONE);
  extend(ike, sa, step, draft, w);
  addSa(w, proposalsFor(draft.policy, step, pfsInfoOf(sa)), spiOctets, 0, 4);
}

export function addChildSelectors(sa: IkeSa, draft: Draft, w: Writer): void {
  const policy = draft.policy;
  addSelectors(w, PAYLOAD_TSI, draft.replaces !== null ? [draft.replaces.local] : ownSelectors(sa, policy));
  addSelectors(w, PAYLOAD_TSR, draft.replaces !== null ? [draft.replaces.remote] : policy.remote);
}

/** The widest of the selectors that holds the first: one pair is what an SA takes here. */
function pick(list: Selector[]): Selector[] {
  let best = 0;
  for (let i = 1; i < list.length; i++) if (selectorsWithin([list[best]], [list[i]])) best = i;
  return list.length === 0 ? list : [list[best]];
}

/** Reads SA, TSi, TSr of a request and chooses: 0, or the error to answer. */
export function readChildRequest(
  ike: Ike,
  sa: IkeSa,
  step: number,
  draft: Draft,
  m: Message,
  keHint: number,
  now: number,
): number {
  const policy = draft.policy;
  const p = m.payloads;
  const sai = findPayload(p, PAYLOAD_SA, 0);
  const tsi = findPayload(p, PAYLOAD_TSI, 0);
  const tsr = findPayload(p, PAYLOAD_TSR, 0);
  if (sai < 0 || tsi < 0 || tsr < 0) return N_INVALID_SYNTAX;
  const own = proposalsFor(policy, step, pfsInfoOf(sa));
  let code = chooseSa(m.buffer, p.at[sai], p.size[sai], own, 4, keHint, draft.choice);
  if (code !== 0) return code;
  draft.spiOut = u32(m.buffer, draft.choice.spiAt);
  if (draft.spiOut < 256) return N_INVALID_SYNTAX;
  const theirs: Selector[] = [];
  const ours: Selector[] = [];
  code = parseSelectors(m.buffer, p.at[tsi], p.size[tsi], theirs);
  if (code === 0) code = parseSelectors(m.buffer, p.at[tsr], p.size[tsr], ours);
  if (code !== 0) return code;
  draft.remote = pick(narrowSelectors(theirs, peerSelectors(sa, policy)));
  draft.local = pick(narrowSelectors(ours, policy.local));
  if (!fits(draft)) return N_TS_UNACCEPTABLE;
  // A peer that did not ask for transport mode gets a tunnel, if the policy has one [RFC 7296 §1.3.1].
  const transport = findNotify(p, m.buffer, N_USE_TRANSPORT_MODE) >= 0;
  if (transport !== (policy.mode === MODE_TRANSPORT)) {
    if (policy.mode === MODE_TRANSPORT) return N_NO_PROPOSAL_CHOSEN;
  }
  draft.mode = policy.mode;
  code = readExtensions(ike, sa, step, draft, m);
  if (code !== 0) return code;
  return drawSpi(ike, sa, draft, offersOf(sa, draft), now) ? 0 : N_NO_PROPOSAL_CHOSEN;
}

/** One selector each way, of one IP version. */
function fits(draft: Draft): boolean {
  return (
    draft.local.length === 1 &&
    draft.remote.length === 1 &&
    draft.local[0].start.length === draft.remote[0].start.length
  );
}

export function addChildResponse(ike: Ike, sa: IkeSa, step: number, draft: Draft, w: Writer): void {
  put32(spiOctets, 0, draft.spiIn);
  if (draft.mode === MODE_TRANSPORT) addStatus(w, N_USE_TRANSPORT_MODE, NONE);
  extend(ike, sa, step, draft, w);
  addAnswer(w, PROTOCOL_ESP, draft.choice, spiOctets, 0, 4);
}

export function addAnswerSelectors(draft: Draft, w: Writer): void {
  addSelectors(w, PAYLOAD_TSI, draft.remote);
  addSelectors(w, PAYLOAD_TSR, draft.local);
}

/** Reads the answer to our request: 0, or OUTCOME_* (it breaks the offer), or N_* of what is missing. */
export function readChildResponse(ike: Ike, sa: IkeSa, step: number, draft: Draft, m: Message): number {
  const policy = draft.policy;
  const p = m.payloads;
  const sar = findPayload(p, PAYLOAD_SA, 0);
  const tsi = findPayload(p, PAYLOAD_TSI, 0);
  const tsr = findPayload(p, PAYLOAD_TSR, 0);
  if (sar < 0 || tsi < 0 || tsr < 0) return OUTCOME_PROTOCOL;
  const offered = proposalsFor(policy, step, pfsInfoOf(sa));
  if (checkSaAnswer(m.buffer, p.at[sar], p.size[sar], offered, 4, draft.choice) !== 0) return OUTCOME_PROTOCOL;
  draft.spiOut = u32(m.buffer, draft.choice.spiAt);
  if (draft.spiOut < 256) return OUTCOME_PROTOCOL;
  if (parseSelectors(m.buffer, p.at[tsi], p.size[tsi], draft.local) !== 0) return OUTCOME_PROTOCOL;
  if (parseSelectors(m.buffer, p.at[tsr], p.size[tsr], draft.remote) !== 0) return OUTCOME_PROTOCOL;
  const local = draft.replaces !== null ? [draft.replaces.local] : ownSelectors(sa, policy);
  const remote = draft.replaces !== null ? [draft.replaces.remote] : policy.remote;
  if (!selectorsWithin(draft.local, local) || !selectorsWithin(draft.remote, remote)) return OUTCOME_PROTOCOL;
  if (!policy.narrow && !(selectorsEqual(draft.local, local) && selectorsEqual(draft.remote, remote))) {
    return OUTCOME_SELECTORS;
  }
  draft.local = pick(draft.local);
  draft.remote = pick(draft.remote);
  if (!fits(draft)) return OUTCOME_SELECTORS;
  if (draft.mode === MODE_TRANSPORT && findNotify(p, m.buffer, N_USE_TRANSPORT_MODE) < 0) return OUTCOME_SELECTORS;
  return readExtensions(ike, sa, step, draft, m);
}

function suiteOf(policy: ChildPolicy, encr: number, integ: number): Suite | null {
  for (let i = 0; i < policy.suites.length; i++) {
    if (policy.suites[i].encr === encr && policy.suites[i].integ === integ) return policy.suites[i];
  }
  return null;
}

/** The attributes of one direction. */
function attributesOf(sa: IkeSa, child: ChildSa, outgoing: boolean): Attributes {
  const from = outgoing ? child.local : child.remote;
  const to = outgoing ? child.remote : child.local;
  const tunnel = child.mode !== MODE_TRANSPORT;
  const attributes: Attributes = {
    iipcProfile: child.compression === null ? IIPC_NOT_COMPRESSED : IIPC_DIET_ESP,
    iipcRuleId: -1,
    dscpCda: 0,
    ecnCda: 0,
    flowLabelCda: 0,
    dscpList: [],
    tsIpVersion: from.start.length === 16 ? 6 : 4,
    tsIpSrcStart: from.start,
    tsIpSrcEnd: from.end,
    tsIpDstStart: to.start,
    tsIpDstEnd: to.end,
    tsProto: from.protocol,
    tsPortSrcStart: from.startPort,
    tsPortSrcEnd: from.endPort,
    tsPortDstStart: to.startPort,
    tsPortDstEnd: to.endPort,
    alignment: 32,
    espTrailer: 1,
    ipsecMode: child.mode,
    tunnelSrc: tunnel ? (outgoing ? sa.path.local : sa.path.remote) : NONE,
    tunnelDst: tunnel ? (outgoing ? sa.path.remote : sa.path.local) : NONE,
    espSpi: outgoing ? child.spiOut : child.spiIn,
    espSpiLsb: 32,
    espSnLsb: 32,
    esn: child.esn,
  };
  if (child.compression !== null) applyChoice(child.compression, attributes, child.dscpList);
  return attributes;
}

function configOf(sa: IkeSa, child: ChildSa, outgoing: boolean, octets: Uint8Array, at: number): SaConfig {
  const suite = child.suite;
  const size = child.keyBits > 0 ? Math.floor(child.keyBits / 8) : suite.alg === 0 ? 0 : suite.keyLength;
  const config = defaultConfig(attributesOf(sa, child, outgoing), suite);
  config.key = take(octets, at, size);
  config.salt = take(octets, at + size, suite.saltLength);
  config.authKey = take(octets, at + size + suite.saltLength, suite.authKeyLength);
  config.replayWindow = outgoing ? 0 : child.policy.replayWindow;
  config.softPackets = child.policy.rekeyPackets;
  return config;
}

function wipeConfig(config: SaConfig): void {
  wipe(config.key);
  wipe(config.salt);
  wipe(config.authKey);
}

/** A Child SA's lifetime, shortened by up to an eighth so that both sides seldom rekey at once; -1: none. */
export function jittered(ike: Ike, time: number, now: number): number {
  if (time <= 0) return -1;
  ike.provider.random(spiOctets, 0, 1);
  const at = now + time - Math.floor((time * spiOctets[0]) / 2048);
  due(ike, at);
  return at;
}

/**
 * Makes the Child SA of a finished draft: derives its keys and gives the pair to the host. Null when the host does not
 * take it. `first`: outgoing packets use it at once.
 */
export function installChild(ike: Ike, sa: IkeSa, draft: Draft, first: boolean, now: number): ChildSa | null {
  const policy = draft.policy;
  const old = draft.optimized ? draft.replaces : null;
  const suite = old !== null ? old.suite : suiteOf(policy, draft.choice.encr, draft.choice.integ);
  if (suite === null) return null;
  const child: ChildSa = {
    policy: policy,
    spiIn: draft.spiIn,
    spiOut: draft.spiOut,
    suite: suite,
    keyBits: old !== null ? old.keyBits : draft.choice.keyBits,
    esn: old !== null ? old.esn : draft.choice.sn === 1 ? 1 : 0,
    mode: draft.mode,
    local: old !== null ? old.local : draft.local[0],
    remote: old !== null ? old.remote : draft.remote[0],
    compression: old !== null ? old.compression : draft.compression,
    dscpList: old !== null ? old.dscpList : draft.dscpList,
    // A resumed session's first Child SA counts as made with the ticket's KE method.
    ke: old !== null ? old.ke : sa.setup !== null && sa.setup.resumed ? sa.ke : draft.choice.ke,
    keKnown: old !== null || sa.setup === null || sa.setup.resumed || pfsInfoOf(sa),
    retired: 0,
    rekeyAt: jittered(ike, policy.rekeyTime, now),
    removeAt: -1,
    rivalNonce: NONE,
    rival: null,
    tag: 0,
  };
  const keySize = child.keyBits > 0 ? Math.floor(child.keyBits / 8) : suite.alg === 0 ? 0 : suite.keyLength;
  const size = keySize + suite.saltLength + suite.authKeyLength;
  const octets = keymat(ike.provider, sa.skD, draft.secret, join([draft.nonceI, draft.nonceR]), 2 * size);
  // The exchange's initiator sends with the first half [RFC 7296 §2.17].
  const outgoing = configOf(sa, child, true, octets, draft.own ? 0 : size);
  const incoming = configOf(sa, child, false, octets, draft.own ? size : 0);
  wipe(octets);
  wipe(draft.secret);
  const taken = ike.upper.install(sa, child, outgoing, incoming, first, now);
  wipeConfig(outgoing);
  wipeConfig(incoming);
  if (!taken) return null;
  sa.children.push(child);
  return child;
}

/** The first nonce below the second, as octets of any length [RFC 7296 §2.8.1]. */
export function below(a: Uint8Array, b: Uint8Array): boolean {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) if (a[i] !== b[i]) return a[i] < b[i];
  return a.length < b.length;
}

export function lowest(a: Uint8Array, b: Uint8Array): Uint8Array {
  return below(a, b) ? a : b;
}

/** Takes a Child SA out of its IKE SA and ends it at the host. */
export function removeChild(ike: Ike, sa: IkeSa, child: ChildSa, now: number): void {
  for (let i = 0; i < sa.children.length; i++) {
    if (sa.children[i] !== child) continue;
    sa.children[i] = sa.children[sa.children.length - 1];
    sa.children.pop();
    ike.upper.remove(sa, child, now);
    return;
  }
}

/** Outgoing packets use it no more; late ones still come in for a while. */
export function retireChild(ike: Ike, sa: IkeSa, child: ChildSa, now: number): void {
  if (child.retired < 2) ike.upper.retire(sa, child, now);
  child.retired = 2;
  child.rekeyAt = -1;
  child.removeAt = now + ike.linger;
  due(ike, child.removeAt);
}

/** The Child SA whose inbound SPI at the peer (`theirs`) or here is `spi`, or null. */
export function findChild(sa: IkeSa, spi: number, theirs: boolean): ChildSa | null {
  for (let i = 0; i < sa.children.length; i++) {
    if ((theirs ? sa.children[i].spiOut : sa.children[i].spiIn) === spi && sa.children[i].removeAt < 0) {
      return sa.children[i];
    }
  }
  return null;
}
