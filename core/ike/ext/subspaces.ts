// Negotiates anti-replay subspaces [draft-ponchon-ipsecme-anti-replay-subspaces-03]: both sides agree how many counters a Child
// SA has, and so that its sequence numbers have 64 bits. The draft's transform was never published with numbers; this is ours,
// safe with peers that do not know it: a further transform of Type 5 (Sequence Numbers) in the same proposal,
//
//   03 00 00 0C | 05 00 | 04 02 | C0 00 | 00 10       Transform ID 1026, attribute 16384 in the form type and value: 16
//
// 0 is 65,536. An old responder chooses 32-bit or extended numbers, which stand beside it. Several counts are several such
// transforms; a responder takes one that is not above its own, and answers with the attribute as it came. Where compression is
// agreed, subspaces are not: Diet-ESP shortens the number, which an ID does not bear.
//
// The responder's choice is made before compression is negotiated, so this extension stands behind that one in the list.

import { put16, u16 } from '../../base/bytes.ts';
import type { SaConfig } from '../../esp/sa.ts';
import { createSubspaceSuite, SUBSPACES_MAX } from '../../esp/subspaces.ts';
import { N_NO_PROPOSAL_CHOSEN, type SnTransform, TRANSFORM_SN } from '../codec/numbers.ts';
import { same } from '../codec/octets.ts';
import type { Message } from '../codec/payloads.ts';
import { ATTRIBUTE_SUBSPACES, type PrivateNumbers, TRANSFORM_SUBSPACES } from '../codec/private-numbers.ts';
import { hasTransform, type Transform, type Transforms } from '../codec/proposals.ts';
import type { ChildSa, Draft } from '../state/child.ts';
import type { Extension, Ike } from '../state/ike.ts';
import { OUTCOME_PROTOCOL, type Verdict } from '../state/outcome.ts';
import type { ChildPolicy } from '../state/policy.ts';
import { type IkeSa, privateFits } from '../state/sa.ts';
import { isChildRequest, isChildResponse, type Step } from '../state/step.ts';

/** Form bit of an attribute of type and value [RFC 7296 §3.3.5]. */
const FIXED = 0x8000;

function idOf(numbers: PrivateNumbers): number {
  return numbers.subspaces === undefined ? TRANSFORM_SUBSPACES : numbers.subspaces;
}

/** The count in the attributes of a transform; 0: they are something else. */
function countOf(attributes: Uint8Array | null, type: number): number {
  if (attributes === null || attributes.length !== 4 || u16(attributes, 0) !== FIXED + type) return 0;
  const value = u16(attributes, 2);
  return value === 0 ? SUBSPACES_MAX : value;
}

/** Responder: any count that is not above ours. */
function takes(own: Transform, attributes: Uint8Array): boolean {
  const type = u16(own.attributes!, 0) - FIXED;
  const count = countOf(attributes, type);
  return count > 0 && count <= countOf(own.attributes, type);
}

/** The transform for `count` subspaces (1..65536), to be put into `createExtra`. */
export function subspaceTransform(count: number, numbers: PrivateNumbers): Transform {
  const attributes = new Uint8Array(4);
  const type = numbers.subspaceCount === undefined ? ATTRIBUTE_SUBSPACES : numbers.subspaceCount;
  put16(attributes, 0, FIXED + type);
  put16(attributes, 2, count % SUBSPACES_MAX);
  return { type: TRANSFORM_SN, id: idOf(numbers), attributes: attributes, takes: takes };
}

function findIn(list: Transform[], numbers: PrivateNumbers): Transform | null {
  const id = idOf(numbers);
  for (let i = 0; i < list.length; i++) if (list[i].type === TRANSFORM_SN && list[i].id === id) return list[i];
  return null;
}

/** How many subspaces were agreed; 0: none. */
export function subspacesOf(transforms: Transform[], numbers: PrivateNumbers): number {
  const found = findIn(transforms, numbers);
  if (found === null || found.attributes === null) return 0;
  return countOf(found.attributes, u16(found.attributes, 0) - FIXED);
}

/** Puts the subspaces of a Child SA into the configurations of its pair, before the SAs are made. */
export function applySubspaces(child: ChildSa, outgoing: SaConfig, incoming: SaConfig, numbers: PrivateNumbers): void {
  const count = subspacesOf(child.transforms, numbers);
  if (count === 0) return;
  outgoing.suite = createSubspaceSuite(outgoing.suite, count);
  incoming.suite = createSubspaceSuite(incoming.suite, count);
}

