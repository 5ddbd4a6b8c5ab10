// SAs keyed by hand without a store: after a crash their sequence numbers begin again under the same key.

import type { LoadedGateway } from './file.ts';

/** Why a gateway may not start with the SAs of its file, or ''. `hasStore`: sequence numbers survive a crash. */
export function volatileProblem(
  { config, unsafeVolatile }: Pick<LoadedGateway, 'config' | 'unsafeVolatile'>,
  hasStore: boolean,
): string {
  if (hasStore || unsafeVolatile || config.sas.length === 0) return '';
  return (
    'sas: after a crash sequence numbers would begin again under the same keys; give a state directory (`state`, --state), or ' +
    'write `unsafeVolatile: true`'
  );
}
