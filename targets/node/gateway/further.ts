// Several Child SAs with a peer, where the gateway is the side that asks for them (`openChildren`).

import { createChild } from '../../../core/ike/exchange/requests.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { type ChildKeeper, createChildKeeper, declinedText, missingText } from '../host/child-keeper.ts';
import { type IkeHostConfig, idOf, nameOf } from './ike-upper.ts';

export function createFurther(config: IkeHostConfig, ikeOf: (path: Path) => Ike): ChildKeeper {
  return createChildKeeper({
    ask: (sa, policy, now) => createChild(ikeOf(sa.path), sa, policy, now),
    missing(sa, name, wait) {
      const line = (): string => `${nameOf(sa)}: ${missingText(name, wait)}`;
      config.bounded.peer('warn', 'ike', 'child-missing', line, {}, idOf(sa));
      config.emit('childMissing', nameOf(sa), name, wait);
    },
    declined(sa, what) {
      const line = (): string => `${nameOf(sa)}: ${declinedText(what)}`;
      config.bounded.peer('info', 'ike', 'child-declined', line, {}, idOf(sa));
    },
  });
}
