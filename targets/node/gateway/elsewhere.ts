// What goes between the gateways of a cluster about one packet (relay.ts): where it came from, and by which gateway, radio or socket
// its peer is reached. A peer is reached by the way by which it was heard last, in a packet that was authenticated. Where this
// gateway hears it too, its own radio is used.

import { createHash } from 'node:crypto';
import { u32 } from '../../../core/base/bytes.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { IPV4_DST, IPV4_SIZE } from '../../../core/wire/ipv4.ts';
import { IPV6_DST, IPV6_SIZE, IPV6_SRC } from '../../../core/wire/ipv6.ts';
import { octetsKey } from '../host/datagram.ts';
import { decodePlain, encodePlain } from '../host/state/plain.ts';
import type { Carriers } from './carriers.ts';
import { type Peer, peerAt, type Way } from './peers.ts';
import type { Places } from './places.ts';
import type { Relay } from './relay.ts';
import type { Origin } from './sender.ts';
import { atHint, espHint, ikeHint, toHint } from './state/own-groups.ts';

/** Peers at sockets of other gateways. */
const AWAY_MAX = 65536;
/** Packets from radios that are remembered; milliseconds in which another gateway's copy comes. */
const HEARD_MAX = 4096;
const COPY_TIME = 500;

/** What carries inner packets, ESP, IKE, and packets of a radio as they were on the air. */
type Kind = 'inner' | 'esp' | 'ike' | 'air';

