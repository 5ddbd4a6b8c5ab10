// The gateway's state as plain data: counters and SAs by names and numbers, for JSON, a page or a log. Each call makes
// copies, which contain no live objects and no keys.

import type { Sa } from '../../../core/esp/sa.ts';
import { SEARCH_COUNT, SEARCH_FOUND, SEARCH_TRIALS } from '../../../core/esp/search.ts';
import { LOWPAN_RECEIVED, LOWPAN_SENT, type Lowpan } from '../../../core/link/lowpan.ts';
import {
  MAC_ACKS,
  MAC_FRAMES,
  MAC_OCTETS,
  MAC_RECEIVED,
  MAC_RETRIES,
  type Mac,
  macAirTime,
} from '../../../core/link/mac.ts';
import { addressText } from '../host/addresses.ts';
import type { CaptureMetrics } from '../host/capture/side.ts';
import type { MtuMetrics } from '../host/mtu/metrics.ts';
import type { RadioDevice, Signal } from '../host/radio/radio.ts';
import { type Reasons, reasonsOf } from '../host/reasons.ts';
import type { JournalMetrics } from '../host/state/journal.ts';
import type { ClusterView } from '../host/state/shared.ts';
import type { FlowMetrics } from './flows.ts';
import type { Peer } from './peers.ts';
import type { RelayView } from './relay.ts';
import type { TcpPort } from './tcp.ts';
import type { TrafficMetrics } from './traffic.ts';
import type { UdpPort } from './udp.ts';
import type { WorkerMetrics } from './workers/workers.ts';

/** Counters of a radio, its MAC and its 6LoWPAN. */
export interface RadioMetrics {
  /** As configured. */
  name: string;
  /** Data frames sent, retries included, and their octets, MHR to FCS. */
  frames: number;
  /** Octets of the data frames sent, MHR to FCS. */
  octets: number;
  /** Data frames sent again. */
  retries: number;
  /** Acknowledgements sent. */
  acks: number;
  /** Data frames for this node. */
  received: number;
  /** Milliseconds that the radio sent. */
  airTime: number;
  /** Packets sent whole, and received whole. */
  packetsSent: number;
  /** Packets received whole. */
  packetsReceived: number;
  /** Packets queued, or on their way. */
  waiting: number;
  /** Drops of the MAC, by reason. */
  macDrops: Reasons;
  /** Drops of 6LoWPAN, by reason. */
  lowpanDrops: Reasons;
  /** The device behind the radio; null: there is none. */
  device: RadioDevice | null;
}

/** Counters of the search for sequence numbers after an outage. */
export interface SearchMetrics {
  /** Packets that were searched for. */
  searches: number;
  /** ICVs that were computed for them. */
  trials: number;
  /** Packets that were found. */
  found: number;
}

/** Counters of an SA. */
export interface SaMetrics {
  /** As configured, or made from the connection's name. */
  name: string;
  /** From the gateway's side. */
  direction: 'in' | 'out';
  /** The whole SPI. */
  spi: number;
  /** Packets protected, or accepted. */
  packets: number;
  /** Octets of inner packets. */
  octets: number;
  /** Sequence number: last used, or highest authenticated. With subspaces: `ID:counter` of each that is used, of 16 at most. */
  sn: string;
  /** Drops by reason. */
  drops: Reasons;
  /** Packets whose TCP or IPv4 checksum FFFF comes back as 0000. */
  normalised: number;
  /** Searches for sequence numbers after an outage; null for outgoing SAs. */
  search: SearchMetrics | null;
}

/** A device on a radio. */
export interface PeerMetrics {
  /** Its outer IPv6 address. */
  address: string;
  /** Name of the radio that reaches it. */
  radio: string;
  /** Its link-layer address, in hexadecimal digits. */
  link: string;
  /** It is in the configuration; else it was learned. */
  configured: boolean;
  /** Milliseconds of the gateway's clock, -1: never heard. */
  heard: number;
  /** Packets in a row that it did not acknowledge. */
  failed: number;
  /** It counts as lost (`GatewayConfig.lostAfter`). */
  lost: boolean;
  /** Strength, noise floor and quality of its last authenticated packet; null: the radio does not measure them. */
  signal: Signal | null;
}

/** Counters of the IKE responder. */
export interface IkeCounters {
  /** IKE SAs that came up, in all. */
  established: number;
  /** IKE SAs that are up. */
  up: number;
  /** Rekeys of IKE SAs, whoever asked. */
  rekeyedIke: number;
  /** Rekeys of Child SAs, whoever asked. */
  rekeyedChild: number;
  /** IKE SAs not yet authenticated. */
  halfOpen: number;
  /** Addresses of the pool in use. */
  leases: number;
  /** IKE messages. */
  received: number;
  /** IKE messages sent. */
  sent: number;
  /** Ends of IKE SAs by reason: deleted, timeout, AUTHENTICATION_FAILED, ... */
  outcomes: Reasons;
}

