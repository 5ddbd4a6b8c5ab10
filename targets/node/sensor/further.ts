// Several Child SAs of a sensor: which one takes a packet, and those that are missing.

import type { Uplink, UplinkConfig } from '../../../core/device/uplink.ts';
import type { Pairs } from '../../../core/esp/pairs.ts';
import { createChild } from '../../../core/ike/exchange/requests.ts';
import { type ChildKeeper, createChildKeeper } from '../host/child-keeper.ts';
import { createLanes, type Lanes } from '../host/lanes.ts';
import type { IkeHostConfig } from './host.ts';

export interface Further {
  lanes: Lanes;
  keeper: ChildKeeper;
}

/** Both for the SAs of a host. */
export function createFurther(config: IkeHostConfig, sas: Pairs, uplink: () => Uplink): Further {
  return {
    lanes: createLanes(sas),
    keeper: createChildKeeper({
      ask: (sa, policy, now) => createChild(uplink().ike, sa, policy, now),
      missing: (_sa, name, wait) => config.missing?.(name, wait),
      declined: (_sa, what) => config.declined?.(what),
    }),
  };
}

/** The configuration of an uplink that tells `further` of what happens before it tells the application. */
export function besideFurther(config: UplinkConfig, further: () => Further): UplinkConfig {
  const { events } = config;
  return {
    ...config,
    events: {
      ...events,
      installed(sa, child, outgoing, incoming, now) {
        further().lanes.installed(child);
        further().keeper.changed(sa);
        events.installed(sa, child, outgoing, incoming, now);
      },
      removed(sa, child, now) {
        further().lanes.removed();
        further().keeper.changed(sa);
        events.removed(sa, child, now);
      },
      established(sa, attempt, now) {
        further().keeper.look(sa, now);
        events.established(sa, attempt, now);
      },
      replaced(old, sa, now) {
        further().keeper.replaced(old, sa, now);
        events.replaced(old, sa, now);
      },
      ended(sa, outcome, retryAt, now) {
        further().keeper.ended(sa);
        events.ended(sa, outcome, retryAt, now);
      },
      childFailed(sa, outcome, problem, now) {
        further().keeper.failed(sa, outcome, now);
        events.childFailed(sa, outcome, problem, now);
      },
    },
  };
}