function offers(policy: ChildPolicy, numbers: PrivateNumbers): boolean {
  for (let i = 0; i < policy.esp.length; i++) {
    const extra = policy.esp[i].extra;
    if (extra !== undefined && findIn(extra.list, numbers) !== null) return true;
  }
  return false;
}

/** Every field of a policy, so that a new one cannot be forgotten below. */
type Whole = { [Name in keyof Required<ChildPolicy>]: ChildPolicy[Name] | undefined };

/** The policy for a peer that does not know private numbers. */
function plainOf(policy: ChildPolicy, numbers: PrivateNumbers): ChildPolicy {
  const esp: Transforms[] = [];
  for (let i = 0; i < policy.esp.length; i++) {
    const p = policy.esp[i];
    if (p.extra === undefined || findIn(p.extra.list, numbers) === null) {
      esp.push(p);
      continue;
    }
    esp.push({
      protocol: p.protocol,
      ciphers: p.ciphers,
      keyBits: p.keyBits,
      prf: p.prf,
      integ: p.integ,
      ke: p.ke,
      sn: p.sn,
      extra: p.extra.without(TRANSFORM_SN, TRANSFORM_SN),
    });
  }
  const whole: Whole = {
    name: policy.name,
    esp: esp,
    eesp: policy.eesp,
    suites: policy.suites,
    mode: policy.mode,
    local: policy.local,
    remote: policy.remote,
    narrow: policy.narrow,
    several: policy.several,
    notify: policy.notify,
    compression: policy.compression,
    coap: policy.coap,
    dscp: policy.dscp,
    df: policy.df,
    replayWindow: policy.replayWindow,
    rekeyTime: policy.rekeyTime,
    rekeyPackets: policy.rekeyPackets,
    tsDscp: policy.tsDscp,
    tsDscpOptional: policy.tsDscpOptional,
    resource: policy.resource,
    passive: policy.passive,
    rank: policy.rank,
  };
  return whole as ChildPolicy;
}

/** Responder: the kind of sequence numbers of the chosen proposal that both have beside subspaces; -1: none. */
function besides(draft: Draft, m: Message): SnTransform | -1 {
  const ids = draft.policy.esp[draft.choice.own].sn;
  for (let i = 0; i < ids.length; i++) {
    if (hasTransform(m.buffer, draft.choice.spiAt - 8, TRANSFORM_SN, ids[i], 0)) return ids[i];
  }
  return -1;
}

function onRequest(sa: IkeSa, draft: Draft, m: Message, chosen: Transform): Verdict {
  const isFine = privateFits(sa);
  if (isFine && draft.compression === null) return 0;
  const sn = besides(draft, m);
  if (sn >= 0) {
    const rest: Transform[] = [];
    for (let i = 0; i < draft.choice.extra.length; i++) {
      if (draft.choice.extra[i] !== chosen) rest.push(draft.choice.extra[i]);
    }
    draft.choice.extra = rest;
    draft.choice.sn = sn as SnTransform;
    return 0;
  }
  const policy = draft.policy.compression;
  if (!isFine || policy === null || policy.required) return N_NO_PROPOSAL_CHOSEN;
  // The peer wants subspaces in any case, and compression if it may be.
  draft.compression = null;
  draft.refused = true;
  return 0;
}

function onResponse(draft: Draft, chosen: Transform): Verdict {
  const extra = draft.policy.esp[draft.choice.own].extra;
  if (draft.compression !== null || extra === undefined) return OUTCOME_PROTOCOL;
  for (let i = 0; i < extra.list.length; i++) {
    const own = extra.list[i];
    if (own.type === chosen.type && own.id === chosen.id && same(own.attributes!, chosen.attributes!)) return 0;
  }
  return OUTCOME_PROTOCOL;
}

function add(ike: Ike, sa: IkeSa, step: Step, draft: Draft | null): void {
  if (draft === null || !isChildRequest(step) || privateFits(sa)) return;
  if (offers(draft.policy, ike.numbers)) draft.policy = plainOf(draft.policy, ike.numbers);
}

function read(ike: Ike, sa: IkeSa, step: Step, draft: Draft | null, m: Message): Verdict {
  if (draft === null || !(isChildRequest(step) || isChildResponse(step))) return 0;
  const chosen = findIn(draft.choice.extra, ike.numbers);
  if (chosen === null) return 0;
  return isChildRequest(step) ? onRequest(sa, draft, m, chosen) : onResponse(draft, chosen);
}

/**
 * Negotiates subspaces for each Child SA whose policy has `subspaceTransform` among its extra transforms. List it behind
 * `headerCompression`; the host calls `applySubspaces` when it installs a Child SA.
 */
export const subspaces: Extension = { add: add, read: read };
