// The initiator's way to an IKE SA.
//
//                 connect                     with a session
//                    |                              |
//                INIT_SENT <---- NACK ------- RESUME_SENT
//      COOKIE, INVALID_KE: again  |                 |
//            SA, KE, Nr  |        '--- Nr ----------'
//                        v                  |
//           (INTERMEDIATE_SENT) ----------> | USE_PPK_INT only
//                        v                  v
//                     AUTH_SENT  <----------'
//        IDr, AUTH, child |      \ error, wrong AUTH, no child, no answer
//                         v       v
//                  ESTABLISHED   CLOSING / ENDED
//
// The table in table.ts says which action belongs to a state and a message; this file has the actions.

import { u16 } from '../../base/bytes.ts';
import { copy, equal } from '../../base/spans.ts';
import { KE_OPENS, type KeMethod } from '../../crypto/asymmetric.ts';
import { installChild } from '../child/install.ts';
import {
  addChildRequest,
  addChildSelectors,
  createDraft,
  prepareDraft,
  readChildResponse,
} from '../child/negotiate.ts';
import { addCp, addId, idBody, isId, readCp } from '../codec/ident.ts';
import { findPayload, IKE_SPI_R } from '../codec/message.ts';
import {
  type AddressType,
  CP_REPLY,
  CP_REQUEST,
  IKE_AUTH,
  IKE_SA_INIT,
  IKE_SESSION_RESUME,
  N_AUTHENTICATION_FAILED,
  N_COOKIE,
  N_INITIAL_CONTACT,
  N_INVALID_KE_PAYLOAD,
  PAYLOAD_AUTH,
  PAYLOAD_IDI,
  PAYLOAD_IDR,
  PAYLOAD_NONCE,
  PAYLOAD_SA,
} from '../codec/numbers.ts';
import { join, NONE, take } from '../codec/octets.ts';
import { addStatus, bodyOf, dataOf, errorOf } from '../codec/payloads.ts';
import { checkSaAnswer, createChoice } from '../codec/proposals.ts';
import { addAuth, type Claim, makeAuth, verifyAuth } from '../crypto/auth.ts';
import { finishKe, startKe } from '../crypto/key-exchange.ts';
import { initialSeed } from '../crypto/keys.ts';
import { cipherOf } from '../crypto/suites.ts';
import { extend, readExtensions } from '../exchange/extensions.ts';
import { deriveSk } from '../exchange/keying.ts';
import { COUNT_INVALID, count, createIkeSa, nonce, spiKey } from '../exchange/registry.ts';
import { begin, launch, sendRequest, settle } from '../exchange/send.ts';
import { abandon, crash, dropSetup, endIkeSa, establish } from '../exchange/session.ts';
import { type Ike, RESUME_DONE, RESUME_IGNORED } from '../state/ike.ts';
import {
  OUTCOME_PEER_AUTH,
  OUTCOME_PEER_ID,
  OUTCOME_PROTOCOL,
  OUTCOME_REFUSED,
  OUTCOME_SELECTORS,
  type Verdict,
} from '../state/outcome.ts';
import type { Path } from '../state/path.ts';
import type { IkePolicy } from '../state/policy.ts';
import { type IkeSa, type Session, STATE_AUTH_SENT, STATE_INIT_SENT, STATE_RESUME_SENT } from '../state/sa.ts';
import { createSetup } from '../state/setup.ts';
import {
  STEP_AUTH_REQUEST,
  STEP_AUTH_RESPONSE,
  STEP_IDENT_REQUEST,
  STEP_IDENT_RESPONSE,
  STEP_INIT_RESPONSE,
} from '../state/step.ts';
import { makeInit, readInit } from './init.ts';

/** Most rounds of COOKIE and INVALID_KE_PAYLOAD before the answers are ignored. */
const MAX_RESTARTS = 6;

/** Sends IKE_SA_INIT, the first time or again: with message ID 0 and the same SPI. */
function sendInit(ike: Ike, sa: IkeSa, now: number): void {
  const setup = sa.setup!;
  setup.message1 = makeInit(ike, sa, null);
  sa.state = STATE_INIT_SENT;
  sa.nextId = 1;
  launch(ike, sa, IKE_SA_INIT, setup.message1, now);
}

