// The gateway's start and end. It closes everything that it opened, also when a step of the start fails. The order: radios,
// sockets, network interface; then the SAs of the configuration; then the timers, from which on packets move.

import { lookup } from 'node:dns/promises';
import { errorText } from '../host/errors.ts';
import { type Log, silent } from '../host/log.ts';
import { createMtuSockets, type MtuSockets } from '../host/mtu/sockets.ts';
import { drive } from '../host/radio/drive.ts';
import { openRadio } from '../host/radio/kinds.ts';
import { type Pollable, type Radio, stack } from '../host/radio/radio.ts';
import { openRawPorts, type RawPorts } from '../host/raw-esp.ts';
import { SOCKET_BUFFER } from '../host/socket-buffer.ts';
import type { StateStore } from '../host/state/store.ts';
import { MARKER_SIZE, UDP_ESP, UDP_IKE, UDP_IKE_MARKED } from '../host/udp.ts';
import type { Air } from './air.ts';
import type { Bus } from './bus.ts';
import { type GatewayCapture, openCapture } from './capture.ts';
import type { Carriers } from './carriers.ts';
import { type CheckedConfig, type Clock, checkGatewayConfig, type GatewayConfig } from './config.ts';
import type { Flow } from './flows.ts';
import type { IkeLink } from './ike-link.ts';
import type { Router } from './router.ts';
import { openTcpPorts, type TcpPorts } from './tcp.ts';
import { openTun, type Tun } from './tun.ts';
import { openUdpPorts, type UdpSockets } from './udp.ts';
import { type Crew, startCrew } from './workers/crew.ts';

/** Octets of a TCP record: of an ESP packet of the usual size, and around the largest IKE message. */
const RECORD_MAX = 4096;
const RECORD_MORE = 6;
/** TCP connections at a time, where the configuration does not say. */
const TCP_CONNECTIONS = 4096;

export const realTime: Clock = {
  now: () => performance.now(),
  run: (node, radio) => drive(node, realTime.now, radio.instant !== true),
};

/** What the gateway opened. */
export interface Opened {
  checked: CheckedConfig;
  flows: Flow[];
  radios: Radio[];
  udp: UdpSockets | null;
  tcp: TcpPorts | null;
  /** MTU detection; null: off. */
  mtu: MtuSockets | null;
  raw: RawPorts | null;
  tun: Tun | null;
  store: StateStore | null;
  /** Capture files; null: none. */
  capture: GatewayCapture | null;
  /** Threads of workers; null: none. */
  crew: Crew | null;
}

export async function resolveFlows(flows: CheckedConfig['flows']): Promise<Flow[]> {
  return Promise.all(
    flows.map(async ({ destination, port, host, hostPort, field }) => {
      try {
        const { address, family } = await lookup(host);
        return { destination, port, target: { address, family: family === 6 ? 6 : 4, port: hostPort } };
      } catch {
        throw new Error(`${field}: ${host}: this host is not known`);
      }
    }),
  );
}

/** Closes radios and waits until those that say so are closed. */
async function closeRadios(radios: Radio[]): Promise<void> {
  for (const radio of radios) radio.close();
  await Promise.all(radios.map((radio) => radio.closed));
}

/** Opens every radio, or none: then the error names the one that failed, and all are closed. `given`: those that are there. */
async function openRadios(
  radios: CheckedConfig['radios'],
  given: Radio[],
  { log = silent, socketBuffer }: GatewayConfig,
): Promise<Radio[]> {
  const opened: Radio[] = [];
  let index = 0;
  try {
    for (; index < radios.length; index++) {
      const { name } = radios[index];
      const warn = (text: string): void =>
        log(socketBuffer === undefined ? 'info' : 'warn', 'gateway', `${name}: ${text}`);
      opened.push(
        openRadio(radios[index], {
          buffer: socketBuffer ?? SOCKET_BUFFER,
          warn,
          log: (level, text) => log(level, 'link', `${name}: ${text}`),
        }),
      );
    }
    for (index = 0; index < radios.length; index++) await opened[index].ready;
    return opened;
  } catch (error) {
    await closeRadios([...new Set([...given, ...opened])]);
    throw new Error(`radios[${index}] (${radios[index].name}): ${errorText(error)}`);
  }
}

