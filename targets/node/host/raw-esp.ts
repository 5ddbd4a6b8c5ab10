// ESP over IP protocol 50 [RFC 4303 §2]: raw sockets of Linux, one for each own address. They need root rights or CAP_NET_RAW,
// and the optional package koffi for the calls that Node lacks. The system makes and takes off the IP header, and fragments where
// a packet is too long.

import { closeSync } from 'node:fs';
import { socketText } from './addresses.ts';
import { loadReadiness } from './io/readiness.ts';
import { loadKoffi } from './koffi.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW = 3;
const SOCK_FLAGS = 0x80800;
const PROTO_ESP = 50;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const EPERM = 1;
/** Packets read of a socket at a time, so that others get their turn. */
const BURST = 64;
const BUFFER = 4194304;
const PACKET_MAX = 65536;
const ADDRESS_MAX = 28;
const SCOPE_AT = 24;

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

interface Calls {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, size: number): number;
  setsockopt(fd: number, level: number, name: number, value: Int32Array, size: number): number;
  sendto(fd: number, octets: Uint8Array, size: number, flags: number, to: Uint8Array, toSize: number): number;
  recvfrom(fd: number, octets: Uint8Array, size: number, flags: number, from: Uint8Array, fromSize: Int32Array): number;
  if_nametoindex(name: string): number;
  errno(): number;
}

async function loadCalls(): Promise<Calls> {
  const koffi = await loadKoffi();
  const library = koffi.load(null);
  return {
    if_nametoindex: library.func('unsigned int if_nametoindex(const char *name)'),
    errno: () => koffi.errno(),
    socket: library.func('int socket(int domain, int type, int protocol)'),
    bind: library.func('int bind(int fd, void *address, uint32_t size)'),
    setsockopt: library.func('int setsockopt(int fd, int level, int name, void *value, uint32_t size)'),
    sendto: library.func('long sendto(int fd, void *octets, size_t size, int flags, void *to, uint32_t toSize)'),
    recvfrom: library.func('long recvfrom(int fd, void *octets, size_t size, int flags, void *from, void *fromSize)'),
  };
}

/** struct sockaddr_in, or sockaddr_in6 with the interface of a link-local address. */
function socketAddress(octets: Uint8Array, scope = 0): Uint8Array {
  const isSix = octets.length === 16;
  const address = new Uint8Array(isSix ? ADDRESS_MAX : 16);
  address[0] = isSix ? AF_INET6 : AF_INET;
  address.set(octets, isSix ? 8 : 4);
  if (isSix) new DataView(address.buffer).setUint32(SCOPE_AT, scope, true);
  return address;
}

/** A socket bound to `local`, in `zone`: `%eth0`, or ''. */
function bound(calls: Calls, local: Uint8Array, zone: string): number {
  const fd = calls.socket(local.length === 16 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_FLAGS, PROTO_ESP);
  if (fd < 0) {
    const why = calls.errno() === EPERM ? 'root rights, or CAP_NET_RAW, are needed' : `errno ${calls.errno()}`;
    throw new Error(`no raw socket for IP protocol 50: ${why}`);
  }
  calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, Int32Array.of(BUFFER), 4);
  const text = socketText(local, zone);
  // A link-local address binds the socket to its interface, also for what it sends.
  const address = socketAddress(
    local,
    text.includes('%') ? calls.if_nametoindex(zone.slice(1)) || Number(zone.slice(1)) || 0 : 0,
  );
  if (calls.bind(fd, address, address.length) >= 0) return fd;
  const error = new Error(`${text}: IP protocol 50: bind failed (errno ${calls.errno()})`);
  closeSync(fd);
  throw error;
}

/** Opens a socket at each address, or none. `zoneOf`: the zone of a link-local address, `%eth0`. Rejects with why. */
export async function openRawPorts(
  addresses: readonly Uint8Array[],
  zoneOf: (local: Uint8Array) => string = () => '',
): Promise<RawPorts> {
  if (process.platform !== 'linux') throw new Error('IP protocol 50 is for Linux only');
  const calls = await loadCalls();
  const readiness = await loadReadiness();
  const locals: Uint8Array[] = [];
  const fds: number[] = [];
  const packet = new Uint8Array(PACKET_MAX);
  const from = new Uint8Array(ADDRESS_MAX);
  const fromSize = new Int32Array(1);
  const counters = { received: 0, sent: 0, sendErrors: 0, malformed: 0 };
  let isClosed = false;

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

  function open(local: Uint8Array): void {
    if (isClosed || locals.some((one) => Buffer.compare(one, local) === 0)) return;
    const fd = bound(calls, local, zoneOf(local));
    const index = fds.push(fd) - 1;
    locals.push(local);
    readiness.add(fd, {
      readable() {
        let count = 0;
        while (count < BURST && !isClosed && take(index)) count++;
        return count;
      },
    });
  }

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    for (const fd of fds) {
      readiness.remove(fd);
      closeSync(fd);
    }
  }

  const ports: RawPorts = {
    onPacket: null,
    counters,
    open,
    send(octets, local, remote) {
      const index = locals.findIndex((one) => Buffer.compare(one, local) === 0);
      if (isClosed || index < 0 || local.length !== remote.length) return false;
      const to = socketAddress(remote);
      const isSent = Number(calls.sendto(fds[index], octets, octets.length, 0, to, to.length)) === octets.length;
      if (isSent) counters.sent++;
      else counters.sendErrors++;
      return isSent;
    },
    close,
  };
  try {
    for (const local of addresses) open(local);
  } catch (error) {
    await close();
    throw error;
  }
  return ports;
}
