// Which SAs workers have, and what the main thread does for them. An SA pair is a worker's from its installation to its end: the
// main thread keeps one beside it that carries no packet, for lists, lifetimes and the case that the worker dies. What comes to
// this thread for it is handed on.
//
// A worker has SAs in UDP to one inner address each. Others are the main thread's, and it chooses where several threads have SAs to
// one address.

import { readFileSync } from 'node:fs';
import { u32 } from '../../../../core/base/bytes.ts';
import { dropName } from '../../../../core/base/drop-name.ts';
import { isEesp } from '../../../../core/eesp/sa.ts';
import type { Endpoint } from '../../../../core/esp/endpoint.ts';
import { advanceSn, type Sa } from '../../../../core/esp/sa.ts';
import { rekeyChild } from '../../../../core/ike/exchange/requests.ts';
import type { ChildSa } from '../../../../core/ike/state/child.ts';
import type { Path } from '../../../../core/ike/state/path.ts';
import { childPathOf } from '../../../../core/ike/state/sa.ts';
import { octetsKey } from '../../host/datagram.ts';
import type { BoundSocket } from '../../host/io/datagrams.ts';
import { loadReadiness } from '../../host/io/readiness.ts';
import { socketOf } from '../../host/io/steering.ts';
import { loadLibc } from '../../host/libc.ts';
import { hasSeveral } from '../../host/selectors.ts';
import { halvesOf } from '../../host/state/reserve.ts';
import { plainOf, wipePlain } from '../../host/threads/plain.ts';
import { classify, UDP_ESP } from '../../host/udp.ts';
import type { Association, Associations } from '../associations.ts';
import type { Bus } from '../bus.ts';
import type { Carriers } from '../carriers.ts';
import type { IkeLink } from '../ike-link.ts';
import type { Router } from '../router.ts';
import { isStream } from '../streams.ts';
import type { Tap } from '../tap.ts';
import type { Tun } from '../tun.ts';
import { createQueue, type TunQueue } from '../tun-queue.ts';
import type { UdpSockets } from '../udp.ts';
import type { Crew, Thread } from './crew.ts';
import { createGrants, type Granted, type Grants } from './grants.ts';
import type { FromWorker, Grant, PlainLane, WorkerPath } from './messages.ts';
import { PARCEL_DATAGRAM, PARCEL_INNER, unpack } from './parcels.ts';
import { createReported } from './reported.ts';
import type { WorkerMetrics, Workers } from './workers.ts';

/** The number of a socket, where a packet came in another way. */
const NO_SOCKET = 0xffffffff;
const NOBODY = new Uint8Array(0);

interface Placed extends Granted {
  id: number;
  thread: Thread;
  child: ChildSa;
  path: WorkerPath;
}

/** What the rest of the gateway is to the workers. */
export interface Joined {
  ike: IkeLink;
  router: Router;
  carriers: Carriers;
  udp: UdpSockets;
  tun: Tun;
  tap: Tap;
}

export interface JoiningWorkers extends Workers {
  /** Before the first SA. */
  join(joined: Joined): void;
}

function laneOf({ low, high, values, strict, resource }: Association): PlainLane {
  return { low, high, values, strict, resource };
}

function isSamePath(a: WorkerPath, b: WorkerPath): boolean {
  return a.index === b.index && a.remotePort === b.remotePort && Buffer.compare(a.remote, b.remote) === 0;
}

/** `sa` goes on behind `number`: nobody knows which below it were used. */
function goOn(sa: Sa, number: number, isOut: boolean): void {
  const { hi, lo } = halvesOf(number);
  if (!advanceSn(sa, hi, lo) || isOut) return;
  sa.recent = 0xffffffff;
  sa.octets.fill(0xff, sa.base + sa.form.windowAt, sa.base + sa.form.size);
}

/** Seconds of processor time of a thread. */
function processorTime(name: string): number {
  try {
    return Number(readFileSync(`/proc/self/task/${name}/schedstat`, 'latin1').split(' ')[0]) / 1e9;
  } catch {
    return 0;
  }
}

