// Another gateway: REDIRECT in IKE_SA_INIT, in IKE_AUTH and in INFORMATIONAL [RFC 5685]. Both roles: the initiator says that it
// follows, and tells its host where to; the responder sends those away that said so.
//
// In IKE_SA_INIT nothing is authenticated: only the nonce shows that whoever answers has seen the request. So the host allows
// certain gateways, and each of them has to prove its identity as the first one had to. What a responder says in IKE_AUTH counts
// when its AUTH has verified: the host asks `redirectOf` when the IKE SA has ended.

import { equal } from '../../base/spans.ts';
import {
  beginMessage,
  checkIkeHeader,
  createPayloads,
  endMessage,
  findNotify,
  findPayload,
  IKE_EXCHANGE,
  IKE_FLAGS,
  IKE_NEXT,
  IKE_SIZE,
  IKE_SPI_I,
  IKE_SPI_R,
  notifyDataAt,
  notifyDataSize,
  parsePayloads,
} from '../codec/message.ts';
import {
  FLAG_INITIATOR,
  FLAG_RESPONSE,
  IKE_SA_INIT,
  IKE_SESSION_RESUME,
  N_REDIRECT,
  N_REDIRECT_SUPPORTED,
  N_REDIRECTED_FROM,
  PAYLOAD_NONCE,
} from '../codec/numbers.ts';
import { join, NONE, take } from '../codec/octets.ts';
import { addStatus, dataOf, messageIdOf } from '../codec/payloads.ts';
import { createTask, enqueue } from '../exchange/queue.ts';
import { spiKey } from '../exchange/registry.ts';
import { noteOf, setNote } from '../state/child.ts';
import type { Extension, Ike } from '../state/ike.ts';
import { type IkeSa, STATE_ESTABLISHED, STATE_INIT_SENT, STATE_RESUME_SENT } from '../state/sa.ts';
import {
  STEP_AUTH_RESPONSE,
  STEP_IDENT_RESPONSE,
  STEP_INFORMATIONAL_REQUEST,
  STEP_INIT_REQUEST,
} from '../state/step.ts';
import { TASK_PROBE } from '../state/task.ts';

/** GW Ident Type [RFC 5685 §6.1]. */
export const GATEWAY_IPV4 = 1;
export const GATEWAY_IPV6 = 2;
export const GATEWAY_FQDN = 3;

/** Notes: initiator: where IKE_AUTH said to go; responder: the peer follows; where it is to be told to go. */
const AUTH = 'redirect-auth';
const FOLLOWS = 'redirect-follows';
const TO_TELL = 'redirect-to';

/** A gateway as the notifies name it. */
export interface GatewayName {
  /** GATEWAY_*. */
  type: number;
  /** An address of 4 or 16 octets, or a name. */
  identity: Uint8Array;
}

/** The data of REDIRECT and REDIRECTED_FROM: type, length, identity; in IKE_SA_INIT a nonce behind them. */
export function gatewayData(gateway: GatewayName, nonce: Uint8Array): Uint8Array {
  const head = new Uint8Array(2);
  head[0] = gateway.type;
  head[1] = gateway.identity.length;
  return join([head, gateway.identity, nonce]);
}

/** What such data say, null: nothing that can be. The nonce is what comes behind. */
export function readGatewayData(data: Uint8Array): (GatewayName & { nonce: Uint8Array }) | null {
  if (data.length < 3) return null;
  const type = data[0];
  const size = data[1];
  const fits = type === GATEWAY_IPV4 ? size === 4 : type === GATEWAY_IPV6 ? size === 16 : type === GATEWAY_FQDN;
  if (!fits || size === 0 || 2 + size > data.length) return null;
  return { type: type, identity: take(data, 2, size), nonce: take(data, 2 + size, data.length - 2 - size) };
}

/** GatewayName of an address. */
export function gatewayAt(address: Uint8Array): GatewayName {
  return { type: address.length === 4 ? GATEWAY_IPV4 : GATEWAY_IPV6, identity: address };
}

/**
 * The initiator's host.
 *
 * @noSelf
 */
export interface RedirectHost {
  /** Address of the gateway that sent this attempt away; empty: none did; null: it follows nobody. */
  from(sa: IkeSa): Uint8Array | null;
  /** An established IKE SA is to be left for another gateway: answer by `leaveIke`. */
  redirected(ike: Ike, sa: IkeSa, gateway: GatewayName, now: number): void;
}

/** Makes the initiator's side. */
export function createRedirectFollower(host: RedirectHost): Extension {
  return {
    add: (_ike, sa, step, _draft, w) => {
      if (step !== STEP_INIT_REQUEST || !sa.initiator) return;
      const from = host.from(sa);
      if (from === null) return;
      if (from.length === 0) addStatus(w, N_REDIRECT_SUPPORTED, NONE);
      else addStatus(w, N_REDIRECTED_FROM, gatewayData(gatewayAt(from), NONE));
    },
    read: (ike, sa, step, _draft, m) => {
      if (step !== STEP_IDENT_RESPONSE && step !== STEP_INFORMATIONAL_REQUEST) return 0;
      const data = dataOf(m, N_REDIRECT);
      if (data === null || host.from(sa) === null) return 0;
      if (step === STEP_IDENT_RESPONSE) {
        setNote(sa.notes, AUTH, data);
        return 0;
      }
      const gateway = readGatewayData(data);
      if (gateway !== null && sa.state === STATE_ESTABLISHED) host.redirected(ike, sa, gateway, ike.incoming.now);
      return 0;
    },
  };
}

/** An IKE SA has ended: where its IKE_AUTH said to go, if the peer proved who it is; null: nowhere. */
export function redirectOf(sa: IkeSa): GatewayName | null {
  const data = noteOf(sa.notes, AUTH);
  return data.length === 0 || sa.peerId.length === 0 ? null : readGatewayData(data);
}

