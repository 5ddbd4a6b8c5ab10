// Writes the provisioning blob of a specialised device (targets/special/blob.ts has its form), and names profiles.

import { createHash } from 'node:crypto';
import { put16 } from '../../../core/base/bytes.ts';
import { crc32 } from '../../../core/base/crc32.ts';
import { BLOB_CRC, BLOB_HEAD, BLOB_LENGTH, BLOB_TAIL } from '../../board/blob-codes.ts';
import type { Constants } from './fold.ts';
import type { DataField, Specialised } from './layout.ts';

/** Octets of a profile's hash. */
export const HASH_SIZE = 8;
const VERSION = 2;

/** Constants that say how a text is made and leave the device's octets as they are. */
const NATIVES = ['nativeCcm', 'nativeGcm', 'nativeHmac', 'nativeX25519'];
const FREE = [...NATIVES, 'engine', 'keeps', 'profileHash', 'profileHigh', 'profileLow'];

/**
 * What names a profile: 16 hexadecimal digits that follow from its constants, and from text that the constants don't tell.
 * Engine and native parts are not in it.
 */
export function profileHash(constants: Constants, more = ''): string {
  const names = Object.keys(constants)
    .filter((name) => !FREE.includes(name))
    .sort();
  const text = names.map((name) => `${name}=${typeof constants[name]}:${constants[name]}\n`).join('');
  return createHash('sha256')
    .update(text + more)
    .digest('hex')
    .slice(0, 2 * HASH_SIZE);
}

/** Octets of the blob with these octets of a device; boards read BLOB_MAX. */
export function blobSize(data: Uint8Array): number {
  return BLOB_HEAD + HASH_SIZE + data.length + BLOB_TAIL;
}

/** In front of the octets that a program gives to a module: the profile that they are for. */
export const PROFILE_FIELD: DataField = { name: 'Profile', octets: new Uint8Array(HASH_SIZE) };

/** Facts that begin with PROFILE_FIELD, with their profile's hash there and among the constants. */
export function named({ constants, data }: Specialised, more = ''): Specialised {
  const hash = profileHash(constants, more);
  const octets = Uint8Array.from(data);
  octets.set(Buffer.from(hash, 'hex'));
  return {
    constants: {
      ...constants,
      profileHash: hash,
      profileHigh: Number.parseInt(hash.slice(0, 8), 16),
      profileLow: Number.parseInt(hash.slice(8), 16),
    },
    data: octets,
  };
}

/** The blob of one device. */
export function specialBlob({ constants, data }: Specialised): Uint8Array {
  const size = HASH_SIZE + data.length;
  const end = BLOB_HEAD + size;
  const blob = new Uint8Array(end + BLOB_TAIL);
  blob.set(Buffer.from('DESP'));
  blob[4] = VERSION;
  put16(blob, 6, size);
  blob.set(Buffer.from(String(constants.profileHash ?? profileHash(constants)), 'hex'), BLOB_HEAD);
  blob.set(data, BLOB_HEAD + HASH_SIZE);
  const crc = new Uint16Array(2);
  crc32(blob, 0, end, crc);
  put16(blob, end, crc[0]);
  put16(blob, end + 2, crc[1]);
  return blob;
}

/**
 * What a blob of a specialised device tells without its text: profile, and how many octets follow; or the code with which a board
 * refuses it. Null: it is no such blob.
 */
export function readSpecialBlob(blob: Uint8Array): { profile: string; octets: number } | number | null {
  const buffer = Buffer.from(blob);
  if (buffer.length < BLOB_HEAD || buffer.toString('latin1', 0, 4) !== 'DESP' || buffer[4] !== VERSION) return null;
  const end = BLOB_HEAD + buffer.readUInt16BE(6);
  if (end + BLOB_TAIL > buffer.length || end < BLOB_HEAD + HASH_SIZE) return BLOB_LENGTH;
  const crc = new Uint16Array(2);
  crc32(buffer, 0, end, crc);
  if (buffer.readUInt16BE(end) !== crc[0] || buffer.readUInt16BE(end + 2) !== crc[1]) return BLOB_CRC;
  const profile = buffer.toString('hex', BLOB_HEAD, BLOB_HEAD + HASH_SIZE);
  return { profile, octets: end - BLOB_HEAD - HASH_SIZE };
}
