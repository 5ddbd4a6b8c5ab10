// IKEv2 of a device of one profile [RFC 7296]: it keeps one IKE SA to its gateway with one Child SA, connects, resumes, and tries
// again with growing pauses, as core/device/uplink.ts does with core/ike. No message except the first answer changes anything
// before its ICV has verified. Times are milliseconds.

import { equal, u16, u32 } from '../../../core/base/bytes.ts';
import {
  CREATE_CHILD_SA,
  FLAG_INITIATOR,
  FLAG_RESPONSE,
  IKE_SA_INIT,
  IKE_SESSION_RESUME,
  INFORMATIONAL,
  N_INVALID_SYNTAX,
  N_TEMPORARY_FAILURE,
  N_UNSUPPORTED_CRITICAL_PAYLOAD,
  PAYLOAD_SK,
  PAYLOAD_SKF,
} from '../../../core/ike/codec/numbers.ts';
import {
  OUTCOME_CLOSED,
  OUTCOME_NONE,
  OUTCOME_PROTOCOL,
  OUTCOME_REPLACED,
  OUTCOME_TIMEOUT,
} from '../../../core/ike/state/outcome.ts';
import type { Session } from '../../../core/ike/state/session.ts';
import {
  CHILD_LIVE,
  STATE_AUTH_SENT,
  STATE_CLOSING,
  STATE_ESTABLISHED,
  STATE_INIT_SENT,
  STATE_INTERMEDIATE_SENT,
  STATE_RESUME_SENT,
} from '../../../core/ike/state/stage.ts';
import { TASK_PROBE, TASK_REKEY_CHILD, TASK_REKEY_IKE } from '../../../core/ike/state/task.ts';
import { slice } from '../crypto.ts';
import type { Profile } from '../profile.ts';
import { onCreateAsked } from './answer-create.ts';
import { onCreateAnswer } from './create-child.ts';
import { ikeAuth, onAuthAnswer } from './ike-auth.ts';
import { beginIke, onFirstAnswer } from './ike-first.ts';
import { abandonIke, childGone, endIke, forgetIke, hasLiveChild } from './ike-life.ts';
import { partsFirst, takePart } from './ike-parts.ts';
import { ikeRound, onRound } from './ike-rounds.ts';
import { freshIke, type IkeSlot, ikeNow, PPK_ROUND, reauthAt, S, setIkeNow } from './ike-state.ts';
import { ikeAge, ikeTasks, mayDoubt } from './ike-timers.ts';
import { onHint, onInformational, onInformationalAnswer, onStray } from './informational.ts';
import { openSk, repeatRequest, SK_HEAD, SKF_HEAD, sealAnswer, settleRequest, tally, transmitIke } from './messages.ts';
import { addNote, beginPayloads, chainCritical, checkChain, W } from './payloads.ts';

declare const P: Profile;

/** Connects; by resumption if there is a session and `resumes`. Forgets the current IKE SA, like a device that slept. */
export function ikeConnect(resumes: boolean, now: number): void {
  setIkeNow(now);
  const old = S.current;
  const session = S.session;
  S.isWanted = false;
  if (P.reauthTime > 0 && freshIke !== null) endIke(freshIke, OUTCOME_NONE);
  if (old !== null) endIke(old, OUTCOME_REPLACED);
  S.isWanted = true;
  S.wait = P.retryTime;
  S.retryAt = -1;
  S.session = resumes ? session : null;
  beginIke();
}

/** Sends Delete and makes no new attempts. */
export function ikeClose(now: number): void {
  setIkeNow(now);
  const sa = S.current;
  S.isWanted = false;
  S.retryAt = -1;
  if (P.reauthTime > 0 && freshIke !== null) endIke(freshIke, OUTCOME_NONE);
  if (sa === null) return;
  if (sa.state !== STATE_ESTABLISHED) {
    endIke(sa, OUTCOME_CLOSED);
    return;
  }
  if (sa.outcome === OUTCOME_NONE) sa.outcome = OUTCOME_CLOSED;
  S.isCloseAsked = true;
  ikeTasks();
}

/** Asks for a rekey of the Child SA. It waits its turn. */
export function ikeRekey(now: number): void {
  setIkeNow(now);
  const sa = S.current;
  for (let one = S.children; one !== null && sa !== null; one = one.next) {
    const isUnderWay = sa.task === TASK_REKEY_CHILD && S.draft !== null && S.draft.old === one;
    if (one.stage === CHILD_LIVE && !isUnderWay) one.isRekeyAsked = true;
  }
  ikeTasks();
}

/** Asks for a rekey of the IKE SA. It waits its turn. */
export function ikeRekeyIke(now: number): void {
  setIkeNow(now);
  if (S.current !== null && S.current.task !== TASK_REKEY_IKE) S.isRekeyAsked = true;
  ikeTasks();
}

/** Asks whether the gateway is there. */
export function ikeProbe(now: number): void {
  setIkeNow(now);
  if (S.current !== null && S.current.task !== TASK_PROBE) S.isProbeAsked = true;
  ikeTasks();
}

