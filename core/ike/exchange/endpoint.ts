// The IKE endpoint. It passes a message to its SA and, by the table of the SA's role, to the function that handles it, and does
// the work that is due. No message except IKE_SA_INIT changes anything before its ICV has verified. A wrong message is dropped
// and counted, or answered with the notify that RFC 7296 requires.

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
  findPayload,
  IKE_EXCHANGE,
  IKE_FLAGS,
  IKE_NEXT,
  IKE_SIZE,
  IKE_SPI_I,
  IKE_SPI_R,
  parsePayloads,
} from '../codec/message.ts';
import {
  type Exchange,
  FLAG_INITIATOR,
  FLAG_RESPONSE,
  INFORMATIONAL,
  N_INVALID_SYNTAX,
  N_TEMPORARY_FAILURE,
  N_UNSUPPORTED_CRITICAL_PAYLOAD,
  PAYLOAD_SK,
  PAYLOAD_SKF,
} from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { listPayloads, messageIdOf } from '../codec/payloads.ts';
import type { PrivateNumbers } from '../codec/private-numbers.ts';
import { onAuthResponse, onInitResponse, onIntermediateResponse } from '../setup/initiator.ts';
import type {
  CounterSync,
  Extension,
  Follow,
  FollowUps,
  Ike,
  IkeUpper,
  Incoming,
  Responder,
  Resumption,
  Rounds,
  SecurityProtocol,
  Unprotected,
} from '../state/ike.ts';
import { OUTCOME_PROTOCOL } from '../state/outcome.ts';
import type { Path } from '../state/path.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../state/sa.ts';
import {
  ACT_AUTH,
  ACT_CREATE,
  ACT_CREATE_RESPONSE,
  ACT_DROP,
  ACT_FOLLOWUP,
  ACT_FOLLOWUP_RESPONSE,
  ACT_HALF_OPEN,
  ACT_INFORMATIONAL,
  ACT_INFORMATIONAL_RESPONSE,
  ACT_INIT,
  ACT_INTERMEDIATE,
  ACT_LATER,
  actionOf,
  EVENT_FOLLOWUP_REQUEST,
  EVENT_FOLLOWUP_RESPONSE,
  EVENT_INIT_RESPONSE,
  EVENT_NONE,
  EVENT_RESUME_RESPONSE,
  eventOf,
  type IkeAction,
  type IkeEvent,
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
import { abandon, crash, endIkeSa } from './session.ts';
import { runTasks } from './timers.ts';

export { connect } from '../setup/initiator.ts';
export { pollIke } from './timers.ts';

/** Options of an endpoint. `maxMessage` is in octets, 1280 .. 65535; `linger` in milliseconds. */
export interface IkeConfig {
  /** Symmetric cryptography and random octets. */
  provider: Provider;
  /** Key exchanges and signatures. */
  asymmetric: Asymmetric;
  /** The host: it sends messages, keeps SAs, and hears of events. */
  upper: IkeUpper;
  /** What is negotiated beside plain IKE and ESP, in the order in which payloads are written. */
  extensions: Extension[];
  /** Numbers that IANA has not assigned: `privateNumbers()`, or others. */
  numbers: PrivateNumbers;
  /** createResponder; null: the endpoint answers nobody. */
  responder: Responder | null;
  /** IKE_INTERMEDIATE [RFC 9242]: createRounds; null: without. */
  intermediate: Rounds | null;
  /** Absent: none. */
  followUps?: FollowUps;
  /** Security Protocols beside ESP. Absent: none. */
  protocols?: SecurityProtocol[];
  /** createCounterSync [RFC 6311]. Absent: none. */
  sync?: CounterSync;
  /** `crashTaker` or createCrashMaker [RFC 6290]. Absent: what nothing protects is dropped. */
  unprotected?: Unprotected;
  /** `followNat`, or `followMobile`; absent: an IKE SA stays where it is. */
  follow?: Follow;
  /** Initiator: `resumption` [RFC 5723]; null: without. */
  resumption: Resumption | null;
  /** `fragmentation` [RFC 7383]; null: fragments are dropped, and not offered. */
  reassembly: Defragmenter | null;
  /** Octets of the largest message sent or taken. */
  maxMessage: number;
  /** True: `IkeUpper.keys` gets keys, to decrypt captures. They are secrets. */
  keylog: boolean;
  /** Milliseconds that an ended SA stays, to repeat its last answer and to take late packets. */
  linger: number;
}

const NOWHERE: Path = {
  local: NONE,
  localPort: 0,
  remote: NONE,
  remotePort: 0,
  encapsulated: false,
  port: 0,
  link: NONE,
};

/** Makes an endpoint. Throws if the provider has no secure random source. */
export function createIke(config: IkeConfig): Ike {
  // IKE without randomness protects nothing, so refuse it now and not at the first nonce.
  config.provider.random(new Uint8Array(8), 0, 8);
  return {
    provider: config.provider,
    asymmetric: config.asymmetric,
    upper: config.upper,
    extensions: config.extensions,
    numbers: config.numbers,
    responder: config.responder,
    intermediate: config.intermediate,
    followUps: config.followUps,
    unprotected: config.unprotected,
    sync: config.sync,
    follow: config.follow,
    protocols: config.protocols === undefined ? [] : config.protocols,
    resumption: config.resumption,
    reassembly: config.reassembly,
    maxMessage: config.maxMessage,
    keylog: config.keylog,
    linger: config.linger,
    sas: [],
    bySpi: {},
    counters: new Float64Array(COUNTERS),
    incoming: { path: NOWHERE, buffer: NONE, offset: 0, length: 0, now: 0 },
    hand: null,
    replyTo: null,
    wantedKe: NONE,
    header: new Uint8Array(IKE_SIZE),
    writer: createWriter(new Uint8Array(config.maxMessage)),
    sealer: createWriter(NONE),
    outer: createPayloads(),
    message: { buffer: NONE, payloads: createPayloads(), at: 0, size: 0, first: 0 },
    opened: { first: 0, at: 0, size: 0, number: 0, total: 0 },
  };
}

/** Drops a message that the state cannot use. */
function unexpected(ike: Ike): number {
  count(ike, COUNT_UNEXPECTED);
  return DROP_UNSUPPORTED;
}

/** Handles an unprotected answer, to IKE_SA_INIT or IKE_SESSION_RESUME. */
function receiveInit(ike: Ike, sa: IkeSa, event: IkeEvent): number {
  const d = ike.incoming;
  const action = actionOf(sa.initiator, sa.state, event);
  if (action !== ACT_INIT || messageIdOf(d.buffer, d.offset) !== 0) return unexpected(ike);
  const m = ike.message;
  m.buffer = d.buffer;
  m.at = d.offset + IKE_SIZE;
  m.size = d.length - IKE_SIZE;
  m.first = d.buffer[d.offset + IKE_NEXT];
  if (listPayloads(ike.message) === N_INVALID_SYNTAX) {
    count(ike, COUNT_INVALID);
    return DROP_LENGTH;
  }
  ike.hand = sa;
  onInitResponse(ike, sa, d.now);
  return 0;
}

/** A response to the request on its way is in ike.message. */
function respond(ike: Ike, sa: IkeSa, action: IkeAction, now: number): void {
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
  else if (action === ACT_FOLLOWUP_RESPONSE) ike.followUps!.onResponse(ike, sa, task, now);
  else if (action === ACT_INFORMATIONAL_RESPONSE) onInformationalResponse(ike, sa, task, now);
  runTasks(ike, sa, now);
}

/** A new request is in ike.message. */
function answer(ike: Ike, sa: IkeSa, exchange: Exchange, action: IkeAction, now: number): void {
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
  if (action === ACT_HALF_OPEN) ike.responder!.request(ike, sa, exchange, now);
  else if (action === ACT_CREATE) onCreateRequest(ike, sa, now);
  else if (action === ACT_FOLLOWUP) ike.followUps!.onRequest(ike, sa, now);
  else if (action === ACT_LATER) sendNotify(ike, sa, exchange, N_TEMPORARY_FAILURE, NONE, now);
  else if (action === ACT_INFORMATIONAL) onInformationalRequest(ike, sa, now);
}

/** True for a message whose SPIr is 0: nobody has answered it yet. */
function isFirst(d: Incoming): boolean {
  const at = d.offset + IKE_SPI_R;
  return d.length >= IKE_SIZE && u32(d.buffer, at) === 0 && u32(d.buffer, at + 4) === 0;
}

/** Hands the datagram in ike.incoming to its SA. */
function route(ike: Ike): number {
  const d = ike.incoming;
  const code = d.length > ike.maxMessage ? DROP_TOO_LONG : checkIkeHeader(d.buffer, d.offset, d.length);
  const flags = d.length < IKE_SIZE ? 0 : d.buffer[d.offset + IKE_FLAGS];
  const isResponse = (flags & FLAG_RESPONSE) !== 0;
  const fromInitiator = (flags & FLAG_INITIATOR) !== 0;
  if (isFirst(d) && !isResponse && fromInitiator && code !== DROP_TOO_LONG) {
    if (ike.responder !== null) return ike.responder.begin(ike);
    if (ike.unprotected !== undefined && code === 0) ike.unprotected.stray(ike);
    return unexpected(ike);
  }
  if (code !== 0) return dropped(ike, code);
  const sa = ike.bySpi[spiKey(d.buffer, d.offset + (fromInitiator ? IKE_SPI_R : IKE_SPI_I))];
  if (sa === undefined && !isResponse && ike.unprotected !== undefined) ike.unprotected.unknown(ike);
  if (sa === undefined || sa.initiator === fromInitiator) return dropped(ike, DROP_NO_SA);
  const event = eventOf(d.buffer[d.offset + IKE_EXCHANGE], isResponse);
  const isFollowUp = event === EVENT_FOLLOWUP_REQUEST || event === EVENT_FOLLOWUP_RESPONSE;
  if (event === EVENT_NONE || (isFollowUp && ike.followUps === undefined)) return unexpected(ike);
  if (event === EVENT_INIT_RESPONSE || event === EVENT_RESUME_RESPONSE) return receiveInit(ike, sa, event);
  const theirs = fromInitiator ? IKE_SPI_I : IKE_SPI_R;
  if (!equal(d.buffer, d.offset + theirs, sa.spis, theirs, 8)) return dropped(ike, DROP_NO_SA);
  return receiveProtected(ike, sa, event, isResponse);
}

function receiveProtected(ike: Ike, sa: IkeSa, event: IkeEvent, isResponse: boolean): number {
  const d = ike.incoming;
  const buffer = d.buffer;
  const id = messageIdOf(buffer, d.offset);
  const exchange = buffer[d.offset + IKE_EXCHANGE] as Exchange;
  const isAgain = !isResponse && id === sa.expectedId - 1 && sa.response.length > 0;
  const action = actionOf(sa.initiator, sa.state, event);
  const fits = isResponse
    ? sa.request.length > 0 && id === sa.nextId - 1 && exchange === sa.requestExchange
    : id === sa.expectedId;
  const mayTake = ike.sync !== undefined && id === 0 && exchange === INFORMATIONAL && sa.state === STATE_ESTABLISHED;
  if (!isAgain && (action === ACT_DROP || !(fits || mayTake))) return unexpected(ike);
  const end = d.offset + d.length;
  if (parsePayloads(ike.outer, buffer, buffer[d.offset + IKE_NEXT], d.offset + IKE_SIZE, end) === N_INVALID_SYNTAX) {
    count(ike, COUNT_INVALID);
    return DROP_LENGTH;
  }
  if (isResponse && ike.unprotected !== undefined) {
    const p = ike.outer;
    if (findPayload(p, PAYLOAD_SK, 0) < 0 && findPayload(p, PAYLOAD_SKF, 0) < 0) {
      ike.unprotected.hint(ike, sa);
      return dropped(ike, DROP_NO_SA);
    }
  }
  let code = openProtected(ike, sa, buffer, d.offset, isAgain);
  if (code < 0) return dropped(ike, code);
  if (mayTake && ike.opened.total === 0 && listPayloads(ike.message) === 0) {
    ike.hand = sa;
    if (ike.sync!.take(ike, sa, isResponse, d.now)) {
      sa.heardAt = d.now;
      runTasks(ike, sa, d.now);
      return 0;
    }
    if (!isAgain && !fits) return unexpected(ike);
  }
  if (isAgain) {
    if (ike.opened.total === 0 || ike.opened.number === 1) {
      count(ike, COUNT_ANSWERED_AGAIN);
      transmitAll(ike, sa, sa.response, d.now);
    }
    return 0;
  }
  code = reassemble(ike, sa, id, isResponse);
  if (code <= 0) return code < 0 ? dropped(ike, code) : 0;
  const path = d.path;
  const now = d.now;
  ike.hand = sa;
  sa.heardAt = now;
  if (ike.follow !== undefined) ike.follow(sa, path);
  if (isResponse) {
    respond(ike, sa, action, now);
  } else {
    sa.expectedId++;
    answer(ike, sa, exchange, action, now);
    runTasks(ike, sa, now);
  }
  if (sa.state === STATE_ESTABLISHED) ike.upper.proved(sa, path, now);
  return 0;
}

/**
 * Takes an IKE message (without non-ESP marker) that came over `path`; may overwrite its octets. Returns 0, or a drop code,
 * counted. What an extension, the cryptography or the host throws ends the IKE SA in question, and is passed on.
 */
export function receiveIke(
  ike: Ike,
  path: Path,
  buffer: Uint8Array,
  offset: number,
  length: number,
  now: number,
): number {
  const d = ike.incoming;
  d.path = path;
  d.buffer = buffer;
  d.offset = offset;
  d.length = length;
  d.now = now;
  ike.replyTo = path;
  count(ike, COUNT_RECEIVED);
  try {
    return route(ike);
  } catch (error) {
    if (ike.hand !== null) crash(ike, ike.hand, now);
    throw error;
  } finally {
    ike.hand = null;
    ike.replyTo = null;
    d.buffer = NONE;
  }
}

/** Notes an authenticated packet of the peer: it lives. */
export function heard(sa: IkeSa, now: number): void {
  sa.heardAt = now;
}
