// 6LoWPAN adaptation: IPv6 packets over 802.15.4 frames [RFC 4944, RFC 6282]. Outgoing packets wait in a bounded queue and
// leave one frame at a time: the next fragment goes to the MAC after the MAC has reported the last one as sent. A failed
// fragment ends its datagram. Incoming fragments go through fragment.ts, if the node has it.
// Not supported: mesh headers, page switch, HC1, sending 0x41 (IPHC is never longer).

import type { Address } from '../base/address.ts';
import { copy } from '../base/bytes.ts';
import { DROP_COUNT, DROP_FRAGMENT, DROP_QUEUE, DROP_SHORT, DROP_TOO_LONG, DROP_UNSUPPORTED } from '../base/drop.ts';
import { checkRange } from '../base/refuse.ts';
import { FRAME_MAX } from '../wire/ieee802154.ts';
import { checkIpv6 } from '../wire/ipv6.ts';
import {
  DATAGRAM_MAX,
  DISPATCH_FRAG1,
  DISPATCH_FRAGN,
  DISPATCH_IPV6,
  emitFragment,
  FRAG1_SIZE,
  FRAGN_SIZE,
  putInterfaceId,
} from '../wire/sixlowpan.ts';
import {
  compressIphc,
  decompressIphc,
  type Iphc,
  iphcCovers,
  type NextHeaderCompression,
} from '../wire/sixlowpan-iphc.ts';
import { KEY_SIZE, type Reassembly } from './fragment.ts';
import type { Link, MacUpper } from './mac.ts';

/** The layer above the adaptation layer. */
export interface LowpanUpper {
  /**
   * An IPv6 packet that checkIpv6 accepts, from the link-layer address `src`; the octets may be changed, and are valid
   * during the call only.
   */
  packet(buffer: Uint8Array, offset: number, length: number, src: Address, now: number): void;
  /** The end of what `send` took: 0 when every frame was sent, or the drop code of the one that failed. */
  done(tag: number, result: number, now: number): void;
}

/** Options of `createLowpan`. */
export interface LowpanConfig {
  /** Table of contexts, see createContexts. */
  contexts: Uint8Array;
  /** createUdpCompression, or null where no clear UDP is sent. */
  nhc: NextHeaderCompression | null;
  /** createReassembly, or null: fragments are then dropped. */
  reassembly: Reassembly | null;
  /** Gets packets, and the ends of those sent. */
  upper: LowpanUpper;
  /** Packets that can wait, 1 or more, and their longest, 40..2047 octets. */
  queue: number;
  /** Octets of the longest packet. */
  maxSize: number;
  /** First datagram_tag, best random, so that it differs from old ones after a restart. */
  tag: number;
}

/** Counters of `Lowpan.counters`, after those of drops at index -code (expired reassemblies: DROP_FRAGMENT). */
export const LOWPAN_SENT = DROP_COUNT;
/** Frames handed to the link. */
export const LOWPAN_FRAMES = DROP_COUNT + 1;
export const LOWPAN_RECEIVED = DROP_COUNT + 2;
const LOWPAN_COUNTERS = DROP_COUNT + 3;

/** IPv6 packets over IEEE 802.15.4: header compression, fragments, a queue [RFC 4944, RFC 6282]. */
export interface Lowpan extends MacUpper {
  /** Sets the link below. Call it before anything is sent or received. */
  attach(link: Link): void;
  /**
   * Takes a copy of an IPv6 packet for a link-layer address (2 or 8 octets, canonical order; ff ff is broadcast).
   * Returns a tag > 0, later given to LowpanUpper.done (never during this call), or a drop code.
   */
  send(packet: Uint8Array, offset: number, length: number, dst: Address, now: number): number;
  /** Gives up old reassemblies. */
  poll(now: number): void;
  /** When to call `poll`, or -1. */
  nextTimeout(): number;
  /** Drops by negated drop code, and LOWPAN_* behind them. */
  counters: Float64Array;
}

