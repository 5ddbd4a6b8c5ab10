// Packets of the bench: inner ones of a sensor, and what opens outer ones.

import type { EespEndpoint } from '../../../../core/eesp/endpoint.ts';
import { PROTO_EESP } from '../../../../core/eesp/format.ts';
import { inboundEesp } from '../../../../core/eesp/inbound.ts';
import { inbound } from '../../../../core/esp/inbound.ts';
import { IPV6_NEXT_HEADER } from '../../../../core/wire/ipv6.ts';
import { writeDatagram } from '../../host/datagram.ts';

const address = (last: number): Uint8Array => {
  const octets = new Uint8Array(16);
  octets[0] = 0xfd;
  octets[15] = last;
  return octets;
};
/** Outer addresses: of the sensor and of the gateway. Inner ones are the same. */
export const SENSOR = address(1);
export const GATEWAY = address(2);

/** An inner packet: IPv6 and UDP of the sensor, with a DSCP. */
export function innerPacket(dscp: number, port: number, size: number): Uint8Array {
  const packet = new Uint8Array(48 + size);
  writeDatagram(packet, {
    source: SENSOR,
    sourcePort: port,
    destination: GATEWAY,
    destinationPort: 5683,
    payload: new Uint8Array(size).fill(port & 255),
  });
  packet[0] = 0x60 | (dscp >>> 2);
  packet[1] = (dscp & 3) << 6;
  return packet;
}

/** DSCP of the outer header: what a network sees. */
export function outerDscp(wire: Uint8Array): number {
  return ((wire[0] & 15) << 2) | (wire[1] >>> 6);
}

/** Opens a packet of ESP or EESP in place. */
export function openWith(e: EespEndpoint, wire: Uint8Array, to: Uint8Array): number {
  return wire[IPV6_NEXT_HEADER] === PROTO_EESP
    ? inboundEesp(e, wire, 0, wire.length, to, 0, 0)
    : inbound(e.esp, wire, 0, wire.length, to, 0, 0);
}
