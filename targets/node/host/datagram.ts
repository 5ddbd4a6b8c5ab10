// IP packets with UDP on the gateway's inner side: reads packets from an SA, builds answers. IPv4 [RFC 791], IPv6 [RFC 8200],
// UDP [RFC 768]. Not supported: IPv6 extension headers, IPv4 options in built packets, fragments.

import { u16 } from '../../../core/base/bytes.ts';
import { emitIpv4, IPV4_DST, IPV4_PROTOCOL, IPV4_SIZE, IPV4_SRC, ipv4 } from '../../../core/wire/ipv4.ts';
import { emitIpv6, IPV6_DST, IPV6_NEXT_HEADER, IPV6_SIZE, IPV6_SRC } from '../../../core/wire/ipv6.ts';
import { checkUdp, emitUdp, PROTO_UDP, UDP_DST_PORT, UDP_SIZE, UDP_SRC_PORT } from '../../../core/wire/udp.ts';
import { addressText } from './addresses.ts';

const HOP_LIMIT = 64;

/** A UDP datagram in an IP packet. Addresses are 4 or 16 octets, views of the packet. */
export interface Datagram {
  /** Source address. */
  source: Uint8Array;
  /** Source port. */
  sourcePort: number;
  /** Destination address. */
  destination: Uint8Array;
  /** Destination port. */
  destinationPort: number;
  /** UDP payload, a view of the packet. */
  payload: Uint8Array;
}

/** Octets in front of the payload. */
export function headerRoom(addressLength: number): number {
  return (addressLength === 16 ? IPV6_SIZE : IPV4_SIZE) + UDP_SIZE;
}

/**
 * The datagram in packet[0..length), an IP packet that the core restored. Null when it is not a whole UDP datagram with
 * a good checksum directly behind the IP header.
 */
export function readDatagram(packet: Uint8Array, length: number): Datagram | null {
  const six = packet[0] >>> 4 === 6;
  const at = six ? IPV6_SIZE : ipv4.headerSize(packet, 0);
  if (packet[six ? IPV6_NEXT_HEADER : IPV4_PROTOCOL] !== PROTO_UDP) return null;
  if (!six && ipv4.fragment(packet, 0) !== 0) return null;
  if (checkUdp(packet, at, length, 0) < 0) return null;
  const size = six ? 16 : 4;
  const source = six ? IPV6_SRC : IPV4_SRC;
  const destination = six ? IPV6_DST : IPV4_DST;
  return {
    source: packet.subarray(source, source + size),
    sourcePort: u16(packet, at + UDP_SRC_PORT),
    destination: packet.subarray(destination, destination + size),
    destinationPort: u16(packet, at + UDP_DST_PORT),
    payload: packet.subarray(at + UDP_SIZE, length),
  };
}

/** Writes the packet of a datagram to packet[0..) and returns its length, or -1 when it does not fit. */
export function writeDatagram(packet: Uint8Array, datagram: Datagram): number {
  const { source, destination, payload } = datagram;
  const header = headerRoom(source.length);
  const length = header + payload.length;
  if (length > packet.length) return -1;
  const six = source.length === 16;
  packet.set(source, six ? IPV6_SRC : IPV4_SRC);
  packet.set(destination, six ? IPV6_DST : IPV4_DST);
  packet.set(payload, header);
  if (six) emitIpv6(packet, 0, 0, 0, length - IPV6_SIZE, PROTO_UDP, HOP_LIMIT);
  else emitIpv4(packet, 0, 0, 0, length, PROTO_UDP, HOP_LIMIT);
  emitUdp(packet, header - UDP_SIZE, length, 0, datagram.sourcePort, datagram.destinationPort);
  return length;
}

/** `[2001:db8::1]:5683`, `192.0.2.1:5683`. */
export function endpointText(address: Uint8Array, port: number): string {
  const text = addressText(address);
  return address.length === 16 ? `[${text}]:${port}` : `${text}:${port}`;
}

/** Octets as a key of a Map. */
export function octetsKey(octets: Uint8Array, offset = 0, length = octets.length - offset): string {
  return Buffer.from(octets.buffer, octets.byteOffset + offset, length).toString('latin1');
}
