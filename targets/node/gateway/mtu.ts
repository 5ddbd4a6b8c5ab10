// MTU detection at the gateway: what becomes of inner packets that are too large for the path to their peer, and what peers are
// told of fragments (host/mtu/). Packets over radios and TCP have no part in it: 6LoWPAN's fragments are not those of IP, and TCP
// cuts for itself.

import type { Endpoint } from '../../../core/esp/endpoint.ts';
import { choose } from '../../../core/esp/outbound.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import { mtuNumbers } from '../../../core/ike/codec/private-numbers.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { childPathOf } from '../../../core/ike/state/sa.ts';
import { PROTO_ESP } from '../../../core/wire/esp.ts';
import { IPV6_SIZE } from '../../../core/wire/ipv6.ts';
import type { FirstFragment } from '../host/mtu/fragments.ts';
import { clampMss, maySplit, splitIpv4 } from '../host/mtu/inner.ts';
import type { MtuMetrics } from '../host/mtu/metrics.ts';
import { createMtuPaths, type MtuPaths, outerOctets } from '../host/mtu/paths.ts';
import type { MtuSockets } from '../host/mtu/sockets.ts';
import { outerPacket } from '../host/udp.ts';
import type { Association, Associations } from './associations.ts';
import type { Bus } from './bus.ts';
import type { GatewayIkeConfig } from './config.ts';
import type { IkeLink } from './ike-link.ts';
import { nameOf } from './ike-upper.ts';
import type { Origin } from './sender.ts';
import { isStream } from './streams.ts';

/** Milliseconds between two looks for fragments whose packets did not come. */
const LOOK_EVERY = 1000;
/** What every link has to carry of IPv6 [RFC 8200 §5]: sources are never told less. */
const SIX_LEAST = 1280;
/** Of a packet that was lost: enough for the look-up of its SA. */
const SPI_SIZE = 4;

/** What becomes of an inner packet. */
export const FIT_WHOLE = 0;
/** It does not go: its source is told `limit`. */
export const FIT_TOLD = 1;
/** In pieces of `limit` octets. */
export const FIT_SPLIT = 2;

export interface GatewayMtu {
  metrics: MtuMetrics;
  /** What becomes of packet[0..length), about to go to a peer at `path`: FIT_*. */
  fit(chosen: Association, path: Path, packet: Uint8Array, length: number, origin: Origin): number;
  /** Octets, after FIT_TOLD and FIT_SPLIT. */
  limit: number;
  /** Octets of the pieces, for `splitIpv4`. */
  split(packet: Uint8Array, length: number, each: (piece: Uint8Array) => void): void;
  /** `esp` octets of ESP went to the peer. */
  sent(chosen: Association, path: Path, esp: number): void;
  /** The first fragment that a packet which came over `path` came in, or null. */
  take(path: Path, esp: Uint8Array): FirstFragment | null;
  /** That packet was verified; false: it is too large. Lowers the MSS of the inner packet[0..length). */
  verified(sa: Sa, path: Path, first: FirstFragment | null, esp: number): boolean;
  /** Lowers the MSS of a SYN that came in under `sa`. */
  clamp(sa: Sa, packet: Uint8Array, length: number): void;
  close(): void;
}

/** The part of MTU detection that the endpoints of IKE need; null: it is off. */
export function createGatewayPaths(bus: Bus, ike: GatewayIkeConfig | undefined): MtuPaths | null {
  if (ike?.mtu === undefined) return null;
  const { mtu: settings } = ike;
  const numbers = { ...mtuNumbers(), ...ike.numbers };
  return createMtuPaths({ settings, numbers, now: () => Math.floor(bus.now()), bounded: bus.bounded, nameOf });
}

export interface GatewayMtuParts {
  paths: MtuPaths;
  sockets: MtuSockets;
  endpoint: Endpoint;
  sas: Associations;
  ike: IkeLink;
}

