// Memory of many IKE SAs. Each octet string of a handshake is a typed array with a buffer of its own, which costs ten times
// its octets. When an SA stands, what stays goes together into few buffers, and what is the same for many becomes one.

import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { CompressionChoice } from '../../../core/ike/state/compression.ts';
import { childPolicies } from '../../../core/ike/state/policy.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { octetsKey } from '../host/datagram.ts';
import type { Association } from './associations.ts';
import type { Connections } from './connections.ts';

/** Octets of one buffer: what is in it stays as long as one of its SAs. */
const CHUNK = 4096;
/** Octet strings and selectors of this side that are remembered. */
const REMEMBERED = 256;

export interface Compact {
  /** Moves the octets of an established IKE SA and of its Child SAs; secrets are wiped where they were. */
  ike(sa: IkeSa): void;
  /** The same for a Child SA that came later. */
  child(sa: IkeSa, child: ChildSa): void;
}

/** Gives octets a place in a buffer that they share with others. */
function createPlaces(): (octets: Uint8Array) => Uint8Array {
  let chunk = new Uint8Array(0);
  let used = 0;
  return (octets) => {
    if (octets.length === 0) return octets;
    if (used + octets.length > chunk.length) {
      chunk = new Uint8Array(Math.max(CHUNK, octets.length));
      used = 0;
    }
    const place = chunk.subarray(used, used + octets.length);
    place.set(octets);
    used += octets.length;
    return place;
  };
}

/** One object for all with the same key. */
function createShared<T>(): (key: string, make: () => T) => T {
  const known = new Map<string, T>();
  return (key, make) => {
    let one = known.get(key);
    if (one === undefined) {
      if (known.size >= REMEMBERED) known.clear();
      one = make();
      known.set(key, one);
    }
    return one;
  };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** `outOf`: the outbound SA of a Child SA. */
export function createCompact(connections: Connections, outOf: (child: ChildSa) => Association | undefined): Compact {
  const lasting = createPlaces();
  // Answers live for minutes: beside what lasts they would leave holes.
  const answers = createPlaces();
  const selectorOf = createShared<ChildSa['local']>();
  const octetsOf = createShared<Uint8Array>();
  const compressionOf = createShared<CompressionChoice>();

  function selector(from: ChildSa['local'], own: Uint8Array): ChildSa['local'] {
    const { protocol, startPort, endPort } = from;
    const start = isSame(from.start, own) ? own : lasting(from.start);
    const end = isSame(from.start, from.end) ? start : lasting(from.end);
    return { protocol, startPort, endPort, start, end };
  }

  function child(sa: IkeSa, one: ChildSa): void {
    const { policy, local, remote, compression } = one;
    if (compression !== null) one.compression = compressionOf(JSON.stringify(compression), () => compression);
    if (!policy.local.includes(local)) {
      const { protocol, startPort, endPort, start, end } = local;
      const key = `${protocol} ${startPort} ${endPort} ${octetsKey(start)}${octetsKey(end)}`;
      one.local = selectorOf(key, () => selector(local, start));
    }
    if (!policy.remote.includes(remote)) one.remote = selector(remote, sa.address);
  }

  return {
    ike(sa) {
      const { skD, peerId, path, policy: before } = sa;
      const connection = sa.address.length > 0 ? connections.find(sa.peerIdType, peerId) : undefined;
      if (connection !== undefined) sa.policy = connections.policyOn(connection, path, true);
      sa.skD = lasting(skD);
      skD.fill(0);
      sa.spis = lasting(sa.spis);
      const known = sa.policy.remoteId?.data;
      sa.peerId = known !== undefined && isSame(known, peerId) ? known : lasting(peerId);
      sa.address = lasting(sa.address);
      sa.response = answers(sa.response);
      path.local = octetsOf(octetsKey(path.local), () => path.local);
      path.remote = lasting(path.remote);
      for (const one of sa.children) {
        const policies = childPolicies(sa.policy);
        const at = childPolicies(before).indexOf(one.policy);
        if (at >= 0 && at < policies.length) one.policy = policies[at];
        child(sa, one);
        const out = outOf(one);
        if (out !== undefined && isSame(out.remote, path.remote)) out.remote = path.remote;
      }
    },
    child,
  };
}