const outer = /* @__PURE__ */ createPayloads();

/** The data of this notify in a message without protection, or null. */
function outerData(buffer: Uint8Array, type: number): Uint8Array | null {
  const i = findNotify(outer, buffer, type);
  if (i < 0) return null;
  return take(buffer, notifyDataAt(buffer, outer.at[i]), notifyDataSize(buffer, outer.at[i], outer.size[i]));
}

/** Parses a message of IKE_SA_INIT or IKE_SESSION_RESUME with Message ID 0 and these flags. False: it is none. */
function isSetup(buffer: Uint8Array, at: number, length: number, flags: number): boolean {
  if (checkIkeHeader(buffer, at, length) !== 0) return false;
  const exchange = buffer[at + IKE_EXCHANGE];
  if (exchange !== IKE_SA_INIT && exchange !== IKE_SESSION_RESUME) return false;
  if ((buffer[at + IKE_FLAGS] & (FLAG_RESPONSE | FLAG_INITIATOR)) !== flags || messageIdOf(buffer, at) !== 0) {
    return false;
  }
  return parsePayloads(outer, buffer, buffer[at + IKE_NEXT], at + IKE_SIZE, at + length) === 0;
}

/** What an answer without protection said. */
export interface EarlyRedirect {
  /** The attempt: `restart` it with the other gateway. */
  sa: IkeSa;
  /** Where to go. */
  gateway: GatewayName;
}

/**
 * Initiator: the message at buffer[at..at+length) sends an attempt of ours away, before anything is authenticated: its nonce is that
 * of the request. Null: it does not, and `receiveIke` takes it.
 */
export function earlyRedirect(ike: Ike, buffer: Uint8Array, at: number, length: number): EarlyRedirect | null {
  if (!isSetup(buffer, at, length, FLAG_RESPONSE)) return null;
  const sa = ike.bySpi[spiKey(buffer, at + IKE_SPI_I)];
  if (sa === undefined || !sa.initiator || sa.setup === null) return null;
  if (sa.state !== STATE_INIT_SENT && sa.state !== STATE_RESUME_SENT) return null;
  const data = outerData(buffer, N_REDIRECT);
  const gateway = data === null ? null : readGatewayData(data);
  const nonce = sa.setup.kx.nonceI;
  if (gateway === null || gateway.nonce.length !== nonce.length) return null;
  return equal(gateway.nonce, 0, nonce, 0, nonce.length) ? { sa: sa, gateway: gateway } : null;
}

/** The responder's side: it notes whom it may send away. */
export const redirector: Extension = {
  add: (_ike, sa, step, _draft, w) => {
    if (step === STEP_AUTH_RESPONSE) {
      if (noteOf(sa.setup!.notes, FOLLOWS).length > 0) setNote(sa.notes, FOLLOWS, new Uint8Array(1));
    } else if (step === STEP_INFORMATIONAL_REQUEST) {
      const data = noteOf(sa.notes, TO_TELL);
      if (data.length > 0) addStatus(w, N_REDIRECT, data);
      setNote(sa.notes, TO_TELL, NONE);
    }
  },
  read: (_ike, sa, step, _draft, m) => {
    if (step !== STEP_INIT_REQUEST) return 0;
    const p = m.payloads;
    const says = findNotify(p, m.buffer, N_REDIRECT_SUPPORTED) >= 0 || findNotify(p, m.buffer, N_REDIRECTED_FROM) >= 0;
    setNote(sa.setup!.notes, FOLLOWS, says ? new Uint8Array(1) : NONE);
    return 0;
  },
};

/** Responder: tells the peer of an established IKE SA to go to another gateway. False: it said that it does not follow. */
export function redirectIke(ike: Ike, sa: IkeSa, gateway: GatewayName, now: number): boolean {
  if (noteOf(sa.notes, FOLLOWS).length === 0 || sa.state !== STATE_ESTABLISHED) return false;
  setNote(sa.notes, TO_TELL, gatewayData(gateway, NONE));
  for (let i = 0; i < sa.tasks.length; i++) if (sa.tasks[i].kind === TASK_PROBE) return true;
  enqueue(ike, sa, createTask(TASK_PROBE, null), now);
  return true;
}

/**
 * Responder: answers a first request, buffer[at..at+length), with REDIRECT, and keeps nothing; the answer is shorter than the
 * request. Empty: the initiator does not follow, or it is no such request.
 */
export function redirectAnswer(
  ike: Ike,
  buffer: Uint8Array,
  at: number,
  length: number,
  gateway: GatewayName,
): Uint8Array {
  if (!isSetup(buffer, at, length, FLAG_INITIATOR)) return NONE;
  const i = findPayload(outer, PAYLOAD_NONCE, 0);
  const follows = outerData(buffer, N_REDIRECT_SUPPORTED) !== null || outerData(buffer, N_REDIRECTED_FROM) !== null;
  for (let j = 0; j < 8; j++) if (buffer[at + IKE_SPI_R + j] !== 0) return NONE;
  if (i < 0 || !follows) return NONE;
  const size = outer.size[i];
  if (size < 16 || size > 256) return NONE;
  const spis = new Uint8Array(16);
  for (let j = 0; j < 8; j++) spis[j] = buffer[at + IKE_SPI_I + j];
  const w = ike.writer;
  beginMessage(w, 0, spis, buffer[at + IKE_EXCHANGE], FLAG_RESPONSE, 0);
  addStatus(w, N_REDIRECT, gatewayData(gateway, take(buffer, outer.at[i], size)));
  const made = endMessage(w);
  return made < 0 || made > length ? NONE : take(w.buffer, 0, made);
}
