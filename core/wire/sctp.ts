// SCTP common header [RFC 9260 §3.1]: ports, Verification Tag, CRC-32C over the whole packet, least significant octet
// first (RFC 9260 appendix A; SCTP-CRC).

import { DROP_CHECKSUM, DROP_SHORT } from '../base/drop.ts';
import { FID_SCTP_CHECKSUM, FID_SCTP_DST_PORT, FID_SCTP_SRC_PORT, FID_SCTP_TAG } from './fid.ts';
import { type Header, ROLE_COMPUTE, ROLE_DST_PORT, ROLE_SENT, ROLE_SRC_PORT } from './header.ts';

/** SCTP [RFC 9260 §3.1]: octets of the common header, offset of the checksum (CRC32c). */
export const SCTP_SIZE = 12;
export const SCTP_CHECKSUM = 8;
/** Protocol number of SCTP. */
export const PROTO_SCTP = 132;

/** CRC-32C of one nibble (polynomial 0x1EDC6F41, reflected), made at first use, so that others pay nothing. */
const crcTable: number[] = [];

function fillTable(): void {
  for (let i = 0; i < 16; i++) {
    let crc = i;
    for (let bit = 0; bit < 4; bit++) crc = (crc & 1) !== 0 ? ((crc >>> 1) ^ 0x82f63b78) >>> 0 : crc >>> 1; // wide
    crcTable.push(crc);
  }
}

/** CRC-32C over a range, the four octets at `hole` taken as zero. */
export function crc32c(buffer: Uint8Array, offset: number, end: number, hole: number): number {
  if (crcTable.length === 0) fillTable();
  let crc = 0xffffffff; // wide
  for (let i = offset; i < end; i++) {
    crc = (crc ^ (i >= hole && i < hole + 4 ? 0 : buffer[i])) >>> 0;
    crc = ((crc >>> 4) ^ crcTable[crc & 15]) >>> 0;
    crc = ((crc >>> 4) ^ crcTable[crc & 15]) >>> 0;
  }
  return ((crc ^ 0xffffffff) & 0xffffffff) >>> 0; // wide
}

/** Checks an SCTP packet that ends at `end`. After 0 the common header can be read, and the checksum is right. */
export function checkSctp(buffer: Uint8Array, offset: number, end: number): number {
  if (end - offset < SCTP_SIZE) return DROP_SHORT;
  const field = offset + SCTP_CHECKSUM;
  const crc = crc32c(buffer, offset, end, field);
  const same =
    buffer[field] === (crc & 0xff) &&
    buffer[field + 1] === ((crc >>> 8) & 0xff) &&
    buffer[field + 2] === ((crc >>> 16) & 0xff) &&
    buffer[field + 3] === crc >>> 24;
  return same ? 0 : DROP_CHECKSUM;
}

/** Writes the checksum of an SCTP packet that ends at `end`. */
export function putSctpChecksum(buffer: Uint8Array, offset: number, end: number): void {
  const field = offset + SCTP_CHECKSUM;
  const crc = crc32c(buffer, offset, end, field);
  buffer[field] = crc & 0xff;
  buffer[field + 1] = (crc >>> 8) & 0xff;
  buffer[field + 2] = (crc >>> 16) & 0xff;
  buffer[field + 3] = crc >>> 24;
}

/** SCTP's common header for SCHC and ESP; the checksum is computed anew, chunks are payload. */
export const sctp: Header = {
  proto: PROTO_SCTP,
  size: SCTP_SIZE,
  // biome-ignore format: one field a line
  fields: [
    FID_SCTP_SRC_PORT, 16, ROLE_SRC_PORT,
    FID_SCTP_DST_PORT, 16, ROLE_DST_PORT,
    FID_SCTP_TAG, 32, ROLE_SENT,
    FID_SCTP_CHECKSUM, 32, ROLE_COMPUTE,
  ],
  verify: checkSctp,
  putLengths: (_buffer: Uint8Array, _offset: number, _end: number): void => {},
  putChecksums: putSctpChecksum,
};
