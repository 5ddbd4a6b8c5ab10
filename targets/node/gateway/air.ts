// The gateway's radios, each with its MAC and 6LoWPAN, and its neighbours: the radio and link-layer address of an outer
// address, and which neighbour acknowledges or is lost.

import { addressOf } from '../../../core/base/address.ts';
import { dropName } from '../../../core/base/drop-name.ts';
import type { Provider } from '../../../core/crypto/provider.ts';
import { createReassemblyTable } from '../../../core/link/fragment-table.ts';
import { createLowpan, type Lowpan, type LowpanUpper } from '../../../core/link/lowpan.ts';
import { createMac, type Mac } from '../../../core/link/mac.ts';
import { DATAGRAM_MAX } from '../../../core/wire/sixlowpan.ts';
import { createUdpCompression } from '../../../core/wire/sixlowpan-udp.ts';
import { addressText } from '../host/addresses.ts';
import { sourceOf } from '../host/bounded.ts';
import type { CheckedRadio } from '../host/radio/config.ts';
import { ackWaitOf } from '../host/radio/kinds.ts';
import type { Radio } from '../host/radio/radio.ts';
import type { Bus } from './bus.ts';
import type { CheckedConfig } from './config.ts';
import { createPeers, type Peer, type Peers, peerText, type Way } from './peers.ts';

const PEERS_MAX = 65536;
/** Neighbours of a radio whose last frame is remembered; 17 octets each. */
const NEIGHBOURS = 16384;
/** Datagrams in reassembly at a time. */
const REASSEMBLIES = 1024;

/** One radio. */
export interface Port {
  name: string;
  mac: Mac;
  lowpan: Lowpan;
  /** Octets of the largest outer packet. */
  maxSize: number;
  /** Packets on their way, by the tag of 6LoWPAN. */
  inFlight: Map<number, Peer>;
}

/** Takes the outer packet buffer[offset..offset + length) from a radio; `link`: who sent its frames. Views. */
export type TakePacket = (radio: number, buffer: Uint8Array, offset: number, length: number, link: Uint8Array) => void;

export interface Air {
  ports: Port[];
  peers: Peers;
  /** Who takes packets; set once, by what is above. */
  take: TakePacket;
  /** Sends by another gateway; false: it cannot. Set where this one is in a cluster. */
  away: ((way: Way, peer: Peer, packet: Uint8Array) => boolean) | null;
  /** Sends packet[0..size) to a peer: '' when it is queued, else the reason. */
  send(peer: Peer, packet: Uint8Array, size: number): string;
  /**
   * An authenticated packet came from the outer address at packet[at..], by this link-layer address; `way`: to another gateway,
   * whose radio is called as this one's.
   */
  heard(radio: number, packet: Uint8Array, at: number, link: Uint8Array, way: Way | null): Peer;
  /** What came from this outer address by another gateway was heard here, too. */
  here(address: Uint8Array): void;
}

function createPort(
  radio: Radio,
  config: CheckedRadio,
  contexts: Uint8Array,
  provider: Provider,
  upper: LowpanUpper,
): Port {
  const dice = new Uint8Array(10);
  provider.random(dice, 0, 10);
  const maxSize = config.maxSize ?? DATAGRAM_MAX;
  const lowpan = createLowpan({
    contexts,
    nhc: createUdpCompression(false),
    reassembly: createReassemblyTable(
      config.reassemblies ?? REASSEMBLIES,
      maxSize,
      config.reassemblyTime ?? 10000,
      provider.random,
    ),
    upper,
    queue: config.queue ?? 32,
    maxSize,
    tag: (dice[8] << 8) | dice[9],
  });
  // Without a given EUI-64: an individual, locally administered one [RFC 4291 Appendix A].
  dice[0] = (dice[0] & 0xfc) | 2;
  const mac = createMac({
    panId: config.panId,
    shortAddress: config.shortAddress ?? 0xffff,
    extendedAddress: config.address ?? radio.eui64?.() ?? dice.subarray(0, 8),
    phy: radio,
    upper: lowpan,
    random: provider.random,
    queue: 1,
    neighbours: config.neighbours ?? NEIGHBOURS,
    ackWait: ackWaitOf(config),
  });
  lowpan.attach(mac);
  return { name: config.name, mac, lowpan, maxSize, inFlight: new Map() };
}

/** `lostAfter`: packets in a row without acknowledgement after which a peer counts as lost. */
export function createAir(
  bus: Bus,
  radios: Radio[],
  checked: CheckedConfig,
  provider: Provider,
  lostAfter: number,
): Air {
  const { bounded } = bus;
  const peers = createPeers(PEERS_MAX);

  /** The end of a packet to a peer: 0, or a drop code. */
  function ended(peer: Peer | undefined, result: number): void {
    if (peer === undefined) return;
    if (result === 0) {
      peer.failing = 0;
      return;
    }
    peer.failed++;
    bounded.log(
      'debug',
      'link',
      dropName(result),
      () => `${peerText(peer)}: ${dropName(result)}`,
      {},
      sourceOf(peer.address),
    );
    if (++peer.failing < lostAfter || peer.lost) return;
    peer.lost = true;
    bounded.peer(
      'warn',
      'peer',
      'lost',
      () => `${peerText(peer)} is lost: ${dropName(result)}`,
      {},
      sourceOf(peer.address),
    );
    bus.emit('lost', addressText(peer.address));
  }

  const ports = checked.radios.map((config, index) => {
    const port: Port = createPort(radios[index], config, checked.contexts, provider, {
      packet: (buffer, offset, length, { octets, at, size }) =>
        air.take(index, buffer, offset, length, octets.subarray(at, at + size)),
      done(tag, result) {
        const peer = port.inFlight.get(tag);
        port.inFlight.delete(tag);
        ended(peer, result);
      },
    });
    return port;
  });
  for (const { address, radio, link } of checked.peers) peers.configure(address, radio, link);

  const air: Air = {
    ports,
    peers,
    take() {},
    away: null,
    send(peer, packet, size) {
      if (peer.way !== null && air.away?.(peer.way, peer, packet.subarray(0, size))) return '';
      const port = ports[peer.radio];
      const tag = port.lowpan.send(packet, 0, size, addressOf(peer.link), bus.now());
      if (tag < 0) {
        bounded.log(
          'debug',
          'link',
          dropName(tag),
          () => `${peerText(peer)}: ${dropName(tag)}`,
          {},
          sourceOf(peer.address),
        );
        return dropName(tag);
      }
      port.inFlight.set(tag, peer);
      bus.wake(peer.radio);
      return '';
    },
    here(address) {
      const peer = peers.get(address, 0);
      if (peer !== undefined) peer.way = null;
    },
    heard(radio, packet, at, link, way) {
      const { peer, moved } = peers.learn(packet, at, radio, link, bus.now());
      if (moved) {
        bounded.peer(
          'info',
          'peer',
          'moved',
          () => `${peerText(peer)} on ${ports[radio].name}`,
          {},
          sourceOf(peer.address),
        );
        bus.emit('peer', addressText(peer.address), ports[radio].name);
      }
      peer.failing = 0;
      peer.way = way;
      if (way === null) peer.signal = radios[radio].signal?.() ?? peer.signal;
      if (peer.lost) {
        peer.lost = false;
        bounded.peer('info', 'peer', 'back', () => `${peerText(peer)} is back`, {}, sourceOf(peer.address));
        bus.emit('back', addressText(peer.address));
      }
      return peer;
    },
  };
  return air;
}
