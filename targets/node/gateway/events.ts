// What the gateway tells those that listen, and does for those that ask.

import type { EventEmitter } from 'node:events';
import type { Ike } from '../../../core/ike/state/ike.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import type { GatewaySa } from './config.ts';
import type { GatewayMetrics } from './metrics.ts';

/** Where an inner packet came from. */
export interface PacketInfo {
  /** Name of the SA. */
  sa: string;
  /** Outer address of the peer. */
  peer: string;
}

export interface GatewayEvents {
  /** A copy of an inner IP packet that no flow takes. */
  packet: [packet: Uint8Array, info: PacketInfo];
  /** A peer's link-layer address was learned, or has changed: outer address, radio. */
  peer: [address: string, radio: string];
  /** A peer does not acknowledge any more; it was heard again. */
  lost: [address: string];
  back: [address: string];
  /** An IKE SA is up: identity and name of the connection; it ended, or an attempt did (identity '' where none was proved), with the reason. */
  up: [identity: string, name: string];
  down: [identity: string, reason: string];
  /** A Child SA that was asked for failed, with the reason. */
  childFailed: [identity: string, reason: string];
}

export type Emit = <Name extends keyof GatewayEvents>(name: Name, ...values: GatewayEvents[Name]) => void;

/** What is asked of an IKE SA. */
export type IkeRequest = (ike: Ike, sa: IkeSa, now: number) => void;

export interface Gateway extends Pick<EventEmitter<GatewayEvents>, 'on' | 'off' | 'once'> {
  /**
   * Sends an inner IP packet (IPv6 or IPv4, whole) under the SA whose selectors take it. Returns '' when it was queued,
   * else the reason, counted: no-sa, no-neighbour, queue, lifetime, ...
   */
  send(packet: Uint8Array): string;
  /** Adds an SA, in front of those there; throws as createGateway does. */
  addSa(sa: GatewaySa): void;
  /** Ends the SAs of this name; false when there is none. */
  removeSa(name: string): boolean;
  metrics(): GatewayMetrics;
  /** IKE SAs that have not ended. */
  ikeSas(): IkeSa[];
  /** Makes a request (core/ike/exchange/requests.ts) about one of them: `(ike, sa, now) => rekeyIke(ike, sa, now)`. */
  askIke(sa: IkeSa, request: IkeRequest): void;
  /** Tells every peer that its SAs end, waits for their answers, `time` milliseconds at most, and closes. */
  leave(time: number): Promise<void>;
  /** Closes sockets and radios, wipes keys. */
  close(): Promise<void>;
}
