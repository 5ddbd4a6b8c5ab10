// Sequence numbers: counters of 32 or 64 bits, and the recovery of a number from its low bits
// [RFC 4303 §2.2, §2.2.1; draft-ietf-ipsecme-diet-esp §6.3]. A number is two halves, hi and lo, of 32 bits each.

import { power } from '../base/bits.ts';
import { put32 } from '../base/bytes.ts';
import { DROP_SEQUENCE } from '../base/drop.ts';

const TWO_32 = 65536 * 65536;
const MAX_32 = TWO_32 - 1;

/** A sequence number that a function returns; one record is reused. */
export interface Sn {
  /** High half, 32 bits; 0 without extended numbers. */
  hi: number;
  /** Low half, 32 bits. */
  lo: number;
}

/** The fields of an SA that recovery needs. */
export interface Numbered {
  /** The highest authenticated number. */
  snHi: number;
  /** Low half, 32 bits. */
  snLo: number;
  /** What SAs of its kind share. */
  form: {
    /** Bits on the wire. */
    snLsb: number;
    /**
     * Tolerated reordering in packets. 0: 32, because reordering happens without replay protection, too; any, where the whole
     * number is on the wire.
     */
    replayWindow: number;
    /** 1 with extended sequence numbers. */
    counter: { esn: number };
  };
}

/**
 * Recovers a sequence number from its low bits `received`, as many as the SA sends (SN-RECOVERY). It considers the 2^bits
 * numbers that begin min(window, 2^bits / 2) before the next expected one; exactly one of them has these low bits. `skip`
 * adds that many times 2^bits (the retry after a long loss). Returns 0, or DROP_SEQUENCE: the number is past the counter's
 * end.
 */
export function recoverSn(sa: Numbered, received: number, skip: number, out: Sn): number {
  const hi = sa.snHi;
  const lo = sa.snLo;
  const bits = sa.form.snLsb;
  const m = power(bits);
  const window = sa.form.replayWindow === 0 ? (bits === 32 ? m : 32) : sa.form.replayWindow;
  const back = bits === 0 ? 0 : Math.min(window, Math.floor(m / 2));
  let distance = (received - lo - 1 + back) % m;
  if (distance < 0) distance += m;
  let low = lo + distance + 1 - back;
  // Below 1: the next candidate up.
  if (hi === 0 && low < 1) low += m;
  low += skip * m;
  const carry = Math.floor(low / TWO_32);
  out.hi = hi + carry;
  out.lo = low - carry * TWO_32;
  return out.hi > sa.form.counter.esn * MAX_32 ? DROP_SEQUENCE : 0;
}

/**
 * The difference between 32-bit and extended sequence numbers. A board contains the kind that it uses.
 *
 * @noSelf
 */
export interface Counter {
  /** 1 with extended sequence numbers. */
  esn: number;
  /** True when no number follows this one [RFC 4303 §3.3.3]. */
  last: (hi: number, lo: number) => boolean;
  /** Writes the additional data of an AEAD [RFC 4106 §5]; returns its length in octets. */
  aad: (spi: number, hi: number, lo: number, out: Uint8Array) => number;
  /**
   * The number of an inbound packet: see `recoverSn`. `before` has the 8 octets in front of the IV, for numbers that are whole
   * on the wire.
   */
  recover: (sa: Numbered, received: number, skip: number, out: Sn, before: Uint8Array) => number;
}

/** 32-bit sequence numbers. */
export const sn32: Counter = {
  esn: 0,
  last: (_hi: number, lo: number): boolean => lo === MAX_32,
  aad: (spi: number, _hi: number, lo: number, out: Uint8Array): number => {
    put32(out, 0, spi);
    put32(out, 4, lo);
    return 8;
  },
  recover: recoverSn,
};

/** Extended sequence numbers, 64 bits [RFC 4303 §2.2.1]. */
export const esn64: Counter = {
  esn: 1,
  last: (hi: number, lo: number): boolean => hi === MAX_32 && lo === MAX_32,
  aad: (spi: number, hi: number, lo: number, out: Uint8Array): number => {
    put32(out, 0, spi);
    put32(out, 4, hi);
    put32(out, 8, lo);
    return 12;
  },
  recover: recoverSn,
};