/**
 * Checks the configuration and opens everything, or nothing: then the radios that it gave are closed as well, and the
 * error names the field.
 */
export async function open(config: GatewayConfig): Promise<Opened> {
  const list = Array.isArray(config.radios) ? config.radios : [];
  const given = list.flatMap((entry) => (entry?.radio === undefined ? [] : [entry.radio]));
  // One that cannot open may say so while another is waited for.
  for (const radio of given) radio.ready?.catch(() => {});
  let checked: CheckedConfig;
  let flows: Flow[];
  try {
    checked = checkGatewayConfig(config);
    flows = await resolveFlows(checked.flows);
  } catch (error) {
    await closeRadios(given);
    throw error;
  }
  const opened: Opened = {
    checked,
    flows,
    radios: await openRadios(checked.radios, given, config),
    udp: null,
    tcp: null,
    mtu: null,
    raw: null,
    tun: null,
    store: config.store ?? null,
    capture: null,
    crew: null,
  };
  try {
    const { ike, log } = config;
    if (config.pcap !== undefined) {
      const names = checked.radios.map(({ name }) => name);
      const capture = openCapture(config.pcap, names, (ike?.udp ?? []).length > 0, log ?? silent, config.wall);
      opened.capture = capture;
      opened.radios = opened.radios.map((radio, index) => capture.radio(radio, names[index]));
    }
    if (ike?.mtu !== undefined) opened.mtu = await createMtuSockets(ike.mtu, log ?? silent);
    const opening = (local: Uint8Array, natPort: number): void => {
      opened.mtu?.opened(local, natPort);
      if (opened.raw !== null) openRaw(opened, local, log ?? silent);
    };
    opened.udp = await openUdpPorts(ike?.udp ?? [], {
      log,
      buffer: config.socketBuffer,
      io: config.udpIo,
      threads: config.workers,
      opened: opening,
    });
    const tcp = config.ike?.tcp ?? [];
    if (tcp.length > 0) {
      const now = (config.clock ?? realTime).now;
      const limit = Math.max(RECORD_MAX, (config.ike?.maxMessage ?? 0) + RECORD_MORE);
      opened.tcp = await openTcpPorts(tcp, { most: config.ike?.tcpConnections ?? TCP_CONNECTIONS, limit, now });
    }
    if (config.ike?.esp === 'auto' || config.ike?.esp === 'raw') {
      const locals = opened.udp.ports.filter(({ isOpen }) => isOpen).map(({ local }) => local);
      const zoneOf = (local: Uint8Array): string => opened.udp!.ports.find((port) => port.local === local)?.zone ?? '';
      opened.raw = await openRawPorts(locals, zoneOf).catch((error: unknown) => {
        throw new Error(`esp: ${config.ike?.esp}: ${errorText(error)}`);
      });
      for (const local of locals) opened.mtu?.openedRaw(local);
    }
    if (config.tun !== undefined) {
      opened.tun = await openTun(config.tun, config.workers);
      const { name, offload } = opened.tun;
      log?.('info', 'gateway', `tun: ${name}: ${offload === '' ? 'one packet at a time' : offload}`);
    }
    if (opened.tun !== null && opened.tun.others.length > 0) {
      opened.crew = await startCrew(opened.tun.others, config.workerProgram);
      log?.('info', 'gateway', `${opened.crew.threads.length} workers`);
    }
    return opened;
  } catch (error) {
    await close(opened);
    throw error;
  }
}

/** An address that came later gets a socket for IP protocol 50 as well. */
function openRaw({ raw, mtu }: Opened, local: Uint8Array, log: Log): void {
  try {
    raw!.open(local);
    mtu?.openedRaw(local);
  } catch (error) {
    log('warn', 'gateway', `esp: ${errorText(error)}`);
  }
}

