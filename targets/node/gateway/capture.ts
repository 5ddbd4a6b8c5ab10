// The gateway's packets in capture files: frames of each radio (`air-NAME`), IKE and ESP at its sockets as IP packets (`outer`), and the
// inner packets in clear (`inner`). Without a capture nothing of this is in the way of packets: radios and carriers are wrapped, and
// inner packets go by the tap.

import { accessSync, constants, readdirSync, statfsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeFolders } from '../host/append.ts';
import type { CaptureConfig, InnerSink } from '../host/capture/settings.ts';
import { type CaptureMetrics, type CaptureSide, createCaptureSide, createTurn } from '../host/capture/side.ts';
import { headerRoom, writeDatagram } from '../host/datagram.ts';
import { errorText } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import { LINKTYPE_IEEE802_15_4_TAP, LINKTYPE_RAW } from '../host/radio/pcap.ts';
import type { Radio } from '../host/radio/radio.ts';
import { withTap } from '../host/radio/wrap.ts';
import type { RawPorts } from '../host/raw-esp.ts';
import { markedIke, outerPacket, outerSize, UDP_IKE } from '../host/udp.ts';
import type { Carriers } from './carriers.ts';
import { isStream } from './streams.ts';
import type { UdpPort, UdpSockets } from './udp.ts';

const DEFAULT_MIB = 64;
const DEFAULT_FILES = 8;
const MIB = 1048576;
/** Files of any gateway. */
const OWN = /^(air-.*|outer|inner)-\d{6,15}\.pcapng$/;
/** Milliseconds between looks at the system's clock, and by how much it may differ. */
const CLOCK_TIME = 1000;
const CLOCK_ERROR = 2;
/** A UDP datagram with its headers, at most. */
const PACKET_MAX = 65536 + headerRoom(16);

export interface GatewayCapture {
  /** Takes inner packets. */
  inner: InnerSink;
  /** The radio of this name, with its frames captured. */
  radio(radio: Radio, name: string): Radio;
  /** The carriers of these sockets, with what they send captured. `radios`: paths with a port from here on are sockets. */
  carriers(carriers: Carriers, radios: number): Carriers;
  /** Captures what comes, once the sockets have who takes it. */
  watch(udp: UdpSockets | null, raw: RawPorts | null): void;
  metrics(): CaptureMetrics[];
  close(): Promise<void>;
}

/** Milliseconds since 1970, with fractions: Node's own count, corrected when the system's clock was set or went another way. */
function wallClock(): () => number {
  let base = performance.timeOrigin;
  let looked = 0;
  return () => {
    const now = performance.now();
    if (now - looked >= CLOCK_TIME) {
      looked = now;
      const error = Date.now() - (base + now);
      if (Math.abs(error) > CLOCK_ERROR) base += error;
    }
    return base + now;
  };
}

/** The name of a radio in those of files. */
function fileName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 64);
}

/** Octets that captures may take. `radios`: how many there are; `hasSockets`: IKE is heard at UDP ports. */
export function capturesMost({ maxMiB, files }: CaptureConfig, radios: number, hasSockets: boolean): number {
  return (maxMiB ?? DEFAULT_MIB) * MIB * (files ?? DEFAULT_FILES) * (radios + (hasSockets ? 2 : 1));
}

/** Octets that captures can take in a folder that is there: what is free, and what earlier ones have, which give way. */
export function captureRoom(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  const own = readdirSync(folder)
    .filter((name) => OWN.test(name))
    .reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);
  return bavail * bsize + own;
}

/**
 * Opens captures; throws an error that names the folder where it can't be used. `names`: of the radios; `hasSockets`: IKE is heard at
 * UDP ports.
 */
