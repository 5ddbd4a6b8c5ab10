// The first exchange of the set-up: IKE_SA_INIT, or IKE_SESSION_RESUME with a ticket; cookies, and keys [RFC 7296 §1.2, §2.6, §2.14;
// RFC 5723]. The states and what each does with a message are those of core/ike/setup/initiator.ts.

import { copy, equal, fill, put16, put32, u16 } from '../../../core/base/bytes.ts';
import {
  FLAG_INITIATOR,
  HASH_IDENTITY,
  IKE_SA_INIT,
  IKE_SESSION_RESUME,
  N_COOKIE,
  N_FRAGMENTATION_SUPPORTED,
  N_FULL_TRANSCRIPT_AUTH,
  N_INTERMEDIATE_EXCHANGE_SUPPORTED,
  N_INVALID_KE_PAYLOAD,
  N_SIGNATURE_HASH_ALGORITHMS,
  N_TICKET_NACK,
  N_TICKET_OPAQUE,
  N_USE_PPK,
  N_USE_PPK_INT,
  PAYLOAD_NOTIFY,
  PAYLOAD_SA,
  PAYLOAD_VENDOR,
  PROTOCOL_IKE,
} from '../../../core/ike/codec/numbers.ts';
import { OUTCOME_COMPRESSION, OUTCOME_PPK, OUTCOME_PROTOCOL } from '../../../core/ike/state/outcome.ts';
import { STATE_INIT_SENT, STATE_RESUME_SENT } from '../../../core/ike/state/stage.ts';
import { hmacOf, slice } from '../crypto.ts';
import { onConnecting } from '../events.ts';
import { isHex, putHex } from '../octets.ts';
import type { Profile } from '../profile.ts';
import { keSecret, newNonce, peerNonce, putKe, putNonce } from './child-parts.ts';
import { clearSetup, endIke } from './ike-life.ts';
import { freshIke, type IkeSlot, ikeNow, NO_OCTETS, PPK_AUTH, PPK_OFF, PPK_ROUND, S, setFresh } from './ike-state.ts';
import { AT_CIPHER, beginRequest, deriveIke, newIke, putIkeHeader, settleRequest } from './messages.ts';
import {
  addNote,
  addPayloads,
  addRoom,
  beginPayloads,
  chainError,
  foundAt,
  foundSize,
  note,
  putAll,
  seek,
  W,
  workEnd,
} from './payloads.ts';
import { chooseProposal, chosenEncr, chosenKe } from './proposal.ts';

declare const P: Profile;

/** Most rounds of COOKIE and INVALID_KE_PAYLOAD before the answers are ignored. */
const RESTARTS_MAX = 6;
const COOKIE_MAX = 64;
/** 'Resumption'. */
const RESUMPTION = '526573756d7074696f6e';

/** Sends the payloads in W as the first message, behind `size` octets of a cookie at from[at..) [RFC 7296 §2.6]. */
function sendFirst(sa: IkeSlot, from: Uint8Array, at: number, size: number): void {
  const setup = S.setup!;
  const n = workEnd - 1;
  const skip = size > 0 ? 36 + size : 28;
  const message = new Uint8Array(skip + n);
  const exchange = P.tickets && setup.resumed ? IKE_SESSION_RESUME : IKE_SA_INIT;
  putIkeHeader(message, sa, size > 0 ? PAYLOAD_NOTIFY : W[0], exchange, FLAG_INITIATOR);
  if (size > 0) {
    message[28] = W[0];
    put16(message, 30, 8 + size);
    put32(message, 32, N_COOKIE);
    copy(message, 36, from, at, size);
  }
  copy(message, skip, W, 1, n);
  setup.skip = skip;
  setup.m1 = message;
  sa.nextId = 1;
  beginRequest(sa, message, 0);
}

/** Builds IKE_SA_INIT with a new private value, and sends it with the cookie of the last one. */
function ikeInit(sa: IkeSlot): void {
  const setup = S.setup!;
  const draft = S.draft!;
  beginPayloads();
  addPayloads(PAYLOAD_SA, P.ikeSa, 0);
  putKe(draft.method, draft.x);
  putNonce(draft.nonce);
  if (P.initTail !== '') addPayloads(P.initTailType, P.initTail, P.initTailLast);
  sendFirst(sa, setup.m1, 36, setup.skip - 36);
}

