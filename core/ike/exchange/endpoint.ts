// The IKE endpoint: what comes in goes to its SA and, by the table of its role, to what handles it; what is due is done.
// No message changes anything before its ICV verified, IKE_SA_INIT apart; whatever is wrong is dropped and counted, or
// answered with the notify that RFC 7296 asks for.

import { u32 } from '../../base/bytes.ts';
import { DROP_LENGTH, DROP_NO_SA, DROP_TOO_LONG, DROP_UNSUPPORTED } from '../../base/drop.ts';
import { equal } from '../../base/spans.ts';
import type { Asymmetric } from '../../crypto/asymmetric.ts';
import type { Provider } from '../../crypto/provider.ts';
import { onCreateRequest, onCreateResponse } from '../child/create.ts';
import type { Defragmenter } from '../codec/fragments.ts';
import {
  checkIkeHeader,
  createPayloads,
  createWriter,
  IKE_EXCHANGE,
  IKE_FLAGS,
  IKE_NEXT,
  IKE_SIZE,
  IKE_SPI_I,
  IKE_SPI_R,
  parsePayloads,
} from '../codec/message.ts';
import {
  CREATE_CHILD_SA,
  FLAG_INITIATOR,
  FLAG_RESPONSE,
  N_INVALID_SYNTAX,
  N_TEMPORARY_FAILURE,
  N_UNSUPPORTED_CRITICAL_PAYLOAD,
} from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { listPayloads, messageIdOf } from '../codec/payloads.ts';
import type { PrivateNumbers } from '../codec/private-numbers.ts';
import { onAuthResponse, onInitResponse, onIntermediateResponse } from '../setup/initiator.ts';
import type { Extension, Ike, IkeUpper, Intermediate, Responder, Resumption } from '../state/ike.ts';
import { OUTCOME_PROTOCOL } from '../state/outcome.ts';
import { type Path, samePath } from '../state/path.ts';
import { type IkeSa, STATE_ESTABLISHED, STATE_HALF_OPEN } from '../state/sa.ts';
import {
  ACT_AUTH,
  ACT_CREATE,
  ACT_CREATE_RESPONSE,
  ACT_DROP,
  ACT_HALF_OPEN,
  ACT_INFORMATIONAL,
  ACT_INFORMATIONAL_RESPONSE,
  ACT_INIT,
  ACT_INTERMEDIATE,
  ACT_LATER,
  actionOf,
  EVENT_RESUME_RESPONSE,
  eventOf,
} from '../state/table.ts';
import { onInformationalRequest, onInformationalResponse } from './informational.ts';
import { openProtected, reassemble } from './open.ts';
import {
  COUNT_ANSWERED_AGAIN,
  COUNT_INVALID,
  COUNT_RECEIVED,
  COUNT_UNEXPECTED,
  COUNTERS,
  count,
  dropped,
  spiKey,
} from './registry.ts';
import { sendNotify, settle, transmitAll } from './send.ts';
import { abandon, endIkeSa } from './session.ts';
import { runTasks } from './timers.ts';

export { connect } from '../setup/initiator.ts';
export { pollIke } from './timers.ts';

/** What an endpoint is made of. `maxMessage` is in octets, 1280 .. 65535; `linger` in milliseconds. */
export interface IkeConfig {
  provider: Provider;
  asymmetric: Asymmetric;
  upper: IkeUpper;
  extensions: Extension[];
  numbers: PrivateNumbers;
  responder: Responder | null;
  intermediate: Intermediate | null;
  resumption: Resumption | null;
  reassembly: Defragmenter | null;
  maxMessage: number;
  keylog: boolean;
  linger: number;
}

