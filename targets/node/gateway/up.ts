// Which peers are up, counted by identity and found by their address on a radio: no event looks through all IKE SAs.

import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { identityKey } from '../host/config/ike-names.ts';
import { octetsKey } from '../host/datagram.ts';

export interface Up {
  /** An IKE SA is up at `now`. `isOnRadio`: its path does not change, and no other peer may have it. */
  add(sa: IkeSa, isOnRadio: boolean, now: number): void;
  /** It is no more; nothing happens where it never was. */
  remove(sa: IkeSa, isOnRadio: boolean): void;
  /** True while an IKE SA of this peer is up. */
  has(id: string): boolean;
  /** When the peer came up, milliseconds; -1: it is not. */
  since(id: string): number;
  /** The identity of another peer than `id` that is up at this address on a radio; undefined: none. */
  otherAt(address: Uint8Array, id: string): { type: number; data: Uint8Array } | undefined;
  /** IKE SAs that are up. */
  count(): number;
}

/** `IkeSa.tag` of an IKE SA that is counted. */
const COUNTED = 1;

export function createUp(): Up {
  const byId = new Map<string, { count: number; since: number }>();
  // Who is there, and with how many IKE SAs: one peer, as a rule.
  const byAddress = new Map<string, { id: string; type: number; data: Uint8Array; count: number }[]>();
  let count = 0;

  return {
    add(sa, isOnRadio, now) {
      if (sa.tag === COUNTED) return;
      sa.tag = COUNTED;
      count++;
      const id = identityKey(sa.peerIdType, sa.peerId);
      const own = byId.get(id);
      if (own === undefined) byId.set(id, { count: 1, since: now });
      else own.count++;
      if (!isOnRadio) return;
      const key = octetsKey(sa.path.remote);
      const there = byAddress.get(key) ?? [];
      const known = there.find((one) => one.id === id);
      if (known !== undefined) known.count++;
      else there.push({ id, type: sa.peerIdType, data: sa.peerId, count: 1 });
      byAddress.set(key, there);
    },
    remove(sa, isOnRadio) {
      if (sa.tag !== COUNTED) return;
      sa.tag = 0;
      count--;
      const id = identityKey(sa.peerIdType, sa.peerId);
      const own = byId.get(id);
      if (own !== undefined && --own.count === 0) byId.delete(id);
      if (!isOnRadio) return;
      const key = octetsKey(sa.path.remote);
      const there = byAddress.get(key) ?? [];
      const at = there.findIndex((one) => one.id === id);
      if (at >= 0 && --there[at].count === 0) there.splice(at, 1);
      if (there.length === 0) byAddress.delete(key);
    },
    has: (id) => byId.has(id),
    since: (id) => byId.get(id)?.since ?? -1,
    otherAt: (address, id) => byAddress.get(octetsKey(address))?.find((one) => one.id !== id),
    count: () => count,
  };
}
