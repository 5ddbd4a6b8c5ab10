// The way of packets through the gateway.
//
//   frame -> MAC -> 6LoWPAN -> ESP (look-up, replay, ICV) -> IP packet -> flow (UDP socket), TUN or `packet` listener
//   a socket or connection (`receive`) -> ESP ...         \-> IKE
//   UDP answer, TUN, or `send` -> IP packet -> outbound SA by selectors -> neighbour -> 6LoWPAN -> MAC -> frame
//                                                                       \-> a carrier: UDP, TCP, IP

import { u32 } from '../../../core/base/bytes.ts';
import { DROP_ICV, DROP_NO_SA, DROP_TOO_LONG } from '../../../core/base/drop.ts';
import { dropName } from '../../../core/base/drop-name.ts';
import { isEesp } from '../../../core/eesp/sa.ts';
import { outboundCoap } from '../../../core/esp/coap.ts';
import type { Endpoint } from '../../../core/esp/endpoint.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import { useClass } from '../../../core/esp/subspaces.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { PROTO_ESP } from '../../../core/wire/esp.ts';
import { IPV6_DST, IPV6_NEXT_HEADER, IPV6_SIZE, IPV6_SRC } from '../../../core/wire/ipv6.ts';
import { PROTO_UDP } from '../../../core/wire/udp.ts';
import { addressOctets, addressText } from '../host/addresses.ts';
import { readDatagram, writeDatagram } from '../host/datagram.ts';
import { isEespPacket } from '../host/eesp.ts';
import type { Air } from './air.ts';
import type { Association, Associations } from './associations.ts';
import type { Bus } from './bus.ts';
import type { Carriers } from './carriers.ts';
import type { GatewayConfig } from './config.ts';
import { createEchoResponder } from './echo.ts';
import type { Elsewhere } from './elsewhere.ts';
import { createFlows, type Flow, type Flows } from './flows.ts';
import { createIcmpErrors } from './icmp-error.ts';
import type { IkeLink } from './ike-link.ts';
import { FIT_TOLD, FIT_WHOLE, type GatewayMtu } from './mtu.ts';
import { type Origin, type Sender, senderText } from './sender.ts';
import { openUdp } from './socket.ts';
import { isStream } from './streams.ts';
import type { Tap } from './tap.ts';
import { countTraffic, type TrafficMetrics } from './traffic.ts';
import type { Tun } from './tun.ts';
import { createWay, DATAGRAM_MAX, PACKET_MAX, sizeOf } from './way.ts';
import type { Workers } from './workers/workers.ts';

/** Octets by which padding of ESP differs. */
const PADDING_MAX = 7;
const NO_SA = dropName(DROP_NO_SA);

export interface Router {
  flows: Flows;
  /** Packets given to the network interface, and taken from it. */
  carried: { written: number; read: number };
  /** Octets of ESP. */
  traffic: { sent: TrafficMetrics; received: TrafficMetrics };
  /** Protects and sends the inner packet packet[0..length): '' when it was queued, else the reason, counted. */
  protect(packet: Uint8Array, length: number): string;
  /** The same for one that came at another gateway; octets that it might have had, or 0. */
  inner(packet: Uint8Array, origin: Origin): number;
  /** ESP without an outer header that did not come from a radio: octets[offset..offset+length). False: it was dropped. */
  esp(path: Path, octets: Uint8Array, offset: number, length: number): boolean;
  /** A packet that the network interface gave. */
  fromTun(packet: Uint8Array, length: number): void;
  /** Takes other flows. */
  follow(flows: Flow[]): void;
  /** Nothing goes out any more. */
  close(): void;
}

/** What the router joins. */
export interface RouterParts {
  endpoint: Endpoint;
  sas: Associations;
  air: Air;
  carriers: Carriers;
  tun: Tun | null;
  ike: IkeLink;
  /** Null: this gateway is in no cluster. */
  away: Elsewhere | null;
  /** MTU detection; null: off. */
  mtu: GatewayMtu | null;
  flows: Flow[];
  /** Those who watch packets. */
  tap: Tap;
  /** Threads that have SAs of their own; null: none. */
  workers: Workers | null;
}