/** Makes an adaptation layer. It takes all its memory here (maxSize + 9 octets per packet of the queue). */
export function createLowpan(config: LowpanConfig): Lowpan {
  const queue = config.queue;
  const maxSize = config.maxSize;
  const reassembly = config.reassembly;
  const upper = config.upper;
  checkRange('lowpan.queue', queue, 1, 255);
  checkRange('lowpan.maxSize', maxSize, 40, DATAGRAM_MAX);
  const counters = new Float64Array(LOWPAN_COUNTERS);
  // Slots: length of destination, destination (8), packet.
  const stride = maxSize + 9;
  const slots = new Uint8Array(queue * stride);
  const lengths = new Uint16Array(queue);
  const frame = new Uint8Array(FRAME_MAX + FRAG1_SIZE);
  // A frame's payload, with up to 48 octets of restored headers.
  const clear = new Uint8Array(FRAME_MAX + 48);
  const key = new Uint8Array(KEY_SIZE);
  // A datagram's key begins with both interface identifiers.
  const iphc: Iphc = { contexts: config.contexts, iids: key, nhc: config.nhc };
  const own: Address = { octets: slots, at: 0, size: 0 };
  const next: Address = { octets: slots, at: 0, size: 0 };
  let link: Link;
  let head = 0;
  let count = 0;
  let tag = config.tag;
  let position = 0;
  let pending = 0;

  function drop(code: number): number {
    counters[-code]++;
    return code;
  }

  /** Gives the next frame of the first packet to the link. Returns its handle, or a drop code. */
  function step(now: number): number {
    const slot = head * stride;
    const length = lengths[head];
    next.at = slot + 1;
    next.size = slots[slot];
    const room = link.room(next.size);
    let start = 0;
    let header = 0;
    let covered = position;
    let end = length;
    if (position === 0) {
      own.octets = link.address;
      own.size = link.address.length;
      putInterfaceId(key, 0, own);
      putInterfaceId(key, 8, next);
      start = FRAG1_SIZE;
      header = compressIphc(iphc, slots, slot + 9, length, frame, start);
      covered = iphcCovers(iphc, frame, start);
    }
    if (position > 0 || header + length - covered > room) {
      start = 0;
      header += emitFragment(frame, 0, length, tag - count + 1, position);
      // All but the last fragment end on a multiple of 8 octets of the uncompressed packet.
      const most = covered + room - header;
      if (most < length) end = most - (most & 7);
    }
    copy(frame, start + header, slots, slot + 9 + covered, end - covered);
    const result = link.send(next, frame, start, header + end - covered, now);
    if (result > 0) {
      pending = result;
      position = end;
      counters[LOWPAN_FRAMES]++;
    }
    return result;
  }

  function send(packet: Uint8Array, offset: number, length: number, dst: Address, now: number): number {
    const result = checkIpv6(packet, offset, length);
    if (result < 0) return drop(result);
    if (length > maxSize) return drop(DROP_TOO_LONG);
    if (count === queue) return drop(DROP_QUEUE);
    const index = (head + count) % queue;
    const slot = index * stride;
    lengths[index] = length;
    slots[slot] = dst.size;
    copy(slots, slot + 1, dst.octets, dst.at, dst.size);
    copy(slots, slot + 9, packet, offset, length);
    count++;
    tag++;
    if (count === 1) {
      const handle = step(now);
      if (handle < 0) {
        count = 0;
        return drop(handle);
      }
    }
    return tag;
  }

  function sent(handle: number, result: number, now: number): void {
    if (handle !== pending) return;
    let code = result;
    pending = 0;
    if (code === 0 && position < lengths[head]) code = step(now);
    // 0 or less: the packet has ended. The next one may also fail at once.
    while (code <= 0) {
      const done = tag - count + 1;
      if (code < 0) drop(code);
      else counters[LOWPAN_SENT]++;
      head = (head + 1) % queue;
      count--;
      position = 0;
      upper.done(done, code, now);
      if (count === 0 || pending > 0) return;
      code = step(now);
    }
  }

  function received(
    buffer: Uint8Array,
    offset: number,
    length: number,
    src: Address,
    dst: Address,
    now: number,
  ): number {
    let from = buffer;
    let at = offset;
    let size = length;
    let result = 0;
    const kind = length > 0 ? buffer[at] & 0xf8 : 0;
    const later = kind === DISPATCH_FRAGN;
    const fragment = later || kind === DISPATCH_FRAG1;
    if (length < (fragment ? FRAGN_SIZE + 1 : 1)) return drop(DROP_SHORT);
    let datagram = 0;
    putInterfaceId(key, 0, src);
    putInterfaceId(key, 8, dst);
    if (fragment) {
      copy(key, 16, buffer, at, 4);
      key[16] &= 7;
      datagram = (key[16] << 8) | key[17];
      at += later ? FRAGN_SIZE : FRAG1_SIZE;
    }
    size += offset - at;
    if (!later) {
      if (buffer[at] === DISPATCH_IPV6) {
        at++;
        size--;
      } else {
        size = decompressIphc(iphc, buffer, at, size, clear, 0, datagram);
        if (size < 0) return drop(size);
        from = clear;
        at = 0;
      }
    }
    if (fragment) {
      if (reassembly === null) return drop(DROP_UNSUPPORTED);
      // A later fragment cannot be at 0: give it a position that is refused.
      const units = !later ? 0 : buffer[offset + 4] > 0 ? buffer[offset + 4] : 256;
      result = reassembly.add(key, units * 8, from, at, size, now);
      if (result <= 0) {
        return result < 0 ? drop(result) : 0;
      }
      from = reassembly.memory;
      at = result;
      size = datagram;
    }
    result = checkIpv6(from, at, size);
    if (result < 0) return drop(result);
    counters[LOWPAN_RECEIVED]++;
    upper.packet(from, at, size, src, now);
    return 0;
  }

  function poll(now: number): void {
    if (reassembly !== null) counters[-DROP_FRAGMENT] += reassembly.poll(now);
  }

  return {
    attach: (below) => {
      link = below;
    },
    send,
    sent,
    received,
    poll,
    nextTimeout: () => (reassembly === null ? -1 : reassembly.nextTimeout()),
    counters,
  };
}
