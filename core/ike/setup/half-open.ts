// Half-open SAs of a responder: who asked for each, who may have one more, and which one ends when there are too many
// [RFC 7296 §2.6].

import { IKE_SPI_I } from '../codec/message.ts';
import { spiKey } from '../exchange/registry.ts';
import { endIkeSa } from '../exchange/session.ts';
import type { Ike, Incoming } from '../state/ike.ts';
import { OUTCOME_TIMEOUT } from '../state/outcome.ts';
import type { Path } from '../state/path.ts';
import type { IkePolicy } from '../state/policy.ts';
import type { IkeSa } from '../state/sa.ts';
import { type Cookies, createCookies } from './cookie.ts';
import type { PeerIndex } from './peer-index.ts';
import {
  addOpen,
  type Bucket,
  createSources,
  fill,
  networkKey,
  type Open,
  removeOpen,
  type Source,
  type Sources,
  takeSource,
} from './sources.ts';

/** Milliseconds for which a half-open SA certainly stays, unless its source has more than others. */
const PATIENCE = 5000;
/** Half-open SAs and attempts that a source may have without a COOKIE. */
const FEW = 4;
/** Attempts a second that may come to nothing, where the configuration does not say. */
const ATTEMPTS_PER_SOURCE = 50;
const ATTEMPTS = 500;

/** The policy of a peer, by its identity and perhaps its path. Null: none. */
export type FindPolicy = (type: number, data: Uint8Array, path: Path) => IkePolicy | null;

/**
 * The responder's side of session resumption: see ext/ticket.ts.
 *
 * @noSelf
 */
export interface Tickets {
  /**
   * IKE_SESSION_RESUME is in ike.message: sets cipher and keys of `sa` and returns the answer, or empty (refused). `find`: the policy of
   * the peer that the ticket is for.
   */
  resume(ike: Ike, sa: IkeSa, find: FindPolicy): Uint8Array;
}

/** Options of `createResponder`. */
export interface ResponderConfig {
  /** Answers IKE_SA_INIT, before the peer is known. */
  fallback: IkePolicy;
  /** Gives the policy of a peer by its identity, not yet proved. */
  findPolicy: FindPolicy;
  /** Most half-open SAs, and the number from which on a COOKIE is required. */
  halfOpenMax: number;
  /** Half-open SAs from which on a COOKIE is required [RFC 7296 §2.6]. */
  cookieThreshold: number;
  /** Milliseconds until a half-open SA is forgotten. */
  halfOpenTime: number;
  /** Attempts a second of one source that may end without a proof of identity, 1 or more. Absent: 50. */
  attemptsPerSource?: number;
  /** The same of all sources together. Absent: 500. */
  attempts?: number;
  /** Tickets for session resumption (createTickets); null: none are taken. */
  tickets: Tickets | null;
  /** True for a path whose far end is proved to be there, so that a COOKIE would prove nothing [RFC 9329 §6.5]. Absent: none is. */
  isThere?: (path: Path) => boolean;
}

/** A responder's own state. */
export interface Desk {
  config: ResponderConfig;
  /** Half-open SAs by who asked, and by our SPI, as paths change; and their number. */
  byAsker: Record<string, Open>;
  bySpi: Record<string, Open>;
  open: number;
  sources: Sources;
  /** Their networks, with the same half-open SAs. */
  networks: Sources;
  /** Attempts of all sources together. */
  all: Bucket;
  cookies: Cookies;
  peers: PeerIndex;
}

/** The asker: SPIi, address and port. */
export function askerOf(d: Incoming): string {
  let text = spiKey(d.buffer, d.offset + IKE_SPI_I) + '/' + d.path.remotePort;
  for (let i = 0; i < d.path.remote.length; i++) text += '.' + d.path.remote[i];
  return text;
}

function perSource(config: ResponderConfig): number {
  return config.attemptsPerSource === undefined ? ATTEMPTS_PER_SOURCE : config.attemptsPerSource;
}

function inAll(config: ResponderConfig): number {
  return config.attempts === undefined ? ATTEMPTS : config.attempts;
}

/** Attempts of one source at a time: nothing holds up a single one that has all places. */
function burstOf(config: ResponderConfig): number {
  return Math.max(config.halfOpenMax, perSource(config), 1);
}

