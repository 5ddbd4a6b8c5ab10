// What the gateway's IKE asks of its host: SPIs, addresses, sending, and the SAs that it sets up or ends (`IkeUpper`).

import type { Provider } from '../../../core/crypto/provider.ts';
import { MODE_TRANSPORT } from '../../../core/dietesp/attributes.ts';
import { isEespConfig } from '../../../core/eesp/any.ts';
import type { Endpoint } from '../../../core/esp/endpoint.ts';
import { limitKey } from '../../../core/esp/key-limits.ts';
import { scopeOf } from '../../../core/esp/sa-table.ts';
import { allocateSpi } from '../../../core/esp/spi.ts';
import { CP_INTERNAL_IP4_ADDRESS, CP_INTERNAL_IP6_ADDRESS } from '../../../core/ike/codec/numbers.ts';
import { probe } from '../../../core/ike/exchange/requests.ts';
import { coapOf } from '../../../core/ike/ext/coap-profile.ts';
import { applySubspaces } from '../../../core/ike/ext/subspaces.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { Extension, Ike, IkeUpper } from '../../../core/ike/state/ike.ts';
import { outcomeName } from '../../../core/ike/state/outcome-name.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { childPathOf, type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import type { Bounded } from '../host/bounded.ts';
import type { ChildKeeper } from '../host/child-keeper.ts';
import { announcedNames, identityKey, identityText } from '../host/config/ike-names.ts';
import { endpointText } from '../host/datagram.ts';
import { allocateBothSpi } from '../host/eesp.ts';
import { errorText } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import type { Reasons } from '../host/reasons.ts';
import { childText } from '../host/sa-view.ts';
import { widenConfigs } from '../host/selectors.ts';
import type { Association, Associations, Owner } from './associations.ts';
import type { Compact } from './compact.ts';
import type { GatewayIkeConfig } from './config.ts';
import type { Connections } from './connections.ts';
import type { Emit } from './events.ts';
import type { Mobility } from './mobility.ts';
import { createOwners } from './owners.ts';
import type { Pool } from './pool.ts';
import type { Refusals } from './refusals.ts';
import type { Roster } from './roster.ts';
import { type Keeper, type Pair, saOfMessage } from './state/keeper.ts';
import type { Streams } from './streams.ts';
import type { UdpPort } from './udp.ts';
import type { Up } from './up.ts';
import type { Workers } from './workers/workers.ts';

export interface IkeHostConfig {
  ike: GatewayIkeConfig;
  provider: Provider;
  /** After those of every gateway. */
  extensions: Extension[];
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
  /** Threads that have SAs of their own; null: none. */
  workers: Workers | null;
  /** The gateway's UDP sockets. */
  udp: UdpPort[];
  /** IKE over TCP; null: there is none. */
  streams: Streams | null;
  /** This gateway is in a cluster. */
  isShared: boolean;
  /** Place of this gateway in a cluster, 0 to 15; -1: there is none. */
  place(): number;
  /** No address was left in the pool. */
  exhausted(): void;
  /** ESP is taken in IP protocol 50. */
  hasIp: boolean;
  /** A peer proved that it is at this path. */
  proved(path: Path): void;
  emit: Emit;
  /** Counts what went wrong here, by reason. */
  drop(namespace: string, reason: string): string;
}

/** Attempts to choose an SPI on a radio that no other gateway of a cluster chooses. */
const SPI_TRIES = 64;

/** What the upper side shares with the rest of the gateway's IKE. */
export interface UpperParts {
  /** SAs of each Child SA. */
  pairs: Map<ChildSa, Pair>;
  connections: Connections;
  up: Up;
  roster: Roster;
  compact: Compact;
  /** Asks for Child SAs of several that are missing. */
  further: ChildKeeper;
  refusals: Refusals;
  mobility: Mobility;
  /** IKE SAs that came up, rekeys, and ends of IKE SAs by reason. */
  counts: { established: number; rekeyedIke: number; rekeyedChild: number; outcomes: Reasons };
  isUdp(path: Path): boolean;
  ikeOf(path: Path): Ike;
}