/** Begins IKE_SA_INIT with a key exchange of the first method on offer. */
function startInit(ike: Ike, sa: IkeSa, now: number): void {
  sa.setup = createSetup();
  sa.setup.kx.nonceI = nonce(ike, sa.policy.nonceSize);
  startKe(ike.asymmetric, sa.setup!.kx, sa.policy.ike[0].ke[0], KE_OPENS);
  sendInit(ike, sa, now);
}

/** Begins with IKE_SESSION_RESUME if that can be, else with IKE_SA_INIT. */
function start(ike: Ike, sa: IkeSa, session: Session | null, now: number): void {
  if (session !== null && ike.resumption !== null && now < session.expires) {
    sa.setup = createSetup();
    sa.setup.kx.nonceI = nonce(ike, sa.policy.nonceSize);
    if (ike.resumption.start(ike, sa, session, now)) {
      sa.session = session;
      sa.state = STATE_RESUME_SENT;
      sa.nextId = 1;
      launch(ike, sa, IKE_SESSION_RESUME, sa.setup.message1, now);
      return;
    }
  }
  startInit(ike, sa, now);
}

/**
 * Begins to set up an IKE SA and its first Child SA; with a session [RFC 5723] by resuming it. IkeUpper.established or ended
 * tells the result. Throws if the provider has no secure random source.
 */
export function connect(ike: Ike, policy: IkePolicy, path: Path, session: Session | null, now: number): IkeSa {
  const sa = createIkeSa(ike, policy, path, true, STATE_INIT_SENT);
  try {
    start(ike, sa, session, now);
  } catch (error) {
    // There was no attempt, so nobody is told of its end.
    sa.reported = true;
    crash(ike, sa, now);
    throw error;
  }
  return sa;
}

/** Makes a new attempt with a new SPI. */
export function restart(ike: Ike, sa: IkeSa, now: number): void {
  dropSetup(ike, sa);
  delete ike.bySpi[spiKey(sa.spis, 0)];
  const fresh = nonce(ike, 8);
  for (let i = 0; i < 8; i++) {
    sa.spis[i] = fresh[i];
    sa.spis[8 + i] = 0;
  }
  ike.bySpi[spiKey(sa.spis, 0)] = sa;
  settle(sa);
  sa.expectedId = 0;
  startInit(ike, sa, now);
  sa.setup!.again = true;
}

function offersKe(policy: IkePolicy, method: number): boolean {
  for (let i = 0; i < policy.ike.length; i++) {
    for (let j = 0; j < policy.ike[i].ke.length; j++) if (policy.ike[i].ke[j] === method) return true;
  }
  return false;
}

/** An unprotected answer never ends the attempt, because a good one may still come [RFC 7296 §2.21.1]. */
function ignore(ike: Ike, sa: IkeSa, error: Verdict): void {
  if (sa.setup !== null && error !== 0) sa.setup.error = error;
  count(ike, COUNT_INVALID);
}

/** The responder asks for a cookie: sends the request again with it. */
function onCookie(ike: Ike, sa: IkeSa, cookie: Uint8Array, now: number): void {
  const setup = sa.setup!;
  const resuming = sa.state === STATE_RESUME_SENT;
  if (cookie.length < 1 || cookie.length > 64 || setup.restarts >= MAX_RESTARTS) {
    ignore(ike, sa, 0);
    return;
  }
  setup.restarts++;
  setup.cookie = cookie;
  if (!resuming) sendInit(ike, sa, now);
  else if (ike.resumption!.start(ike, sa, sa.session!, now)) launch(ike, sa, IKE_SESSION_RESUME, setup.message1, now);
  else ignore(ike, sa, 0);
}

/** An answer to IKE_SESSION_RESUME. */
function onResumeResponse(ike: Ike, sa: IkeSa, now: number): void {
  const result = ike.resumption!.response(ike, sa);
  if (result === RESUME_IGNORED) {
    ignore(ike, sa, 0);
    return;
  }
  settle(sa);
  if (result === RESUME_DONE) {
    sendAuth(ike, sa, now);
    return;
  }
  sa.session = null;
  // Use another SPI: if somebody else sent the answer, the gateway has a half-open SA with this one.
  restart(ike, sa, now);
  sa.setup!.again = false;
}