/** `radios`: paths with a port from here on are sockets. */
export function createWorkers(
  bus: Bus,
  crew: Crew,
  endpoint: Endpoint,
  sas: Associations,
  radios: number,
): JoiningWorkers {
  const { threads } = crew;
  const byId = new Map<number, Placed>();
  const bySpi = new Map<number, Placed>();
  const byChild = new Map<ChildSa, Placed>();
  const byOut = new Map<Association, Placed>();
  /** By inner address: the thread that may choose between its SAs. */
  const choosers = new Map<string, Thread>();
  /** By place of a peer: its thread, and how many SAs. */
  const peers = new Map<string, { thread: Thread; count: number }>();
  const keys = new Map<Placed, string>();
  const stats = new Map<Thread, Omit<WorkerMetrics, 'alive' | 'cpu'>>(
    threads.map((thread) => [thread, { sas: 0, sent: 0, received: 0, handed: 0, taken: 0 }]),
  );
  /** Sockets of the threads, by their port's place. */
  const sockets = new Map<number, BoundSocket[]>();
  const adopted: TunQueue[] = [];
  let joined: Joined | null = null;
  let take: ReturnType<typeof createReported>;
  let grants: Grants | null = null;
  let last = 0;
  let isClosed = false;

  function keyOf({ remote, remotePort }: Path): string {
    return `${octetsKey(remote)} ${remotePort}`;
  }

  function carriedBy(path: Path): boolean {
    return path.port >= radios && path.encapsulated && !isStream(path);
  }

  function workerPath(path: Path): WorkerPath {
    const { remote, remotePort, port } = path;
    return { index: carriedBy(path) ? port - radios : -1, remote, remotePort };
  }

  /** Whoever has all SAs to an inner address chooses between them. */
  function relist(address: Uint8Array): void {
    const list = sas.to(address).map((one) => byOut.get(one));
    const first = list[0]?.thread;
    const chooser = first !== undefined && list.every((one) => one?.thread === first) ? first : undefined;
    const key = octetsKey(address);
    const before = choosers.get(key);
    if (before !== undefined && before !== chooser) before.post({ op: 'list', address, ids: [] });
    if (chooser === undefined) choosers.delete(key);
    else {
      choosers.set(key, chooser);
      chooser.post({ op: 'list', address, ids: list.map((one) => one!.id) });
    }
  }
  sas.onChange = (address) => {
    if (!isClosed) relist(address.slice());
  };

  function grant(placed: Placed, isForced = false): void {
    if (byId.get(placed.id) !== placed) return;
    const next: Grant | null = grants!.next(placed, isForced);
    if (next !== null) placed.thread.post({ op: 'grant', id: placed.id, grant: next });
  }

  function lookAt(placed: Placed, isAsked: boolean): void {
    const { owner } = placed.out;
    const path = workerPath(childPathOf(owner!.ike, placed.child));
    if (!isAsked && isSamePath(path, placed.path)) return;
    placed.path = path;
    placed.thread.post({ op: 'path', id: placed.id, path });
  }

  /** This thread forgets that a worker has it. */
  function forget(placed: Placed): void {
    byId.delete(placed.id);
    bySpi.delete(placed.in.sa.spi);
    byChild.delete(placed.child);
    byOut.delete(placed.out);
    grants!.end(placed);
    stats.get(placed.thread)!.sas--;
    const key = keys.get(placed)!;
    keys.delete(placed);
    const peer = peers.get(key)!;
    peer.count--;
    if (peer.count === 0) peers.delete(key);
  }

  function handed(octets: Uint8Array): void {
    const { router, udp, ike, carriers } = joined!;
    unpack(octets, (kind, a, remote, remotePort, offset, length) => {
      if (kind === PARCEL_DATAGRAM) {
        const what = classify(octets, true, offset, length);
        // IKE's octets are the callee's.
        const own = what === UDP_ESP ? octets : octets.slice(offset, offset + length);
        udp.onDatagram?.(a, own, what === UDP_ESP ? offset : 0, length, what, remote, remotePort);
      } else if (kind === PARCEL_INNER) router.fromTun(octets.subarray(offset, offset + length), length);
      else {
        const placed = byId.get(a);
        const path = placed === undefined ? null : ike.placeOf(placed.out);
        if (path !== null) carriers.sendEsp(path, octets.subarray(offset, offset + length));
      }
    });
  }

  function said(thread: Thread, message: FromWorker): void {
    if (isClosed || joined === null) return;
    const { ike, carriers, tap } = joined;
    if (message.op === 'report') {
      take(message, stats.get(thread)!);
      return;
    }
    if (message.op === 'parcel') {
      handed(message.octets);
      return;
    }
    if (message.op === 'error') {
      bus.failed(new Error(`worker ${thread.index}: ${message.text}`));
      return;
    }
    const placed = 'id' in message ? byId.get(message.id) : undefined;
    if (placed === undefined) return;
    if (message.op === 'moved') {
      const { index, remote, remotePort } = message.path;
      ike.moved(placed.in, carriers.udpPath(index, remote, remotePort, false), bus.now());
      lookAt(placed, true);
    } else if (message.op === 'suspect') ike.suspect(placed.in.sa);
    else if (message.op === 'narrowed') {
      if (message.grant.turn === placed.grant.turn) grants!.narrowed(placed, message.grant);
      else grant(placed, true);
    } else if (message.op === 'seen') {
      const { clear, wire, direction, drop } = message;
      if (direction === 'out') tap.went(placed.out, clear, clear.length, wire, wire.length, false);
      else {
        const copy = tap.copy(wire, 0, wire.length);
        tap.came(copy, placed.in.sa, clear, clear.length, drop < 0 ? dropName(drop) : '', false);
      }
    }
  }

  /** This thread takes over a socket of a port. */
  function adopt(index: number, bound: BoundSocket): void {
    joined!.udp.adopt(index, bound);
  }

  function give(index: number): void {
    const list = joined!.udp.ports[index].others.splice(0);
    sockets.set(index, list);
    list.forEach((bound, at) => {
      if (threads[at].isAlive) threads[at].post({ op: 'socket', index, bound });
      else adopt(index, bound);
    });
  }

  async function adoptQueue({ queue: bound }: Thread): Promise<void> {
    const { tun } = joined!;
    const queue = createQueue({ libc: await loadLibc(), readiness: await loadReadiness() }, bound);
    queue.onPacket = tun.onPacket;
    adopted.push(queue);
    queue.start();
  }

  /** Its SAs go on here, behind every number that it may have used, until their rekeys. */
  function died(thread: Thread, why: string): void {
    if (isClosed || joined === null) return;
    const { ike } = joined;
    bus.log('error', 'gateway', () => `worker ${thread.index}: ${why}: the main thread does its work from now on`);
    const lost = [...byId.values()].filter((placed) => placed.thread === thread);
    for (const placed of lost) {
      forget(placed);
      goOn(placed.out.sa, placed.grant.out, true);
      goOn(placed.in.sa, placed.grant.in, false);
    }
    for (const [key, chooser] of choosers) if (chooser === thread) choosers.delete(key);
    for (const [index, list] of sockets) adopt(index, list[thread.index - 1]);
    adoptQueue(thread).catch(bus.failed);
    for (const { out, child } of lost) {
      ike.ask(out.owner!.ike, (one, sa, now) => rekeyChild(one, sa, child, now));
    }
  }

  return {
    place(path) {
      if (!carriedBy(path)) return 0;
      const known = peers.get(keyOf(path));
      if (known?.thread.isAlive) return known.thread.index;
      const alive = threads.filter(({ isAlive }) => isAlive);
      if (alive.length === 0) return 0;
      const least = Math.min(...alive.map((thread) => stats.get(thread)!.sas));
      const free = alive.filter((thread) => stats.get(thread)!.sas === least);
      last++;
      return free[last % free.length].index;
    },
    isUnfit: (spi, place) => bySpi.has(spi) || socketOf(spi, threads.length) !== place,
    installed(sa, child, pair, outgoing, incoming) {
      const [out, into] = pair;
      const path = childPathOf(sa, child);
      const { tsIpDstStart, tsIpDstEnd, espSpi } = outgoing.attributes;
      const spi = incoming.attributes.espSpi;
      const at = socketOf(spi, threads.length);
      const thread = threads[at - 1];
      const isPlain = [out, into].every(({ sa: half }) => {
        return !isEesp(half) && half.subspaces === undefined && half.coap === undefined;
      });
      const isOne = Buffer.compare(tsIpDstStart, tsIpDstEnd) === 0;
      const isFree = thread?.isAlive && !bySpi.has(spi);
      if (!isFree || !carriedBy(path) || !isPlain || !isOne || hasSeveral(child) || espSpi === 0) return;
      grants ??= createGrants(joined!.ike.keeper, bus.now);
      last++;
      const id = last;
      const granted = grants.begin(out, into, () => grant(placed));
      const placed: Placed = Object.assign(granted, { id, thread, child, path: workerPath(path) });
      byId.set(id, placed);
      bySpi.set(spi, placed);
      byChild.set(child, placed);
      byOut.set(out, placed);
      stats.get(thread)!.sas++;
      const key = keyOf(path);
      keys.set(placed, key);
      const peer = peers.get(key) ?? { thread, count: 0 };
      peer.count++;
      peers.set(key, peer);
      const [plainOut, plainIn] = [plainOf(outgoing), plainOf(incoming)];
      const lanes = { outLane: laneOf(out), inLane: laneOf(into) };
      thread.post({ op: 'add', id, out: plainOut, in: plainIn, ...lanes, path: placed.path, grant: placed.grant });
      wipePlain(plainOut);
      wipePlain(plainIn);
      relist(tsIpDstStart);
    },
    removed(child) {
      const placed = byChild.get(child);
      if (placed === undefined) return;
      forget(placed);
      placed.thread.post({ op: 'remove', id: placed.id });
    },
    look(sa) {
      for (const child of sa.children) {
        const placed = byChild.get(child);
        if (placed !== undefined) lookAt(placed, false);
      }
    },
    send(association, packet, length) {
      const placed = byOut.get(association);
      if (placed === undefined) return null;
      const { thread, id } = placed;
      if (!thread.parcels.put(PARCEL_INNER, id, NOBODY, 0, packet, 0, length)) return bus.drop('worker', 'worker-busy');
      stats.get(thread)!.taken++;
      return '';
    },
    takes(path, octets, offset, length) {
      const placed = length < 4 ? undefined : bySpi.get(u32(octets, offset));
      if (placed === undefined) return false;
      const { thread } = placed;
      const index = carriedBy(path) ? path.port - radios : NO_SOCKET;
      const { remote, remotePort } = path;
      if (thread.parcels.put(PARCEL_DATAGRAM, index, remote, remotePort, octets, offset, length)) {
        stats.get(thread)!.taken++;
      } else bus.drop('worker', 'worker-busy');
      return true;
    },
    join(others) {
      joined = others;
      const { udp, tap, ike, router } = others;
      const placedOf = (id: number): Placed | undefined => byId.get(id);
      const used = (placed: Placed, isOut: boolean, number: number, packets: number): void =>
        grants!.used(placed, isOut, number, packets);
      take = createReported({ bus, endpoint, ike, router, udp, placedOf, used, told: grant });
      crew.upper = {
        said: (thread, message) => bus.guard(undefined, () => said(thread, message)),
        died: (thread, why) => bus.guard(undefined, () => died(thread, why)),
      };
      for (let index = 0; index < udp.ports.length; index++) if (udp.ports[index].isOpen) give(index);
      udp.onOpened = give;
      udp.onShut = (index) => {
        sockets.delete(index);
        for (const thread of threads) thread.post({ op: 'shut', index });
      };
      tap.onChange = () => {
        for (const thread of threads) thread.post({ op: 'watch', isOn: tap.isOpen });
      };
    },
    metrics: () =>
      threads.map((thread) => ({
        alive: thread.isAlive,
        ...stats.get(thread)!,
        cpu: thread.isAlive ? processorTime(thread.name) : 0,
      })),
    close() {
      isClosed = true;
      for (const queue of adopted.splice(0)) void queue.close();
    },
  };
}
