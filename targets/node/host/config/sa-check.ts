// What the core refuses of SAs of a file, each error at its line.

import type { Provider } from '../../../../core/crypto/provider.ts';
import { SA_CHECKS } from '../../../../core/esp/check.ts';
import { FULL_PARTS } from '../../../../core/esp/full-parts.ts';
import { createSa, destroySa } from '../../../../core/esp/sa.ts';
import { FieldError, FieldErrors } from '../errors.ts';
import type { LoadedSa } from './sa.ts';

/** All that the core refuses of an SA. */
export function refusalsOf(provider: Provider, { config, locate }: Pick<LoadedSa, 'config' | 'locate'>): FieldError[] {
  const errors: FieldError[] = [];
  const attempt = (check: () => void): void => {
    try {
      check();
    } catch (error) {
      const located = locate(error);
      if (!(located instanceof FieldError)) throw located;
      errors.push(located);
    }
  };
  for (const check of SA_CHECKS) attempt(() => check(config, FULL_PARTS, provider));
  if (errors.length === 0) attempt(() => destroySa(provider, createSa(FULL_PARTS, provider, config)));
  return errors;
}

/** Tells all that is wrong with some SAs, in the order of their file. */
export function refuseAll(errors: FieldError[]): void {
  if (errors.length > 0) throw new FieldErrors([...errors].sort((a, b) => a.line - b.line));
}
