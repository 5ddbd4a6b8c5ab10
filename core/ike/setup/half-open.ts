// Half-open SAs of a responder: who asked for each, their number, and which one ends when there are too many [RFC 7296 §2.6].

import { IKE_SPI_I } from '../codec/message.ts';
import { spiKey } from '../exchange/registry.ts';
import { endIkeSa } from '../exchange/session.ts';
import type { Ike, Incoming } from '../state/ike.ts';
import { OUTCOME_TIMEOUT } from '../state/outcome.ts';
import type { Path } from '../state/path.ts';
import type { IkePolicy } from '../state/policy.ts';
import { type IkeSa, STATE_HALF_OPEN } from '../state/sa.ts';
import { type Cookies, createCookies } from './cookie.ts';

/** Milliseconds for which a half-open SA certainly stays. */
const PATIENCE = 5000;

/** The policy of a peer, by its identity and perhaps its path. Null: none. */
export type FindPolicy = (type: number, data: Uint8Array, path: Path) => IkePolicy | null;

/**
 * The responder's side of session resumption: see ext/ticket.ts.
 *
 * @noSelf
 */
export interface Tickets {
  /** IKE_SESSION_RESUME is in ike.message: sets cipher and keys of `sa` and returns the answer, or empty (refused). */
  resume(ike: Ike, sa: IkeSa): Uint8Array;
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
  /** Tickets for session resumption (createTickets); null: none are taken. */
  tickets: Tickets | null;
}

/** A responder's own state. */
export interface Desk {
  config: ResponderConfig;
  /** Half-open SAs by who asked, their number, and by our SPI under which asker each is listed: paths change. */
  halfOpen: Record<string, IkeSa>;
  askers: Record<string, string>;
  open: number;
  cookies: Cookies;
}

/** The asker: SPIi, address and port. */
export function askerOf(d: Incoming): string {
  let text = spiKey(d.buffer, d.offset + IKE_SPI_I) + '/' + d.path.remotePort;
  for (let i = 0; i < d.path.remote.length; i++) text += '.' + d.path.remote[i];
  return text;
}

/** Lists a half-open SA under its asker. */
export function list(desk: Desk, sa: IkeSa, asker: string): void {
  desk.halfOpen[asker] = sa;
  desk.askers[spiKey(sa.spis, 8)] = asker;
  desk.open++;
}

/** Removes an SA from the list, however it ends. */
export function release(desk: Desk, sa: IkeSa): void {
  const own = spiKey(sa.spis, 8);
  const asker = desk.askers[own];
  if (asker === undefined) return;
  delete desk.askers[own];
  delete desk.halfOpen[asker];
  desk.open--;
}

/** Ends the oldest half-open SA that had its time. Otherwise a slow flood would shut others out. */
export function makeRoom(desk: Desk, ike: Ike, now: number): boolean {
  let oldest: IkeSa | null = null;
  for (let i = 0; i < ike.sas.length; i++) {
    const isOpen = ike.sas[i].state === STATE_HALF_OPEN;
    if (isOpen && (oldest === null || ike.sas[i].endAt < oldest.endAt)) oldest = ike.sas[i];
  }
  if (oldest === null || now - (oldest.endAt - desk.config.halfOpenTime) < PATIENCE) return false;
  oldest.reported = true;
  endIkeSa(ike, oldest, OUTCOME_TIMEOUT, now);
  return true;
}

export function createDesk(config: ResponderConfig): Desk {
  return { config: config, halfOpen: {}, askers: {}, open: 0, cookies: createCookies() };
}
