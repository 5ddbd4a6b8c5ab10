// The gateway: radios on one side, ordinary UDP on the other, SAs between.
//
//   frame -> MAC -> 6LoWPAN -> ESP (look-up, replay, ICV) -> IP packet -> flow (UDP socket) or `packet` listener
//   UDP answer, or `send` -> IP packet -> outbound SA by selectors -> neighbour -> 6LoWPAN -> MAC -> frame
//
// A packet never throws: whatever is dropped is counted by reason in the layer that dropped it (`metrics`).

import { lookup } from 'node:dns/promises';
import { EventEmitter } from 'node:events';
import { DROP_NO_SA } from '../../../core/drop.ts';
import { dropName } from '../../../core/dropname.ts';
import { createEndpoint } from '../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../core/esp/fullparts.ts';
import { inbound } from '../../../core/esp/inbound.ts';
import { OUTBOUND_ROOM, outbound } from '../../../core/esp/outbound.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import { PROTO_ESP } from '../../../core/wire/esp.ts';
import { IPV6_DST, IPV6_NEXT_HEADER, IPV6_SRC } from '../../../core/wire/ipv6.ts';
import { addressText } from '../config/addresses.ts';
import { errorText } from '../config/errors.ts';
import { createFastProvider } from '../provider/fast.ts';
import { stack } from '../radio/radio.ts';
import { createAssociations } from './associations.ts';
import { type CheckedConfig, checkGatewayConfig, type GatewayConfig, type GatewaySa } from './config.ts';
import { readDatagram, writeDatagram } from './datagram.ts';
import { createFlows, type Flow } from './flows.ts';
import { silent } from './log.ts';
import { type GatewayMetrics, type Reasons, radioMetrics, reasonsOf, saMetrics } from './metrics.ts';
import { createPeers, type Peer, peerText } from './peers.ts';
import { closeRadios, createPort, type OpenRadio, openRadios, type Port, realTime } from './port.ts';
import { openUdp } from './socket.ts';

/** The largest inner packet; what 6LoWPAN carries is 2047 octets and Diet-ESP takes at most the headers away. */
const PACKET_MAX = 4096;
const PEERS_MAX = 65536;

/** Where an inner packet came from. */
export interface PacketInfo {
  /** Name of the SA. */
  sa: string;
  /** Outer address of the peer. */
  peer: string;
}

export interface GatewayEvents {
  /** A copy of an inner IP packet that no flow takes. */
  packet: [packet: Uint8Array, info: PacketInfo];
  /** A peer's link-layer address was learned, or has changed: outer address, radio. */
  peer: [address: string, radio: string];
  /** A peer does not acknowledge any more; it was heard again. */
  lost: [address: string];
  back: [address: string];
}

export interface Gateway extends Pick<EventEmitter<GatewayEvents>, 'on' | 'off' | 'once'> {
  /**
   * Sends an inner IP packet (IPv6 or IPv4, whole) under the SA whose selectors take it. Returns '' when it was queued,
   * else the reason, counted: no-sa, no-neighbour, queue, lifetime, ...
   */
  send(packet: Uint8Array): string;
  /** Adds an SA, in front of those there; throws as createGateway does. */
  addSa(sa: GatewaySa): void;
  /** Ends the SAs of this name; false when there is none. */
  removeSa(name: string): boolean;
  metrics(): GatewayMetrics;
  /** Closes sockets and radios, wipes keys. */
  close(): Promise<void>;
}

