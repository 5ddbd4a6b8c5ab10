// A TCP connection of a sensor to its gateway [RFC 9329 §4].

import { connect } from 'node:net';
import { attachStream, type TcpStream } from '../host/tcp-stream.ts';

/** Milliseconds until a connection that does not come up is given up. */
const CONNECT_TIME = 8000;
/** Octets that may wait for a gateway that does not read. */
const BACKLOG = 1048576;

/** What a connection tells. */
export interface DialEvents {
  opened(): void;
  /** A message: IKE without marker, or ESP; valid during the call. */
  take(isIke: boolean, buffer: Uint8Array, offset: number, length: number): void;
  /** Not by this side; once. `reason`: of the system, or what was wrong with the stream. */
  closed(reason: string): void;
}

/** Opens a connection from an own port; what is sent before it is up waits. */
export type Dial = (localPort: number, events: DialEvents) => TcpStream;

/** Dials `host`:`port` from `local`; records have at most `limit` octets. */
export function createDial(local: string, host: string, port: number, limit: number): Dial {
  return (localPort, events) => {
    const socket = connect({ host, port, localAddress: local, localPort });
    let reason = 'closed';
    let isOurs = false;
    const stream = attachStream(socket, {
      isOpener: true,
      limit,
      backlog: () => BACKLOG,
      take: events.take,
      fault(fault) {
        if (fault !== 'slow-peer' && fault !== 'too-long' && fault !== 'short-record') reason = fault;
      },
    });
    const timer = setTimeout(() => {
      reason = 'timeout';
      socket.destroy();
    }, CONNECT_TIME);
    socket.on('connect', () => {
      clearTimeout(timer);
      events.opened();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.code ?? error.message;
    });
    socket.on('close', () => {
      clearTimeout(timer);
      if (!isOurs) events.closed(reason);
    });
    return {
      ...stream,
      end() {
        isOurs = true;
        stream.end();
      },
      destroy() {
        isOurs = true;
        stream.destroy();
      },
    };
  };
}
