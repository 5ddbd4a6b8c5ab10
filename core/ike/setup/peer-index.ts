// The IKE SAs of each peer of a responder, found by its identity: at the cost of their own number, not of all.

import { same } from '../codec/octets.ts';
import { endIkeSa } from '../exchange/session.ts';
import type { Ike } from '../state/ike.ts';
import { OUTCOME_REPLACED } from '../state/outcome.ts';
import type { IkeSa } from '../state/sa.ts';

/** By a hash of the identity: the first of the IKE SAs with this hash; `IkeSa.sibling` is the next one. */
export type PeerIndex = Record<number, IkeSa>;

function hashOf(sa: IkeSa): number {
  let hash = sa.peerIdType;
  // Below 2^53 all the way: exact on engines whose numbers are doubles.
  for (let i = 0; i < sa.peerId.length; i++) hash = (hash * 31 + sa.peerId[i]) % 4294967296;
  return hash;
}

/** True when both belong to one peer. An identity is unique among the peers of one policy; the policy's name is part of it. */
function samePeer(a: IkeSa, b: IkeSa): boolean {
  if (a.policy.name !== b.policy.name || a.peerIdType !== b.peerIdType) return false;
  return same(a.peerId, b.peerId);
}

/** Takes an IKE SA off the list, if it is there. */
export function removePeer(index: PeerIndex, sa: IkeSa): void {
  const key = hashOf(sa);
  const first = index[key];
  if (first === undefined) return;
  if (first === sa) {
    if (sa.sibling === null) delete index[key];
    else index[key] = sa.sibling;
  } else {
    let one = first;
    while (one.sibling !== null && one.sibling !== sa) one = one.sibling;
    if (one.sibling === sa) one.sibling = sa.sibling;
  }
  sa.sibling = null;
}

/** Lists an IKE SA whose peer proved its identity. */
export function addPeer(index: PeerIndex, sa: IkeSa): void {
  removePeer(index, sa);
  const key = hashOf(sa);
  const first = index[key];
  sa.sibling = first === undefined ? null : first;
  index[key] = sa;
}

/** Ends the listed IKE SAs of the authenticated peer of `sa`, except the `keep` that were heard last. */
export function replaceOthers(index: PeerIndex, ike: Ike, sa: IkeSa, keep: number, now: number): void {
  const others: IkeSa[] = [];
  const first = index[hashOf(sa)];
  let one: IkeSa | null = first === undefined ? null : first;
  for (; one !== null; one = one.sibling) if (one !== sa && samePeer(one, sa)) others.push(one);
  while (others.length > keep) {
    let oldest = 0;
    for (let i = 1; i < others.length; i++) if (others[i].heardAt < others[oldest].heardAt) oldest = i;
    endIkeSa(ike, others[oldest], OUTCOME_REPLACED, now);
    others[oldest] = others[others.length - 1];
    others.pop();
  }
}