/** INVALID_KE_PAYLOAD: tries again with the method that the responder wants. */
function onOtherKe(ike: Ike, sa: IkeSa, asked: Uint8Array, now: number): void {
  const setup = sa.setup!;
  const method = (asked.length === 2 ? u16(asked, 0) : 0) as KeMethod;
  const fits = offersKe(sa.policy, method) && ike.asymmetric.hasKe(method) && method !== setup.kx.method;
  if (!fits || setup.restarts >= MAX_RESTARTS) {
    ignore(ike, sa, N_INVALID_KE_PAYLOAD);
    return;
  }
  setup.restarts++;
  startKe(ike.asymmetric, setup.kx, method, KE_OPENS);
  sendInit(ike, sa, now);
}

/** Takes SA, KE, Nr from the answer to IKE_SA_INIT. Returns 0, or what is wrong with it. */
function readInitResponse(ike: Ike, sa: IkeSa): Verdict {
  const m = ike.message;
  const d = ike.incoming;
  const p = m.payloads;
  const setup = sa.setup!;
  const error = errorOf(m);
  if (error !== 0) return error;
  const sar = findPayload(p, PAYLOAD_SA, 0);
  const choice = createChoice();
  if (sar < 0 || checkSaAnswer(m.buffer, p.at[sar], p.size[sar], sa.policy.ike, 0, choice) !== 0) {
    return OUTCOME_PROTOCOL;
  }
  const cipher = cipherOf(sa.policy.ciphers, choice);
  // SPIr is 0 only in answers of a responder that keeps no state.
  const isEmpty = equal(d.buffer, d.offset + IKE_SPI_R, new Uint8Array(8), 0, 8);
  if (cipher === null || choice.ke !== setup.kx.method || isEmpty) return OUTCOME_PROTOCOL;
  const before = sa.path;
  copy(sa.spis, 8, d.buffer, d.offset + IKE_SPI_R, 8);
  sa.transforms = choice.extra;
  const verdict = readInit(ike, sa, STEP_INIT_RESPONSE, m);
  if (verdict !== 0 || !finishKe(ike.asymmetric, setup.kx, m)) {
    copy(sa.spis, 8, new Uint8Array(8), 0, 8);
    sa.path = before;
    return verdict !== 0 ? verdict : OUTCOME_PROTOCOL;
  }
  sa.cipher = cipher;
  sa.ke = choice.ke;
  return 0;
}

/** Continues with the next round of IKE_INTERMEDIATE, or with IKE_AUTH. */
function afterKeys(ike: Ike, sa: IkeSa, now: number): void {
  if (ike.intermediate === null || !ike.intermediate.start(ike, sa, now)) sendAuth(ike, sa, now);
}

/** An answer to IKE_SA_INIT or IKE_SESSION_RESUME is in ike.incoming, its payloads in ike.message. */
export function onInitResponse(ike: Ike, sa: IkeSa, now: number): void {
  const m = ike.message;
  const d = ike.incoming;
  const setup = sa.setup!;
  const cookie = dataOf(m, N_COOKIE);
  // Beside it may be whatever may be anywhere, such as Vendor ID; but a full answer, which has a nonce, wants none
  // [RFC 7296 §2.6, §3.10.1, §3.12].
  if (cookie !== null && findPayload(m.payloads, PAYLOAD_NONCE, 0) < 0) {
    onCookie(ike, sa, cookie, now);
    return;
  }
  if (sa.state === STATE_RESUME_SENT) {
    onResumeResponse(ike, sa, now);
    return;
  }
  const asked = dataOf(m, N_INVALID_KE_PAYLOAD);
  if (asked !== null) {
    onOtherKe(ike, sa, asked, now);
    return;
  }
  const verdict = readInitResponse(ike, sa);
  if (verdict !== 0) {
    ignore(ike, sa, verdict);
    return;
  }
  settle(sa);
  setup.message2 = take(d.buffer, d.offset, d.length);
  sa.fragmentation = setup.fragmentation && sa.policy.fragmentSize > 0;
  deriveSk(ike, sa, join([setup.kx.nonceI, setup.kx.nonceR]), initialSeed(ike.provider, setup.kx), setup);
  afterKeys(ike, sa, now);
}

/** An answer to IKE_INTERMEDIATE is in ike.message. */
export function onIntermediateResponse(ike: Ike, sa: IkeSa, now: number): void {
  settle(sa);
  const verdict = ike.intermediate!.read(ike, sa);
  if (verdict !== 0) endIkeSa(ike, sa, verdict, now);
  else afterKeys(ike, sa, now);
}

