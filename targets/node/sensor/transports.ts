// How a sensor's IKE reaches its gateway: over UDP, over TCP, or over TCP with ESP beside it [RFC 9329,
// draft-ietf-ipsecme-ikev2-reliable-transport]. It chooses for each attempt, opens connections, and opens others for those that
// are lost. The sockets themselves are elsewhere, so tests run it in virtual time.
//
//   separate: IKE_SA_INIT over UDP 4500 with the notify -> TCP; TCP cannot be opened: anew over UDP, without the notify
//   tcp:      IKE_SA_INIT over TCP with the notify -> ESP beside it; ESP does not arrive: anew over TCP, without the notify
//   tcp-only: everything in one connection
//   auto:     as separate; nothing comes over UDP: as tcp, and in turns from then on

import type { UplinkConfig } from '../../../core/device/uplink.ts';
import { closeIke, probe } from '../../../core/ike/exchange/requests.ts';
import {
  type Begin,
  believe,
  createSeparateTransports,
  isSeparate,
  moveEsp,
  resendOver,
  startOver,
} from '../../../core/ike/ext/separate-transports.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import { type Path, samePath } from '../../../core/ike/state/path.ts';
import type { IkePolicy } from '../../../core/ike/state/policy.ts';
import {
  espPathOf,
  type IkeSa,
  STATE_ENDED,
  STATE_ESTABLISHED,
  STATE_HALF_OPEN,
  STATE_RESUME_SENT,
} from '../../../core/ike/state/sa.ts';
import { isStray } from '../host/stray.ts';
import { streamedPolicy } from '../host/stream-policy.ts';
import type { TcpStream } from '../host/tcp-stream.ts';
import type { Dial } from './dial.ts';
import { createEspProbe, type EspProbe } from './esp-probe.ts';

/** What carries IKE. */
export type Transport = 'udp' | 'separate' | 'tcp' | 'tcp-only' | 'auto';

/** `Path.port` of a connection; sockets have 0. */
const STREAM = 1;

/** True for the path of a TCP connection of a sensor. */
export function isStream(path: Path): boolean {
  return path.port === STREAM;
}

const FIRST_PORT = 49152;
const PORTS = 16384;
/** Milliseconds: without an answer over UDP, TCP is tried; what did not work is not tried again for. */
const UDP_PATIENCE = 6000;
const REMEMBER = 600000;
/** A request waits so long for its answer before its connection counts as lost; pauses between connections. */
const STALLED = 10000;
const REDIAL = 500;
const REDIAL_MAX = 30000;
/** Of connections that could not be opened on an own port in use. */
const PORT_TRIES = 8;

interface Connection {
  path: Path;
  stream: TcpStream;
  isOpen: boolean;
  openedAt: number;
  /** Attempts before it that failed, or -1: the gateway proved itself over it. */
  failures: number;
}

export interface TransportsConfig {
  mode: Transport;
  /** ESP goes in IP itself where no NAT was found, and in UDP where that does not arrive. */
  tries: boolean;
  /** Where IKE goes over UDP port 4500. */
  udp: Path;
  /** The gateway's TCP port. */
  tcpPort: number;
  /** Of messages over UDP. */
  policy: IkePolicy;
  dial: Dial;
  /** 0 <= x < 1. */
  random(): number;
  now(): number;
  wake(): void;
  /** Takes messages of a connection. */
  ike(path: Path, buffer: Uint8Array, offset: number, length: number): void;
  esp(path: Path, buffer: Uint8Array, offset: number, length: number): void;
  /** Sends an ESP packet that the other end answers, over the path of ESP or over UDP. False: there is none. */
  probe(path: Path | null): boolean;
  /** Connects anew. */
  again(): void;
}

export interface Transports {
  /** An uplink's configuration with what goes before and behind its extensions. */
  extend(config: UplinkConfig): UplinkConfig;
  /** Gives it the endpoint. Call it first. */
  attach(ike: Ike): void;
  sendIke(path: Path, octets: Uint8Array): void;
  /** False: the connection is gone. */
  sendEsp(path: Path, octets: Uint8Array): boolean;
  isStream(path: Path): boolean;
  /** True for a message over UDP that must not be taken. */
  isStray(buffer: Uint8Array, offset: number, length: number): boolean;
  established(sa: IkeSa): void;
  ended(sa: IkeSa): void;
  /** An ESP packet went out, or an authenticated one came over `path`. */
  sent(): void;
  heard(path: Path): void;
  poll(now: number): void;
  nextTimeout(): number;
  counters(): Record<string, number>;
  close(): void;
}

