// The gateway: radios on one side, ordinary UDP on the other, SAs between.
//
//   frame -> MAC -> 6LoWPAN -> ESP (look-up, replay, ICV) -> IP packet -> flow (UDP socket) or `packet` listener
//   UDP answer, TUN, or `send` -> IP packet -> outbound SA by selectors -> neighbour -> 6LoWPAN -> MAC -> frame
//
// SAs are configured, or set up by IKE (ike-host.ts), which comes in UDP over the radio, or to sockets of the system; ESP
// of peers at those is in UDP as well.
//
// A packet never throws: whatever is dropped is counted by reason in the layer that dropped it (`metrics`).

import { EventEmitter } from 'node:events';
import { addressOf } from '../../../core/base/address.ts';
import { DROP_NO_SA } from '../../../core/base/drop.ts';
import { dropName } from '../../../core/base/drop-name.ts';
import { createEndpoint } from '../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../core/esp/full-parts.ts';
import { inbound } from '../../../core/esp/inbound.ts';
import { OUTBOUND_ROOM, outbound } from '../../../core/esp/outbound.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import { espPathOf } from '../../../core/ike/state/sa.ts';
import { PROTO_ESP } from '../../../core/wire/esp.ts';
import { IPV6_DST, IPV6_NEXT_HEADER, IPV6_SRC } from '../../../core/wire/ipv6.ts';
import { PROTO_UDP } from '../../../core/wire/udp.ts';
import { addressText } from '../host/addresses.ts';
import { readDatagram, writeDatagram } from '../host/datagram.ts';
import { errorText } from '../host/errors.ts';
import { silent } from '../host/log.ts';
import { createFastProvider } from '../host/provider/fast.ts';
import { drive } from '../host/radio/drive.ts';
import { type Pollable, stack } from '../host/radio/radio.ts';
import { type Reasons, reasonsOf } from '../host/reasons.ts';
import { createAssociations } from './associations.ts';
import { type CheckedConfig, checkGatewayConfig, type GatewayConfig, type GatewaySa } from './config.ts';
import type { Gateway, GatewayEvents } from './events.ts';
import { createFlows, type Flow } from './flows.ts';
import { createIkeLink } from './ike-link.ts';
import { peerMetrics, radioMetrics, saMetrics, udpMetrics } from './metrics.ts';
import { closeAll, type Opened, openAll, resolveFlows } from './open.ts';
import { createPeers, type Peer, peerAt, peerText } from './peers.ts';
import { closeRadios, createPort, type Port, realTime } from './port.ts';
import { openUdp } from './socket.ts';

/** The largest inner packet; what 6LoWPAN carries is 2047 octets and Diet-ESP takes at most the headers away. */
const PACKET_MAX = 4096;
const PEERS_MAX = 65536;
/** Milliseconds between looks whether all peers have confirmed a Delete. */
const LEAVE_STEP = 20;

