// The life of Child SAs: made from a finished Draft with their keys, given to the host, retired, removed
// [RFC 7296 §2.8, §2.17].

import type { KeMethod } from '../../crypto/asymmetric.ts';
import {
  type Attributes,
  CDA_NOT_COMPRESSED,
  IIPC_DIET_ESP,
  IIPC_NOT_COMPRESSED,
  MODE_TRANSPORT,
  MODE_TUNNEL,
  TRAILER_MANDATORY,
} from '../../dietesp/attributes.ts';
import { defaultConfig, type SaConfig } from '../../esp/sa.ts';
import type { Suite } from '../../esp/suites.ts';
import { join, NONE, take, wipe } from '../codec/octets.ts';
import { sharedSelector } from '../codec/selectors.ts';
import type { KeyExchange } from '../crypto/key-exchange.ts';
import { keymat } from '../crypto/keys.ts';
import { protocolOf, securityOf, spiSizeOf } from '../exchange/children.ts';
import { jittered } from '../exchange/registry.ts';
import { CHILD_LIVE, type ChildSa, type Draft } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import type { ChildPolicy } from '../state/policy.ts';
import type { Numbers } from '../state/record.ts';
import { childPathOf, type IkeSa } from '../state/sa.ts';
import { applyChoice } from './compression.ts';

/** The suite of a policy with these transforms, or null. */
export function suiteOf(policy: ChildPolicy, encr: number, integ: number): Suite | null {
  for (let i = 0; i < policy.suites.length; i++) {
    if (policy.suites[i].encr === encr && policy.suites[i].integ === integ) return policy.suites[i];
  }
  return null;
}

/** What the attributes of a Child SA's two directions follow from. */
export type Agreed = Pick<
  ChildSa,
  'local' | 'remote' | 'mode' | 'compression' | 'dscpList' | 'esn' | 'spiOut' | 'spiIn'
>;

/** The attributes of one direction of what was agreed; `local` and `remote` are the ends of the tunnel. */
export function attributesOf(child: Agreed, outgoing: boolean, local: Uint8Array, remote: Uint8Array): Attributes {
  const from = outgoing ? child.local : child.remote;
  const to = outgoing ? child.remote : child.local;
  const tunnel = child.mode !== MODE_TRANSPORT;
  const attributes: Attributes = {
    iipcProfile: child.compression === null ? IIPC_NOT_COMPRESSED : IIPC_DIET_ESP,
    iipcRuleId: -1,
    dscpCda: CDA_NOT_COMPRESSED,
    ecnCda: CDA_NOT_COMPRESSED,
    flowLabelCda: CDA_NOT_COMPRESSED,
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
    espTrailer: TRAILER_MANDATORY,
    ipsecMode: tunnel ? MODE_TUNNEL : MODE_TRANSPORT,
    tunnelSrc: tunnel ? (outgoing ? local : remote) : NONE,
    tunnelDst: tunnel ? (outgoing ? remote : local) : NONE,
    espSpi: outgoing ? child.spiOut : child.spiIn,
    espSpiLsb: 32,
    espSnLsb: 32,
    esn: child.esn === 1 ? 1 : 0,
  };
  if (child.compression !== null) applyChoice(child.compression, attributes, child.dscpList);
  return attributes;
}

/** Octets of the cipher's key. */
function keyLengthOf(child: ChildSa, suite: Suite): number {
  return child.keyBits > 0 ? Math.floor(child.keyBits / 8) : suite.alg === 0 ? 0 : suite.keyLength;
}

/** The SA of one direction; its keys are at octets[at..). */
export function configOf(sa: IkeSa, child: ChildSa, outgoing: boolean, octets: Uint8Array, at: number): SaConfig {
  const suite = child.suite!;
  const size = keyLengthOf(child, suite);
  const path = childPathOf(sa, child);
  const config = defaultConfig(attributesOf(child, outgoing, path.local, path.remote), suite);
  config.key = take(octets, at, size);
  config.salt = take(octets, at + size, suite.saltLength);
  config.authKey = take(octets, at + size + suite.saltLength, suite.authKeyLength);
  config.replayWindow = outgoing ? 0 : child.policy.replayWindow;
  config.df = child.policy.df;
  config.softPackets = child.policy.rekeyPackets;
  return config;
}

export function wipeConfig(config: SaConfig): void {
  wipe(config.key);
  wipe(config.salt);
  wipe(config.authKey);
}

/** Lets a pair of SAs go on behind the numbers that were used before. */
export function continueBehind(outgoing: SaConfig, incoming: SaConfig, numbers: Numbers): void {
  outgoing.snHi = numbers.outHi;
  outgoing.snLo = numbers.outLo;
  incoming.snHi = numbers.inHi;
  incoming.snLo = numbers.inLo;
}