interface Parcel {
  kind: Kind;
  /** Radio or socket. */
  place: string;
  local: Uint8Array;
  localPort: number;
  remote: Uint8Array;
  remotePort: number;
  encapsulated: boolean;
  link: Uint8Array;
  origin: string;
  octets: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const EMPTY: Parcel = {
  ...{ kind: 'inner', place: '', local: NOTHING, localPort: 0, remote: NOTHING, remotePort: 0, encapsulated: false },
  ...{ link: NOTHING, origin: '', octets: NOTHING },
};

/** Null: it is not one. */
function parcelOf(octets: Uint8Array): Parcel | null {
  const plain = decodePlain(octets);
  if (plain === null) return null;
  const isGood = (Object.keys(EMPTY) as (keyof Parcel)[]).every((name) => {
    const [value, like] = [plain[name], EMPTY[name]];
    return like instanceof Uint8Array ? value instanceof Uint8Array : typeof value === typeof like;
  });
  return isGood ? (plain as unknown as Parcel) : null;
}

/** What takes packets of other gateways. */
export interface ElsewhereParts {
  carriers: Carriers;
  places: Places;
  radios: number;
  now(): number;
  /** ESP that came over this path, an IKE message, a packet from a radio; an inner packet: octets that would have fitted, or 0. */
  esp(path: Path, octets: Uint8Array): void;
  ike(path: Path, octets: Uint8Array): void;
  air(radio: number, packet: Uint8Array, link: Uint8Array): void;
  inner(packet: Uint8Array, origin: Origin): number;
  /** Sends a packet to a peer by a radio of this gateway. */
  send(peer: Peer, packet: Uint8Array): void;
  /** The last packet of ESP that was counted as one without an SA was none. */
  uncount(): void;
  /** A peer on a radio was heard here, too. */
  here(address: Uint8Array): void;
}

export interface Elsewhere {
  /** By which the packet came that is being taken; null: by this gateway's own. */
  current: Way | null;
  /** Notes that the message of this path came by `current`. */
  mark(path: Path): void;
  /** By which it came; null: by this gateway's own. */
  cameBy(path: Path): Way | null;
  /** An authenticated packet came over `path`. */
  heard(path: Path): void;
  /** True for a copy of what came by another way. `from`: who sent it. */
  isTwice(from: Uint8Array, octets: Uint8Array): boolean;
  /** Packets that no SA here is for. True: it is on its way, or another gateway only asked for it: no drop. */
  inner(packet: Uint8Array, length: number, origin: Origin, again: () => void, told: (fits: number) => void): boolean;
  esp(path: Path, octets: Uint8Array, isEesp: boolean): boolean;
  /** `isStrange`: there is no SA that may be its. */
  onAir(radio: number, packet: Uint8Array, link: Uint8Array, isStrange: boolean): boolean;
  /** `spi`: that of ours. */
  ike(path: Path, octets: Uint8Array, spi: Uint8Array): void;
  /** The first message of an IKE SA from a radio: `run` answers it. */
  first(path: Path, octets: Uint8Array, run: () => void): void;
  /** Sends by another gateway; false: this one has to. `path`: of the SA, or of the message that is answered. */
  sendEsp(path: Path, octets: Uint8Array): boolean;
  sendIke(path: Path, octets: Uint8Array, isAnswer: boolean): boolean;
  sendAir(way: Way, peer: Peer, packet: Uint8Array): boolean;
  /** See `RelayParts`. */
  take(octets: Uint8Array, from: string): number | null;
  transmit(octets: Uint8Array): void;
  /** Set before any packet comes. */
  relay: Relay;
}

export function createElsewhere(parts: ElsewhereParts): Elsewhere {
  const { carriers, places, radios, now } = parts;
  const came = new WeakMap<Path, Way>();
  /** Peers at sockets of other gateways, by where they are. */
  const away = new Map<string, Way>();
  /** Packets from radios: by whom they were heard, and when first. */
  const copies = new Map<string, { at: number; by: Set<string> }>();
  /** The SA of the packet that is being taken is not here. */
  let isMissed = false;

  const placeKey = ({ remote, remotePort }: Path): string => `${octetsKey(remote)} ${remotePort}`;
  const octetsOf = (parcel: Partial<Parcel>): Uint8Array => encodePlain({ ...EMPTY, ...parcel });

  function pathParcel(kind: Kind, path: Path, octets: Uint8Array, place = places.nameOf(path.port)): Uint8Array {
    const { local, localPort, remote, remotePort, encapsulated, link } = path;
    return octetsOf({ kind, place, local, localPort, remote, remotePort, encapsulated, link, octets });
  }

  /** The path of a packet; null: there is nothing by which it may have come. */
  function pathOf(parcel: Parcel, port: number): Path | null {
    const { local, localPort, remote, remotePort, encapsulated, link } = parcel;
    if (port < 0) return null;
    if (port < radios) return { local, localPort, remote, remotePort, encapsulated, port, link };
    const own = carriers.udp[port - radios];
    if (own === undefined) return null;
    const at = { local: own.local, localPort: encapsulated ? own.natPort : own.port };
    return { ...at, remote, remotePort, encapsulated, port, link };
  }

  /** A packet that another gateway has given here does not go on. */
  function unknown(hint: string, octets: () => Uint8Array, again: () => void, told?: (fits: number) => void): boolean {
    if (elsewhere.current === null) return elsewhere.relay.unknown(hint, octets(), again, told);
    isMissed = true;
    return true;
  }

  /** ESP that was counted as a drop, and is another gateway's. */
  function passed(isOthers: boolean): boolean {
    if (isOthers) parts.uncount();
    return isOthers;
  }

  /** What a packet that came by another gateway does here; octets that would have fitted. */
  function dispatch(parcel: Parcel): number {
    const { kind, place, remote, link, octets, origin } = parcel;
    if (kind === 'inner') return parts.inner(octets, origin === 'tun' ? 'tun' : 'own');
    const port = places.likeOf(place, remote.length);
    if (kind === 'air') {
      if (port < 0 || port >= radios || octets.length < IPV6_SIZE) isMissed = true;
      else parts.air(port, octets, link);
      return 0;
    }
    const path = pathOf(parcel, port);
    if (path === null) {
      isMissed = true;
      return 0;
    }
    elsewhere.mark(path);
    if (kind === 'esp') parts.esp(path, octets);
    else if (port >= radios || !elsewhere.isTwice(remote, octets)) parts.ike(path, octets);
    return 0;
  }

  const elsewhere: Elsewhere = {
    current: null,
    relay: undefined as unknown as Relay,
    mark(path) {
      if (elsewhere.current !== null) came.set(path, elsewhere.current);
    },
    cameBy: (path) => came.get(path) ?? null,
    heard(path) {
      const way = came.get(path);
      if (way === undefined) {
        if (away.size > 0) away.delete(placeKey(path));
        return;
      }
      const key = placeKey(path);
      away.delete(key);
      if (away.size >= AWAY_MAX) away.delete(away.keys().next().value!);
      away.set(key, way);
    },
    isTwice(from, octets) {
      const time = now();
      for (const [old, { at }] of copies) {
        if (time - at < COPY_TIME && copies.size <= HEARD_MAX) break;
        copies.delete(old);
      }
      const key = createHash('sha256').update(from).update(octets).digest('base64');
      const by = elsewhere.current?.session ?? '';
      const copy = copies.get(key);
      // Who hears it again heard a repetition.
      if (copy === undefined || copy.by.has(by)) {
        copies.delete(key);
        copies.set(key, { at: time, by: new Set([by]) });
        return false;
      }
      copy.by.add(by);
      elsewhere.relay.counters.heardTwice++;
      if (by === '') parts.here(from);
      return true;
    },
    inner(packet, length, origin, again, told) {
      const isFour = packet[0] >>> 4 === 4;
      if (length < (isFour ? IPV4_SIZE : IPV6_SIZE)) return false;
      const to = isFour ? packet.subarray(IPV4_DST, IPV4_DST + 4) : packet.subarray(IPV6_DST, IPV6_DST + 16);
      const octets = (): Uint8Array => octetsOf({ kind: 'inner', origin, octets: packet.subarray(0, length) });
      return unknown(toHint(to), octets, again, told);
    },
    esp(path, octets, isEesp) {
      const parcel = (): Uint8Array => pathParcel('esp', path, octets);
      return passed(unknown(espHint(u32(octets, isEesp ? 4 : 0)), parcel, () => parts.esp(path, octets)));
    },
    onAir(radio, packet, link, isStrange) {
      const hint = atHint(packet.subarray(IPV6_SRC, IPV6_SRC + 16));
      const parcel = (): Uint8Array => octetsOf({ kind: 'air', place: places.nameOf(radio), link, octets: packet });
      const isOthers = unknown(hint, parcel, () => parts.air(radio, packet, link));
      return isStrange && passed(isOthers);
    },
    ike(path, octets, spi) {
      const parcel = (): Uint8Array => pathParcel('ike', path, octets);
      unknown(ikeHint(spi), parcel, () => parts.ike(path, octets));
    },
    first(path, octets, run) {
      if (elsewhere.current !== null) run();
      else {
        const key = octetsKey(path.remote) + octetsKey(octets, 0, 8);
        elsewhere.relay.claim(key, pathParcel('ike', path, octets), run);
      }
    },
    sendEsp(path, octets) {
      const way = away.size === 0 ? undefined : away.get(placeKey(path));
      if (way === undefined) return false;
      return elsewhere.relay.send(way.session, pathParcel('esp', path, octets, way.place));
    },
    sendIke(path, octets, isAnswer) {
      const way = isAnswer ? came.get(path) : away.get(placeKey(path));
      return way !== undefined && elsewhere.relay.send(way.session, pathParcel('ike', path, octets, way.place));
    },
    sendAir({ session, place }, { address, link }, packet) {
      return elsewhere.relay.send(session, octetsOf({ kind: 'air', place, remote: address, link, octets: packet }));
    },
    take(octets, from) {
      const parcel = parcelOf(octets);
      if (parcel === null) return null;
      elsewhere.current = { session: from, place: parcel.place };
      isMissed = false;
      try {
        const fits = dispatch(parcel);
        return isMissed ? null : fits;
      } finally {
        elsewhere.current = null;
      }
    },
    transmit(octets) {
      const parcel = parcelOf(octets);
      const port = parcel === null ? -1 : places.portOf(parcel.place);
      if (parcel === null || port < 0) return;
      if (parcel.kind === 'air') {
        if (port < radios) parts.send(peerAt(parcel.remote, port, parcel.link), parcel.octets);
        return;
      }
      const path = port < radios ? null : pathOf(parcel, port);
      if (path === null) return;
      if (parcel.kind === 'esp') carriers.sendEsp(path, parcel.octets);
      else if (parcel.kind === 'ike') carriers.sendIke(path, parcel.octets);
    },
  };
  return elsewhere;
}