export function createTransports(config: TransportsConfig): Transports {
  const { mode, udp, now } = config;
  const begun = new WeakMap<IkeSa, Begin & { at: number }>();
  const connections: Connection[] = [];
  const counts = { tcpConnections: 0, tcpLost: 0, tcpFailed: 0, espToTcp: 0, strays: 0 };
  let ike: Ike | null = null;
  let isClosed = false;
  // What did not work is left out until then.
  let noTcpUntil = -1;
  let noNotifyUntil = -1;
  let noUdpUntil = -1;
  // Connections that are lost, until others are opened in their place.
  const waiting: { path: Path; failures: number; at: number }[] = [];
  let isAgain = false;

  const live = (): IkeSa[] => (ike?.sas ?? []).filter(({ state }) => state !== STATE_ENDED);
  const onPath = (path: Path): IkeSa[] => live().filter((sa) => samePath(sa.path, path));
  const connectionOf = (path: Path): Connection | undefined => connections.find((one) => samePath(one.path, path));

  function dial(failures: number, tries = PORT_TRIES): Connection {
    const localPort = FIRST_PORT + Math.floor(config.random() * PORTS);
    const path: Path = { ...udp, localPort, remotePort: config.tcpPort, port: STREAM };
    const one: Connection = { path, stream: null as never, isOpen: false, openedAt: now(), failures };
    one.stream = config.dial(localPort, {
      opened() {
        one.isOpen = true;
        one.openedAt = now();
        counts.tcpConnections++;
        config.wake();
      },
      take(isIke, buffer, offset, length) {
        const own = onPath(one.path);
        const heard = own.map(({ heardAt }) => heardAt);
        if (!isIke) config.esp(one.path, buffer, offset, length);
        else {
          config.ike(one.path, buffer, offset, length);
          for (const sa of own) believe(ike!, sa, now());
        }
        // What nobody has authenticated does not make the next connection come sooner.
        if (own.some(({ heardAt }, index) => heardAt !== heard[index])) one.failures = -1;
        config.wake();
      },
      closed(reason) {
        drop(one);
        if (isClosed) return;
        if (reason === 'EADDRINUSE' && tries > 0) moveTo(one.path, dial(failures, tries - 1));
        else lost(one);
        config.wake();
      },
    });
    connections.push(one);
    return one;
  }

  function drop(one: Connection): void {
    const at = connections.indexOf(one);
    if (at >= 0) connections.splice(at, 1);
  }

  /** IKE SAs that were on `from` go on in another connection: with their request, or with a sign of life [RFC 9329 §6.3]. */
  function moveTo(from: Path, next: Connection): void {
    const time = now();
    for (const sa of onPath(from)) {
      resendOver(ike!, sa, next.path, time);
      // A request that the gateway knows moves nothing there: a new one follows it.
      if (sa.state === STATE_ESTABLISHED) probe(ike!, sa, time);
    }
  }

  /** A connection is gone that this side did not close. */
  function lost(one: Connection): void {
    const time = now();
    if (one.isOpen) counts.tcpLost++;
    else counts.tcpFailed++;
    for (const sa of onPath(one.path)) {
      if (sa.state >= STATE_HALF_OPEN || one.isOpen) continue;
      // It never came up: not over TCP, then.
      if (mode === 'separate' || mode === 'auto') {
        noTcpUntil = time + REMEMBER;
        noUdpUntil = -1;
        begun.delete(sa);
        startOver(ike!, sa, time);
      }
    }
    if (onPath(one.path).length === 0) return;
    const failures = one.failures + 1;
    const pause = failures === 0 ? 0 : Math.min(REDIAL_MAX, REDIAL * 2 ** Math.min(failures, 10));
    waiting.push({ path: one.path, failures, at: time + pause * (0.75 + config.random() / 2) });
  }

  /** How an attempt goes. */
  function plan(): Begin & { at: number } {
    const time = now();
    const overTcp = mode === 'tcp' || mode === 'tcp-only' || (mode === 'auto' && time < noUdpUntil);
    const offer = mode !== 'tcp-only' && time >= noNotifyUntil && (overTcp || time >= noTcpUntil);
    return { path: overTcp ? dial(0).path : udp, policy: config.policy, offer, at: time };
  }

  const parts = createSeparateTransports({
    isStream,
    streamed: streamedPolicy,
    begins(sa) {
      if (mode === 'udp') return null;
      const known = begun.get(sa) ?? plan();
      begun.set(sa, known);
      return known;
    },
    open: () => dial(0).path,
    accepts: () => false,
    espPath: () => udp,
  });

  const reach: EspProbe = createEspProbe({
    probe: (how) => config.probe(how === 'udp' ? udp : null),
    isPlain() {
      const sa = current();
      return sa !== null && !espPathOf(sa).encapsulated;
    },
    unreachable(first) {
      const sa = current();
      if (sa === null || !isBeside(sa) || isStream(espPathOf(sa))) return;
      if (!isSeparate(sa)) {
        // Nothing answers in either: UDP passes where IP protocol 50 does not.
        moveEsp(sa, udp);
        return;
      }
      if (first) {
        // ESP never came: an SA without separate transports takes its place.
        noNotifyUntil = now() + REMEMBER;
        isAgain = true;
        closeIke(ike!, sa, now());
        return;
      }
      counts.espToTcp++;
      moveEsp(sa, null);
      reach.moved(now());
    },
  });

  function current(): IkeSa | null {
    return live().find(({ state }) => state === STATE_ESTABLISHED) ?? null;
  }

  /** ESP of `sa` goes another way than its IKE, or may. */
  function isBeside(sa: IkeSa): boolean {
    return isSeparate(sa) || (config.tries && !espPathOf(sa).encapsulated);
  }

  /** When the request of `sa` counts as lost with its connection; -1: none is on its way. */
  function stalledAt(sa: IkeSa): number {
    const one = sa.request.length === 0 || sa.deadline < 0 ? undefined : connectionOf(sa.path);
    if (one === undefined || !one.isOpen) return -1;
    return Math.max(sa.deadline - sa.policy.retransmitTime, one.openedAt) + STALLED;
  }

  /** When an attempt over UDP gives way to TCP. */
  function impatientAt(sa: IkeSa): number {
    const how = begun.get(sa);
    if (mode !== 'auto' || sa.state > STATE_RESUME_SENT || isStream(sa.path) || how === undefined) return -1;
    return now() < noTcpUntil ? -1 : how.at + UDP_PATIENCE;
  }

  return {
    extend(base) {
      return {
        ...base,
        extensions: [parts.begin, ...base.extensions, parts.notify],
        intermediate: base.intermediate === null ? null : parts.rounds(base.intermediate),
        resumption: base.resumption === null ? null : parts.resumption(base.resumption),
      };
    },
    attach(endpoint) {
      ike = endpoint;
    },
    sendIke(path, octets) {
      connectionOf(path)?.stream.send(octets, true);
    },
    sendEsp: (path, octets) => connectionOf(path)?.stream.send(octets, false) ?? false,
    isStream,
    isStray(buffer, offset, length) {
      const stray = isStray(ike!, isStream, udp, buffer, offset, length);
      if (stray) counts.strays++;
      return stray;
    },
    established(sa) {
      const how = begun.get(sa);
      if (!isBeside(sa)) reach.stop();
      else if ((how !== undefined && isStream(how.path)) || !espPathOf(sa).encapsulated) reach.begin(now());
    },
    ended(sa) {
      if (current() === null) reach.stop();
      // Neither worked: the next attempt begins as the first one did.
      if (sa.peerId.length > 0) return;
      noTcpUntil = -1;
      noUdpUntil = -1;
    },
    sent() {
      const sa = current();
      if (sa !== null && isBeside(sa)) reach.sent(now());
    },
    heard(path) {
      const one = connectionOf(path);
      if (one !== undefined) one.failures = -1;
      const sa = current();
      if (sa === null || !(isBeside(sa) || config.tries)) return;
      const decides = reach.isOpen();
      reach.heard(!isStream(path), now());
      if (!decides) return;
      const old = espPathOf(sa);
      const isSame = isStream(old) === isStream(path) && old.encapsulated === path.encapsulated;
      if (!isSame && !isStream(path)) moveEsp(sa, path);
    },
    poll(time) {
      reach.poll(time);
      for (const one of waiting.filter(({ at }) => time >= at)) {
        waiting.splice(waiting.indexOf(one), 1);
        if (onPath(one.path).length > 0) moveTo(one.path, dial(one.failures));
      }
      for (const sa of live()) {
        const impatient = impatientAt(sa);
        const stalled = stalledAt(sa);
        if (impatient >= 0 && time >= impatient) {
          noUdpUntil = time + REMEMBER;
          begun.delete(sa);
          startOver(ike!, sa, time);
        } else if (stalled >= 0 && time >= stalled) {
          const one = connectionOf(sa.path)!;
          one.stream.destroy();
          drop(one);
          lost(one);
        }
      }
      // A connection without an IKE SA: the side that opened it closes it.
      for (const one of [...connections]) {
        if (onPath(one.path).length > 0) continue;
        drop(one);
        one.stream.end();
      }
      if (isAgain) {
        isAgain = false;
        config.again();
      }
    },
    nextTimeout() {
      const times = [reach.nextTimeout(), ...waiting.map(({ at }) => at)];
      for (const sa of live()) times.push(stalledAt(sa), impatientAt(sa));
      const due = times.filter((at) => at >= 0);
      return due.length === 0 ? -1 : Math.min(...due);
    },
    counters: () => ({ ...counts, espProbes: reach.probes(), connections: connections.length }),
    close() {
      isClosed = true;
      for (const one of connections.splice(0)) one.stream.end();
    },
  };
}
