// The first exchange of the set-up: IKE_SA_INIT, or IKE_SESSION_RESUME with a ticket; cookies, and keys [RFC 7296 §1.2, §2.6, §2.14;
// RFC 5723]. The states and what each does with a message are those of core/ike/setup/initiator.ts.

import { copy, equal, fill, put16, put32, u16 } from '../../../core/base/bytes.ts';
import {
  FLAG_INITIATOR,
  IKE_SA_INIT,
  IKE_SESSION_RESUME,
  N_COOKIE,
  N_FULL_TRANSCRIPT_AUTH,
  N_INVALID_KE_PAYLOAD,
  N_TICKET_NACK,
  N_TICKET_OPAQUE,
  PAYLOAD_NOTIFY,
  PAYLOAD_SA,
  PAYLOAD_VENDOR,
  PROTOCOL_IKE,
} from '../../../core/ike/codec/numbers.ts';
import { OUTCOME_COMPRESSION, OUTCOME_PROTOCOL } from '../../../core/ike/state/outcome.ts';
import { STATE_INIT_SENT, STATE_RESUME_SENT } from '../../../core/ike/state/stage.ts';
import { hmacOf, slice } from '../crypto.ts';
import { onConnecting } from '../events.ts';
import { isHex, putHex } from '../octets.ts';
import type { Profile } from '../profile.ts';
import { keSecret, newNonce, peerNonce, putKe, putNonce } from './child-parts.ts';
import { clearSetup, endIke } from './ike-life.ts';
import { type IkeSlot, S } from './ike-state.ts';
import { beginRequest, deriveIke, newIke, putIkeHeader, settleRequest, workPut } from './messages.ts';
import {
  addNote,
  addPayloads,
  addRoom,
  beginPayloads,
  chainError,
  foundAt,
  foundSize,
  seek,
  W,
  workEnd,
} from './payloads.ts';
import { chooseProposal, chosenKe } from './proposal.ts';

declare const P: Profile;

/** Most rounds of COOKIE and INVALID_KE_PAYLOAD before the answers are ignored. */
const RESTARTS_MAX = 6;
const COOKIE_MAX = 64;
/** 'Resumption'. */
const RESUMPTION = '526573756d7074696f6e';
const NO_OCTETS = /* @__PURE__ */ new Uint8Array(0);

/** Sends the payloads in W as the first message, behind `size` octets of a cookie at from[at..) [RFC 7296 §2.6]. */
function sendFirst(sa: IkeSlot, from: Uint8Array, at: number, size: number, now: number): void {
  const setup = S.setup!;
  const n = workEnd - 1;
  setup.skip = size > 0 ? 36 + size : 28;
  const message = new Uint8Array(setup.skip + n);
  const exchange = P.tickets && setup.resumed ? IKE_SESSION_RESUME : IKE_SA_INIT;
  putIkeHeader(message, sa, size > 0 ? PAYLOAD_NOTIFY : W[0], exchange, FLAG_INITIATOR, 0);
  if (size > 0) {
    message[28] = W[0];
    put16(message, 30, 8 + size);
    put32(message, 32, N_COOKIE);
    copy(message, 36, from, at, size);
  }
  copy(message, setup.skip, W, 1, n);
  setup.m1 = message;
  sa.nextId = 1;
  beginRequest(sa, message, 0, now);
}

/** Builds IKE_SA_INIT with a new private value, and sends it with the cookie of the last one. */
function ikeInit(sa: IkeSlot, now: number): void {
  const setup = S.setup!;
  const before = setup.m1;
  const cookie = setup.skip > 28 ? setup.skip - 36 : 0;
  sa.state = STATE_INIT_SENT;
  beginPayloads();
  addPayloads(PAYLOAD_SA, P.ikeSa, 0);
  putKe(setup.method, setup.x);
  putNonce(setup.ni);
  if (P.initTail !== '') addPayloads(P.initTailType, P.initTail, P.initTailLast);
  sendFirst(sa, before, 36, cookie, now);
}

/** Begins the current IKE SA, which is new: with the session if there is one. */
function beginSetup(sa: IkeSlot, now: number): void {
  const session = S.session;
  S.setup = {
    ni: newNonce(),
    nr: NO_OCTETS,
    method: P.tickets && session !== null ? session.ke : P.keMethod,
    x: new Uint8Array(32),
    m1: NO_OCTETS,
    m2: NO_OCTETS,
    skip: 28,
    pi: NO_OCTETS,
    pr: NO_OCTETS,
    spi: 0,
    resumed: P.tickets && session !== null,
    restarts: 0,
    again: false,
    error: 0,
    transcript: false,
    pfsInfo: false,
  };
  S.vendor = false;
  S.optimized = false;
  if (!P.tickets || session === null) {
    ikeInit(sa, now);
    return;
  }
  const size = session.ticket.length;
  sa.state = STATE_RESUME_SENT;
  beginPayloads();
  putNonce(S.setup.ni);
  copy(W, addNote(N_TICKET_OPAQUE, size), session.ticket, 0, size);
  if (P.resumeTail !== '') addPayloads(P.resumeTailType, P.resumeTail, P.resumeTailLast);
  sendFirst(sa, NO_OCTETS, 0, 0, now);
}

