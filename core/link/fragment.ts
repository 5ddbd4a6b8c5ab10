// Reassembly of 6LoWPAN fragments [RFC 4944 §5.3], with limits on datagrams, octets and time. It has a file of its own,
// because a node that never receives more than a frame omits it.
//
// A slot: key (20), one bit per 8 octets received, datagram. The key identifies a datagram: interface identifiers of source
// and destination (16), datagram_size (2), datagram_tag (2).

import { copy, equal, fill, u16 } from '../base/bytes.ts';
import { DROP_DUPLICATE, DROP_FRAGMENT, DROP_REASSEMBLY, DROP_TOO_LONG } from '../base/drop.ts';
import { checkRange } from '../base/refuse.ts';
import { DATAGRAM_MAX } from '../wire/sixlowpan.ts';

/** Octets of a datagram's key; datagram_size is at KEY_SIZE - 4. */
export const KEY_SIZE = 20;

/** Puts 6LoWPAN fragments together [RFC 4944 §5.3], in memory of a fixed size. */
export interface Reassembly {
  /**
   * Takes a fragment: `length` octets of the uncompressed datagram from `position` on. Returns 0 when octets are
   * still missing, the offset of the whole datagram in `memory` (valid until the next call), or a drop code:
   * DROP_DUPLICATE for octets that are there already, DROP_FRAGMENT for impossible or overlapping ones (an overlap
   * discards the datagram), DROP_TOO_LONG, DROP_REASSEMBLY when all slots are taken. A sender's new datagram takes the place of its own
   * oldest when there is no other: what it gave up would else hold the slot until the time-out.
   */
  add(key: Uint8Array, position: number, buffer: Uint8Array, offset: number, length: number, now: number): number;
  /** The datagrams, one slot behind the other. */
  memory: Uint8Array;
  /** Gives up datagrams that are too old. Returns how many were given up since the last call. */
  poll(now: number): number;
  /** When to call `poll`, or -1. */
  nextTimeout(): number;
}

/**
 * Reassembles up to `datagrams` at a time, of at most maxSize octets (1280 suits IPv6, 2047 is the format's limit). Gives one
 * up `timeout` milliseconds after its first fragment (at most 60,000 [RFC 4944 §5.3]).
 */
export function createReassembly(datagrams: number, maxSize: number, timeout: number): Reassembly {
  checkRange('reassembly.datagrams', datagrams, 1, 255);
  checkRange('reassembly.maxSize', maxSize, 40, DATAGRAM_MAX);
  checkRange('reassembly.timeout', timeout, 1, 60000);
  const data = KEY_SIZE + ((maxSize + 63) >>> 6);
  const stride = data + maxSize;
  const memory = new Uint8Array(datagrams * stride);
  // 0: free.
  const deadlines = new Float64Array(datagrams);
  const missing = new Uint16Array(datagrams);
  let given = 0;

  function add(
    key: Uint8Array,
    position: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): number {
    const size = u16(key, KEY_SIZE - 4);
    const end = position + length;
    if (size > maxSize) return DROP_TOO_LONG;
    if (length < 1 || end > size || (end < size && (length & 7) !== 0)) return DROP_FRAGMENT;
    let slot = -1;
    let best = -1;
    for (let i = 0; i < datagrams; i++) {
      const until = deadlines[i];
      if (until > 0 && equal(memory, i * stride, key, 0, KEY_SIZE)) slot = i;
      else if (
        (until === 0 || equal(memory, i * stride, key, 0, KEY_SIZE - 4)) &&
        (best < 0 || until < deadlines[best])
      ) {
        best = i;
      }
    }
    if (slot < 0) {
      if (best < 0) return DROP_REASSEMBLY;
      if (deadlines[best] > 0) given++;
      slot = best;
      fill(memory, slot * stride, data, 0);
      copy(memory, slot * stride, key, 0, KEY_SIZE);
      deadlines[slot] = now + timeout;
      missing[slot] = size;
    }
    const at = slot * stride + data;
    let old = 0;
    for (let unit = position; unit < end; unit += 8) {
      const bits = slot * stride + KEY_SIZE + (unit >>> 6);
      const bit = 1 << ((unit >>> 3) & 7);
      if ((memory[bits] & bit) !== 0) old += 8;
      memory[bits] |= bit;
    }
    if (old > 0) {
      if (old >= length && equal(memory, at + position, buffer, offset, length)) return DROP_DUPLICATE;
      // [RFC 4944 §5.3] An overlap that is not a repetition discards the datagram.
      deadlines[slot] = 0;
      return DROP_FRAGMENT;
    }
    copy(memory, at + position, buffer, offset, length);
    missing[slot] -= length;
    if (missing[slot] > 0) return 0;
    deadlines[slot] = 0;
    return at;
  }

  function poll(now: number): number {
    for (let i = 0; i < datagrams; i++) {
      if (deadlines[i] > 0 && now >= deadlines[i]) {
        deadlines[i] = 0;
        given++;
      }
    }
    const result = given;
    given = 0;
    return result;
  }

  function nextTimeout(): number {
    let next = -1;
    for (let i = 0; i < datagrams; i++) {
      if (deadlines[i] > 0 && (next < 0 || deadlines[i] < next)) next = deadlines[i];
    }
    return next;
  }

  return { add, memory, poll, nextTimeout };
}