/** Begins a new IKE SA: with the session if there is one. */
function beginSetup(): void {
  const session = S.session;
  const resumed = P.tickets && session !== null;
  S.setup = {
    nr: NO_OCTETS,
    m1: NO_OCTETS,
    m2: NO_OCTETS,
    skip: 0,
    pi: NO_OCTETS,
    pr: NO_OCTETS,
    resumed: resumed,
    restarts: 0,
    again: false,
    error: 0,
    vendor: false,
    transcript: false,
    pfsInfo: false,
    identityHash: false,
    ppk: PPK_OFF,
    plain: NO_OCTETS,
    intAuth: NO_OCTETS,
    authId: 0,
  };
  S.draft = {
    old: null,
    spi: NO_OCTETS,
    nonce: newNonce(),
    method: resumed ? session!.ke : P.keMethod,
    x: new Uint8Array(32),
    short: false,
  };
  S.current = newIke(FLAG_INITIATOR, resumed ? STATE_RESUME_SENT : STATE_INIT_SENT);
  if (!resumed) {
    ikeInit(S.current);
    return;
  }
  if (P.ikeCiphers > 1) S.current.ids[AT_CIPHER] = session!.encr;
  const ticket = session!.ticket;
  beginPayloads();
  putNonce(S.draft.nonce);
  putAll(W, addNote(N_TICKET_OPAQUE, ticket.length), ticket);
  if (P.resumeTail !== '') addPayloads(P.resumeTailType, P.resumeTail, P.resumeTailLast);
  sendFirst(S.current, ticket, 0, 0);
}

/** Begins an attempt to connect, by resumption where the session has not ended. */
export function beginIke(): void {
  S.messages = 0;
  S.octets = 0;
  if (P.tickets && S.session !== null && ikeNow >= S.session.expires) S.session = null;
  onConnecting(ikeNow);
  beginSetup();
}

/** Begins an IKE SA that is to take the place of the current one, which lives on meanwhile [RFC 7296 §2.8.3]. */
export function ikeReauth(): void {
  const old = S.current;
  const session = S.session;
  S.messages = 0;
  S.octets = 0;
  S.session = null;
  setFresh(null);
  beginSetup();
  setFresh(S.current);
  S.current = old;
  S.session = session;
}

/** A new attempt with a new SPI: if somebody else sent the answer, the gateway has a half-open SA with the old one. */
export function ikeRestart(sa: IkeSlot, again: boolean): void {
  clearSetup();
  if (P.reauthTime > 0 && sa === freshIke) ikeReauth();
  else {
    S.session = null;
    beginSetup();
  }
  S.setup!.again = again;
  // Nobody is told of its end.
  endIke(sa, 0);
}

/** An unprotected answer never ends the attempt, because a good one may still come [RFC 7296 §2.21.1]. */
function ikeIgnore(error: number): boolean {
  if (error !== 0) S.setup!.error = error;
  S.drops++;
  return false;
}

/** INVALID_KE_PAYLOAD: tries again with the method that the gateway wants, if it is on offer [RFC 7296 §1.2]. */
function ikeOtherKe(sa: IkeSlot, asked: number): boolean {
  const setup = S.setup!;
  const draft = S.draft!;
  const isOffered = asked !== draft.method && (asked === P.keMethod || asked === P.otherKe);
  if (!isOffered || setup.restarts++ >= RESTARTS_MAX) return ikeIgnore(N_INVALID_KE_PAYLOAD);
  draft.method = asked;
  ikeInit(sa);
  return false;
}

/**
 * The answer b[o..o+n) to IKE_SA_INIT or IKE_SESSION_RESUME; its chain is checked. True: there are keys, and IKE_AUTH is next.
 */
