// Memory for what recvmmsg takes: one for all sockets of this thread, as each burst is used up before the next.

import type { Libc } from '../libc.ts';
import type { DatagramListener } from './datagrams.ts';
import { CONTROL, createMessages } from './messages.ts';
import { addressAt, isAt, portAt, SOCKADDR_MAX } from './socket-address.ts';

/** Messages of one call. */
export const BATCH = 32;
/** Room for the largest, or for many that came as one; the distance spreads them over the sets of the cache. */
const ROOM = 65536;
const STRIDE = ROOM + 640;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SO_RXQ_OVFL = 40;
const SOL_UDP = 17;
const UDP_GRO = 104;

/** What an inbox keeps of a socket. */
export interface Source {
  isSix: boolean;
  isGro: boolean;
  /** That of the last datagram: the same array while it is the same. */
  remote: Uint8Array;
  /** Datagrams that its buffer had no room for. */
  lost: number;
}

export interface Inbox {
  /** Messages taken from `fd`; below 0: `errno` says why not. */
  receive(fd: number): number;
  /** Hands over message `index`; the number of its datagrams. */
  deliver(index: number, source: Source, listener: DatagramListener): number;
}

let shared: Inbox | null = null;

export function createInbox(libc: Libc): Inbox {
  if (shared !== null) return shared;
  const octets = new Uint8Array(new ArrayBuffer(BATCH * STRIDE));
  const octetsAt = libc.addressOf(octets);
  const messages = createMessages(libc, BATCH);
  const { names, nameStride } = messages;
  for (let i = 0; i < BATCH; i++) messages.memory(i, octetsAt + i * STRIDE, ROOM);
  shared = {
    receive(fd) {
      for (let i = 0; i < BATCH; i++) {
        messages.nameSize(i, SOCKADDR_MAX);
        messages.controlSize(i, CONTROL);
      }
      return libc.recvmmsg(fd, messages.at(0), BATCH, MSG_DONTWAIT, 0);
    },
    deliver(index, source, listener) {
      const name = index * nameStride;
      const from = addressAt(name, source.isSix);
      const size = source.isSix ? 16 : 4;
      if (source.remote.length !== size || !isAt(names, from, source.remote)) {
        source.remote = names.slice(from, from + size);
      }
      const port = portAt(names, name);
      const length = messages.length(index);
      const control = messages.gotControl(index);
      let each = length;
      if (control > 0) {
        const segment = source.isGro ? messages.control32(index, control, SOL_UDP, UDP_GRO) : -1;
        if (segment > 0) each = segment;
        const lost = messages.control32(index, control, SOL_SOCKET, SO_RXQ_OVFL);
        if (lost > 0 && lost !== source.lost) {
          // It counts with 32 bits.
          listener.lost((lost - source.lost) >>> 0);
          source.lost = lost;
        }
      }
      const start = index * STRIDE;
      if (each === length) {
        listener.taken(octets, start, length, source.remote, port);
        return 1;
      }
      let count = 0;
      for (let at = 0; at < length; at += each) {
        listener.taken(octets, start + at, Math.min(each, length - at), source.remote, port);
        count++;
      }
      return count;
    },
  };
  return shared;
}
