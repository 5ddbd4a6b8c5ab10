// Who owns an inner address: no peer gets what another has, or what the configuration gives to another.

import { narrowSelectors } from '../../../core/ike/codec/selectors.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { addressText } from '../host/addresses.ts';
import { identityText } from '../host/config/ike-names.ts';
import type { Associations } from './associations.ts';
import type { Connections } from './connections.ts';
import type { Pool } from './pool.ts';

/** A function that says why a peer may not have the inner address of a Child SA, or ''. */
export function createOwners(
  connections: Connections,
  pool: Pool,
  sas: Associations,
): (sa: IkeSa, child: ChildSa) => string {
  return function takenBy(sa: IkeSa, child: ChildSa): string {
    const { start, end } = child.remote;
    if (Buffer.compare(start, end) !== 0) return '';
    // Its outer address, which it chose itself, where the file says `dynamic`.
    const isOwn = sa.address.length === 0 && Buffer.compare(start, sa.path.remote) === 0;
    // The file gives it, or a range with it, to another peer.
    if (isOwn && (connections.givesTo(sa.policy.name, child.remote) || pool.owns(start)))
      return `${addressText(start)} is not for peers to choose`;
    for (const { owner, name } of sas.holders(start)) {
      if (owner === null) {
        if (isOwn) return `${addressText(start)} is that of ${name}`;
        continue;
      }
      const isSame = owner.ike.peerIdType === sa.peerIdType && Buffer.compare(owner.ike.peerId, sa.peerId) === 0;
      const { local, remote } = owner.child;
      const meets =
        narrowSelectors([remote], [child.remote]).length > 0 && narrowSelectors([local], [child.local]).length > 0;
      if (!isSame && meets)
        return `${addressText(start)} is that of ${identityText(owner.ike.peerIdType, owner.ike.peerId)}`;
    }
    return '';
  };
}
