// All of the core's IKE, for hosts with room.

import { fullExtensions } from '../../../core/device/full-extensions.ts';
import type { UplinkConfig } from '../../../core/device/uplink.ts';
import { limitKey } from '../../../core/esp/key-limits.ts';
import { createFollowUps } from '../../../core/ike/child/follow-up.ts';
import { fragmentation } from '../../../core/ike/codec/fragments.ts';
import { createWriter } from '../../../core/ike/codec/message.ts';
import { followNat } from '../../../core/ike/exchange/addresses.ts';
import { certificates } from '../../../core/ike/ext/certificates.ts';
import { coapProfile } from '../../../core/ike/ext/coap-profile.ts';
import { crashTaker } from '../../../core/ike/ext/crash-taker.ts';
import { additionalKeyExchanges, keyExchangeFollowUps, keyExchangeRounds } from '../../../core/ike/ext/multiple-ke.ts';
import { perResource } from '../../../core/ike/ext/per-resource.ts';
import { createIntermediate, type FindPpk } from '../../../core/ike/ext/ppk-intermediate.ts';
import { resumption } from '../../../core/ike/ext/resume.ts';
import { severalChildren } from '../../../core/ike/ext/several-children.ts';
import { severalSelectors } from '../../../core/ike/ext/several-selectors.ts';
import { applySubspaces, subspaces } from '../../../core/ike/ext/subspaces.ts';
import { tsDscp } from '../../../core/ike/ext/ts-dscp.ts';
import { createRounds } from '../../../core/ike/setup/rounds.ts';
import type { Extension, FollowUps, Ike, Rounds } from '../../../core/ike/state/ike.ts';
import { createNodeAsymmetric } from './provider/asymmetric.ts';
import { widenConfigs } from './selectors.ts';

/** Every extension of a Node host: those of devices, additional key exchanges, several selectors, subspaces, rules for CoAP, several Child SAs, certificates. */
export function nodeExtensions(): Extension[] {
  return [
    ...fullExtensions(),
    additionalKeyExchanges,
    severalSelectors,
    subspaces,
    coapProfile,
    tsDscp,
    severalChildren,
    perResource,
    certificates,
  ];
}

/** Rounds before IKE_AUTH. A PPK comes after all key exchanges [RFC 9867 §3.1]. */
export function nodeRounds(find: FindPpk | null): Rounds {
  return createRounds([keyExchangeRounds, createIntermediate(find)]);
}

/** Rounds after CREATE_CHILD_SA. */
export function nodeFollowUps(): FollowUps {
  return createFollowUps([keyExchangeFollowUps]);
}

/**
 * Gives the endpoint of an uplink what devices do without: rounds after CREATE_CHILD_SA, subspaces, lifetimes of keys, and room for messages of `maxMessage`
 * octets before they are cut into fragments. A key of ML-KEM-1024 does not fit a packet of a radio.
 */
export function attachNode(ike: Ike, maxMessage: number): void {
  ike.followUps = nodeFollowUps();
  ike.follow = followNat;
  const { install } = ike.upper;
  ike.upper.install = (sa, child, outgoing, incoming, first, now) => {
    applySubspaces(child, outgoing, incoming, ike.numbers);
    limitKey(outgoing);
    limitKey(incoming);
    widenConfigs(child, outgoing, incoming);
    return install(sa, child, outgoing, incoming, first, now);
  };
  if (maxMessage <= ike.maxMessage) return;
  ike.maxMessage = maxMessage;
  ike.writer = createWriter(new Uint8Array(maxMessage));
}

/** The parts of an uplink's configuration that do not depend on the peer. */
export function fullIke(): Pick<
  UplinkConfig,
  'asymmetric' | 'extensions' | 'intermediate' | 'resumption' | 'reassembly' | 'unprotected'
> {
  return {
    asymmetric: createNodeAsymmetric(),
    extensions: nodeExtensions(),
    intermediate: nodeRounds(null),
    resumption,
    reassembly: fragmentation,
    unprotected: crashTaker,
  };
}
