// The configuration of an SA as it passes between threads: functions by their names.

import { ALL_SUITES } from '../../../../core/esp/all-suites.ts';
import { dfClear, dfCopy } from '../../../../core/esp/df.ts';
import type { SaConfig } from '../../../../core/esp/sa.ts';

export interface PlainConfig extends Omit<SaConfig, 'suite' | 'df'> {
  suite: string;
  df: string;
}

/** With copies of the keys: the caller wipes them. */
export function plainOf({ suite, df, ...rest }: SaConfig): PlainConfig {
  const keys = { key: rest.key.slice(), salt: rest.salt.slice(), authKey: rest.authKey.slice() };
  return { ...rest, ...keys, suite: suite.name, df: df?.name ?? 'set' };
}

export function fromPlain({ suite, df, ...rest }: PlainConfig): SaConfig {
  return {
    ...rest,
    suite: ALL_SUITES.find(({ name }) => name === suite)!,
    df: [dfCopy, dfClear].find(({ name }) => name === df) ?? null,
  };
}

export function wipePlain({ key, salt, authKey }: Pick<SaConfig, 'key' | 'salt' | 'authKey'>): void {
  for (const secret of [key, salt, authKey]) secret.fill(0);
}
