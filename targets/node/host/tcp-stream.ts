// One TCP connection with IKE and ESP in it [RFC 9329]: records in, records out. It judges the framing alone; what the messages
// are worth is for whoever takes them.

import type { Socket } from 'node:net';
import {
  createStreamReader,
  feedStream,
  nextRecord,
  recordSize,
  STREAM_ESP,
  STREAM_IKE,
  STREAM_LONG,
  STREAM_MORE,
  STREAM_NO_PREFIX,
  STREAM_PREFIX,
  STREAM_SHORT,
  writeRecord,
} from '../../../core/ike/codec/stream.ts';

/** Milliseconds that the last octets have to reach the peer: one that does not read would keep the connection for ever. */
const END_TIME = 2000;
/** Milliseconds until the system asks whether an idle peer is there. It is no sign of life for IKE [RFC 9329 §6.4]. */
const PROBE_AFTER = 60000;

/** Why a connection was closed by this side, or what of it was not taken. */
export type StreamFault = 'no-prefix' | 'bad-length' | 'too-long' | 'short-record' | 'slow-peer';

export interface TcpStreamOptions {
  /** This side opened the connection: it sends the prefix. */
  isOpener: boolean;
  /** Octets of the largest record taken. */
  limit: number;
  /** Octets that may wait for a peer that does not read. */
  backlog(): number;
  /** Takes a message: IKE without its marker, or ESP; its octets are valid during the call. */
  take(isIke: boolean, buffer: Uint8Array, offset: number, length: number): void;
  /** Counts what is wrong with the stream. */
  fault(reason: StreamFault): void;
}

export interface TcpStream {
  /** Sends a message. False: it is too long, the connection is closed, or the peer reads too slowly. */
  send(octets: Uint8Array, isIke: boolean): boolean;
  /** Closes when what was sent has gone. */
  end(): void;
  /** Closes now. */
  destroy(): void;
  isClosed(): boolean;
}

/** Has a socket carry records. It stands also for one that is still connecting: what is sent waits. */
export function attachStream(socket: Socket, options: TcpStreamOptions): TcpStream {
  const reader = createStreamReader(options.limit, options.isOpener);
  let isClosed = false;
  // Small messages that wait for each other would be slower than UDP.
  socket.setNoDelay(true);
  socket.setKeepAlive(true, PROBE_AFTER);
  if (options.isOpener) socket.write(Uint8Array.from(STREAM_PREFIX));

  function stop(): void {
    isClosed = true;
    socket.destroy();
  }

  socket.on('close', () => {
    isClosed = true;
  });
  socket.on('data', (octets: Buffer) => {
    feedStream(reader, octets, 0, octets.length);
    while (!isClosed) {
      const kind = nextRecord(reader);
      if (kind === STREAM_MORE) return;
      if (kind < 0) {
        options.fault(kind === STREAM_NO_PREFIX ? 'no-prefix' : 'bad-length');
        stop();
        return;
      }
      if (kind === STREAM_IKE || kind === STREAM_ESP) {
        options.take(kind === STREAM_IKE, reader.buffer, reader.offset, reader.length);
      } else if (kind === STREAM_LONG) options.fault('too-long');
      else if (kind === STREAM_SHORT) options.fault('short-record');
    }
  });

  return {
    send(octets, isIke) {
      if (isClosed || socket.destroyed || socket.writableEnded) return false;
      if (socket.writableLength > options.backlog()) {
        options.fault('slow-peer');
        return false;
      }
      const record = Buffer.allocUnsafe(recordSize(octets.length, isIke));
      if (writeRecord(record, 0, octets, 0, octets.length, isIke) < 0) return false;
      socket.write(record);
      return true;
    },
    end() {
      isClosed = true;
      socket.destroySoon();
      const timer = setTimeout(() => socket.destroy(), END_TIME);
      timer.unref();
      socket.once('close', () => clearTimeout(timer));
    },
    destroy: stop,
    isClosed: () => isClosed || socket.destroyed,
  };
}
