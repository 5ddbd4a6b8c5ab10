// The cryptography of a board for packet modules, on any engine: the portable code of specialised devices behind hooks
// (portable subset). So many modules share one copy of it.

import { aesExpand } from '../../core/crypto/aes.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import type { Board } from '../../targets/board/hooks.ts';
import { portableCcm } from '../../targets/special/ccm.ts';
import { portableGcm, portableGcmKey } from '../../targets/special/gcm.ts';

type Cipher = Board['ccm'];

const ccm: Cipher = (encrypt, key, nonce, _nonceLength, aad, aadLength, buffer, offset, length, icvLength) =>
  portableCcm(encrypt, aesExpand(key), nonce, aad, aadLength, buffer, offset, length, icvLength);

const gcm: Cipher = (encrypt, key, nonce, _nonceLength, aad, aadLength, buffer, offset, length, _icvLength) =>
  portableGcm(encrypt, portableGcmKey(key), nonce, aad, aadLength, buffer, offset, length);

const hmac: Board['hmac'] = (key, buffer, offset, length, out, outOffset) => {
  const expanded = hmacSha256.key(key);
  hmacSha256.mac!(expanded, buffer, offset, length, out, outOffset);
};

const random: Board['random'] = () => false;

/** The hooks that packet modules use. */
export const board: Board = { ccm: ccm, gcm: gcm, hmac: hmac, random: random } as unknown as Board;
