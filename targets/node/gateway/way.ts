// The way of one thread's packets through ESP, with the memory that it needs: the gateway's own thread has one, and each worker.

import { DROP_DUMMY, DROP_SELECTOR } from '../../../core/base/drop.ts';
import type { EespEndpoint } from '../../../core/eesp/endpoint.ts';
import { PROTO_EESP } from '../../../core/eesp/format.ts';
import { inboundEesp } from '../../../core/eesp/inbound.ts';
import { inboundCoap } from '../../../core/esp/coap.ts';
import { drop as count, type Endpoint } from '../../../core/esp/endpoint.ts';
import { admits, type Lane } from '../../../core/esp/lanes.ts';
import { OUTBOUND_ROOM } from '../../../core/esp/outbound.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import { PROTO_ESP } from '../../../core/wire/esp.ts';
import { protectAny } from '../host/eesp.ts';
import { outerPacket, outerSize } from '../host/udp.ts';
import { countTraffic, type TrafficMetrics } from './traffic.ts';

/** The largest inner packet; what 6LoWPAN carries is 2047 octets and Diet-ESP takes at most the headers away. */
export const PACKET_MAX = 4096;
/** The largest payload of a datagram. */
export const DATAGRAM_MAX = 65536;

export interface Way {
  /** Where an outgoing packet is, behind its outer header. */
  outer: Uint8Array;
  /** Where an incoming packet without an outer header gets one. */
  came: Uint8Array;
  /** Where an inner packet is restored. */
  restored: Uint8Array;
  traffic: { sent: TrafficMetrics; received: TrafficMetrics };
  /**
   * Protects packet[0..length) for a peer that is not on a radio: its ESP is outer[result..`end`). Below 0: a drop code, counted.
   */
  seal(sa: Sa, packet: Uint8Array, length: number, now: number): number;
  /** See `seal`. */
  end: number;
  /** Puts ESP without an outer header behind one: its octets in `came`. */
  wrap(
    octets: Uint8Array,
    offset: number,
    length: number,
    remote: Uint8Array,
    local: Uint8Array,
    isNew: boolean,
  ): number;
  /**
   * Opens an outer packet: the octets of its inner packet, which is in `restored` now, its SA `endpoint.sa`; else a drop code,
   * counted. `isNew`: it is EESP.
   */
  open(packet: Uint8Array, offset: number, length: number, isNew: boolean, now: number): number;
  /** True where the packet in `restored` may come in under this lane; else it is counted as a drop. */
  admits(lane: Lane): boolean;
}

/** What `Way.open` gave, but 0 for a dummy packet: it is authenticated as others are [RFC 4303 §2.6]. */
export function sizeOf({ sa }: Endpoint, opened: number): number {
  return opened === DROP_DUMMY && sa !== null ? 0 : opened;
}

/** `hasSockets`: ESP comes without an outer header; `most`: octets of the largest inner packet that is restored. */
export function createWay(eesp: EespEndpoint, hasSockets: boolean, most = PACKET_MAX): Way {
  const endpoint = eesp.esp;
  const none = (): TrafficMetrics => ({ inner: 0, esp: 0, uncompressed: 0 });
  const way: Way = {
    outer: new Uint8Array(PACKET_MAX + OUTBOUND_ROOM),
    came: new Uint8Array(hasSockets ? DATAGRAM_MAX + outerSize(16) : 0),
    restored: new Uint8Array(most),
    traffic: { sent: none(), received: none() },
    end: 0,
    seal(sa, packet, length, now) {
      const size = protectAny(eesp, sa, packet, length, way.outer, now);
      if (size < 0) return size;
      const header = sa.form.outer.headerSize(way.outer, 0);
      countTraffic(way.traffic.sent, sa.form, packet, length, size - header);
      way.end = size;
      return header;
    },
    wrap: (octets, offset, length, remote, local, isNew) =>
      outerPacket(way.came, octets, remote, local, isNew ? PROTO_EESP : PROTO_ESP, offset, length),
    open: (packet, offset, length, isNew, now) =>
      isNew
        ? inboundEesp(eesp, packet, offset, length, way.restored, 0, now)
        : inboundCoap(endpoint, packet, offset, length, way.restored, 0, now),
    admits(lane) {
      if (admits(lane, way.restored, 0)) return true;
      lane.sa.dropSelector++;
      count(endpoint, DROP_SELECTOR);
      return false;
    },
  };
  return way;
}
