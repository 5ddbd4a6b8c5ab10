// What a build carries. A board lists only what its SAs use; the bundler drops the rest.

import type { ShapeCache } from '../dietesp/iipc.ts';
import type { Header, Network } from '../wire/header.ts';
import type { Counter } from './sn.ts';
import type { Window } from './window.ts';

export interface Parts {
  /** IP versions, inner and outer. */
  networks: Network[];
  /** Transport headers that are compressed. */
  transports: Header[];
  /** sn32, esn64 or both. */
  counters: Counter[];
  window: Window;
  /** Rules that SAs share; starts empty. */
  shapes: ShapeCache;
}