/** Between peers that are configured for each other the policy decides about PFS in rekeys of the first Child SA. */
function configured(sa: IkeSa): boolean {
  return sa.policy.privateAlways && sa.optimizedRekey;
}

/** The KE method of rekeys. A resumed session's first Child SA counts as made with the ticket's method. */
function keOf(sa: IkeSa, draft: Draft): KeMethod | 0 {
  if (sa.setup === null || sa.setup.pfsInfo) return draft.choice.ke;
  if (sa.setup.resumed) return sa.ke;
  const list = draft.policy.esp[0].ke;
  return configured(sa) && list.length > 0 ? list[0] : draft.choice.ke;
}

/** Gives a Child SA with its KEYMAT to the host. The exchange's initiator sends with the first half [RFC 7296 §2.17]. */
function give(
  ike: Ike,
  sa: IkeSa,
  child: ChildSa,
  octets: Uint8Array,
  own: boolean,
  first: boolean,
  now: number,
): boolean {
  const size = octets.length / 2;
  const outAt = own ? 0 : size;
  const inAt = own ? size : 0;
  if (child.suite === null) {
    const outKeys = take(octets, outAt, size);
    const inKeys = take(octets, inAt, size);
    const isTaken = securityOf(ike, child.protocol)!.install(sa, child, outKeys, inKeys, first, now);
    wipe(outKeys);
    wipe(inKeys);
    return isTaken;
  }
  const outgoing = configOf(sa, child, true, octets, outAt);
  const incoming = configOf(sa, child, false, octets, inAt);
  const isTaken = ike.upper.install(sa, child, outgoing, incoming, first, now);
  wipeConfig(outgoing);
  wipeConfig(incoming);
  return isTaken;
}

/**
 * Makes the Child SA of a finished draft: derives its keys and gives the pair to the host. Null when the host does not
 * take it. `first`: outgoing packets use it at once.
 */
export function installChild(ike: Ike, sa: IkeSa, draft: Draft, first: boolean, now: number): ChildSa | null {
  const policy = draft.policy;
  const old = draft.optimized ? draft.replaces : null;
  const choice = draft.choice;
  const protocol = protocolOf(policy);
  const security = securityOf(ike, protocol);
  const suite = security !== null ? null : old !== null ? old.suite : suiteOf(policy, choice.encr, choice.integ);
  if (suite === null && security === null) return null;
  const child: ChildSa = {
    policy: policy,
    spiIn: draft.spiIn,
    spiOut: draft.spiOut,
    suite: suite,
    keyBits: old !== null ? old.keyBits : choice.keyBits,
    esn: old !== null ? old.esn : choice.sn,
    mode: draft.mode,
    local: old !== null ? old.local : sharedSelector(policy.local, draft.local[0]),
    remote: old !== null ? old.remote : sharedSelector(policy.remote, draft.remote[0]),
    compression: old !== null ? old.compression : draft.compression,
    dscpList: old !== null ? old.dscpList : draft.dscpList,
    ke: old !== null ? old.ke : keOf(sa, draft),
    keKnown: old !== null || sa.setup === null || sa.setup.resumed || sa.setup.pfsInfo || configured(sa),
    protocol: protocol,
    spiSize: spiSizeOf(ike, protocol),
    transforms: choice.extra,
    path: draft.path,
    notes: draft.notes,
    replaces: draft.replaces,
    retired: CHILD_LIVE,
    rekeyAt: jittered(ike, sa, policy.rekeyTime, now),
    removeAt: -1,
    rivalNonce: NONE,
    rival: null,
    tag: 0,
  };
  const x = draft.kx;
  const size =
    suite !== null ? keyLengthOf(child, suite) + suite.saltLength + suite.authKeyLength : security!.keySize(choice);
  const octets = keymat(ike.provider, sa.skD, x.secret, join([x.nonceI, x.nonceR, x.more]), 2 * size);
  const taken = give(ike, sa, child, octets, draft.own, first, now);
  wipe(octets);
  wipe(x.secret);
  wipe(x.more);
  if (!taken) return null;
  // They are the Child SA's now.
  draft.notes = [];
  // Most have one Child SA, so don't reserve room for more.
  if (sa.children.length === 0) sa.children = [child];
  else sa.children.push(child);
  return child;
}

/** True when the first nonce is lower than the second, as octets of any length [RFC 7296 §2.8.1]. */
export function below(a: Uint8Array, b: Uint8Array): boolean {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) if (a[i] !== b[i]) return a[i] < b[i];
  return a.length < b.length;
}

/** The lower nonce of an exchange. */
export function lowest(x: KeyExchange): Uint8Array {
  return below(x.nonceI, x.nonceR) ? x.nonceI : x.nonceR;
}
