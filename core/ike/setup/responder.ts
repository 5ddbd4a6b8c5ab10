// The responder: IKE_SA_INIT with COOKIE under load, then IKE_AUTH of half-open SAs [RFC 7296 §1.2, §2.6]. Its limits apply
// before any expensive step: a flood of requests gets cookies, then silence.
//
//   IKE_SA_INIT, IKE_SESSION_RESUME --> HALF_OPEN --(IKE_INTERMEDIATE)*--> IKE_AUTH --> ESTABLISHED
//                                           '--- time out, wrong AUTH ---> ENDED

import { DROP_QUEUE, DROP_UNSUPPORTED } from '../../base/drop.ts';
import { copy } from '../../base/spans.ts';
import { KE_ANSWERS } from '../../crypto/asymmetric.ts';
import { installChild } from '../child/install.ts';
import { addAnswerSelectors, addChildResponse, agreeChild } from '../child/negotiate.ts';
import { addCp, addId, idBody, isId, isIdOf, readCp } from '../codec/ident.ts';
import {
  beginMessage,
  checkIkeHeader,
  endMessage,
  findPayload,
  IKE_EXCHANGE,
  IKE_NEXT,
  IKE_SIZE,
  IKE_SPI_I,
  IKE_VERSION,
  parsePayloads,
  type Writer,
} from '../codec/message.ts';
import {
  type AddressType,
  CP_INTERNAL_IP4_ADDRESS,
  CP_INTERNAL_IP6_ADDRESS,
  CP_REPLY,
  CP_REQUEST,
  type ErrorType,
  type Exchange,
  FLAG_RESPONSE,
  IKE_AUTH,
  IKE_SA_INIT,
  IKE_SESSION_RESUME,
  N_AUTHENTICATION_FAILED,
  N_COOKIE,
  N_INITIAL_CONTACT,
  N_INTERNAL_ADDRESS_FAILURE,
  N_INVALID_KE_PAYLOAD,
  N_INVALID_MAJOR_VERSION,
  N_INVALID_SYNTAX,
  N_NO_PROPOSAL_CHOSEN,
  N_TS_UNACCEPTABLE,
  N_UNSUPPORTED_CRITICAL_PAYLOAD,
  PAYLOAD_AUTH,
  PAYLOAD_IDI,
  PAYLOAD_IDR,
  PAYLOAD_KE,
  PAYLOAD_NONCE,
  PAYLOAD_SA,
} from '../codec/numbers.ts';
import { join, NONE, take } from '../codec/octets.ts';
import { addStatus, bodyOf, dataOf, type Message, messageIdOf } from '../codec/payloads.ts';
import { type Choice, chooseSa, createChoice } from '../codec/proposals.ts';
import { addAuth, type Claim, makeAuth, verifyAuth } from '../crypto/auth.ts';
import { finishKe, keMethodOf, startKe } from '../crypto/key-exchange.ts';
import { initialSeed } from '../crypto/keys.ts';
import { cipherOf } from '../crypto/suites.ts';
import { extend, readExtensions } from '../exchange/extensions.ts';
import { deriveSk } from '../exchange/keying.ts';
import {
  COUNT_COOKIES,
  COUNT_HALF_OPEN_REFUSED,
  COUNT_INVALID,
  count,
  createIkeSa,
  dropped,
  forget,
  nonce,
  spiKey,
} from '../exchange/registry.ts';
import { due } from '../exchange/schedule.ts';
import { begin, sendNotify, sendResponse, transmitAll } from '../exchange/send.ts';
import { endIkeSa, establish } from '../exchange/session.ts';
import type { Draft } from '../state/child.ts';
import type { Ike, Responder } from '../state/ike.ts';
import type { Verdict } from '../state/outcome.ts';
import type { IkePolicy } from '../state/policy.ts';
import { type IkeSa, STATE_HALF_OPEN } from '../state/sa.ts';
import { createSetup } from '../state/setup.ts';
import {
  STEP_AUTH_REQUEST,
  STEP_AUTH_RESPONSE,
  STEP_IDENT_REQUEST,
  STEP_IDENT_RESPONSE,
  STEP_INIT_REQUEST,
} from '../state/step.ts';
import { endOf, notifyOf } from '../state/verdict.ts';
import { freshCookie, hasCookie, renewCookies } from './cookie.ts';
import { firstKe } from './first-ke.ts';
import { answerAgain, otherRequests } from './first-message.ts';
import {
  askerOf,
  createDesk,
  type Desk,
  enter,
  giveBack,
  isSuspect,
  list,
  type ResponderConfig,
  release,
} from './half-open.ts';
import { allows, makeInit, readInit } from './init.ts';
import { addPeer, removePeer, replaceOthers } from './peer-index.ts';
import { type Source, sourceKey } from './sources.ts';

