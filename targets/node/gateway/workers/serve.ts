// A worker: it has the whole way of the packets of its SAs, from the UDP socket through ESP to a queue of the network interface,
// and back. IKE, and everything out of the ordinary, is the main thread's.
//
// It uses no number of an SA that was not granted: what has one waits until the main thread says more, which it does ahead, by the
// rate. So a worker may end at any time, and a store may be as far behind as its disk: no number comes twice.

import { readlinkSync } from 'node:fs';
import type { MessagePort } from 'node:worker_threads';
import { u32 } from '../../../../core/base/bytes.ts';
import { DROP_NO_SA } from '../../../../core/base/drop.ts';
import { createEespEndpoint } from '../../../../core/eesp/endpoint.ts';
import { addInbound, createEndpoint, drop, removeInbound } from '../../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../../core/esp/full-parts.ts';
import { laneFor } from '../../../../core/esp/lanes.ts';
import { createSa, destroySa } from '../../../../core/esp/sa.ts';
import { isSuspect } from '../../../../core/esp/search.ts';
import { isNewest } from '../../../../core/esp/window.ts';
import { IPV4_DST, IPV4_SIZE } from '../../../../core/wire/ipv4.ts';
import { IPV6_DST, IPV6_SIZE } from '../../../../core/wire/ipv6.ts';
import { octetsKey } from '../../host/datagram.ts';
import { isEespPacket } from '../../host/eesp.ts';
import { errorText } from '../../host/errors.ts';
import type { BoundSocket, DatagramSocket } from '../../host/io/datagrams.ts';
import { loadDatagrams } from '../../host/io/load-datagrams.ts';
import { loadWaiting } from '../../host/io/readiness.ts';
import { loadLibc } from '../../host/libc.ts';
import { useLongCopies } from '../../host/long-copies.ts';
import { createOctetMap } from '../../host/octet-map.ts';
import { evpOf } from '../../host/provider/evp.ts';
import { createFastProvider } from '../../host/provider/fast.ts';
import { fromPlain, wipePlain } from '../../host/threads/plain.ts';
import { classify, UDP_ESP, UDP_IKE_MARKED, UDP_KEEPALIVE } from '../../host/udp.ts';
import { countTraffic } from '../traffic.ts';
import { createQueue } from '../tun-queue.ts';
import type { UdpCounters } from '../udp.ts';
import { createWay, sizeOf } from '../way.ts';
import { type Held, isPlace, lastNumber, type OutLane } from './held.ts';
import type { FromWorker, ToWorker, WorkerData } from './messages.ts';
import { TO_MAIN, TO_WORKER } from './messages.ts';
import { createParcels, PARCEL_DATAGRAM, PARCEL_ESP, PARCEL_INNER, unpack } from './parcels.ts';
import { createReports } from './reports.ts';
import { createWaiting } from './waiting.ts';

/** Milliseconds between two errors that are told, and packets a second for those who watch, and their octets. */
const SECOND = 1000;
const SEEN = 25;
const SEEN_MAX = 2048;
const NOBODY = new Uint8Array(0);

interface Own {
  socket: DatagramSocket;
  counters: UdpCounters;
}

const noCounters = (): UdpCounters => ({
  received: 0,
  sent: 0,
  keepalives: 0,
  malformed: 0,
  lost: 0,
  sendErrors: 0,
  socketErrors: 0,
});