export function createGatewayMtu(bus: Bus, parts: GatewayMtuParts): GatewayMtu {
  const { paths, sockets, endpoint, sas, ike } = parts;
  const { settings } = paths;
  const own = { split: 0, inFragments: 0, clamped: 0 };
  const lost = new Uint8Array(IPV6_SIZE + SPI_SIZE);

  /** The path of an SA's packets; null: it has none on which anything is known. */
  function pathOf(association: Association | undefined): Path | null {
    const owner = association?.owner ?? null;
    return owner === null ? null : childPathOf(owner.ike, owner.child);
  }

  function tooBig(chosen: Association, packet: Uint8Array, length: number, most: number, origin: Origin): number {
    mtu.limit = most;
    if (maySplit(packet, length)) {
      let first: Uint8Array | undefined;
      const isSplit = splitIpv4(packet, length, most, (piece) => (first ??= piece));
      // Selectors with ports take no fragments [RFC 4301 §7].
      if (isSplit && choose([chosen.sa], first!, 0, first!.length, bus.now()) !== null) return FIT_SPLIT;
    }
    if (packet[0] >>> 4 === 6) mtu.limit = Math.max(most, SIX_LEAST);
    return origin === 'own' || maySplit(packet, length) ? FIT_WHOLE : FIT_TOLD;
  }

  /** The SA whose packet a first fragment was of: its SPI exists, and its source is where the peer is. */
  function lateOf(local: Uint8Array, first: FirstFragment): void {
    if (first.source.length !== local.length) return;
    const spi = new Uint8Array(SPI_SIZE);
    new DataView(spi.buffer).setUint32(0, first.spi);
    const size = outerPacket(lost, spi, first.source, local, PROTO_ESP);
    const isSix = local.length === 16;
    const sa = endpoint.table.find(lost, isSix ? 8 : 12, isSix ? 24 : 16, local.length, size - SPI_SIZE, SPI_SIZE);
    const association = sa === null ? undefined : sas.of(sa);
    const path = pathOf(association);
    if (path === null || isStream(path)) return;
    ike.ask(association!.owner!.ike, (one, of) => paths.incomplete(one, of, path, first));
  }

  const timer = setInterval(
    () =>
      bus.guard(undefined, () => {
        for (const { local, first } of sockets.late(bus.now())) lateOf(local, first);
      }),
    LOOK_EVERY,
  );
  timer.unref();

  const mtu: GatewayMtu = {
    limit: 0,
    get metrics() {
      return { ...paths.counters, ...own };
    },
    fit(chosen, path, packet, length, origin) {
      const { owner, sa } = chosen;
      if (owner === null || isStream(path)) return FIT_WHOLE;
      const known = paths.limits(owner.ike, path, sa, bus.now());
      if (known === null) return FIT_WHOLE;
      const isSix = packet[0] >>> 4 === 6;
      const { tmap, tmtu } = known;
      const told = tmap > 0 && isSix ? Math.max(tmap, SIX_LEAST) : tmap;
      const most = tmtu > 0 && (told === 0 || tmtu < told) ? tmtu : told;
      if (most <= 0) return FIT_WHOLE;
      if (settings.mss && origin === 'tun' && clampMss(packet, length, most)) own.clamped++;
      if (length > most) {
        const fit = tooBig(chosen, packet, length, most, origin);
        if (fit === FIT_SPLIT) own.split++;
        if (fit !== FIT_WHOLE) return fit;
        // What the peer does not put together need not leave.
        if (tmtu > 0 && length > tmtu) return FIT_TOLD;
      }
      if (tmap > 0 && length > tmap) own.inFragments++;
      return FIT_WHOLE;
    },
    split: (packet, length, each) => void splitIpv4(packet, length, mtu.limit, each),
    sent(chosen, path, esp) {
      if (chosen.owner === null || isStream(path)) return;
      paths.sent(chosen.owner.ike, path, outerOctets(path.remote.length, esp, path.encapsulated));
    },
    take(path, esp) {
      if (!settings.detect || isStream(path)) return null;
      const least = path.remote.length === 16 ? settings.floor6 : settings.floor4;
      if (outerOctets(path.remote.length, esp.length, path.encapsulated) <= least) return null;
      return sockets.take(path.local, path.remote, esp, path.encapsulated, bus.now());
    },
    verified(sa, came, first, esp) {
      const outer = outerOctets(came.remote.length, esp, came.encapsulated);
      if (first === null && outer <= settings.reassembled) return true;
      const association = sas.of(sa);
      const path = pathOf(association);
      if (path === null || isStream(came) || isStream(path)) return true;
      let isTaken = true;
      ike.ask(association!.owner!.ike, (one, of) => {
        isTaken = paths.verified(one, of, path, first, outer);
      });
      return isTaken;
    },
    clamp(sa, packet, length) {
      if (!settings.mss) return;
      const association = sas.of(sa);
      const path = pathOf(association);
      if (path === null || isStream(path)) return;
      const known = paths.limits(association!.owner!.ike, path, sa, bus.now());
      if (known === null || known.tmap <= 0) return;
      const most = packet[0] >>> 4 === 6 ? Math.max(known.tmap, SIX_LEAST) : known.tmap;
      if (clampMss(packet, length, most)) own.clamped++;
    },
    close() {
      clearInterval(timer);
      sockets.close();
    },
  };
  return mtu;
}
