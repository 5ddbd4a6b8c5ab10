// First fragments that came, until the packets that they are of have been verified. A fragment proves nothing: anybody can send
// one. So it only counts together with a packet that begins with the same octets of ESP and whose ICV is right; or, where none
// comes, as one of a packet that could not be put together [draft-liu-ipsecme-ikev2-mtu-dect §3].

import { u16, u32 } from '../../../../core/base/bytes.ts';
import { octetsKey } from '../datagram.ts';

/** Octets of ESP that must be the same: SPI, sequence number and the first of the cipher's. */
const SAME = 24;
/** Fragments that are remembered; the oldest is forgotten first. */
const MOST = 512;
/** Milliseconds that the rest of a packet may be late. */
const LATE = 3000;
const UDP_SIZE = 8;
const FRAGMENT_HEADER = 8;

/** A first fragment. */
export interface FirstFragment {
  /** Source address, 4 or 16 octets. */
  source: Uint8Array;
  /** IP version, 4 or 6. */
  version: number;
  /** FragLen: Total Length (IPv4), Payload Length (IPv6), octets. */
  length: number;
  /** SPI, as it stands there. */
  spi: number;
}

/** The first fragments of one carrier. */
export interface Fragments {
  /** Takes buffer[0..size), what a packet socket gave of a first fragment from its IP header on, at `now` (ms). */
  note(buffer: Uint8Array, size: number, now: number): void;
  /**
   * The first fragment of a whole packet from `source` with this ESP, or null: it came in one piece. It is forgotten: whatever
   * became of the packet, it was put together.
   */
  take(source: Uint8Array, esp: Uint8Array): FirstFragment | null;
  /** Those whose packets did not come in time; they are forgotten. */
  late(now: number): FirstFragment[];
  /** How many wait. */
  count(): number;
}

interface Waiting extends FirstFragment {
  at: number;
}

/** `isUdp`: ESP is in UDP. */
export function createFragments(isUdp: boolean): Fragments {
  const waiting = new Map<string, Waiting>();

  function keyOf(source: Uint8Array, esp: Uint8Array): string {
    return octetsKey(source) + octetsKey(esp, 0, SAME);
  }

  return {
    note(buffer, size, now) {
      const isSix = buffer[0] >>> 4 === 6;
      const header = isSix ? 40 + FRAGMENT_HEADER : (buffer[0] & 15) * 4;
      const at = header + (isUdp ? UDP_SIZE : 0);
      // One with less of ESP than this helps nobody, and no link has such an MTU.
      if (at + SAME > size) return;
      const source = isSix ? buffer.slice(8, 24) : buffer.slice(12, 16);
      const length = u16(buffer, isSix ? 4 : 2);
      const key = keyOf(source, buffer.subarray(at, at + SAME));
      waiting.delete(key);
      for (const oldest of waiting.keys()) {
        if (waiting.size < MOST) break;
        waiting.delete(oldest);
      }
      waiting.set(key, { source, version: isSix ? 6 : 4, length, spi: u32(buffer, at), at: now });
    },
    take(source, esp) {
      if (waiting.size === 0 || esp.length < SAME) return null;
      const key = keyOf(source, esp);
      const found = waiting.get(key);
      if (found === undefined) return null;
      waiting.delete(key);
      return found;
    },
    late(now) {
      const list: FirstFragment[] = [];
      for (const [key, one] of waiting) {
        if (now - one.at < LATE) break;
        waiting.delete(key);
        list.push(one);
      }
      return list;
    },
    count: () => waiting.size,
  };
}
