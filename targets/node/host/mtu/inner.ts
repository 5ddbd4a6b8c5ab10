// Inner packets and the MTU of a tunnel: IPv4 packets in pieces [RFC 791 §3.2, RFC 4301 §8.2.1], and the MSS of TCP
// [RFC 9293 §3.7.1, RFC 6691], with its checksum mended [RFC 1624].

import { put16, u16 } from '../../../../core/base/bytes.ts';
import { putChecksum } from '../../../../core/base/checksum.ts';
import { IPV4_SIZE, ipv4 } from '../../../../core/wire/ipv4.ts';
import { IPV6_NEXT_HEADER, IPV6_SIZE } from '../../../../core/wire/ipv6.ts';

const PROTO_TCP = 6;
const TCP_SIZE = 20;
const SYN = 2;
const OPTION_MSS = 2;
const DF = 0x4000;
const MF = 0x2000;
const OFFSET = 0x1fff;

/** True for an IPv4 packet that may come in pieces. */
export function maySplit(packet: Uint8Array, length: number): boolean {
  return length >= IPV4_SIZE && packet[0] >>> 4 === 4 && (u16(packet, 6) & DF) === 0;
}

/** The header of later pieces: options without the copied flag stay behind. */
function laterHeader(packet: Uint8Array, header: number): Uint8Array {
  const out = new Uint8Array(header);
  out.set(packet.subarray(0, IPV4_SIZE));
  let at = IPV4_SIZE;
  for (let i = IPV4_SIZE; i < header; ) {
    const kind = packet[i];
    if (kind === 0) break;
    const size = kind === 1 ? 1 : packet[i + 1];
    if (size < 1 || i + size > header) break;
    if (kind !== 1 && (kind & 0x80) !== 0) {
      out.set(packet.subarray(i, i + size), at);
      at += size;
    }
    i += size;
  }
  const size = (at + 3) & ~3;
  out[0] = 0x40 | (size / 4);
  return out.subarray(0, size);
}

/**
 * Gives the pieces of the IPv4 packet packet[0..length), each of `most` octets or fewer, to `each`; false where no octet of
 * payload fits, or the packet is not whole. A packet that is a fragment already gives fragments of the same datagram.
 */
export function splitIpv4(
  packet: Uint8Array,
  length: number,
  most: number,
  each: (piece: Uint8Array) => void,
): boolean {
  const header = ipv4.headerSize(packet, 0);
  if (header < IPV4_SIZE || header > length) return false;
  const step = (most - header) & ~7;
  if (step < 8) return false;
  const word = u16(packet, 6);
  const later = laterHeader(packet, header);
  const end = length;
  for (let from = header; from < end; from += step) {
    const to = Math.min(end, from + step);
    const head = from === header ? packet.subarray(0, header) : later;
    const piece = new Uint8Array(head.length + to - from);
    piece.set(head);
    piece.set(packet.subarray(from, to), head.length);
    put16(piece, 2, piece.length);
    const isLast = to === end && (word & MF) === 0;
    put16(piece, 6, (isLast ? 0 : MF) | ((word & OFFSET) + (from - header) / 8));
    put16(piece, 10, 0);
    putChecksum(piece, 10, 0, head.length, 0, 0);
    each(piece);
  }
  return true;
}

/**
 * Lowers the MSS of a TCP SYN in packet[0..length) to what fits packets of `most` octets, with the checksum; true where it did.
 * Only directly behind the IP header, and not in a fragment.
 */
export function clampMss(packet: Uint8Array, length: number, most: number): boolean {
  const isSix = packet[0] >>> 4 === 6;
  if (length < (isSix ? IPV6_SIZE : IPV4_SIZE)) return false;
  if (packet[isSix ? IPV6_NEXT_HEADER : 9] !== PROTO_TCP) return false;
  if (!isSix && (u16(packet, 6) & (MF | OFFSET)) !== 0) return false;
  const tcp = isSix ? IPV6_SIZE : ipv4.headerSize(packet, 0);
  if (tcp + TCP_SIZE > length || (packet[tcp + 13] & SYN) === 0) return false;
  const end = Math.min(length, tcp + (packet[tcp + 12] >>> 4) * 4);
  const mss = most - (isSix ? IPV6_SIZE : IPV4_SIZE) - TCP_SIZE;
  for (let i = tcp + TCP_SIZE; i < end; ) {
    const kind = packet[i];
    if (kind === 0) return false;
    const size = kind === 1 ? 1 : packet[i + 1];
    if (size < 1 || i + size > end) return false;
    if (kind === OPTION_MSS && size === 4) {
      const old = u16(packet, i + 2);
      if (mss < 1 || old <= mss) return false;
      // The option may begin at an odd octet: then its halves count the other way round.
      const swap = (value: number): number => ((i - tcp) % 2 === 0 ? value : ((value & 0xff) << 8) | (value >>> 8));
      put16(packet, i + 2, mss);
      let sum = (~u16(packet, tcp + 16) & 0xffff) + (~swap(old) & 0xffff) + swap(mss);
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      put16(packet, tcp + 16, ~sum & 0xffff);
      return true;
    }
    i += size;
  }
  return false;
}
