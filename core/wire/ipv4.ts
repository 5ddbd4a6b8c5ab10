// IPv4 header [RFC 791 §3.1], with options (IHL > 5) and fragments.

import { put16, u16 } from '../base/bytes.ts';
import { putChecksum, sumsToZero } from '../base/checksum.ts';
import { DROP_CHECKSUM, DROP_LENGTH, DROP_SHORT, DROP_VERSION } from '../base/drop.ts';
import {
  FID_IPV4_CHECKSUM,
  FID_IPV4_DSCP,
  FID_IPV4_DST,
  FID_IPV4_ECN,
  FID_IPV4_FLAGS,
  FID_IPV4_FRAGMENT_OFFSET,
  FID_IPV4_ID,
  FID_IPV4_IHL,
  FID_IPV4_PROTOCOL,
  FID_IPV4_SRC,
  FID_IPV4_TOTAL_LENGTH,
  FID_IPV4_TTL,
  FID_IPV4_VERSION,
} from './fid.ts';
import {
  type Network,
  ROLE_COMPUTE,
  ROLE_DSCP,
  ROLE_DST,
  ROLE_ECN,
  ROLE_FLOW,
  ROLE_HOPS,
  ROLE_PROTO,
  ROLE_SENT,
  ROLE_SRC,
  ROLE_VERSION,
  SLOT_DSCP,
  SLOT_ECN,
  SLOT_FLOW,
  SLOT_HOPS,
} from './header.ts';

/** IPv4 [RFC 791 §3.1]: octets of the header without options, offsets of its fields. */
export const IPV4_SIZE = 20;
export const IPV4_TOTAL_LENGTH = 2;
export const IPV4_ID = 4;
export const IPV4_FRAGMENT = 6;
/** "Don't fragment" in the word at IPV4_FRAGMENT. */
export const IPV4_DF = 0x4000;
export const IPV4_TTL = 8;
export const IPV4_PROTOCOL = 9;
export const IPV4_CHECKSUM = 10;
export const IPV4_SRC = 12;
export const IPV4_DST = 16;

/** Protocol number of an IPv4 packet inside another protocol. */
export const PROTO_IPV4 = 4;

/** Octets of the header with its options. */
export function ipv4HeaderSize(buffer: Uint8Array, offset: number): number {
  return (buffer[offset] & 15) * 4;
}

/**
 * Checks an IPv4 packet of exactly `length` octets. After 0 the header and its options can be read, Total Length
 * agrees with `length` and the header checksum is right.
 */
export function checkIpv4(buffer: Uint8Array, offset: number, length: number): number {
  if (length > 0 && buffer[offset] >>> 4 !== 4) return DROP_VERSION;
  if (length < IPV4_SIZE) return DROP_SHORT;
  const size = ipv4HeaderSize(buffer, offset);
  if (size < IPV4_SIZE || size > length) return DROP_LENGTH;
  if (u16(buffer, offset + IPV4_TOTAL_LENGTH) !== length) return DROP_LENGTH;
  return sumsToZero(buffer, offset, size, 0) ? 0 : DROP_CHECKSUM;
}

/** Recomputes the header checksum (options included). */
export function putIpv4Checksum(buffer: Uint8Array, offset: number): void {
  putChecksum(buffer, offset + IPV4_CHECKSUM, offset, ipv4HeaderSize(buffer, offset), 0, 0);
}

/** Identification of a packet that may be fragmented, even where its low 16 bits are 0. */
export const IPV4_NOT_ATOMIC = 0x100000;

/**
 * Writes a 20-octet header without options. The low 16 bits of `identification` are sent. 0 makes the packet atomic, so DF
 * is set [RFC 6864 §4.1]; any other value clears it. The addresses must be there, as the checksum covers them.
 */