export type { Gateway, GatewayEvents, PacketInfo } from './events.ts';

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
  const opened = await openAll(config, checked);
  try {
    return start(config, checked, flows, opened);
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

function start(config: GatewayConfig, checked: CheckedConfig, flowList: Flow[], opened: Opened): Gateway {
  const { radios, udp, tun } = opened;
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
  const carried = { written: 0, read: 0 };
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

  function unsent(code: number): string {
    log('debug', 'esp', () => `not sent: ${dropName(code)}`);
    return dropName(code);
  }

  function protect(packet: Uint8Array, length: number): string {
    const now = clock.now();
    const chosen = sas.choose(packet, length, now);
    if (chosen === undefined) return drop('esp', dropName(DROP_NO_SA));
    const { sa, remote, owner } = chosen;
    if (owner !== null && espPathOf(owner.ike).port >= radios.length) {
      const size = outbound(endpoint, sa, packet, 0, length, outer, 0, now);
      if (size > 0) link.send(chosen, outer, size);
      return size > 0 ? '' : unsent(size);
    }
    // In transport mode with a range the outer destination is the packet's own.
    const peer = remote.length > 0 ? peers.get(remote, 0) : peers.get(packet, IPV6_DST);
    if (peer === undefined) return drop('peer', 'no-neighbour');
    const size = outbound(endpoint, sa, packet, 0, length, outer, 0, now);
    if (size < 0) return unsent(size);
    link.carried(chosen);
    return transmit(peer, outer, size, now);
  }

  /** An outer packet to a peer on a radio. */
  function transmit(peer: Peer, packet: Uint8Array, size: number, now: number): string {
    const tag = ports[peer.radio].lowpan.send(packet, 0, size, addressOf(peer.link), now);
    if (tag < 0) {
      log('debug', 'link', () => `${peerText(peer)}: ${dropName(tag)}`);
      return dropName(tag);
    }
    inFlight[peer.radio].set(tag, peer);
    wakers[peer.radio]?.();
    return '';
  }

  function deliver(length: number, sa: Sa, peer: () => string): void {
    const datagram = readDatagram(restored, length);
    if (datagram !== null && flows.deliver(datagram)) {
      wake();
      return;
    }
    if (tun !== null) {
      if (tun.write(restored, length)) carried.written++;
      else drop('tun', 'tun');
      return;
    }
    if (events.listenerCount('packet') === 0) {
      drop('flow', 'no-flow');
      return;
    }
    emit('packet', restored.slice(0, length), { sa: sas.nameOf(sa), peer: peer() });
  }

  const wake = (): void => wakers[0]?.();

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

  function guarded(layers: Pollable): Pollable {
    return { poll: (now) => guard(undefined, () => layers.poll(now)), nextTimeout: layers.nextTimeout };
  }

  const inFlight: Map<number, Peer>[] = checked.radios.map(() => new Map());
  const ports: Port[] = checked.radios.map((radio, index) =>
    createPort(radios[index], radio, checked.contexts, provider, {
      packet(buffer, offset, length, { octets: src, at: srcOffset, size: srcLength }, now) {
        if (buffer[offset + IPV6_NEXT_HEADER] === PROTO_UDP) {
          const packet = buffer.subarray(offset, offset + length);
          if (link.receive(index, packet, length, src.slice(srcOffset, srcOffset + srcLength))) return;
        }
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
        link.heard(sa);
        const peer = heard(index, buffer, offset + IPV6_SRC, src, srcOffset, srcLength);
        deliver(size, sa, () => addressText(peer.address));
      },
      done(tag, result) {
        const peer = inFlight[index].get(tag);
        inFlight[index].delete(tag);
        sent(peer, result);
      },
    }),
  );

  const link = createIkeLink({
    config,
    checked,
    provider,
    endpoint,
    sas,
    udp,
    log,
    restored,
    now: clock.now,
    wake,
    drop,
    transmit: (path, packet, length) => {
      // Where the peer proved to be; before that, where it says that it is.
      const peer = path.isAnswer ? undefined : peers.get(path.remote, 0);
      transmit(peer ?? peerAt(path.remote, path.port, path.link), packet, length, clock.now());
    },
    heard: (path) => void heard(path.port, path.remote, 0, path.link, 0, path.link.length),
    deliver,
    emit,
  });

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
    const layers = index === 0 ? stack(mac, lowpan, flows, link) : stack(mac, lowpan);
    const runner = clock.run(guarded(layers), radios[index]);
    wakers.push(() => runner.wake());
    stoppers.push(() => runner.stop());
    radios[index].onFrame = (frame, offset, length) => {
      guard(0, () => mac.receive(frame, offset, length, clock.now()));
      runner.wake();
    };
    runner.wake();
  });
  if (ports.length === 0) {
    const runner = drive(guarded(stack(flows, link)), clock.now);
    wakers.push(runner.wake);
    stoppers.push(runner.stop);
  }
  udp.forEach((port, index) => {
    port.onDatagram = (...datagram) => guard(undefined, () => link.datagram(index, ...datagram));
  });
  if (tun !== null) {
    tun.onPacket = (packet, length) => {
      carried.read++;
      guard('', () => protect(packet, length));
    };
    tun.start();
  }
  log(
    'info',
    'gateway',
    () => `${ports.length} radios, ${udp.length} UDP addresses, ${config.sas.length} SAs, ${flowList.length} flows`,
  );

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
      peers: peers.all().map((peer) => peerMetrics(peer, ports[peer.radio].name)),
      flows: { ...flows.metrics },
      ike: link.metrics(),
      udp: udp.map(udpMetrics),
      tun: tun === null ? null : { ...carried },
      drops: { ...drops },
    }),
    ikeSas: link.sas,
    askIke: (sa, request) => guard(undefined, () => link.ask(sa, request)),
    async leave(time) {
      if (!isClosed) {
        guard(undefined, link.leave);
        for (const each of wakers) each();
        for (let waited = 0; waited < time && link.isLeaving(); waited += LEAVE_STEP) {
          await new Promise((resolve) => setTimeout(resolve, LEAVE_STEP));
        }
      }
      await gateway.close();
    },
    async close() {
      if (!isClosed) {
        isClosed = true;
        for (const stop of stoppers) stop();
        flows.close();
        events.removeAllListeners();
        sas.clear();
        log('info', 'gateway', 'closed');
      }
      await closeAll(opened);
    },
  };
  return gateway;
}
