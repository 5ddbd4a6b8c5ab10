// What carries IKE and ESP of peers that are not on a radio: UDP sockets, TCP connections, IP protocol 50. A `Path` says which:
// its port is that of a socket or of a listener, and ESP that is not encapsulated goes in IP itself.

import type { Path } from '../../../core/ike/state/path.ts';
import { endpointText } from '../host/datagram.ts';
import type { RawPorts } from '../host/raw-esp.ts';
import { markedIke } from '../host/udp.ts';
import type { Bus } from './bus.ts';
import { isStream } from './streams.ts';
import { TCP_PORTS, type TcpPorts } from './tcp.ts';
import type { UdpPort } from './udp.ts';

const IKE_PORT = 500;
/** The link-layer address of a peer at a socket. */
const NO_LINK = new Uint8Array(0);

export interface Carriers {
  udp: UdpPort[];
  tcp: TcpPorts | null;
  raw: RawPorts | null;
  /** Sends an IKE message, or an ESP packet without an outer header. */
  sendIke(path: Path, octets: Uint8Array): void;
  sendEsp(path: Path, octets: Uint8Array): void;
  /** Where a peer at socket `index` is; `isPlain`: on the port of IKE. */
  udpPath(index: number, remote: Uint8Array, remotePort: number, isPlain: boolean): Path;
  /** Where a peer is whose ESP came in IP protocol 50. Null: IKE is not heard at that address. */
  rawPath(local: Uint8Array, remote: Uint8Array): Path | null;
  /** The names of sockets and listeners in a store, by their port: places in lists change with the configuration. */
  placeOf(port: number): string;
  /** All of them that there are now. */
  places(): [string, number][];
}

export interface CarrierParts {
  udp: UdpPort[];
  tcp: TcpPorts | null;
  raw: RawPorts | null;
}

/** `radios`: paths with a port from here on are sockets. */
export function createCarriers(bus: Bus, radios: number, { udp, tcp, raw }: CarrierParts): Carriers {
  function placeOf(port: number): string {
    if (port >= TCP_PORTS) {
      const { address, port: own } = tcp!.ports[port - TCP_PORTS];
      return `tcp [${address}]:${own}`;
    }
    const { local, port: own } = udp[port - radios];
    return `udp ${endpointText(local, own)}`;
  }

  /** Of each socket the last path of what is encapsulated: the next packet mostly has the same. Nobody changes a path's places. */
  const last: Path[] = [];

  function stream(path: Path, octets: Uint8Array, isIke: boolean): void {
    // A peer whose connection is gone opens another; until then nothing reaches it.
    if (!tcp!.send(path, octets, isIke)) bus.drop(isIke ? 'ike' : 'esp', 'tcp-no-connection');
  }

  return {
    udp,
    tcp,
    raw,
    sendIke(path, octets) {
      if (isStream(path)) stream(path, octets, true);
      else {
        const datagram = path.encapsulated ? markedIke(octets) : octets;
        udp[path.port - radios].send(datagram, path.remote, path.remotePort, path.encapsulated);
      }
    },
    sendEsp(path, octets) {
      if (isStream(path)) stream(path, octets, false);
      else if (path.encapsulated) udp[path.port - radios].send(octets, path.remote, path.remotePort, true);
      else if (raw === null || !raw.send(octets, path.local, path.remote)) bus.drop('esp', 'raw-not-sent');
    },
    udpPath(index, remote, remotePort, isPlain) {
      const { local, port, natPort } = udp[index];
      const localPort = isPlain ? port : natPort;
      const before = isPlain ? undefined : last[index];
      if (
        before !== undefined &&
        before.remote === remote &&
        before.remotePort === remotePort &&
        before.localPort === localPort &&
        before.local === local
      ) {
        return before;
      }
      const link = NO_LINK;
      const path = { local, localPort, remote, remotePort, encapsulated: !isPlain, port: radios + index, link };
      if (!isPlain) last[index] = path;
      return path;
    },
    rawPath(local, remote) {
      const index = udp.findIndex((one) => Buffer.compare(one.local, local) === 0);
      if (index < 0) return null;
      const ports = { localPort: IKE_PORT, remotePort: IKE_PORT, encapsulated: false };
      return { local: udp[index].local, remote, ...ports, port: radios + index, link: NO_LINK };
    },
    placeOf,
    places: () => [
      ...udp.map((_, index): [string, number] => [placeOf(radios + index), radios + index]),
      ...(tcp?.ports ?? []).map((_, index): [string, number] => [placeOf(TCP_PORTS + index), TCP_PORTS + index]),
    ],
  };
}

/** The same, but ESP goes by another gateway of the cluster to peers that were heard there last. */
export function withOthers(carriers: Carriers, others: { sendEsp(path: Path, octets: Uint8Array): boolean }): Carriers {
  return {
    ...carriers,
    sendEsp(path, octets) {
      if (!others.sendEsp(path, octets)) carriers.sendEsp(path, octets);
    },
  };
}