/** Makes an endpoint; throws where the provider has no secure random source. */
export function createIke(config: IkeConfig): Ike {
  // IKE without randomness is no protection: refused now, not at the first nonce.
  config.provider.random(new Uint8Array(8), 0, 8);
  return {
    provider: config.provider,
    asymmetric: config.asymmetric,
    upper: config.upper,
    extensions: config.extensions,
    numbers: config.numbers,
    responder: config.responder,
    intermediate: config.intermediate,
    resumption: config.resumption,
    reassembly: config.reassembly,
    maxMessage: config.maxMessage,
    keylog: config.keylog,
    linger: config.linger,
    sas: [],
    bySpi: {},
    counters: new Float64Array(COUNTERS),
    due: -1,
    header: new Uint8Array(IKE_SIZE),
    writer: createWriter(new Uint8Array(config.maxMessage)),
    sealer: createWriter(NONE),
    outer: createPayloads(),
    message: { buffer: NONE, payloads: createPayloads(), at: 0, size: 0, first: 0 },
    opened: { first: 0, at: 0, size: 0, number: 0, total: 0 },
  };
}

/** A message for which the state has no use. */
function unexpected(ike: Ike): number {
  count(ike, COUNT_UNEXPECTED);
  return DROP_UNSUPPORTED;
}

/** An unprotected answer: to IKE_SA_INIT or IKE_SESSION_RESUME. */
function receiveInit(
  ike: Ike,
  sa: IkeSa,
  buffer: Uint8Array,
  offset: number,
  length: number,
  event: number,
  now: number,
): number {
  const action = actionOf(sa.initiator, sa.state, event);
  if (action !== ACT_INIT || messageIdOf(buffer, offset) !== 0) return unexpected(ike);
  const m = ike.message;
  m.buffer = buffer;
  m.at = offset + IKE_SIZE;
  m.size = length - IKE_SIZE;
  m.first = buffer[offset + IKE_NEXT];
  if (listPayloads(ike.message) === N_INVALID_SYNTAX) {
    count(ike, COUNT_INVALID);
    return DROP_LENGTH;
  }
  onInitResponse(ike, sa, buffer, offset, length, now);
  return 0;
}

function follow(sa: IkeSa, path: Path): void {
  // The peer behind a NAT may get another address or port; its authenticated messages tell [RFC 7296 §2.23].
  if (path.encapsulated && (!sa.behindNat || sa.state === STATE_HALF_OPEN) && !samePath(sa.path, path)) sa.path = path;
}

/** A response to the request on its way is in ike.message. */
function respond(ike: Ike, sa: IkeSa, action: number, now: number): void {
  const error = listPayloads(ike.message);
  if (error === N_INVALID_SYNTAX) {
    count(ike, COUNT_INVALID);
    settle(sa);
    if (sa.state === STATE_ESTABLISHED || action === ACT_AUTH) abandon(ike, sa, OUTCOME_PROTOCOL, now);
    else endIkeSa(ike, sa, OUTCOME_PROTOCOL, now);
    return;
  }
  if (action === ACT_AUTH) {
    onAuthResponse(ike, sa, now);
    return;
  }
  if (action === ACT_INTERMEDIATE) {
    onIntermediateResponse(ike, sa, now);
    return;
  }
  settle(sa);
  const task = sa.task;
  sa.task = null;
  if (task === null) return;
  if (action === ACT_CREATE_RESPONSE) onCreateResponse(ike, sa, task, now);
  else if (action === ACT_INFORMATIONAL_RESPONSE) onInformationalResponse(ike, sa, task, now);
  runTasks(ike, sa, now);
}

/** A new request is in ike.message. */
function answer(ike: Ike, sa: IkeSa, exchange: number, action: number, now: number): void {
  const error = listPayloads(ike.message);
  if (error === N_UNSUPPORTED_CRITICAL_PAYLOAD) {
    const data = new Uint8Array(1);
    data[0] = ike.message.payloads.critical;
    sendNotify(ike, sa, exchange, error, data, now);
    return;
  }
  if (error !== 0) {
    count(ike, COUNT_INVALID);
    sendNotify(ike, sa, exchange, error, NONE, now);
    endIkeSa(ike, sa, OUTCOME_PROTOCOL, now);
    return;
  }
  if (action === ACT_HALF_OPEN) ike.responder!.request(ike, sa, exchange, ike.message, now);
  else if (action === ACT_CREATE) onCreateRequest(ike, sa, now);
  else if (action === ACT_LATER) sendNotify(ike, sa, CREATE_CHILD_SA, N_TEMPORARY_FAILURE, NONE, now);
  else if (action === ACT_INFORMATIONAL) onInformationalRequest(ike, sa, now);
}

