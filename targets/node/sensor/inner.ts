// Inner packets of a sensor on Node: UDP ports, pings, answers to pings. IPv6 and IPv4.

import { readDatagram, writeDatagram } from '../host/datagram.ts';
import { readEcho, writeEcho } from '../host/icmp.ts';
import { INNER_MAX } from './host.ts';

/** A payload that came in; views are valid during the call. */
export type OnDatagram = (payload: Uint8Array, source: Uint8Array, sourcePort: number, now: number) => void;

/** The host inside of the tunnel: UDP and ping. */
export interface InnerHost {
  /** Own inner address, 4 or 16 octets. */
  address: Uint8Array;
  /** Takes an inner packet that came in. */
  take(packet: Uint8Array, length: number, now: number): void;
  /** Has payloads to a UDP port delivered. */
  listen(port: number, onDatagram: OnDatagram): void;
  /** Sends a UDP payload: 0 or more, or a drop code. */
  send(payload: Uint8Array, sourcePort: number, destination: Uint8Array, port: number): number;
  /** Sends an echo request; the drop code, or milliseconds until the reply, -1 when there is none within `limit`. */
  ping(destination: Uint8Array, size: number, limit: number): Promise<{ code: number; ms: number }>;
  /** Packets by what became of them. */
  counters: { datagrams: number; echoRequests: number; echoReplies: number; ignored: number };
  /** Ends pings that wait. */
  close(): void;
}

interface Waiting {
  begun: number;
  done(ms: number): void;
}

/** `transmit` protects and sends an inner packet. */
export function createInnerHost(
  address: Uint8Array,
  transmit: (packet: Uint8Array, length: number) => number,
  now: () => number,
): InnerHost {
  const packet = new Uint8Array(INNER_MAX);
  const ports = new Map<number, OnDatagram>();
  const waiting = new Map<number, Waiting>();
  const identifier = process.pid & 0xffff;
  let sequence = 0;

  function isOwn(destination: Uint8Array): boolean {
    return Buffer.compare(destination, host.address) === 0;
  }

  function sent(length: number): number {
    return length < 0 ? -1 : transmit(packet, length);
  }

  const host: InnerHost = {
    address,
    counters: { datagrams: 0, echoRequests: 0, echoReplies: 0, ignored: 0 },
    take(inner, length, time) {
      const echo = readEcho(inner, length);
      if (echo !== null && isOwn(echo.destination)) {
        if (echo.isRequest) {
          host.counters.echoRequests++;
          sent(
            writeEcho(packet, { ...echo, isRequest: false, source: host.address, destination: echo.source.slice() }),
          );
          return;
        }
        host.counters.echoReplies++;
        const one = waiting.get(echo.sequence);
        if (one !== undefined && echo.identifier === identifier) one.done(time - one.begun);
        return;
      }
      const datagram = readDatagram(inner, length);
      const listener = datagram === null ? undefined : ports.get(datagram.destinationPort);
      if (datagram === null || listener === undefined || !isOwn(datagram.destination)) {
        host.counters.ignored++;
        return;
      }
      host.counters.datagrams++;
      listener(datagram.payload, datagram.source, datagram.sourcePort, time);
    },
    listen: (port, onDatagram) => void ports.set(port, onDatagram),
    send: (payload, sourcePort, destination, port) =>
      sent(writeDatagram(packet, { source: host.address, sourcePort, destination, destinationPort: port, payload })),
    ping(destination, size, limit) {
      sequence = (sequence + 1) & 0xffff;
      const own = sequence;
      return new Promise((resolve) => {
        const end = (code: number, ms: number): void => {
          clearTimeout(timer);
          waiting.delete(own);
          resolve({ code, ms });
        };
        const timer = setTimeout(() => end(0, -1), limit);
        waiting.set(own, { begun: now(), done: (ms) => end(0, ms) });
        const data = new Uint8Array(size).fill(0x61);
        const code = sent(
          writeEcho(packet, { isRequest: true, source: host.address, destination, identifier, sequence: own, data }),
        );
        if (code < 0) end(code, -1);
      });
    },
    close() {
      for (const { done } of [...waiting.values()]) done(-1);
    },
  };
  return host;
}
