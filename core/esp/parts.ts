// The parts of a build. A board lists only those that its SAs use; the bundler drops the rest.

import type { Provider } from '../crypto/provider.ts';
import type { ShapeCache } from '../dietesp/iipc.ts';
import type { Header, Network } from '../wire/header.ts';
import type { Sa, SaConfig, SaForm } from './sa.ts';
import type { SaTable } from './sa-table.ts';
import type { Search } from './search.ts';
import type { Counter } from './sn.ts';
import type { Window } from './window.ts';

/**
 * What a build carries; an SA that needs something else is refused when it is made.
 *
 * @noSelf
 */
export interface Parts {
  /** IP versions, inner and outer. */
  networks: Network[];
  /** Transport headers that are compressed. */
  transports: Header[];
  /** sn32, esn64 or both. */
  counters: Counter[];
  /** Replay window: `window32` (up to 32 packets) or `windowWide`. */
  window: Window;
  /** createSearch, for sequence numbers after a long outage; null: an SA that lost them stays lost until a rekey. */
  search: Search | null;
  /** createList or createHash. */
  table: () => SaTable;
  /** checkConfig; null on a board whose SAs were checked elsewhere. */
  check: ((parts: Parts, provider: Provider, config: SaConfig) => void) | null;
  /** Rules that SAs share; empty at first. */
  shapes: ShapeCache;
  /** What SAs of one kind share; empty at first. */
  forms: { [key: string]: SaForm };
  /** Gives an SA its `octets` and `base`: placeAlone, or createArena()'s for many SAs. createSubspaceParts adds theirs. */
  place: (sa: Sa, size: number) => void;
}
