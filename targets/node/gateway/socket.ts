// A UDP socket of the gateway to one server. It is connected, so that the system delivers only that server's answers and
// reports when nobody listens there (ECONNREFUSED). That is counted and has no other effect.

import { createSocket } from 'node:dgram';

/** Datagrams that wait while the socket is being connected. */
const PENDING_MAX = 16;

/** A UDP server. */
export interface Target {
  /** IPv4 or IPv6 address as text. */
  address: string;
  /** Its IP version. */
  family: 4 | 6;
  /** UDP port, 1..65535. */
  port: number;
}

/** Who owns the socket. */
export interface SocketUpper {
  /** Octets from the server, valid during the call. */
  message(octets: Uint8Array): void;
  /** Something failed; `closed`: the socket is gone. */
  failed(error: Error, closed: boolean): void;
}

/** A UDP socket to one server. */
export interface FlowSocket {
  /** Sends a copy; false when it cannot. */
  send(octets: Uint8Array): boolean;
  /** Closes it; nothing comes to `upper` any more. */
  close(): void;
}

/** Opens a socket to a server. Never throws: what goes wrong comes to `upper.failed`. */
export type OpenSocket = (target: Target, upper: SocketUpper) => FlowSocket;

/** Opens a socket of the system. Never throws: errors go to `upper.failed`. */
export function openUdp(target: Target, upper: SocketUpper): FlowSocket {
  const socket = createSocket(target.family === 6 ? 'udp6' : 'udp4');
  let pending: Buffer[] | null = [];
  let isClosed = false;

  function failed(error: Error, closed: boolean): void {
    if (isClosed) return;
    isClosed = closed;
    upper.failed(error, closed);
  }
  function transmit(octets: Buffer): void {
    socket.send(octets, (error) => {
      if (error !== null) failed(error, false);
    });
  }

  socket.on('message', (octets) => {
    if (!isClosed) upper.message(octets);
  });
  socket.on('connect', () => {
    const waiting = pending ?? [];
    pending = null;
    if (!isClosed) for (const octets of waiting) transmit(octets);
  });
  socket.on('error', (error) => {
    const useless = pending !== null;
    failed(error, useless);
    if (useless) socket.close();
  });
  socket.on('close', () => failed(new Error('the socket was closed'), true));
  socket.connect(target.port, target.address);
  return {
    send(octets) {
      if (isClosed) return false;
      const copy = Buffer.from(octets);
      if (pending === null) transmit(copy);
      else if (pending.length < PENDING_MAX) pending.push(copy);
      else return false;
      return true;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      socket.close();
    },
  };
}