/** Does a worker's work until it is told to end. Rejects where this system lacks what it needs. */
export async function serveWorker(port: MessagePort, data: WorkerData): Promise<void> {
  const now = (): number => performance.now();
  const post = (message: FromWorker, move: ArrayBuffer[] = []): void => port.postMessage(message, move);
  const sockets = new Map<number, Own>();
  const held = new Map<number, Held>();
  const bySpi = new Map<number, Held>();
  const lists = createOctetMap<OutLane[]>();
  let isWatched = false;
  let isClosed = false;

  useLongCopies();
  evpOf();
  const { readiness, wake } = await loadWaiting(() => reports.due());
  const datagrams = await loadDatagrams('auto', () => {});
  if (datagrams.shared === null) throw new Error('Linux and the package koffi are needed');
  const { shared } = datagrams;
  const provider = createFastProvider();
  const endpoint = createEndpoint(FULL_PARTS, provider);
  const way = createWay(createEespEndpoint(endpoint), true);
  const queue = createQueue({ libc: await loadLibc(), readiness }, data.queue);
  const onWay = new Int32Array(data.onWay);
  const reports = createReports({
    post,
    endpoint,
    traffic: way.traffic,
    now,
    atEnd: readiness.atEnd,
    sockets: () => {
      const list: [number, UdpCounters][] = [];
      for (const [index, own] of sockets) {
        if (Object.values(own.counters).every((count) => count === 0)) continue;
        list.push([index, { ...own.counters }]);
        Object.assign(own.counters, noCounters());
      }
      return list;
    },
  });
  const parcels = createParcels(
    onWay,
    TO_MAIN,
    (octets) => post({ op: 'parcel', octets }, [octets.buffer]),
    () => readiness.atEnd(() => parcels.flush()),
  );

  let second = 0;
  let errors = 0;
  let seen = 0;

  function isNewSecond(): void {
    if (now() - second < SECOND) return;
    second = now();
    errors = 0;
    seen = 0;
  }

  /** Work for a packet never ends this thread. */
  function guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      isNewSecond();
      if (errors++ === 0)
        post({ op: 'error', text: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }

  function hand(
    kind: number,
    a: number,
    remote: Uint8Array,
    from: number,
    octets: Uint8Array,
    at: number,
    length: number,
  ): void {
    if (parcels.put(kind, a, remote, from, octets, at, length)) reports.count('handed');
    else reports.count('dropBusy');
  }

  /** Whether one more packet is shown to those who watch. */
  function maySee(length: number): boolean {
    if (!isWatched || length > SEEN_MAX) return false;
    isNewSecond();
    return ++seen <= SEEN;
  }

  // Outwards.

  function transmit(one: Held, octets: Uint8Array): void {
    const { index, remote, remotePort } = one.path;
    const own = sockets.get(index);
    if (own === undefined || one.isMoving) hand(PARCEL_ESP, one.id, NOBODY, 0, octets, 0, octets.length);
    else {
      own.counters.sent++;
      own.socket.send(octets, remote, remotePort);
    }
  }

  function deliver(octets: Uint8Array, length: number): void {
    if (queue.write(octets, length)) reports.count('written');
    else reports.count('dropTun');
  }

  const waiting = createWaiting(transmit, deliver);

  /** Keeps a copy until its number is granted. */
  function wait(one: Held, isOut: boolean, number: number, octets: Uint8Array): void {
    if (!waiting.keep(one, isOut, number, octets)) reports.count('dropStore');
  }

  function protect(one: Held, packet: Uint8Array, length: number): void {
    const { sa } = one.out;
    const header = way.seal(sa, packet, length, now());
    reports.touch(one);
    if (header < 0) return;
    if (maySee(way.end)) {
      const [clear, wire] = [packet.slice(0, length), way.outer.slice(0, way.end)];
      post({ op: 'seen', id: one.id, direction: 'out', clear, wire, drop: 0 });
    }
    const esp = way.outer.subarray(header, way.end);
    const number = lastNumber(sa);
    if (number > one.grant.out) wait(one, true, number, esp);
    else transmit(one, esp);
  }

  queue.onPacket = (packet, length) => {
    reports.count('read');
    guard(() => {
      const six = packet[0] >>> 4 === 6;
      const isWhole = length >= (six ? IPV6_SIZE : IPV4_SIZE);
      const list = isWhole ? lists.get(packet, six ? IPV6_DST : IPV4_DST, six ? 16 : 4) : undefined;
      const lane = list === undefined ? null : laneFor(list, packet, 0, length, now());
      // What is in the lists are its own lanes.
      if (lane !== null) protect((lane as OutLane).held, packet, length);
      else hand(PARCEL_INNER, 0, NOBODY, 0, packet, 0, length);
    });
  };
  queue.onLost = (count) => {
    reports.count('dropTun', count);
    reports.count('written', -count);
  };

  // Inwards.

  /** The newest packet says where the peer is [RFC 7296 §2.23]; the main thread decides whether it may be there. */
  function follow(one: Held, index: number, remote: Uint8Array, remotePort: number): void {
    if (isPlace(one.path, index, remote, remotePort)) return;
    if (one.told !== null && isPlace(one.told, index, remote, remotePort) && now() - one.toldAt < SECOND) return;
    const { sa } = one.in;
    if (sa.form.replayWindow === 0 || !isNewest(sa, endpoint.sn.hi, endpoint.sn.lo)) return;
    one.told = { index, remote: remote.slice(), remotePort };
    one.toldAt = now();
    one.isMoving = true;
    post({ op: 'moved', id: one.id, path: one.told });
  }

  /** ESP from a socket; `index`: -1 where it came in another way. */
  function came(
    one: Held,
    index: number,
    octets: Uint8Array,
    at: number,
    length: number,
    remote: Uint8Array,
    from: number,
  ): void {
    const time = now();
    const whole = way.wrap(octets, at, length, remote, one.local, false);
    const copy = maySee(whole) ? way.came.slice(0, whole) : null;
    const code = way.open(way.came, 0, whole, false, time);
    const size = sizeOf(endpoint, code);
    if (copy !== null) {
      const clear = way.restored.slice(0, Math.max(0, size));
      post({ op: 'seen', id: one.id, direction: 'in', clear, wire: copy, drop: Math.min(0, code) });
    }
    reports.touch(one);
    const { sa } = one.in;
    if (size < 0) {
      if (endpoint.sa !== null && isSuspect(sa, time)) post({ op: 'suspect', id: one.id });
      return;
    }
    if (size > 0) countTraffic(way.traffic.received, sa.form, way.restored, size, length);
    if (index >= 0) follow(one, index, remote, from);
    if (size === 0 || !way.admits(one.in)) return;
    const number = lastNumber(sa);
    if (number > one.grant.in) wait(one, false, number, way.restored.subarray(0, size));
    else deliver(way.restored, size);
  }

  function open(index: number, bound: BoundSocket): void {
    const counters = noCounters();
    const socket = shared.take(bound, {
      taken(octets, offset, length, remote, remotePort) {
        counters.received++;
        reports.ask();
        const kind = classify(octets, true, offset, length);
        if (kind === UDP_KEEPALIVE) counters.keepalives++;
        else if ((kind !== UDP_ESP && kind !== UDP_IKE_MARKED) || remotePort === 0) counters.malformed++;
        else {
          const isEsp = kind === UDP_ESP && !isEespPacket(octets, offset, length);
          const one = isEsp ? bySpi.get(u32(octets, offset)) : undefined;
          if (one === undefined || one.local.length !== remote.length) {
            hand(PARCEL_DATAGRAM, index, remote, remotePort, octets, offset, length);
          } else guard(() => came(one, index, octets, offset, length, remote, remotePort));
        }
      },
      unsent(count) {
        counters.sendErrors += count;
      },
      lost(count) {
        counters.lost += count;
      },
      failed() {
        counters.socketErrors++;
      },
    });
    sockets.set(index, { socket, counters });
  }

  // What the main thread says.

  function add(message: Extract<ToWorker, { op: 'add' }>): void {
    const { id, path, grant } = message;
    const [outConfig, inConfig] = [fromPlain(message.out), fromPlain(message.in)];
    const incoming = createSa(FULL_PARTS, provider, inConfig);
    addInbound(endpoint, incoming);
    const out = { ...message.outLane, sa: createSa(FULL_PARTS, provider, outConfig) } as OutLane;
    wipePlain(message.out);
    wipePlain(message.in);
    const { octets, base, form } = incoming;
    const local = octets.slice(base + form.destinationAt, base + form.destinationAt + form.destinationSize);
    const one: Held = {
      id,
      out,
      in: { ...message.inLane, sa: incoming },
      local,
      path,
      grant,
      askAt: { out: 0, in: 0 },
      waiting: [],
      isDirty: false,
      usedAt: now(),
      told: null,
      toldAt: 0,
      isMoving: false,
    };
    out.held = one;
    reports.granted(one);
    held.set(id, one);
    bySpi.set(incoming.spi, one);
  }

  function remove(one: Held): void {
    held.delete(one.id);
    bySpi.delete(one.in.sa.spi);
    reports.forget(one);
    waiting.forget(one);
    removeInbound(endpoint, one.in.sa);
    destroySa(provider, one.in.sa);
    destroySa(provider, one.out.sa);
  }

  function take(octets: Uint8Array): void {
    unpack(octets, (kind, a, remote, remotePort, offset, length) => {
      guard(() => {
        if (kind === PARCEL_INNER) {
          const one = held.get(a);
          if (one !== undefined) protect(one, octets.subarray(offset, offset + length), length);
          else drop(endpoint, DROP_NO_SA);
        } else {
          // The main thread has seen that it is of an SA of this worker's, which may be gone meanwhile.
          const one = bySpi.get(u32(octets, offset));
          const index = a === 0xffffffff ? -1 : a;
          if (one !== undefined && one.local.length === remote.length) {
            came(one, index, octets, offset, length, remote, remotePort);
          } else drop(endpoint, DROP_NO_SA);
        }
      });
    });
    reports.ask();
  }

  async function end(): Promise<void> {
    isClosed = true;
    await Promise.all([...sockets.values()].map(({ socket }) => socket.close()));
    await queue.close();
    reports.now();
    for (const one of [...held.values()]) remove(one);
    process.exit(0);
  }

  port.on('message', (message: ToWorker) => {
    if (isClosed) return;
    const one = 'id' in message ? held.get(message.id) : undefined;
    if (message.op === 'parcel') {
      Atomics.sub(onWay, TO_WORKER, 1);
      take(message.octets);
    } else if (message.op === 'socket') {
      open(message.index, message.bound);
    } else if (message.op === 'shut') {
      void sockets.get(message.index)?.socket.close();
      sockets.delete(message.index);
    } else if (message.op === 'add') guard(() => add(message));
    else if (message.op === 'list') {
      const key = octetsKey(message.address);
      const lanes = message.ids.flatMap((id) => held.get(id)?.out ?? []);
      if (lanes.length > 0) lists.set(key, lanes);
      else lists.delete(key);
    } else if (message.op === 'watch') isWatched = message.isOn;
    else if (message.op === 'end') void end();
    else if (one === undefined) return;
    else if (message.op === 'path') {
      one.path = message.path;
      one.isMoving = false;
    } else if (message.op === 'grant') {
      one.grant = message.grant;
      reports.granted(one);
      waiting.release(one);
    } else remove(one);
  });
  queue.start();
  post({ op: 'ready', wake, thread: readlinkSync('/proc/thread-self').split('/').at(-1)! });
}

/** The program of a worker thread. */
export function runWorker(port: MessagePort, data: WorkerData): void {
  serveWorker(port, data).catch((error: unknown) => {
    const message: FromWorker = { op: 'failed', why: errorText(error) };
    port.postMessage(message);
    port.close();
  });
}
