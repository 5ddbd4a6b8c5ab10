// User-space UDP: datagrams from sensors go to servers through ordinary sockets, without root rights. Each flow has a socket
// per inner source address and port, so that every answer finds its way back. Idle sockets are closed. Their number is
// bounded, for each inner address and in all: the one idle for longest goes first. Where the system has fewer, so has this.

import { IPV4_DST, IPV4_PROTOCOL, IPV4_SIZE } from '../../../core/wire/ipv4.ts';
import { IPV6_DST, IPV6_NEXT_HEADER, IPV6_SIZE } from '../../../core/wire/ipv6.ts';
import { PROTO_UDP } from '../../../core/wire/udp.ts';
import { type Bounded, sourceOf } from '../host/bounded.ts';
import { type Datagram, endpointText, octetsKey } from '../host/datagram.ts';
import { createOctetMap } from '../host/octet-map.ts';
import type { FlowSocket, OpenSocket, Target } from './socket.ts';

export interface Flow {
  destination: Uint8Array;
  port: number;
  target: Target;
}

/** Counters of the UDP servers behind the gateway. */
export interface FlowMetrics {
  /** Datagrams to servers, and answers from them. */
  delivered: number;
  /** Datagrams from servers. */
  answers: number;
  /** Sockets: open now, opened, closed for idleness, to make room, and after errors. */
  open: number;
  /** Sockets opened, in all. */
  opened: number;
  /** Sockets closed for idleness. */
  idle: number;
  /** Sockets closed to make room. */
  evicted: number;
  /** Sockets that ended with an error. */
  failed: number;
  /** Errors of sockets. */
  socketErrors: number;
  /** Datagrams not sent since the socket could not take them. */
  dropped: number;
}

export interface FlowConfigs {
  flows: Flow[];
  sessions: number;
  idle: number;
  openSocket: OpenSocket;
  now: () => number;
  bounded: Bounded;
  /** Sends an answer towards its sensor. */
  answer: (datagram: Datagram) => void;
}

export interface Flows {
  /** True when packet[0..length), a restored IP packet, is UDP to the address of a flow. */
  mayTake(packet: Uint8Array, length: number): boolean;
  /** Takes a datagram; false when no flow is for it. */
  deliver(datagram: Datagram): boolean;
  poll(now: number): void;
  nextTimeout(): number;
  /** Takes other flows; sessions of those that are there no more, or go elsewhere, are closed. */
  follow(flows: readonly Flow[]): void;
  close(): void;
  metrics: FlowMetrics;
}

/** The part of all sessions that one inner address gets, and the least. */
const SHARE = 1 / 16;
const SHARE_MIN = 8;
/** The part of the open sockets that is kept when the system has no more. */
const KEPT = 7 / 8;
/** After this long, in ms, without such an error there is an 8th more room again. */
const AGAIN = 60000;

interface Session {
  key: string;
  /** Inner source address. */
  owner: string;
  /** Key of its flow. */
  inner: string;
  target: Target;
  socket: FlowSocket;
  used: number;
}

function mapOf(flows: readonly Flow[]): Map<string, Flow> {
  return new Map(flows.map((flow) => [octetsKey(flow.destination) + flow.port, flow]));
}

function isSame(a: Target, b: Target | undefined): boolean {
  return a.address === b?.address && a.port === b.port;
}

