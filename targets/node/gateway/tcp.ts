// TCP connections of the gateway, with IKE and ESP in them [RFC 9329]. Whoever connects has proved nothing: connections without
// an authenticated message are few, stay for a short time, and are shared fairly among addresses. A new one costs the address
// that has the most its oldest.

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { sourceKey } from '../../../core/ike/setup/sources.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { addressOctets, socketOctets } from '../host/addresses.ts';
import { endpointText } from '../host/datagram.ts';
import { errorText } from '../host/errors.ts';
import { attachStream, type TcpStream } from '../host/tcp-stream.ts';

/** `Path.port` of the first listener: behind all radios and UDP sockets that there may be. */
export const TCP_PORTS = 0x100000;
/** Milliseconds for an authenticated message, and that a connection stays whose IKE SA has ended. */
const PROVE_TIME = 30000;
const LEAVE_TIME = 5000;
const SWEEP = 1000;
/** Messages in a row that come to nothing, before and after the first good one. */
const BAD_MAX = 32;
const BAD_MAX_PROVED = 1024;
/** Octets that may wait for one that does not read, before and after the first good message. */
const BACKLOG = 65536;
const BACKLOG_PROVED = 1048576;
/** Connections of one IKE SA, those among them whose loss this side has not seen. */
const PER_SA = 4;

/** Where TCP is listened at; port 0 lets the system choose. */
export interface TcpAddress {
  /** Own address; `::` and `0.0.0.0`: all of the family. */
  address: string;
  /** 4500 as a rule [RFC 9329 §2]. */
  port: number;
}

export interface TcpCounters {
  accepted: number;
  /** Connections now, and those of them with an authenticated message. */
  open: number;
  proved: number;
  received: number;
  sent: number;
}

/** A listener. */
export interface TcpPort {
  address: string;
  port: number;
  counters: TcpCounters;
}

interface Connection {
  path: Path;
  source: string;
  stream: TcpStream;
  listener: TcpPort;
  /** The IKE SA that it belongs to; null: nobody has proved anything. */
  owner: IkeSa | null;
  isProved: boolean;
  bad: number;
  /** When it was accepted, or when its IKE SA ended. */
  since: number;
}

/** All TCP connections of a gateway. */
export interface TcpPorts {
  ports: TcpPort[];
  /** Called for each message; its octets are the callee's during the call. False: it was worth nothing. */
  onMessage: ((path: Path, octets: Uint8Array, offset: number, length: number, isIke: boolean) => boolean) | null;
  /** Counts what was dropped or closed, by reason. */
  drop: ((reason: string) => void) | null;
  /** True when connections to this address are taken. */
  listensAt(local: Uint8Array): boolean;
  send(path: Path, octets: Uint8Array, isIke: boolean): boolean;
  /** An authenticated message of `sa` came over `path`. */
  prove(path: Path, sa: IkeSa): void;
  /** `sa` has ended. */
  release(sa: IkeSa): void;
  close(): Promise<void>;
}

export interface TcpOptions {
  /** Connections at a time; a quarter of them may be without an authenticated message. */
  most: number;
  /** Octets of the largest record. */
  limit: number;
  now(): number;
}

/** True when `sa` is `owner`, or a rekey made one of the other. */
function isSame(owner: IkeSa, sa: IkeSa): boolean {
  for (let one: IkeSa | null = owner; one !== null; one = one.successor) if (one === sa) return true;
  for (let one: IkeSa | null = sa; one !== null; one = one.successor) if (one === owner) return true;
  return sa.rivalOf === owner || owner.rivalOf === sa;
}

