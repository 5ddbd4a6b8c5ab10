// The vector runner with Espruino's own cryptography.

import { ALL_SUITES } from '../../core/esp/all-suites.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { runCases } from '../../targets/build/vector-case.ts';
import { createCryptoHooks } from '../../targets/espruino/crypto.ts';
import { createFullEspruinoProvider } from '../../targets/espruino/provider.ts';

/** Runs the cases; `emit` prints a line. */
export function run(cases: readonly string[][], emit: (line: string) => void): void {
  runCases(cases, FULL_PARTS, createFullEspruinoProvider(createCryptoHooks(null)), ALL_SUITES, emit);
}
