// The gateway's state as plain data: counters and SAs by names and numbers, for JSON, a page or a log. Each call makes
// copies, which contain no live objects and no keys.

import type { Sa } from '../../../core/esp/sa.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
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
import { identityText } from '../host/config/ike-names.ts';
import { type Reasons, reasonsOf } from '../host/reasons.ts';
import { type ChildView, childView, spisOf } from '../host/sa-view.ts';
import type { FlowMetrics } from './flows.ts';
import type { Peer } from './peers.ts';
import type { UdpPort } from './udp.ts';

export interface RadioMetrics {
  name: string;
  /** Data frames sent, retries included, and their octets, MHR to FCS. */
  frames: number;
  octets: number;
  retries: number;
  acks: number;
  /** Data frames for this node. */
  received: number;
  /** Milliseconds that the radio sent. */
  airTime: number;
  /** Packets sent whole, and received whole. */
  packetsSent: number;
  packetsReceived: number;
  /** Packets queued, or on their way. */
  waiting: number;
  macDrops: Reasons;
  lowpanDrops: Reasons;
}

export interface SaMetrics {
  name: string;
  direction: 'in' | 'out';
  spi: number;
  packets: number;
  /** Octets of inner packets. */
  octets: number;
  /** Sequence number: last used, or highest authenticated. */
  sn: string;
  drops: Reasons;
}

export interface PeerMetrics {
  address: string;
  radio: string;
  link: string;
  configured: boolean;
  /** Milliseconds of the gateway's clock, -1: never heard. */
  heard: number;
  failed: number;
  lost: boolean;
}

export interface IkeMetrics {
  /** IKE SAs that came up, in all. */
  established: number;
  /** Those that are up. */
  sas: {
    /** `fqdn:sensor1.example`, and the name of its connection. */
    identity: string;
    name: string;
    /** Outer address and port; the inner address that it was given, or ''. */
    remote: string;
    address: string;
    children: number;
  }[];
  /** IKE SAs not yet authenticated. */
  halfOpen: number;
  /** Addresses of the pool in use. */
  leases: number;
  /** IKE messages. */
  received: number;
  sent: number;
  /** Ends of IKE SAs by reason: deleted, timeout, AUTHENTICATION_FAILED, ... */
  outcomes: Reasons;
}

export interface UdpMetrics {
  address: string;
  port: number;
  natPort: number;
  received: number;
  sent: number;
  keepalives: number;
  malformed: number;
  sendErrors: number;
  socketErrors: number;
}

export interface GatewayMetrics {
  radios: RadioMetrics[];
  esp: { sent: number; received: number; drops: Reasons };
  sas: SaMetrics[];
  peers: PeerMetrics[];
  flows: FlowMetrics;
  /** Null where there is no IKE. */
  ike: IkeMetrics | null;
  udp: UdpMetrics[];
  /** Packets given to the network interface, and taken from it; null: none. */
  tun: { written: number; read: number } | null;
  /**
   * Packets that the gateway itself dropped: no-sa, no-neighbour, unprotected, no-flow, tun, too-long, listener, internal.
   * Those that a layer below dropped on the way out are in its drops.
   */
  drops: Reasons;
}

/** `waiting`: packets on their way. */
export function radioMetrics(name: string, mac: Mac, lowpan: Lowpan, waiting: number): RadioMetrics {
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
  };
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
    sn: ((BigInt(sa.snHi) << 32n) | BigInt(sa.snLo)).toString(),
    drops,
  };
}

export function peerMetrics(peer: Peer, radio: string): PeerMetrics {
  const { address, link, configured, heard, failed, lost } = peer;
  return {
    address: addressText(address),
    radio,
    link: Buffer.from(link).toString('hex'),
    configured,
    heard,
    failed,
    lost,
  };
}

export function udpMetrics({ local, port, natPort, counters }: UdpPort): UdpMetrics {
  return { address: addressText(local), port, natPort, ...counters };
}

/** An IKE SA, with no key and nothing live in it. */
export interface IkeSaView {
  /** Both SPIs, 32 hexadecimal digits: names this IKE SA in `askIke`. A rekey makes a new one. */
  id: string;
  /** The peer's identity, `fqdn:sensor1.example`; '' before it said one. */
  peer: string;
  /** Name of the connection of the configuration; '' before the peer said who it is. */
  connection: string;
  state: 'negotiating' | 'established' | 'ending';
  /** 16 hexadecimal digits each. */
  spiI: string;
  spiR: string;
  cipher: string;
  /** Outer address and port of the peer. */
  remote: string;
  remotePort: number;
  /** Inner address that the gateway gave, or ''. */
  address: string;
  /** Requests that this side has sent in this IKE SA. */
  requests: number;
  /** One of them waits for its answer, or for its turn. */
  isBusy: boolean;
  /** Child SAs in use, the newest first. */
  children: ChildView[];
}

export function ikeSaView(sa: IkeSa): IkeSaView {
  const { spiI, spiR } = spisOf(sa);
  return {
    id: spiI + spiR,
    peer: sa.peerId.length === 0 ? '' : identityText(sa.peerIdType, sa.peerId),
    connection: sa.peerId.length === 0 ? '' : sa.policy.name,
    state: sa.state === STATE_ESTABLISHED ? 'established' : sa.setup === null ? 'ending' : 'negotiating',
    spiI,
    spiR,
    cipher: sa.cipher?.name ?? '',
    remote: addressText(sa.path.remote),
    remotePort: sa.path.remotePort,
    address: sa.address.length === 0 ? '' : addressText(sa.address),
    requests: sa.nextId,
    isBusy: sa.request.length > 0 || sa.task !== null || sa.tasks.length > 0,
    children: sa.children.filter(({ retired }) => retired === 0).map(childView),
  };
}