export function onFirstAnswer(sa: IkeSlot, b: Uint8Array, o: number, n: number): boolean {
  const setup = S.setup!;
  const draft = S.draft!;
  const m1 = setup.m1;
  const resumed = P.tickets && setup.resumed;
  const nr = peerNonce();
  // A full answer, which has a nonce, wants no cookie [RFC 7296 §2.6, §3.10.1].
  if (nr.length === 0 && note(N_COOKIE)) {
    if (foundSize < 1 || foundSize > COOKIE_MAX || setup.restarts++ >= RESTARTS_MAX) return ikeIgnore(0);
    beginPayloads();
    W[0] = m1[setup.skip > 28 ? 28 : 16];
    copy(W, addRoom(m1.length - setup.skip), m1, setup.skip, m1.length - setup.skip);
    sendFirst(sa, b, foundAt, foundSize);
    return false;
  }
  if (resumed && note(N_TICKET_NACK)) {
    ikeRestart(sa, false);
    return false;
  }
  let secret: Uint8Array | null = null;
  if (!resumed) {
    if (P.keMethods > 1 && note(N_INVALID_KE_PAYLOAD)) return ikeOtherKe(sa, foundSize === 2 ? u16(b, foundAt) : 0);
    if (chainError !== 0) return ikeIgnore(chainError);
    if (chooseProposal(P.ikeWant, PROTOCOL_IKE, 0, 0, true) && chosenKe === draft.method) {
      secret = keSecret(draft.method, draft.x);
    }
    if (secret === null) return ikeIgnore(OUTCOME_PROTOCOL);
    if (P.ikeCiphers > 1) sa.ids[AT_CIPHER] = chosenEncr;
  }
  // SPIr is 0 only in answers of a responder that keeps no state.
  const isEmpty = equal(b, o + 8, new Uint8Array(8), 0, 8);
  // Of a ticket only NACK is an answer; everything else is noise.
  if (nr.length === 0 || isEmpty || n > P.answerSize) return ikeIgnore(resumed ? 0 : OUTCOME_PROTOCOL);
  if (P.vendorId !== '') {
    let i = 0;
    while (!setup.vendor && seek(PAYLOAD_VENDOR, 0, i++)) {
      setup.vendor = foundSize === P.vendorId.length / 2 && isHex(b, foundAt, P.vendorId);
    }
    if (P.hcpType !== 0 && !setup.vendor) return ikeIgnore(OUTCOME_COMPRESSION);
  }
  if (P.transcript) setup.transcript = !resumed && note(N_FULL_TRANSCRIPT_AUTH);
  if (P.pfsInfoType !== 0) setup.pfsInfo = setup.vendor && note(P.pfsInfoType);
  if (P.fragments) S.fragments = note(N_FRAGMENTATION_SUPPORTED);
  if (P.localSigns && note(N_SIGNATURE_HASH_ALGORITHMS)) {
    for (let i = 0; i + 1 < foundSize; i += 2) if (u16(b, foundAt + i) === HASH_IDENTITY) setup.identityHash = true;
  }
  if (P.ppk && !resumed) {
    const isRound = P.ppkIntermediate && note(N_USE_PPK_INT) && note(N_INTERMEDIATE_EXCHANGE_SUPPORTED);
    setup.ppk = isRound ? PPK_ROUND : note(N_USE_PPK) ? PPK_AUTH : PPK_OFF;
    if (P.ppkMandatory && setup.ppk === PPK_OFF) return ikeIgnore(OUTCOME_PPK);
  }
  setup.nr = nr;
  setup.m2 = slice(b, o, n);
  copy(sa.ids, 8, b, o + 8, 8);
  settleRequest(sa);
  const seed = new Uint8Array(32);
  if (P.tickets && resumed) {
    const old = S.session!.skD;
    hmacOf(old, W, 0, putAll(W, putAll(W, putHex(W, 0, RESUMPTION), draft.nonce), nr), seed, 0);
    // A ticket is good for once.
    fill(old, 0, 32, 0);
    S.session = null;
  } else {
    const key = new Uint8Array(draft.nonce.length + nr.length);
    putAll(key, putAll(key, 0, draft.nonce), nr);
    hmacOf(key, secret!, 0, 32, seed, 0);
    fill(secret!, 0, 32, 0);
  }
  deriveIke(sa, seed, draft.nonce, nr, setup);
  return true;
}
