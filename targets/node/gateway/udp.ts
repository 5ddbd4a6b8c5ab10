// UDP sockets of the gateway: one port has IKE; another has IKE after the non-ESP marker, ESP, and keepalives [RFC 3948].
// Each socket is bound to one address, because IKE must know to which address a message was sent.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { addressOctets, addressText } from '../host/addresses.ts';
import { endpointText } from '../host/datagram.ts';
import { errorText } from '../host/errors.ts';
import { classify, UDP_KEEPALIVE, UDP_SHORT, type UdpAddress } from '../host/udp.ts';

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
  /** Sends a copy, from the port for NAT where `nat`. */
  send(octets: Uint8Array, remote: Uint8Array, remotePort: number, nat: boolean): void;
  /** Called for each datagram; octets are the callee's. */
  onDatagram: ((octets: Buffer, kind: number, remote: Uint8Array, remotePort: number) => void) | null;
  counters: UdpCounters;
  close(): Promise<void>;
}

/** The addresses of this host that `address` stands for. */
function localAddresses(address: string): string[] {
  const octets = addressOctets(address)!;
  if (octets.some((octet) => octet !== 0)) return [address];
  const family = octets.length === 4 ? 'IPv4' : 'IPv6';
  return Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? [])
      .filter((entry) => entry.family === family && !(family === 'IPv6' && entry.scopeid))
      .map((entry) => entry.address),
  );
}

async function bound(address: string, port: number): Promise<Socket> {
  const isSix = address.includes(':');
  const socket = createSocket({ type: isSix ? 'udp6' : 'udp4', ipv6Only: isSix });
  try {
    socket.bind(port, address);
    await once(socket, 'listening');
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}

async function openPort(address: string, config: UdpAddress): Promise<UdpPort> {
  const ike = await bound(address, config.port);
  let nat: Socket;
  try {
    nat = await bound(address, config.natPort);
  } catch (error) {
    await closed(ike);
    throw error;
  }
  const counters = { received: 0, sent: 0, keepalives: 0, malformed: 0, sendErrors: 0, socketErrors: 0 };
  let isClosed = false;
  const port: UdpPort = {
    local: addressOctets(address)!,
    port: ike.address().port,
    natPort: nat.address().port,
    onDatagram: null,
    counters,
    send(octets, remote, remotePort, isNat) {
      if (isClosed) return;
      counters.sent++;
      (isNat ? nat : ike).send(Buffer.from(octets), remotePort, addressText(remote), (error) => {
        if (error !== null) counters.sendErrors++;
      });
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      await Promise.all([closed(ike), closed(nat)]);
    },
  };
  for (const socket of [ike, nat]) {
    socket.on('error', () => void counters.socketErrors++);
    socket.on('message', (octets: Buffer, from: RemoteInfo) => {
      if (isClosed) return;
      counters.received++;
      const kind = classify(octets, socket === nat);
      const remote = addressOctets(from.address.replace(/%.*$/, ''));
      if (kind === UDP_KEEPALIVE) counters.keepalives++;
      else if (kind === UDP_SHORT || remote === undefined || from.port === 0) counters.malformed++;
      else port.onDatagram?.(octets, kind, remote, from.port);
    });
  }
  return port;
}

/** Opens all sockets, or none: then the error names the field. */
export async function openUdpPorts(list: UdpAddress[]): Promise<UdpPort[]> {
  const ports: UdpPort[] = [];
  for (let i = 0; i < list.length; i++) {
    const text = addressOctets(list[i].address) ?? new Uint8Array(0);
    try {
      for (const address of localAddresses(list[i].address)) ports.push(await openPort(address, list[i]));
    } catch (error) {
      await Promise.all(ports.map((port) => port.close()));
      const { port, natPort } = list[i];
      throw new Error(`udp[${i}]: ${endpointText(text, port)} and ${natPort}: ${errorText(error)}`);
    }
  }
  return ports;
}