/** Counters of the IKE responder, and who is connected. */
export interface IkeMetrics extends IkeCounters {
  /** IKE SAs that are up. */
  sas: {
    /** `fqdn:sensor1.example`, and the name of its connection. */
    identity: string;
    /** Name of the connection. */
    name: string;
    /** Outer address and port; the inner address that it was given, or ''. */
    remote: string;
    /** Inner address that it was given, or ''. */
    address: string;
    /** Child SAs in use. */
    children: number;
  }[];
}

/** Counters of a pair of UDP sockets: IKE, and IKE and ESP with NAT. */
export interface UdpMetrics {
  /** Own address. */
  address: string;
  /** Port of IKE. */
  port: number;
  /** Port of IKE and ESP with NAT. */
  natPort: number;
  /** False while the host does not have the address. */
  isOpen: boolean;
  /** How datagrams cross the system: `recvmmsg, GRO, GSO`, with what of it there is, or `node`. */
  io: string;
  /** Datagrams received. */
  received: number;
  /** Datagrams that the system dropped before they were received, as a rule because the socket's buffer was full. 0 with `node`. */
  lost: number;
  /** Datagrams sent. */
  sent: number;
  /** NAT-keepalives received [RFC 3948 §2.3]. */
  keepalives: number;
  /** Datagrams that are neither IKE nor ESP. */
  malformed: number;
  /** Datagrams that the system refused to send. */
  sendErrors: number;
  /** Errors of the sockets. */
  socketErrors: number;
}

/** Counters of a TCP listener: IKE and ESP in connections [RFC 9329]. What was closed or not taken is in `GatewayMetrics.drops`. */
export interface TcpMetrics {
  /** Own address. */
  address: string;
  /** Its port. */
  port: number;
  /** Connections that came. */
  accepted: number;
  /** Connections that are open now. */
  open: number;
  /** Those of them with an authenticated message. */
  proved: number;
  /** IKE and ESP messages received. */
  received: number;
  /** IKE and ESP messages sent. */
  sent: number;
}

/** Counters of the store in which SAs survive a restart. */
export interface StateMetrics extends JournalMetrics {
  /** False: it was given up, and is begun anew within a minute. */
  isKept: boolean;
}

/** Counters of ESP. */
export interface EspMetrics {
  /** Packets sent. */
  sent: number;
  /** Packets accepted. */
  received: number;
  /** Octets of those sent. */
  octetsSent: TrafficMetrics;
  /** Octets of those accepted. */
  octetsReceived: TrafficMetrics;
  /** Drops by reason. */
  drops: Reasons;
  /** Searches for sequence numbers; null: there are none. */
  search: SearchMetrics | null;
}

/** All counters of a gateway. Each is a count since the start if it does not say otherwise. */
export interface GatewayMetrics {
  /** Radios, in the order of the configuration. */
  radios: RadioMetrics[];
  /** ESP packets sent and accepted, their octets, drops by reason, searches for sequence numbers. */
  esp: EspMetrics;
  /** SAs, keyed by hand or by IKE, one a direction. */
  sas: SaMetrics[];
  /** Devices on radios, configured or learned. */
  peers: PeerMetrics[];
  /** UDP servers behind the gateway. */
  flows: FlowMetrics;
  /** Null where there is no IKE. */
  ike: IkeMetrics | null;
  /** UDP sockets of IKE, in the order of the configuration. */
  udp: UdpMetrics[];
  /** Packets of IP protocol 50, those that are too short, and those that the system refused to send; null: it is not used. */
  raw: { received: number; sent: number; sendErrors: number; malformed: number } | null;
  /** TCP listeners, in the order of the configuration. */
  tcp: TcpMetrics[];
  /**
   * Packets given to the network interface, and taken from it; `offload`: what of them crosses the system as one, `TSO, USO`.
   * Null: none.
   */
  tun: { written: number; read: number; offload: string } | null;
  /** Worker threads, which share the packets of SAs in UDP. */
  workers: WorkerMetrics[];
  /** MTU detection; null: it is off. */
  mtu: MtuMetrics | null;
  /** The store of SAs; null: there is none. */
  state: StateMetrics | null;
  /** The cluster that it is in; null: none. */
  cluster: (ClusterView & { relay: RelayView }) | null;
  /** Capture files, one for each side; null: none. */
  capture: CaptureMetrics[] | null;
  /**
   * Packets that the gateway itself dropped: no-sa, no-neighbour, unprotected, no-flow, tun, too-long, store, listener, keylog,
   * internal, and those of docs/transports.md.
   * Those that a layer below dropped on the way out are in its drops.
   */
  drops: Reasons;
  /** Lines of the log that were left out, because there were too many. */
  suppressedLines: number;
}