/** Most other IKE SAs of one peer. */
const MAX_SAME = 4;

/** Sends an unprotected answer and keeps no state. */
function tell(ike: Ike, type: number, data: Uint8Array): void {
  const w = ike.writer;
  const d = ike.incoming;
  const spis = new Uint8Array(16);
  copy(spis, 0, d.buffer, d.offset + IKE_SPI_I, 8);
  beginMessage(w, 0, spis, d.buffer[d.offset + IKE_EXCHANGE], FLAG_RESPONSE, 0);
  addStatus(w, type, data);
  ike.upper.transmit(d.path, ike.replyTo, w.buffer, 0, endMessage(w), d.now);
}

/** One number as the data of a notify: a payload type, or a KE method in two octets. */
function tellNumber(ike: Ike, type: ErrorType, number: number, size: number): void {
  const data = new Uint8Array(size);
  data[0] = (number >>> (8 * size - 8)) & 0xff;
  data[size - 1] = number & 0xff;
  tell(ike, type, data);
}

/** Reads IKE_SA_INIT and chooses: 0, or the error. INVALID_KE_PAYLOAD asks for choice.ke. */
function chooseInit(ike: Ike, sa: IkeSa, choice: Choice): Verdict {
  const m = ike.message;
  const p = m.payloads;
  const sai = findPayload(p, PAYLOAD_SA, 0);
  const hint = keMethodOf(m);
  if (sai < 0 || findPayload(p, PAYLOAD_KE, 0) < 0) return N_INVALID_SYNTAX;
  const own = sa.policy.ike;
  const code = chooseSa(m.buffer, p.at[sai], p.size[sai], own, 0, hint, choice);
  if (code !== 0) return code;
  const first = firstKe(ike, m.buffer, choice, own[choice.own].ke);
  if (first !== choice.ke) chooseSa(m.buffer, p.at[sai], p.size[sai], own, 0, first, choice);
  sa.cipher = cipherOf(sa.policy.ciphers, choice);
  if (sa.cipher === null || choice.ke === 0 || !ike.asymmetric.hasKe(choice.ke)) return N_NO_PROPOSAL_CHOSEN;
  if (choice.ke !== hint) return N_INVALID_KE_PAYLOAD;
  sa.ke = choice.ke;
  sa.transforms = choice.extra;
  const wrong = readInit(ike, sa, STEP_INIT_REQUEST, m);
  if (wrong !== 0) return wrong;
  startKe(ike.asymmetric, sa.setup!.kx, choice.ke, KE_ANSWERS);
  return finishKe(ike.asymmetric, sa.setup!.kx, m) ? 0 : N_INVALID_SYNTAX;
}

/** Answers IKE_SA_INIT. Returns the response; empty: an error was answered. */
function answerInit(ike: Ike, sa: IkeSa): Uint8Array {
  const setup = sa.setup!;
  const choice = createChoice();
  const verdict = chooseInit(ike, sa, choice);
  if (verdict !== 0) {
    const error = notifyOf(verdict);
    setup.error = error;
    if (error === N_INVALID_KE_PAYLOAD) tellNumber(ike, error, choice.ke, 2);
    else tell(ike, error, NONE);
    return NONE;
  }
  setup.kx.nonceR = nonce(ike, sa.policy.nonceSize);
  const response = makeInit(ike, sa, choice);
  deriveSk(ike, sa, join([setup.kx.nonceI, setup.kx.nonceR]), initialSeed(ike.provider, setup.kx), setup);
  return response;
}