function sendAuth(ike: Ike, sa: IkeSa, now: number): void {
  const policy = sa.policy;
  const setup = sa.setup!;
  const draft = createDraft(policy.child, null, true);
  draft.kx.nonceI = setup.kx.nonceI;
  draft.kx.nonceR = setup.kx.nonceR;
  setup.draft = draft;
  sa.state = STATE_AUTH_SENT;
  if (!prepareDraft(ike, sa, draft, now)) {
    endIkeSa(ike, sa, OUTCOME_REFUSED, now);
    return;
  }
  const w = begin(ike);
  addId(w, PAYLOAD_IDI, policy.localId);
  if (policy.initialContact && sa.predecessor === null) addStatus(w, N_INITIAL_CONTACT, NONE);
  if (policy.remoteId !== null && policy.nameRemote) addId(w, PAYLOAD_IDR, policy.remoteId);
  extend(ike, sa, STEP_IDENT_REQUEST, null, w);
  const auth = makeAuth(ike, policy, setup, { ofInitiator: true, id: idBody(policy.localId), messageId: sa.nextId });
  if (auth.length === 0) {
    endIkeSa(ike, sa, N_AUTHENTICATION_FAILED, now);
    return;
  }
  addAuth(policy, setup, auth, w);
  if (policy.requestAddress !== 0) addCp(w, CP_REQUEST, policy.requestAddress, NONE);
  addChildRequest(ike, sa, STEP_AUTH_REQUEST, draft, w);
  addChildSelectors(ike, sa, draft, w);
  if (!sendRequest(ike, sa, IKE_AUTH, now)) endIkeSa(ike, sa, OUTCOME_REFUSED, now);
}

export function onAuthResponse(ike: Ike, sa: IkeSa, now: number): void {
  const m = ike.message;
  const setup = sa.setup!;
  const policy = sa.policy;
  const id = bodyOf(m, PAYLOAD_IDR);
  const auth = findPayload(m.payloads, PAYLOAD_AUTH, 0);
  const error = errorOf(m);
  settle(sa);
  if (auth < 0 || id.length === 0) {
    if (error === N_AUTHENTICATION_FAILED && setup.cookie.length > 0 && !setup.again) {
      // A delayed request without the cookie can make both sides sign different messages, so start once more from scratch.
      restart(ike, sa, now);
      return;
    }
    endIkeSa(ike, sa, error !== 0 ? error : OUTCOME_PROTOCOL, now);
    return;
  }
  if (policy.remoteId !== null && !isId(id, policy.remoteId)) {
    abandon(ike, sa, OUTCOME_PEER_ID, now);
    return;
  }
  let code = readExtensions(ike, sa, STEP_IDENT_RESPONSE, null, m);
  if (code !== 0) {
    abandon(ike, sa, code, now);
    return;
  }
  const claim: Claim = { ofInitiator: false, id: id, messageId: sa.nextId - 1 };
  if (!verifyAuth(ike, policy, setup, claim, bodyOf(m, PAYLOAD_AUTH))) {
    abandon(ike, sa, OUTCOME_PEER_AUTH, now);
    return;
  }
  sa.peerIdType = id[0];
  sa.peerId = policy.remoteId !== null ? policy.remoteId.data : take(id, 4, id.length - 4);
  if (error !== 0) {
    abandon(ike, sa, error, now);
    return;
  }
  if (policy.requestAddress !== 0) {
    const types: AddressType[] = [];
    const addresses: Uint8Array[] = [];
    readCp(m, CP_REPLY, types, addresses);
    for (let i = types.length - 1; i >= 0; i--) {
      if (types[i] === policy.requestAddress && addresses[i].length > 0) sa.address = addresses[i];
    }
    if (sa.address.length === 0) {
      abandon(ike, sa, OUTCOME_SELECTORS, now);
      return;
    }
  }
  const draft = setup.draft!;
  code = readChildResponse(ike, sa, STEP_AUTH_RESPONSE, draft, m);
  if (code !== 0) {
    abandon(ike, sa, code, now);
    return;
  }
  if (installChild(ike, sa, draft, true, now) === null) {
    abandon(ike, sa, OUTCOME_REFUSED, now);
    return;
  }
  establish(ike, sa, now);
}