/** True when packets can go out. */
export function ikeReady(): boolean {
  return S.current !== null && S.current.state === STATE_ESTABLISHED && hasLiveChild();
}

/** True when the IKE SA is up. */
export function ikeEstablished(): boolean {
  return S.current !== null && S.current.state === STATE_ESTABLISHED;
}

/** When an authenticated message of the gateway last came; -1: never. */
export function ikeHeardAt(): number {
  return S.current === null ? -1 : S.current.heardAt;
}

/** What resumes the current IKE SA later [RFC 5723], or null. */
export function ikeSession(): Session | null {
  return S.session;
}

/** A session of an earlier run, for the first `ikeConnect`. */
export function ikeTakeSession(session: Session | null): void {
  if (P.tickets) S.session = session !== null && session.ticket.length <= P.ticketSize ? session : null;
}

/** IKE messages that were dropped. */
export function ikeDrops(): number {
  return S.drops;
}

/** A new request of the gateway is in the chain; `verdict`: what is wrong with the chain. */
function answerRequest(sa: IkeSlot, exchange: number, verdict: number): void {
  if (verdict === 0 && exchange === INFORMATIONAL) onInformational(sa);
  else if (verdict === 0 && sa.state === STATE_ESTABLISHED && (P.reauthTime === 0 || freshIke === null))
    onCreateAsked(sa);
  else {
    const isCritical = verdict === N_UNSUPPORTED_CRITICAL_PAYLOAD;
    beginPayloads();
    const data = addNote(verdict === 0 ? N_TEMPORARY_FAILURE : verdict, isCritical ? 1 : 0);
    if (isCritical) W[data] = chainCritical;
    sealAnswer(sa, exchange);
    if (verdict === N_INVALID_SYNTAX) endIke(sa, OUTCOME_PROTOCOL);
  }
}

/** An answer to the request on its way is in the chain. */
function takeAnswer(sa: IkeSlot, verdict: number): void {
  const task = sa.task;
  const isAuth = sa.state === STATE_AUTH_SENT;
  if (verdict === N_INVALID_SYNTAX) {
    settleRequest(sa);
    if (sa.state === STATE_ESTABLISHED || isAuth) abandonIke(sa, OUTCOME_PROTOCOL);
    else endIke(sa, OUTCOME_PROTOCOL);
  } else if (isAuth) onAuthAnswer(sa);
  else {
    settleRequest(sa);
    if (task <= TASK_REKEY_IKE) onCreateAnswer(sa, task);
    else onInformationalAnswer(sa, task);
  }
}

/** Takes b[o..o+n), a message under `sa`. False: it is dropped. */
function takeProtected(sa: IkeSlot, b: Uint8Array, o: number, n: number, isAnswer: boolean): boolean {
  const id = u32(b, o + 20);
  const exchange = b[o + 18];
  const request = sa.request;
  const isLive = sa.state >= STATE_ESTABLISHED && sa.state <= STATE_CLOSING;
  const isAgain = !isAnswer && id === sa.expectedId - 1 && sa.response !== null;
  const isCreate = exchange === CREATE_CHILD_SA;
  if (isAnswer) {
    // A replaced IKE SA makes nothing any more.
    const isSetUp = sa.state === STATE_AUTH_SENT || (P.ppkIntermediate && sa.state === STATE_INTERMEDIATE_SENT);
    const fits = isLive ? !isCreate || sa.state === STATE_ESTABLISHED : isSetUp;
    if (!fits || request === null || id !== sa.nextId - 1 || exchange !== request[18]) return false;
  } else if (!isAgain && !(isLive && id === sa.expectedId && (isCreate || exchange === INFORMATIONAL))) return false;
  const isPart = P.fragments && S.fragments && b[o + 16] === PAYLOAD_SKF;
  const head = isPart ? SKF_HEAD : SK_HEAD;
  if (b[o + 16] !== PAYLOAD_SK && !isPart) {
    if (P.crashTokens && isAnswer && checkChain(b, o + 28, o + n, b[o + 16]) !== N_INVALID_SYNTAX) onHint(sa);
    return false;
  }
  const size = sa.d === null ? -1 : openSk(sa, b, o, n, head);
  if (size < 0) return false;
  if (isAgain) {
    if (!isPart || u16(b, o + 32) === 1) transmitIke(sa, sa.response!);
    return true;
  }
  let inner = b;
  let at = o + head + 8;
  let end = at + size;
  let first = b[o + 28];
  if (P.fragments && isPart) {
    const whole = takePart(sa, 2 * id + (isAnswer ? 1 : 0), b, o, size);
    // The others are on their way.
    if (whole === null) return true;
    inner = whole;
    at = 0;
    end = whole.length;
    first = partsFirst;
  }
  const verdict = checkChain(inner, at, end, first);
  sa.heardAt = ikeNow;
  if (verdict === N_INVALID_SYNTAX) S.drops++;
  if (P.ppkIntermediate && verdict !== N_INVALID_SYNTAX && sa.state === STATE_INTERMEDIATE_SENT)
    onRound(sa, slice(b, o, 28), first, slice(inner, at, end - at));
  else if (isAnswer) takeAnswer(sa, verdict);
  else {
    sa.expectedId++;
    answerRequest(sa, exchange, verdict);
  }
  ikeTasks();
  return true;
}