export function emitIpv4(
  buffer: Uint8Array,
  offset: number,
  typeOfService: number,
  identification: number,
  totalLength: number,
  protocol: number,
  ttl: number,
): void {
  buffer[offset] = 0x45;
  buffer[offset + 1] = typeOfService;
  put16(buffer, offset + IPV4_TOTAL_LENGTH, totalLength);
  put16(buffer, offset + IPV4_ID, identification);
  put16(buffer, offset + IPV4_FRAGMENT, identification === 0 ? IPV4_DF : 0);
  buffer[offset + IPV4_TTL] = ttl;
  buffer[offset + IPV4_PROTOCOL] = protocol;
  putIpv4Checksum(buffer, offset);
}

/** IPv4 for SCHC and ESP. */
export const ipv4: Network = {
  version: 4,
  addressSize: 4,
  src: IPV4_SRC,
  dst: IPV4_DST,
  protocol: IPV4_PROTOCOL,
  proto: PROTO_IPV4,
  size: IPV4_SIZE,
  // biome-ignore format: one field a line
  fields: [
    FID_IPV4_VERSION, 4, ROLE_VERSION,
    FID_IPV4_IHL, 4, ROLE_SENT,
    FID_IPV4_DSCP, 6, ROLE_DSCP,
    FID_IPV4_ECN, 2, ROLE_ECN,
    FID_IPV4_TOTAL_LENGTH, 16, ROLE_COMPUTE,
    FID_IPV4_ID, 16, ROLE_FLOW,
    FID_IPV4_FLAGS, 3, ROLE_SENT,
    FID_IPV4_FRAGMENT_OFFSET, 13, ROLE_SENT,
    FID_IPV4_TTL, 8, ROLE_HOPS,
    FID_IPV4_PROTOCOL, 8, ROLE_PROTO,
    FID_IPV4_CHECKSUM, 16, ROLE_COMPUTE,
    FID_IPV4_SRC, 32, ROLE_SRC,
    FID_IPV4_DST, 32, ROLE_DST,
  ],
  verify: (buffer: Uint8Array, offset: number, end: number, _ip: number): number => {
    const code = checkIpv4(buffer, offset, end - offset);
    return code === 0 && u16(buffer, offset + IPV4_CHECKSUM) === 0xffff ? 1 : code;
  },
  putLengths: (buffer: Uint8Array, offset: number, end: number): void => {
    put16(buffer, offset + IPV4_TOTAL_LENGTH, end - offset);
  },
  putChecksums: (buffer: Uint8Array, offset: number, _end: number, _ip: number): void => {
    putIpv4Checksum(buffer, offset);
  },
  packetSize: (buffer: Uint8Array, offset: number): number => u16(buffer, offset + IPV4_TOTAL_LENGTH),
  headerSize: ipv4HeaderSize,
  fragment: (buffer: Uint8Array, offset: number): number => {
    const field = u16(buffer, offset + IPV4_FRAGMENT);
    if ((field & 0x1fff) !== 0) return 2;
    return (field & 0x2000) !== 0 ? 1 : 0;
  },
  read: (buffer: Uint8Array, offset: number, slots: Int32Array): void => {
    slots[SLOT_DSCP] = buffer[offset + 1] >>> 2;
    slots[SLOT_ECN] = buffer[offset + 1] & 3;
    slots[SLOT_FLOW] = u16(buffer, offset + IPV4_ID);
    slots[SLOT_HOPS] = buffer[offset + IPV4_TTL];
  },
  emit: (
    buffer: Uint8Array,
    offset: number,
    length: number,
    protocol: number,
    slots: Int32Array,
    flow: number,
  ): void => {
    const typeOfService = (slots[SLOT_DSCP] << 2) | slots[SLOT_ECN];
    // A label of IPv6 can be wider than Identification, so its high bits say nothing.
    const identification = flow < IPV4_NOT_ATOMIC ? flow & 0xffff : flow;
    emitIpv4(buffer, offset, typeOfService, identification, length, protocol, slots[SLOT_HOPS]);
  },
  putEcn: (buffer: Uint8Array, offset: number, ecn: number): void => {
    buffer[offset + 1] = (buffer[offset + 1] & 0xfc) | ecn;
  },
};
