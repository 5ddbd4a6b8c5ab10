// Which SA of a file a Refusal is about.

import { refusedSa } from '../../../build/specialise/sa-facts.ts';
import type { LoadedSa } from '../../host/config/sa.ts';

/** The SA of `sas` that an error is about; the first where it does not say. */
export function locatorOf(sas: readonly LoadedSa[], error: unknown): LoadedSa {
  return sas.find(({ config }) => config === refusedSa(error)) ?? sas[0];
}
