// UDP sockets of Linux, in bursts: recvmmsg takes what waits into one memory, sendmmsg gives what a burst made. Where the system
// can, datagrams of one size between the same two ends cross it as one (GRO, GSO).

import { closeSync } from 'node:fs';
import { EAGAIN, EINTR, HAS_LAYOUT, type Libc, loadLibc, systemError } from '../libc.ts';
import { tellSmall } from '../socket-buffer.ts';
import type { BoundSocket, DatagramListener, DatagramSocket, Datagrams, SocketBuffers } from './datagrams.ts';
import { BATCH, createInbox, type Inbox } from './inbox.ts';
import { createOutbox } from './outbox.ts';
import { loadReadiness, type Readiness } from './readiness.ts';
import { familyOf, parseSocketAddress, portAt, putSocketAddress, SOCKADDR_MAX } from './socket-address.ts';
import { attachSteering } from './steering.ts';

const SOCK_DGRAM = 2;
/** SOCK_NONBLOCK, SOCK_CLOEXEC. */
const SOCK_FLAGS = 0x80800;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_RXQ_OVFL = 40;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const UDP_GRO = 104;
/** Datagrams taken at a time, so that others get their turn. */
const BURST = 64;

function set(libc: Libc, fd: number, level: number, name: number, value: number): boolean {
  return libc.setsockopt(fd, level, name, Int32Array.of(value), 4) >= 0;
}

function get(libc: Libc, fd: number, level: number, name: number): number {
  const value = new Int32Array(1);
  return libc.getsockopt(fd, level, name, value, Int32Array.of(4)) < 0 ? -1 : value[0];
}

function widen(libc: Libc, fd: number, { octets, warn }: SocketBuffers): void {
  for (const [kind, name, force] of [
    ['receive', SO_RCVBUF, SO_RCVBUFFORCE],
    ['send', SO_SNDBUF, SO_SNDBUFFORCE],
  ] as const) {
    // With CAP_NET_ADMIN the limits of the system are none.
    if (!set(libc, fd, SOL_SOCKET, force, octets)) set(libc, fd, SOL_SOCKET, name, octets);
    tellSmall(kind, get(libc, fd, SOL_SOCKET, name), octets, warn);
  }
}

/** What the system can do with many datagrams as one. */
interface Offload {
  gro: boolean;
  gso: boolean;
}

function probe(libc: Libc): Offload {
  const fd = libc.socket(familyOf(new Uint8Array(4)), SOCK_DGRAM | SOCK_FLAGS, 0);
  if (fd < 0) throw systemError('socket', libc.errno());
  const gro = set(libc, fd, SOL_UDP, UDP_GRO, 1);
  const gso = get(libc, fd, SOL_UDP, UDP_SEGMENT) >= 0;
  closeSync(fd);
  return { gro, gso };
}

/** A bound descriptor; `isFurther`: others are at the same address and port already. */
function bound(libc: Libc, text: string, port: number, isFurther = false): BoundSocket {
  const parsed = parseSocketAddress(libc, text);
  if (parsed === null) throw systemError('bind', 19, text);
  const { address, zone } = parsed;
  const fd = libc.socket(familyOf(address), SOCK_DGRAM | SOCK_FLAGS, 0);
  if (fd < 0) throw systemError('socket', libc.errno());
  const isSix = address.length === 16;
  if (isSix) set(libc, fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (isFurther) set(libc, fd, SOL_SOCKET, SO_REUSEPORT, 1);
  const own = new Uint8Array(SOCKADDR_MAX);
  const size = putSocketAddress(own, 0, address, port, zone);
  let failed = '';
  if (libc.bind(fd, own, size) < 0) failed = 'bind';
  else if (libc.getsockname(fd, own, Int32Array.of(SOCKADDR_MAX)) < 0) failed = 'getsockname';
  if (failed === '') return { fd, port: portAt(own, 0), zone, isSix };
  const error = systemError(failed, libc.errno(), port === 0 ? text : `${text}:${port}`);
  closeSync(fd);
  throw error;
}

function open(
  parts: { libc: Libc; readiness: Readiness; inbox: Inbox; offload: Offload },
  at: BoundSocket,
  listener: DatagramListener,
): DatagramSocket {
  const { libc, readiness, inbox, offload } = parts;
  const { fd, isSix } = at;
  let isClosed = false;
  const isGro = offload.gro && set(libc, fd, SOL_UDP, UDP_GRO, 1);
  set(libc, fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
  const outbox = createOutbox(libc, {
    fd,
    zone: at.zone,
    isGso: offload.gso,
    unsent: listener.unsent,
    blocked: (isBlocked) => readiness.wantWrite(fd, isBlocked),
  });
  const source = { isSix, isGro, remote: new Uint8Array(0), lost: 0 };

  readiness.add(fd, {
    readable() {
      let taken = 0;
      while (taken < BURST && !isClosed) {
        const count = inbox.receive(fd);
        if (count <= 0) {
          const errno = libc.errno();
          if (count < 0 && errno !== EAGAIN && errno !== EINTR) listener.failed();
          return taken;
        }
        for (let i = 0; i < count && !isClosed; i++) taken += inbox.deliver(i, source, listener);
        if (count < BATCH) return taken;
      }
      return taken;
    },
    writable: outbox.flush,
  });

  return {
    port: at.port,
    send(octets, remote, remotePort) {
      if (isClosed) return;
      if ((remote.length === 16) !== isSix) listener.unsent(1);
      else if (outbox.put(octets, remote, remotePort)) readiness.atEnd(outbox.flush);
    },
    async close() {
      if (isClosed) return;
      outbox.close();
      isClosed = true;
      readiness.remove(fd);
      closeSync(fd);
    },
  };
}

/** `count` more sockets where `first` is. The first one alone says whether another process has the place. */
function bindMore(libc: Libc, text: string, first: BoundSocket, count: number, buffers: SocketBuffers): BoundSocket[] {
  const all: BoundSocket[] = [];
  try {
    if (!set(libc, first.fd, SOL_SOCKET, SO_REUSEPORT, 1)) throw systemError('SO_REUSEPORT', libc.errno(), text);
    for (let i = 0; i < count; i++) {
      const one = bound(libc, text, first.port, true);
      all.push(one);
      widen(libc, one.fd, buffers);
    }
    attachSteering(libc, first.fd, count);
    return all;
  } catch (error) {
    for (const { fd } of all) closeSync(fd);
    throw error;
  }
}

/** Rejects with why there are none. */
export async function loadNativeSockets(): Promise<Datagrams> {
  if (!HAS_LAYOUT) throw new Error(`not on ${process.arch}`);
  const readiness = await loadReadiness();
  const libc = await loadLibc();
  const offload = probe(libc);
  const inbox = createInbox(libc);
  const parts = { libc, readiness, inbox, offload };
  return {
    kind: ['recvmmsg', ...(offload.gro ? ['GRO'] : []), ...(offload.gso ? ['GSO'] : [])].join(', '),
    async open(address, port, buffers, listener) {
      const at = bound(libc, address, port);
      widen(libc, at.fd, buffers);
      return open(parts, at, listener);
    },
    shared: {
      async open(address, port, count, buffers, listener) {
        const at = bound(libc, address, port);
        widen(libc, at.fd, buffers);
        let others: BoundSocket[];
        try {
          others = bindMore(libc, address, at, count, buffers);
        } catch (error) {
          closeSync(at.fd);
          throw error;
        }
        return { socket: open(parts, at, listener), others };
      },
      take: (at, listener) => open(parts, at, listener),
    },
  };
}
