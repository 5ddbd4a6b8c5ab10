// The gateway's IKE: responders for its radios and for its UDP sockets, and the SAs that they set up.
//
// There are two endpoints. Peers on a radio are not behind a NAT, and their ESP lies directly in IPv6. Peers on UDP sockets
// always get ESP in UDP, because a process cannot receive it otherwise. So IKE_SA_INIT, which comes before the peer is known,
// differs between the two.

import { dropName } from '../../../core/base/drop-name.ts';
import type { Provider } from '../../../core/crypto/provider.ts';
import { MODE_TRANSPORT } from '../../../core/dietesp/attributes.ts';
import type { Endpoint } from '../../../core/esp/endpoint.ts';
import { isAgeing } from '../../../core/esp/sa.ts';
import { scopeOf } from '../../../core/esp/sa-table.ts';
import { allocateSpi } from '../../../core/esp/spi.ts';
import { fragmentation } from '../../../core/ike/codec/fragments.ts';
import { CP_INTERNAL_IP4_ADDRESS, CP_INTERNAL_IP6_ADDRESS } from '../../../core/ike/codec/numbers.ts';
import { clearIke } from '../../../core/ike/exchange/clear.ts';
import { createIke, heard, receiveIke } from '../../../core/ike/exchange/endpoint.ts';
import { COUNT_RECEIVED, COUNT_SENT, spiKey } from '../../../core/ike/exchange/registry.ts';
import { leaveIke, probe, rekeyChild } from '../../../core/ike/exchange/requests.ts';
import { ikeTimeout } from '../../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../../core/ike/exchange/timers.ts';
import { createTickets } from '../../../core/ike/ext/ticket.ts';
import type { ResponderConfig } from '../../../core/ike/setup/half-open.ts';
import { createResponder } from '../../../core/ike/setup/responder.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { Ike, IkeUpper } from '../../../core/ike/state/ike.ts';
import { outcomeName } from '../../../core/ike/state/outcome-name.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import type { IkePolicy } from '../../../core/ike/state/policy.ts';
import { childPathOf, type IkeSa, STATE_ENDED, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { addressText } from '../host/addresses.ts';
import { type Bounded, sourceOf } from '../host/bounded.ts';
import { announcedNames, identityKey, identityText } from '../host/config/ike-names.ts';
import { endpointText } from '../host/datagram.ts';
import { errorText } from '../host/errors.ts';
import { nodeExtensions, nodeFollowUps, nodeRounds } from '../host/full-ike.ts';
import type { Log } from '../host/log.ts';
import { createNodeAsymmetric } from '../host/provider/asymmetric.ts';
import type { Reasons } from '../host/reasons.ts';
import { childText } from '../host/sa-view.ts';
import { createAdvice, secretOf } from './advice.ts';
import type { Association, Associations, Owner } from './associations.ts';
import { createCompact } from './compact.ts';
import type { GatewayIkeConfig } from './config.ts';
import { type Configured, createConnections } from './connections.ts';
import { followConnections } from './differences.ts';
import type { Emit } from './events.ts';
import { createOwners } from './owners.ts';
import type { Pool } from './pool.ts';
import { createRefusals } from './refusals.ts';
import { shieldUpper } from './shield.ts';
import { type Keeper, type Pair, saOfMessage } from './state/keeper.ts';
import { type Restored, restoreSas } from './state/restore.ts';
import { createUp } from './up.ts';
import type { IkeMetrics } from './views.ts';

/** Milliseconds that an IKE SA stays after its end, to repeat its last answer; until a half-open one is forgotten. */
const LINGER = 5000;
const HALF_OPEN_TIME = 30000;
/** Milliseconds until a rekey for a count of packets is asked for again. */
const REKEY_AGAIN = 10000;

export interface IkeHostConfig {
  ike: GatewayIkeConfig;
  provider: Provider;
  endpoint: Endpoint;
  sas: Associations;
  pool: Pool;
  /** Paths with a port from here on are sockets. */
  radios: number;
  log: Log;
  bounded: Bounded;
  /**
   * Sends an IKE message; `replyTo`: the path of the message that is being answered, or null. The port of a path is the
   * index of the radio, or behind the radios of the socket.
   */
  transmit(path: Path, octets: Uint8Array, replyTo: Path | null): void;
  /** Milliseconds since 1970, for tickets. */
  wall(): number;
  /** Keeps SAs over a restart; null: nothing does. */
  keeper: Keeper | null;
  /** A peer on a radio proved that it is at this path. */
  proved(path: Path): void;
  emit: Emit;
  /** Counts what went wrong here, by reason. */
  drop(namespace: string, reason: string): string;
}

/** What is asked of an IKE SA: a function of core/ike/exchange/requests.ts. */
export type HostRequest = (ike: Ike, sa: IkeSa, now: number) => void;

export interface IkeHost {
  receive(path: Path, buffer: Uint8Array, offset: number, length: number, now: number): void;
  /** An authenticated packet of this SA came in. */
  heard(owner: Owner, now: number): void;
  /** ESP came over `path` that no SA is for; `spi`: its first four octets. */
  unknownSpi(path: Path, spi: number, now: number): void;
  /** A packet went out under `association`: asks for a rekey when its lifetime ends. */
  carried(association: Association, now: number): void;
  poll(now: number): void;
  nextTimeout(): number;
  /** Tells every peer that its SAs end. */
  leave(now: number): void;
  /** True while a peer has not confirmed that. */
  isLeaving(): boolean;
  /** Brings IKE SAs back from the records of a store. */
  restore(records: ReadonlyMap<string, Uint8Array>, portOf: (place: string) => number, now: number): Restored;
  /** Wipes and forgets all IKE SAs; peers are told nothing. */
  clear(): void;
  metrics(): IkeMetrics;
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

export function createIkeHost(config: IkeHostConfig): IkeHost {
  const { ike: settings, provider, endpoint, sas, pool, radios, log, keeper } = config;
  const pairs = new Map<ChildSa, Pair>();
  const connections = createConnections(settings, radios);
  const takenBy = createOwners(connections, pool, sas);
  const up = createUp();
  const compact = createCompact(connections, (child) => pairs.get(child)?.[0]);
  const outcomes: Reasons = {};
  const refusals = createRefusals(config.bounded, () => connections.list);
  if (keeper !== null) {
    keeper.digestOf = (sa) => connections.digestOf(sa.peerIdType, sa.peerId);
  }
  let established = 0;
  const isUdp = (path: Path): boolean => path.port >= radios;
  const nameOf = (sa: IkeSa): string => identityText(sa.peerIdType, sa.peerId);
  const idOf = (sa: IkeSa): string => identityKey(sa.peerIdType, sa.peerId);
  const where = (sa: IkeSa): string => endpointText(sa.path.remote, sa.path.remotePort);

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

  function untaken(sa: IkeSa, why: string): false {
    config.bounded.peer('warn', 'ike', 'not-taken', () => `${nameOf(sa)}: Child SA not taken: ${why}`, {}, idOf(sa));
    return false;
  }

  const upper: IkeUpper = {
    transmit(path, replyTo, buffer, offset, length) {
      refusals.answers(path, buffer, offset, ikeOf(path).message);
      const octets = buffer.subarray(offset, offset + length);
      if (keeper === null) {
        config.transmit(path, octets, replyTo);
        return;
      }
      const copied = octets.slice();
      keeper.message(saOfMessage(ikeOf(path), octets), () => config.transmit(path, copied, replyTo));
    },
    proved(sa, path) {
      const isHere = Buffer.compare(path.remote, sa.path.remote) === 0;
      if (path.link.length > 0 && isHere) config.proved(path);
    },
    // Behind a NAT a peer may get another address: then the SPI alone has to tell.
    allocateSpi: (path, offers) => allocateSpi(endpoint, scopeOf(path.local, path.remote, isUdp(path) ? 1 : 0), offers),
    install(sa, child, outgoing, incoming, first) {
      const path = childPathOf(sa, child);
      if (isUdp(path)) {
        if (!path.encapsulated) return untaken(sa, 'ESP must be in UDP here');
        if (outgoing.attributes.espSpiLsb !== 32) return untaken(sa, 'ESP in UDP needs 32 bits of the SPI');
        const isMoved = sa.behindNat || sa.peerBehindNat;
        if (child.mode === MODE_TRANSPORT && isMoved) return untaken(sa, 'transport mode does not go through a NAT');
        incoming.anyRemote = 1;
      }
      const taken = takenBy(sa, child);
      if (taken !== '') return untaken(sa, taken);
      const owner: Owner = { ike: sa, child, askedAt: -1 };
      const name = sa.policy.name;
      // The first Child SA of an IKE SA is newer than whatever the peer had before.
      const atFront = first || sa.state !== STATE_ESTABLISHED;
      let incomingSa: Association | null = null;
      try {
        incomingSa = sas.add({ name, config: incoming }, 'in', false, owner);
        const pair: Pair = [sas.add({ name, config: outgoing }, 'out', atFront, owner), incomingSa];
        pairs.set(child, pair);
        keeper?.installed(child, outgoing, incoming, pair);
      } catch (error) {
        if (incomingSa !== null) sas.end(incomingSa);
        return untaken(sa, errorText(error));
      }
      settings.keylog?.esp(sa, outgoing, incoming);
      const { name: suite } = outgoing.suite;
      config.bounded.peer('info', 'ike', 'child', () => `${nameOf(sa)}: ${childText(child, suite)}`, {}, idOf(sa));
      if (sa.state === STATE_ESTABLISHED) compact.child(sa, child);
      return true;
    },
    retire(_sa, child) {
      const pair = pairs.get(child);
      if (pair !== undefined) sas.retire(pair[0]);
    },
    remove(_sa, child) {
      keeper?.removed(child);
      const pair = pairs.get(child);
      pairs.delete(child);
      for (const association of pair ?? []) sas.end(association);
    },
    established(sa) {
      compact.ike(sa);
      keeper?.established(sa);
      established++;
      up.add(sa, !isUdp(sa.path));
      const line = (): string => `${nameOf(sa)} at ${where(sa)}: up (${sa.policy.name})`;
      config.bounded.peer('info', 'ike', 'up', line, {}, idOf(sa));
      const verifies = announcedNames(sa.announced);
      if (verifies.length > 0) log('debug', 'ike', () => `${nameOf(sa)} verifies ${verifies.join(' and ')}`);
      config.emit('up', nameOf(sa), sa.policy.name);
    },
    replaced(old, sa, now) {
      // The token of the new IKE SA, where the rekey was this side's.
      if (sa.initiator) probe(ikeOf(sa.path), sa, now);
      compact.ike(sa);
      keeper?.replaced(old, sa);
      for (const child of sa.children) {
        const pair = pairs.get(child);
        for (const association of pair ?? []) if (association.owner !== null) association.owner.ike = sa;
      }
      log('debug', 'ike', () => `${nameOf(sa)}: IKE SA rekeyed`);
    },
    ended(sa, outcome) {
      keeper?.ended(sa);
      const reason = outcomeName(outcome);
      outcomes[reason] = (outcomes[reason] ?? 0) + 1;
      const isKnown = sa.peerId.length > 0;
      up.remove(sa, !isUdp(sa.path));
      const id = identityKey(sa.peerIdType, sa.peerId);
      if (isKnown && !up.has(id)) pool.release(id);
      refusals.ended(sa, outcome, ikeOf(sa.path).message);
      config.emit('down', isKnown ? nameOf(sa) : '', reason);
    },
    childFailed(sa, outcome) {
      refusals.childFailed(sa, outcome, ikeOf(sa.path).message);
      config.emit('childFailed', nameOf(sa), outcomeName(outcome));
    },
    refused(sa, reason) {
      refusals.refused(sa, reason, ikeOf(sa.path).message);
    },
    keys(sa, octets, size) {
      keeper?.keys(sa, octets);
      settings.keylog?.ike(sa, octets, size);
    },
    address(sa, type) {
      const size = type === CP_INTERNAL_IP4_ADDRESS ? 4 : type === CP_INTERNAL_IP6_ADDRESS ? 16 : 0;
      const address = connections.addressOf(sa.peerIdType, sa.peerId, size) ?? pool.lease(idOf(sa), size);
      if (address === null) {
        const line = (): string => `${nameOf(sa)}: no address is left in the pool`;
        config.bounded.peer('warn', 'ike', 'pool', line, {}, idOf(sa));
      }
      return address;
    },
  };

  const ticketKey = settings.ticketKey ?? secretOf(provider, keeper, 'ticket', 16);
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
    };
    responders.push([responder, port]);
    return responder;
  }

  function create(port: number): Ike {
    return createIke({
      provider,
      asymmetric: createNodeAsymmetric(),
      upper: shieldUpper(upper, (error) => {
        config.drop('ike', 'internal');
        log('error', 'ike', () => (error instanceof Error ? (error.stack ?? error.message) : String(error)));
      }),
      extensions: [...nodeExtensions(), issuer.extension, advice.extension],
      unprotected: advice.unprotected,
      numbers: settings.numbers,
      responder: createResponder(responderOn(port)),
      intermediate: nodeRounds(connections.findPpk),
      followUps: nodeFollowUps(),
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

  return {
    receive(path, buffer, offset, length, now) {
      refusals.begin();
      const code = receiveIke(ikeOf(path), path, buffer, offset, length, now);
      if (code < 0) {
        const reason = dropName(code);
        const text = (): string => `dropped from ${endpointText(path.remote, path.remotePort)}: ${reason}`;
        config.bounded.log('debug', 'ike', reason, text, {}, sourceOf(path.remote));
      }
    },
    heard: (owner, now) => heard(owner.ike, now),
    unknownSpi: (path, spi, now) => advice.unknownSpi(ikeOf(path), path, spi, now),
    carried(association, now) {
      const { owner, sa } = association;
      if (owner === null || !isAgeing(sa, now)) return;
      if (owner.askedAt >= 0 && now - owner.askedAt < REKEY_AGAIN) return;
      owner.askedAt = now;
      rekeyChild(ikeOf(owner.ike.path), owner.ike, owner.child, now);
    },
    poll: (now) => endpoints.forEach((ike) => void pollIke(ike, now)),
    nextTimeout() {
      const times = endpoints.map(ikeTimeout).filter((time) => time >= 0);
      return times.length === 0 ? -1 : Math.min(...times);
    },
    restore(records, portOf, now) {
      const restored = restoreSas({ records, keeper: keeper!, log, now, portOf, ikeOf, connections }, (sa) => {
        up.add(sa, !isUdp(sa.path));
        if (!isUdp(sa.path)) config.proved(sa.path);
        const given = connections.addressOf(sa.peerIdType, sa.peerId, sa.address.length);
        if (sa.address.length > 0 && given === null) pool.keep(idOf(sa), sa.address);
      });
      for (const sa of all()) if (sa.state === STATE_ESTABLISHED) compact.ike(sa);
      return restored;
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
    },
    metrics: () => ({
      established,
      sas: all()
        .filter((sa) => sa.state === STATE_ESTABLISHED)
        .map((sa) => ({
          identity: nameOf(sa),
          name: sa.policy.name,
          remote: where(sa),
          address: sa.address.length === 0 ? '' : addressText(sa.address),
          children: sa.children.length,
        })),
      halfOpen: all().filter((sa) => sa.setup !== null).length,
      leases: pool.used(),
      received: endpoints.reduce((sum, ike) => sum + ike.counters[COUNT_RECEIVED], 0),
      sent: endpoints.reduce((sum, ike) => sum + ike.counters[COUNT_SENT], 0),
      outcomes: { ...outcomes },
    }),
  };
}