async function resolveFlows(flows: CheckedConfig['flows']): Promise<Flow[]> {
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

/**
 * Starts a gateway. The radios belong to it from here on, also when it cannot start: then everything opened is closed,
 * key material wiped, and one error names the field. Rejects with `field: value: limit`.
 */
export async function createGateway(config: GatewayConfig): Promise<Gateway> {
  const list = Array.isArray(config.radios) ? config.radios : [];
  const given = () => list.flatMap((entry) => (entry?.radio === undefined ? [] : [entry.radio]));
  let checked: CheckedConfig;
  let flows: Flow[];
  try {
    checked = checkGatewayConfig(config);
    flows = await resolveFlows(checked.flows);
  } catch (error) {
    await closeRadios(given());
    throw error;
  }
  const radios = await openRadios(checked.radios);
  try {
    return start(config, checked, flows, radios);
  } catch (error) {
    await closeRadios(radios);
    throw error;
  }
}

function start(config: GatewayConfig, checked: CheckedConfig, flowList: Flow[], radios: OpenRadio[]): Gateway {
  const provider = config.provider ?? createFastProvider();
  const clock = config.clock ?? realTime;
  const log = config.log ?? silent;
  const lostAfter = config.lostAfter ?? 3;
  const events = new EventEmitter<GatewayEvents>();
  const endpoint = createEndpoint(FULL_PARTS, provider);
  const peers = createPeers(PEERS_MAX);
  const sas = createAssociations(endpoint, provider);
  const drops: Reasons = {};
  const restored = new Uint8Array(PACKET_MAX);
  const built = new Uint8Array(PACKET_MAX);
  const outer = new Uint8Array(PACKET_MAX + OUTBOUND_ROOM);
  const wakers: (() => void)[] = [];
  const stoppers: (() => void)[] = [];
  let isClosed = false;

  function drop(namespace: string, reason: string): string {
    drops[reason] = (drops[reason] ?? 0) + 1;
    log('debug', namespace, () => `dropped: ${reason}`);
    return reason;
  }

  /** Runs what a packet or a timer set off; whatever it throws is counted. */
  function guard<Value>(otherwise: Value, run: () => Value): Value {
    try {
      return run();
    } catch (error) {
      drop('gateway', 'internal');
      log('error', 'gateway', () => (error instanceof Error ? (error.stack ?? error.message) : String(error)));
      return otherwise;
    }
  }

  function emit<Name extends keyof GatewayEvents>(name: Name, ...values: GatewayEvents[Name]): void {
    try {
      (events as EventEmitter).emit(name, ...values);
    } catch (error) {
      drop('gateway', 'listener');
      log('error', 'gateway', () => `a listener of ${name}: ${errorText(error)}`);
    }
  }

  function locate(entry: GatewaySa, where: string, error: unknown): Error {
    return entry.locate?.(error) ?? new Error(`${where}.${errorText(error)}`);
  }

  // Peers.

  function heard(port: number, packet: Uint8Array, at: number, link: Uint8Array, linkAt: number, size: number): Peer {
    const { peer, moved } = peers.learn(packet, at, port, link, linkAt, size, clock.now());
    if (moved) {
      log('info', 'peer', () => `${peerText(peer)} on ${ports[port].name}`);
      emit('peer', addressText(peer.address), ports[port].name);
    }
    peer.failing = 0;
    if (peer.lost) {
      peer.lost = false;
      log('info', 'peer', () => `${peerText(peer)} is back`);
      emit('back', addressText(peer.address));
    }
    return peer;
  }

  function sent(peer: Peer | undefined, result: number): void {
    if (peer === undefined) return;
    if (result === 0) {
      peer.failing = 0;
      return;
    }
    peer.failed++;
    log('debug', 'link', () => `${peerText(peer)}: ${dropName(result)}`);
    if (++peer.failing < lostAfter || peer.lost) return;
    peer.lost = true;
    log('warn', 'peer', () => `${peerText(peer)} is lost: ${dropName(result)}`);
    emit('lost', addressText(peer.address));
  }

  // Packets.

  function protect(packet: Uint8Array, length: number): string {
    const now = clock.now();
    const chosen = sas.choose(packet, length, now);
    if (chosen === undefined) return drop('esp', dropName(DROP_NO_SA));
    const { sa, remote } = chosen;
    // In transport mode with a range the outer destination is the packet's own.
    const peer = remote.length > 0 ? peers.get(remote, 0) : peers.get(packet, IPV6_DST);
    if (peer === undefined) return drop('peer', 'no-neighbour');
    const size = outbound(endpoint, sa, packet, 0, length, outer, 0, now);
    if (size < 0) {
      log('debug', 'esp', () => `not sent: ${dropName(size)}`);
      return dropName(size);
    }
    const tag = ports[peer.radio].lowpan.send(outer, 0, size, peer.link, 0, peer.link.length, now);
    if (tag < 0) {
      log('debug', 'link', () => `${peerText(peer)}: ${dropName(tag)}`);
      return dropName(tag);
    }
    inFlight[peer.radio].set(tag, peer);
    wakers[peer.radio]?.();
    return '';
  }

  function deliver(length: number, sa: Sa, peer: Peer): void {
    const datagram = readDatagram(restored, length);
    if (datagram !== null && flows.deliver(datagram)) {
      wakers[0]?.();
      return;
    }
    if (events.listenerCount('packet') === 0) {
      drop('flow', 'no-flow');
      return;
    }
    emit('packet', restored.slice(0, length), { sa: sas.nameOf(sa), peer: addressText(peer.address) });
  }

  const flows = createFlows({
    flows: flowList,
    sessions: config.sessions ?? 1024,
    idle: config.idle ?? 300000,
    openSocket: config.openSocket ?? openUdp,
    now: clock.now,
    log,
    answer: (datagram) => {
      if (isClosed) return;
      guard('', () => {
        const length = writeDatagram(built, datagram);
        return length < 0 ? drop('flow', 'too-long') : protect(built, length);
      });
    },
  });

  const inFlight: Map<number, Peer>[] = checked.radios.map(() => new Map());
  const ports: Port[] = checked.radios.map((radio, index) =>
    createPort(radios[index], radio, checked.contexts, provider, {
      packet(buffer, offset, length, src, srcOffset, srcLength, now) {
        if (buffer[offset + IPV6_NEXT_HEADER] !== PROTO_ESP) {
          drop('esp', 'unprotected');
          return;
        }
        const size = inbound(endpoint, buffer, offset, length, restored, 0, now);
        if (size < 0) {
          log('debug', 'esp', () => `dropped from ${addressText(buffer, offset + IPV6_SRC, 16)}: ${dropName(size)}`);
          return;
        }
        const sa = endpoint.sa!;
        deliver(size, sa, heard(index, buffer, offset + IPV6_SRC, src, srcOffset, srcLength));
      },
      done(tag, result) {
        const peer = inFlight[index].get(tag);
        inFlight[index].delete(tag);
        sent(peer, result);
      },
    }),
  );

  for (const { address, radio, link } of checked.peers) peers.configure(address, radio, link);
  config.sas.forEach((entry, index) => {
    try {
      sas.add(entry, checked.directions[index], false);
    } catch (error) {
      sas.clear();
      throw locate(entry, `sas[${index}]`, error);
    }
  });
  ports.forEach(({ mac, lowpan }, index) => {
    const layers = index === 0 ? stack(mac, lowpan, flows) : stack(mac, lowpan);
    const node = { poll: (now: number) => guard(undefined, () => layers.poll(now)), nextTimeout: layers.nextTimeout };
    const runner = clock.run(node, radios[index]);
    wakers.push(() => runner.wake());
    stoppers.push(() => runner.stop());
    radios[index].onFrame = (frame, offset, length) => {
      guard(0, () => mac.receive(frame, offset, length, clock.now()));
      runner.wake();
    };
    runner.wake();
  });
  log('info', 'gateway', () => `${ports.length} radios, ${config.sas.length} SAs, ${flowList.length} flows`);

  const gateway: Gateway = {
    on: events.on.bind(events) as Gateway['on'],
    off: events.off.bind(events) as Gateway['off'],
    once: events.once.bind(events) as Gateway['once'],
    send: (packet) => (isClosed ? 'closed' : guard('internal', () => protect(packet, packet.length))),
    addSa(entry) {
      if (isClosed) throw new Error('the gateway is closed');
      const [direction] = checkGatewayConfig({ ...config, sas: [entry] }).directions;
      try {
        sas.add(entry, direction, true);
      } catch (error) {
        throw locate(entry, entry.name, error);
      }
    },
    removeSa: sas.remove,
    metrics: () => ({
      radios: ports.map(({ name, mac, lowpan }, index) => radioMetrics(name, mac, lowpan, inFlight[index].size)),
      esp: { sent: endpoint.sent, received: endpoint.received, drops: reasonsOf(endpoint.drops) },
      sas: [...sas.all()].map(({ name, direction, sa }) => saMetrics(name, direction, sa)),
      peers: peers.all().map(({ address, radio, link, configured, heard: last, failed, lost }) => ({
        address: addressText(address),
        radio: ports[radio].name,
        link: Buffer.from(link).toString('hex'),
        configured,
        heard: last,
        failed,
        lost,
      })),
      flows: { ...flows.metrics },
      drops: { ...drops },
    }),
    async close() {
      if (!isClosed) {
        isClosed = true;
        for (const stop of stoppers) stop();
        flows.close();
        events.removeAllListeners();
        sas.clear();
        log('info', 'gateway', 'closed');
      }
      await closeRadios(radios);
    },
  };
  return gateway;
}
