// All ciphers of IKE in order of preference, for targets that have them all.

import {
  type IkeCipher,
  ikeCbcHmac,
  ikeCbcHmacX256,
  ikeCcm8,
  ikeCcm16,
  ikeCcm16x256,
  ikeChaCha20,
  ikeGcm16,
  ikeGcm16x256,
} from './suites.ts';

/** Every cipher of IKE messages here, in the order of preference of policies that name none. */
export const ALL_IKE_CIPHERS: IkeCipher[] = [
  ikeGcm16,
  ikeCcm16,
  ikeChaCha20,
  ikeCcm8,
  ikeGcm16x256,
  ikeCcm16x256,
  ikeCbcHmac,
  ikeCbcHmacX256,
];
