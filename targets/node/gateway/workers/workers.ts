// What the rest of the gateway knows of its workers.

import type { SaConfig } from '../../../../core/esp/sa.ts';
import type { ChildSa } from '../../../../core/ike/state/child.ts';
import type { Path } from '../../../../core/ike/state/path.ts';
import type { IkeSa } from '../../../../core/ike/state/sa.ts';
import type { Association } from '../associations.ts';
import type { Pair } from '../state/keeper.ts';

/** Counters of one worker. */
export interface WorkerMetrics {
  /** False: it has died, and the main thread does its work. */
  alive: boolean;
  /** SA pairs that it has. */
  sas: number;
  /** ESP packets that it sent, and accepted. */
  sent: number;
  received: number;
  /** Packets that came to it and are not of its SAs: the main thread got them. */
  handed: number;
  /** Packets of its SAs that came to the main thread, which handed them on. */
  taken: number;
  /** Seconds of processor time. */
  cpu: number;
}

export interface Workers {
  /** The socket among those of a port that is to get the packets of a new SA; 0: this thread's. */
  place(path: Path): number;
  /** True where this SPI would not do for that. */
  isUnfit(spi: number, place: number): boolean;
  /** A Child SA was installed; the keys in its configurations are valid during the call. */
  installed(sa: IkeSa, child: ChildSa, pair: Pair, outgoing: SaConfig, incoming: SaConfig): void;
  removed(child: ChildSa): void;
  /** Its peer may be elsewhere. */
  look(sa: IkeSa): void;
  /** Hands an inner packet for this SA to its worker: '', or why not; null: this thread has it. */
  send(association: Association, packet: Uint8Array, length: number): string | null;
  /** Hands ESP without an outer header to the worker that has its SA; false: this thread has it, or nobody. */
  takes(path: Path, octets: Uint8Array, offset: number, length: number): boolean;
  metrics(): WorkerMetrics[];
  close(): void;
}
