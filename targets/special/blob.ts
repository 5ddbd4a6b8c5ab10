// The provisioning blob of a specialised device: its octets where the constants of its profile expect them.
//
//   "DESP" (4) | version 2 (1) | 0 (1) | octets of what follows, up to the CRC (2) | hash of the profile (8) | the device's
//   octets | CRC-32 of all before (4)
//
// Integers are big-endian. targets/build/specialise/blob-of.ts writes it. The general device's has version 1 (targets/board/blob.ts).

import { copy, fill, u16 } from '../../core/base/bytes.ts';
import { crc32 } from '../../core/base/crc32.ts';
import {
  BLOB_CRC,
  BLOB_HEAD,
  BLOB_LENGTH,
  BLOB_MAGIC,
  BLOB_NONE,
  BLOB_PROFILE,
  BLOB_TAIL,
  BLOB_VERSION,
} from '../board/blob-codes.ts';
import type { Board } from '../board/hooks.ts';
import { D } from './data.ts';
import { isHex } from './octets.ts';
import type { Profile } from './profile.ts';

declare const board: Board;
declare const P: Profile;

const PROFILE_HASH = 8;

/** Why buffer[0..length) is no blob for this profile, or 0. */
function blobProblem(buffer: Uint8Array, length: number): number {
  let any = 0;
  let all = 0xff;
  for (let i = 0; i < 4 && i < length; i++) {
    any = any | buffer[i];
    all = all & buffer[i];
  }
  // Erased flash, or memory that was never written.
  if (length <= 0 || any === 0 || all === 0xff) return BLOB_NONE;
  if (length >= 4 && !isHex(buffer, 0, '44455350')) return BLOB_MAGIC;
  if (length < BLOB_HEAD) return BLOB_LENGTH;
  if (u16(buffer, 4) !== 0x0200) return BLOB_VERSION;
  const end = BLOB_HEAD + u16(buffer, 6);
  if (end + BLOB_TAIL <= length) {
    const crc = new Uint16Array(2);
    crc32(buffer, 0, end, crc);
    if (crc[0] !== u16(buffer, end) || crc[1] !== u16(buffer, end + 2)) return BLOB_CRC;
  }
  // The blob of another profile may be longer than what was read.
  if (length >= BLOB_HEAD + PROFILE_HASH && !isHex(buffer, BLOB_HEAD, P.profileHash)) return BLOB_PROFILE;
  return end + BLOB_TAIL <= length && end === BLOB_HEAD + PROFILE_HASH + P.dataSize ? 0 : BLOB_LENGTH;
}

/** Takes the device's octets from the provisioning area, and the blob's CRC to mark[0..4). Returns 0, or BLOB_*. */
export function takeBlob(mark: Uint8Array): number {
  const blob = new Uint8Array(BLOB_HEAD + PROFILE_HASH + P.dataSize + BLOB_TAIL);
  const code = blobProblem(blob, Math.min(board.provision(blob), blob.length));
  if (code === 0) {
    copy(D, 0, blob, BLOB_HEAD + PROFILE_HASH, P.dataSize);
    copy(mark, 0, blob, BLOB_HEAD + PROFILE_HASH + P.dataSize, BLOB_TAIL);
  }
  // It held the key.
  fill(blob, 0, blob.length, 0);
  return code;
}