export function createFlows(config: FlowConfigs): Flows {
  const { bounded, now } = config;
  let flows = mapOf(config.flows);
  const addresses = createOctetMap<true>();
  listAddresses(config.flows);
  // In order of last use, the oldest first.
  const sessions = new Map<string, Session>();
  // Those of each inner address, in the same order.
  const owners = new Map<string, Map<string, Session>>();
  /**
   * Nothing ends for idleness before this; -1: there is no session. Kept, because the first entry of a map is found behind those
   * that were there before.
   */
  let due = -1;
  let room = config.sessions;
  // When the room was last made less or more.
  let roomAt = 0;
  const metrics: FlowMetrics = {
    delivered: 0,
    answers: 0,
    open: 0,
    opened: 0,
    idle: 0,
    evicted: 0,
    failed: 0,
    socketErrors: 0,
    dropped: 0,
  };

  function listAddresses(list: readonly Flow[]): void {
    addresses.clear();
    for (const { destination } of list) addresses.set(octetsKey(destination), true);
  }

  function touch(session: Session): void {
    session.used = now();
    sessions.delete(session.key);
    sessions.set(session.key, session);
    const own = owners.get(session.owner) ?? new Map<string, Session>();
    if (own.size === 0) owners.set(session.owner, own);
    own.delete(session.key);
    own.set(session.key, session);
  }

  /** The first session ends at `due`. */
  function look(): void {
    due = -1;
    for (const session of sessions.values()) {
      due = session.used + config.idle;
      return;
    }
  }

  function end(session: Session, why: 'idle' | 'evicted' | 'failed'): void {
    sessions.delete(session.key);
    const own = owners.get(session.owner);
    own?.delete(session.key);
    if (own?.size === 0) owners.delete(session.owner);
    metrics[why]++;
    metrics.open = sessions.size;
    session.socket.close();
  }

  /** Closes the oldest of `list` until there are fewer than `most`. */
  function makeRoom(list: Map<string, Session>, most: number): void {
    if (list.size < most) return;
    for (const oldest of list.values()) {
      if (list.size < most) return;
      end(oldest, 'evicted');
    }
  }

  /** The system has no more sockets: others need some, too. */
  function exhausted(error: Error): void {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EMFILE' && code !== 'ENFILE') return;
    room = Math.max(1, Math.floor(sessions.size * KEPT));
    roomAt = now();
    bounded.line('warn', 'flow', () => `the system has no more sockets (${code}): ${room} sessions at a time for now`);
    makeRoom(sessions, room);
  }

  function open(key: string, flow: Flow, datagram: Datagram): Session {
    const owner = octetsKey(datagram.source);
    if (room < config.sessions && now() - roomAt >= AGAIN) {
      room = Math.min(config.sessions, Math.ceil(room / KEPT));
      roomAt = now();
    }
    makeRoom(owners.get(owner) ?? new Map(), Math.max(SHARE_MIN, Math.floor(room * SHARE)));
    makeRoom(sessions, room);
    const source = datagram.source.slice();
    const { sourcePort } = datagram;
    const name = () => `${endpointText(source, sourcePort)} to ${flow.target.address} port ${flow.target.port}`;
    const session: Session = {
      key,
      owner,
      inner: octetsKey(flow.destination) + flow.port,
      target: flow.target,
      used: 0,
      socket: config.openSocket(flow.target, {
        message(payload) {
          metrics.answers++;
          if (sessions.get(key) === session) touch(session);
          config.answer({
            source: flow.destination,
            sourcePort: flow.port,
            destination: source,
            destinationPort: sourcePort,
            payload,
          });
        },
        failed(error, closed) {
          metrics.socketErrors++;
          bounded.peer('warn', 'flow', 'socket', () => `${name()}: ${error.message}`, {}, sourceOf(source));
          // The next datagram opens a new socket.
          if (closed && sessions.get(key) === session) end(session, 'failed');
          exhausted(error);
        },
      }),
    };
    touch(session);
    if (due < 0) look();
    metrics.opened++;
    metrics.open = sessions.size;
    bounded.peer('debug', 'flow', 'open', () => `open ${name()}`, {}, sourceOf(source));
    return session;
  }

  return {
    metrics,
    mayTake(packet, length) {
      if (addresses.size() === 0) return false;
      const isSix = packet[0] >>> 4 === 6;
      if (length < (isSix ? IPV6_SIZE : IPV4_SIZE)) return false;
      if (packet[isSix ? IPV6_NEXT_HEADER : IPV4_PROTOCOL] !== PROTO_UDP) return false;
      return addresses.get(packet, isSix ? IPV6_DST : IPV4_DST, isSix ? 16 : 4) === true;
    },
    deliver(datagram) {
      const { destination, destinationPort, source, sourcePort } = datagram;
      const inner = octetsKey(destination) + destinationPort;
      const flow = flows.get(inner);
      if (flow === undefined) return false;
      const key = `${octetsKey(source)}${sourcePort} ${inner}`;
      const known = sessions.get(key);
      if (known !== undefined) touch(known);
      const session = known ?? open(key, flow, datagram);
      if (session.socket.send(datagram.payload)) metrics.delivered++;
      else metrics.dropped++;
      return true;
    },
    poll(time) {
      if (due < 0 || time < due) return;
      for (const session of sessions.values()) {
        if (time < session.used + config.idle) break;
        end(session, 'idle');
      }
      look();
    },
    nextTimeout: () => due,
    follow(list) {
      flows = mapOf(list);
      listAddresses(list);
      for (const session of [...sessions.values()]) {
        if (!isSame(session.target, flows.get(session.inner)?.target)) end(session, 'idle');
      }
    },
    close() {
      for (const session of sessions.values()) session.socket.close();
      sessions.clear();
      owners.clear();
      due = -1;
      metrics.open = 0;
    },
  };
}
