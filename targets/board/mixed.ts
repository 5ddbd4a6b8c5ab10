// Cryptography for a build that does not know what the board has natively: it uses a hook if there is one, else portable code.

import type { Asymmetric } from '../../core/crypto/asymmetric.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { createPortableKe } from '../../core/crypto/portable-asymmetric.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import { type Board, NATIVE_CCM, NATIVE_HMAC, NATIVE_X25519 } from './hooks.ts';
import {
  createNativeAsymmetric,
  createNativeCcm,
  createNativeHmac,
  createRandom,
  createWithEd25519,
} from './native.ts';

/** AES-CCM and HMAC-SHA2-256. */
export function createMixedProvider(board: Board): Provider {
  const ccm = (board.native & NATIVE_CCM) !== 0 ? createNativeCcm(board) : aesCcm;
  const hmac = (board.native & NATIVE_HMAC) !== 0 ? createNativeHmac(board) : hmacSha256;
  return createPortable([ccm, hmac], createRandom(board));
}

/** X25519, and Ed25519 if it is native. */
export function createMixedAsymmetric(board: Board): Asymmetric {
  if ((board.native & NATIVE_X25519) !== 0) return createNativeAsymmetric(board);
  return createWithEd25519(board, createPortableKe(createRandom(board)));
}
