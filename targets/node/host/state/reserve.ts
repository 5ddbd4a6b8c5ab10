// Sequence numbers reserved ahead, so that a restart can tell which ones may have been used [RFC 4303 §2.2, §3.4.3]: a number
// goes out, or a packet is handed on, only when a record says that it may. After a restart all reserved numbers count as used.

/** Numbers are reserved for this time ahead, by the recent rate: shorter than any restart takes. */
const AHEAD = 400;
/** After this silence, in ms, of a peer that has reserved more than MANY ahead, they are given back; else after AHEAD. */
const SILENCE = 100;
const MANY = 8;
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
  /** Most numbers ahead, and fewest. With 0 each number of a slow peer waits for its record, and a restart costs none. */
  max: number;
  least: number;
  /** The SA's last number. */
  limit: number;
  /** Packets a millisecond, over the last span of AHEAD or more: numbers that were lost on the way don't count. */
  rate: number;
  /** When the current span began, and its packets. */
  since: number;
  packets: number;
  /** The number used last, and when. */
  last: number;
  lastAt: number;
}

/** The numbers of a pair of SAs, or of one configured SA. */
export interface Kept {
  /** Key of its numbers in the store. */
  key: string;
  out: Reserve | null;
  in: Reserve | null;
  /** Its SA is no more: nothing is written about it. */
  gone: boolean;
  /** Another thread uses the numbers that are durable, and is told of more: it alone gives some back. Null: none does. */
  granted: (() => void) | null;
}

/** The last number of an SA: of 32 bits, or as far as numbers are exact here. */
export function lastOf(esn: number): number {
  return esn === 0 ? TWO_32 - 1 : Number.MAX_SAFE_INTEGER;
}

/** A reserve for an SA that has used `number`, which a record holds. It has numbers up to `limit`. */
export function createReserve(number: number, max: number, limit: number, now: number, least = 1): Reserve {
  const used = { asked: number, durable: number, last: number, lastAt: now };
  return { ...used, max, least, limit, rate: 0, since: now, packets: 0 };
}

/**
 * `number` is the highest that was used, at `now` (ms), with `packets` since the last time. True: `asked` changed with the rate, and
 * wants to be written. `mayLower`: false where somebody else may be using what was reserved.
 */
export function use(reserve: Reserve, number: number, now: number, packets = 1, mayLower = true): boolean {
  const time = now - reserve.since;
  // Packets that came at once, after they had waited somewhere, are no rate.
  if (time >= AHEAD) {
    reserve.rate = reserve.packets / time;
    reserve.since = now;
    reserve.packets = 0;
  }
  reserve.packets += packets;
  reserve.last = Math.max(reserve.last, number);
  reserve.lastAt = now;
  const more = Math.max(reserve.least, Math.min(reserve.max, Math.floor(reserve.rate * AHEAD)));
  const left = reserve.asked - number;
  if (mayLower && left > 2 * Math.max(1, more)) {
    // The peer has become slower: after a restart it would be refused as many packets. What the record says until then is safe.
    reserve.asked = Math.min(reserve.limit, number + more);
    reserve.durable = Math.min(reserve.durable, reserve.asked);
    return true;
  }
  if (left > more / 2 || reserve.asked === reserve.limit) return false;
  const before = reserve.asked;
  reserve.asked = Math.min(reserve.limit, Math.max(reserve.asked, number + more));
  return reserve.asked !== before;
}

/** One more number than a record holds is asked for. */
export function askNext(reserve: Reserve): void {
  reserve.asked = Math.min(reserve.limit, reserve.asked + 1);
}

/** True while more than the fewest numbers are reserved: `narrow` may have something to do. */
export function isWide(reserve: Reserve): boolean {
  return reserve.asked > reserve.last + reserve.least;
}

/** Milliseconds of silence after which `ahead` numbers that were not used are given back. */
export function silenceFor(ahead: number): number {
  return ahead > MANY ? SILENCE : AHEAD;
}

/** Gives back the numbers above `number`. */
export function lower(reserve: Reserve, number: number): void {
  reserve.asked = number;
  // The record may say more until it is written: that is safe.
  reserve.durable = Math.min(reserve.durable, number);
  reserve.rate = 0;
  reserve.packets = 0;
}

/**
 * Gives back what a peer that has fallen silent will not use: else it would be refused as many packets after a restart. True:
 * `asked` was lowered, and wants to be written.
 */
export function narrow(reserve: Reserve, now: number): boolean {
  if (!isWide(reserve)) return false;
  if (now - reserve.lastAt < silenceFor(reserve.asked - reserve.last)) return false;
  lower(reserve, reserve.last + reserve.least);
  return true;
}