/** Who the peer of an IKE SA is, for lines of the log. */
export const nameOf = (sa: IkeSa): string => identityText(sa.peerIdType, sa.peerId);
/** What an IKE SA of a peer is known by. */
export const idOf = (sa: IkeSa): string => identityKey(sa.peerIdType, sa.peerId);
/** Where the peer of an IKE SA is. */
export const whereOf = (sa: IkeSa): string => endpointText(sa.path.remote, sa.path.remotePort);

export function createIkeUpper(config: IkeHostConfig, parts: UpperParts): IkeUpper {
  const { endpoint, sas, pool, log, keeper, workers, ike: settings } = config;
  const { pairs, connections, up, roster, compact, refusals, counts, further, mobility, isUdp, ikeOf } = parts;
  const takenBy = createOwners(connections, pool, sas);

  function untaken(sa: IkeSa, why: string): false {
    config.bounded.peer('warn', 'ike', 'not-taken', () => `${nameOf(sa)}: Child SA not taken: ${why}`, {}, idOf(sa));
    return false;
  }

  return {
    transmit(path, replyTo, buffer, offset, length) {
      refusals.answers(path, buffer, offset, ikeOf(path).message);
      const octets = buffer.subarray(offset, offset + length);
      // Whatever moved it, a message to the peer follows.
      if (workers !== null) {
        const sa = saOfMessage(ikeOf(path), octets);
        if (sa !== undefined) workers.look(sa);
      }
      if (keeper === null) {
        config.transmit(path, octets, replyTo);
        return;
      }
      const copied = octets.slice();
      keeper.message(saOfMessage(ikeOf(path), octets), () => config.transmit(path, copied, replyTo));
    },
    proved(sa, path, now) {
      config.streams?.proved(ikeOf(path), sa, path, now);
      const isHere = Buffer.compare(path.remote, sa.path.remote) === 0;
      if (isUdp(path) || (path.link.length > 0 && isHere)) config.proved(path);
    },
    // Behind a NAT a peer may get another address: then the SPI alone has to tell.
    allocateSpi(path, offers) {
      const scope = scopeOf(path.local, path.remote, isUdp(path) ? 1 : 0);
      const place = config.place();
      if (!isUdp(path)) {
        let spi = allocateSpi(endpoint, scope, offers);
        // What gateways of a cluster choose for one peer differs in the bits on the air, while there are enough.
        for (let i = 0; i < SPI_TRIES && place >= 0 && (spi & 15) !== place; i++) {
          spi = allocateSpi(endpoint, scope, offers);
        }
        return spi;
      }
      let spi = allocateBothSpi(sas.eesp, scope);
      const socket = workers?.place(path) ?? 0;
      // One that moves may come to any own address, and one of a cluster to another gateway.
      // The first bit of them all is 0.
      const isOutside = (one: number): boolean => place >= 0 && ((one >>> 27) & 15) !== place;
      while (mobility.hasSpi(spi) || isOutside(spi) || workers?.isUnfit(spi, socket)) {
        spi = allocateBothSpi(sas.eesp, scope);
      }
      return spi;
    },
    install(sa, child, outgoing, incoming, first) {
      const path = childPathOf(sa, child);
      if (isUdp(path)) {
        if (!path.encapsulated && !config.hasIp) return untaken(sa, 'ESP must be in UDP here');
        if (!path.encapsulated && isEespConfig(outgoing)) return untaken(sa, 'EESP must be in UDP here');
        if (outgoing.attributes.espSpiLsb !== 32) return untaken(sa, 'ESP here needs 32 bits of the SPI');
        const isMoved = sa.behindNat || sa.peerBehindNat;
        if (child.mode === MODE_TRANSPORT && isMoved) return untaken(sa, 'transport mode does not go through a NAT');
        incoming.anyRemote = 1;
      }
      applySubspaces(child, outgoing, incoming, ikeOf(path).numbers);
      limitKey(outgoing);
      limitKey(incoming);
      widenConfigs(child, outgoing, incoming);
      const taken = takenBy(sa, child);
      if (taken !== '') return untaken(sa, taken);
      const owner: Owner = { ike: sa, child, askedAt: -1 };
      const name = sa.policy.name;
      // The first Child SA of an IKE SA is newer than whatever the peer had before.
      const atFront = first || sa.state !== STATE_ESTABLISHED;
      let incomingSa: Association | null = null;
      try {
        // Before anything is made: after a restart the configuration may have other rules.
        const coap = coapOf(child);
        incomingSa = sas.add({ name, config: incoming }, 'in', false, owner);
        const pair: Pair = [sas.add({ name, config: outgoing }, 'out', atFront, owner), incomingSa];
        if (coap !== null) for (const { sa: half } of pair) half.coap = coap;
        pairs.set(child, pair);
        mobility.installed(child, path);
        keeper?.installed(child, outgoing, incoming, pair);
        workers?.installed(sa, child, pair, outgoing, incoming);
      } catch (error) {
        if (incomingSa !== null) sas.end(incomingSa);
        return untaken(sa, errorText(error));
      }
      if (child.replaces !== null) counts.rekeyedChild++;
      settings.keylog?.esp(sa, outgoing, incoming);
      const { name: suite } = outgoing.suite;
      config.bounded.peer('info', 'ike', 'child', () => `${nameOf(sa)}: ${childText(child, suite)}`, {}, idOf(sa));
      if (sa.state === STATE_ESTABLISHED) compact.child(sa, child);
      further.changed(sa);
      return true;
    },
    retire(sa, child) {
      const pair = pairs.get(child);
      if (pair !== undefined) sas.retire(pair[0]);
      further.changed(sa);
    },
    remove(sa, child) {
      keeper?.removed(child);
      workers?.removed(child);
      settings.keylog?.ended?.(sa, child);
      const pair = pairs.get(child);
      pairs.delete(child);
      mobility.removed(child);
      for (const association of pair ?? []) sas.end(association);
      further.changed(sa);
    },
    established(sa, _resumed, now) {
      further.look(sa, now);
      compact.ike(sa);
      keeper?.established(sa);
      counts.established++;
      up.add(sa, !isUdp(sa.path), now);
      roster.add(sa);
      const line = (): string => `${nameOf(sa)} at ${whereOf(sa)}: up (${sa.policy.name})`;
      config.bounded.peer('info', 'ike', 'up', line, {}, idOf(sa));
      const verifies = announcedNames(sa.announced);
      if (verifies.length > 0) log('debug', 'ike', () => `${nameOf(sa)} verifies ${verifies.join(' and ')}`);
      config.emit('up', nameOf(sa), sa.policy.name);
    },
    replaced(old, sa, now) {
      counts.rekeyedIke++;
      roster.add(sa);
      roster.remove(old);
      config.streams?.replaced(ikeOf(sa.path), old, sa);
      further.replaced(old, sa, now);
      // The token of the new IKE SA, where the rekey was this side's.
      if (sa.initiator) probe(ikeOf(sa.path), sa, now);
      mobility.replaced(ikeOf(sa.path), sa, now);
      compact.ike(sa);
      keeper?.replaced(old, sa);
      for (const child of sa.children) {
        const pair = pairs.get(child);
        for (const association of pair ?? []) if (association.owner !== null) association.owner.ike = sa;
      }
      log('debug', 'ike', () => `${nameOf(sa)}: IKE SA rekeyed`);
    },
    ended(sa, outcome) {
      roster.remove(sa);
      further.ended(sa);
      keeper?.ended(sa);
      config.streams?.ended(sa);
      const reason = outcomeName(outcome);
      counts.outcomes[reason] = (counts.outcomes[reason] ?? 0) + 1;
      const isKnown = sa.peerId.length > 0;
      up.remove(sa, !isUdp(sa.path));
      const id = identityKey(sa.peerIdType, sa.peerId);
      if (isKnown && !up.has(id)) pool.release(id);
      refusals.ended(sa, outcome, ikeOf(sa.path).message);
      config.emit('down', isKnown ? nameOf(sa) : '', reason);
    },
    childFailed(sa, outcome, now) {
      further.failed(sa, outcome, now);
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
        config.exhausted();
        const line = (): string => `${nameOf(sa)}: no address is left in the pool`;
        config.bounded.peer('warn', 'ike', 'pool', line, {}, idOf(sa));
      }
      return address;
    },
  };
}
