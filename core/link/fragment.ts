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
   * DROP_DUPLICATE for octets that are there already, DROP_FRAGMENT for impossible ones, DROP_TOO_LONG. A fragment that
   * overlaps others and is no repetition begins its datagram afresh [RFC 4944 §5.3].
   *
   * When all slots are taken, a datagram of the same sender gives way, else the one that got no fragment for longest. Only a
   * first fragment takes the slot of one that still gets fragments; others get DROP_REASSEMBLY.
   */
  add(key: Uint8Array, position: number, buffer: Uint8Array, offset: number, length: number, now: number): number;
  /** The datagrams, one slot behind the other. */
  memory: Uint8Array;
  /** Gives up datagrams that are too old. Returns how many were given up since the last call. */
  poll(now: number): number;
  /** When to call `poll`, or -1. */
  nextTimeout(): number;
}

/** Octets in front of a slot's datagram: its key, and a bit per 8 octets. */
export function slotHead(maxSize: number): number {
  return KEY_SIZE + ((maxSize + 63) >>> 6);
}

/** 0, or why no datagram with this key can have a fragment of `length` octets at `position`: a drop code. */
export function checkFragment(key: Uint8Array, position: number, length: number, maxSize: number): number {
  const size = u16(key, KEY_SIZE - 4);
  const end = position + length;
  if (size > maxSize) return DROP_TOO_LONG;
  return length < 1 || end > size || (end < size && (length & 7) !== 0) ? DROP_FRAGMENT : 0;
}

/** Notes in the bits at `bits` that the octets position..end-1 are there. Returns how many were before, in steps of 8. */
function mark(memory: Uint8Array, bits: number, position: number, end: number): number {
  let old = 0;
  for (let unit = position; unit < end; unit += 8) {
    const at = bits + (unit >>> 6);
    const bit = 1 << ((unit >>> 3) & 7);
    if ((memory[at] & bit) !== 0) old += 8;
    memory[at] |= bit;
  }
  return old;
}

/**
 * Puts a fragment that `checkFragment` passed into the slot at `at`. Returns 0; DROP_DUPLICATE for octets that are there
 * already; more than 0 for a fragment that overlaps others: it is the only one now [RFC 4944 §5.3].
 */
export function putFragment(
  memory: Uint8Array,
  at: number,
  head: number,
  position: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
): number {
  const bits = at + KEY_SIZE;
  const to = at + head + position;
  const old = mark(memory, bits, position, position + length);
  if (old > 0) {
    if (old >= length && equal(memory, to, buffer, offset, length)) return DROP_DUPLICATE;
    fill(memory, bits, head - KEY_SIZE, 0);
    mark(memory, bits, position, position + length);
  }
  copy(memory, to, buffer, offset, length);
  return old;
}

/** A datagram that got a fragment within this part of the time-out still lives. */
export const ALIVE = 1 / 40;

/**
 * Reassembles up to `datagrams` at a time, of at most maxSize octets (1280 suits IPv6, 2047 is the format's limit). Gives one
 * up `timeout` milliseconds after its first fragment (at most 60,000 [RFC 4944 §5.3]).
 */
export function createReassembly(datagrams: number, maxSize: number, timeout: number): Reassembly {
  checkRange('reassembly.datagrams', datagrams, 1, 255);
  checkRange('reassembly.maxSize', maxSize, 40, DATAGRAM_MAX);
  checkRange('reassembly.timeout', timeout, 1, 60000);
  const head = slotHead(maxSize);
  const stride = head + maxSize;
  const memory = new Uint8Array(datagrams * stride);
  // When each began, and got its last fragment, both with the time-out; 0: free.
  const deadlines = new Float64Array(datagrams);
  const moved = new Float64Array(datagrams);
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
    const bad = checkFragment(key, position, length, maxSize);
    if (bad < 0) return bad;
    let slot = -1;
    let best = 0;
    let least = Infinity;
    for (let i = 0; i < datagrams; i++) {
      const at = i * stride;
      if (deadlines[i] > 0 && equal(memory, at, key, 0, KEY_SIZE)) slot = i;
      // A free slot before the sender's own, these before all others.
      const rank = moved[i] * (equal(memory, at, key, 0, KEY_SIZE - 4) ? 0.000001 : 1);
      if (rank < least) {
        least = rank;
        best = i;
      }
    }
    const isNew = slot < 0;
    if (isNew) {
      if (position > 0 && moved[best] > now + timeout * (1 - ALIVE)) return DROP_REASSEMBLY;
      slot = best;
      fill(memory, slot * stride, head, 0);
      copy(memory, slot * stride, key, 0, KEY_SIZE);
    }
    const at = slot * stride;
    const old = putFragment(memory, at, head, position, buffer, offset, length);
    if (old < 0) return old;
    if (isNew || old > 0) {
      if (deadlines[slot] > 0) given++;
      deadlines[slot] = now + timeout;
      missing[slot] = u16(key, KEY_SIZE - 4);
    }
    moved[slot] = now + timeout;
    missing[slot] -= length;
    if (missing[slot] > 0) return 0;
    deadlines[slot] = moved[slot] = 0;
    return at + head;
  }

  function poll(now: number): number {
    for (let i = 0; i < datagrams; i++) {
      if (deadlines[i] > 0 && now >= deadlines[i]) {
        deadlines[i] = moved[i] = 0;
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
