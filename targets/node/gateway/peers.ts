// The neighbour table: outer address -> radio and link-layer address. An entry from the configuration stays. A learned entry
// follows the peer, but only by packets whose ICV verified: the addresses of an unauthenticated frame change nothing.

import { addressText } from '../host/addresses.ts';
import { octetsKey } from '../host/datagram.ts';
import type { Signal } from '../host/radio/radio.ts';

/** Another gateway of the cluster, and its radio or socket, by which a peer is reached. */
export interface Way {
  session: string;
  place: string;
}

export interface Peer {
  /** Outer address. */
  address: Uint8Array;
  /** Index of the radio. */
  radio: number;
  /** 2 or 8 octets, canonical order. */
  link: Uint8Array;
  configured: boolean;
  /** Time of the last authenticated packet, -1 for none. */
  heard: number;
  /** Packets not acknowledged, in a row and in all. */
  failing: number;
  failed: number;
  lost: boolean;
  /** Of its last authenticated packet; null: its radio does not measure it. */
  signal: Signal | null;
  /** Null: a radio of this gateway. */
  way: Way | null;
}

export interface Peers {
  get(address: Uint8Array, offset: number): Peer | undefined;
  configure(address: Uint8Array, radio: number, link: Uint8Array): void;
  /** An authenticated packet came from `address`: the peer, and whether it is new or has moved. */
  learn(
    address: Uint8Array,
    offset: number,
    radio: number,
    link: Uint8Array,
    now: number,
  ): { peer: Peer; moved: boolean };
  all(): Peer[];
}

/** A peer that is not (yet) in the table. */
export function peerAt(address: Uint8Array, radio: number, link: Uint8Array): Peer {
  const counts = { heard: -1, failing: 0, failed: 0, lost: false };
  return { address, radio, link, configured: false, ...counts, signal: null, way: null };
}

/** `max` learned entries at most; the one unheard for longest goes first. */
export function createPeers(max: number): Peers {
  // In order of last hearing.
  const peers = new Map<string, Peer>();

  function add(key: string, address: Uint8Array, radio: number, link: Uint8Array, configured: boolean): Peer {
    const peer = { ...peerAt(address, radio, link), configured };
    peers.set(key, peer);
    return peer;
  }

  return {
    get: (address, offset) => peers.get(octetsKey(address, offset, 16)),
    configure: (address, radio, link) => void add(octetsKey(address), address, radio, link, true),
    learn(address, offset, radio, from, now) {
      const key = octetsKey(address, offset, 16);
      let peer = peers.get(key);
      let moved = false;
      if (peer === undefined) {
        if (peers.size >= max) {
          for (const [old, { configured }] of peers) {
            if (configured) continue;
            peers.delete(old);
            break;
          }
        }
        peer = add(key, address.slice(offset, offset + 16), radio, from.slice(), false);
        moved = true;
      } else if (!peer.configured) {
        peers.delete(key);
        peers.set(key, peer);
        moved = peer.radio !== radio || Buffer.compare(peer.link, from) !== 0;
        if (moved) {
          peer.radio = radio;
          peer.link = from.slice();
        }
      }
      peer.heard = now;
      return { peer, moved };
    },
    all: () => [...peers.values()],
  };
}

/** `fd00::1 at 0001`. */
export function peerText(peer: Peer): string {
  return `${addressText(peer.address)} at ${Buffer.from(peer.link).toString('hex')}`;
}
