// IKE and ESP in UDP [RFC 3948, RFC 7296 §2.23]: addresses, kinds of datagrams, and the outer IP header that the core expects
// before ESP.

import { copy } from '../../../core/base/bytes.ts';
import { PROTO_ESP } from '../../../core/wire/esp.ts';
import { emitIpv4, IPV4_DST, IPV4_SIZE, IPV4_SRC } from '../../../core/wire/ipv4.ts';
import { emitIpv6, IPV6_DST, IPV6_SIZE, IPV6_SRC } from '../../../core/wire/ipv6.ts';

const HOP_LIMIT = 64;
/** Octets up to which a loop copies faster. */
const SHORT = 128;

/** Where IKE, and ESP in UDP, is heard; port 0 lets the system choose. */
export interface UdpAddress {
  /** Own address; `::` and `0.0.0.0`: all. */
  address: string;
  /** Port of IKE, and of IKE and ESP with NAT. */
  port: number;
  /** Port of IKE and ESP with NAT, 4500 as a rule [RFC 3948]. */
  natPort: number;
}

/** In front of IKE on the port for NAT: where ESP has its SPI. */
export const MARKER_SIZE = 4;
const KEEPALIVE = 0xff;

export const UDP_IKE = 0;
export const UDP_IKE_MARKED = 1;
export const UDP_ESP = 2;
export const UDP_KEEPALIVE = 3;
export const UDP_SHORT = 4;

/** What the datagram octets[at..at+length) is; `nat`: it came to the port for NAT. On the port of IKE a marker is taken as well. */
export function classify(octets: Uint8Array, nat: boolean, at = 0, length = octets.length): number {
  if (length === 1 && octets[at] === KEEPALIVE) return UDP_KEEPALIVE;
  if (length <= MARKER_SIZE) return UDP_SHORT;
  if (octets[at] === 0 && octets[at + 1] === 0 && octets[at + 2] === 0 && octets[at + 3] === 0) return UDP_IKE_MARKED;
  return nat ? UDP_ESP : UDP_IKE;
}

/** An IKE message for the port for NAT: a copy behind the non-ESP marker. */
export function markedIke(octets: Uint8Array): Uint8Array {
  const datagram = new Uint8Array(MARKER_SIZE + octets.length);
  datagram.set(octets, MARKER_SIZE);
  return datagram;
}

/** Octets of the outer IP header between addresses of this length, 4 or 16. */
export function outerSize(addressLength: number): number {
  return addressLength === 16 ? IPV6_SIZE : IPV4_SIZE;
}

/**
 * Puts ESP that came in UDP, esp[offset..offset+length), behind an outer IP header, which is what the core takes:
 * packet[0..result). `source` and `destination` are both 4 or both 16 octets. `protocol`: that of ESP, or EESP's.
 */
export function outerPacket(
  packet: Uint8Array,
  esp: Uint8Array,
  source: Uint8Array,
  destination: Uint8Array,
  protocol = PROTO_ESP,
  offset = 0,
  length = esp.length - offset,
): number {
  const isSix = source.length === 16;
  const header = outerSize(source.length);
  // Calls of `set` cost more than short loops.
  if (length > SHORT) packet.set(esp.subarray(offset, offset + length), header);
  else copy(packet, header, esp, offset, length);
  copy(packet, isSix ? IPV6_SRC : IPV4_SRC, source, 0, source.length);
  copy(packet, isSix ? IPV6_DST : IPV4_DST, destination, 0, destination.length);
  if (isSix) emitIpv6(packet, 0, 0, 0, length, protocol, HOP_LIMIT);
  else emitIpv4(packet, 0, 0, 0, header + length, protocol, HOP_LIMIT);
  return header + length;
}