/** Closes everything that `open` opened. */
export async function close({ radios, udp, tcp, raw, mtu, tun, store, capture, crew }: Opened): Promise<void> {
  mtu?.close();
  // Their sockets and queues are closed then.
  await crew?.close();
  await Promise.all([closeRadios(radios), udp?.close(), tcp?.close(), raw?.close(), tun?.close(), store?.close()]);
  await capture?.close();
}

/** What moves packets. */
export interface Joined {
  air: Air;
  ike: IkeLink;
  router: Router;
  carriers: Carriers;
}

/** Connects radios, sockets, timers and the interface with the parts that they drive. Returns a function that stops the timers. */
export function run(bus: Bus, clock: Clock, opened: Opened, joined: Joined): () => void {
  const { air, ike, router, carriers } = joined;
  const stoppers: (() => void)[] = [];
  const stop = (): void => {
    for (const each of stoppers) each();
  };
  /** Another gateway may have what comes: nothing is taken, acknowledged or answered. */
  const isSilent = (): boolean => {
    if (ike.cluster?.isHeld() !== false) return false;
    bus.drop('state', 'no-lease');
    return true;
  };
  const guarded = (layers: Pollable): Pollable => ({
    poll: (now) => bus.guard(undefined, () => layers.poll(now)),
    nextTimeout: layers.nextTimeout,
  });
  const add = (runner: { wake(): void; stop(): void }): void => {
    bus.wakers.push(() => runner.wake());
    stoppers.push(() => runner.stop());
  };
  try {
    air.ports.forEach(({ mac, lowpan, name }, index) => {
      const radio = opened.radios[index];
      const layers = index === 0 ? stack(mac, lowpan, router.flows, ike, bus.bounded) : stack(mac, lowpan);
      add(clock.run(guarded(layers), radio));
      radio.onFrame = (frame, offset, length) => {
        if (isSilent()) return;
        bus.guard(0, () => mac.receive(frame, offset, length, clock.now()));
        bus.wake(index);
      };
      radio.onEnd = (sequence, result) => {
        bus.guard(undefined, () => mac.ended(sequence, result, clock.now()));
        bus.wake(index);
      };
      radio.onState = (isUp, text) => bus.emit('radio', name, isUp ? 'back' : 'lost', text);
      bus.wake(index);
    });
    if (air.ports.length === 0) {
      add(drive(guarded(stack(router.flows, ike, bus.bounded)), clock.now));
      // Restored SAs have times of their own: no datagram need come first.
      bus.wake(0);
    }
    if (opened.udp !== null) {
      opened.udp.onDatagram = (index, octets, offset, length, kind, remote, remotePort) => {
        // What `guard` does, without a function for each datagram.
        try {
          if (isSilent()) return;
          const path = carriers.udpPath(index, remote, remotePort, kind === UDP_IKE);
          const at = kind === UDP_IKE_MARKED ? MARKER_SIZE : 0;
          if (kind === UDP_ESP) router.esp(path, octets, offset, length);
          else ike.message(path, octets, offset + at, length - at);
        } catch (error) {
          bus.failed(error);
        }
      };
    }
    if (opened.raw !== null) {
      opened.raw.onPacket = (local, remote, octets, offset, length) =>
        bus.guard(undefined, () => {
          if (isSilent()) return;
          const path = carriers.rawPath(local, remote);
          if (path !== null) router.esp(path, octets, offset, length);
        });
    }
    opened.capture?.watch(opened.udp, opened.raw);
    if (opened.tcp !== null) {
      opened.tcp.drop = (reason) => void bus.drop('tcp', reason);
      opened.tcp.onMessage = (path, octets, offset, length, isIke) =>
        bus.guard(false, () =>
          isSilent()
            ? false
            : isIke
              ? ike.message(path, octets, offset, length)
              : router.esp(path, octets, offset, length),
        );
    }
    if (opened.tun !== null) {
      const { name } = opened.tun;
      opened.tun.onLost = (count) => {
        router.carried.written -= count;
        for (let i = 0; i < count; i++) bus.drop('tun', 'tun');
      };
      opened.tun.onGone = () => bus.log('error', 'gateway', `tun: ${name}: the interface is gone`);
      opened.tun.start();
    }
  } catch (error) {
    stop();
    throw error;
  }
  return stop;
}
