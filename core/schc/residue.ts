// Parts of a SCHC packet for both directions: octet strings at any bit position, sizes of variable-length residues
// [RFC 8724 §7.4.2], interface identifiers from link-layer addresses.

import { getBits, putBits } from '../base/bits.ts';
import { copy } from '../base/bytes.ts';
import { DROP_RESIDUE } from '../base/drop.ts';

/** True when `count` bits at two positions are the same. */
export function sameBits(a: Uint8Array, aBit: number, b: Uint8Array, bBit: number, count: number): boolean {
  for (let done = 0; done < count; done += 24) {
    const take = Math.min(24, count - done);
    if (getBits(a, aBit + done, take) !== getBits(b, bBit + done, take)) return false;
  }
  return true;
}

/** Appends `count` octets of `from` at bit position `bit` of `to`. The later bits of the last octet become zero. */
export function appendOctets(to: Uint8Array, bit: number, from: Uint8Array, offset: number, count: number): void {
  const shift = bit & 7;
  const at = bit >>> 3;
  if (shift === 0) {
    copy(to, at, from, offset, count);
    return;
  }
  let carry = to[at] & (0xff00 >>> shift) & 0xff;
  for (let i = 0; i < count; i++) {
    const octet = from[offset + i];
    to[at + i] = carry | (octet >>> shift);
    carry = (octet << (8 - shift)) & 0xff;
  }
  to[at + count] = carry;
}

/** Reads `count` octets from bit position `bit` of `from`. */
export function extractOctets(to: Uint8Array, offset: number, from: Uint8Array, bit: number, count: number): void {
  const shift = bit & 7;
  const at = bit >>> 3;
  if (shift === 0) {
    copy(to, offset, from, at, count);
    return;
  }
  for (let i = 0; i < count; i++) {
    to[offset + i] = ((from[at + i] << shift) | (from[at + i + 1] >>> (8 - shift))) & 0xff;
  }
}

/** Bits of the size of a variable-length field: 4, 12 or 28. */
export function sizeBits(size: number): number {
  return size < 15 ? 4 : size < 255 ? 12 : 28;
}

/** Writes a size, 0..65535; returns the new bit position. */
export function putSize(to: Uint8Array, bit: number, size: number): number {
  const bits = sizeBits(size);
  if (bits === 28) {
    putBits(to, bit, 12, 0xfff);
    putBits(to, bit + 12, 16, size);
  } else {
    if (bits === 12) putBits(to, bit, 4, 15);
    putBits(to, bit + bits - (bits === 12 ? 8 : 4), bits === 12 ? 8 : 4, size);
  }
  return bit + bits;
}

/** Reads a size, in its shortest form, before bit `end`. DROP_RESIDUE: there is none. */
export function getSize(from: Uint8Array, bit: number, end: number): number {
  if (bit + 4 > end) return DROP_RESIDUE;
  let size = getBits(from, bit, 4);
  if (size < 15) return size;
  if (bit + 12 > end) return DROP_RESIDUE;
  size = getBits(from, bit + 4, 8);
  if (size < 255) return size < 15 ? DROP_RESIDUE : size;
  if (bit + 28 > end) return DROP_RESIDUE;
  size = getBits(from, bit + 12, 16);
  return size < 255 ? DROP_RESIDUE : size;
}

/**
 * The interface identifier of a link-layer address of 8 octets (EUI-64 with its universal/local bit turned [RFC 4291
 * appendix A]) or 2 octets (0000:00ff:fe00:XXXX [RFC 6282 §3.2.2]). False for any other length.
 */
export function putIid(to: Uint8Array, at: number, address: Uint8Array): boolean {
  if (address.length === 8) {
    copy(to, at, address, 0, 8);
    to[at] = to[at] ^ 2;
    return true;
  }
  if (address.length !== 2) return false;
  for (let i = 0; i < 8; i++) to[at + i] = i === 3 ? 0xff : i === 4 ? 0xfe : 0;
  copy(to, at + 6, address, 0, 2);
  return true;
}
