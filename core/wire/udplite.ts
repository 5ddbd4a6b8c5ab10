// UDP-Lite [RFC 3828]: like UDP, with Checksum Coverage in place of Length. Coverage 0 and coverage = length both mean
// "everything" and are accepted (0 is restored as the length); partial coverage cannot be restored (UDPLITE-COV).

import { put16, u16 } from '../base/bytes.ts';
import { pseudoSum, putChecksum, sumsToZero } from '../base/checksum.ts';
import { DROP_CHECKSUM, DROP_NO_RULE, DROP_SHORT } from '../base/drop.ts';
import { FID_UDPLITE_CHECKSUM, FID_UDPLITE_COVERAGE, FID_UDPLITE_DST_PORT, FID_UDPLITE_SRC_PORT } from './fid.ts';
import { type Header, ROLE_COMPUTE, ROLE_DST_PORT, ROLE_SRC_PORT } from './header.ts';

/** UDP-Lite [RFC 3828 §3.1]: octets of the header, offsets of its fields. */
export const UDPLITE_SIZE = 8;
export const UDPLITE_COVERAGE = 4;
export const UDPLITE_CHECKSUM = 6;
/** Protocol number of UDP-Lite. */
export const PROTO_UDPLITE = 136;

/**
 * Checks a UDP-Lite datagram that ends at `end`; `ip` is the offset of its IP header. After 0 the header can be read, and a right
 * checksum covers everything. DROP_NO_RULE: it covers a part.
 */
export function checkUdplite(buffer: Uint8Array, offset: number, end: number, ip: number): number {
  const length = end - offset;
  if (length < UDPLITE_SIZE) return DROP_SHORT;
  const coverage = u16(buffer, offset + UDPLITE_COVERAGE);
  if (u16(buffer, offset + UDPLITE_CHECKSUM) === 0) return DROP_CHECKSUM;
  if (coverage !== 0 && coverage !== length) return DROP_NO_RULE;
  return sumsToZero(buffer, offset, length, pseudoSum(buffer, ip, PROTO_UDPLITE, length)) ? 0 : DROP_CHECKSUM;
}

/** UDP-Lite for SCHC and ESP: only packets whose checksum covers all, because the coverage is not sent. */
export const udplite: Header = {
  proto: PROTO_UDPLITE,
  size: UDPLITE_SIZE,
  // biome-ignore format: one field a line
  fields: [
    FID_UDPLITE_SRC_PORT, 16, ROLE_SRC_PORT,
    FID_UDPLITE_DST_PORT, 16, ROLE_DST_PORT,
    FID_UDPLITE_COVERAGE, 16, ROLE_COMPUTE,
    FID_UDPLITE_CHECKSUM, 16, ROLE_COMPUTE,
  ],
  verify: checkUdplite,
  putLengths: (buffer: Uint8Array, offset: number, end: number): void => {
    put16(buffer, offset + UDPLITE_COVERAGE, end - offset);
  },
  putChecksums: (buffer: Uint8Array, offset: number, end: number, ip: number): void => {
    const length = end - offset;
    const sum = pseudoSum(buffer, ip, PROTO_UDPLITE, length);
    putChecksum(buffer, offset + UDPLITE_CHECKSUM, offset, length, sum, 0xffff);
  },
};