/** Ends a half-open SA with an answer under SK. */
function fail(ike: Ike, sa: IkeSa, exchange: Exchange, error: ErrorType, now: number): void {
  sendNotify(ike, sa, exchange, error, NONE, now);
  endIkeSa(ike, sa, endOf(error), now);
}

/** The policy for the identity in `id` (the body of IDi), if it fits the rest of the message; or null. */
function findPeer(desk: Desk, sa: IkeSa, id: Uint8Array, m: Message): IkePolicy | null {
  // Reject empty identities.
  if (id.length < 5) return null;
  const policy = desk.config.findPolicy(id[0], take(id, 4, id.length - 4), sa.path);
  if (policy === null || (policy.remoteId !== null && !isId(id, policy.remoteId))) return null;
  // Only the owner of the ticket may resume.
  if (sa.setup!.resumed && (policy.ticketLifetime <= 0 || !isIdOf(id, sa.peerIdType, sa.peerId))) return null;
  const wanted = bodyOf(m, PAYLOAD_IDR);
  return wanted.length > 0 && !isId(wanted, policy.localId) ? null : policy;
}

/** Verifies the peer's identity. Returns 0, or the error. Afterwards the policy and the identity of `sa` are the peer's. */
function authenticate(desk: Desk, ike: Ike, sa: IkeSa): Verdict {
  const m = ike.message;
  const setup = sa.setup!;
  const id = bodyOf(m, PAYLOAD_IDI);
  const policy = findPeer(desk, sa, id, m);
  if (policy === null || findPayload(m.payloads, PAYLOAD_AUTH, 0) < 0) return N_AUTHENTICATION_FAILED;
  sa.policy = policy;
  const verdict = readExtensions(ike, sa, STEP_IDENT_REQUEST, null, m);
  if (verdict !== 0) return verdict > 0 ? verdict : N_AUTHENTICATION_FAILED;
  const claim: Claim = { ofInitiator: true, id: id, messageId: sa.expectedId - 1 };
  const proof = bodyOf(m, PAYLOAD_AUTH);
  let isProved = verifyAuth(ike, policy, setup, claim, proof);
  const others = isProved ? [] : otherRequests(desk, ike, sa);
  for (let i = 0; i < others.length && !isProved; i++) {
    setup.message1 = others[i];
    isProved = verifyAuth(ike, policy, setup, claim, proof);
  }
  if (!isProved) return N_AUTHENTICATION_FAILED;
  // Told to the owner of the identity alone: a stranger would learn which ones there are.
  if (!allows(policy, sa)) return N_NO_PROPOSAL_CHOSEN;
  sa.peerIdType = id[0];
  sa.peerId = policy.remoteId !== null ? policy.remoteId.data : take(id, 4, id.length - 4);
  return 0;
}

/**
 * Negotiates the first Child SA; where the peer asked for inner addresses, with one of the first kind that there is and that
 * its selectors allow [RFC 7296 §2.19]. Null: there is none.
 */
function serve(ike: Ike, sa: IkeSa, asked: AddressType[], now: number): Draft | null {
  if (asked.length === 0) return agreeChild(ike, sa, STEP_AUTH_REQUEST, ike.message, now);
  let draft: Draft | null = null;
  for (let i = 0; i < asked.length; i++) {
    const address = asked.indexOf(asked[i]) < i ? null : ike.upper.address(sa, asked[i], now);
    if (address === null) continue;
    sa.address = address;
    draft = agreeChild(ike, sa, STEP_AUTH_REQUEST, ike.message, now);
    if (draft.verdict !== N_TS_UNACCEPTABLE) return draft;
  }
  return draft;
}

