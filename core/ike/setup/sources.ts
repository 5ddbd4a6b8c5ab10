// Fair shares of a responder, by where requests come from: an IPv4 address, the /64 of an IPv6 address, the link-layer address
// on a radio. Each source has its half-open SAs in the order in which they came, and a bucket of attempts: one is taken by
// each key exchange and comes back when the peer proves who it is. So attempts that come to nothing count for a while,
// however soon they end, and honest peers behind one address are held up by nothing but their number at the same moment.
//
// All steps cost the same for any number of sources. Their number is bounded: the one that was idle for longest is forgotten.

import type { Path } from '../state/path.ts';
import type { IkeSa } from '../state/sa.ts';

/** Sources that are remembered, besides those with half-open SAs. */
const SOURCES_MAX = 1024;

/** Attempts that may still be made, at a time in milliseconds. */
export interface Bucket {
  tokens: number;
  at: number;
}

/** A half-open SA. */
export interface Open {
  sa: IkeSa;
  /** Under which `Desk.byAsker` has it. */
  asker: string;
  source: Source;
  /** The same in the table of networks; null: this is that one. */
  twin: Open | null;
  since: number;
  /** Neighbours in the order in which those of its source came. */
  before: Open | null;
  after: Open | null;
}

/** Where requests come from. */
export interface Source extends Bucket {
  key: string;
  /** Half-open SAs: their number, and the first and last of them. */
  open: number;
  oldest: Open | null;
  newest: Open | null;
  /** Neighbours among the sources with as many. */
  before: Source | null;
  after: Source | null;
}

/** The sources of a responder. */
export interface Sources {
  byKey: Record<string, Source>;
  count: number;
  /**
   * By number of half-open SAs: first and last of the sources with as many; and the highest number. No arrays: those of Lua
   * end at an empty place.
   */
  first: Record<number, Source | undefined>;
  last: Record<number, Source | undefined>;
  top: number;
}

export function createSources(): Sources {
  return { byKey: {}, count: 0, first: {}, last: {}, top: 0 };
}

/** The source of what comes over `path`. Anybody on a radio can write any IP address. */
export function sourceKey(path: Path): string {
  const isRadio = path.link.length > 0;
  const octets = isRadio ? path.link : path.remote;
  const size = !isRadio && octets.length === 16 ? 8 : octets.length;
  let text = isRadio ? 'l' : 'a';
  for (let i = 0; i < size; i++) text += '.' + octets[i];
  return text;
}

/**
 * The network of a source: the /48 of an IPv6 address, the /24 of an IPv4 one; on a radio the source itself. One host may have
 * every address of its network, so among sources with as many half-open SAs a crowded network gives way.
 */
export function networkKey(path: Path): string {
  if (path.link.length > 0) return sourceKey(path);
  const size = path.remote.length === 16 ? 6 : 3;
  let text = 'n';
  for (let i = 0; i < size; i++) text += '.' + path.remote[i];
  return text;
}

/** Adds what `rate` attempts a second give since the last time. */
export function fill(bucket: Bucket, rate: number, burst: number, now: number): void {
  const gained = (Math.max(0, now - bucket.at) * rate) / 1000;
  bucket.tokens = Math.min(burst, bucket.tokens + gained);
  bucket.at = now;
}

function set(list: Record<number, Source | undefined>, open: number, s: Source | null): void {
  if (s === null) delete list[open];
  else list[open] = s;
}

function unlink(sources: Sources, s: Source): void {
  if (s.before === null) set(sources.first, s.open, s.after);
  else s.before.after = s.after;
  if (s.after === null) set(sources.last, s.open, s.before);
  else s.after.before = s.before;
}

function append(sources: Sources, s: Source): void {
  const last = sources.last[s.open];
  s.before = last === undefined ? null : last;
  s.after = null;
  if (last === undefined) sources.first[s.open] = s;
  else last.after = s;
  sources.last[s.open] = s;
}

function move(sources: Sources, s: Source, by: number): void {
  unlink(sources, s);
  s.open += by;
  append(sources, s);
  if (s.open > sources.top) sources.top = s.open;
  while (sources.top > 0 && sources.first[sources.top] === undefined) sources.top--;
}

/** The source of `key`, made where it is new. */
export function takeSource(sources: Sources, key: string, burst: number, now: number): Source {
  const known = sources.byKey[key];
  if (known !== undefined) return known;
  const idle = sources.first[0];
  if (sources.count >= SOURCES_MAX && idle !== undefined) {
    unlink(sources, idle);
    delete sources.byKey[idle.key];
    sources.count--;
  }
  const made: Source = {
    key: key,
    tokens: burst,
    at: now,
    open: 0,
    oldest: null,
    newest: null,
    before: null,
    after: null,
  };
  sources.byKey[key] = made;
  sources.count++;
  append(sources, made);
  return made;
}

/** Adds a half-open SA to its source. */
export function addOpen(sources: Sources, open: Open): void {
  const s = open.source;
  open.before = s.newest;
  if (s.newest === null) s.oldest = open;
  else s.newest.after = open;
  s.newest = open;
  move(sources, s, 1);
}

/** Takes it out. */
export function removeOpen(sources: Sources, open: Open): void {
  const s = open.source;
  if (open.before === null) s.oldest = open.after;
  else open.before.after = open.after;
  if (open.after === null) s.newest = open.before;
  else open.after.before = open.before;
  move(sources, s, -1);
}
