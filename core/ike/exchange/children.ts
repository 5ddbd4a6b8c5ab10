// Child SAs of an IKE SA: found, retired, removed [RFC 7296 §1.4.1].

import type { ChildSa } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import type { IkeSa } from '../state/sa.ts';
import { due } from './registry.ts';

/** Takes a Child SA out of its IKE SA and ends it at the host. */
export function removeChild(ike: Ike, sa: IkeSa, child: ChildSa, now: number): void {
  for (let i = 0; i < sa.children.length; i++) {
    if (sa.children[i] !== child) continue;
    sa.children[i] = sa.children[sa.children.length - 1];
    sa.children.pop();
    // No chain of all that there ever was.
    for (let j = 0; j < sa.children.length; j++) if (sa.children[j].replaces === child) sa.children[j].replaces = null;
    ike.upper.remove(sa, child, now);
    return;
  }
}

/** Outgoing packets use it no more; late ones still come in for a while. */
export function retireChild(ike: Ike, sa: IkeSa, child: ChildSa, now: number): void {
  if (child.retired < 2) ike.upper.retire(sa, child, now);
  child.retired = 2;
  child.rekeyAt = -1;
  child.removeAt = now + ike.linger;
  due(ike, child.removeAt);
}

/** The Child SA whose inbound SPI at the peer (`theirs`) or here is `spi`, or null. */
export function findChild(sa: IkeSa, spi: number, theirs: boolean): ChildSa | null {
  for (let i = 0; i < sa.children.length; i++) {
    if ((theirs ? sa.children[i].spiOut : sa.children[i].spiIn) === spi && sa.children[i].removeAt < 0) {
      return sa.children[i];
    }
  }
  return null;
}
