// Sequence numbers reserved ahead, so that a restart can tell which ones may have been used [RFC 4303 §2.2, §3.4.3]: a number
// goes out, or a packet is handed on, only when a record says that it may. After a restart all reserved numbers count as used.

/** Numbers are reserved for this time ahead, by the recent rate: shorter than any restart takes. */
const AHEAD = 400;
/** Most numbers ahead. */
const AHEAD_MAX = 4096;
const TWO_32 = 2 ** 32;

/** A sequence number of 64 bits, exact up to 2^53. */
export function numberOf(hi: number, lo: number): number {
  return hi * TWO_32 + lo;
}

/** The halves of a number. */
export function halvesOf(number: number): { hi: number; lo: number } {
  return { hi: Math.floor(number / TWO_32), lo: number % TWO_32 };
}

/** Most numbers ahead to a peer that is sent `bits` of them: so many it bridges without a search. */
export function aheadOf(bits: number): number {
  return Math.max(1, Math.min(AHEAD_MAX, Math.floor(2 ** (bits - 2))));
}

/** Numbers of one SA in one direction. */
export interface Reserve {
  /** The number that a record is to hold. */
  asked: number;
  /** The number that a durable record holds. */
  durable: number;
  /** Most numbers ahead. */
  max: number;
  /** When `asked` was raised last, and the number used then. */
  askedAt: number;
  usedThen: number;
}

/** The numbers of a pair of SAs, or of one configured SA. */
export interface Kept {
  /** Key of its numbers in the store. */
  key: string;
  out: Reserve | null;
  in: Reserve | null;
}

/** A reserve for an SA whose last number is `number`, which a record holds. */
export function createReserve(number: number, max: number, now: number): Reserve {
  return { asked: number, durable: number, max, askedAt: now, usedThen: number };
}

/** A number was used at `now` (ms). True: `asked` was raised, and wants to be written. */
export function use(reserve: Reserve, number: number, now: number): boolean {
  const left = reserve.asked - number;
  const ahead = reserve.asked - reserve.usedThen;
  if (left > 0 && left > ahead / 2) return false;
  const rate = Math.max(0, number - reserve.usedThen) / Math.max(1, now - reserve.askedAt);
  const more = Math.max(1, Math.min(reserve.max, Math.ceil(rate * AHEAD)));
  reserve.asked = Math.max(reserve.asked, number + more);
  reserve.askedAt = now;
  reserve.usedThen = number;
  return true;
}
