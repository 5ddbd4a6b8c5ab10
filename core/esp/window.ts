// Anti-replay window [RFC 4303 §3.4.3, RFC 6479]. `check` asks, `update` marks. Call `update` only after the ICV has verified.
// The right edge is the SA's highest authenticated sequence number.

import { DROP_REPLAY } from '../base/drop.ts';
import { fill } from '../base/spans.ts';

/** The fields of an SA that a window needs. */
export interface Windowed {
  /** Right edge of the window, the highest authenticated number: high half, 32 bits. */
  snHi: number;
  /** Low half, 32 bits. */
  snLo: number;
  /** Size in packets, 0: off. */
  form: { replayWindow: number; windowAt: number };
  /** Bit i: the number i below the right edge was seen (sizes up to 32). */
  recent: number;
  /** Sizes above 32: a ring of one bit per number at octets[base + form.windowAt..). */
  octets: Uint8Array;
  /** Where the SA's octets begin. */
  base: number;
  /** A window for each of them (createSubspaceParts); absent: one for the SA. */
  subspaces?: Subspaces;
}

/** One subspace: its counter, and inbound its replay window. */
export interface Subspace extends Windowed {
  /** Outbound: Subspace ID and counter 47..32. Inbound: the counter's bits alone. */
  snHi: number;
  /** Counter 31..0. */
  snLo: number;
}

/** What an SA with subspaces keeps beside its own state. */
export interface Subspaces {
  /** IDs are below this. */
  count: number;
  /** Used subspaces by ID; null: not used yet. */
  list: (Subspace | null)[];
  /** Outbound: the subspace whose number is in the SA now. */
  current: number;
  /** The replay window of each. */
  form: { replayWindow: number; windowAt: number };
}

/**
 * An anti-replay window [RFC 4303 §3.4.3, RFC 6479]. Sequence numbers are two halves of 32 bits, `hi` and `lo`.
 *
 * @noSelf
 */
export interface Window {
  /** Largest size in packets. */
  max: number;
  /** Octets that the ring needs; below 0: the window cannot have this size. */
  room: (size: number) => number;
  /** 0, or DROP_REPLAY when the number was seen or lies left of the window. */
  check: (sa: Windowed, hi: number, lo: number) => number;
  /** Marks a number as seen and moves the right edge. */
  update: (sa: Windowed, hi: number, lo: number) => void;
}

/** How far a number is to the right of the highest one. Zero or below: inside or left of the window. */
function ahead(sa: Windowed, hi: number, lo: number): number {
  return (hi - sa.snHi) * 65536 * 65536 + (lo - sa.snLo);
}

/**
 * True when the number of a packet that has just come in, as `inbound` left it in `Endpoint.sn`, is the highest of its counter:
 * of its subspace, where there are some.
 */
export function isNewest(sa: Windowed, hi: number, lo: number): boolean {
  if (sa.subspaces === undefined) return hi === sa.snHi && lo === sa.snLo;
  const id = hi >>> 16;
  const one = id < sa.subspaces.list.length ? sa.subspaces.list[id] : null;
  return one !== null && (hi & 0xffff) === one.snHi && lo === one.snLo;
}

/** A window of 32 in one number, for boards. */
export const window32: Window = {
  max: 32,
  room: (size: number): number => (size >= 0 && size <= 32 ? 0 : -1),
  check: (sa: Windowed, hi: number, lo: number): number => {
    const distance = -ahead(sa, hi, lo);
    if (distance < 0 || sa.form.replayWindow === 0) return 0;
    // A shift takes five bits of its distance: 33 would be 1.
    if (distance >= 32 || distance >= sa.form.replayWindow) return DROP_REPLAY;
    return ((sa.recent >>> distance) & 1) !== 0 ? DROP_REPLAY : 0;
  },
  update: (sa: Windowed, hi: number, lo: number): void => {
    const step = ahead(sa, hi, lo);
    if (step > 0) {
      sa.recent = step >= 32 ? 1 : (((sa.recent << step) | 1) & 0xffffffff) >>> 0; // wide
      sa.snHi = hi;
      sa.snLo = lo;
    } else if (step > -32) {
      sa.recent = ((sa.recent | (1 << -step)) & 0xffffffff) >>> 0; // wide
    }
  },
};

/** A window of 32 to 4096 (a power of two) as a ring of bits. */
export const windowWide: Window = {
  max: 4096,
  room: (size: number): number => {
    if (!(size > 32)) return window32.room(size);
    let power = 64;
    while (power < size) power *= 2;
    return size === power && size <= 4096 ? size / 8 : -1;
  },
  check: (sa: Windowed, hi: number, lo: number): number => {
    const size = sa.form.replayWindow;
    if (size <= 32) return window32.check(sa, hi, lo);
    const distance = -ahead(sa, hi, lo);
    if (distance < 0) return 0;
    if (distance >= size) return DROP_REPLAY;
    const at = sa.base + sa.form.windowAt + ((lo % size) >>> 3);
    return ((sa.octets[at] >>> (lo & 7)) & 1) !== 0 ? DROP_REPLAY : 0;
  },
  update: (sa: Windowed, hi: number, lo: number): void => {
    const size = sa.form.replayWindow;
    if (size <= 32) {
      window32.update(sa, hi, lo);
      return;
    }
    const step = ahead(sa, hi, lo);
    const ring = sa.octets;
    const begin = sa.base + sa.form.windowAt;
    if (step > 0) {
      if (step >= size) fill(ring, begin, size / 8, 0);
      else {
        for (let i = 1; i <= step; i++) {
          const at = (sa.snLo + i) % size;
          ring[begin + (at >>> 3)] &= 0xff - (1 << (at & 7));
        }
      }
      sa.snHi = hi;
      sa.snLo = lo;
    } else if (step <= -size) return;
    ring[begin + ((lo % size) >>> 3)] |= 1 << (lo & 7);
  },
};
