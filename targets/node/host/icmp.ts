// Echo messages in IP packets: ICMPv6 [RFC 4443 §4.1, §4.2] and ICMP [RFC 792].

import { put16, u16 } from '../../../core/base/bytes.ts';
import { putChecksum, sumsToZero } from '../../../core/base/checksum.ts';
import {
  checkEcho,
  emitEcho,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_SIZE,
  PROTO_ICMPV6,
} from '../../../core/wire/icmpv6.ts';
import { checkIpv4, emitIpv4, IPV4_DST, IPV4_PROTOCOL, IPV4_SIZE, IPV4_SRC, ipv4 } from '../../../core/wire/ipv4.ts';
import { checkIpv6, emitIpv6, IPV6_DST, IPV6_NEXT_HEADER, IPV6_SIZE, IPV6_SRC } from '../../../core/wire/ipv6.ts';

const PROTO_ICMP = 1;
const ICMP_ECHO_REPLY = 0;
const ICMP_ECHO_REQUEST = 8;
const HOP_LIMIT = 64;

/** An echo message. Addresses are 4 or 16 octets; `data` and addresses of one read are views of the packet. */
export interface Echo {
  isRequest: boolean;
  source: Uint8Array;
  destination: Uint8Array;
  identifier: number;
  sequence: number;
  data: Uint8Array;
}

/** The echo message that packet[0..length) is, or null; its checksums are right. */
export function readEcho(packet: Uint8Array, length: number): Echo | null {
  const isSix = packet[0] >>> 4 === 6;
  if ((isSix ? checkIpv6(packet, 0, length) : checkIpv4(packet, 0, length)) !== 0) return null;
  const at = isSix ? IPV6_SIZE : ipv4.headerSize(packet, 0);
  if (packet[isSix ? IPV6_NEXT_HEADER : IPV4_PROTOCOL] !== (isSix ? PROTO_ICMPV6 : PROTO_ICMP)) return null;
  if (isSix) {
    if (checkEcho(packet, at, length, 0) !== 0) return null;
  } else {
    if (ipv4.fragment(packet, 0) !== 0 || length - at < ICMPV6_SIZE || packet[at + 1] !== 0) return null;
    if (packet[at] !== ICMP_ECHO_REQUEST && packet[at] !== ICMP_ECHO_REPLY) return null;
    if (!sumsToZero(packet, at, length - at, 0)) return null;
  }
  const size = isSix ? 16 : 4;
  const source = isSix ? IPV6_SRC : IPV4_SRC;
  return {
    isRequest: packet[at] === (isSix ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST),
    source: packet.subarray(source, source + size),
    destination: packet.subarray(source + size, source + 2 * size),
    identifier: u16(packet, at + 4),
    sequence: u16(packet, at + 6),
    data: packet.subarray(at + ICMPV6_SIZE, length),
  };
}

/** Writes the packet of an echo message to packet[0..) and returns its length, or -1 when it does not fit. */
export function writeEcho(packet: Uint8Array, echo: Echo): number {
  const isSix = echo.source.length === 16;
  const at = isSix ? IPV6_SIZE : IPV4_SIZE;
  const length = at + ICMPV6_SIZE + echo.data.length;
  if (length > packet.length) return -1;
  packet.set(echo.data, at + ICMPV6_SIZE);
  packet.set(echo.source, isSix ? IPV6_SRC : IPV4_SRC);
  packet.set(echo.destination, isSix ? IPV6_DST : IPV4_DST);
  if (isSix) {
    emitIpv6(packet, 0, 0, 0, length - at, PROTO_ICMPV6, HOP_LIMIT);
    const type = echo.isRequest ? ICMPV6_ECHO_REQUEST : ICMPV6_ECHO_REPLY;
    emitEcho(packet, at, length, 0, type, echo.identifier, echo.sequence);
    return length;
  }
  emitIpv4(packet, 0, 0, 0, length, PROTO_ICMP, HOP_LIMIT);
  packet[at] = echo.isRequest ? ICMP_ECHO_REQUEST : ICMP_ECHO_REPLY;
  packet[at + 1] = 0;
  put16(packet, at + 4, echo.identifier);
  put16(packet, at + 6, echo.sequence);
  putChecksum(packet, at + 2, at, length - at, 0, 0);
  return length;
}
