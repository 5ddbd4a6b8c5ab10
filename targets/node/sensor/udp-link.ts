// The two sockets of a sensor on UDP, and where its gateway is. Both may change while it runs: by MOBIKE, or because the gateway
// sends the sensor elsewhere.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Path } from '../../../core/ike/state/path.ts';
import { addressOctets, socketOctets, socketText } from '../host/addresses.ts';

/** Ports of IKE, and of IKE and ESP with NAT, as the core knows them. */
const NAT_PORT = 4500;

export interface UdpPorts {
  port: number;
  natPort: number;
}

export interface UdpPeer extends UdpPorts {
  /** `%eth0`, or ''. */
  zone?: string;
}

export interface UdpSockets {
  ike: Socket;
  nat: Socket;
  /** Own address, where `::` or `0.0.0.0` was asked for: the one that leads to the peer. */
  local: Uint8Array;
}

async function bound(type: 'udp4' | 'udp6', port: number, address: string): Promise<Socket> {
  const socket = createSocket(type);
  socket.bind(port, address);
  try {
    await once(socket, 'listening');
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

/** The own address from which `remote` is reached. */
async function addressTowards(type: 'udp4' | 'udp6', remote: string, port: number): Promise<string> {
  const socket = createSocket(type);
  try {
    socket.connect(port, remote);
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}

/** True where the own address is to be that which leads to the peer. */
export function isRouted(address: string): boolean {
  return socketOctets(address)?.every((octet) => octet === 0) ?? true;
}

/** The own address of sockets at `address` for a peer, as text. */
export async function ownAddress(address: string, remote: Uint8Array, peer: UdpPeer): Promise<string> {
  if (!isRouted(address)) return address;
  const type = remote.length === 4 ? 'udp4' : 'udp6';
  return addressTowards(type, socketText(remote, peer.zone ?? ''), peer.port);
}

/** Opens the two sockets at `address` (unspecified: as routed) for a peer. Rejects with the system's error. */
export async function openUdpSockets(
  address: string,
  own: UdpPorts,
  remote: Uint8Array,
  peer: UdpPeer,
): Promise<UdpSockets> {
  const type = remote.length === 4 ? 'udp4' : 'udp6';
  const text = await ownAddress(address, remote, peer);
  const local = addressOctets(text.replace(/%.*$/, ''))!;
  if (local.length !== remote.length) throw new Error(`${address}: must be an address like the peer's`);
  const ike = await bound(type, own.port, text);
  try {
    const nat = await bound(type, own.natPort, text);
    return { ike, nat, local } satisfies UdpSockets;
  } catch (error) {
    ike.close();
    throw error;
  }
}

export interface UdpLinkConfig {
  sockets: UdpSockets;
  remote: Uint8Array;
  peer: UdpPeer;
  /** The path of UDP encapsulation has the real ports, because NAT is looked for. */
  realPorts: boolean;
  now(): number;
  /** Takes a datagram of the gateway: from the port of IKE, or from that for NAT. */
  take(octets: Buffer, isNat: boolean): void;
}

/** Sockets and addresses of a sensor, as they are now. */
export interface UdpLink {
  /** Paths of IKE without, and with, UDP encapsulation of ESP. */
  plain: Path;
  encapsulated: Path;
  /** When something last went out from the port for NAT. */
  sentAt: number;
  counters: { datagrams: number; strangers: number; sendErrors: number; socketErrors: number };
  /** Sends from the port of IKE, or from that for NAT. */
  send(octets: Uint8Array, isNat: boolean): void;
  /** Takes other sockets, and closes its own. */
  exchange(sockets: UdpSockets): void;
  /** The gateway is at another address of the same family. */
  moveTo(remote: Uint8Array): void;
  close(): Promise<void>;
}

export function createUdpLink(config: UdpLinkConfig): UdpLink {
  const { peer, now } = config;
  let sockets = config.sockets;
  let remote = config.remote;
  // Made once, not for each datagram.
  const textOf = (octets: Uint8Array): string => socketText(octets, peer.zone ?? '');
  let remoteText = textOf(remote);
  let isClosed = false;

  function paths(): Pick<UdpLink, 'plain' | 'encapsulated'> {
    const plain: Path = {
      local: sockets.local,
      localPort: sockets.ike.address().port,
      remote,
      remotePort: peer.port,
      encapsulated: false,
      port: 0,
      link: new Uint8Array(0),
    };
    // Where NAT is looked for, by the ports that are used.
    const ports = config.realPorts
      ? { localPort: sockets.nat.address().port, remotePort: peer.natPort }
      : { localPort: NAT_PORT, remotePort: NAT_PORT };
    return { plain, encapsulated: { ...plain, ...ports, encapsulated: true } };
  }

  const link: UdpLink = {
    ...paths(),
    sentAt: 0,
    counters: { datagrams: 0, strangers: 0, sendErrors: 0, socketErrors: 0 },
    send(octets, isNat) {
      if (isClosed) return;
      link.counters.datagrams++;
      if (isNat) link.sentAt = now();
      const [socket, port] = isNat ? [sockets.nat, peer.natPort] : [sockets.ike, peer.port];
      socket.send(octets, port, remoteText, (error) => {
        if (error !== null) link.counters.sendErrors++;
      });
    },
    exchange(next) {
      const old = sockets;
      sockets = next;
      for (const socket of [old.ike, old.nat]) {
        socket.removeAllListeners('message');
        socket.close();
      }
      listen();
      Object.assign(link, paths());
    },
    moveTo(next) {
      remote = next;
      remoteText = textOf(next);
      Object.assign(link, paths());
    },
    async close() {
      isClosed = true;
      await Promise.all(
        [sockets.ike, sockets.nat].map((socket) => new Promise<void>((done) => socket.close(() => done()))),
      );
    },
  };

  function isPeer(from: RemoteInfo, port: number): boolean {
    const octets = addressOctets(from.address.replace(/%.*$/, ''));
    const fits = from.port === port && octets !== undefined && Buffer.compare(octets, remote) === 0;
    if (!fits) link.counters.strangers++;
    return fits;
  }

  function listen(): void {
    for (const isNat of [false, true]) {
      const socket = isNat ? sockets.nat : sockets.ike;
      socket.on('message', (octets, from) => {
        if (!isClosed && isPeer(from, isNat ? peer.natPort : peer.port)) config.take(octets, isNat);
      });
      socket.on('error', () => void link.counters.socketErrors++);
    }
  }

  listen();
  return link;
}