/** Takes b[o..o+n), from UDP port 500 of the gateway. False: it is dropped. */
function routeIke(b: Uint8Array, o: number, n: number): boolean {
  if (n < 28 || u32(b, o + 24) !== n || b[o + 17] >>> 4 !== 2) return false;
  const exchange = b[o + 18];
  const isAnswer = (b[o + 19] & FLAG_RESPONSE) !== 0;
  const own = (b[o + 19] & FLAG_INITIATOR) !== 0 ? 8 : 0;
  let sa = S.list;
  while (sa !== null && ((sa.flag !== 0) === (own === 8) || !equal(b, o + own, sa.ids, own, 8))) sa = sa.next;
  if (sa === null) {
    // Without an SPI of this side: not even the gateway knows of an IKE SA [RFC 7296 §1.5].
    const isStray = own === 8 && !isAnswer && exchange === INFORMATIONAL && equal(b, o + 8, new Uint8Array(8), 0, 8);
    if (P.crashTokens && isStray && checkChain(b, o + 28, o + n, b[o + 16]) === 0) onStray();
    return false;
  }
  if (sa === (P.reauthTime > 0 && freshIke !== null ? freshIke : S.current) && S.setup !== null) tally(n);
  if (exchange === IKE_SA_INIT || exchange === IKE_SESSION_RESUME) {
    const state = exchange === IKE_SA_INIT ? STATE_INIT_SENT : STATE_RESUME_SENT;
    if (!isAnswer || sa.state !== state || u32(b, o + 20) !== 0) return false;
    if (checkChain(b, o + 28, o + n, b[o + 16]) === N_INVALID_SYNTAX) return false;
    if (onFirstAnswer(sa, b, o, n)) {
      if (P.ppkIntermediate && S.setup!.ppk === PPK_ROUND) ikeRound(sa);
      else ikeAuth(sa);
    }
    return true;
  }
  return equal(b, o + 8 - own, sa.ids, 8 - own, 8) && takeProtected(sa, b, o, n, isAnswer);
}

/** Takes an IKE message of the gateway, b[o..o+n); may overwrite its octets. */
export function ikeReceive(b: Uint8Array, o: number, n: number, now: number): void {
  setIkeNow(now);
  if (!routeIke(b, o, n)) S.drops++;
}

/** The Child SA may not carry packets though the IKE SA lives: asks for its rekey, at most so often. */
export function ikeSuspect(now: number): void {
  setIkeNow(now);
  if (S.current !== null && mayDoubt(2)) ikeRekey(now);
}

/** Does the work that is due at `now`: repetitions, rekeys, the next attempt. */
export function ikePoll(now: number): void {
  setIkeNow(now);
  let sa = S.list;
  while (sa !== null) {
    const next: IkeSlot | null = sa.next;
    if (sa.deadline >= 0 && ikeNow >= sa.deadline && !repeatRequest(sa)) {
      const setup = sa === (P.reauthTime > 0 && freshIke !== null ? freshIke : S.current) ? S.setup : null;
      endIke(sa, setup === null || setup.error === 0 ? OUTCOME_TIMEOUT : setup.error);
    } else if (sa.endAt >= 0 && ikeNow >= sa.endAt) {
      endIke(sa, OUTCOME_TIMEOUT);
      forgetIke(sa);
    }
    sa = next;
  }
  for (let one = S.children; one !== null; one = one.next) {
    if (one.removeAt >= 0 && ikeNow >= one.removeAt) childGone(one);
  }
  if (S.current !== null && S.current.state === STATE_ESTABLISHED) {
    ikeAge(S.current);
    ikeTasks();
  }
  if (S.retryAt < 0 || ikeNow < S.retryAt) return;
  S.retryAt = -1;
  if (S.current !== null && (S.current.state !== STATE_ESTABLISHED || hasLiveChild())) return;
  S.wait = Math.min(2 * S.wait, P.retryMax);
  if (S.current === null) beginIke();
  else {
    S.childAt = ikeNow;
    ikeTasks();
  }
}

function sooner(a: number, b: number): number {
  return a < 0 ? b : b < 0 ? a : Math.min(a, b);
}

/** When to call `ikePoll`; -1: never. */
export function ikeNext(): number {
  const current = S.current;
  const isUp = current !== null && current.state === STATE_ESTABLISHED;
  let at = S.retryAt;
  for (let sa = S.list; sa !== null; sa = sa.next) at = sooner(sooner(at, sa.deadline), sa.endAt);
  for (let one = S.children; one !== null; one = one.next)
    at = sooner(sooner(at, isUp ? one.rekeyAt : -1), one.removeAt);
  if (!isUp) return at;
  at = sooner(at, S.rekeyAt);
  if (current!.task !== 0 || (P.reauthTime > 0 && freshIke !== null)) return at;
  if (P.reauthTime > 0) at = sooner(at, reauthAt);
  if (P.dpdTime > 0) at = sooner(at, current!.heardAt + P.dpdTime);
  return sooner(at, S.childAt);
}