/**
 * Takes an IKE message (without non-ESP marker) that came over `path`; its octets may be overwritten. 0, or a drop code,
 * counted.
 */
export function receiveIke(
  ike: Ike,
  path: Path,
  buffer: Uint8Array,
  offset: number,
  length: number,
  now: number,
): number {
  count(ike, COUNT_RECEIVED);
  const code = length > ike.maxMessage ? DROP_TOO_LONG : checkIkeHeader(buffer, offset, length);
  const exchange = length < IKE_SIZE ? 0 : buffer[offset + IKE_EXCHANGE];
  const flags = length < IKE_SIZE ? 0 : buffer[offset + IKE_FLAGS];
  const isResponse = (flags & FLAG_RESPONSE) !== 0;
  const fromInitiator = (flags & FLAG_INITIATOR) !== 0;
  const isFirst =
    length >= IKE_SIZE && u32(buffer, offset + IKE_SPI_R) === 0 && u32(buffer, offset + IKE_SPI_R + 4) === 0;
  if (isFirst && !isResponse && fromInitiator && code !== DROP_TOO_LONG) {
    if (ike.responder === null) return unexpected(ike);
    return ike.responder.begin(ike, path, buffer, offset, length, now);
  }
  if (code !== 0) return dropped(ike, code);
  const sa = ike.bySpi[spiKey(buffer, offset + (fromInitiator ? IKE_SPI_R : IKE_SPI_I))];
  if (sa === undefined || sa.initiator === fromInitiator) return dropped(ike, DROP_NO_SA);
  const event = eventOf(exchange, isResponse);
  if (event < 0) return unexpected(ike);
  if (event <= EVENT_RESUME_RESPONSE) return receiveInit(ike, sa, buffer, offset, length, event, now);
  const theirs = fromInitiator ? IKE_SPI_I : IKE_SPI_R;
  if (!equal(buffer, offset + theirs, sa.spis, theirs, 8)) return dropped(ike, DROP_NO_SA);
  return receiveProtected(ike, sa, path, buffer, offset, length, exchange, isResponse, now);
}

function receiveProtected(
  ike: Ike,
  sa: IkeSa,
  path: Path,
  buffer: Uint8Array,
  offset: number,
  length: number,
  exchange: number,
  isResponse: boolean,
  now: number,
): number {
  const id = messageIdOf(buffer, offset);
  const isAgain = !isResponse && id === sa.expectedId - 1 && sa.response.length > 0;
  const action = actionOf(sa.initiator, sa.state, eventOf(exchange, isResponse));
  if (!isAgain) {
    if (action === ACT_DROP) return unexpected(ike);
    const fits = isResponse
      ? sa.request.length > 0 && id === sa.nextId - 1 && exchange === sa.requestExchange
      : id === sa.expectedId;
    if (!fits) return unexpected(ike);
  }
  const error = parsePayloads(ike.outer, buffer, buffer[offset + IKE_NEXT], offset + IKE_SIZE, offset + length);
  if (error === N_INVALID_SYNTAX) {
    count(ike, COUNT_INVALID);
    return DROP_LENGTH;
  }
  let code = openProtected(ike, sa, buffer, offset, isAgain);
  if (code < 0) return dropped(ike, code);
  if (isAgain) {
    if (ike.opened.total === 0 || ike.opened.number === 1) {
      count(ike, COUNT_ANSWERED_AGAIN);
      transmitAll(ike, sa, sa.response, now);
    }
    return 0;
  }
  code = reassemble(ike, sa, id, isResponse);
  if (code <= 0) return code < 0 ? dropped(ike, code) : 0;
  sa.heardAt = now;
  follow(sa, path);
  if (isResponse) {
    respond(ike, sa, action, now);
    return 0;
  }
  sa.expectedId++;
  answer(ike, sa, exchange, action, now);
  runTasks(ike, sa, now);
  return 0;
}

/** An authenticated packet of the peer came in: it lives. */
export function heard(sa: IkeSa, now: number): void {
  sa.heardAt = now;
}

/** When `pollIke` wants to be called, or -1. */
export function ikeTimeout(ike: Ike): number {
  return ike.due;
}
