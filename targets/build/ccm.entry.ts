// The runner of AES-CCM vectors for an engine (see ccm-case.ts), with the portable provider.

import { aesCcm } from '../../core/crypto/ccm.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { runCcmCases } from './ccm-case.ts';

/** Runs the cases; `emit` prints a line. */
export function run(cases: readonly string[][], emit: (line: string) => void): void {
  runCcmCases(cases, createPortable([aesCcm], null), emit);
}