/** Begins an attempt to connect, by resumption where the session has not ended. */
export function beginIke(now: number): void {
  S.messages = 0;
  S.octets = 0;
  if (P.tickets && S.session !== null && now >= S.session.expires) S.session = null;
  onConnecting(now);
  S.current = newIke(FLAG_INITIATOR, STATE_INIT_SENT);
  beginSetup(S.current, now);
}

/** A new attempt with a new SPI: if somebody else sent the answer, the gateway has a half-open SA with the old one. */
export function ikeRestart(sa: IkeSlot, again: boolean, now: number): void {
  clearSetup();
  const fresh = newIke(FLAG_INITIATOR, STATE_INIT_SENT);
  // It takes the place of `sa`, which nobody is told of.
  S.current = fresh;
  endIke(sa, 0, now);
  S.session = null;
  beginSetup(fresh, now);
  S.setup!.again = again;
}

/** An unprotected answer never ends the attempt, because a good one may still come [RFC 7296 §2.21.1]. */
function ikeIgnore(error: number): void {
  if (error !== 0) S.setup!.error = error;
  S.drops++;
}

/**
 * The answer b[o..o+n) to IKE_SA_INIT or IKE_SESSION_RESUME; its chain is checked. True: there are keys, and IKE_AUTH is next.
 */
export function onFirstAnswer(sa: IkeSlot, b: Uint8Array, o: number, n: number, now: number): boolean {
  const setup = S.setup!;
  const resumed = P.tickets && setup.resumed;
  const nr = peerNonce();
  // A full answer, which has a nonce, wants no cookie [RFC 7296 §2.6, §3.10.1].
  if (nr === null && seek(PAYLOAD_NOTIFY, N_COOKIE, 0)) {
    if (foundSize < 1 || foundSize > COOKIE_MAX || setup.restarts++ >= RESTARTS_MAX) {
      ikeIgnore(0);
      return false;
    }
    beginPayloads();
    W[0] = setup.m1[setup.skip > 28 ? 28 : 16];
    copy(W, addRoom(setup.m1.length - setup.skip), setup.m1, setup.skip, setup.m1.length - setup.skip);
    sendFirst(sa, b, foundAt, foundSize, now);
    return false;
  }
  if (resumed && seek(PAYLOAD_NOTIFY, N_TICKET_NACK, 0)) {
    ikeRestart(sa, false, now);
    return false;
  }
  if (P.otherKe !== 0 && !resumed && seek(PAYLOAD_NOTIFY, N_INVALID_KE_PAYLOAD, 0)) {
    const method = foundSize === 2 ? u16(b, foundAt) : 0;
    const fits = (method === P.keMethod || method === P.otherKe) && method !== setup.method;
    if (!fits || setup.restarts++ >= RESTARTS_MAX) {
      ikeIgnore(N_INVALID_KE_PAYLOAD);
      return false;
    }
    setup.method = method;
    ikeInit(sa, now);
    return false;
  }
  // SPIr is 0 only in answers of a responder that keeps no state.
  const isEmpty = equal(b, o + 8, new Uint8Array(8), 0, 8);
  let error =
    !resumed && chainError !== 0 ? chainError : nr === null || isEmpty || n > P.answerSize ? OUTCOME_PROTOCOL : 0;
  if (error === 0 && P.vendorId !== '') {
    S.vendor = false;
    for (let i = 0; seek(PAYLOAD_VENDOR, 0, i); i++) {
      if (foundSize === P.vendorId.length / 2 && isHex(b, foundAt, P.vendorId)) S.vendor = true;
    }
    if (P.hcpType !== 0 && !S.vendor) error = OUTCOME_COMPRESSION;
  }
  let secret: Uint8Array | null = null;
  if (error === 0 && !resumed) {
    if (chooseProposal(P.ikeWant, PROTOCOL_IKE, 0, 0, 1) !== 0 || chosenKe !== setup.method) error = OUTCOME_PROTOCOL;
    else secret = keSecret(setup.method, setup.x);
    if (secret === null) error = OUTCOME_PROTOCOL;
  }
  if (error !== 0) {
    // Of a ticket only NACK is an answer; everything else is noise.
    ikeIgnore(resumed && error !== OUTCOME_COMPRESSION ? 0 : error);
    return false;
  }
  if (P.transcript) setup.transcript = !resumed && seek(PAYLOAD_NOTIFY, N_FULL_TRANSCRIPT_AUTH, 0);
  if (P.pfsInfoType !== 0) setup.pfsInfo = S.vendor && seek(PAYLOAD_NOTIFY, P.pfsInfoType, 0);
  setup.nr = nr!;
  setup.m2 = slice(b, o, n);
  copy(sa.ids, 8, b, o + 8, 8);
  settleRequest(sa);
  const seed = new Uint8Array(32);
  if (resumed) {
    const end = workPut(workPut(putHex(W, 0, RESUMPTION), setup.ni), setup.nr);
    hmacOf(S.session!.skD, W, 0, end, seed, 0);
    // A ticket is good for once.
    fill(S.session!.skD, 0, 32, 0);
    S.session = null;
  } else {
    const key = new Uint8Array(setup.ni.length + setup.nr.length);
    copy(key, 0, setup.ni, 0, setup.ni.length);
    copy(key, setup.ni.length, setup.nr, 0, setup.nr.length);
    hmacOf(key, secret!, 0, 32, seed, 0);
    fill(secret!, 0, 32, 0);
  }
  deriveIke(sa, seed, setup.ni, setup.nr, setup);
  return true;
}
