// The gateway's IKE: responders for its radios and for its UDP sockets, and the SAs that they set up.
//
// There are two endpoints. Peers on a radio are not behind a NAT, and their ESP lies directly in IPv6. Peers on UDP sockets
// always get ESP in UDP, because a process cannot receive it otherwise. So IKE_SA_INIT, which comes before the peer is known,
// differs between the two.

import { DROP_UNSUPPORTED } from '../../../core/base/drop.ts';
import { dropName } from '../../../core/base/drop-name.ts';
import { isAgeing } from '../../../core/esp/sa.ts';
import { fragmentation } from '../../../core/ike/codec/fragments.ts';
import { IKE_EXCHANGE, IKE_FLAGS, IKE_SIZE, IKE_SPI_I, IKE_SPI_R } from '../../../core/ike/codec/message.ts';
import { FLAG_INITIATOR, IKE_SA_INIT, IKE_SESSION_RESUME } from '../../../core/ike/codec/numbers.ts';
import { NONE } from '../../../core/ike/codec/octets.ts';
import { clearIke } from '../../../core/ike/exchange/clear.ts';
import { createIke, heard, receiveIke } from '../../../core/ike/exchange/endpoint.ts';
import { COUNT_RECEIVED, COUNT_SENT, spiKey } from '../../../core/ike/exchange/registry.ts';
import { leaveIke, rekeyChild } from '../../../core/ike/exchange/requests.ts';
import { ikeTimeout } from '../../../core/ike/exchange/schedule.ts';
import { endIkeSa } from '../../../core/ike/exchange/session.ts';
import { pollIke } from '../../../core/ike/exchange/timers.ts';
import { createTickets } from '../../../core/ike/ext/ticket.ts';
import type { ResponderConfig } from '../../../core/ike/setup/half-open.ts';
import { createResponder } from '../../../core/ike/setup/responder.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import { OUTCOME_CLOSED } from '../../../core/ike/state/outcome.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import type { IkePolicy } from '../../../core/ike/state/policy.ts';
import { type IkeSa, STATE_ENDED, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { addressText } from '../host/addresses.ts';
import { sourceOf } from '../host/bounded.ts';
import { identityKey, identityText } from '../host/config/ike-names.ts';
import { createHostSync } from '../host/counter-sync.ts';
import { endpointText } from '../host/datagram.ts';
import { amongExtensions, hostEesp } from '../host/eesp.ts';
import { nodeExtensions, nodeFollowUps, nodeRounds } from '../host/full-ike.ts';
import { createNodeAsymmetric } from '../host/provider/asymmetric.ts';
import type { Reasons } from '../host/reasons.ts';
import { createAdvice, secretOf } from './advice.ts';
import type { Association, Owner } from './associations.ts';
import { createCompact } from './compact.ts';
import { type Configured, createConnections } from './connections.ts';
import { followConnections } from './differences.ts';
import { createFurther } from './further.ts';
import { createIkeUpper, type IkeHostConfig, idOf, nameOf, whereOf } from './ike-upper.ts';
import { createMobility, type Mobility } from './mobility.ts';
import { createRefusals } from './refusals.ts';
import { createRoster, type Roster } from './roster.ts';
import { shieldUpper } from './shield.ts';
import type { Pair } from './state/keeper.ts';
import type { FindPath } from './state/records.ts';
import { type Restored, restoreSas } from './state/restore.ts';
import { isStream } from './streams.ts';
import { createUp } from './up.ts';
import type { IkeCounters, IkeMetrics } from './views.ts';

/** Milliseconds that an IKE SA stays after its end, to repeat its last answer; until a half-open one is forgotten. */
const LINGER = 5000;
const HALF_OPEN_TIME = 30000;
/** Milliseconds until a rekey for a count of packets is asked for again. */
const REKEY_AGAIN = 10000;

/** What is asked of an IKE SA: a function of core/ike/exchange/requests.ts. */
export type HostRequest = (ike: Ike, sa: IkeSa, now: number) => void;

export interface IkeHost {
  /** Takes an IKE message. 0, or a drop code. */
  receive(path: Path, buffer: Uint8Array, offset: number, length: number, now: number): number;
  /** An authenticated packet of this SA came in. */
  heard(owner: Owner, now: number): void;
  /** The newest packet of this SA came over another path: true where it may follow at once. */
  saw(owner: Owner, path: Path, now: number): boolean;
  /** ESP came over `path` that no SA is for; `spi`: its first four octets. */
  unknownSpi(path: Path, spi: number, now: number): void;
  /** A packet went out under `association`: asks for a rekey when its lifetime ends, and then tells so. */
  carried(association: Association, now: number): boolean;
  /** Moves, and what is told of another gateway. */
  mobility: Mobility;
  drain(isOn: boolean, now: number): number;
  poll(now: number): void;
  nextTimeout(): number;
  /** Tells every peer that its SAs end. */
  leave(now: number): void;
  /** True while a peer has not confirmed that. */
  isLeaving(): boolean;
  /** Brings IKE SAs back from the records of a store. */
  restore(records: ReadonlyMap<string, Uint8Array>, find: FindPath, now: number): Restored;
  /** False for a message of an IKE SA that is not here; `hint`: its SPI of ours. */
  isHere(buffer: Uint8Array, offset: number, length: number): { here: boolean; spi: Uint8Array };
  /** True for the first message of an IKE SA. */
  isFirst(message: Uint8Array): boolean;
  /** Ends what belongs to these groups, which are another gateway's; peers are told nothing. */
  release(groups: string[], now: number): void;
  /** Wipes and forgets all IKE SAs; peers are told nothing. */
  clear(): void;
  counters(): IkeCounters;
  metrics(): IkeMetrics;
  /** See `Up.since`. */
  upSince(id: string): number;
  /** Peers that proved who they are. */
  roster: Roster;
  /** The SAs of a Child SA. */
  pairOf(child: ChildSa): Pair | undefined;
  /**
   * Takes other connections. IKE SAs of peers that are none any more, or whose credentials, proposals or selectors are others,
   * are told to end; the rest goes on, with new times. In slices; the number of those that end.
   */
  follow(next: Configured, now: () => number): Promise<number>;
  /** IKE SAs that have not ended; and a request about one (core/ike/exchange/requests.ts). */
  sas(): IkeSa[];
  /** The one with these SPIs (16 octets), if it has not ended. */
  find(spis: Uint8Array): IkeSa | undefined;
  ask(sa: IkeSa, request: HostRequest, now: number): void;
}

function isFirst(buffer: Uint8Array, offset: number): boolean {
  const exchange = buffer[offset + IKE_EXCHANGE];
  return exchange === IKE_SA_INIT || exchange === IKE_SESSION_RESUME;
}

export function createIkeHost(config: IkeHostConfig): IkeHost {
  const { ike: settings, provider, pool, radios, log, keeper } = config;
  const pairs = new Map<ChildSa, Pair>();
  const connections = createConnections(settings, radios, settings.esp);
  const up = createUp();
  const roster = createRoster();
  const compact = createCompact(connections, (child) => pairs.get(child)?.[0]);
  const counts = { established: 0, rekeyedIke: 0, rekeyedChild: 0, outcomes: {} as Reasons };
  const further = createFurther(config, (path) => ikeOf(path));
  const mobility = createMobility({
    mobike: settings.mobike === true,
    isShared: config.isShared,
    redirect: settings.redirect ?? null,
    udp: config.udp,
    radios,
    moved(sa, line) {
      for (const child of sa.children) keeper?.moved(sa, child);
      config.bounded.peer('info', 'peer', 'moved', line, {}, idOf(sa));
    },
  });
  const refusals = createRefusals(config.bounded, () => connections.list);
  if (keeper !== null) {
    keeper.digestOf = (sa) => connections.digestOf(sa.peerIdType, sa.peerId);
  }
  const isUdp = (path: Path): boolean => path.port >= radios;

  /** Nobody has proved the identity yet: nothing is kept of it. */
  function findPolicy(type: number, data: Uint8Array, path: Path): IkePolicy | null {
    const connection = connections.find(type, data);
    refusals.claims(type, data, path, connection ?? null);
    if (connection === undefined) return null;
    // On a radio anybody can write any source, and would from then on get what is meant for the peer that is there.
    const other = isUdp(path) ? undefined : up.otherAt(path.remote, identityKey(type, data));
    if (other !== undefined) {
      refusals.taken(path, identityText(other.type, other.data));
      return null;
    }
    return connections.policyOn(connection, path, false);
  }

  const upper = createIkeUpper(config, {
    pairs,
    connections,
    up,
    roster,
    compact,
    further,
    refusals,
    mobility,
    counts,
    isUdp,
    ikeOf: (path) => ikeOf(path),
  });

  const ticketKey = settings.ticketKey ?? secretOf(provider, keeper, 'ticket', 16);
  // What a worker sends is not numbered here.
  const counterSync = config.workers === null ? createHostSync((child) => pairs.get(child)?.[0].sa) : null;
  const advice = createAdvice(provider, keeper, settings.ticketKey, () => endpoints);
  // One for both endpoints: a ticket is good for once.
  const issuer = createTickets(provider, ticketKey, config.wall);

  // With the port of their paths: their fallback follows another configuration.
  const responders: [ResponderConfig, number][] = [];
  function responderOn(port: number): ResponderConfig {
    const responder: ResponderConfig = {
      fallback: connections.fallbackOf({ port }),
      findPolicy,
      halfOpenMax: settings.halfOpenMax,
      cookieThreshold: settings.cookieThreshold,
      attemptsPerSource: settings.attemptsPerSource,
      attempts: settings.attempts,
      halfOpenTime: HALF_OPEN_TIME,
      tickets: issuer.tickets,
      // Whoever connected by TCP is where it says.
      isThere: isStream,
    };
    responders.push([responder, port]);
    return responder;
  }

  function create(port: number): Ike {
    const overTcp = port < radios ? undefined : config.streams?.transports;
    const shielded = shieldUpper(upper, (error) => {
      config.drop('ike', 'internal');
      log('error', 'ike', () => (error instanceof Error ? (error.stack ?? error.message) : String(error)));
    });
    const eesp = port < radios ? null : hostEesp(settings.numbers, shielded);
    return createIke({
      provider,
      asymmetric: createNodeAsymmetric(),
      upper: shielded,
      protocols: eesp === null ? [] : [eesp.protocol],
      extensions: [
        ...(overTcp === undefined ? [] : [overTcp.begin]),
        ...(eesp === null ? nodeExtensions() : amongExtensions(nodeExtensions(), eesp)),
        issuer.extension,
        advice.extension,
        ...(counterSync === null ? [] : [counterSync.extension]),
        ...(overTcp === undefined ? [] : [overTcp.notify]),
        ...(port < radios ? [] : mobility.extensions),
        ...config.extensions,
      ],
      unprotected: advice.unprotected,
      sync: counterSync?.sync,
      numbers: settings.numbers,
      responder: createResponder(responderOn(port)),
      intermediate: nodeRounds(connections.findPpk),
      followUps: nodeFollowUps(),
      follow: port < radios ? undefined : mobility.follow,
      resumption: null,
      reassembly: fragmentation,
      maxMessage: settings.maxMessage,
      keylog: settings.keylog !== undefined || keeper !== null,
      linger: LINGER,
    });
  }

  const onRadio = create(0);
  const onUdp = create(radios);
  const endpoints = [onRadio, onUdp];
  const all = (): IkeSa[] => endpoints.flatMap((ike) => ike.sas);
  const ikeOf = (path: Path): Ike => (isUdp(path) ? onUdp : onRadio);

  const counters = (): IkeCounters => ({
    established: counts.established,
    up: up.count(),
    rekeyedIke: counts.rekeyedIke,
    rekeyedChild: counts.rekeyedChild,
    halfOpen: all().reduce((sum, { setup }) => (setup === null ? sum : sum + 1), 0),
    leases: pool.used(),
    received: endpoints.reduce((sum, ike) => sum + ike.counters[COUNT_RECEIVED], 0),
    sent: endpoints.reduce((sum, ike) => sum + ike.counters[COUNT_SENT], 0),
    outcomes: { ...counts.outcomes },
  });

  return {
    mobility,
    drain: (isOn, now) => mobility.drain(isOn, all(), ikeOf, now),
    receive(path, buffer, offset, length, now) {
      refusals.begin();
      if (config.streams?.isStray(ikeOf(path), path, buffer, offset, length)) {
        config.drop('ike', isStream(path) ? 'over-tcp' : 'not-over-tcp');
        return DROP_UNSUPPORTED;
      }
      const away = mobility.sendAway(ikeOf(path), path, buffer, offset, length);
      if (away.length > 0) {
        config.transmit(path, away, path);
        return 0;
      }
      const code = receiveIke(ikeOf(path), path, buffer, offset, length, now);
      if (code < 0) {
        const reason = dropName(code);
        const text = (): string => `dropped from ${endpointText(path.remote, path.remotePort)}: ${reason}`;
        config.bounded.log('debug', 'ike', reason, text, {}, sourceOf(path.remote));
      }
      return code;
    },
    heard: (owner, now) => heard(owner.ike, now),
    saw: (owner, path, now) => mobility.saw(ikeOf(owner.ike.path), owner.ike, path, now),
    unknownSpi: (path, spi, now) => advice.unknownSpi(ikeOf(path), path, spi, now),
    carried(association, now) {
      const { owner, sa } = association;
      if (owner === null || !isAgeing(sa, now)) return false;
      if (owner.askedAt >= 0 && now - owner.askedAt < REKEY_AGAIN) return false;
      owner.askedAt = now;
      rekeyChild(ikeOf(owner.ike.path), owner.ike, owner.child, now);
      return true;
    },
    poll(now) {
      further.poll(now);
      mobility.poll(now);
      for (const ike of endpoints) pollIke(ike, now);
    },
    nextTimeout() {
      const times = [further.nextTimeout(), ...endpoints.map(ikeTimeout)].filter((time) => time >= 0);
      return times.length === 0 ? -1 : Math.min(...times);
    },
    restore(records, find, now) {
      const came: IkeSa[] = [];
      const restored = restoreSas({ records, keeper: keeper!, log, now, find, ikeOf, connections }, (sa) => {
        came.push(sa);
        up.add(sa, !isUdp(sa.path), now);
        roster.add(sa);
        if (!isUdp(sa.path)) config.proved(sa.path);
        const given = connections.addressOf(sa.peerIdType, sa.peerId, sa.address.length);
        if (sa.address.length > 0 && given === null) pool.keep(idOf(sa), sa.address);
      });
      for (const sa of came) {
        if (sa.state !== STATE_ESTABLISHED) continue;
        compact.ike(sa);
        further.look(sa, now);
      }
      return restored;
    },
    isFirst: (message) => message.length >= IKE_SIZE && isFirst(message, 0),
    isHere(buffer, offset, length) {
      const isWhole = length >= IKE_SIZE;
      if (!isWhole || isFirst(buffer, offset)) return { here: true, spi: new Uint8Array(0) };
      const at = offset + ((buffer[offset + IKE_FLAGS] & FLAG_INITIATOR) !== 0 ? IKE_SPI_R : IKE_SPI_I);
      const key = spiKey(buffer, at);
      return { here: endpoints.some(({ bySpi }) => bySpi[key] !== undefined), spi: buffer.slice(at, at + 8) };
    },
    release(groups, now) {
      for (const sa of keeper?.lose(groups) ?? []) {
        // Its last answer is the other gateway's as well.
        sa.response = NONE;
        endIkeSa(ikeOf(sa.path), sa, OUTCOME_CLOSED, now);
      }
    },
    leave(now) {
      for (const ike of endpoints) {
        for (const sa of [...ike.sas]) if (sa.state === STATE_ESTABLISHED) leaveIke(ike, sa, now);
        pollIke(ike, now);
      }
    },
    follow(next, now) {
      const before = connections.follow(next);
      for (const [responder, port] of responders) responder.fallback = connections.fallbackOf({ port });
      return followConnections(before, connections, all(), (sa) => leaveIke(ikeOf(sa.path), sa, now()));
    },
    sas: () => all().filter(({ state }) => state !== STATE_ENDED),
    find(spis) {
      if (spis.length !== 16) return undefined;
      const own = [8, 0].flatMap((at) => endpoints.map((ike) => ike.bySpi[spiKey(spis, at)]));
      return own.find((sa) => sa !== undefined && sa.state !== STATE_ENDED && Buffer.compare(sa.spis, spis) === 0);
    },
    ask: (sa, request, now) => request(ikeOf(sa.path), sa, now),
    isLeaving: () => up.count() > 0,
    clear() {
      for (const ike of endpoints) clearIke(ike);
      pairs.clear();
      roster.clear();
    },
    upSince: up.since,
    roster,
    pairOf: (child) => pairs.get(child),
    counters,
    metrics: () => ({
      ...counters(),
      sas: all()
        .filter((sa) => sa.state === STATE_ESTABLISHED)
        .map((sa) => ({
          identity: nameOf(sa),
          name: sa.policy.name,
          remote: whereOf(sa),
          address: sa.address.length === 0 ? '' : addressText(sa.address),
          children: sa.children.length,
        })),
    }),
  };
}
