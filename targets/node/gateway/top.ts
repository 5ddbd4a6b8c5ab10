// Rates of peers and SAs, from two looks at their counters. Somebody has to ask: a gateway that nobody watches keeps no sample.

import type { PeerCounts } from './list-views.ts';
import type { Lists } from './lists.ts';

/** What `top` can be sorted by. */
export const TOP_KEYS = ['octets', 'packets', 'octetsIn', 'octetsOut', 'packetsIn', 'packetsOut', 'drops'] as const;
/** What `top` can be sorted by. */
export type TopKey = (typeof TOP_KEYS)[number];

/** Which rates are wanted. */
export interface TopQuery {
  /** The largest come first; default `octets`: both ways together. */
  sort?: TopKey;
  /** Entries at most, 1 to 1000; default 20. */
  limit?: number;
}

/** Rates of a peer, or of an SA that is keyed by hand: each a second. */
export interface TopEntry extends PeerCounts {
  /** The peer's identity; '': keyed by hand. */
  peer: string;
  /** Name of the connection, or of the SA. */
  name: string;
}

/** Rates between the last two looks. */
export interface TopView {
  /** Seconds between them; 0: this was the first, and the next question has rates. */
  seconds: number;
  /** Those with packets or drops, the largest first. */
  items: TopEntry[];
  /** Sums over all. */
  total: PeerCounts;
}

export type Top = (query?: TopQuery) => TopView;

/** Milliseconds: looks that are nearer are one, and one that is older is forgotten. */
const NEAR = 400;
const OLD = 30000;
const LIMIT = 20;
const LIMIT_MAX = 1000;

/** Counters by the SAs' numbers, which grow. */
interface Sample {
  time: number;
  serials: number[];
  counts: number[];
}

/** Of each SA: packets, octets, drops. */
const COUNTS = 3;

const noCounts = (): PeerCounts => ({ packetsIn: 0, packetsOut: 0, octetsIn: 0, octetsOut: 0, drops: 0 });

function add(to: PeerCounts, isIn: boolean, packets: number, octets: number, drops: number): void {
  if (isIn) {
    to.packetsIn += packets;
    to.octetsIn += octets;
  } else {
    to.packetsOut += packets;
    to.octetsOut += octets;
  }
  to.drops += drops;
}

function amountOf(key: TopKey, { packetsIn, packetsOut, octetsIn, octetsOut, drops }: PeerCounts): number {
  const values = { octets: octetsIn + octetsOut, packets: packetsIn + packetsOut };
  return { ...values, packetsIn, packetsOut, octetsIn, octetsOut, drops }[key];
}

export function createTop({ eachSa }: Pick<Lists, 'eachSa'>, now: () => number): Top {
  let before: Sample | null = null;
  let last: Sample | null = null;
  let entries = new Map<string, TopEntry>();
  let total = noCounts();

  /** Looks at all counters; what grew since the last look goes to its peer. */
  function look(): void {
    const old = last;
    const sample: Sample = { time: now(), serials: [], counts: [] };
    entries = new Map();
    total = noCounts();
    let at = 0;
    eachSa((serial, counts, isIn, peer, name) => {
      const { packets, octets, drops } = counts;
      sample.serials.push(serial);
      sample.counts.push(packets, octets, drops);
      if (old === null) return;
      while (at < old.serials.length && old.serials[at] < serial) at++;
      const has = old.serials[at] === serial;
      const [p, o, d] = has ? old.counts.slice(COUNTS * at, COUNTS * at + COUNTS) : [0, 0, 0];
      if (packets === p && drops === d) return;
      const key = peer === '' ? `\n${name}` : peer;
      let entry = entries.get(key);
      if (entry === undefined) {
        entry = { peer, name, ...noCounts() };
        entries.set(key, entry);
      }
      add(entry, isIn, packets - p, octets - o, drops - d);
      add(total, isIn, packets - p, octets - o, drops - d);
    });
    before = old;
    last = sample;
  }

  return ({ sort = 'octets', limit = LIMIT } = {}) => {
    if (last !== null && now() - last.time > OLD) last = null;
    if (last === null || now() - last.time >= NEAR) look();
    const seconds = before === null ? 0 : (last!.time - before.time) / 1000;
    const most = Math.min(LIMIT_MAX, Math.max(1, Math.floor(limit)));
    const rate = <Counts extends PeerCounts>(counts: Counts): Counts => {
      const each = (count: number): number => (seconds === 0 ? 0 : Math.round((count / seconds) * 10) / 10);
      return {
        ...counts,
        packetsIn: each(counts.packetsIn),
        packetsOut: each(counts.packetsOut),
        octetsIn: each(counts.octetsIn),
        octetsOut: each(counts.octetsOut),
        drops: each(counts.drops),
      };
    };
    const items = [...entries.values()].sort((a, b) => amountOf(sort, b) - amountOf(sort, a)).slice(0, most);
    return { seconds, items: items.map(rate), total: rate(total) };
  };
}
