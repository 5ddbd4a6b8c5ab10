// Resynchronisation: finds the sequence number after an outage longer than the two candidates of `recoverSn` reach. It tries
// further multiples of 2^k, upward, as RFC 4303 Appendix A3 does for 2^32.
//
// Anybody can send packets that fail, so trials cost from a budget: a bucket per SA and one per endpoint. The emptier they
// are, the less likely is a search, by dice whose state is secret. So a forger cannot take the turn of the packet that is genuine: the
// first is found when nobody forges, and a share of them otherwise. A forger also gains the number of trials on the ICV's
// strength: 64 times 2^-64 with an ICV of 8 octets.

import { put16, u16 } from '../base/bytes.ts';

/** Failures after which an SA is suspect, and the silence in milliseconds: where good packets come too, somebody forges. */
const SUSPECT_FAILURES = 3;
const SUSPECT_TIME = 2000;
/** Milliseconds from one question to the next because of suspicion: the first pause, doubled each time, and the longest. */
const ASK_FIRST = 8000;
const ASK_MOST = 512000;
/** How many SAs that are under attack at once an endpoint affords at the full rate. */
const SHARE = 4;

/**
 * State of the search of an inbound SA, or of an endpoint: numbers at these places. An array, because V8 makes an object for
 * every fraction that is stored in a property. Trials that are left, below 0 after a search that took more.
 */
export const SEARCH_BUDGET = 0;
/** When the budget was filled last, milliseconds; -1: it is full. */
export const SEARCH_FILLED = 1;
/** Packets that failed since the last good one; replays do not count. */
export const SEARCH_FAILURES = 2;
/** When the last good packet came, milliseconds; -1: none did since this state was made. */
export const SEARCH_GOOD = 3;
/** Packets that were searched for, in all. */
export const SEARCH_COUNT = 4;
/** ICVs that were computed for them. */
export const SEARCH_TRIALS = 5;
/** Packets that were found. */
export const SEARCH_FOUND = 6;
const SEARCH_SIZE = 7;

/** The fields of an endpoint that a search needs. */
export interface Searching {
  /** Its budget and counters. */
  search: Float64Array | null;
  /** Scratch, with the state of its dice at 14: a random number of 16 bits. */
  spare: Uint8Array;
}

/** The fields of an inbound SA that a search needs. */
export interface Searched {
  /** Its budget and counters. */
  search: Float64Array | null;
  /** Bits of the sequence number on the wire. */
  form: { snLsb: number };
}

/**
 * The part of a build that finds lost sequence numbers (`createSearch`).
 *
 * @noSelf
 */
export interface Search {
  /** State of an endpoint, or of an SA whose first packet failed. */
  create: () => Float64Array;
  /** The last multiple of 2^k to try for a packet of `sa` that failed at `now` (ms); 0: no search. */
  allow: (endpoint: Searching, sa: Searched, now: number) => number;
  /** Books a search of `trials` ICVs for a packet of `sa`. `isFound`: it was good. */
  book: (endpoint: Searching, sa: Searched, trials: number, isFound: boolean) => void;
}

function createState(): Float64Array {
  const state = new Float64Array(SEARCH_SIZE);
  state[SEARCH_FILLED] = -1;
  state[SEARCH_GOOD] = -1;
  return state;
}

/** Fills a bucket as of `now`. */
function refill(state: Float64Array, capacity: number, rate: number, now: number): void {
  const gained = state[SEARCH_FILLED] < 0 ? capacity : (Math.max(0, now - state[SEARCH_FILLED]) * rate) / 1000;
  state[SEARCH_BUDGET] = Math.min(capacity, state[SEARCH_BUDGET] + gained);
  state[SEARCH_FILLED] = now;
}

/** The next of numbers 0..255 that nobody outside can know: a xorshift of 16 bits, because random octets cost an object each. */
function roll(spare: Uint8Array): number {
  let x = u16(spare, 14);
  if (x === 0) x = 1;
  x ^= (x << 7) & 0xffff;
  x ^= x >>> 9;
  x ^= (x << 8) & 0xffff;
  put16(spare, 14, x);
  return x & 0xff;
}

function spend(state: Float64Array, trials: number, isFound: boolean): void {
  state[SEARCH_BUDGET] -= trials;
  state[SEARCH_COUNT]++;
  state[SEARCH_TRIALS] += trials;
  if (isFound) state[SEARCH_FOUND]++;
}

/**
 * A search over `wraps` multiples of 2^k, where a sequence number has k = 8 or more bits on the wire: an outage of about
 * wraps * 2^k packets heals. Fewer bits get four times as many. An SA may spend `rate` trials a second, an endpoint four
 * times that, and a burst of eight searches. An SA of a board that can bear 8 wraps at 8 trials a second costs it the time of
 * 8 packets each second under attack.
 */
export function createSearch(wraps: number, rate: number): Search {
  const capacity = wraps * 8;
  return {
    create: createState,
    allow: (endpoint, sa, now) => {
      const all = endpoint.search!;
      const own = sa.search!;
      refill(all, capacity * SHARE, rate * SHARE, now);
      refill(own, capacity, rate, now);
      const left = Math.min(own[SEARCH_BUDGET], all[SEARCH_BUDGET] / SHARE);
      if (left < capacity && roll(endpoint.spare) * capacity >= left * 256) return 0;
      return sa.form.snLsb < 8 ? 4 * wraps : wraps;
    },
    book: (endpoint, sa, trials, isFound) => {
      spend(endpoint.search!, trials, isFound);
      spend(sa.search!, trials, isFound);
    },
  };
}

/**
 * True when packets fail under an inbound SA and none was good for a while: its peer may have lost the sequence numbers. Ask
 * IKE for a rekey then, as `mayAsk` allows. `now` is in milliseconds.
 */
export function isSuspect(sa: Searched, now: number): boolean {
  const state = sa.search;
  if (state === null || state[SEARCH_FAILURES] < SUSPECT_FAILURES) return false;
  return state[SEARCH_GOOD] < 0 || now - state[SEARCH_GOOD] >= SUSPECT_TIME;
}

/** Paces what suspicion may ask for: one for each peer, and a rekey does not start it anew. */
export interface Pace {
  /** When it may ask again, milliseconds. */
  at: number;
  /** The pause after that. */
  wait: number;
}

/** A pace that lets the first question pass. */
export function createPace(): Pace {
  return { at: -1, wait: ASK_FIRST };
}

/**
 * True when IKE may be asked at `now` (ms): the first time at once, then after 8 s, 16 s, up to 512 s. A forger costs a peer
 * no more than that. After twice the longest pause without a question it begins anew.
 */
export function mayAsk(pace: Pace, now: number): boolean {
  if (pace.at >= 0 && now < pace.at) return false;
  if (now - pace.at > ASK_MOST) pace.wait = ASK_FIRST;
  pace.at = now + pace.wait;
  pace.wait = Math.min(2 * pace.wait, ASK_MOST);
  return true;
}
