// What lists of peers and SAs show.

import type { Signal } from '../host/radio/radio.ts';
import type { SaMetrics } from './views.ts';

/** Which entries of a list are wanted. */
export interface ListQuery {
  /** Entries at most, 1 to 1000; default 100. */
  limit?: number;
  /** `next` of the page before. */
  cursor?: string;
  /** Only those of this peer, by its identity. */
  peer?: string;
  /** Only those in which this text is, whatever the case of its letters: in the name, the identity, an address, the SPI. */
  search?: string;
}

/** A part of a list. */
export interface Page<Item> {
  /** The entries. */
  items: Item[];
  /** `cursor` of the next page; null: this is the last. */
  next: string | null;
  /** Entries on all pages; null: a search among more than it looks through for one page, which may be empty. */
  total: number | null;
}

/** Sums over the SAs that a peer has now: a rekey begins them anew. */
export interface PeerCounts {
  /** Inner packets from the peer. */
  packetsIn: number;
  /** Inner packets to the peer. */
  packetsOut: number;
  /** Octets of inner packets from the peer. */
  octetsIn: number;
  /** Octets of inner packets to the peer. */
  octetsOut: number;
  /** Its packets that were dropped. */
  drops: number;
}

/** A peer that proved who it is, and is connected. */
export interface PeerView extends PeerCounts {
  /** Its identity: `fqdn:sensor1.example`. */
  peer: string;
  /** Name of the connection of the configuration. */
  connection: string;
  /** `ending`: a Delete is on its way. */
  state: 'established' | 'ending';
  /** Outer address. */
  remote: string;
  /** UDP or TCP port. */
  remotePort: number;
  /** `udp` or `tcp`. */
  ikeOver: string;
  /** `udp`, `tcp` or `ip`. */
  espOver: string;
  /** Name of the radio that it is on; '': on none. */
  radio: string;
  /** What the radio measured of its last packet; null: nothing. */
  signal: Signal | null;
  /** Inner address that the gateway gave, or ''. */
  address: string;
  /** Seconds since it came up; since the start, where its IKE SA is older. */
  up: number;
  /** Seconds since an authenticated message or packet came. */
  heard: number;
  /** Its IKE SAs, by their `id` (IkeSaView): one, but for a moment. */
  ikeSas: string[];
  /** Child SAs in use. */
  children: number;
}

/** An SA of ESP or EESP: one direction. */
export interface SaView extends Omit<SaMetrics, 'spi'> {
  /** Names it in lists. */
  id: number;
  /** The peer's identity; '': keyed by hand. */
  peer: string;
  /** Eight hexadecimal digits. */
  spi: string;
  /** `ESP` or `EESP`. */
  protocol: string;
  /** Name of the suite. */
  suite: string;
  /** `tunnel` or `transport`. */
  mode: string;
  /** Inner headers are compressed. */
  compressed: boolean;
  /** Seconds since its first packet; null: none yet. */
  age: number | null;
}
