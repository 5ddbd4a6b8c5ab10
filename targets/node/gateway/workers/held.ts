// A pair of SAs as its worker has it.

import type { Lane } from '../../../../core/esp/lanes.ts';
import type { Sa } from '../../../../core/esp/sa.ts';
import { numberOf } from '../../host/state/reserve.ts';
import type { Grant, WorkerPath } from './messages.ts';

export interface OutLane extends Lane {
  held: Held;
}

/** A pair of SAs. */
export interface Held {
  id: number;
  out: OutLane;
  in: Lane;
  /** The own address by which its packets are found. */
  local: Uint8Array;
  path: WorkerPath;
  grant: Grant;
  /** Numbers at which more are asked for. */
  askAt: { out: number; in: number };
  /** Packets of it that wait for their number, in order. */
  waiting: { isOut: boolean; number: number; octets: Uint8Array }[];
  /** It is in the next report. */
  isDirty: boolean;
  /** When it last carried a packet. */
  usedAt: number;
  /** The place of a peer that was told last as `moved`: where the main thread refuses it, it is told again later. */
  told: WorkerPath | null;
  toldAt: number;
  /** That was not answered yet: the main thread knows where packets go. */
  isMoving: boolean;
}

/** The last number of an SA. */
export function lastNumber({ snHi, snLo }: Sa): number {
  return numberOf(snHi, snLo);
}

export function isPlace(path: WorkerPath, index: number, remote: Uint8Array, remotePort: number): boolean {
  if (path.index !== index || path.remotePort !== remotePort) return false;
  return path.remote === remote || Buffer.compare(path.remote, remote) === 0;
}