export function createRouter(bus: Bus, config: GatewayConfig, parts: RouterParts): Router {
  const { endpoint, sas, air, carriers, tun, ike, away, mtu, tap, workers } = parts;
  const { drop } = bus;
  const isOnAir = (config.ike?.udp ?? []).length === 0 && carriers.tcp === null;
  // What is above EMTU_R has to be verified before its sender is told.
  const way = createWay(sas.eesp, !isOnAir, mtu === null ? PACKET_MAX : DATAGRAM_MAX);
  const { restored, outer, came, traffic } = way;
  const built = new Uint8Array(PACKET_MAX);
  const carried = { written: 0, read: 0 };
  let isClosed = false;

  /** True when what the packet of this SA does is not to be seen before its number is durable. */
  function mustWait(association: Association | undefined): boolean {
    return ike.keeper !== null && association !== undefined && ike.keeper.waits(association);
  }

  /** Does it then: '', or the reason why it will not be done. */
  function wait(association: Association, effect: () => void): string {
    const isTaken = ike.keeper!.after(() => {
      if (!isClosed) bus.guard(undefined, effect);
    }, association);
    return isTaken ? '' : drop('state', 'store');
  }

  // Outwards.

  function unsent(code: number): string {
    bus.bounded.log('debug', 'esp', dropName(code), () => `not sent: ${dropName(code)}`);
    return dropName(code);
  }

  // Octets that the last packet might have had, where it was too long; else 0.
  let fits = 0;

  /** To a peer at `place`, not on a radio. */
  function overPlace(chosen: Association, place: Path, packet: Uint8Array, length: number, now: number): string {
    const { sa } = chosen;
    const header = way.seal(sa, packet, length, now);
    if (header < 0) return unsent(header);
    const size = way.end;
    if (tap.isOpen) tap.went(chosen, packet, length, outer, size, false);
    mtu?.sent(chosen, place, size - header);
    if (ike.carried(chosen, now)) bus.wake(0);
    if (mustWait(chosen)) {
      const copy = outer.slice(header, size);
      return wait(chosen, () => carriers.sendEsp(place, copy));
    }
    carriers.sendEsp(place, outer.subarray(header, size));
    return '';
  }

  /** True where another gateway has the SA of an inner packet, or had it and is gone. */
  function isElsewhere(packet: Uint8Array, length: number, origin: Origin): boolean {
    if (away === null) return false;
    const copy = packet.slice(0, length);
    const told = (limit: number): void => void (origin === 'tun' && tellSource(copy, length, limit));
    return away.inner(copy, length, origin, () => void protect(copy, length, origin), told);
  }

  function protect(packet: Uint8Array, length: number, origin: Origin): string {
    const now = bus.now();
    fits = 0;
    if (ike.cluster?.isHeld() === false) return drop('state', 'no-lease');
    const chosen = sas.choose(packet, length, now);
    if (chosen === undefined) return isElsewhere(packet, length, origin) ? '' : drop('esp', NO_SA);
    const sent = workers === null ? null : workers.send(chosen, packet, length);
    if (sent !== null) return sent;
    if (ike.keeper?.refuses(chosen)) return drop('state', 'store');
    const { sa, remote } = chosen;
    useClass(sa, packet, 0);
    const place = ike.placeOf(chosen);
    if (place !== null) {
      // What it knows of sizes is ESP's.
      const fit = mtu === null || isEesp(sa) ? FIT_WHOLE : mtu.fit(chosen, place, packet, length, origin);
      if (fit === FIT_WHOLE) return overPlace(chosen, place, packet, length, now);
      if (fit === FIT_TOLD) {
        fits = mtu!.limit;
        return drop('mtu', 'too-big');
      }
      let reason = '';
      mtu!.split(packet, length, (piece) => {
        const failed = overPlace(chosen, place, piece, piece.length, now);
        if (failed !== '') reason = failed;
      });
      return reason;
    }
    // In transport mode with a range the outer destination is the packet's own.
    const peer = remote.length > 0 ? air.peers.get(remote, 0) : air.peers.get(packet, IPV6_DST);
    if (peer === undefined) return drop('peer', 'no-neighbour');
    const size = outboundCoap(endpoint, sa, packet, 0, length, outer, 0, now);
    if (size < 0) return unsent(size);
    const { maxSize } = air.ports[peer.radio];
    if (size > maxSize) {
      // What this SA adds, and what more padding may be in a shorter packet.
      fits = maxSize - (size - length) - PADDING_MAX;
      return drop('link', dropName(DROP_TOO_LONG));
    }
    countTraffic(traffic.sent, sa.form, packet, length, size - sa.form.outer.size);
    if (tap.isOpen) tap.went(chosen, packet, length, outer, size, true);
    ike.carried(chosen, now);
    if (!mustWait(chosen)) return air.send(peer, outer, size);
    const copy = outer.slice(0, size);
    return wait(chosen, () => void air.send(peer, copy, size));
  }

  const echo = createEchoResponder(parts.flows.map(({ destination }) => destination));
  const flows = createFlows({
    flows: parts.flows,
    sessions: config.sessions ?? 16384,
    idle: config.idle ?? 300000,
    openSocket: config.openSocket ?? openUdp,
    now: bus.now,
    bounded: bus.bounded,
    answer: (datagram) => {
      if (isClosed) return;
      bus.guard('', () => {
        const length = writeDatagram(built, datagram);
        return length < 0 ? drop('flow', 'too-long') : protect(built, length, 'own');
      });
    },
  });

  // Inwards.

  /** The inner packet restored[0..length). */
  function deliver(length: number, sa: Sa, from: Sender): void {
    // A listener of this packet's `peer` or `back` may have closed the gateway: a socket opened now would stay.
    if (isClosed) return;
    if (flows.mayTake(restored, length)) {
      const datagram = readDatagram(restored, length);
      if (datagram !== null && flows.deliver(datagram)) {
        bus.wake(0);
        return;
      }
    }
    const pinged = echo.reply(restored, length);
    if (pinged > 0) {
      protect(echo.packet, pinged, 'own');
      return;
    }
    if (tun !== null) {
      if (!isEesp(sa)) mtu?.clamp(sa, restored, length);
      if (tun.write(restored, length)) carried.written++;
      else drop('tun', 'tun');
      return;
    }
    if (bus.events.listenerCount('packet') === 0) {
      drop('flow', 'no-flow');
      return;
    }
    bus.emit('packet', restored.slice(0, length), { sa: sas.nameOf(sa), peer: senderText(from) });
  }

  /** `Way.open` and `sizeOf`, for those who watch. */
  function restore(packet: Uint8Array, offset: number, length: number, isNew: boolean, now: number): number {
    const isSeen = tap.isOpen;
    const seen = isSeen ? tap.copy(packet, offset, length) : null;
    const size = way.open(packet, offset, length, isNew, now);
    if (isSeen) {
      tap.came(seen, endpoint.sa, restored, Math.max(0, size), size < 0 ? dropName(size) : '', packet !== came);
    }
    return sizeOf(endpoint, size);
  }

  /** A packet was dropped, with this code. */
  function lost(code: number, from: () => string): void {
    if (endpoint.sa !== null) ike.failed(endpoint.sa);
    const reason = dropName(code);
    bus.bounded.log('debug', 'esp', reason, () => `dropped from ${from()}: ${reason}`);
  }

  /** Drops ESP without an outer header, of which `restore` said this code. */
  function refuse(code: number, path: Path, octets: Uint8Array, offset: number, length: number, isNew: boolean): false {
    const isStrange = code === DROP_NO_SA && endpoint.sa === null && length >= (isNew ? 8 : 4);
    if (isStrange && away?.esp(path, octets.slice(offset, offset + length), isNew)) return false;
    // Nobody has said how to tell a peer of an unknown SPI of EESP: it finds out by a probe.
    if (isStrange && !isNew) ike.unknownAt(path, u32(octets, offset));
    lost(code, () => senderText(path));
    return false;
  }

  /** Delivers what `restore` gave, at once or when a restart could not make it come twice. */
  function hand(sa: Sa, association: Association | undefined, size: number, from: Sender): void {
    if (size === 0) return;
    if (association !== undefined && ike.keeper?.refuses(association)) {
      drop('state', 'store');
      return;
    }
    if (association !== undefined && !way.admits(association)) return;
    if (association === undefined || !mustWait(association)) {
      deliver(size, sa, from);
      return;
    }
    const copy = restored.slice(0, size);
    wait(association, () => {
      restored.set(copy);
      deliver(size, sa, from);
    });
  }

  air.take = (radio, buffer, offset, length, link) => {
    if (isClosed) return;
    if (buffer[offset + IPV6_NEXT_HEADER] === PROTO_UDP) {
      if (ike.receive(radio, buffer.subarray(offset, offset + length), length, link.slice())) return;
    }
    if (buffer[offset + IPV6_NEXT_HEADER] !== PROTO_ESP) {
      drop('esp', 'unprotected');
      return;
    }
    const source = buffer.subarray(offset + IPV6_SRC, offset + IPV6_DST);
    if (away?.isTwice(source, buffer.subarray(offset + IPV6_SIZE, offset + length))) return;
    const now = bus.now();
    // It is decrypted in place, and may be another gateway's all the same.
    const whole = away === null ? null : buffer.slice(offset, offset + length);
    const size = restore(buffer, offset, length, false, now);
    if (size < 0) {
      const isStrange = size === DROP_NO_SA && endpoint.sa === null && length >= IPV6_SIZE + 4;
      if (isStrange) ike.unknown(radio, buffer, offset, link.slice());
      // The peer may have connected anew at another gateway, with an SA that looks the same on the air.
      if (whole !== null && (isStrange || size === DROP_ICV)) {
        if (away!.onAir(radio, whole, link.slice(), isStrange)) return;
      }
      lost(size, () => addressText(buffer, offset + IPV6_SRC, 16));
      return;
    }
    const sa = endpoint.sa!;
    const association = sas.of(sa);
    if (size > 0) countTraffic(traffic.received, sa.form, restored, size, length - IPV6_SIZE);
    ike.heard(sa, association, null, now);
    hand(sa, association, size, air.heard(radio, buffer, offset + IPV6_SRC, link, away?.current ?? null));
  };

  const icmp = createIcmpErrors(
    (config.tun?.addresses ?? []).map((text) => addressOctets(text.split('/')[0])!),
    bus.now,
  );
  /** Tells the source of an inner packet that it did not go; `limit`: octets that would, 0 where there is nobody. */
  function tellSource(packet: Uint8Array, length: number, limit: number): void {
    const size = icmp.about(packet, length, limit);
    if (size > 0 && tun?.write(icmp.error, size)) carried.written++;
  }
  if (tun !== null) {
    tun.onPacket = (packet, length) => {
      carried.read++;
      router.fromTun(packet, length);
    };
  }

  const router: Router = {
    flows,
    carried,
    traffic,
    protect: (packet, length) => protect(packet, length, 'program'),
    inner(packet, origin) {
      protect(packet, packet.length, origin);
      return fits;
    },
    fromTun(packet, length) {
      try {
        const reason = protect(packet, length, 'tun');
        if (reason !== NO_SA && fits === 0) return;
        tellSource(packet, length, fits);
      } catch (error) {
        bus.failed(error);
      }
    },
    esp(path, octets, offset, length) {
      if (workers?.takes(path, octets, offset, length)) return true;
      const isNew = path.encapsulated && !isStream(path) && isEespPacket(octets, offset, length);
      const local = isNew || length < 4 ? path.local : ike.localOf(path, u32(octets, offset));
      const whole = way.wrap(octets, offset, length, path.remote, local, isNew);
      const first = mtu === null ? null : mtu.take(path, octets.subarray(offset, offset + length));
      const now = bus.now();
      const size = restore(came, 0, whole, isNew, now);
      if (size < 0) return refuse(size, path, octets, offset, length, isNew);
      const sa = endpoint.sa!;
      const association = sas.of(sa);
      if (size > 0) countTraffic(traffic.received, sa.form, restored, size, length);
      ike.heard(sa, association, path, now);
      if (mtu !== null && !mtu.verified(sa, path, first, length)) {
        drop('mtu', 'above-emtu-r');
        return false;
      }
      hand(sa, association, size, path);
      return true;
    },
    follow(list) {
      flows.follow(list);
      echo.follow(list.map(({ destination }) => destination));
    },
    close() {
      isClosed = true;
      flows.close();
    },
  };
  return router;
}