export function openCapture(
  config: CaptureConfig,
  names: readonly string[],
  hasSockets: boolean,
  log: Log,
  wall: (() => number) | undefined,
): GatewayCapture {
  const folder = resolve(config.path);
  const now = wall ?? wallClock();
  const size = (config.maxMiB ?? DEFAULT_MIB) * MIB;
  const files = config.files ?? DEFAULT_FILES;
  try {
    makeFolders(folder, 0o700);
    if (!statSync(folder).isDirectory()) throw new Error('must be a folder');
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    const most = capturesMost(config, names.length, hasSockets);
    const room = captureRoom(folder);
    if (room < most) {
      const free = Math.floor(room / MIB);
      log('warn', 'gateway', `pcap: ${folder}: captures may take ${most / MIB} MiB, there is room for ${free} MiB`);
    }
  } catch (error) {
    throw new Error(`pcap.path: ${folder}: ${errorText(error)}`);
  }
  const sides: CaptureSide[] = [];
  const turn = createTurn();
  const sideOf = (name: string, title: string, linkType: number): CaptureSide => {
    const tell = (isGood: boolean, text: string): void =>
      log(isGood ? 'info' : 'warn', 'gateway', `pcap: ${folder}: ${text}`);
    const side = createCaptureSide({ folder, name, title, linkType, size, files, tell, turn });
    sides.push(side);
    return side;
  };
  const taken = new Set<string>();
  const air = new Map<string, CaptureSide>();
  for (const name of names) {
    let own = `air-${fileName(name)}`;
    while (taken.has(own)) own += '_';
    taken.add(own);
    air.set(name, sideOf(own, name, LINKTYPE_IEEE802_15_4_TAP));
  }
  const outer = hasSockets ? sideOf('outer', 'outer', LINKTYPE_RAW) : null;
  const inner = sideOf('inner', 'inner', LINKTYPE_RAW);
  const packet = new Uint8Array(hasSockets ? PACKET_MAX : 0);

  /** A UDP datagram between `port` and a peer. */
  function datagram(
    direction: 'in' | 'out',
    { local, port, natPort }: UdpPort,
    isPlain: boolean,
    remote: Uint8Array,
    remotePort: number,
    payload: Uint8Array,
  ): void {
    const own = { address: local, port: isPlain ? port : natPort };
    const other = { address: remote, port: remotePort };
    const [from, to] = direction === 'in' ? [other, own] : [own, other];
    const length = writeDatagram(packet, {
      source: from.address,
      sourcePort: from.port,
      destination: to.address,
      destinationPort: to.port,
      payload,
    });
    if (length > 0) outer!.put({ time: now(), direction }, packet, 0, length);
  }

  function raw(direction: 'in' | 'out', from: Uint8Array, to: Uint8Array, esp: Uint8Array): void {
    if (esp.length + outerSize(16) > packet.length) return;
    const length = outerPacket(packet, esp, from, to);
    outer!.put({ time: now(), direction }, packet, 0, length);
  }

  return {
    inner: (direction, octets, length) => inner.put({ time: now(), direction }, octets, 0, length),
    radio(radio, name) {
      const side = air.get(name)!;
      return withTap(radio, (direction, frame, offset, length, signal) =>
        side.put({ time: now(), direction, signal }, frame, offset, length),
      );
    },
    carriers(carriers, radios) {
      if (outer === null) return carriers;
      return {
        ...carriers,
        sendIke(path, octets) {
          if (!isStream(path)) {
            const { encapsulated, remote, remotePort } = path;
            const payload = encapsulated ? markedIke(octets) : octets;
            datagram('out', carriers.udp[path.port - radios], !encapsulated, remote, remotePort, payload);
          }
          carriers.sendIke(path, octets);
        },
        sendEsp(path, octets) {
          if (!isStream(path)) {
            const { encapsulated, local, remote, remotePort } = path;
            if (encapsulated) datagram('out', carriers.udp[path.port - radios], false, remote, remotePort, octets);
            else raw('out', local, remote, octets);
          }
          carriers.sendEsp(path, octets);
        },
      };
    },
    watch(udp, rawPorts) {
      if (outer === null) return;
      const take = udp?.onDatagram ?? null;
      if (take !== null) {
        udp!.onDatagram = (index, octets, offset, length, kind, remote, remotePort) => {
          const payload = octets.subarray(offset, offset + length);
          datagram('in', udp!.ports[index], kind === UDP_IKE, remote, remotePort, payload);
          take(index, octets, offset, length, kind, remote, remotePort);
        };
      }
      const takeRaw = rawPorts?.onPacket ?? null;
      if (takeRaw !== null) {
        rawPorts!.onPacket = (local, remote, octets, offset, length) => {
          raw('in', remote, local, octets.subarray(offset, offset + length));
          takeRaw(local, remote, octets, offset, length);
        };
      }
    },
    metrics: () => sides.map((side) => side.metrics()),
    async close() {
      await Promise.all(sides.map((side) => side.close()));
    },
  };
}
