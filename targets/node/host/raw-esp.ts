// ESP over IP protocol 50 [RFC 4303 §2]: raw sockets of Linux, one for each own address. They need root rights or CAP_NET_RAW,
// and the optional package koffi for the calls that Node lacks. The system makes and takes off the IP header, and fragments where
// a packet is too long.
//
// A thread of libuv's pool waits in poll(2) for all sockets, and for a pipe that ends the wait. Reading and sending do not block.

import { closeSync, writeSync } from 'node:fs';
import { addressText } from './addresses.ts';
import { loadKoffi, type Waiting, waitingOf } from './libc.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW = 3;
const SOCK_FLAGS = 0x80800;
const PROTO_ESP = 50;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const POLLIN = 1;
const EPERM = 1;
/** Milliseconds after which the wait is looked after, so that the process can end whatever happens. */
const WAIT = 1000;
/** Packets read of a socket at a time, so that others get their turn. */
const BURST = 64;
const BUFFER = 4194304;
const PACKET_MAX = 65536;
const ADDRESS_MAX = 28;

/** Sockets for ESP in IP itself. */
export interface RawPorts {
  /** Called for each packet: ESP in octets[offset..offset+length), valid during the call. */
  onPacket:
    | ((local: Uint8Array, remote: Uint8Array, octets: Uint8Array, offset: number, length: number) => void)
    | null;
  /** Opens a socket at one more address; nothing where there is one. Throws with why it does not open. */
  open(local: Uint8Array): void;
  /** Sends an ESP packet without an IP header. False: the system does not take it, or there is no socket at `local`. */
  send(octets: Uint8Array, local: Uint8Array, remote: Uint8Array): boolean;
  counters: { received: number; sent: number; sendErrors: number; malformed: number };
  close(): Promise<void>;
}

interface Calls extends Waiting {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, size: number): number;
  setsockopt(fd: number, level: number, name: number, value: Int32Array, size: number): number;
  sendto(fd: number, octets: Uint8Array, size: number, flags: number, to: Uint8Array, toSize: number): number;
  recvfrom(fd: number, octets: Uint8Array, size: number, flags: number, from: Uint8Array, fromSize: Int32Array): number;
}

async function loadCalls(): Promise<Calls> {
  const koffi = await loadKoffi();
  const library = koffi.load(null);
  return {
    ...waitingOf(koffi),
    socket: library.func('int socket(int domain, int type, int protocol)'),
    bind: library.func('int bind(int fd, void *address, uint32_t size)'),
    setsockopt: library.func('int setsockopt(int fd, int level, int name, void *value, uint32_t size)'),
    sendto: library.func('long sendto(int fd, void *octets, size_t size, int flags, void *to, uint32_t toSize)'),
    recvfrom: library.func('long recvfrom(int fd, void *octets, size_t size, int flags, void *from, void *fromSize)'),
  };
}

/** struct sockaddr_in, or sockaddr_in6. */
function socketAddress(octets: Uint8Array): Uint8Array {
  const isSix = octets.length === 16;
  const address = new Uint8Array(isSix ? ADDRESS_MAX : 16);
  address[0] = isSix ? AF_INET6 : AF_INET;
  address.set(octets, isSix ? 8 : 4);
  return address;
}

/** A socket bound to `local`. */
function bound(calls: Calls, local: Uint8Array): number {
  const fd = calls.socket(local.length === 16 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_FLAGS, PROTO_ESP);
  if (fd < 0) {
    const why = calls.errno() === EPERM ? 'root rights, or CAP_NET_RAW, are needed' : `errno ${calls.errno()}`;
    throw new Error(`no raw socket for IP protocol 50: ${why}`);
  }
  calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, Int32Array.of(BUFFER), 4);
  const address = socketAddress(local);
  if (calls.bind(fd, address, address.length) >= 0) return fd;
  const error = new Error(`${addressText(local)}: IP protocol 50: bind failed (errno ${calls.errno()})`);
  closeSync(fd);
  throw error;
}

/** Opens a socket at each address, or none. Rejects with why. */
export async function openRawPorts(addresses: readonly Uint8Array[]): Promise<RawPorts> {
  if (process.platform !== 'linux') throw new Error('IP protocol 50 is for Linux only');
  const calls = await loadCalls();
  const locals: Uint8Array[] = [];
  const fds: number[] = [];
  const pipe = new Int32Array(2);

  function open(local: Uint8Array): void {
    if (locals.some((one) => Buffer.compare(one, local) === 0)) return;
    fds.push(bound(calls, local));
    locals.push(local);
  }

  try {
    for (const local of addresses) open(local);
    if (calls.pipe(pipe) < 0) throw new Error(`no pipe (errno ${calls.errno()})`);
  } catch (error) {
    for (const one of [...fds, ...pipe]) if (one > 0) closeSync(one);
    throw error;
  }

  const packet = new Uint8Array(PACKET_MAX);
  const from = new Uint8Array(ADDRESS_MAX);
  const fromSize = new Int32Array(1);
  const counters = { received: 0, sent: 0, sendErrors: 0, malformed: 0 };
  let isClosed = false;

  /** What the thread waits for. A socket that was opened during a wait is in the next one, WAIT later at most. */
  function polled(): Buffer {
    const list = Buffer.alloc(8 * (fds.length + 1));
    [...fds, pipe[0]].forEach((fd, index) => {
      list.writeInt32LE(fd, 8 * index);
      list.writeInt16LE(POLLIN, 8 * index + 4);
    });
    return list;
  }

  /** One packet of socket `index`. False: there is none. */
  function take(index: number): boolean {
    fromSize[0] = ADDRESS_MAX;
    const size = Number(calls.recvfrom(fds[index], packet, PACKET_MAX, 0, from, fromSize));
    if (size < 0) return false;
    const local = locals[index];
    const isSix = local.length === 16;
    // An IPv4 socket gets the header as well.
    const offset = isSix ? 0 : 4 * (packet[0] & 15);
    counters.received++;
    if (size < offset + 8) {
      counters.malformed++;
      return true;
    }
    const remote = isSix ? from.slice(8, 24) : from.slice(4, 8);
    ports.onPacket?.(local, remote, packet, offset, size - offset);
    return true;
  }

  async function run(): Promise<void> {
    let list = polled();
    while (!isClosed) {
      if (list.length !== 8 * (fds.length + 1)) list = polled();
      await calls.poll(list, list.length / 8, WAIT);
      for (let index = 0; index < fds.length; index++) {
        for (let n = 0; n < BURST && !isClosed && take(index); n++);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  const ports: RawPorts = {
    onPacket: null,
    counters,
    open(local) {
      if (!isClosed) open(local);
    },
    send(octets, local, remote) {
      const index = locals.findIndex((one) => Buffer.compare(one, local) === 0);
      if (isClosed || index < 0 || local.length !== remote.length) return false;
      const to = socketAddress(remote);
      const isSent = Number(calls.sendto(fds[index], octets, octets.length, 0, to, to.length)) === octets.length;
      if (isSent) counters.sent++;
      else counters.sendErrors++;
      return isSent;
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      writeSync(pipe[1], Uint8Array.of(0));
      await running;
      for (const one of [...fds, ...pipe]) closeSync(one);
    },
  };
  const running = run().catch(() => {});
  return ports;
}
