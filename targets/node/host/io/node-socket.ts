// A UDP socket of node:dgram: everywhere, one event for each datagram.

import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { addressOctets, socketText, zoneOf } from '../addresses.ts';
import { lookupAddress, widenBuffers } from '../socket-buffer.ts';
import type { DatagramListener, DatagramSocket, SocketBuffers } from './datagrams.ts';

const NOWHERE = new Uint8Array(0);

export async function openNodeSocket(
  address: string,
  port: number,
  { octets, warn }: SocketBuffers,
  listener: DatagramListener,
): Promise<DatagramSocket> {
  const isSix = address.includes(':');
  const zone = zoneOf(address);
  const socket = createSocket({ type: isSix ? 'udp6' : 'udp4', ipv6Only: isSix, lookup: lookupAddress });
  try {
    // With that look-up it may listen before `bind` returns.
    const listening = once(socket, 'listening');
    socket.bind(port, address);
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  const ended = (error: Error | null): void => {
    if (error !== null) listener.unsent(1);
  };
  let isClosed = false;
  widenBuffers(socket, octets, warn);
  socket.on('error', listener.failed);
  socket.on('message', (octets: Buffer, from: RemoteInfo) => {
    if (isClosed) return;
    listener.taken(octets, 0, octets.length, addressOctets(from.address.replace(/%.*$/, '')) ?? NOWHERE, from.port);
  });
  return {
    port: socket.address().port,
    send(octets, remote, remotePort) {
      socket.send(Buffer.from(octets), remotePort, socketText(remote, zone), ended);
    },
    close: () =>
      new Promise((resolve) => {
        isClosed = true;
        socket.close(() => resolve());
      }),
  };
}
