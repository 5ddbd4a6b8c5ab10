// AH in the negotiation of Child SAs [RFC 7296 §3.3]: Security Protocol 2 beside ESP, with a transform of type Integrity Algorithm and
// one of type Sequence Numbers, and no cipher. Among the numbers is the one of RFC 9838 that says: replays are not found.
//
// The integrity algorithms stand in `Transforms.extra`, so that what was chosen stays with the Child SA (`ChildSa.transforms`) for
// optimized rekeys and for a restart.

import { type AhConfig, NUMBERS_32, NUMBERS_UNSPECIFIED } from '../../ah/sa.ts';
import type { KeMethod } from '../../crypto/asymmetric.ts';
import { defaultConfig } from '../../esp/sa.ts';
import type { Suite } from '../../esp/suites.ts';
import { SCOPE_IP } from '../../wire/ah.ts';
import { attributesOf, continueBehind, wipeConfig } from '../child/install.ts';
import { createExtra } from '../codec/extra-transforms.ts';
import { PROTOCOL_AH, type SnTransform, TRANSFORM_INTEG } from '../codec/numbers.ts';
import { NONE, take } from '../codec/octets.ts';
import type { Transform, Transforms } from '../codec/proposals.ts';
import type { ChildSa } from '../state/child.ts';
import type { SecurityProtocol } from '../state/ike.ts';
import type { Numbers } from '../state/record.ts';
import { childPathOf, type IkeSa } from '../state/sa.ts';

/**
 * Takes a pair of SAs, as `IkeUpper.install` does; the configurations are for `createAhSa`, with SCOPE_IP. A host that knows the
 * peer's AS sets the Scope.
 *
 * @noSelf
 */
export interface AhUpper {
  /** False: not taken. */
  install(sa: IkeSa, child: ChildSa, outgoing: AhConfig, incoming: AhConfig, first: boolean, now: number): boolean;
}

/**
 * A proposal for AH, for `ChildPolicy.esp`, where `ChildPolicy.suites` lists the algorithms too: each list in order of preference;
 * `ke`: methods for rekeys.
 */
export function ahProposal(suites: readonly Suite[], numbers: SnTransform[], ke: (KeMethod | 0)[]): Transforms {
  const list: Transform[] = [];
  for (let i = 0; i < suites.length; i++) list.push({ type: TRANSFORM_INTEG, id: suites[i].integ, attributes: NONE });
  return {
    protocol: PROTOCOL_AH,
    ciphers: [],
    keyBits: [],
    prf: [],
    integ: [],
    ke: ke,
    sn: numbers,
    extra: createExtra(list),
  };
}

/** The algorithm that was chosen, or null. */
function chosen(suites: readonly Suite[], transforms: Transform[]): Suite | null {
  for (let i = 0; i < transforms.length; i++) {
    if (transforms[i].type !== TRANSFORM_INTEG) continue;
    for (let j = 0; j < suites.length; j++) if (suites[j].integ === transforms[i].id) return suites[j];
  }
  return null;
}

/** The SA of one direction; key and salt are in `keys`. */
function configOf(sa: IkeSa, child: ChildSa, keys: Uint8Array, outgoing: boolean): AhConfig {
  const suite = child.suite!;
  const path = childPathOf(sa, child);
  const attributes = attributesOf(child, outgoing, path.local, path.remote);
  attributes.esn = child.esn === NUMBERS_32 ? 0 : 1;
  const config = defaultConfig(attributes, suite) as AhConfig;
  config.key = take(keys, 0, suite.keyLength);
  config.salt = take(keys, suite.keyLength, suite.saltLength);
  config.replayWindow = outgoing || child.esn === NUMBERS_UNSPECIFIED ? 0 : child.policy.replayWindow;
  config.df = child.policy.df;
  config.softPackets = child.policy.rekeyPackets;
  config.ah = { scope: SCOPE_IP, peerAs: 0, numbers: child.esn, sender: 0 };
  return config;
}

/** Makes the AH of an endpoint, for `IkeConfig.protocols`, with these algorithms. */
export function createAh(suites: readonly Suite[], upper: AhUpper): SecurityProtocol {
  return {
    protocol: PROTOCOL_AH,
    spiSize: 4,
    keySize: (choice) => {
      const suite = chosen(suites, choice.extra);
      return suite === null ? 0 : suite.keyLength + suite.saltLength;
    },
    install: (sa, child, outgoing, incoming, first, now, continued?: Numbers) => {
      child.suite = chosen(suites, child.transforms);
      // The ICV covers the addresses that a NAT changes [RFC 7296 §2.23].
      if (child.suite === null || outgoing.length === 0 || childPathOf(sa, child).encapsulated) return false;
      child.compression = null;
      const out = configOf(sa, child, outgoing, true);
      const into = configOf(sa, child, incoming, false);
      if (continued !== undefined) continueBehind(out, into, continued);
      const isTaken = upper.install(sa, child, out, into, first, now);
      wipeConfig(out);
      wipeConfig(into);
      return isTaken;
    },
  };
}
