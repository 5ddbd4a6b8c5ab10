// UDP sockets of the gateway: one port has IKE; another has IKE after the non-ESP marker, ESP, and keepalives [RFC 3948].
// Each socket is bound to one address, because IKE must know to which address a message was sent. Where the configuration says
// "all addresses", those that come later get sockets too, and lose them when they go. A port keeps its place in the list, so
// that SAs find it when its address is back.

import { closeSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { socketOctets, zoneOf } from '../host/addresses.ts';
import { errorText } from '../host/errors.ts';
import type { BoundSocket, DatagramListener, DatagramSocket, UdpIo } from '../host/io/datagrams.ts';
import { loadDatagrams } from '../host/io/load-datagrams.ts';
import { type Log, silent } from '../host/log.ts';
import { SOCKET_BUFFER } from '../host/socket-buffer.ts';
import { classify, UDP_ESP, UDP_KEEPALIVE, UDP_SHORT, type UdpAddress } from '../host/udp.ts';

/** Milliseconds between two looks at this host's addresses. */
const LOOK_EVERY = 3000;

export interface UdpCounters {
  received: number;
  sent: number;
  keepalives: number;
  malformed: number;
  /** Came, and were dropped by the system: the socket's buffer was full. 0 where the system does not tell. */
  lost: number;
  sendErrors: number;
  socketErrors: number;
}

/** An address with its two sockets. */
export interface UdpPort {
  local: Uint8Array;
  /** `%eth0`, or ''. */
  zone: string;
  port: number;
  natPort: number;
  /** False while the host does not have the address. */
  isOpen: boolean;
  /** How datagrams cross the system: `recvmmsg, GRO, GSO`, or `node`. */
  io: string;
  /** Sockets for threads at the port for NAT, while it is open. */
  others: BoundSocket[];
  /** Sends a copy, from the port for NAT where `nat`. */
  send(octets: Uint8Array, remote: Uint8Array, remotePort: number, nat: boolean): void;
  counters: UdpCounters;
}

/**
 * A datagram: octets[offset..offset+length). IKE's octets are the callee's, ESP's are valid during the call. Nobody may change
 * `remote`.
 */
export type OnDatagram = (
  index: number,
  octets: Uint8Array,
  offset: number,
  length: number,
  kind: number,
  remote: Uint8Array,
  remotePort: number,
) => void;

/** All UDP sockets of a gateway. */
export interface UdpSockets {
  /** In the order in which the addresses came. */
  ports: UdpPort[];
  /** Called for each datagram of ports[index]. */
  onDatagram: OnDatagram | null;
  /** Called where ports[index] is open again: its `others` are the callee's. */
  onOpened: ((index: number) => void) | null;
  /** Called before ports[index] closes: threads close theirs. */
  onShut: ((index: number) => void) | null;
  /** Takes over a socket of ports[index] whose thread is gone. */
  adopt(index: number, bound: BoundSocket): void;
  /** Opens and closes sockets as addresses came and went. A timer calls it where there is an entry for all addresses. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

export interface UdpOptions {
  log?: Log;
  /** Octets of the sockets' buffers; default SOCKET_BUFFER, and then a smaller one is told at `info` only. */
  buffer?: number;
  /** Default `auto`. */
  io?: UdpIo;
  /** Threads that get a socket each at every port for NAT; default 0. */
  threads?: number;
  /** Called for each address that is open, also when it comes back; `local` is `UdpPort.local`. */
  opened?: (local: Uint8Array, natPort: number) => void;
  /** For tests: the host's network interfaces. */
  interfaces?: typeof networkInterfaces;
}

/** A port with what opens and closes it. */
interface Held extends UdpPort {
  entry: number;
  address: string;
  /** Why it could not be opened last time, or ''. */
  problem: string;
  open(): Promise<void>;
  adopt(bound: BoundSocket): void;
  shut(): Promise<void>;
}

/** `[fe80::1%eth0]:500`. */
function endpointOf(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function isAny(address: string): boolean {
  return socketOctets(address)!.every((octet) => octet === 0);
}

/** Opens all sockets, or none: then the error names the field. */
export async function openUdpPorts(list: UdpAddress[], options: UdpOptions = {}): Promise<UdpSockets> {
  const log = options.log ?? silent;
  const interfaces = options.interfaces ?? networkInterfaces;
  const buffer = options.buffer ?? SOCKET_BUFFER;
  const ports: Held[] = [];
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | null = null;
  const told = new Set<string>();
  const datagrams = await loadDatagrams(options.io ?? 'auto', (why) => {
    if (list.length > 0) log('info', 'gateway', `UDP: one datagram at a time: ${why}`);
  });
  if (list.length > 0) log('info', 'gateway', `UDP: ${datagrams.kind}`);
  const threads = options.threads ?? 0;
  const { shared } = datagrams;
  if (threads > 0 && shared === null) throw new Error(`workers: ${threads}: Linux and the package koffi are needed`);

  /** The same for all sockets: said once. */
  function small(text: string): void {
    if (told.has(text)) return;
    told.add(text);
    log(options.buffer === undefined ? 'info' : 'warn', 'gateway', `UDP: ${text}`);
  }

  function hold(entry: number, address: string): Held {
    const index = ports.length;
    const config = list[entry];
    const counters = { received: 0, sent: 0, keepalives: 0, malformed: 0, lost: 0, sendErrors: 0, socketErrors: 0 };
    let ike: DatagramSocket | null = null;
    let nat: DatagramSocket | null = null;
    const adopted: DatagramSocket[] = [];
    const listenerOf = (isNat: boolean): DatagramListener => ({
      taken(octets, offset, length, remote, remotePort) {
        if (isClosed) return;
        counters.received++;
        const kind = classify(octets, isNat, offset, length);
        if (kind === UDP_KEEPALIVE) counters.keepalives++;
        else if (kind === UDP_SHORT || remote.length === 0 || remotePort === 0) counters.malformed++;
        else if (kind === UDP_ESP) sockets.onDatagram?.(index, octets, offset, length, kind, remote, remotePort);
        else {
          const own = new Uint8Array(octets.subarray(offset, offset + length));
          sockets.onDatagram?.(index, own, 0, length, kind, remote, remotePort);
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
    const buffers = { octets: buffer, warn: small };
    const bindNat = async (): Promise<DatagramSocket> => {
      const listener = listenerOf(true);
      if (threads === 0 || shared === null) return datagrams.open(address, config.natPort, buffers, listener);
      const { socket, others } = await shared.open(address, config.natPort, threads, buffers, listener);
      held.others = others;
      return socket;
    };
    const held: Held = {
      entry,
      address,
      problem: '',
      local: socketOctets(address)!,
      zone: zoneOf(address),
      port: config.port,
      natPort: config.natPort,
      isOpen: false,
      io: datagrams.kind,
      others: [],
      counters,
      send(octets, remote, remotePort, isNat) {
        if (isClosed) return;
        const socket = isNat ? nat : ike;
        if (socket === null) {
          counters.sendErrors++;
          return;
        }
        counters.sent++;
        socket.send(octets, remote, remotePort);
      },
      async open() {
        const first = await datagrams.open(address, config.port, buffers, listenerOf(false));
        try {
          nat = await bindNat();
        } catch (error) {
          await first.close();
          throw error;
        }
        ike = first;
        held.port = ike.port;
        held.natPort = nat.port;
        held.isOpen = true;
        options.opened?.(held.local, held.natPort);
        sockets.onOpened?.(index);
      },
      adopt(bound) {
        adopted.push(shared!.take(bound, listenerOf(true)));
      },
      async shut() {
        if (held.isOpen) sockets.onShut?.(index);
        held.isOpen = false;
        for (const { fd } of held.others.splice(0)) closeSync(fd);
        const both = [ike, nat, ...adopted.splice(0)];
        ike = null;
        nat = null;
        await Promise.all(both.map((socket) => socket?.close()));
      },
    };
    return held;
  }

  /** The addresses of this host that the entry stands for. */
  function addressesOf({ address }: UdpAddress): string[] {
    if (!isAny(address)) return [address];
    const family = address.includes(':') ? 'IPv6' : 'IPv4';
    const found = Object.values(interfaces()).flatMap((entries) =>
      (entries ?? [])
        .filter((entry) => entry.family === family && !(family === 'IPv6' && entry.scopeid))
        .map((entry) => entry.address),
    );
    return [...new Set(found)];
  }

  const nameOf = ({ entry, address }: Held): string => {
    const { port, natPort } = list[entry];
    return `udp[${entry}]: ${endpointOf(address, port)} and ${natPort}`;
  };

  /** Opens a port that is not open. Where other addresses are served it may fail: it is tried again. */
  async function admit(held: Held): Promise<void> {
    try {
      await held.open();
      held.problem = '';
    } catch (error) {
      held.counters.socketErrors++;
      const problem = errorText(error);
      if (held.problem !== problem) log('warn', 'gateway', `${nameOf(held)}: ${problem}`);
      held.problem = problem;
    }
  }

  async function look(): Promise<void> {
    for (let entry = 0; entry < list.length && !isClosed; entry++) {
      if (!isAny(list[entry].address)) continue;
      const present = addressesOf(list[entry]);
      for (const held of ports) {
        if (held.entry !== entry || !held.isOpen || present.includes(held.address)) continue;
        log('info', 'gateway', `${nameOf(held)}: the address is gone`);
        await held.shut();
      }
      for (const address of present) {
        if (isClosed) break;
        let held = ports.find((one) => one.entry === entry && one.address === address);
        if (held?.isOpen) continue;
        if (held === undefined) {
          held = hold(entry, address);
          ports.push(held);
        }
        await admit(held);
        if (held.isOpen) log('info', 'gateway', `${nameOf(held)}: the address is there now`);
      }
    }
  }

  const sockets: UdpSockets = {
    ports,
    onDatagram: null,
    onOpened: null,
    onShut: null,
    adopt: (index, bound) => ports[index].adopt(bound),
    refresh() {
      // An address that cannot be read is looked for again; one look at a time.
      looking ??= look()
        .catch((error) => log('warn', 'gateway', `addresses of this host: ${errorText(error)}`))
        .finally(() => {
          looking = null;
        });
      return looking;
    },
    async close() {
      isClosed = true;
      clearInterval(timer);
      await looking;
      await Promise.all(ports.map((port) => port.shut()));
    },
  };

  for (let entry = 0; entry < list.length; entry++) {
    let served = 0;
    let failed: { held: Held; error: unknown } | null = null;
    for (const address of addressesOf(list[entry])) {
      const held = hold(entry, address);
      ports.push(held);
      try {
        await held.open();
        served++;
      } catch (error) {
        held.problem = errorText(error);
        held.counters.socketErrors++;
        failed = { held, error };
        if (isAny(list[entry].address)) log('warn', 'gateway', `${nameOf(held)}: ${held.problem}`);
      }
    }
    if (failed !== null && served === 0) {
      await sockets.close();
      throw new Error(`${nameOf(failed.held)}: ${errorText(failed.error)}`);
    }
  }
  if (list.some(({ address }) => isAny(address))) {
    timer = setInterval(() => void sockets.refresh(), LOOK_EVERY);
    timer.unref();
  }
  return sockets;
}
