// Synchronisation of counters after a failover [RFC 6311] at a host: sequence numbers go forward when the peer asks for it.

import type { Sa } from '../../../core/esp/sa.ts';
import { type CounterSyncParts, createCounterSync } from '../../../core/ike/ext/counter-sync.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import { halvesOf, lastOf, numberOf } from './state/reserve.ts';

/** Moves the number of the last packet of an SA forward, up to the last one that there is. */
function advance(sa: Sa, delta: number): void {
  const { hi, lo } = halvesOf(Math.min(numberOf(sa.snHi, sa.snLo) + delta, lastOf(sa.form.counter.esn)));
  sa.snHi = hi;
  sa.snLo = lo;
}

/** `outgoing`: the SA of packets to the peer. */
export function createHostSync(outgoing: (child: ChildSa) => Sa | undefined): CounterSyncParts {
  return createCounterSync((owner, delta) => {
    for (const child of owner.children) {
      const sa = outgoing(child);
      // Counters of subspaces are each their own: a gateway does not keep them.
      if (sa !== undefined && sa.subspaces === undefined) advance(sa, delta);
    }
  });
}

/** Gives synchronisation to the endpoint of a device. */
export function attachCounterSync(ike: Ike, outgoing: readonly Sa[]): void {
  const parts = createHostSync((child) => outgoing.find(({ spi }) => spi === child.spiOut));
  ike.extensions.push(parts.extension);
  ike.sync = parts.sync;
}
