// Resynchronisation: finds the sequence number after an outage longer than the two candidates of `recoverSn` reach. It tries
// further multiples of 2^k, upward, as RFC 4303 Appendix A3 does for 2^32.
//
// Anybody can send packets that fail, so trials cost from a budget: a bucket per SA and one per endpoint. The emptier they
// are, the less likely is a search, by a secret octet. So a forger cannot take the turn of the packet that is genuine: the
// first is found when nobody forges, and a share of them otherwise. A forger also gains the number of trials on the ICV's
// strength: 64 times 2^-64 with an ICV of 8 octets.

import type { Provider } from '../crypto/provider.ts';

/** Failures after which an SA is suspect, and the silence in milliseconds: where good packets come too, somebody forges. */
const SUSPECT_FAILURES = 3;
const SUSPECT_TIME = 2000;
/** Milliseconds from one question to the next because of suspicion: the first pause, doubled each time, and the longest. */
const ASK_FIRST = 8000;
const ASK_MOST = 512000;
/** How many SAs that are under attack at once an endpoint affords at the full rate. */
const SHARE = 4;

/** State of the search of an inbound SA, or of an endpoint: plain data. */
export interface SearchState {
  /** Trials that are left; below 0 after a search that took more. */
  budget: number;
  /** When it was filled last, milliseconds; -1: it is full. */
  filledAt: number;
  /** Packets that failed since the last good one; replays do not count. */
  failures: number;
  /** When the last good packet came, milliseconds; -1: none did. */
  goodAt: number;
  /** Packets that were searched for, in all. */
  searches: number;
  /** ICVs that were computed for them. */
  trials: number;
  /** Packets that were found. */
  found: number;
}

/** The fields of an endpoint that a search needs. */
export interface Searching {
  /** Its budget and counters. */
  search: SearchState | null;
  /** Scratch. */
  spare: Uint8Array;
  /** Random octets. */
  provider: Provider;
}

/** The fields of an inbound SA that a search needs. */
export interface Searched {
  /** Its budget and counters. */
  search: SearchState | null;
  /** Bits of the sequence number on the wire. */
  form: { snLsb: number };
}

/**
 * The part of a build that finds lost sequence numbers (`createSearch`).
 *
 * @noSelf
 */
export interface Search {
  /** State of an SA or of an endpoint. */
  create: () => SearchState;
  /** The last multiple of 2^k to try for a packet of `sa` that failed at `now` (ms); 0: no search. */
  allow: (endpoint: Searching, sa: Searched, now: number) => number;
  /** Books a search of `trials` ICVs for a packet of `sa`. `isFound`: it was good. */
  book: (endpoint: Searching, sa: Searched, trials: number, isFound: boolean) => void;
}

function createState(): SearchState {
  return { budget: 0, filledAt: -1, failures: 0, goodAt: -1, searches: 0, trials: 0, found: 0 };
}

/** Fills a bucket as of `now`; returns how full it is, 0..256. */
function fullness(state: SearchState, capacity: number, rate: number, now: number): number {
  if (state.filledAt < 0) state.budget = capacity;
  const gained = (Math.max(0, now - state.filledAt) * rate) / 1000;
  state.budget = Math.min(capacity, state.budget + gained);
  state.filledAt = now;
  return (state.budget * 256) / capacity;
}

function spend(state: SearchState, trials: number, isFound: boolean): void {
  state.budget -= trials;
  state.searches++;
  state.trials += trials;
  if (isFound) state.found++;
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
      const share = fullness(endpoint.search!, capacity * SHARE, rate * SHARE, now);
      const own = fullness(sa.search!, capacity, rate, now);
      const least = Math.min(own, share);
      if (least < 256) {
        const octets = endpoint.spare;
        endpoint.provider.random(octets, 8, 1);
        if (octets[8] >= least) return 0;
      }
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
  return (
    state !== null && state.failures >= SUSPECT_FAILURES && (state.goodAt < 0 || now - state.goodAt >= SUSPECT_TIME)
  );
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
