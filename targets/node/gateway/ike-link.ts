// Connects the gateway's packets with its IKE: IKE messages in and out, over radios as UDP in an outer packet, over sockets
// with the non-ESP marker if there may be a NAT. It also follows a peer's address by its authenticated packets.

import { u32 } from '../../../core/base/bytes.ts';
import type { Provider } from '../../../core/crypto/provider.ts';
import { type EespSa, isEesp } from '../../../core/eesp/sa.ts';
import type { Endpoint } from '../../../core/esp/endpoint.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import { createPace, isSuspect, mayAsk, type Pace } from '../../../core/esp/search.ts';
import { isNewest } from '../../../core/esp/window.ts';
import { rekeyChild } from '../../../core/ike/exchange/requests.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { Extension } from '../../../core/ike/state/ike.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { childPathOf, type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { IPV6_DST, IPV6_SIZE, IPV6_SRC } from '../../../core/wire/ipv6.ts';
import { addressOctets } from '../host/addresses.ts';
import { endpointText, octetsKey, readDatagram, writeDatagram } from '../host/datagram.ts';
import { errorText } from '../host/errors.ts';
import { besides } from '../host/keylog.ts';
import type { Pollable } from '../host/radio/radio.ts';
import type { Air } from './air.ts';
import { type Association, type Associations, innerOf } from './associations.ts';
import type { Bus } from './bus.ts';
import type { Carriers } from './carriers.ts';
import type { Cluster } from './cluster.ts';
import { type CheckedConfig, type GatewayConfig, hasPeers } from './config.ts';
import type { Elsewhere } from './elsewhere.ts';
import { createIkeHost, type HostRequest } from './ike-host.ts';
import { isWithin } from './owners.ts';
import { peerAt } from './peers.ts';
import type { Places } from './places.ts';
import { type AddressRange, createPool } from './pool.ts';
import { createRoster, type Roster } from './roster.ts';
import type { Keeper, KeeperConfig, Pair } from './state/keeper.ts';
import { addressesOf } from './state/own-groups.ts';
import type { StoredPath } from './state/records.ts';
import type { Restored } from './state/restore.ts';
import { createStreams, followEsp, isHere } from './streams.ts';
import type { IkeCounters, IkeMetrics } from './views.ts';
import type { Workers } from './workers/workers.ts';

const IKE_PORT = 500;
/** Milliseconds between looks at timers while this gateway may not send. */
const WITHOUT_LEASE = 50;
/** What 6LoWPAN carries is shorter; what a socket carries does not go through here. */
const MESSAGE_MAX = 4096;

/** What IKE joins. */
export interface IkeLinkParts {
  provider: Provider;
  endpoint: Endpoint;
  sas: Associations;
  air: Air;
  carriers: Carriers;
  places: Places;
  /** Null: this gateway is in no cluster. */
  away: Elsewhere | null;
  /** Of this gateway alone. */
  extensions: Extension[];
  /** Threads that have SAs of their own; null: none. */
  workers: Workers | null;
  /** Makes what keeps SAs in a store; null: there is none. */
  keep: ((config: Omit<KeeperConfig, 'journal' | 'records' | 'shared'>) => Keeper) | null;
}

export interface IkeLink extends Pollable {
  /** An outer UDP packet from a radio, the octets the callee's; false when it is no IKE for this gateway. */
  receive(radio: number, packet: Uint8Array, length: number, link: Uint8Array): boolean;
  /** An IKE message that did not come from a radio, the octets the callee's. False: it was dropped. */
  message(path: Path, octets: Uint8Array, offset: number, length: number): boolean;
  /** Where ESP of this SA goes when its peer is not on a radio; null: it is. */
  placeOf(association: Association): Path | null;
  /** The own address by which the SA of an ESP packet is found that came over `path`. */
  localOf(path: Path, spi: number): Uint8Array;
  /** See `Gateway.drain`. */
  drain(isOn: boolean): number;
  /** A packet went out under this SA at `now`. True: IKE has work because of it. */
  carried(association: Association, now: number): boolean;
  /** An authenticated packet of this SA came in at `now`, over this path or (null) from a radio. */
  heard(sa: Sa, association: Association | undefined, from: Path | null, now: number): void;
  /** The newest packet of this SA came over another path. */
  moved(association: Association, from: Path, now: number): void;
  /** An outer ESP packet for which there is no SA came from a radio, or its octets over another path. */
  unknown(radio: number, packet: Uint8Array, offset: number, link: Uint8Array): void;
  unknownAt(path: Path, spi: number): void;
  /** A packet of this SA was dropped: asks for a rekey when the peer's sequence numbers seem lost. */
  failed(sa: Sa): void;
  /** The same where that is known. */
  suspect(sa: Sa): void;
  /** Null where there is no store. */
  keeper: Keeper | null;
  /** Brings IKE SAs back from the records of a store. */
  restore(records: ReadonlyMap<string, Uint8Array>): Restored | null;
  /** Ends what belongs to groups that are another gateway's; peers are told nothing. */
  release(groups: string[]): void;
  /** What other gateways of the cluster have, by hints, and the place of this one: it gives no address of theirs. */
  others(hints: string[], place: number): void;
  /** Set where gateways share records. */
  cluster: Cluster | null;
  leave(): void;
  isLeaving(): boolean;
  /** Wipes and forgets all IKE SAs. */
  clear(): void;
  /** Takes the connections and the pool of another configuration; the number of IKE SAs that end for that. */
  follow(config: GatewayConfig, checked: CheckedConfig): Promise<number>;
  /** Live IKE SAs that have not ended: for this side of the API only. */
  sas(): IkeSa[];
  /** Peers that proved who they are. */
  roster: Roster;
  pairOf(child: ChildSa): Pair | undefined;
  find(spis: Uint8Array): IkeSa | undefined;
  ask(sa: IkeSa, request: HostRequest): void;
  /** When a peer came up, by its identity's key; -1: it is not. */
  upSince(id: string): number;
  /** Null where there is no IKE. */
  counters(): IkeCounters | null;
  metrics(): IkeMetrics | null;
}

/** Addresses that peers are not given: those that mean something behind the gateway. */
function reservedOf({ flows }: CheckedConfig, { tun }: GatewayConfig): Uint8Array[] {
  const own = (tun?.addresses ?? []).map((text) => addressOctets(text.split('/')[0])!);
  return [...flows.map((flow) => flow.destination), ...own];
}

/**
 * Inner addresses that the file gives to one peer, or that a configured SA has: in the pool they would go to others. What several
 * may have is no such.
 */
function fixedOf({ ike, sas }: GatewayConfig, { directions }: CheckedConfig): AddressRange[] {
  const pool = ike?.pool ?? [];
  const given = new Map<string, AddressRange | null>();
  sas.forEach(({ config }, index) => {
    const { start, end } = innerOf(config.attributes, directions[index]).remote;
    const isAll = pool.some(([first, last]) => isWithin({ start: first, end: last }, { start, end }));
    if (!isAll) given.set(`sas ${index}`, [start, end]);
  });
  for (const { policy, remote } of ike?.connections ?? []) {
    for (const { isDynamic, start, end } of remote) {
      if (isDynamic) continue;
      const key = octetsKey(start) + octetsKey(end);
      const isRange = Buffer.compare(start, end) !== 0;
      const holds = ([first, last]: AddressRange): boolean => isWithin({ start: first, end: last }, { start, end });
      const isShared = isRange && (given.has(key) || policy.remoteId === null || pool.some(holds));
      given.set(key, isShared ? null : [start, end]);
    }
  }
  const named: AddressRange[] = [];
  const bounds = pool.map(([first, last]) => [octetsKey(first), octetsKey(last)]);
  for (const { start, end } of ike?.named?.ranges ?? []) {
    if (!bounds.some(([first, last]) => first.length === start.length && start <= last && first <= end)) continue;
    named.push([Uint8Array.from(Buffer.from(start, 'latin1')), Uint8Array.from(Buffer.from(end, 'latin1'))]);
  }
  return [...given.values(), ...named].filter((range) => range !== null);
}

export function createIkeLink(bus: Bus, config: GatewayConfig, checked: CheckedConfig, parts: IkeLinkParts): IkeLink {
  const { sas, air, carriers, places, away } = parts;
  const radios = checked.radios.length;
  const built = new Uint8Array(MESSAGE_MAX);
  const paces = new WeakMap<IkeSa, Pace>();
  // Whole milliseconds: sums of them are exact.
  const now = (): number => Math.floor(bus.now());

  /** Sends an IKE message. On a radio an answer goes where the question came from, all else where the peer proved to be. */
  function transmit(path: Path, octets: Uint8Array, replyTo: Path | null): void {
    if (path.port >= radios) {
      if (!away?.sendIke(path, octets, path === replyTo)) carriers.sendIke(path, octets);
      return;
    }
    const { local: source, localPort: sourcePort, remote: destination, remotePort: destinationPort } = path;
    const length = writeDatagram(built, { source, sourcePort, destination, destinationPort, payload: octets });
    if (length < 0) {
      bus.drop('ike', 'too-long');
      return;
    }
    const isAnswer = replyTo !== null && Buffer.compare(replyTo.remote, path.remote) === 0;
    const { port, link } = isAnswer ? replyTo : path;
    // Where the peer proved to be; before that, where it says that it is.
    const known = isAnswer ? undefined : air.peers.get(path.remote, 0);
    const way = isAnswer ? (away?.cameBy(replyTo) ?? null) : null;
    air.send(known ?? { ...peerAt(path.remote, port, link), way }, built, length);
  }

  const keylogFailed = (error: unknown): void => {
    bus.drop('ike', 'keylog');
    bus.bounded.log('warn', 'ike', 'keylog', () => `key log: ${errorText(error)}`);
  };
  const keeper = parts.keep?.({ now, placeOf: ({ port }) => places.nameOf(port) }) ?? null;

  /** The path of a record here. A gateway that takes it over may hear its peers at another address. */
  function find(path: StoredPath): Path | null {
    const port = away === null ? places.portOf(path.port) : places.likeOf(path.port, path.local.length);
    if (port < 0) return null;
    if (port < radios || port === places.portOf(path.port)) return { ...path, port };
    const { local, port: plain, natPort } = carriers.udp[port - radios];
    return { ...path, local, localPort: path.encapsulated ? natPort : plain, port };
  }

  /** True where the message is of an IKE SA of another gateway. */
  function isElsewhere(path: Path, octets: Uint8Array, offset: number, length: number): boolean {
    if (away === null || ike === null) return false;
    const { here, spi } = ike.isHere(octets, offset, length);
    if (!here) away.ike(path, octets.subarray(offset, offset + length), spi);
    return !here;
  }

  const streams = carriers.tcp === null ? null : createStreams(carriers.tcp, carriers.udp, radios);
  const pool = createPool(config.ike?.pool ?? [], reservedOf(checked, config), fixedOf(config, checked));
  const ike =
    config.ike === undefined || !hasPeers(config)
      ? null
      : createIkeHost({
          ike: {
            ...config.ike,
            ...(config.ike.keylog === undefined ? {} : { keylog: besides(config.ike.keylog, keylogFailed) }),
          },
          provider: parts.provider,
          extensions: parts.extensions,
          endpoint: parts.endpoint,
          sas,
          pool,
          radios,
          log: bus.log,
          bounded: bus.bounded,
          keeper,
          workers: parts.workers,
          streams,
          udp: carriers.udp,
          isShared: away !== null,
          place: () => link.cluster?.index() ?? -1,
          exhausted: () => link.cluster?.exhausted(),
          hasIp: carriers.raw !== null,
          wall: config.wall ?? (config.clock === undefined ? Date.now : now),
          transmit,
          proved(path) {
            if (path.port < radios) air.heard(path.port, path.remote, 0, path.link, away?.cameBy(path) ?? null);
            else away?.heard(path);
          },
          emit: bus.emit,
          drop: bus.drop,
        });

  const link: IkeLink = {
    cluster: null,
    receive(radio, packet, length, from) {
      if (ike === null) return false;
      const message = readDatagram(packet, length);
      if (message === null || message.destinationPort !== IKE_PORT) return false;
      if (!checked.addresses.some((one) => Buffer.compare(one, message.destination) === 0)) return false;
      const path: Path = {
        local: message.destination.slice(),
        localPort: IKE_PORT,
        remote: message.source.slice(),
        remotePort: message.sourcePort,
        encapsulated: false,
        port: radio,
        link: from,
      };
      const { payload } = message;
      if (away?.isTwice(path.remote, payload)) return true;
      if (away !== null && link.cluster?.isHeld() && ike.isFirst(payload)) {
        away.first(path, payload, () => void link.message(path, payload, 0, payload.length));
      } else link.message(path, payload, 0, payload.length);
      return true;
    },
    message(path, octets, offset, length) {
      if (link.cluster?.isHeld() === false) {
        bus.drop('state', 'no-lease');
        return false;
      }
      if (isElsewhere(path, octets, offset, length)) return false;
      const code = ike?.receive(path, octets, offset, length, now()) ?? -1;
      bus.wake(0);
      return code >= 0;
    },
    localOf: (path, spi) => ike?.mobility.localOf(spi, path.local) ?? path.local,
    drain: (isOn) => {
      const told = ike?.drain(isOn, now()) ?? 0;
      bus.wake(0);
      return told;
    },
    placeOf({ owner }) {
      if (owner === null) return null;
      const path = childPathOf(owner.ike, owner.child);
      return path.port < radios ? null : path;
    },
    carried: (association, time) => ike?.carried(association, Math.floor(time)) ?? false,
    heard(sa, association, from, time) {
      const owner = association?.owner;
      if (owner === undefined || owner === null) return;
      ike?.heard(owner, Math.floor(time));
      if (from === null) return;
      away?.heard(from);
      // The newest packet says where the peer is [RFC 7296 §2.23].
      const { sn } = parts.endpoint;
      if (childPathOf(owner.ike, owner.child) === from) return;
      // Without replay protection it may have been the newest before.
      const isLast = sa.form.replayWindow > 0 && isNewest(isEesp(sa) ? (sa as EespSa).last : sa, sn.hi, sn.lo);
      if (isLast) link.moved(association!, from, time);
    },
    moved({ owner }, from, time) {
      if (owner === null) return;
      const old = childPathOf(owner.ike, owner.child);
      if (isHere(old, from) || !ike?.saw(owner, from, Math.floor(time))) return;
      if (!followEsp(owner.ike, owner.child, from, carriers.raw !== null)) return;
      keeper?.moved(owner.ike, owner.child);
      const line = (): string => {
        const places = [old, from].map(({ remote, remotePort }) => endpointText(remote, remotePort));
        return `${places[0]} is at ${places[1]} now`;
      };
      bus.bounded.peer('info', 'peer', 'moved', line, {}, owner.ike.policy.name);
    },
    unknown(radio, packet, offset, from) {
      if (link.cluster !== null) return;
      const local = packet.slice(offset + IPV6_DST, offset + IPV6_DST + 16);
      if (!checked.addresses.some((one) => Buffer.compare(one, local) === 0)) return;
      const remote = packet.slice(offset + IPV6_SRC, offset + IPV6_SRC + 16);
      const ports = { localPort: IKE_PORT, remotePort: IKE_PORT, encapsulated: false };
      ike?.unknownSpi({ local, remote, ...ports, port: radio, link: from }, u32(packet, offset + IPV6_SIZE), now());
    },
    unknownAt(path, spi) {
      // In a cluster it may be that of another gateway.
      if (link.cluster === null) ike?.unknownSpi(path, spi, now());
    },
    failed(sa) {
      if (isSuspect(sa, bus.now())) link.suspect(sa);
    },
    suspect(sa) {
      if (ike === null) return;
      const owner = sas.of(sa)?.owner;
      if (owner === undefined || owner === null || owner.ike.state !== STATE_ESTABLISHED) return;
      const pace = paces.get(owner.ike) ?? createPace();
      paces.set(owner.ike, pace);
      if (!mayAsk(pace, now())) return;
      bus.log('info', 'ike', () => `${sas.nameOf(sa)}: packets fail and none is good: the Child SA is rekeyed`);
      // The answer is a sign of life, and its absence the end of the IKE SA.
      ike.ask(owner.ike, (endpoint, one, time) => rekeyChild(endpoint, one, owner.child, time), now());
      bus.wake(0);
    },
    poll: () => {
      if (link.cluster?.isHeld() !== false) ike?.poll(now());
    },
    nextTimeout: () => {
      const next = ike?.nextTimeout() ?? -1;
      // What is due waits for the lease.
      return next < 0 || link.cluster?.isHeld() !== false ? next : Math.max(next, now() + WITHOUT_LEASE);
    },
    keeper,
    restore: (records) => ike?.restore(records, find, now()) ?? null,
    release: (groups) => ike?.release(groups, now()),
    others: (hints, place) => pool.divide(place, addressesOf(hints)),
    leave: () => ike?.leave(now()),
    isLeaving: () => ike?.isLeaving() ?? false,
    clear: () => ike?.clear(),
    async follow(next, nextChecked) {
      if (ike === null || next.ike === undefined || !hasPeers(next)) return 0;
      pool.follow(next.ike.pool, reservedOf(nextChecked, next), fixedOf(next, nextChecked));
      const ended = await ike.follow(next.ike, now);
      bus.wake(0);
      return ended;
    },
    sas: () => ike?.sas() ?? [],
    roster: ike?.roster ?? createRoster(),
    pairOf: (child) => ike?.pairOf(child),
    find: (spis) => ike?.find(spis),
    ask(sa, request) {
      ike?.ask(sa, request, now());
      bus.wake(0);
    },
    upSince: (id) => ike?.upSince(id) ?? -1,
    counters: () => ike?.counters() ?? null,
    metrics: () => ike?.metrics() ?? null,
  };
  return link;
}
