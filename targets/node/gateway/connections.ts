// The configured connections, found by identity and by the addresses that they give to peers: a file may name very many.

import { narrowSelectors, type Selector } from '../../../core/ike/codec/selectors.ts';
import type { Connection } from '../host/config/ike-policy.ts';
import { octetsKey } from '../host/datagram.ts';
import { idKey } from './up.ts';

export interface Connections {
  /** The first connection that takes this identity. */
  find(type: number, data: Uint8Array): Connection | undefined;
  /** True when another connection than `name` gives its peer what `selector` has, in whole or in part. */
  givesTo(name: string, selector: Selector): boolean;
}

interface Given {
  name: string;
  selector: Selector;
}

function isEvery({ start, end }: Selector): boolean {
  return start.every((octet) => octet === 0) && end.every((octet) => octet === 255);
}

export function createConnections(list: readonly Connection[]): Connections {
  const byId = new Map<string, number>();
  let anyone = list.length;
  // By address where that is one; and ranges.
  const single = new Map<string, Given[]>();
  const ranges: Given[] = [];
  list.forEach(({ name, policy, remote }, index) => {
    const id = policy.remoteId;
    if (id === null) anyone = Math.min(anyone, index);
    else if (!byId.has(idKey(id.type, id.data))) byId.set(idKey(id.type, id.data), index);
    for (const selector of remote) {
      if (selector.isDynamic || isEvery(selector)) continue;
      if (Buffer.compare(selector.start, selector.end) !== 0) {
        ranges.push({ name, selector });
        continue;
      }
      const key = octetsKey(selector.start);
      const there = single.get(key) ?? [];
      there.push({ name, selector });
      single.set(key, there);
    }
  });

  return {
    find: (type, data) => list[Math.min(byId.get(idKey(type, data)) ?? anyone, anyone)],
    givesTo(name, selector) {
      const meets = (one: Given): boolean =>
        one.name !== name && narrowSelectors([one.selector], [selector]).length > 0;
      return (single.get(octetsKey(selector.start)) ?? []).some(meets) || ranges.some(meets);
    },
  };
}
