// The vector runner for an engine (see vector-case.ts): all headers and suites, the portable provider.

import { aesCbc } from '../../core/crypto/cbc.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { ALL_SUITES } from '../../core/esp/all-suites.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { runCases } from './vector-case.ts';

/** Runs the cases; `emit` prints a line. */
export function run(cases: readonly string[][], emit: (line: string) => void): void {
  // A vector is one packet: nothing was lost before it. The search would need random octets, which no engine has here.
  FULL_PARTS.search = null;
  runCases(cases, FULL_PARTS, createPortable([aesCcm, aesCbc, hmacSha256], null), ALL_SUITES, emit);
}
