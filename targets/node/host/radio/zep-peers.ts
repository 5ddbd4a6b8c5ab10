// The nodes that a ZEP radio knows: where frames go. Nobody on UDP hears what was sent to another, so a frame goes where the
// node is that it is meant for:
//
//   an acknowledgement   to who sent the frame
//   a unicast frame      to the peers from which its destination was heard, at most PLACES; an address heard from more, or
//                        from none, is everywhere
//   anything else        to all peers
//
// Peers of the configuration that never sent anything get all frames: they watch (Wireshark). Source addresses prove nothing: a
// forged one adds a peer to an address and takes none away.

import {
  checkFrame,
  FRAME_ACK,
  frameDst,
  frameDstLength,
  frameSrc,
  frameSrcLength,
} from '../../../../core/wire/ieee802154.ts';

/** Peers of one link-layer address. */
const PLACES = 4;
/** Milliseconds after which an address that was heard from elsewhere is no more where it was. */
const MOVED_AFTER = 600000;
const BROADCAST = '\xff\xff';

/** Where a node is. */
export interface ZepPeer {
  address: string;
  port: number;
  /** `address port`. */
  key: string;
  isFixed: boolean;
  /** It sent something. */
  isHeard: boolean;
}

export interface ZepPeers {
  /** All, in the order of their last frames, those that never sent one first. */
  all(): Iterable<ZepPeer>;
  size(): number;
  /** A datagram came from here. Undefined when there is no room. */
  hear(address: string, port: number, isFixed?: boolean): ZepPeer | undefined;
  /** This frame came from `peer`. */
  learn(peer: ZepPeer, frame: Uint8Array, offset: number, length: number, now: number): void;
  /** Who gets a frame; `current`: who sent the one that is being taken. */
  whereTo(frame: Uint8Array, offset: number, length: number, current: ZepPeer | undefined): Iterable<ZepPeer>;
}

/** The peers that an address was heard from, and when. */
interface Places {
  list: { peer: ZepPeer; time: number }[];
  isEverywhere: boolean;
}

/** `max` peers at most; the one silent for longest goes first. */
export function createZepPeers(max: number): ZepPeers {
  const peers = new Map<string, ZepPeer>();
  // By link-layer address, in order of last hearing.
  const links = new Map<string, Places>();
  let watchers: ZepPeer[] = [];

  const keyOf = (frame: Uint8Array, at: number, size: number): string => {
    let key = '';
    for (let i = at; i < at + size; i++) key += String.fromCharCode(frame[i]);
    return key;
  };

  return {
    all: () => peers.values(),
    size: () => peers.size,
    hear(address, port, isFixed = false) {
      const key = `${address} ${port}`;
      let peer = peers.get(key);
      if (peer === undefined) {
        if (peers.size >= max) {
          for (const [old, { isFixed: stays }] of peers) {
            if (stays) continue;
            peers.delete(old);
            break;
          }
        }
        if (peers.size >= max) return undefined;
        peer = { address, port, key, isFixed, isHeard: !isFixed };
        if (isFixed) watchers.push(peer);
      } else {
        peers.delete(key);
        if (!peer.isHeard) {
          peer.isHeard = true;
          watchers = watchers.filter((one) => one !== peer);
        }
      }
      peers.set(key, peer);
      return peer;
    },
    learn(peer, frame, offset, length, now) {
      if (checkFrame(frame, offset, length) < 0) return;
      const size = frameSrcLength(frame, offset);
      if (size === 0) return;
      const key = keyOf(frame, frameSrc(frame, offset), size);
      if (key === BROADCAST) return;
      const places = links.get(key) ?? { list: [], isEverywhere: false };
      links.delete(key);
      if (links.size >= max)
        for (const old of links.keys()) {
          links.delete(old);
          break;
        }
      links.set(key, places);
      const place = places.list.find((one) => one.peer === peer);
      if (place !== undefined) {
        place.time = now;
        if (places.list.length === 1) return;
      }
      places.list = places.list.filter((one) => now - one.time < MOVED_AFTER && peers.get(one.peer.key) === one.peer);
      if (place !== undefined) return;
      if (places.list.length < PLACES) places.list.push({ peer, time: now });
      else places.isEverywhere = true;
      if (places.list.length === 1) places.isEverywhere = false;
    },
    whereTo(frame, offset, length, current) {
      if (length > 2 && (frame[offset] & 7) === FRAME_ACK) {
        return current === undefined ? peers.values() : [current, ...watchers];
      }
      if (checkFrame(frame, offset, length) < 0) return peers.values();
      const key = keyOf(frame, frameDst(frame, offset) + 2, frameDstLength(frame, offset));
      const places = links.get(key);
      if (places === undefined || places.isEverywhere) return peers.values();
      const here = places.list.map(({ peer }) => peer).filter((peer) => peers.get(peer.key) === peer);
      return here.length === 0 ? peers.values() : [...here, ...watchers];
    },
  };
}
