// ESP and IKE in UDP [RFC 3948]: taken out of UDP, so that what reads captures sees IP protocol 50 only.

import { EESP_FIRST, PROTO_EESP } from '../../../../core/eesp/format.ts';
import { PROTO_ESP } from '../../../../core/wire/esp.ts';
import { ipv4 } from '../../../../core/wire/ipv4.ts';
import { ipv6 } from '../../../../core/wire/ipv6.ts';
import { PROTO_UDP, UDP_SIZE } from '../../../../core/wire/udp.ts';
import { ipOf } from './layers.ts';

/** The port of ESP in UDP [RFC 3948 §2.1]. */
export const NAT_T_PORT = 4500;

/** The packet of an IP header (of `header` octets, of any protocol) and an ESP packet behind it; its header is made to fit. */
export function espPacket(
  header: Uint8Array,
  headerSize: number,
  esp: Uint8Array,
  from: number,
  protocol: number,
): Uint8Array {
  const isSix = header[0] >>> 4 === 6;
  const network = isSix ? ipv6 : ipv4;
  const end = headerSize + esp.length - from;
  const packet = new Uint8Array(end);
  for (let i = 0; i < headerSize; i++) packet[i] = header[i];
  for (let i = headerSize; i < end; i++) packet[i] = esp[from + i - headerSize];
  packet[network.protocol] = protocol;
  if (!isSix) {
    // Reassembled: without the flags and offset of a fragment.
    packet[6] &= 0xc0;
    packet[7] = 0;
  }
  network.putLengths(packet, 0, end);
  network.putChecksums(packet, 0, end, 0);
  return packet;
}

/**
 * The packet of protocol ESP as one of EESP; null where its first octet can't be that. In UDP the two are not told apart where the SPI of an
 * ESP packet begins with a 1 bit.
 */
export function asEesp(packet: Uint8Array): Uint8Array | null {
  const { size } = ipOf(packet);
  if (packet.length <= size || packet[size] !== EESP_FIRST) return null;
  return espPacket(packet, size, packet, size, PROTO_EESP);
}

/**
 * The ESP packet in an IP packet: the packet itself where its protocol is ESP; taken out of UDP where one port is that of NAT
 * traversal and it is neither IKE nor a keepalive; null: there is none.
 */
export function espOf(packet: Uint8Array): Uint8Array | null {
  const { size, proto } = ipOf(packet);
  if (proto === PROTO_ESP) return packet;
  if (proto !== PROTO_UDP || packet.length < size + UDP_SIZE + 4) return null;
  const isPort = (at: number): boolean => ((packet[at] << 8) | packet[at + 1]) === NAT_T_PORT;
  const at = size + UDP_SIZE;
  const isMarker = packet[at] === 0 && packet[at + 1] === 0 && packet[at + 2] === 0 && packet[at + 3] === 0;
  if ((!isPort(size) && !isPort(size + 2)) || isMarker) return null;
  return espPacket(packet, size, packet, at, PROTO_ESP);
}
