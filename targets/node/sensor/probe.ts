// What a sensor sends to learn whether its ESP arrives: something that the other end of the tunnel answers. A CoAP server answers
// an empty confirmable message with RST [RFC 7252 §4.3]; where there is none and the tunnel leads to one address, that is pinged.

import { writeDatagram } from '../host/datagram.ts';
import { writeEcho } from '../host/icmp.ts';
import type { LoadedSensor } from './file.ts';

const PING_DATA = new Uint8Array(8).fill(0x70);

/** Writes probes; `fallback`: the own inner address where the gateway gives none. */
export function probeOf(
  { server, connection }: Pick<LoadedSensor, 'server' | 'connection'>,
  fallback: Uint8Array,
): (packet: Uint8Array, own: Uint8Array) => number {
  let sequence = 0;
  return (packet, own) => {
    const given = own.length > 0 ? own : fallback;
    sequence = (sequence + 1) & 0xffff;
    if (server !== null) {
      if (server.address.length !== given.length) return 0;
      const payload = Uint8Array.of(0x40, 0, sequence >>> 8, sequence & 255);
      const { address: destination, port: destinationPort, sourcePort } = server;
      return Math.max(0, writeDatagram(packet, { source: given, sourcePort, destination, destinationPort, payload }));
    }
    const single = connection.remote.find(
      ({ isDynamic, start, end }) => !isDynamic && Buffer.compare(start, end) === 0,
    );
    if (single === undefined || single.start.length !== given.length) return 0;
    const echo = {
      isRequest: true,
      source: given,
      destination: single.start,
      identifier: 0,
      sequence,
      data: PING_DATA,
    };
    return Math.max(0, writeEcho(packet, echo));
  };
}
