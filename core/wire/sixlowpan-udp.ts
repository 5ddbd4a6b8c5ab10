// The compressed UDP header of 6LoWPAN [RFC 6282 §4.3]. It has a file of its own, because a node that sends only ESP omits it.
//
//  11110 C(1) P(2) | ports: 4, 3, 3 or 1 octets | checksum (2) unless C
//
// UDP Length is always elided. The checksum is elided only if the caller says that another integrity check covers the packet
// [RFC 6282 §4.3.2], and only in datagrams that certainly fit one frame: the receiver needs the whole datagram to restore it.

import { copy, put16, u16 } from '../base/bytes.ts';
import { pseudoSum, putChecksum, sumsToZero } from '../base/checksum.ts';
import { DROP_CHECKSUM, DROP_DISPATCH, DROP_SHORT, DROP_TOO_LONG, DROP_UNSUPPORTED } from '../base/drop.ts';
import { IPV6_SIZE } from './ipv6.ts';
import type { NextHeaderCompression } from './sixlowpan-iphc.ts';
import { PROTO_UDP, UDP_CHECKSUM, UDP_DST_PORT, UDP_LENGTH, UDP_SIZE } from './udp.ts';

const UDP_NHC = 0xf0;
const CHECKSUM_ELIDED = 4;
/** Octets of the longest datagram whose checksum may be elided: fits one frame whatever the addresses. */
export const ELIDE_MAX = 100;
/** Octets of the ports per P value: both inline, destination in 8 bits, source in 8 bits, both in 4 bits. */
const PORT_SIZES = [4, 3, 3, 1];

function compress(
  packet: Uint8Array,
  offset: number,
  length: number,
  to: Uint8Array,
  toOffset: number,
  elide: boolean,
): number {
  const udp = offset + IPV6_SIZE;
  const octets = length - IPV6_SIZE;
  if (octets < UDP_SIZE || u16(packet, udp + UDP_LENGTH) !== octets) return 0;
  const src = u16(packet, udp);
  const dst = u16(packet, udp + UDP_DST_PORT);
  // [RFC 6282 §4.3.2] Only a correct checksum may be elided.
  const elided =
    elide && length <= ELIDE_MAX && sumsToZero(packet, udp, octets, pseudoSum(packet, offset, PROTO_UDP, octets));
  // A checksum of zero is not valid over IPv6; the compressed form cannot carry it.
  if (u16(packet, udp + UDP_CHECKSUM) === 0) return 0;
  let ports = 0;
  let at = toOffset + 1;
  if (src >>> 4 === 0xf0b && dst >>> 4 === 0xf0b) {
    ports = 3;
    to[at++] = ((src & 15) << 4) | (dst & 15);
  } else if (dst >>> 8 === 0xf0) {
    ports = 1;
    put16(to, at, src);
    to[at + 2] = dst & 0xff;
    at += 3;
  } else if (src >>> 8 === 0xf0) {
    ports = 2;
    to[at] = src & 0xff;
    put16(to, at + 1, dst);
    at += 3;
  } else {
    copy(to, at, packet, udp, 4);
    at += 4;
  }
  to[toOffset] = UDP_NHC | (elided ? CHECKSUM_ELIDED : 0) | ports;
  if (!elided) {
    copy(to, at, packet, udp + UDP_CHECKSUM, 2);
    at += 2;
  }
  return at - toOffset;
}

function decompress(
  from: Uint8Array,
  offset: number,
  length: number,
  to: Uint8Array,
  toOffset: number,
  size: number,
  elide: boolean,
): number {
  if (length < 1) return DROP_SHORT;
  const first = from[offset];
  if (first >>> 3 !== UDP_NHC >>> 3) return DROP_DISPATCH;
  const elided = (first & CHECKSUM_ELIDED) !== 0;
  if (elided && (!elide || size > 0)) return DROP_UNSUPPORTED;
  const ports = first & 3;
  const header = 1 + PORT_SIZES[ports] + (elided ? 0 : 2);
  const payload = length - header;
  const total = IPV6_SIZE + UDP_SIZE + payload;
  if (payload < 0) return DROP_SHORT;
  if (toOffset + total > to.length) return DROP_TOO_LONG;
  const udp = toOffset + IPV6_SIZE;
  const octets = (size > 0 ? size : total) - IPV6_SIZE;
  const at = offset + 1;
  const octet = from[at];
  let src = 0xf0b0 | (octet >>> 4);
  let dst = 0xf0b0 | (octet & 15);
  if (ports < 2) {
    src = u16(from, at);
    dst = ports === 0 ? u16(from, at + 2) : 0xf000 | from[at + 2];
  } else if (ports === 2) {
    src = 0xf000 | octet;
    dst = u16(from, at + 1);
  }
  put16(to, udp, src);
  put16(to, udp + UDP_DST_PORT, dst);
  put16(to, udp + UDP_LENGTH, octets);
  copy(to, udp + UDP_SIZE, from, offset + header, payload);
  if (elided) {
    putChecksum(to, udp + UDP_CHECKSUM, udp, octets, pseudoSum(to, toOffset, PROTO_UDP, octets), 0xffff);
  } else {
    copy(to, udp + UDP_CHECKSUM, from, offset + header - 2, 2);
    if (u16(to, udp + UDP_CHECKSUM) === 0) return DROP_CHECKSUM;
  }
  return total;
}

/**
 * The compression of UDP for `compressIphc` and `decompressIphc`. `elide`: checksums may be elided, both ways; a
 * received header with an elided checksum is refused (DROP_UNSUPPORTED) without it, and in fragments.
 */
export function createUdpCompression(elide: boolean): NextHeaderCompression {
  return {
    proto: PROTO_UDP,
    size: UDP_SIZE,
    compress: (packet, offset, length, to, toOffset) => compress(packet, offset, length, to, toOffset, elide),
    decompress: (from, offset, length, to, toOffset, size) =>
      decompress(from, offset, length, to, toOffset, size, elide),
  };
}