function burstOfAll(config: ResponderConfig): number {
  return Math.max(2 * config.halfOpenMax, inAll(config), 1);
}

/** True when a request has to return a COOKIE: because of the load, or because of what its source has. */
export function isSuspect(desk: Desk, key: string, now: number): boolean {
  const config = desk.config;
  fill(desk.all, inAll(config), burstOfAll(config), now);
  if (desk.open >= config.cookieThreshold || desk.all.tokens < burstOfAll(config) / 2) return true;
  const source = desk.sources.byKey[key];
  if (source === undefined) return false;
  fill(source, perSource(config), burstOf(config), now);
  return source.open > FEW || source.tokens < burstOf(config) - FEW;
}

/** Takes an attempt and a place for a request from the source `key`. Null: there is none left. */
export function enter(desk: Desk, ike: Ike, key: string, now: number): Source | null {
  const config = desk.config;
  const source = takeSource(desk.sources, key, burstOf(config), now);
  fill(source, perSource(config), burstOf(config), now);
  fill(desk.all, inAll(config), burstOfAll(config), now);
  if (source.tokens < 1 || desk.all.tokens < 1) return null;
  if (desk.open >= config.halfOpenMax && !makeRoom(desk, ike, source, now)) return null;
  source.tokens--;
  desk.all.tokens--;
  return source;
}

/** Gives an attempt back: its peer proved who it is, or it cost nothing. */
export function giveBack(desk: Desk, source: Source): void {
  source.tokens++;
  desk.all.tokens++;
}

/** Lists a half-open SA under its asker. */
export function list(desk: Desk, sa: IkeSa, asker: string, source: Source, now: number): void {
  const network = takeSource(desk.networks, networkKey(sa.path), 0, now);
  const twin: Open = { sa: sa, asker: asker, source: network, twin: null, since: now, before: null, after: null };
  const open: Open = { sa: sa, asker: asker, source: source, twin: twin, since: now, before: null, after: null };
  desk.byAsker[asker] = open;
  desk.bySpi[spiKey(sa.spis, 8)] = open;
  desk.open++;
  addOpen(desk.sources, open);
  addOpen(desk.networks, twin);
}

/** Removes an SA from the list, however it ends. Its source; null: it was not listed. */
export function release(desk: Desk, sa: IkeSa): Source | null {
  const own = spiKey(sa.spis, 8);
  const open = desk.bySpi[own];
  if (open === undefined || open.sa !== sa) return null;
  delete desk.bySpi[own];
  delete desk.byAsker[open.asker];
  desk.open--;
  removeOpen(desk.sources, open);
  removeOpen(desk.networks, open.twin!);
  return open.source;
}

/** The oldest half-open SA of those that have the most, `newcomer` among them; null: there is none. */
function oldestOf(sources: Sources, newcomer: Source | undefined): Open | null {
  const most = newcomer !== undefined && newcomer.open >= sources.top ? newcomer : sources.first[sources.top];
  return most === undefined ? null : most.oldest;
}

/**
 * Ends a half-open SA so that `newcomer` gets a place: the oldest of the source that has the most, or of the network. Where
 * nobody has more than the newcomer, it must have had its time: otherwise a slow flood would shut others out.
 */
function makeRoom(desk: Desk, ike: Ike, newcomer: Source, now: number): boolean {
  let oldest = oldestOf(desk.sources, newcomer);
  if (oldest === null) return false;
  if (oldest.source.open <= newcomer.open + 1 && now - oldest.since < PATIENCE) {
    const network = desk.networks.byKey[networkKey(ike.incoming.path)];
    oldest = oldestOf(desk.networks, network);
    if (oldest === null || oldest.source.open <= (network === undefined ? 0 : network.open) + 1) return false;
  }
  oldest.sa.reported = true;
  endIkeSa(ike, oldest.sa, OUTCOME_TIMEOUT, now);
  return true;
}

export function createDesk(config: ResponderConfig): Desk {
  return {
    config: config,
    byAsker: {},
    bySpi: {},
    open: 0,
    sources: createSources(),
    networks: createSources(),
    all: { tokens: burstOfAll(config), at: 0 },
    cookies: createCookies(),
    peers: {},
  };
}