const keyOf = ({ port, remote, remotePort, local }: Path): string =>
  `${port} ${Buffer.from(local).toString('latin1')} ${Buffer.from(remote).toString('latin1')} ${remotePort}`;

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Listens at all addresses, or at none: then the error names the field. */
export async function openTcpPorts(list: TcpAddress[], options: TcpOptions): Promise<TcpPorts> {
  const ports: TcpPort[] = [];
  const servers: Server[] = [];
  const byPath = new Map<string, Connection>();
  // Those without an authenticated message, and those whose IKE SA has ended: the oldest first.
  const strangers = new Set<Connection>();
  const leaving = new Set<Connection>();
  const bySource = new Map<string, Set<Connection>>();
  const byOwner = new Map<IkeSa, Set<Connection>>();
  const strangersMax = Math.max(1, Math.floor(options.most / 4));
  let isClosed = false;

  function drop(reason: string): void {
    tcp.drop?.(reason);
  }

  function noStranger(one: Connection): void {
    strangers.delete(one);
    const same = bySource.get(one.source);
    same?.delete(one);
    if (same?.size === 0) bySource.delete(one.source);
  }

  function disown(one: Connection): void {
    if (one.owner === null) return;
    const same = byOwner.get(one.owner);
    same?.delete(one);
    if (same?.size === 0) byOwner.delete(one.owner);
    one.owner = null;
  }

  function forget(one: Connection): void {
    if (byPath.get(keyOf(one.path)) !== one) return;
    byPath.delete(keyOf(one.path));
    one.listener.counters.open--;
    if (one.isProved) one.listener.counters.proved--;
    noStranger(one);
    leaving.delete(one);
    disown(one);
  }

  function shut(one: Connection, reason: string): void {
    drop(reason);
    forget(one);
    one.stream.destroy();
  }

  /** Closes the oldest stranger of the address that has the most. */
  function makeRoom(): void {
    let most: Set<Connection> | null = null;
    for (const same of bySource.values()) if (most === null || same.size > most.size) most = same;
    for (const one of most ?? []) {
      shut(one, 'tcp-crowded');
      return;
    }
  }

  function accept(socket: Socket, index: number): void {
    const listener = ports[index];
    const local = addressOctets((socket.localAddress ?? '').replace(/%.*$/, ''));
    const remote = addressOctets((socket.remoteAddress ?? '').replace(/%.*$/, ''));
    socket.on('error', () => {});
    if (isClosed || local === undefined || remote === undefined || socket.remotePort === undefined) {
      socket.destroy();
      return;
    }
    if (strangers.size >= strangersMax || byPath.size >= options.most) makeRoom();
    if (byPath.size >= options.most) {
      drop('tcp-full');
      socket.destroy();
      return;
    }
    const path: Path = {
      local,
      localPort: listener.port,
      remote,
      remotePort: socket.remotePort,
      encapsulated: true,
      port: TCP_PORTS + index,
      link: new Uint8Array(0),
    };
    const stream = attachStream(socket, {
      isOpener: false,
      limit: options.limit,
      backlog: () => (one.isProved ? BACKLOG_PROVED : BACKLOG),
      take(isIke, buffer, offset, length) {
        listener.counters.received++;
        const isGood = tcp.onMessage?.(one.path, buffer, offset, length, isIke) ?? false;
        one.bad = isGood ? 0 : one.bad + 1;
        if (one.bad > (one.isProved ? BAD_MAX_PROVED : BAD_MAX)) shut(one, 'tcp-garbage');
      },
      fault(reason) {
        // Repeated questions, whose answers nobody reads, would fill the memory.
        if (reason === 'slow-peer' && !one.isProved) {
          shut(one, reason);
          return;
        }
        drop(reason);
        // Only a peer that is known may send what is too long, or nothing.
        if (!one.isProved && ++one.bad > BAD_MAX) shut(one, 'tcp-garbage');
      },
    });
    const source = sourceKey(path);
    const since = options.now();
    const one: Connection = { path, source, stream, listener, owner: null, isProved: false, bad: 0, since };
    socket.on('close', () => forget(one));
    byPath.set(keyOf(path), one);
    strangers.add(one);
    const same = bySource.get(source) ?? new Set();
    bySource.set(source, same.add(one));
    listener.counters.accepted++;
    listener.counters.open++;
  }

  function sweep(): void {
    const now = options.now();
    for (const one of strangers) {
      if (now - one.since < PROVE_TIME) break;
      shut(one, 'tcp-unproved');
    }
    for (const one of leaving) {
      if (now - one.since < LEAVE_TIME) break;
      forget(one);
      one.stream.end();
    }
  }

  const timer = setInterval(sweep, SWEEP);
  timer.unref();

  const tcp: TcpPorts = {
    ports,
    onMessage: null,
    drop: null,
    listensAt: (local) =>
      list.some(({ address }) => {
        const own = socketOctets(address)!;
        return own.length === local.length && (own.every((octet) => octet === 0) || Buffer.compare(own, local) === 0);
      }),
    send(path, octets, isIke) {
      const one = byPath.get(keyOf(path));
      if (one === undefined || !one.stream.send(octets, isIke)) return false;
      one.listener.counters.sent++;
      return true;
    },
    prove(path, sa) {
      const one = byPath.get(keyOf(path));
      if (one === undefined) return;
      if (one.owner === sa) return;
      if (one.owner !== null && !isSame(one.owner, sa)) {
        // One IKE SA in a connection, but for its rekey [RFC 9329 §6.1].
        shut(one, 'tcp-second-sa');
        return;
      }
      noStranger(one);
      leaving.delete(one);
      disown(one);
      if (!one.isProved) one.listener.counters.proved++;
      one.isProved = true;
      one.owner = sa;
      const same = byOwner.get(sa) ?? new Set();
      byOwner.set(sa, same.add(one));
      for (const oldest of same) {
        if (same.size <= PER_SA) break;
        shut(oldest, 'tcp-superseded');
      }
    },
    release(sa) {
      for (const one of [...(byOwner.get(sa) ?? [])]) {
        disown(one);
        // The peer that opened it closes it; after a while this side does.
        one.since = options.now();
        leaving.add(one);
      }
    },
    async close() {
      isClosed = true;
      clearInterval(timer);
      const all = [...byPath.values()];
      for (const one of all) {
        forget(one);
        one.stream.end();
      }
      await Promise.all(servers.map(closed));
    },
  };

  for (let index = 0; index < list.length; index++) {
    const { address, port } = list[index];
    const server = createServer((socket) => accept(socket, index));
    try {
      const listening = once(server, 'listening');
      server.listen({ host: address, port, ipv6Only: address.includes(':') });
      await listening;
    } catch (error) {
      server.close();
      await tcp.close();
      throw new Error(`tcp[${index}]: ${endpointText(socketOctets(address)!, port)}: ${errorText(error)}`);
    }
    server.on('error', () => drop('tcp-listener'));
    servers.push(server);
    const bound = server.address();
    ports.push({
      address,
      port: bound === null || typeof bound === 'string' ? port : bound.port,
      counters: { accepted: 0, open: 0, proved: 0, received: 0, sent: 0 },
    });
  }
  return tcp;
}
