// Espruino's provider: native cryptography of the board (crypto.ts), the rest portable.

import type { Asymmetric } from '../../core/crypto/asymmetric.ts';
import { aesCbc } from '../../core/crypto/cbc.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import { type Board, NATIVE_CCM, NATIVE_HMAC } from '../board/hooks.ts';
import { createMixedAsymmetric, createMixedProvider } from '../board/mixed.ts';
import { createNativeCcm, createNativeHmac, createRandom } from '../board/native.ts';
import { type CryptoHooks, createEspruinoCbc } from './crypto.ts';

/** AES-CCM and HMAC-SHA2-256, for a sensor. */
export function createEspruinoProvider(hooks: CryptoHooks): Provider {
  return createMixedProvider(hooks as Board);
}

/** With AES-CBC, for standard ESP. */
export function createFullEspruinoProvider(hooks: CryptoHooks): Provider {
  const board = hooks as Board;
  const ccm = (hooks.native & NATIVE_CCM) !== 0 ? createNativeCcm(board) : aesCcm;
  const hmac = (hooks.native & NATIVE_HMAC) !== 0 ? createNativeHmac(board) : hmacSha256;
  const cbc = createEspruinoCbc();
  return createPortable([ccm, cbc === null ? aesCbc : cbc, hmac], createRandom(board));
}

/** X25519. */
export function createEspruinoAsymmetric(hooks: CryptoHooks): Asymmetric {
  return createMixedAsymmetric(hooks as Board);
}
