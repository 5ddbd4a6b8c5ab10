// Counters by name.

import { DROP_COUNT } from '../../../core/base/drop.ts';
import { dropName } from '../../../core/base/drop-name.ts';

/** Counts by reason; reasons that never occurred are absent. */
export type Reasons = Record<string, number>;

/** The counters of drops at index -code, by name. */
export function reasonsOf(counters: Float64Array): Reasons {
  const reasons: Reasons = {};
  for (let i = 1; i < DROP_COUNT; i++) if (counters[i] > 0) reasons[dropName(i)] = counters[i];
  return reasons;
}
