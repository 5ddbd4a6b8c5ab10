// Which peers are up, counted by identity and found by their address on a radio: no event looks through all IKE SAs.

import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { identityKey } from '../host/config/ike-names.ts';
import { octetsKey } from '../host/datagram.ts';

export interface Up {
  /** An IKE SA is up. `isOnRadio`: its path does not change, and no other peer may have it. */
  add(sa: IkeSa, isOnRadio: boolean): void;
  /** It is no more; nothing happens where it never was. */
  remove(sa: IkeSa, isOnRadio: boolean): void;
  /** True while an IKE SA of this peer is up. */
  has(id: string): boolean;
  /** The identity of another peer than `id` that is up at this address on a radio; undefined: none. */
  otherAt(address: Uint8Array, id: string): { type: number; data: Uint8Array } | undefined;
  /** IKE SAs that are up. */
  count(): number;
}

/** `IkeSa.tag` of an IKE SA that is counted. */
const COUNTED = 1;

export function createUp(): Up {
  const byId = new Map<string, number>();
  // Who is there, and with how many IKE SAs: one peer, as a rule.
  const byAddress = new Map<string, { id: string; type: number; data: Uint8Array; count: number }[]>();
  let count = 0;

  return {
    add(sa, isOnRadio) {
      if (sa.tag === COUNTED) return;
      sa.tag = COUNTED;
      count++;
      const id = identityKey(sa.peerIdType, sa.peerId);
      byId.set(id, (byId.get(id) ?? 0) + 1);
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
      const left = (byId.get(id) ?? 0) - 1;
      if (left > 0) byId.set(id, left);
      else byId.delete(id);
      if (!isOnRadio) return;
      const key = octetsKey(sa.path.remote);
      const there = byAddress.get(key) ?? [];
      const at = there.findIndex((one) => one.id === id);
      if (at >= 0 && --there[at].count === 0) there.splice(at, 1);
      if (there.length === 0) byAddress.delete(key);
    },
    has: (id) => byId.has(id),
    otherAt: (address, id) => byAddress.get(octetsKey(address))?.find((one) => one.id !== id),
    count: () => count,
  };
}
