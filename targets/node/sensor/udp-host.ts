// A host with IKE on UDP sockets of the system: one port has IKE; another has IKE after the non-ESP marker, ESP and keepalives
// [RFC 3948]. ESP is always in UDP, so the policy is NAT_FORCE, and packets begin with the whole SPI.
//
// The core works with IP packets: received datagrams get an outer header; sent packets lose it.

import { DROP_DUMMY, DROP_SELECTOR, DROP_TOO_LONG } from '../../../core/base/drop.ts';
import { createCoapInstalled } from '../../../core/device/coap-profile.ts';
import { createUplink, type UplinkConfig } from '../../../core/device/uplink.ts';
import { PROTO_EESP } from '../../../core/eesp/format.ts';
import { inboundEesp } from '../../../core/eesp/inbound.ts';
import { isEesp } from '../../../core/eesp/sa.ts';
import { inboundCoap } from '../../../core/esp/coap.ts';
import { createEndpoint, drop } from '../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../core/esp/full-parts.ts';
import { laneFor } from '../../../core/esp/lanes.ts';
import { OUTBOUND_ROOM } from '../../../core/esp/outbound.ts';
import type { Pairs } from '../../../core/esp/pairs.ts';
import { useClass } from '../../../core/esp/subspaces.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { NAT_AUTO, NAT_FORCE, NAT_OFF, type Nat } from '../../../core/ike/state/policy.ts';
import { espPathOf, type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { PROTO_ESP } from '../../../core/wire/esp.ts';
import { socketText } from '../host/addresses.ts';
import { isEespPacket, protectAny } from '../host/eesp.ts';
import { errorText } from '../host/errors.ts';
import { openRawPorts, type RawPorts } from '../host/raw-esp.ts';
import {
  classify,
  MARKER_SIZE,
  markedIke,
  outerPacket,
  outerSize,
  UDP_ESP,
  UDP_IKE,
  UDP_IKE_MARKED,
  UDP_KEEPALIVE,
} from '../host/udp.ts';
import { createDial } from './dial.ts';
import { attachEesp } from './eesp.ts';
import { besideFurther, createFurther } from './further.ts';
import type { IkeHost, IkeHostConfig } from './host.ts';
import { createSensorMobility, type MobilityEvent, type MobilityOptions, type SensorMobility } from './mobility.ts';
import type { SensorMtu } from './mtu.ts';
import { createTransports, type Transport, type Transports } from './transports.ts';
import { createUdpLink, type UdpPeer, type UdpSockets } from './udp-link.ts';

const NAT_PORT = 4500;
const KEEPALIVE = Uint8Array.of(0xff);
/** Milliseconds of silence until a keepalive [RFC 3948 §4]. */
const KEEPALIVE_TIME = 20000;
const DATAGRAM_MAX = 65536;
/** Octets of the largest TCP record, where nobody says. */
const RECORD_MAX = 65535;

/** What carries ESP: UDP; IP protocol 50; or that where no NAT is found. */
export type EspCarrier = 'udp' | 'auto' | 'raw';
const NATS: Record<EspCarrier, Nat> = { udp: NAT_FORCE, auto: NAT_AUTO, raw: NAT_OFF };

export interface UdpHostConfig extends IkeHostConfig {
  sockets: UdpSockets;
  /** MTU detection; null: off. It is closed with the host. */
  mtu?: SensorMtu | null;
  /** The peer's ports, and the zone of a link-local address. */
  peer: UdpPeer;
  /** What may become of its addresses; absent: they stay. Only where all goes over UDP. */
  mobility?: MobilityOptions | null;
  /** Hears of moves. */
  moves?: (event: MobilityEvent) => void;
  /** What carries IKE, default udp; the peer's TCP port; octets of the largest record. */
  transport?: Transport;
  tcpPort?: number;
  /** What carries ESP, default udp; the others need the socket for IP protocol 50, which belongs to the host. */
  esp?: EspCarrier;
  raw?: RawPorts | null;
  recordMax?: number;
  /** Writes an inner packet that the other end answers, for an inner address of this side. 0: there is none. */
  probe?: (packet: Uint8Array, own: Uint8Array) => number;
}

/** Opens the socket for IP protocol 50 beside those of UDP, or closes those. */
export async function openRaw(esp: EspCarrier, sockets: UdpSockets, zone: string): Promise<RawPorts> {
  try {
    return await openRawPorts([sockets.local], () => zone);
  } catch (error) {
    sockets.ike.close();
    sockets.nat.close();
    throw new Error(`esp: ${esp}: ${errorText(error)}`);
  }
}

/** Makes a host; the sockets belong to it. */
export function createUdpHost(config: UdpHostConfig): IkeHost {
  const { local, remote, now, mtu = null } = config;
  const endpoint = createEndpoint(FULL_PARTS, config.provider);
  const sas: Pairs = { endpoint, outgoing: [], incoming: [] };
  config.ike.events.installed = createCoapInstalled(config.ike.events.installed, () => sas);
  const further = createFurther(config, sas, () => uplink);
  const { lanes, keeper } = further;
  const counters = {
    ikeSentOctets: 0,
    ikeReceivedOctets: 0,
    keepalives: 0,
  };
  const remoteText = socketText(remote, config.peer.zone ?? '');
  const header = outerSize(remote.length);
  const came = new Uint8Array(DATAGRAM_MAX + header);
  const restored = new Uint8Array(DATAGRAM_MAX);
  const outer = new Uint8Array(DATAGRAM_MAX + OUTBOUND_ROOM);
  const probed = new Uint8Array(256);
  let isClosed = false;

  const esp = config.esp ?? 'udp';
  const raw = config.raw ?? null;
  const link = createUdpLink({
    sockets: config.sockets,
    remote,
    peer: config.peer,
    realPorts: esp !== 'udp',
    now,
    take(octets, isNat) {
      const kind = isNat ? classify(octets, true) : UDP_IKE;
      if (kind === UDP_IKE) takeIke(link.plain, octets, 0, octets.length);
      else if (kind === UDP_KEEPALIVE) counters.keepalives++;
      else if (kind === UDP_IKE_MARKED) takeIke(link.encapsulated, octets, MARKER_SIZE, octets.length - MARKER_SIZE);
      else if (kind === UDP_ESP) takeEsp(link.encapsulated, octets);
      config.wake();
    },
  });

  const policy = { ...config.ike.policy, nat: NATS[esp] };
  const mode = config.transport ?? 'udp';
  const transports = mode === 'udp' && esp !== 'auto' ? null : chosen(mode);
  const { events } = config.ike;
  const own: UplinkConfig = {
    ...config.ike,
    policy,
    events: {
      ...events,
      established(sa, attempt, time) {
        events.established(sa, attempt, time);
        transports?.established(sa);
        mobility?.established();
      },
      ended(sa, outcome, at, time) {
        if (mobility?.ended(sa)) return;
        events.ended(sa, outcome, at, time);
        transports?.ended(sa);
      },
      replaced(old, sa, time) {
        events.replaced(old, sa, time);
        mobility?.replaced(sa);
      },
    },
  };
  const mobility: SensorMobility | null =
    config.mobility == null
      ? null
      : createSensorMobility({
          ...config.mobility,
          link,
          policy,
          now,
          wake: config.wake,
          current: () => uplink.current(),
          connect: () => uplink.connect(null, now()),
          report: config.moves ?? (() => {}),
        });
  const common = besideFurther(own, () => further);
  const uplink = createUplink(
    sas,
    transports !== null ? transports.extend(common) : (mobility?.extend(common) ?? common),
    link.plain,
    new Uint8Array(0),
    DATAGRAM_MAX - 1 - MARKER_SIZE,
    (path, buffer, offset, length) => {
      counters.ikeSentOctets += length;
      const octets = buffer.slice(offset, offset + length);
      if (transports?.isStream(path)) transports.sendIke(path, octets);
      else link.send(path.encapsulated ? markedIke(octets) : octets, path.encapsulated);
    },
  );
  transports?.attach(uplink.ike);
  mobility?.attach(uplink.ike);
  const eesp = attachEesp(sas, uplink, common.events);

  function chosen(kind: Transport): Transports {
    const dice = new Uint8Array(4);
    const tcpPort = config.tcpPort ?? NAT_PORT;
    return createTransports({
      mode: kind,
      udp: link.encapsulated,
      tries: esp === 'auto',
      tcpPort,
      policy,
      dial: createDial(socketText(local, config.peer.zone ?? ''), remoteText, tcpPort, config.recordMax ?? RECORD_MAX),
      random() {
        config.provider.random(dice, 0, 4);
        return new DataView(dice.buffer).getUint32(0) / 2 ** 32;
      },
      now,
      wake: config.wake,
      ike: takeIke,
      esp: (path, buffer, offset, length) => takeEsp(path, buffer.subarray(offset, offset + length)),
      probe(path) {
        const sa = uplink.current();
        if (sa === null || config.probe === undefined) return false;
        const length = config.probe(probed, sa.address);
        return length > 0 && sendOver(path, probed, length) >= 0;
      },
      again: () => uplink.connect(null, now()),
    });
  }

  function takeIke(path: Path, octets: Uint8Array, offset: number, length: number): void {
    if (transports !== null && !transports.isStream(path) && transports.isStray(octets, offset, length)) return;
    counters.ikeReceivedOctets += length;
    if (mobility?.takes(octets, offset, length)) return;
    uplink.receive(path, octets, offset, length, now());
  }

  /** The IKE SA on whose path the MTU counts, which TCP has none of; it is looked for in UDP. Else null. */
  function onMtu(path: Path): IkeSa | null {
    return mtu === null || transports?.isStream(path) ? null : uplink.current();
  }

  function takeEsp(path: Path, octets: Uint8Array): void {
    const isNew = path === link.encapsulated && isEespPacket(octets, 0, octets.length);
    const length = outerPacket(came, octets, remote, local, isNew ? PROTO_EESP : PROTO_ESP);
    const time = now();
    const first = onMtu(path) === null ? null : mtu!.take(path, octets);
    const size = isNew
      ? inboundEesp(eesp, came, 0, length, restored, 0, time)
      : inboundCoap(endpoint, came, 0, length, restored, 0, time);
    if (size >= 0 || size === DROP_DUMMY) transports?.heard(path);
    const isTaken = size >= 0 && (mtu === null || mtu.verified(uplink.ike, onMtu(path), path, first, octets.length));
    if (isTaken) {
      if (lanes.admits(endpoint.sa!, restored)) config.inner(restored, size, time);
    } else if (size >= 0) drop(endpoint, DROP_TOO_LONG);
    uplink.carried(time);
  }

  /** Sends an inner packet; `over`: in place of the path that ESP has. */
  function sendOver(over: Path | null, packet: Uint8Array, length: number): number {
    const time = now();
    const sa = laneFor(lanes.list, packet, 0, length, time)?.sa ?? null;
    const current = uplink.current();
    if (sa === null) return drop(endpoint, DROP_SELECTOR);
    useClass(sa, packet, 0);
    const path = over ?? (current === null ? link.encapsulated : espPathOf(current));
    // What it knows of sizes is ESP's.
    const on = isEesp(sa) ? null : onMtu(path);
    const most = on === null ? 0 : mtu!.limit(on, sa);
    if (most > 0 && length > most) return drop(endpoint, DROP_TOO_LONG);
    const size = protectAny(eesp, sa, packet, length, outer, time);
    if (size < 0) return size;
    const octets = outer.slice(header, size);
    if (on !== null) mtu!.sent(on, octets.length);
    const isStream = transports?.isStream(path) ?? false;
    if (!isStream && path.encapsulated) link.send(octets, true);
    else if (isStream ? transports!.sendEsp(path, octets) : raw?.send(octets, local, remote)) {
      link.counters.datagrams++;
    } else link.counters.sendErrors++;
    uplink.carried(time);
    return 0;
  }

  mtu?.sockets.opened(local, config.sockets.nat.address().port);
  mtu?.watch(uplink.ike, uplink.current, (spi) => sas.incoming.some((sa) => sa.spi === spi));
  if (raw !== null) {
    mtu?.sockets.openedRaw(local);
    raw.onPacket = (_local, from, octets, offset, length) => {
      if (isClosed) return;
      if (Buffer.compare(from, remote) === 0) takeEsp(link.plain, octets.subarray(offset, offset + length));
      else link.counters.strangers++;
      config.wake();
    };
  }

  /** When the next keepalive is due, or -1. */
  function keepaliveAt(): number {
    const sa = uplink.current();
    if (sa === null || sa.state !== STATE_ESTABLISHED) return -1;
    const path = espPathOf(sa);
    // A TCP connection keeps no place in a NAT for ESP beside it.
    return path.encapsulated && !transports?.isStream(path) ? link.sentAt + KEEPALIVE_TIME : -1;
  }

  return {
    uplink,
    endpoint,
    sas,
    lanes,
    send(packet, length) {
      const code = sendOver(null, packet, length);
      if (code >= 0) transports?.sent();
      return code;
    },
    link: () => ({ ...counters, ...link.counters, ...transports?.counters(), ...mobility?.counters() }),
    poll(time) {
      keeper.poll(time);
      mobility?.poll(time);
      uplink.poll(time);
      transports?.poll(time);
      const at = keepaliveAt();
      if (at >= 0 && time >= at) link.send(KEEPALIVE, true);
    },
    nextTimeout() {
      const at = keepaliveAt();
      const others = [transports, mobility].map((one) => one?.nextTimeout() ?? -1);
      const due = [at, uplink.nextTimeout(), keeper.nextTimeout(), ...others].filter((one) => one >= 0);
      return due.length === 0 ? -1 : Math.min(...due);
    },
    limit() {
      const [sa] = sas.outgoing;
      const current = uplink.current();
      const on = current === null ? null : onMtu(espPathOf(current));
      return on === null || sa === undefined ? 0 : mtu!.limit(on, sa);
    },
    async close() {
      isClosed = true;
      transports?.close();
      mtu?.close();
      await raw?.close();
      mobility?.close();
      await link.close();
    },
  };
}
