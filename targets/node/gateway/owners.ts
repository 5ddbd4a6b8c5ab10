// Who owns an inner address: no peer gets, in whole or in part, what another has, or what the configuration gives to another.

import { narrowSelectors, type Selector } from '../../../core/ike/codec/selectors.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { type Selectors, selectorsOf } from '../../../core/ike/state/selector-note.ts';
import { addressText, isEvery } from '../host/addresses.ts';
import { identityKey, identityText } from '../host/config/ike-names.ts';
import { remotesOf } from '../host/config/ike-policy.ts';
import type { Association, Associations } from './associations.ts';
import type { Connections } from './connections.ts';
import type { Pool } from './pool.ts';

type Addresses = Pick<Selector, 'start' | 'end'>;

/** True where `outer` has every address of `inner`. */
export function isWithin(inner: Addresses, outer: Addresses): boolean {
  if (inner.start.length !== outer.start.length) return false;
  return Buffer.compare(outer.start, inner.start) <= 0 && Buffer.compare(inner.end, outer.end) <= 0;
}

function meets(a: Selectors, b: Selectors): boolean {
  return narrowSelectors(a.remote, b.remote).length > 0 && narrowSelectors(a.local, b.local).length > 0;
}

/** `fd00::1`, `fd00::1 to fd00::9`. */
function addressesText({ start, end }: Addresses): string {
  const first = addressText(start);
  return Buffer.compare(start, end) === 0 ? first : `${first} to ${addressText(end)}`;
}

/** A function that says why a peer may not have the inner addresses of a Child SA, or ''. */
export function createOwners(
  connections: Connections,
  pool: Pool,
  sas: Associations,
): (sa: IkeSa, child: ChildSa) => string {
  /** The same for one of the selectors of the peer. */
  function takenBy(sa: IkeSa, remote: Selector, local: Selector[]): string {
    const { start, end } = remote;
    const what = addressesText(remote);
    const connection = connections.find(sa.peerIdType, sa.peerId);
    const own = connection === undefined ? [] : remotesOf(connection);
    // What the file gives it, or the pool; all else it chose itself: its outer address, or out of every address.
    const written = own.find((one) => !one.isDynamic && !isEvery(one.start, one.end) && isWithin(remote, one));
    const isLeased = Buffer.compare(start, end) === 0 && Buffer.compare(start, sa.address) === 0;
    const isChosen = written === undefined && !isLeased;
    // Where the file gives an address to two, it is his for whom it says less else.
    const isOthers = (given: Selector): boolean => {
      if (written !== undefined) return isWithin(given, written) && !isWithin(written, given);
      return isChosen || isWithin(given, remote);
    };
    if (connections.someGiven(sa.policy.name, remote, isOthers) || (isChosen && pool.owns(start, end)))
      return `${what} is not for peers to choose`;
    const id = identityKey(sa.peerIdType, sa.peerId);
    let holder = '';
    const wanted: Selectors = { local, remote: [remote] };
    const has = ({ owner, name, inner }: Association): boolean => {
      if (inner !== null) {
        if (isEvery(inner.remote.start, inner.remote.end) || !isOthers(inner.remote)) return false;
        if (isChosen || meets({ local: [inner.local], remote: [inner.remote] }, wanted)) holder = name;
      } else if (owner === null) {
        return false;
      } else if (
        identityKey(owner.ike.peerIdType, owner.ike.peerId) !== id &&
        meets(selectorsOf(owner.child), wanted)
      ) {
        holder = identityText(owner.ike.peerIdType, owner.ike.peerId);
      }
      return holder !== '';
    };
    if (sas.some(start, end, has)) return `${what} is that of ${holder}`;
    return pool.hasOther(id, start, end) ? `${what}: another peer has an address of it` : '';
  }

  return (sa, child) => {
    const { local, remote } = selectorsOf(child);
    for (const one of remote) {
      const taken = takenBy(sa, one, local);
      if (taken !== '') return taken;
    }
    return '';
  };
}
