// IPv6 header [RFC 8200 §3].
//
//  0        4              12                                    32
//  | Version | Traffic Class |            Flow Label              |
//  |       Payload Length    | Next Header |      Hop Limit       |
//  |                    Source Address (16)                       |
//  |                  Destination Address (16)                    |

import { put16, put32, u16, u32 } from '../base/bytes.ts';
import { DROP_LENGTH, DROP_SHORT, DROP_VERSION } from '../base/drop.ts';
import {
  FID_IPV6_DSCP,
  FID_IPV6_DST,
  FID_IPV6_ECN,
  FID_IPV6_FLOW_LABEL,
  FID_IPV6_HOP_LIMIT,
  FID_IPV6_NEXT_HEADER,
  FID_IPV6_PAYLOAD_LENGTH,
  FID_IPV6_SRC,
  FID_IPV6_VERSION,
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
  ROLE_SRC,
  ROLE_VERSION,
  SLOT_DSCP,
  SLOT_ECN,
  SLOT_FLOW,
  SLOT_HOPS,
} from './header.ts';

/** IPv6 [RFC 8200 §3]: octets of the header, offsets of its fields. */
export const IPV6_SIZE = 40;
export const IPV6_PAYLOAD_LENGTH = 4;
export const IPV6_NEXT_HEADER = 6;
export const IPV6_HOP_LIMIT = 7;
export const IPV6_SRC = 8;
export const IPV6_DST = 24;

/** Protocol number of an IPv6 packet inside another protocol. */
export const PROTO_IPV6 = 41;

/**
 * Checks an IPv6 packet of exactly `length` octets. After 0 the fixed header can be read and Payload Length agrees
 * with `length`; a jumbogram (Payload Length 0 with a payload) is refused [RFC 2675].
 */
export function checkIpv6(buffer: Uint8Array, offset: number, length: number): number {
  if (length > 0 && buffer[offset] >>> 4 !== 6) return DROP_VERSION;
  if (length < IPV6_SIZE) return DROP_SHORT;
  return u16(buffer, offset + IPV6_PAYLOAD_LENGTH) === length - IPV6_SIZE ? 0 : DROP_LENGTH;
}

/** Writes version, Traffic Class, Flow Label, Payload Length, Next Header and Hop Limit; addresses are the caller's. */
export function emitIpv6(
  buffer: Uint8Array,
  offset: number,
  trafficClass: number,
  flowLabel: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
): void {
  put32(buffer, offset, flowLabel);
  buffer[offset] = 0x60 | (trafficClass >>> 4);
  buffer[offset + 1] |= (trafficClass & 15) << 4;
  put16(buffer, offset + IPV6_PAYLOAD_LENGTH, payloadLength);
  buffer[offset + IPV6_NEXT_HEADER] = nextHeader;
  buffer[offset + IPV6_HOP_LIMIT] = hopLimit;
}

/** IPv6 for SCHC and ESP; extension headers are payload. */
export const ipv6: Network = {
  version: 6,
  addressSize: 16,
  src: IPV6_SRC,
  dst: IPV6_DST,
  protocol: IPV6_NEXT_HEADER,
  proto: PROTO_IPV6,
  size: IPV6_SIZE,
  // biome-ignore format: one field a line
  fields: [
    FID_IPV6_VERSION, 4, ROLE_VERSION,
    FID_IPV6_DSCP, 6, ROLE_DSCP,
    FID_IPV6_ECN, 2, ROLE_ECN,
    FID_IPV6_FLOW_LABEL, 20, ROLE_FLOW,
    FID_IPV6_PAYLOAD_LENGTH, 16, ROLE_COMPUTE,
    FID_IPV6_NEXT_HEADER, 8, ROLE_PROTO,
    FID_IPV6_HOP_LIMIT, 8, ROLE_HOPS,
    FID_IPV6_SRC, 128, ROLE_SRC,
    FID_IPV6_DST, 128, ROLE_DST,
  ],
  verify: (buffer: Uint8Array, offset: number, end: number, _ip: number): number => {
    return checkIpv6(buffer, offset, end - offset);
  },
  putLengths: (buffer: Uint8Array, offset: number, end: number): void => {
    put16(buffer, offset + IPV6_PAYLOAD_LENGTH, end - offset - IPV6_SIZE);
  },
  putChecksums: (_buffer: Uint8Array, _offset: number, _end: number, _ip: number): void => {},
  packetSize: (buffer: Uint8Array, offset: number): number => IPV6_SIZE + u16(buffer, offset + IPV6_PAYLOAD_LENGTH),
  headerSize: (_buffer: Uint8Array, _offset: number): number => IPV6_SIZE,
  fragment: (_buffer: Uint8Array, _offset: number): number => 0,
  read: (buffer: Uint8Array, offset: number, slots: Int32Array): void => {
    const word = u32(buffer, offset);
    slots[SLOT_DSCP] = (word >>> 22) & 0x3f;
    slots[SLOT_ECN] = (word >>> 20) & 3;
    slots[SLOT_FLOW] = word & 0xfffff;
    slots[SLOT_HOPS] = buffer[offset + IPV6_HOP_LIMIT];
  },
  emit: (
    buffer: Uint8Array,
    offset: number,
    length: number,
    protocol: number,
    slots: Int32Array,
    flow: number,
  ): void => {
    const trafficClass = (slots[SLOT_DSCP] << 2) | slots[SLOT_ECN];
    emitIpv6(buffer, offset, trafficClass, flow, length - IPV6_SIZE, protocol, slots[SLOT_HOPS]);
  },
  putEcn: (buffer: Uint8Array, offset: number, ecn: number): void => {
    buffer[offset + 1] = (buffer[offset + 1] & 0xcf) | (ecn << 4);
  },
};
