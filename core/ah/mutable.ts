// Fields that routers change are not in the ICV: they count as zero, or as the receiver will see them [RFC 4302 §3.3.3.1, Appendix
// A]. Works on a copy of the packet.

import { copy, fill, put16, put32 } from '../base/bytes.ts';
import { DROP_OPTION, DROP_UNSUPPORTED } from '../base/drop.ts';
import { OPTION6_MUTABLE, OPTION6_PAD1, PROTO_ROUTING, ROUTING_0, ROUTING_MOBILE } from '../wire/extensions.ts';
import type { Network } from '../wire/header.ts';
import { IPV4_CHECKSUM, IPV4_DST, IPV4_FRAGMENT, IPV4_SIZE, IPV4_TTL } from '../wire/ipv4.ts';
import { IPV6_DST, IPV6_HOP_LIMIT, IPV6_NEXT_HEADER, IPV6_SIZE } from '../wire/ipv6.ts';

/** Options of IPv4 by their type octet [RFC 791 §3.1]: End of Options List, No Operation, and the two source routes. */
const OPTION4_END = 0;
const OPTION4_NOP = 1;
const OPTION4_LOOSE = 131;
const OPTION4_STRICT = 137;

/** Octets of the fixed part of a Routing header with addresses. */
const ROUTING_FIXED = 8;
const ADDRESS6 = 16;

/**
 * True for an option of IPv4 that is in the ICV: Security, Extended and Commercial Security, Router Alert, Sender Directed
 * Multi-Destination Delivery [RFC 4302 A1]. Unknown ones are not.
 */
function isFixed4(type: number): boolean {
  return type === 130 || type === 133 || type === 134 || type === 148 || type === 149;
}

/**
 * Options of the IPv4 header whose options are buffer[from..end). A source route that is not used up says which destination the
 * receiver will see: the last of its addresses.
 */
function zeroOptions4(buffer: Uint8Array, ip: number, from: number, end: number): number {
  let isRouted = false;
  let at = from;
  while (at < end && buffer[at] !== OPTION4_END) {
    const type = buffer[at];
    if (type === OPTION4_NOP) {
      at++;
      continue;
    }
    if (end - at < 2) return DROP_OPTION;
    const size = buffer[at + 1];
    if (size < 2 || size > end - at) return DROP_OPTION;
    if (type === OPTION4_LOOSE || type === OPTION4_STRICT) {
      if (isRouted || size < 3 || (size - 3) % 4 !== 0) return DROP_OPTION;
      isRouted = true;
      // The pointer counts from 1 [RFC 791 §3.1].
      if (size > 3 && buffer[at + 2] <= size) copy(buffer, ip + IPV4_DST, buffer, at + size - 4, 4);
    }
    if (!isFixed4(type)) fill(buffer, at, size, 0);
    at += size;
  }
  return 0;
}

function zeroIpv4(buffer: Uint8Array, ip: number, at: number): number {
  // DSCP and ECN.
  buffer[ip + 1] = 0;
  put16(buffer, ip + IPV4_FRAGMENT, 0);
  buffer[ip + IPV4_TTL] = 0;
  put16(buffer, ip + IPV4_CHECKSUM, 0);
  return zeroOptions4(buffer, ip, ip + IPV4_SIZE, at);
}

/** Options of Hop-by-Hop or Destination Options: of mutable ones the data are zero. */
function zeroOptions6(buffer: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const type = buffer[at];
    if (type === OPTION6_PAD1) {
      at++;
      continue;
    }
    if (end - at < 2) return DROP_OPTION;
    const size = buffer[at + 1];
    if (size > end - at - 2) return DROP_OPTION;
    if ((type & OPTION6_MUTABLE) !== 0) fill(buffer, at + 2, size, 0);
    at += 2 + size;
  }
  return 0;
}

/**
 * A Routing header of `size` octets as the receiver sees it: each address that is left has changed places with the destination
 * [RFC 4302 A2]. Of other types than those with whole addresses nobody has said what becomes of them, so they are taken as they are
 * when no segment is left, and else refused.
 */
function arriveRouting(buffer: Uint8Array, ip: number, at: number, size: number): number {
  const type = buffer[at + 2];
  const left = buffer[at + 3];
  if (left === 0) return 0;
  if (type !== ROUTING_0 && type !== ROUTING_MOBILE) return DROP_UNSUPPORTED;
  const count = (size - ROUTING_FIXED) / ADDRESS6;
  if (Math.floor(count) !== count || left > count || (type === ROUTING_MOBILE && count !== 1)) return DROP_OPTION;
  for (let i = count - left; i < count; i++) {
    const address = at + ROUTING_FIXED + ADDRESS6 * i;
    for (let j = 0; j < ADDRESS6; j++) {
      const octet = buffer[address + j];
      buffer[address + j] = buffer[ip + IPV6_DST + j];
      buffer[ip + IPV6_DST + j] = octet;
    }
  }
  buffer[at + 3] = 0;
  return 0;
}

function zeroIpv6(buffer: Uint8Array, ip: number, end: number): number {
  // Version 6; DSCP, ECN and Flow Label are zero.
  put32(buffer, ip, 0x6000 * 65536);
  buffer[ip + IPV6_HOP_LIMIT] = 0;
  let proto = buffer[ip + IPV6_NEXT_HEADER];
  for (let at = ip + IPV6_SIZE; at < end; ) {
    const size = 8 * (buffer[at + 1] + 1);
    const code =
      proto === PROTO_ROUTING ? arriveRouting(buffer, ip, at, size) : zeroOptions6(buffer, at + 2, at + size);
    if (code !== 0) return code;
    proto = buffer[at];
    at += size;
  }
  return 0;
}

/**
 * Makes what is in front of AH (at `at`, found by `findAh`) of the IP packet at `ip` what the ICV covers. 0, DROP_OPTION (an option
 * or a route is malformed), or DROP_UNSUPPORTED (a route of another type that is not used up).
 */
export function zeroMutable(network: Network, buffer: Uint8Array, ip: number, at: number): number {
  return network.version === 4 ? zeroIpv4(buffer, ip, at) : zeroIpv6(buffer, ip, at);
}
