// Between the gateway's packets and its IKE: IKE messages in and out, over radios in UDP of an outer packet, over sockets
// with the non-ESP marker where there may be a NAT; ESP in UDP as the core has it, with an outer header in front.

import { dropName } from '../../../core/base/drop-name.ts';
import type { Provider } from '../../../core/crypto/provider.ts';
import type { Endpoint } from '../../../core/esp/endpoint.ts';
import { inbound } from '../../../core/esp/inbound.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import { espPathOf, type IkeSa } from '../../../core/ike/state/sa.ts';
import { addressOctets } from '../host/addresses.ts';
import { endpointText, readDatagram, writeDatagram } from '../host/datagram.ts';
import type { Log } from '../host/log.ts';
import type { Pollable } from '../host/radio/radio.ts';
import { MARKER_SIZE, markedIke, outerPacket, outerSize, UDP_ESP, UDP_IKE } from '../host/udp.ts';
import type { Association, Associations } from './associations.ts';
import type { CheckedConfig, GatewayConfig } from './config.ts';
import type { Emit, IkeRequest } from './events.ts';
import { createIkeHost, type HostPath } from './ike-host.ts';
import type { IkeMetrics } from './metrics.ts';
import { createPool } from './pool.ts';
import type { UdpPort } from './udp.ts';

const IKE_PORT = 500;
/** What 6LoWPAN carries is shorter; what a socket carries does not go through here. */
const MESSAGE_MAX = 4096;
const DATAGRAM_MAX = 65536;

/** Where a message goes; `isAnswer`: to where the question came from, which nobody may have proved yet. */
export interface Way {
  remote: Uint8Array;
  port: number;
  link: Uint8Array;
  isAnswer: boolean;
}

export interface IkeLinkConfig {
  config: GatewayConfig;
  checked: CheckedConfig;
  provider: Provider;
  endpoint: Endpoint;
  sas: Associations;
  udp: UdpPort[];
  log: Log;
  /** Where inner packets are restored to. */
  restored: Uint8Array;
  /** The gateway's clock. */
  now(): number;
  wake(): void;
  drop(namespace: string, reason: string): string;
  /** Sends an outer packet on a radio. */
  transmit(way: Way, packet: Uint8Array, length: number): void;
  /** An authenticated message came on this path of a radio. */
  heard(path: HostPath): void;
  /** The inner packet restored[0..length). */
  deliver(length: number, sa: Sa, peer: () => string): void;
  emit: Emit;
}

export interface IkeLink extends Pollable {
  /** An outer UDP packet from a radio, the octets the callee's; false when it is no IKE for this gateway. */
  receive(radio: number, packet: Uint8Array, length: number, link: Uint8Array): boolean;
  /** A datagram from a socket. */
  datagram(index: number, octets: Buffer, kind: number, remote: Uint8Array, remotePort: number): void;
  /** ESP in UDP: what follows the outer header of packet[0..size). */
  send(association: Association, packet: Uint8Array, size: number): void;
  /** A packet went out under it; an authenticated one came in. */
  carried(association: Association): void;
  heard(sa: Sa): void;
  leave(): void;
  isLeaving(): boolean;
  sas(): IkeSa[];
  ask(sa: IkeSa, request: IkeRequest): void;
  /** Null where there is no IKE. */
  metrics(): IkeMetrics | null;
}

/** Addresses that peers are not given: those that mean something behind the gateway. */
function reservedOf({ flows }: CheckedConfig, { tun }: GatewayConfig): Uint8Array[] {
  const own = (tun?.addresses ?? []).map((text) => addressOctets(text.split('/')[0])!);
  return [...flows.map((flow) => flow.destination), ...own];
}

/** Inner addresses that the file gives to one peer: in the pool they would go to others. */
function fixedOf({ ike }: GatewayConfig): Uint8Array[] {
  const selectors = (ike?.connections ?? []).flatMap(({ policy }) => policy.child.remote);
  return selectors.filter(({ start, end }) => Buffer.compare(start, end) === 0).map(({ start }) => start);
}

