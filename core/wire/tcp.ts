// TCP [RFC 9293 §3.1]: the header is the 20 fixed octets; options count as payload (TCP-REST).

import { u16 } from '../base/bytes.ts';
import { pseudoSum, putChecksum, sumsToZero } from '../base/checksum.ts';
import { DROP_CHECKSUM, DROP_SHORT } from '../base/drop.ts';
import {
  FID_TCP_ACKNOWLEDGMENT,
  FID_TCP_CHECKSUM,
  FID_TCP_DATA_OFFSET,
  FID_TCP_DST_PORT,
  FID_TCP_FLAGS,
  FID_TCP_RESERVED,
  FID_TCP_SEQUENCE,
  FID_TCP_SRC_PORT,
  FID_TCP_URGENT,
  FID_TCP_WINDOW,
} from './fid.ts';
import { type Header, ROLE_COMPUTE, ROLE_DST_PORT, ROLE_SENT, ROLE_SRC_PORT } from './header.ts';

/** TCP [RFC 9293 §3.1]: octets of the header without options, offset of the checksum. */
export const TCP_SIZE = 20;
export const TCP_CHECKSUM = 16;
/** Protocol number of TCP. */
export const PROTO_TCP = 6;

/** Checks a TCP segment that ends at `end`; `ip` is the offset of its IP header. As `Header.verify`: 1 for the checksum FFFF. */
export function checkTcp(buffer: Uint8Array, offset: number, end: number, ip: number): number {
  const length = end - offset;
  if (length < TCP_SIZE) return DROP_SHORT;
  if (!sumsToZero(buffer, offset, length, pseudoSum(buffer, ip, PROTO_TCP, length))) return DROP_CHECKSUM;
  return u16(buffer, offset + TCP_CHECKSUM) === 0xffff ? 1 : 0;
}

/** TCP for SCHC and ESP; the checksum is computed anew, options are payload. */
export const tcp: Header = {
  proto: PROTO_TCP,
  size: TCP_SIZE,
  // biome-ignore format: one field a line
  fields: [
    FID_TCP_SRC_PORT, 16, ROLE_SRC_PORT,
    FID_TCP_DST_PORT, 16, ROLE_DST_PORT,
    FID_TCP_SEQUENCE, 32, ROLE_SENT,
    FID_TCP_ACKNOWLEDGMENT, 32, ROLE_SENT,
    FID_TCP_DATA_OFFSET, 4, ROLE_SENT,
    FID_TCP_RESERVED, 4, ROLE_SENT,
    FID_TCP_FLAGS, 8, ROLE_SENT,
    FID_TCP_WINDOW, 16, ROLE_SENT,
    FID_TCP_CHECKSUM, 16, ROLE_COMPUTE,
    FID_TCP_URGENT, 16, ROLE_SENT,
  ],
  verify: checkTcp,
  putLengths: (_buffer: Uint8Array, _offset: number, _end: number): void => {},
  putChecksums: (buffer: Uint8Array, offset: number, end: number, ip: number): void => {
    const length = end - offset;
    putChecksum(buffer, offset + TCP_CHECKSUM, offset, length, pseudoSum(buffer, ip, PROTO_TCP, length), 0);
  },
};