/** What `GatewayMetrics` has apart from its lists of peers and SAs. */
export interface GatewayCounters extends Omit<GatewayMetrics, 'sas' | 'peers' | 'ike'> {
  /** SAs, one a direction. */
  sas: number;
  /** Seconds since the first packet of the SA for which that is longest; 0: none had one. */
  oldestSa: number;
  /** Devices on radios: those that are known, and of them those that count as lost. */
  neighbours: { known: number; lost: number };
  /** Null where there is no IKE. */
  ike: IkeCounters | null;
  /** `drain` is on: new peers that follow are sent to another gateway. */
  draining: boolean;
}

/** `waiting`: packets on their way. */
export function radioMetrics(
  name: string,
  mac: Mac,
  lowpan: Lowpan,
  waiting: number,
  device: RadioDevice | null,
): RadioMetrics {
  return {
    name,
    frames: mac.counters[MAC_FRAMES],
    octets: mac.counters[MAC_OCTETS],
    retries: mac.counters[MAC_RETRIES],
    acks: mac.counters[MAC_ACKS],
    received: mac.counters[MAC_RECEIVED],
    airTime: macAirTime(mac.counters),
    packetsSent: lowpan.counters[LOWPAN_SENT],
    packetsReceived: lowpan.counters[LOWPAN_RECEIVED],
    waiting,
    macDrops: reasonsOf(mac.counters),
    lowpanDrops: reasonsOf(lowpan.counters),
    device,
  };
}

/** Counters of a search; null where there is none. */
export function searchMetrics(state: Float64Array | null): SearchMetrics | null {
  return state === null
    ? null
    : { searches: state[SEARCH_COUNT], trials: state[SEARCH_TRIALS], found: state[SEARCH_FOUND] };
}

/** Subspaces whose counters are shown. */
const SUBSPACES_SHOWN = 16;

function snText(sa: Sa): string {
  const { subspaces: all } = sa;
  const whole = (hi: number, lo: number): string => ((BigInt(hi) << 32n) | BigInt(lo)).toString();
  if (all === undefined) return whole(sa.snHi, sa.snLo);
  const texts = all.list.flatMap((one, id) => {
    // The number of the one in use is in the SA.
    const { snHi, snLo } = all.current === id && sa.snHi + sa.snLo > 0 ? sa : (one ?? { snHi: 0, snLo: 0 });
    return (snHi & 0xffff) + snLo === 0 ? [] : [`${id}:${whole(snHi & 0xffff, snLo)}`];
  });
  if (all.list.length === 0 && sa.snLo > 0) texts.push(`0:${whole(sa.snHi, sa.snLo)}`);
  return texts.slice(0, SUBSPACES_SHOWN).join(' ');
}

export function saMetrics(name: string, direction: 'in' | 'out', sa: Sa): SaMetrics {
  const drops: Reasons = {};
  const counts: [string, number][] = [
    ['icv', sa.dropIcv],
    ['replay', sa.dropReplay],
    ['selector', sa.dropSelector],
    ['malformed', sa.dropMalformed],
    ['refused', sa.dropRefused],
    ['lifetime', sa.dropLifetime],
  ];
  for (const [reason, count] of counts) if (count > 0) drops[reason] = count;
  return {
    name,
    direction,
    spi: sa.spi,
    packets: sa.packets,
    octets: sa.bytes,
    sn: snText(sa),
    drops,
    normalised: sa.normalised,
    search: direction === 'in' ? (searchMetrics(sa.search) ?? { searches: 0, trials: 0, found: 0 }) : null,
  };
}

export function peerMetrics(peer: Peer, radio: string): PeerMetrics {
  const { address, link, configured, heard, failed, lost, signal } = peer;
  return {
    address: addressText(address),
    radio,
    link: Buffer.from(link).toString('hex'),
    configured,
    heard,
    failed,
    lost,
    signal,
  };
}

export function tcpMetrics({ address, port, counters }: TcpPort): TcpMetrics {
  return { address, port, ...counters };
}

export function udpMetrics({ local, port, natPort, isOpen, io, counters }: UdpPort): UdpMetrics {
  return { address: addressText(local), port, natPort, isOpen, io, ...counters };
}
