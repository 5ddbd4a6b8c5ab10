// Answers pings to the inner addresses of flows. These addresses have no host, only ports, but a ping is the first thing that
// people try with a new sensor, and it shows that the SAs work.

import { octetsKey } from '../host/datagram.ts';
import { readEcho, writeEcho } from '../host/icmp.ts';

const REPLY_MAX = 1280;

export interface EchoResponder {
  /** The length of the reply, in `packet`, to an echo request that is for one of the addresses; 0: it is none. */
  reply(inner: Uint8Array, length: number): number;
  /** Takes other addresses. */
  follow(addresses: Uint8Array[]): void;
  /** The reply, until the next call. */
  packet: Uint8Array;
}

/** Answers echo requests [RFC 4443 §4.2, RFC 792] for `addresses`. */
export function createEchoResponder(addresses: Uint8Array[]): EchoResponder {
  let own = new Set(addresses.map((address) => octetsKey(address)));
  const responder: EchoResponder = {
    packet: new Uint8Array(REPLY_MAX),
    follow(others) {
      own = new Set(others.map((address) => octetsKey(address)));
    },
    reply(inner, length) {
      const echo = own.size === 0 ? null : readEcho(inner, length);
      if (echo === null || !echo.isRequest || !own.has(octetsKey(echo.destination))) return 0;
      const { source, destination } = echo;
      const written = writeEcho(responder.packet, {
        ...echo,
        isRequest: false,
        source: destination,
        destination: source,
      });
      return Math.max(0, written);
    },
  };
  return responder;
}
