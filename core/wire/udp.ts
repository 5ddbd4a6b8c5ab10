// UDP [RFC 768]: Source Port, Destination Port, Length, Checksum, 16 bits each.

import { put16, u16 } from '../base/bytes.ts';
import { pseudoSum, putChecksum, sumsToZero } from '../base/checksum.ts';
import { DROP_CHECKSUM, DROP_LENGTH, DROP_SHORT } from '../base/drop.ts';
import { FID_UDP_CHECKSUM, FID_UDP_DST_PORT, FID_UDP_LENGTH, FID_UDP_SRC_PORT } from './fid.ts';
import { type Header, ROLE_COMPUTE, ROLE_DST_PORT, ROLE_SRC_PORT } from './header.ts';

/** UDP [RFC 768]: octets of the header, offsets of its fields. */
export const UDP_SIZE = 8;
export const UDP_SRC_PORT = 0;
export const UDP_DST_PORT = 2;
export const UDP_LENGTH = 4;
export const UDP_CHECKSUM = 6;
/** Protocol number of UDP. */
export const PROTO_UDP = 17;

/**
 * Checks a UDP datagram that ends at `end`; `ip` is the offset of its IP header. After 0 the header can be read, the
 * length agrees, and the checksum is right or zero (none).
 */
export function checkUdp(buffer: Uint8Array, offset: number, end: number, ip: number): number {
  const length = end - offset;
  if (length < UDP_SIZE) return DROP_SHORT;
  if (u16(buffer, offset + UDP_LENGTH) !== length) return DROP_LENGTH;
  if (u16(buffer, offset + UDP_CHECKSUM) === 0) return 0;
  return sumsToZero(buffer, offset, length, pseudoSum(buffer, ip, PROTO_UDP, length)) ? 0 : DROP_CHECKSUM;
}

/** Writes the header for a datagram that ends at `end`; the payload and the IP addresses are there already. */
export function emitUdp(
  buffer: Uint8Array,
  offset: number,
  end: number,
  ip: number,
  sourcePort: number,
  destinationPort: number,
): void {
  put16(buffer, offset + UDP_SRC_PORT, sourcePort);
  put16(buffer, offset + UDP_DST_PORT, destinationPort);
  udp.putLengths(buffer, offset, end);
  udp.putChecksums(buffer, offset, end, ip);
}

/** UDP for SCHC and ESP. Length and checksum are computed anew, so that a zero checksum comes back computed. */
export const udp: Header = {
  proto: PROTO_UDP,
  size: UDP_SIZE,
  // biome-ignore format: one field a line
  fields: [
    FID_UDP_SRC_PORT, 16, ROLE_SRC_PORT,
    FID_UDP_DST_PORT, 16, ROLE_DST_PORT,
    FID_UDP_LENGTH, 16, ROLE_COMPUTE,
    FID_UDP_CHECKSUM, 16, ROLE_COMPUTE,
  ],
  verify: checkUdp,
  putLengths: (buffer: Uint8Array, offset: number, end: number): void => {
    put16(buffer, offset + UDP_LENGTH, end - offset);
  },
  /** A computed 0 is sent as all ones, because 0 means "no checksum" [RFC 768, RFC 8200 §8.1] (UDP-ZERO). */
  putChecksums: (buffer: Uint8Array, offset: number, end: number, ip: number): void => {
    const length = end - offset;
    putChecksum(buffer, offset + UDP_CHECKSUM, offset, length, pseudoSum(buffer, ip, PROTO_UDP, length), 0xffff);
  },
};
