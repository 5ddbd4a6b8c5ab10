// UDP sockets of the gateway: one port has IKE; another has IKE after the non-ESP marker, ESP, and keepalives [RFC 3948].
// Each socket is bound to one address, because IKE must know to which address a message was sent. Where the configuration says
// "all addresses", those that come later get sockets too, and lose them when they go. A port keeps its place in the list, so
// that SAs find it when its address is back.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { addressOctets, socketOctets, socketText, zoneOf } from '../host/addresses.ts';
import { errorText } from '../host/errors.ts';
import { type Log, silent } from '../host/log.ts';
import { lookupAddress, SOCKET_BUFFER, widenBuffers } from '../host/socket-buffer.ts';
import { classify, UDP_KEEPALIVE, UDP_SHORT, type UdpAddress } from '../host/udp.ts';

/** Milliseconds between two looks at this host's addresses. */
const LOOK_EVERY = 3000;

export interface UdpCounters {
  received: number;
  sent: number;
  keepalives: number;
  malformed: number;
  sendErrors: number;
  socketErrors: number;
}

/** An address with its two sockets. */
export interface UdpPort {
  local: Uint8Array;
  port: number;
  natPort: number;
  /** False while the host does not have the address. */
  isOpen: boolean;
  /** Sends a copy, from the port for NAT where `nat`. */
  send(octets: Uint8Array, remote: Uint8Array, remotePort: number, nat: boolean): void;
  counters: UdpCounters;
}

/** All UDP sockets of a gateway. */
export interface UdpSockets {
  /** In the order in which the addresses came. */
  ports: UdpPort[];
  /** Called for each datagram of ports[index]; octets are the callee's. */
  onDatagram: ((index: number, octets: Buffer, kind: number, remote: Uint8Array, remotePort: number) => void) | null;
  /** Opens and closes sockets as addresses came and went. A timer calls it where there is an entry for all addresses. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

export interface UdpOptions {
  log?: Log;
  /** Octets of the sockets' buffers; default SOCKET_BUFFER, and then a smaller one is told at `info` only. */
  buffer?: number;
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
  shut(): Promise<void>;
}

/** `[fe80::1%eth0]:500`. */
function endpointOf(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function isAny(address: string): boolean {
  return socketOctets(address)!.every((octet) => octet === 0);
}

async function bound(address: string, port: number): Promise<Socket> {
  const isSix = address.includes(':');
  const socket = createSocket({ type: isSix ? 'udp6' : 'udp4', ipv6Only: isSix, lookup: lookupAddress });
  try {
    // With that look-up it may listen before `bind` returns.
    const listening = once(socket, 'listening');
    socket.bind(port, address);
    await listening;
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
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

  /** The same for all sockets: said once. */
  function small(text: string): void {
    if (told.has(text)) return;
    told.add(text);
    log(options.buffer === undefined ? 'info' : 'warn', 'gateway', `UDP: ${text}`);
  }

  function hold(entry: number, address: string): Held {
    const index = ports.length;
    const config = list[entry];
    const zone = zoneOf(address);
    const counters = { received: 0, sent: 0, keepalives: 0, malformed: 0, sendErrors: 0, socketErrors: 0 };
    let ike: Socket | null = null;
    let nat: Socket | null = null;
    const ended = (error: Error | null): void => {
      if (error !== null) counters.sendErrors++;
    };
    const take = (octets: Buffer, from: RemoteInfo, isNat: boolean): void => {
      if (isClosed) return;
      counters.received++;
      const kind = classify(octets, isNat);
      const remote = addressOctets(from.address.replace(/%.*$/, ''));
      if (kind === UDP_KEEPALIVE) counters.keepalives++;
      else if (kind === UDP_SHORT || remote === undefined || from.port === 0) counters.malformed++;
      else sockets.onDatagram?.(index, octets, kind, remote, from.port);
    };
    const listen = (socket: Socket, isNat: boolean): void => {
      widenBuffers(socket, buffer, small);
      socket.on('error', () => void counters.socketErrors++);
      socket.on('message', (octets: Buffer, from: RemoteInfo) => take(octets, from, isNat));
    };
    const held: Held = {
      entry,
      address,
      problem: '',
      local: socketOctets(address)!,
      port: config.port,
      natPort: config.natPort,
      isOpen: false,
      counters,
      send(octets, remote, remotePort, isNat) {
        if (isClosed) return;
        const socket = isNat ? nat : ike;
        if (socket === null) {
          counters.sendErrors++;
          return;
        }
        counters.sent++;
        socket.send(Buffer.from(octets), remotePort, socketText(remote, zone), ended);
      },
      async open() {
        const first = await bound(address, config.port);
        try {
          nat = await bound(address, config.natPort);
        } catch (error) {
          await closed(first);
          throw error;
        }
        ike = first;
        held.port = ike.address().port;
        held.natPort = nat.address().port;
        listen(ike, false);
        listen(nat, true);
        held.isOpen = true;
        options.opened?.(held.local, held.natPort);
      },
      async shut() {
        held.isOpen = false;
        const both = [ike, nat];
        ike = null;
        nat = null;
        await Promise.all(both.map((socket) => (socket === null ? undefined : closed(socket))));
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