/** Writes this side's IDr and AUTH into the answer. False: there is no credential for them. */
function addProof(ike: Ike, sa: IkeSa, w: Writer): boolean {
  const policy = sa.policy;
  const setup = sa.setup!;
  addId(w, PAYLOAD_IDR, policy.localId);
  extend(ike, sa, STEP_IDENT_RESPONSE, null, w);
  const claim: Claim = { ofInitiator: false, id: idBody(policy.localId), messageId: sa.expectedId - 1 };
  const proof = makeAuth(ike, policy, setup, claim);
  if (proof.length > 0) addAuth(policy, setup, proof, w);
  return proof.length > 0;
}

/** IKE_AUTH of a half-open SA is in ike.message. */
function onAuth(desk: Desk, ike: Ike, sa: IkeSa, now: number): void {
  const m = ike.message;
  const source = release(desk, sa);
  sa.endAt = -1;
  const wrong = authenticate(desk, ike, sa);
  if (wrong !== 0) {
    fail(ike, sa, IKE_AUTH, notifyOf(wrong), now);
    return;
  }
  if (source !== null) giveBack(desk, source);
  const setup = sa.setup!;
  // A restarted device has no other SAs [RFC 7296 §2.4]; others have few.
  replaceOthers(desk.peers, ike, sa, setup.resumed || dataOf(m, N_INITIAL_CONTACT) !== null ? 0 : MAX_SAME, now);
  const asked: AddressType[] = [];
  readCp(m, CP_REQUEST, asked, []);
  const draft = serve(ike, sa, asked, now);
  let verdict: Verdict = draft === null ? N_INTERNAL_ADDRESS_FAILURE : draft.verdict;
  if (draft !== null) {
    draft.kx.nonceI = setup.kx.nonceI;
    draft.kx.nonceR = setup.kx.nonceR;
  }
  const w = begin(ike);
  if (!addProof(ike, sa, w)) {
    fail(ike, sa, IKE_AUTH, N_AUTHENTICATION_FAILED, now);
    return;
  }
  if (verdict === 0 && installChild(ike, sa, draft!, false, now) === null) verdict = N_NO_PROPOSAL_CHOSEN;
  if (verdict === 0) {
    const kind = sa.address.length === 4 ? CP_INTERNAL_IP4_ADDRESS : CP_INTERNAL_IP6_ADDRESS;
    if (asked.length > 0) addCp(w, CP_REPLY, kind, sa.address);
    addChildResponse(ike, sa, STEP_AUTH_RESPONSE, draft!, w);
    addAnswerSelectors(ike, sa, draft!, w);
  } else {
    addStatus(w, notifyOf(verdict), NONE);
  }
  sendResponse(ike, sa, IKE_AUTH, now);
  if (sa.response.length === 0) {
    endIkeSa(ike, sa, N_INVALID_SYNTAX, now);
    return;
  }
  establish(ike, sa, now);
  if (verdict !== 0) ike.upper.childFailed(sa, verdict, now);
}

/** Handles a malformed header. A newer version gets an answer [RFC 7296 §2.5]. */
function refuseHeader(ike: Ike, code: number): number {
  const d = ike.incoming;
  const isNewer = d.length >= IKE_SIZE && d.buffer[d.offset + IKE_VERSION] >>> 4 > 2;
  if (isNewer) tell(ike, N_INVALID_MAJOR_VERSION, NONE);
  return dropped(ike, code);
}

/** True when the request has returned its cookie, or needs none. Else it asks for one. */
function hasPaid(desk: Desk, ike: Ike, key: string, nonceI: Uint8Array): boolean {
  const d = ike.incoming;
  const isThere = desk.config.isThere;
  if (isThere !== undefined && isThere(d.path)) return true;
  if (!isSuspect(desk, key, d.now)) return true;
  const spi = take(d.buffer, d.offset + IKE_SPI_I, 8);
  renewCookies(ike, desk.cookies, d.now);
  if (hasCookie(ike, desk.cookies, d.path, ike.message, spi, nonceI)) return true;
  count(ike, COUNT_COOKIES);
  tell(ike, N_COOKIE, freshCookie(ike, desk.cookies, d.path, spi, nonceI));
  return false;
}

