// What the gateway's main thread and a worker say to each other.
//
//   main -> worker: sockets; SAs with the numbers that they may use; where peers are; packets of its SAs that came elsewhere
//   worker -> main: what its SAs did since the last report; packets that are not of its SAs; peers that moved

import { DROP_COUNT } from '../../../../core/base/drop.ts';
import type { Lane } from '../../../../core/esp/lanes.ts';
import type { BoundSocket } from '../../host/io/datagrams.ts';
import type { PlainConfig } from '../../host/threads/plain.ts';
import type { BoundQueue } from '../tun-queue.ts';
import type { UdpCounters } from '../udp.ts';

/** What a worker begins with. */
export interface WorkerData {
  queue: BoundQueue;
  /** Parcels on their way: to the worker, to the main thread. */
  onWay: SharedArrayBuffer;
}

export const TO_WORKER = 0;
export const TO_MAIN = 1;

/** A place among SAs with the same selectors, without its SA. */
export type PlainLane = Omit<Lane, 'sa'>;

/** Where ESP of an SA goes. `index`: the place of the gateway's UDP address; -1: the main thread sends it. */
export interface WorkerPath {
  index: number;
  remote: Uint8Array;
  remotePort: number;
}

/** Numbers up to which a worker may send, and hand on what came, of one SA pair. `turn` grows with each grant. */
export interface Grant {
  out: number;
  in: number;
  turn: number;
}

export type ToWorker =
  | { op: 'socket'; index: number; bound: BoundSocket }
  | { op: 'shut'; index: number }
  | {
      op: 'add';
      id: number;
      out: PlainConfig;
      in: PlainConfig;
      outLane: PlainLane;
      inLane: PlainLane;
      path: WorkerPath;
      grant: Grant;
    }
  /** The SAs of a peer's inner address in their order; none: the main thread chooses. */
  | { op: 'list'; address: Uint8Array; ids: number[] }
  | { op: 'path'; id: number; path: WorkerPath }
  | { op: 'grant'; id: number; grant: Grant }
  | { op: 'remove'; id: number }
  | { op: 'watch'; isOn: boolean }
  | { op: 'parcel'; octets: Uint8Array<ArrayBuffer> }
  | { op: 'end' };

/** What one SA pair did, a row of numbers: its place in each. */
export const ROW = {
  id: 0,
  outPackets: 1,
  outBytes: 2,
  outNumber: 3,
  inPackets: 4,
  inBytes: 5,
  inNumber: 6,
  /** Drops of the outbound SA: selector, refused, lifetime; and `normalised`. */
  outDrops: 7,
  /** Drops of the inbound SA: ICV, replay, selector, malformed, lifetime. */
  inDrops: 11,
  size: 16,
} as const;

export const OUT_DROPS = ['dropSelector', 'dropRefused', 'dropLifetime', 'normalised'] as const;
export const IN_DROPS = ['dropIcv', 'dropReplay', 'dropSelector', 'dropMalformed', 'dropLifetime'] as const;

/** Sums since the last report; behind them drops by negated code. */
export const SUM = {
  sent: 0,
  received: 1,
  /** Octets, as in `TrafficMetrics`: inner, esp, uncompressed. */
  octetsSent: 2,
  octetsReceived: 5,
  written: 8,
  read: 9,
  /** Packets handed to the main thread. */
  handed: 10,
  /** Packets that were dropped: the network interface refused them; their number was not granted; too many were handed on. */
  dropTun: 11,
  dropStore: 12,
  dropBusy: 13,
  drops: 14,
  size: 14 + DROP_COUNT,
} as const;

export type FromWorker =
  /** It can work; whoever writes to `wake` has it look for messages. `thread`: its name below /proc/self/task. */
  | { op: 'ready'; wake: number; thread: string }
  | { op: 'failed'; why: string }
  | { op: 'report'; sums: Float64Array; rows: Float64Array; sockets: [number, UdpCounters][] }
  | { op: 'moved'; id: number; path: WorkerPath }
  /** Numbers of this SA that were not used are given back, as far as the grant of this turn is the last. */
  | { op: 'narrowed'; id: number; grant: Grant }
  /** Packets of this SA fail, and none is good. */
  | { op: 'suspect'; id: number }
  | { op: 'parcel'; octets: Uint8Array<ArrayBuffer> }
  | { op: 'seen'; id: number; direction: 'in' | 'out'; clear: Uint8Array; wire: Uint8Array; drop: number }
  | { op: 'error'; text: string };
