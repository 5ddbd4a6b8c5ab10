// The core's portable algorithms with the system's random source: the code of a board without native cryptography.

import { aesCbc } from '../../core/crypto/cbc.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import { webRandom } from './random.ts';

/** AES-CCM and AES-CBC with 16-octet keys, HMAC-SHA2-256. Not constant-time: AES looks its tables up. */
export function createPortableProvider(): Provider {
  return createPortable([aesCcm, aesCbc, hmacSha256], webRandom);
}
