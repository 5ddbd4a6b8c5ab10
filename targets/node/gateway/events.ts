// The gateway's events, and its interface for programs.

import type { GatewayConfig, GatewaySa } from './config.ts';
import type { IkeSaView } from './ike-view.ts';
import type { ListQuery, Page, PeerView, SaView } from './list-views.ts';
import type { Reloaded } from './reloaded.ts';
import type { WatchedPacket } from './tap.ts';
import type { TopQuery, TopView } from './top.ts';
import type { GatewayCounters, GatewayMetrics } from './views.ts';

/** Where an inner packet came from. */
export interface PacketInfo {
  /** Name of the SA. */
  sa: string;
  /** Outer address of the peer. */
  peer: string;
}

/** Events of a gateway, with what listeners get. */
export interface GatewayEvents {
  /** A copy of an inner IP packet that no flow takes. */
  packet: [packet: Uint8Array, info: PacketInfo];
  /** A peer's link-layer address was learned, or has changed: outer address, radio. */
  peer: [address: string, radio: string];
  /** A peer does not acknowledge any more; it was heard again. */
  lost: [address: string];
  /** A lost peer was heard again: its outer address. */
  back: [address: string];
  /** The device behind a radio is gone (`lost`), or can be used again (`back`): name of the radio, and why or what it is. */
  radio: [name: string, state: 'lost' | 'back', text: string];
  /** An IKE SA is up: identity and name of the connection; it ended, or an attempt did (identity '' where none was proved), with the reason. */
  up: [identity: string, name: string];
  /**
   * An IKE SA ended, or an attempt did (identity '' where none was proved): the reason is a name of docs/outcomes.md.
   */
  down: [identity: string, reason: string];
  /** A Child SA that was asked for failed, with the reason. */
  childFailed: [identity: string, reason: string];
  /** One of several Child SAs is missing, by its name; it is asked for in `wait` ms, the others carry its packets. */
  childMissing: [identity: string, child: string, wait: number];
}

export type Emit = <Name extends keyof GatewayEvents>(name: Name, ...values: GatewayEvents[Name]) => void;

/** What can be asked of an IKE SA; `-child`: of the newest of its Child SAs. */
export type IkeRequest = 'rekey-ike' | 'rekey-child' | 'delete-child' | 'delete' | 'probe';

/** A running gateway. Whatever it hands out is a copy: no live SA, no key, no part of its configuration. */
export interface Gateway {
  /** Calls `listener` at each event (GatewayEvents). What a listener throws is counted (`listener`) and logged. */
  on<Name extends keyof GatewayEvents>(name: Name, listener: (...values: GatewayEvents[Name]) => void): Gateway;
  /** As `on`, for the next event alone. */
  once<Name extends keyof GatewayEvents>(name: Name, listener: (...values: GatewayEvents[Name]) => void): Gateway;
  /** Takes a listener away. */
  off<Name extends keyof GatewayEvents>(name: Name, listener: (...values: GatewayEvents[Name]) => void): Gateway;
  /**
   * Sends an inner IP packet (IPv6 or IPv4, whole, from octet 0) under the SA whose selectors take it [RFC 4301 §5.1].
   * Returns '' when it was queued, else the reason, a name of docs/outcomes.md, counted: no-sa, no-neighbour, queue,
   * lifetime, ...; `closed` after the end. The octets are the caller's again afterwards. Never throws.
   */
  send(packet: Uint8Array): string;
  /**
   * Adds a configured SA before the existing ones: packets that it takes go under it from now on. Throws
   * `field: value: limit` as createGateway does, with the place in the file where `sa.locate` knows it.
   */
  addSa(sa: GatewaySa): void;
  /** Ends the configured SAs of this name and wipes their keys; false when there is none. Those of IKE stay. */
  removeSa(name: string): boolean;
  /** All counters, as they are now. */
  metrics(): GatewayMetrics;
  /** Counters without the lists of SAs and peers, which take long where there are many. */
  counters(): GatewayCounters;
  /** Peers that are connected, by their identity, a page at a time. */
  peers(query?: ListQuery): Page<PeerView>;
  /** SAs of ESP, one a direction, the oldest first, a page at a time. */
  saPage(query?: ListQuery): Page<SaView>;
  /** Rates of peers, and of SAs keyed by hand, since the question before (0.4 to 30 s ago). */
  top(query?: TopQuery): TopView;
  /** The IKE SA with this `id`; undefined: there is none, or it has ended. */
  ikeSa(id: string): IkeSaView | undefined;
  /** The IKE SA of a peer that is established, by the peer's identity; without one that of any peer. */
  establishedIke(peer?: string): IkeSaView | undefined;
  /** IKE SAs of a peer that have not ended. */
  ikeSasOf(peer: string): IkeSaView[];
  /** IKE SAs that have not ended, with their Child SAs, as they are now. */
  ikeSas(): IkeSaView[];
  /**
   * Asks for something of the IKE SA with this `id` (IkeSaView). Returns '' when the request goes out or waits for its
   * turn, else why not: `no-sa`, `no-child`, `closed`. What comes of it is seen in `ikeSas` and in the events.
   */
  askIke(id: string, request: IkeRequest): string;
  /**
   * Drains the gateway, or ends that: new peers that follow [RFC 5685] get the gateway of `redirect` as their answer, and those that
   * are connected are told to go there. The others are served as before. The number of those told; 0 where there is no
   * `redirect`.
   */
  drain(isOn?: boolean): number;
  /**
   * Takes another configuration while it runs: connections, pool, flows and neighbours. It is checked first; a wrong one throws
   * `field: value: limit` and changes nothing. IKE SAs of peers that are removed, or whose credentials, proposals or selectors
   * differ, get a Delete; the others go on. What needs a restart stays as it is, and is named in the result.
   */
  reload(config: GatewayConfig): Promise<Reloaded>;
  /**
   * Shows packets in clear and on the wire, a few a second: `take` gets them, `missed` how many were not copied. Returns what
   * ends that.
   * @internal
   */
  watch(take: (packet: WatchedPacket) => void, missed: (count: number) => void): () => void;
  /** Sends Delete for every IKE SA, waits for the answers, `time` milliseconds at most, and closes. */
  leave(time: number): Promise<void>;
  /** Closes sockets and radios at once and wipes the keys of ESP and IKE; peers are told nothing. A second call waits as well. */
  close(): Promise<void>;
}
