// The gateway: radios on one side, ordinary UDP on the other, SAs between. This file joins its parts: `lifecycle` opens and
// closes, `router` moves packets, `ike-link` sets up SAs, `views` shows the state.
//
// A packet never causes an exception. The layer that drops it counts it by reason (`metrics`).

import { DROP_NO_SA } from '../../../core/base/drop.ts';
import { createEndpoint } from '../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../core/esp/full-parts.ts';
import { closeChild, closeIke, probe, rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { errorText } from '../host/errors.ts';
import { silent } from '../host/log.ts';
import { useLongCopies } from '../host/long-copies.ts';
import { evpOf } from '../host/provider/evp.ts';
import { createFastProvider } from '../host/provider/fast.ts';
import { reasonsOf } from '../host/reasons.ts';
import { createAir } from './air.ts';
import { type Associations, addConfigured, createAssociations } from './associations.ts';
import { createBus } from './bus.ts';
import { createCarriers, withOthers } from './carriers.ts';
import { createCluster } from './cluster.ts';
import { checkGatewayConfig, type GatewayConfig } from './config.ts';
import { createElsewhere, type Elsewhere } from './elsewhere.ts';
import type { Gateway, GatewayEvents, IkeRequest } from './events.ts';
import type { HostRequest } from './ike-host.ts';
import { createIkeLink, type IkeLink } from './ike-link.ts';
import { type IkeSaView, ikeSaView } from './ike-view.ts';
import { close, type Opened, open, realTime, run } from './lifecycle.ts';
import type { PeerView } from './list-views.ts';
import { createLists } from './lists.ts';
import { createGatewayMtu, createGatewayPaths } from './mtu.ts';
import { createPlaces } from './places.ts';
import { createRelay } from './relay.ts';
import { createReloader } from './reload.ts';
import { createRouter } from './router.ts';
import { NumbersLost } from './state/configured.ts';
import { createState } from './state/state.ts';
import { createTap } from './tap.ts';
import { createTop } from './top.ts';
import {
  type GatewayCounters,
  type GatewayMetrics,
  peerMetrics,
  radioMetrics,
  saMetrics,
  searchMetrics,
  tcpMetrics,
  udpMetrics,
} from './views.ts';
import type { Crew } from './workers/crew.ts';
import { createWorkers } from './workers/placing.ts';

/** Milliseconds between looks whether all peers have confirmed a Delete. */
const LEAVE_STEP = 20;

export type { Gateway, GatewayEvents, IkeRequest, PacketInfo } from './events.ts';

/** A gateway with its live parts, which nobody outside this folder (and its tests) may have. */
export interface Started {
  gateway: Gateway;
  ike: IkeLink;
  sas: Associations;
  /** Threads of workers; null: none. */
  crew: Crew | null;
}

/**
 * Starts a gateway. The radios belong to it from here on, also when it cannot start: then everything opened is closed,
 * key material wiped, and one error names the field. Rejects with `field: value: limit`.
 */
export async function createGateway(config: GatewayConfig): Promise<Gateway> {
  return (await startGateway(config)).gateway;
}

/** As createGateway, with the live parts beside it. */
export async function startGateway(config: GatewayConfig): Promise<Started> {
  const opened = await open(config).catch(async (error: unknown) => {
    await config.store?.close();
    throw error;
  });
  try {
    return start(config, opened);
  } catch (error) {
    await close(opened);
    throw error;
  }
}

/** The core's request, or null where it needs a Child SA and there is none. */
function requestOf(sa: IkeSa, request: IkeRequest): HostRequest | null {
  if (request === 'rekey-ike') return rekeyIke;
  if (request === 'delete') return closeIke;
  if (request === 'probe') return probe;
  const child = sa.children.find(({ retired }) => retired === 0);
  if (child === undefined) return null;
  const ask = request === 'rekey-child' ? rekeyChild : closeChild;
  return (ike, one, now) => ask(ike, one, child, now);
}

function start(config: GatewayConfig, opened: Opened): Started {
  const { checked, radios, tcp, raw, tun, flows } = opened;
  const udp = opened.udp?.ports ?? [];
  useLongCopies();
  // Now, and not with the first packet.
  if (config.provider === undefined) evpOf();
  const provider = config.provider ?? createFastProvider();
  const clock = config.clock ?? realTime;
  const bus = createBus(clock.now, config.log ?? silent);
  const endpoint = createEndpoint(FULL_PARTS, provider);
  const sas = createAssociations(endpoint);
  const air = createAir(bus, radios, checked, provider, config.lostAfter ?? 3);
  const state = opened.store === null ? null : createState(opened.store, bus);
  const keep = state === null ? null : state.keep;
  const shared = opened.store?.shared;
  // The keys of IKE wait for their next message for minutes.
  const forIke = config.provider ?? createFastProvider(true);
  const uncaptured = createCarriers(bus, radios.length, { udp, tcp, raw });
  const own = opened.capture?.carriers(uncaptured, radios.length) ?? uncaptured;
  const places = createPlaces(
    checked.radios.map(({ name }) => name),
    own,
  );
  const away: Elsewhere | null =
    shared === undefined
      ? null
      : createElsewhere({
          ...{ carriers: own, places, radios: radios.length, now: bus.now },
          esp: (path, octets) => void router.esp(path, octets, 0, octets.length),
          ike: (path, octets) => void ike.message(path, octets, 0, octets.length),
          air: (radio, packet, link) => air.take(radio, packet, 0, packet.length, link),
          inner: (packet, origin) => router.inner(packet, origin),
          send: (peer, packet) => void air.send(peer, packet, packet.length),
          here: air.here,
          uncount: () => void endpoint.drops[-DROP_NO_SA]--,
        });
  if (away !== null) air.away = away.sendAir;
  const carriers = away === null ? own : withOthers(own, away);
  const paths = createGatewayPaths(bus, config.ike);
  const extensions = paths === null ? [] : [paths.extension];
  const { crew } = opened;
  const workers = crew === null ? null : createWorkers(bus, crew, endpoint, sas, radios.length);
  const ike = createIkeLink(bus, config, checked, {
    ...{ provider: forIke, endpoint, sas, air, carriers, places, away, extensions, workers, keep },
  });
  const { mtu: sockets } = opened;
  const mtu = paths === null || sockets === null ? null : createGatewayMtu(bus, { paths, sockets, endpoint, sas, ike });
  const tap = createTap(sas.of, config.sas, bus.now, opened.capture?.inner ?? null);
  const router = createRouter(bus, config, { endpoint, sas, air, carriers, tun, ike, away, mtu, flows, tap, workers });
  if (workers !== null) workers.join({ ike, router, carriers, udp: opened.udp!, tun: tun!, tap });
  const kept = state === null ? sas : state.counting(sas);
  const reloader = createReloader(config, air, ike, router);
  let stop: () => void;
  try {
    addConfigured(kept, config.sas, checked.directions, (error, cause) => {
      if (!(cause instanceof NumbersLost)) throw error;
      bus.log('error', 'state', () => error.message);
    });
    state?.restore(ike);
    if (shared !== undefined) {
      const take = (records: ReadonlyMap<string, Uint8Array>): void => state!.take(ike, records);
      const cluster = createCluster(bus, shared, { take, release: ike.release, others: ike.others });
      if (away !== null) {
        const { unknown: hold } = cluster;
        away.relay = createRelay(shared, {
          hold,
          guard: (run) => bus.guard(undefined, run),
          take: away.take,
          transmit: away.transmit,
        });
      }
      ike.cluster = cluster;
    }
    stop = run(bus, clock, opened, { air, ike, router, carriers });
  } catch (error) {
    sas.clear();
    throw error;
  }
  bus.log('info', 'gateway', () => {
    return `${radios.length} radios, ${udp.length} UDP addresses, ${config.sas.length} SAs, ${flows.length} flows`;
  });

  const clusterView = (): GatewayCounters['cluster'] => {
    if (ike.cluster === null) return null;
    return { ...ike.cluster.view(), relay: { ...away!.relay.counters, refused: shared!.letters.counters.refused } };
  };
  const counters = (): Omit<GatewayMetrics, 'sas' | 'peers' | 'ike'> => ({
    radios: air.ports.map(({ name, mac, lowpan, inFlight }, index) =>
      radioMetrics(name, mac, lowpan, inFlight.size, opened.radios[index].device?.() ?? null),
    ),
    esp: {
      sent: endpoint.sent,
      received: endpoint.received,
      octetsSent: { ...router.traffic.sent },
      octetsReceived: { ...router.traffic.received },
      drops: reasonsOf(endpoint.drops),
      search: searchMetrics(endpoint.search),
    },
    flows: { ...router.flows.metrics },
    udp: udp.map(udpMetrics),
    raw: raw === null ? null : { ...raw.counters },
    tcp: (tcp?.ports ?? []).map(tcpMetrics),
    tun: tun === null ? null : { ...router.carried, offload: tun.offload },
    workers: workers?.metrics() ?? [],
    mtu: mtu?.metrics ?? null,
    state: state?.metrics() ?? null,
    cluster: clusterView(),
    capture: opened.capture?.metrics() ?? null,
    drops: { ...bus.drops },
    suppressedLines: bus.bounded.suppressed(),
  });
  const neighbours = (): GatewayCounters['neighbours'] => {
    const all = air.peers.all();
    return { known: all.length, lost: all.filter(({ lost }) => lost).length };
  };
  const onRadio = (address: Uint8Array): Pick<PeerView, 'radio' | 'signal'> | undefined => {
    const peer = address.length === 16 ? air.peers.get(address, 0) : undefined;
    return peer === undefined ? undefined : { radio: air.ports[peer.radio].name, signal: peer.signal };
  };
  const lists = createLists({
    sas,
    roster: ike.roster,
    ikeSas: ike.sas,
    pairOf: ike.pairOf,
    upSince: ike.upSince,
    onRadio,
    now: bus.now,
  });

  const ikeView = (sa: IkeSa): IkeSaView => ikeSaView(sa, paths?.view(sa, bus.now()) ?? null);
  const viewOf = (sa: IkeSa | undefined): IkeSaView | undefined => (sa === undefined ? undefined : ikeView(sa));

  let isDraining = false;
  let isClosed = false;
  const events = bus.events as { [Name in 'on' | 'once' | 'off']: (name: string, listener: unknown) => void };
  const listen =
    (how: 'on' | 'once' | 'off') =>
    <Name extends keyof GatewayEvents>(name: Name, listener: (...values: GatewayEvents[Name]) => void): Gateway => {
      events[how].call(bus.events, name, listener);
      return gateway;
    };
  const gateway: Gateway = {
    on: listen('on'),
    once: listen('once'),
    off: listen('off'),
    send: (packet) => (isClosed ? 'closed' : bus.guard('internal', () => router.protect(packet, packet.length))),
    addSa(entry) {
      if (isClosed) throw new Error('the gateway is closed');
      const [direction] = checkGatewayConfig({ ...config, sas: [entry] }).directions;
      try {
        kept.add(entry, direction, true);
      } catch (error) {
        throw entry.locate?.(error) ?? new Error(`${entry.name}.${errorText(error)}`);
      }
    },
    removeSa: sas.remove,
    counters: () => ({
      ...counters(),
      sas: sas.count(),
      oldestSa: lists.oldestSa(),
      neighbours: neighbours(),
      ike: ike.counters(),
      draining: isDraining,
    }),
    metrics: () => ({
      ...counters(),
      sas: [...sas.all()].map(({ name, direction, sa }) => saMetrics(name, direction, sa)),
      peers: air.peers.all().map((peer) => peerMetrics(peer, air.ports[peer.radio].name)),
      ike: ike.metrics(),
    }),
    peers: lists.peers,
    saPage: lists.saPage,
    top: createTop(lists, bus.now),
    ikeSa: (id) => viewOf(ike.find(Buffer.from(id, 'hex'))),
    establishedIke: (peer) => viewOf(lists.established(peer)),
    ikeSasOf: (peer) => lists.ikeSasOf(peer).map(ikeView),
    ikeSas: () => ike.sas().map(ikeView),
    askIke(id, request) {
      if (isClosed) return 'closed';
      const sa = ike.find(Buffer.from(id, 'hex'));
      if (sa === undefined) return 'no-sa';
      const ask = requestOf(sa, request);
      if (ask === null) return 'no-child';
      bus.guard(undefined, () => ike.ask(sa, ask));
      return '';
    },
    drain(isOn = true) {
      if (isClosed) return 0;
      isDraining = isOn;
      return bus.guard(0, () => ike.drain(isOn));
    },
    watch: tap.watch,
    async reload(next) {
      if (isClosed) throw new Error('the gateway is closed');
      return reloader.reload(next);
    },
    async leave(time) {
      if (!isClosed) {
        // The others of a cluster go on with its SAs.
        if (shared === undefined) bus.guard(undefined, ike.leave);
        for (const wake of bus.wakers) wake();
        // By the clock: among many peers a step takes longer.
        const until = performance.now() + time;
        while (shared === undefined && performance.now() < until && ike.isLeaving()) {
          await new Promise((resolve) => setTimeout(resolve, LEAVE_STEP));
        }
      }
      await gateway.close();
    },
    async close() {
      if (!isClosed) {
        isClosed = true;
        ike.cluster?.close();
        away?.relay.close();
        stop();
        router.close();
        workers?.close();
        mtu?.close();
        bus.events.removeAllListeners();
        ike.clear();
        sas.clear();
        bus.bounded.poll(Number.POSITIVE_INFINITY);
        bus.log('info', 'gateway', 'closed');
        await state?.close();
      }
      await close(opened);
    },
  };
  return { gateway, ike, sas, crew };
}
