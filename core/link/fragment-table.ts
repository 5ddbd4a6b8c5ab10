// Reassembly of 6LoWPAN fragments for a node with many neighbours: the work for a fragment does not grow with the number of
// slots. fragment.ts has the same for a node with one or two.
//
// A neighbour gets SHARE slots at most; its datagram that got no fragment for longest gives way to its next. So one that makes
// up datagrams harms itself. When all slots are taken, the one without a fragment for longest gives way: whoever makes up
// neighbours as well has to send as many fragments as there are slots within the time between two fragments of a datagram,
// some milliseconds. A fragment that is not the first takes no slot of a datagram that still gets fragments.

import { copy, equal, fill, u16 } from '../base/bytes.ts';
import { DROP_REASSEMBLY } from '../base/drop.ts';
import { checkRange } from '../base/refuse.ts';
import { DATAGRAM_MAX } from '../wire/sixlowpan.ts';
import { ALIVE, checkFragment, KEY_SIZE, putFragment, type Reassembly, slotHead } from './fragment.ts';
import { createHash8 } from './hash.ts';
import { createOrder } from './order.ts';

/** Slots of one neighbour at most. */
const SHARE = 4;
/** Octets of a key that name the sender. */
const SENDER_SIZE = 8;

/**
 * Reassembles up to `datagrams` (1..65535) at a time, of at most maxSize octets, each for at most `timeout` milliseconds (1..60,000
 * [RFC 4944 §5.3]). It takes maxSize + 100 octets for each, here. `random` fills a range with random octets.
 */
export function createReassemblyTable(
  datagrams: number,
  maxSize: number,
  timeout: number,
  random: (buffer: Uint8Array, offset: number, length: number) => void,
): Reassembly {
  checkRange('reassembly.datagrams', datagrams, 1, 65535);
  checkRange('reassembly.maxSize', maxSize, 40, DATAGRAM_MAX);
  checkRange('reassembly.timeout', timeout, 1, 60000);
  const head = slotHead(maxSize);
  const stride = head + maxSize;
  const memory = new Uint8Array(datagrams * stride);
  const deadlines = new Float64Array(datagrams);
  // When each got its last fragment.
  const moved = new Float64Array(datagrams);
  const missing = new Uint16Array(datagrams);
  const hash = createHash8(random);
  // Slots by the hash of their sender: the first of each chain, and the next one; -1 ends a chain.
  const chains = new Int32Array(datagrams);
  const next = new Int32Array(datagrams);
  // The slot freed last is used next, so that memory that was never needed is never touched.
  const free = new Int32Array(datagrams);
  let frees = 0;
  const byStart = createOrder(datagrams);
  const byMove = createOrder(datagrams);
  const alive = timeout * ALIVE;
  let given = 0;

  for (let i = datagrams - 1; i >= 0; i--) {
    chains[i] = -1;
    free[frees++] = i;
  }

  function chainOf(sender: Uint8Array, at: number): number {
    return hash(sender, at) % datagrams;
  }

  function release(slot: number): void {
    const chain = chainOf(memory, slot * stride);
    if (chains[chain] === slot) chains[chain] = next[slot];
    else {
      let before = chains[chain];
      while (next[before] !== slot) before = next[before];
      next[before] = next[slot];
    }
    byStart.remove(slot);
    byMove.remove(slot);
    free[frees++] = slot;
  }

  function begin(slot: number, key: Uint8Array, now: number): void {
    missing[slot] = u16(key, KEY_SIZE - 4);
    deadlines[slot] = now + timeout;
    byStart.add(slot);
  }

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
    const chain = chainOf(key, 0);
    let slot = -1;
    let own = 0;
    let oldest = -1;
    for (let i = chains[chain]; i >= 0; i = next[i]) {
      if (!equal(memory, i * stride, key, 0, SENDER_SIZE)) continue;
      own++;
      if (equal(memory, i * stride, key, 0, KEY_SIZE)) slot = i;
      if (oldest < 0 || moved[i] < moved[oldest]) oldest = i;
    }
    if (slot < 0) {
      if (own === SHARE || frees === 0) {
        const out = own > 0 && (own === SHARE || now - moved[oldest] >= alive) ? oldest : byMove.first();
        if (position > 0 && now - moved[out] < alive) return DROP_REASSEMBLY;
        release(out);
        given++;
      }
      slot = free[--frees];
      fill(memory, slot * stride, head, 0);
      copy(memory, slot * stride, key, 0, KEY_SIZE);
      begin(slot, key, now);
      next[slot] = chains[chain];
      chains[chain] = slot;
      byMove.add(slot);
    }
    const at = slot * stride;
    const old = putFragment(memory, at, head, position, buffer, offset, length);
    if (old < 0) return old;
    if (old > 0) {
      given++;
      byStart.remove(slot);
      begin(slot, key, now);
    }
    missing[slot] -= length;
    if (missing[slot] === 0) {
      release(slot);
      return at + head;
    }
    moved[slot] = now;
    byMove.remove(slot);
    byMove.add(slot);
    return 0;
  }

  function poll(now: number): number {
    for (;;) {
      const slot = byStart.first();
      if (slot < 0 || now < deadlines[slot]) break;
      release(slot);
      given++;
    }
    const result = given;
    given = 0;
    return result;
  }

  function nextTimeout(): number {
    const slot = byStart.first();
    return slot < 0 ? -1 : deadlines[slot];
  }

  return { add, memory, poll, nextTimeout };
}
