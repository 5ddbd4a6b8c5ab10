// Peers that proved who they are, in the order of their identities, with their IKE SAs: lists are read a page at a time.

import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { identityText } from '../host/config/ike-names.ts';
import { createSorted, type Sorted } from '../host/sorted.ts';

/** A peer. */
export interface Listed {
  /** Its identity as text. */
  name: string;
  /** Its IKE SAs, the oldest first: one, as a rule. */
  sas: readonly IkeSa[];
}

export interface Roster extends Pick<Sorted<string, Listed>, 'size' | 'get' | 'after' | 'clear'> {
  /** An IKE SA is established; nothing happens where it is here already. */
  add(sa: IkeSa): void;
  /** It has ended; nothing happens where it is not here. */
  remove(sa: IkeSa): void;
}

export function createRoster(): Roster {
  const peers = createSorted<string, Listed>(({ name }) => name);
  // The name under which it was added.
  const names = new WeakMap<IkeSa, string>();
  return {
    size: peers.size,
    get: peers.get,
    after: peers.after,
    clear: peers.clear,
    add(sa) {
      if (names.has(sa)) return;
      const name = identityText(sa.peerIdType, sa.peerId);
      names.set(sa, name);
      const own = peers.get(name);
      if (own === undefined) peers.add({ name, sas: [sa] });
      else own.sas = [...own.sas, sa];
    },
    remove(sa) {
      const name = names.get(sa);
      const own = name === undefined ? undefined : peers.get(name);
      names.delete(sa);
      if (own === undefined) return;
      own.sas = own.sas.filter((one) => one !== sa);
      if (own.sas.length === 0) peers.remove(own.name);
    },
  };
}