export function createIkeLink(given: IkeLinkConfig): IkeLink {
  const { config, checked, endpoint, sas, udp, log, restored } = given;
  const radios = checked.radios.length;
  const built = new Uint8Array(MESSAGE_MAX);
  const came = new Uint8Array(udp.length === 0 ? 0 : DATAGRAM_MAX + outerSize(16));
  // Tickets outlive the process: the time of IKE is that of the world. Whole milliseconds: sums of them are exact.
  const epoch = config.clock === undefined ? Math.floor(performance.timeOrigin) : 0;
  const now = (): number => Math.floor(given.now() + epoch);

  /** Sends an IKE message. On a radio an answer goes where the question came from, all else where the peer proved to be. */
  function transmitIke(path: HostPath, octets: Uint8Array, to: HostPath | null): void {
    if (path.port >= radios) {
      const datagram = path.encapsulated ? markedIke(octets) : octets;
      udp[path.port - radios].send(datagram, path.remote, path.remotePort, path.encapsulated);
      return;
    }
    const { local: source, localPort: sourcePort, remote: destination, remotePort: destinationPort } = path;
    const length = writeDatagram(built, { source, sourcePort, destination, destinationPort, payload: octets });
    const isAnswer = to !== null && Buffer.compare(to.remote, path.remote) === 0;
    const { port, link } = isAnswer ? to : path;
    if (length < 0) given.drop('ike', 'too-long');
    else given.transmit({ remote: path.remote, port, link, isAnswer }, built, length);
  }

  const ike =
    config.ike === undefined || config.ike.connections.length === 0
      ? null
      : createIkeHost({
          ike: config.ike,
          provider: given.provider,
          endpoint,
          sas,
          pool: createPool(config.ike.pool, reservedOf(checked, config), fixedOf(config)),
          radios,
          log,
          transmit: (path, octets, to) => transmitIke(path as HostPath, octets, to),
          proved: given.heard,
          emit: given.emit,
        });

  function datagram(index: number, octets: Buffer, kind: number, remote: Uint8Array, remotePort: number): void {
    const { local, port, natPort } = udp[index];
    const path: HostPath = {
      local,
      localPort: kind === UDP_IKE ? port : natPort,
      remote,
      remotePort,
      encapsulated: kind !== UDP_IKE,
      port: radios + index,
      link: new Uint8Array(0),
    };
    if (kind !== UDP_ESP) {
      const at = kind === UDP_IKE ? 0 : MARKER_SIZE;
      ike?.receive(path, octets, at, octets.length - at, now());
      given.wake();
      return;
    }
    const length = outerPacket(came, octets, remote, local);
    const size = inbound(endpoint, came, 0, length, restored, 0, given.now());
    const from = (): string => endpointText(remote, remotePort);
    if (size < 0) {
      log('debug', 'esp', () => `dropped from ${from()}: ${dropName(size)}`);
      return;
    }
    const sa = endpoint.sa!;
    const owner = sas.of(sa)?.owner;
    if (owner !== undefined && owner !== null) {
      ike?.heard(owner, now());
      // The newest packet says where the peer is [RFC 7296 §2.23].
      const old = espPathOf(owner.ike);
      // Without replay protection it may have been the newest before.
      const isNewest = sa.form.replayWindow > 0 && endpoint.sn.hi === sa.snHi && endpoint.sn.lo === sa.snLo;
      const isHere = old.remotePort === remotePort && Buffer.compare(old.remote, remote) === 0;
      if (!isHere && isNewest && old.encapsulated && !owner.ike.behindNat) {
        if (owner.ike.espPath === null) owner.ike.path = path;
        else owner.ike.espPath = path;
        log('info', 'peer', () => `${endpointText(old.remote, old.remotePort)} is at ${from()} now`);
      }
    }
    given.deliver(size, sa, from);
  }

  return {
    datagram,
    receive(radio, packet, length, link) {
      if (ike === null) return false;
      const message = readDatagram(packet, length);
      if (message === null || message.destinationPort !== IKE_PORT) return false;
      if (!checked.addresses.some((one) => Buffer.compare(one, message.destination) === 0)) return false;
      const path: HostPath = {
        local: message.destination.slice(),
        localPort: IKE_PORT,
        remote: message.source.slice(),
        remotePort: message.sourcePort,
        encapsulated: false,
        port: radio,
        link,
      };
      ike.receive(path, message.payload, 0, message.payload.length, now());
      given.wake();
      return true;
    },
    send(association, packet, size) {
      const path = espPathOf(association.owner!.ike);
      const header = association.sa.form.outer.headerSize(packet, 0);
      udp[path.port - radios].send(packet.subarray(header, size), path.remote, path.remotePort, true);
      ike?.carried(association, now());
      given.wake();
    },
    carried: (association) => ike?.carried(association, now()),
    heard(sa) {
      const owner = sas.of(sa)?.owner;
      if (owner !== undefined && owner !== null) ike?.heard(owner, now());
    },
    poll: () => ike?.poll(now()),
    nextTimeout() {
      const time = ike?.nextTimeout() ?? -1;
      return time < 0 ? -1 : Math.max(0, time - epoch);
    },
    leave: () => ike?.leave(now()),
    isLeaving: () => ike?.isLeaving() ?? false,
    sas: () => ike?.sas() ?? [],
    ask(sa, request) {
      ike?.ask(sa, request, now());
      given.wake();
    },
    metrics: () => ike?.metrics() ?? null,
  };
}
