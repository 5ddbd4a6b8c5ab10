// One queue of a network interface: packets between the system and one thread of this process.
//
// Where the system can, long TCP segments and runs of UDP datagrams come from it as one packet and are cut here (host/io/split.ts),
// and packets of one flow are given to it as one (host/io/join.ts).

import { closeSync } from 'node:fs';
import { createMemory } from '../host/io/checksum.ts';
import { createJoiner } from '../host/io/join.ts';
import { loadReadiness, type Readiness } from '../host/io/readiness.ts';
import { createSplitter } from '../host/io/split.ts';
import { readVnet, VNET_SIZE } from '../host/io/vnet.ts';
import { type Libc, loadLibc } from '../host/libc.ts';

/** Packets read at a time, so that others get their turn. */
const BURST = 64;
const EBADFD = 77;
const PACKET_MAX = 65536;
/** Where packets are read to: the interface's own header is in front. */
const PACKET = 64;

/** What the system takes and gives as one, and whether packets have its header for that in front. */
export interface Offload {
  isVnet: boolean;
  tso: boolean;
  uso: boolean;
}

/** A queue that a thread takes over. */
export interface BoundQueue extends Offload {
  fd: number;
}

export interface TunQueue {
  /** Takes a copy of packet[0..length) for the system, which gets it at the end of the burst; false: it is no IP packet. */
  write(packet: Uint8Array, length: number): boolean;
  /** Called for each packet; valid during the call. */
  onPacket: ((packet: Uint8Array, length: number) => void) | null;
  /** So many packets that `write` took were refused by the system. */
  onLost: ((count: number) => void) | null;
  /** Somebody deleted the interface: no packet comes any more. */
  onGone: (() => void) | null;
  /** Starts reading. */
  start(): void;
  close(): Promise<void>;
}

export interface Calls {
  libc: Libc;
  readiness: Readiness;
}

/** Those of this thread. */
export async function loadCalls(): Promise<Calls> {
  return { readiness: await loadReadiness(), libc: await loadLibc() };
}

/** Whether `packet` is an IP packet of the length that it says. */
function isPacket(packet: Uint8Array, length: number): boolean {
  const version = packet[0] >>> 4;
  return (version === 4 && length >= 20) || (version === 6 && length >= 40);
}

/** Takes over an open queue. */
export function createQueue({ libc, readiness }: Calls, { fd, ...can }: BoundQueue): TunQueue {
  const front = can.isVnet ? VNET_SIZE : 0;
  const memory = createMemory(PACKET + PACKET_MAX);
  const view = memory.octets.subarray(PACKET);
  const readTo = libc.addressOf(memory.octets) + PACKET - front;
  const splitter = createSplitter();
  const joiner = createJoiner({ udp: can.uso, tcp: can.tso });
  const writer = createWriter(libc, fd, joiner.octets, front);
  let isAsked = false;
  let isClosed = false;

  function flush(): void {
    isAsked = false;
    if (isClosed) return;
    joiner.flush((parts, count) => {
      if (!writer.write(parts)) queue.onLost?.(count);
    });
  }

  function readable(): number {
    let taken = 0;
    while (taken < BURST && !isClosed) {
      const length = libc.read(fd, readTo, front + PACKET_MAX) - front;
      if (length <= 0) {
        if (libc.errno() === EBADFD) {
          readiness.remove(fd);
          queue.onGone?.();
        }
        break;
      }
      if (front === 0) {
        queue.onPacket?.(view, length);
        taken++;
      } else {
        const vnet = readVnet(memory.octets, PACKET - front);
        taken += splitter.split(memory, PACKET, length, vnet, view, (packet, size) => {
          if (!isClosed) queue.onPacket?.(packet, size);
        });
      }
    }
    return taken;
  }

  const queue: TunQueue = {
    onPacket: null,
    onLost: null,
    onGone: null,
    write(octets, length) {
      if (isClosed || length > PACKET_MAX || !isPacket(octets, length)) return false;
      if (joiner.isFull(length)) flush();
      joiner.put(octets, length);
      if (!isAsked) {
        isAsked = true;
        readiness.atEnd(flush);
      }
      return true;
    },
    start() {
      if (!isClosed) readiness.add(fd, { readable });
    },
    async close() {
      if (isClosed) return;
      flush();
      isClosed = true;
      readiness.remove(fd);
      closeSync(fd);
    },
  };
  return queue;
}

/** Writes packets whose parts are anywhere in `octets`, with `front` octets before the first. False: the system refuses. */
function createWriter(
  libc: Libc,
  fd: number,
  octets: Uint8Array,
  front: number,
): { write(parts: readonly number[]): boolean } {
  const base = libc.addressOf(octets);
  const list = new Uint32Array(new ArrayBuffer(16 * 64));
  const listAt = libc.addressOf(new Uint8Array(list.buffer));
  const put = (index: number, address: number, size: number): void => {
    list[4 * index] = address >>> 0;
    list[4 * index + 1] = Math.floor(address / 4294967296);
    list[4 * index + 2] = size;
  };
  return {
    write(parts) {
      const size = parts[1] + front;
      if (parts.length === 2) return libc.write(fd, base + parts[0] - front, size) === size;
      put(0, base + parts[0] - front, size);
      let total = size;
      for (let i = 2; i < parts.length; i += 2) {
        put(i / 2, base + parts[i], parts[i + 1]);
        total += parts[i + 1];
      }
      return libc.writev(fd, listAt, parts.length / 2) === total;
    },
  };
}