/** Makes a half-open SA for the request in ike.incoming and ike.message. */
function admit(desk: Desk, ike: Ike, asker: string, source: Source, isResume: boolean): void {
  const d = ike.incoming;
  const config = desk.config;
  const now = d.now;
  const sa = createIkeSa(ike, config.fallback, d.path, false, STATE_HALF_OPEN);
  const setup = createSetup();
  ike.hand = sa;
  sa.setup = setup;
  copy(sa.spis, 0, d.buffer, d.offset + IKE_SPI_I, 8);
  setup.message1 = take(d.buffer, d.offset, d.length);
  sa.expectedId = 1;
  const response = isResume ? config.tickets!.resume(ike, sa, config.findPolicy) : answerInit(ike, sa);
  if (response.length === 0) {
    if (setup.error === N_INVALID_KE_PAYLOAD) giveBack(desk, source);
    // The host need not know of another KE method and of nonsense, but should know that nothing fits.
    sa.reported = setup.error !== N_NO_PROPOSAL_CHOSEN;
    endIkeSa(ike, sa, setup.error, now);
    if (ike.bySpi[spiKey(sa.spis, 8)] === sa) forget(ike, sa);
    return;
  }
  setup.message2 = response;
  sa.fragmentation = setup.fragmentation && sa.policy.fragmentSize > 0;
  sa.endAt = now + config.halfOpenTime;
  due(ike, sa, sa.endAt);
  list(desk, sa, asker, source, now);
  transmitAll(ike, sa, response, now);
}

/** Handles a request with SPIr 0 in ike.incoming. Returns 0, or a drop code. */
function onFirst(desk: Desk, ike: Ike): number {
  const d = ike.incoming;
  const buffer = d.buffer;
  const at = d.offset;
  const code = checkIkeHeader(buffer, at, d.length);
  if (code !== 0) return refuseHeader(ike, code);
  const exchange = buffer[at + IKE_EXCHANGE];
  const asker = askerOf(d);
  const known = desk.byAsker[asker];
  if (known !== undefined) return answerAgain(desk, ike, known.sa);
  const m = ike.message;
  m.buffer = buffer;
  const wrong = parsePayloads(m.payloads, buffer, buffer[at + IKE_NEXT], at + IKE_SIZE, at + d.length);
  const nonceI = wrong === N_INVALID_SYNTAX ? NONE : bodyOf(m, PAYLOAD_NONCE);
  const isResume = exchange === IKE_SESSION_RESUME && desk.config.tickets !== null;
  if ((exchange !== IKE_SA_INIT && !isResume) || nonceI.length === 0 || messageIdOf(buffer, at) !== 0) {
    count(ike, COUNT_INVALID);
    return DROP_UNSUPPORTED;
  }
  if (wrong === N_UNSUPPORTED_CRITICAL_PAYLOAD) {
    tellNumber(ike, wrong, m.payloads.critical, 1);
    return 0;
  }
  const key = sourceKey(d.path);
  if (!hasPaid(desk, ike, key, nonceI)) return 0;
  const source = enter(desk, ike, key, d.now);
  if (source === null) {
    count(ike, COUNT_HALF_OPEN_REFUSED);
    return DROP_QUEUE;
  }
  admit(desk, ike, asker, source, isResume);
  return 0;
}

/** Makes a responder for one endpoint. */
export function createResponder(config: ResponderConfig): Responder {
  const desk = createDesk(config);
  return {
    begin: (ike) => onFirst(desk, ike),
    request: (ike, sa, exchange, now) => {
      if (exchange === IKE_AUTH) {
        onAuth(desk, ike, sa, now);
        return;
      }
      const verdict = ike.intermediate === null ? N_INVALID_SYNTAX : ike.intermediate.answer(ike, sa, now);
      if (verdict !== 0) fail(ike, sa, exchange, notifyOf(verdict), now);
    },
    joined: (sa) => addPeer(desk.peers, sa),
    dropped: (sa) => {
      release(desk, sa);
      removePeer(desk.peers, sa);
    },
  };
}
