// Packets for the page: those that pass while somebody follows them, as lines; and the X-ray of one of the last of them. What is
// in them is the operators' own: it is kept no longer than somebody follows, and a moment for one who comes back.

import type { Xray } from '../../../web/xray/model.ts';
import type { Gateway } from '../events.ts';
import type { WatchedPacket } from '../tap.ts';

/** Packets that are kept, and milliseconds after the last follower has left. */
const KEPT = 256;
const GRACE = 10000;

const PROTOCOLS: Record<number, string> = {
  1: 'ICMP',
  6: 'TCP',
  17: 'UDP',
  58: 'ICMPv6',
  132: 'SCTP',
  136: 'UDP-Lite',
};
/** Those with ports in their first four octets. */
const WITH_PORTS = [6, 17, 132, 136];
const IPV6_SIZE = 40;
const IPV4_MIN = 20;

export type TakePacket = (event: 'packet' | 'packets-missed', data: object) => void;

export interface PacketFeed {
  /** Calls `take` with what is new. Returns what ends that. */
  follow(take: TakePacket): () => void;
  /** What the octets of a packet are; undefined: it is not kept any more. */
  xray(id: number): Xray | undefined;
  close(): void;
}

/** `UDP 5683 > 5683`. */
function whatOf(packet: Uint8Array): string {
  const isSix = packet.length >= IPV6_SIZE && packet[0] >>> 4 === 6;
  if (!isSix && packet.length < IPV4_MIN) return '';
  const protocol = isSix ? packet[6] : packet[9];
  const at = isSix ? IPV6_SIZE : 4 * (packet[0] & 15);
  const name = PROTOCOLS[protocol] ?? `protocol ${protocol}`;
  if (!WITH_PORTS.includes(protocol) || packet.length < at + 4) return name;
  const port = (offset: number): number => (packet[offset] << 8) | packet[offset + 1];
  return `${name} ${port(at)} > ${port(at + 2)}`;
}

export function createPacketFeed(watch: Gateway['watch']): PacketFeed {
  const followers = new Set<TakePacket>();
  const kept = new Map<number, WatchedPacket>();
  let last = 0;
  let stop: (() => void) | null = null;
  let forget: NodeJS.Timeout | undefined;

  function tell(event: 'packet' | 'packets-missed', data: object): void {
    for (const take of followers) take(event, data);
  }

  function take(packet: WatchedPacket): void {
    const id = ++last;
    kept.set(id, packet);
    if (kept.size > KEPT) kept.delete(id - KEPT);
    const { time, direction, peer, sa, clear, wire, drop } = packet;
    tell('packet', {
      id,
      time: new Date(time).toISOString(),
      direction,
      peer,
      sa,
      what: whatOf(clear),
      clear: clear.length,
      wire: wire.length,
      drop,
    });
  }

  function end(): void {
    clearTimeout(forget);
    stop?.();
    stop = null;
    kept.clear();
  }

  return {
    follow(taker) {
      followers.add(taker);
      clearTimeout(forget);
      stop ??= watch(take, (count) => tell('packets-missed', { count }));
      return () => {
        followers.delete(taker);
        if (followers.size > 0) return;
        clearTimeout(forget);
        forget = setTimeout(end, GRACE);
        forget.unref();
      };
    },
    xray: (id) => kept.get(id)?.xray(),
    close() {
      followers.clear();
      end();
    },
  };
}
