// The responder: IKE_SA_INIT with COOKIE under load, then IKE_AUTH of half-open SAs [RFC 7296 §1.2, §2.6]. Its limits
// hold before anything costs: a flood of requests gets cookies, then silence.
//
//   IKE_SA_INIT, IKE_SESSION_RESUME --> HALF_OPEN --(IKE_INTERMEDIATE)*--> IKE_AUTH --> ESTABLISHED
//                                           '--- time out, wrong AUTH ---> ENDED

import { u16 } from '../../base/bytes.ts';
import { DROP_DUPLICATE, DROP_QUEUE, DROP_UNSUPPORTED } from '../../base/drop.ts';
import { equal } from '../../base/spans.ts';
import { installChild } from '../child/install.ts';
import {
  addAnswerSelectors,
  addChildResponse,
  createDraft,
  readChildRequest,
  readExtensions,
} from '../child/negotiate.ts';
import { addCp, addId, idBody, isId, readCp } from '../codec/ident.ts';
import {
  addNotify,
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
} from '../codec/message.ts';
import {
  CP_REPLY,
  CP_REQUEST,
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
import { chooseSa, createChoice } from '../codec/proposals.ts';
import { addAuth, type Claim, makeAuth, verifyAuth } from '../crypto/auth.ts';
import { finishKe, startKe } from '../crypto/key-exchange.ts';
import { initialSeed } from '../crypto/keys.ts';
import { cipherOf } from '../crypto/suites.ts';
import { deriveSk } from '../exchange/keying.ts';
import {
  COUNT_ANSWERED_AGAIN,
  COUNT_COOKIES,
  COUNT_HALF_OPEN_REFUSED,
  COUNT_INVALID,
  count,
  createIkeSa,
  dropped,
  due,
  forget,
  nonce,
  spiKey,
} from '../exchange/registry.ts';
import { begin, sendNotify, sendResponse, transmitAll } from '../exchange/send.ts';
import { endIkeSa, establish, replaceOthers } from '../exchange/session.ts';
import type { Ike, Responder } from '../state/ike.ts';
import { OUTCOME_PEER_AUTH, OUTCOME_TIMEOUT } from '../state/outcome.ts';
import type { Path } from '../state/path.ts';
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
import { createCookies, freshCookie, hasCookie, renewCookies } from './cookie.ts';
import { allows, makeInit, readInit } from './init.ts';

/** The peer behind an identity; may tell peers apart by where they are. Null: none. */
export type FindPolicy = (type: number, data: Uint8Array, path: Path) => IkePolicy | null;

/** The responder's side of session resumption: see ext/ticket.ts. */
/** @noSelf */
export interface Tickets {
  /** IKE_SESSION_RESUME is in `m`: sets cipher, keys and messages of `sa` and returns the answer, or empty (refused). */
  resume(ike: Ike, sa: IkeSa, m: Message, request: Uint8Array, now: number): Uint8Array;
}

export interface ResponderConfig {
  /** Answers IKE_SA_INIT, before the peer is known. */
  fallback: IkePolicy;
  findPolicy: FindPolicy;
  /** Half-open SAs at most, and from how many on a COOKIE is asked for. */
  halfOpenMax: number;
  cookieThreshold: number;
  /** Milliseconds until a half-open SA is forgotten. */
  halfOpenTime: number;
  tickets: Tickets | null;
}

/** Milliseconds that a half-open SA has for certain. */
const PATIENCE = 5000;
/** Other IKE SAs that one peer may have. */
const MAX_SAME = 4;

/** Makes a responder for one endpoint. */
export function createResponder(config: ResponderConfig): Responder {
  const halfOpen: Record<string, IkeSa> = {};
  // By our SPI: under which asker it is listed. Its path may change before it is established.
  const askers: Record<string, string> = {};
  const cookies = createCookies();
  let open = 0;

  /** Who asks: SPIi, address and port. */
  function askerOf(path: Path, buffer: Uint8Array, offset: number): string {
    let text = spiKey(buffer, offset + IKE_SPI_I) + '/' + path.remotePort;
    for (let i = 0; i < path.remote.length; i++) text += '.' + path.remote[i];
    return text;
  }

  function release(sa: IkeSa): void {
    const own = spiKey(sa.spis, 8);
    const asker = askers[own];
    if (asker === undefined) return;
    delete askers[own];
    delete halfOpen[asker];
    open--;
  }

  /** Ends the oldest half-open SA that had its time: else a slow flood would shut others out. */
  function makeRoom(ike: Ike, now: number): boolean {
    let oldest: IkeSa | null = null;
    for (let i = 0; i < ike.sas.length; i++) {
      const isOpen = ike.sas[i].state === STATE_HALF_OPEN;
      if (isOpen && (oldest === null || ike.sas[i].endAt < oldest.endAt)) oldest = ike.sas[i];
    }
    if (oldest === null || now - (oldest.endAt - config.halfOpenTime) < PATIENCE) return false;
    oldest.reported = true;
    endIkeSa(ike, oldest, OUTCOME_TIMEOUT, now);
    return true;
  }

  /** An unprotected answer that keeps no state. */
  function tell(
    ike: Ike,
    path: Path,
    buffer: Uint8Array,
    offset: number,
    type: number,
    data: Uint8Array,
    now: number,
  ): void {
    const w = ike.writer;
    beginMessage(w, 0, buffer, offset, new Uint8Array(8), 0, buffer[offset + IKE_EXCHANGE], FLAG_RESPONSE, 0);
    addNotify(w, 0, type, NONE, 0, 0, data, 0, data.length);
    ike.upper.transmit(path, w.buffer, 0, endMessage(w), now);
  }

  /** Answers IKE_SA_INIT: the response, or empty after an error was told. */
  function answerInit(ike: Ike, sa: IkeSa, path: Path, buffer: Uint8Array, offset: number, now: number): Uint8Array {
    const m = ike.message;
    const p = m.payloads;
    const sai = findPayload(p, PAYLOAD_SA, 0);
    const ke = findPayload(p, PAYLOAD_KE, 0);
    const choice = createChoice();
    const hint = ke < 0 ? 0 : u16(m.buffer, p.at[ke]);
    let code = N_INVALID_SYNTAX;
    if (sai >= 0 && ke >= 0) code = chooseSa(m.buffer, p.at[sai], p.size[sai], sa.policy.ike, 0, hint, choice);
    const cipher = code === 0 ? cipherOf(sa.policy.ciphers, choice) : null;
    if (code === 0 && (cipher === null || !ike.asymmetric.hasKe(choice.ke))) code = N_NO_PROPOSAL_CHOSEN;
    let data = NONE;
    if (code === 0 && choice.ke !== hint) {
      code = N_INVALID_KE_PAYLOAD;
      data = new Uint8Array(2);
      data[0] = (choice.ke >>> 8) & 0xff;
      data[1] = choice.ke & 0xff;
    }
    if (code === 0) code = readInit(ike, sa, STEP_INIT_REQUEST, m);
    if (code === 0) {
      startKe(ike.asymmetric, sa.setup!.kx, choice.ke);
      if (!finishKe(ike.asymmetric, sa.setup!.kx, m)) code = N_INVALID_SYNTAX;
    }
    if (code !== 0) {
      sa.setup!.error = code > 0 ? code : N_NO_PROPOSAL_CHOSEN;
      tell(ike, path, buffer, offset, sa.setup!.error, data, now);
      return NONE;
    }
    const setup = sa.setup!;
    setup.kx.nonceR = nonce(ike, sa.policy.nonceSize);
    sa.cipher = cipher;
    sa.ke = choice.ke;
    const response = makeInit(ike, sa, choice);
    deriveSk(ike, sa, join([setup.kx.nonceI, setup.kx.nonceR]), initialSeed(ike.provider, setup.kx), setup);
    return response;
  }

  function onAuth(ike: Ike, sa: IkeSa, m: Message, now: number): void {
    const setup = sa.setup!;
    const id = bodyOf(m, PAYLOAD_IDI);
    const wanted = bodyOf(m, PAYLOAD_IDR);
    const auth = findPayload(m.payloads, PAYLOAD_AUTH, 0);
    release(sa);
    sa.endAt = -1;
    // Nobody is an identity without octets.
    const policy = id.length < 5 ? null : config.findPolicy(id[0], take(id, 4, id.length - 4), sa.path);
    if (
      policy === null ||
      auth < 0 ||
      (policy.remoteId !== null && !isId(id, policy.remoteId)) ||
      (setup.resumed && (policy.ticketLifetime <= 0 || !isId(id, { type: sa.peerIdType, data: sa.peerId }))) ||
      (wanted.length > 0 && !isId(wanted, policy.localId))
    ) {
      fail(ike, sa, IKE_AUTH, N_AUTHENTICATION_FAILED, now);
      return;
    }
    if (!allows(policy, sa)) {
      fail(ike, sa, IKE_AUTH, N_NO_PROPOSAL_CHOSEN, now);
      return;
    }
    sa.policy = policy;
    let code = readExtensions(ike, sa, STEP_IDENT_REQUEST, null, m);
    if (code !== 0) {
      fail(ike, sa, IKE_AUTH, code > 0 ? code : N_AUTHENTICATION_FAILED, now);
      return;
    }
    const claim: Claim = { ofInitiator: true, id: id, messageId: sa.expectedId - 1 };
    if (!verifyAuth(ike, policy, setup, claim, bodyOf(m, PAYLOAD_AUTH))) {
      fail(ike, sa, IKE_AUTH, N_AUTHENTICATION_FAILED, now);
      return;
    }
    sa.peerIdType = id[0];
    sa.peerId = policy.remoteId !== null ? policy.remoteId.data : take(id, 4, id.length - 4);
    // A device that starts anew has no other SAs [RFC 7296 §2.4]; others have a few at most.
    replaceOthers(ike, sa, setup.resumed || dataOf(m, N_INITIAL_CONTACT) !== null ? 0 : MAX_SAME, now);
    const asked: Uint8Array[] = [];
    const type = readCp(m, CP_REQUEST, asked);
    if (type > 0) {
      const address = ike.upper.address(sa, type, now);
      if (address === null) code = N_INTERNAL_ADDRESS_FAILURE;
      else sa.address = address;
    }
    const draft = createDraft(policy.child, null, false);
    draft.kx.nonceI = setup.kx.nonceI;
    draft.kx.nonceR = setup.kx.nonceR;
    if (code === 0) code = readChildRequest(ike, sa, STEP_AUTH_REQUEST, draft, m, 0, now);
    const w = begin(ike);
    addId(w, PAYLOAD_IDR, policy.localId);
    for (let i = 0; i < ike.extensions.length; i++) ike.extensions[i].add(ike, sa, STEP_IDENT_RESPONSE, null, w);
    const proof = makeAuth(ike, policy, setup, {
      ofInitiator: false,
      id: idBody(policy.localId),
      messageId: sa.expectedId - 1,
    });
    if (proof.length === 0) {
      fail(ike, sa, IKE_AUTH, N_AUTHENTICATION_FAILED, now);
      return;
    }
    addAuth(policy, setup, proof, w);
    if (code === 0 && installChild(ike, sa, draft, false, now) === null) code = N_NO_PROPOSAL_CHOSEN;
    if (code === 0) {
      if (type > 0) addCp(w, CP_REPLY, type, sa.address);
      addChildResponse(ike, sa, STEP_AUTH_RESPONSE, draft, w);
      addAnswerSelectors(draft, w);
    } else {
      addStatus(w, code > 0 ? code : N_NO_PROPOSAL_CHOSEN, NONE);
    }
    sendResponse(ike, sa, IKE_AUTH, now);
    if (sa.response.length === 0) {
      endIkeSa(ike, sa, N_INVALID_SYNTAX, now);
      return;
    }
    establish(ike, sa, now);
    if (code !== 0) ike.upper.childFailed(sa, code, now);
  }

  /** Ends a half-open SA with an answer under SK. */
  function fail(ike: Ike, sa: IkeSa, exchange: number, type: number, now: number): void {
    sendNotify(ike, sa, exchange, type, NONE, now);
    endIkeSa(ike, sa, type === N_AUTHENTICATION_FAILED ? OUTCOME_PEER_AUTH : type, now);
  }

  return {
    begin: (ike, path, buffer, offset, length, now) => {
      const code = checkIkeHeader(buffer, offset, length);
      const exchange = buffer[offset + IKE_EXCHANGE];
      if (code !== 0) {
        if (length >= IKE_SIZE && buffer[offset + IKE_VERSION] >>> 4 > 2) {
          tell(ike, path, buffer, offset, N_INVALID_MAJOR_VERSION, NONE, now);
        }
        return dropped(ike, code);
      }
      const asker = askerOf(path, buffer, offset);
      const known = halfOpen[asker];
      if (known !== undefined) {
        const first = known.setup === null ? NONE : known.setup.message1;
        if (first.length !== length || !equal(first, 0, buffer, offset, length)) return dropped(ike, DROP_DUPLICATE);
        count(ike, COUNT_ANSWERED_AGAIN);
        if (known.setup !== null) transmitAll(ike, known, known.setup.message2, now);
        return 0;
      }
      const m = ike.message;
      m.buffer = buffer;
      const wrong = parsePayloads(m.payloads, buffer, buffer[offset + IKE_NEXT], offset + IKE_SIZE, offset + length);
      const nonceI = wrong === N_INVALID_SYNTAX ? NONE : bodyOf(m, PAYLOAD_NONCE);
      const isResume = exchange === IKE_SESSION_RESUME && config.tickets !== null;
      if ((exchange !== IKE_SA_INIT && !isResume) || nonceI.length === 0 || messageIdOf(buffer, offset) !== 0) {
        count(ike, COUNT_INVALID);
        return DROP_UNSUPPORTED;
      }
      if (wrong === N_UNSUPPORTED_CRITICAL_PAYLOAD) {
        const type = new Uint8Array(1);
        type[0] = m.payloads.critical;
        tell(ike, path, buffer, offset, wrong, type, now);
        return 0;
      }
      if (open >= config.cookieThreshold) {
        const spi = take(buffer, offset, 8);
        renewCookies(ike, cookies, now);
        if (!hasCookie(ike, cookies, path, m, spi, nonceI)) {
          count(ike, COUNT_COOKIES);
          tell(ike, path, buffer, offset, N_COOKIE, freshCookie(ike, cookies, path, spi, nonceI), now);
          return 0;
        }
      }
      if (open >= config.halfOpenMax && !makeRoom(ike, now)) {
        count(ike, COUNT_HALF_OPEN_REFUSED);
        return DROP_QUEUE;
      }
      const sa = createIkeSa(ike, config.fallback, path, false, STATE_HALF_OPEN);
      const setup = createSetup();
      sa.setup = setup;
      for (let i = 0; i < 8; i++) sa.spis[i] = buffer[offset + i];
      setup.message1 = take(buffer, offset, length);
      sa.expectedId = 1;
      const response = isResume
        ? config.tickets!.resume(ike, sa, m, setup.message1, now)
        : answerInit(ike, sa, path, buffer, offset, now);
      if (response.length === 0) {
        // Another KE method, and nonsense, are not the host's business; that nothing fits it should know.
        sa.reported = setup.error !== N_NO_PROPOSAL_CHOSEN;
        endIkeSa(ike, sa, setup.error, now);
        if (ike.bySpi[spiKey(sa.spis, 8)] === sa) forget(ike, sa);
        return 0;
      }
      setup.message2 = response;
      sa.fragmentation = setup.fragmentation && sa.policy.fragmentSize > 0;
      sa.endAt = now + config.halfOpenTime;
      due(ike, sa.endAt);
      halfOpen[asker] = sa;
      askers[spiKey(sa.spis, 8)] = asker;
      open++;
      transmitAll(ike, sa, response, now);
      return 0;
    },
    request: (ike, sa, exchange, m, now) => {
      if (exchange === IKE_AUTH) {
        onAuth(ike, sa, m, now);
        return;
      }
      const code = ike.intermediate === null ? N_INVALID_SYNTAX : ike.intermediate.request(ike, sa, now);
      if (code !== 0) fail(ike, sa, exchange, code, now);
    },
    dropped: (_ike, sa) => release(sa),
  };
}
