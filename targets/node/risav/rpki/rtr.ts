// A client of the RPKI-to-Router protocol: keeps the ROAs of a cache that has validated them [RFC 8210, RFC 6810]. What it has counts
// until it expires, also while the cache is away; changes count together, at End of Data [RFC 8210 §8.1].

import {
  CACHE_RESET,
  CACHE_RESPONSE,
  CORRUPT_DATA,
  createReader,
  DUPLICATE,
  END_OF_DATA,
  ERROR_REPORT,
  errorReport,
  NO_DATA,
  type Pdu,
  RtrError,
  resetQuery,
  SERIAL_NOTIFY,
  serialQuery,
  TIMES,
  UNKNOWN_WITHDRAWAL,
  UNSUPPORTED_VERSION,
} from './rtr-pdu.ts';
import type { Vrp } from './vrps.ts';

/** Most prefixes of a cache: eight times those of the whole Internet. */
const VRPS_MAX = 4_000_000;
/** Milliseconds until a cache that says nothing in the middle of its data is left. */
const SILENCE = 30_000;

/** A connection to the cache: TCP, TLS or SSH [RFC 8210 §9]. */
export interface Line {
  send(octets: Uint8Array): void;
  close(): void;
}

export interface Upper {
  came(octets: Uint8Array): void;
  /** It has ended, or was never there; `why`: '' for an orderly end. */
  ended(why: string): void;
}

export interface RtrConfig {
  /** Opens a connection. What it calls of `upper` comes later. */
  connect(upper: Upper): Line;
  /** Calls once after so many milliseconds; what it returns cancels. */
  after(time: number, work: () => void): () => void;
  /** All ROAs, each time they have changed; none when they have expired. The list is not kept here. */
  changed(vrps: Vrp[]): void;
  /** What an operator may want to know. */
  told(text: string): void;
}

export interface Rtr {
  /** Prefixes that count. */
  count(): number;
  /** Serial number of the last whole data, or -1. */
  serial(): number;
  close(): void;
}

const keyOf = ({ family, address, length, maxLength, as }: Vrp): string =>
  `${family} ${address.toString(16)} ${length} ${maxLength} ${as}`;

/** Keeps the ROAs of a cache. */
export function openRtr(config: RtrConfig): Rtr {
  let version = 1;
  let session = -1;
  let serial = -1;
  let vrps = new Map<string, Vrp>();
  /** Those that come now; null: none are under way. */
  let next: Map<string, Vrp> | null = null;
  let isReset = false;
  /** An answer has not ended. */
  let isAwaited = false;
  let times = TIMES;
  let line: Line | null = null;
  let isClosed = false;
  let stopTimer = (): void => {};
  let stopExpiry = (): void => {};

  function timer(time: number, work: () => void): void {
    stopTimer();
    stopTimer = config.after(time, work);
  }

  function query(): void {
    isReset = serial < 0;
    line?.send(isReset ? resetQuery(version) : serialQuery(version, session, serial));
    isAwaited = true;
    watch();
  }

  /** Waits for more of an answer. */
  function watch(): void {
    timer(SILENCE, () =>
      drop(next === null ? 'the cache says nothing' : 'the cache stopped in the middle of its data'),
    );
  }

  function forget(): void {
    session = -1;
    serial = -1;
  }

  function expire(): void {
    forget();
    if (vrps.size === 0) return;
    config.told('the ROAs have expired');
    vrps = new Map();
    config.changed([]);
  }

  /** Leaves the connection, and tries again after `wait` seconds. */
  function drop(why: string, wait = times.retry): void {
    const old = line;
    line = null;
    next = null;
    isAwaited = false;
    if (why !== '') config.told(why);
    timer(wait * 1000, begin);
    old?.close();
  }

  function isEnd(pdu: Extract<Pdu, { kind: typeof END_OF_DATA }>): void {
    if (next === null || pdu.session !== session) throw new RtrError(CORRUPT_DATA, 'End of Data without data');
    vrps = next;
    next = null;
    isAwaited = false;
    const isNew = serial !== pdu.serial || isReset;
    serial = pdu.serial;
    times = pdu.times;
    stopExpiry();
    stopExpiry = config.after(times.expire * 1000, expire);
    timer(times.refresh * 1000, query);
    if (isNew) config.changed([...vrps.values()]);
  }

  function isPrefix({ isAnnounced, vrp }: Extract<Pdu, { kind: 'prefix' }>): void {
    if (next === null) throw new RtrError(CORRUPT_DATA, 'a prefix outside of an answer');
    const key = keyOf(vrp);
    if (isAnnounced) {
      if (next.has(key)) throw new RtrError(DUPLICATE, `${key} was announced before`);
      if (next.size >= VRPS_MAX) throw new RtrError(CORRUPT_DATA, `more than ${VRPS_MAX} prefixes`);
      next.set(key, vrp);
    } else if (!next.delete(key)) throw new RtrError(UNKNOWN_WITHDRAWAL, `${key} was not announced`);
  }

  function onError(code: number, text: string): void {
    if (code === UNSUPPORTED_VERSION && version === 1) {
      // A cache of RFC 6810 alone.
      version = 0;
      forget();
      drop('', 0);
    } else drop(code === NO_DATA ? 'the cache has no data yet' : `the cache reports error ${code}: ${text}`);
  }

  function take(pdu: Pdu): void {
    switch (pdu.kind) {
      case SERIAL_NOTIFY:
        // While an answer is awaited it says nothing new [RFC 8210 §5.2].
        if (isAwaited) break;
        if (pdu.session === session && pdu.serial !== serial) query();
        else if (session >= 0 && pdu.session !== session) {
          forget();
          query();
        }
        break;
      case CACHE_RESPONSE:
        if (next !== null) throw new RtrError(CORRUPT_DATA, 'a Cache Response in an answer');
        if (isReset) session = pdu.session;
        // Its numbers are others now: what is here is of no use to it [RFC 8210 §5.5].
        else if (pdu.session !== session) throw new RtrError(CORRUPT_DATA, `session ${pdu.session}: was ${session}`);
        next = isReset ? new Map() : new Map(vrps);
        break;
      case 'prefix':
        isPrefix(pdu);
        break;
      case END_OF_DATA:
        isEnd(pdu);
        break;
      case CACHE_RESET:
        forget();
        query();
        break;
      case ERROR_REPORT:
        onError(pdu.code, pdu.text);
        break;
    }
  }

  function begin(): void {
    if (isClosed) return;
    const reader = createReader(version);
    const isMine = (): boolean => line === mine;
    const mine = config.connect({
      came(octets) {
        if (!isMine()) return;
        if (isAwaited) watch();
        try {
          for (const pdu of reader.take(octets)) {
            version = reader.version();
            take(pdu);
            if (!isMine()) return;
          }
        } catch (error) {
          if (!(error instanceof RtrError)) throw error;
          mine.send(errorReport(version, error.code, error.message));
          forget();
          drop(error.message);
        }
      },
      ended(why) {
        if (isMine()) drop(why === '' ? 'the cache closed the connection' : why);
      },
    });
    line = mine;
    query();
  }

  begin();
  return {
    count: () => vrps.size,
    serial: () => serial,
    close() {
      isClosed = true;
      stopTimer();
      stopExpiry();
      const old = line;
      line = null;
      old?.close();
    },
  };
}
