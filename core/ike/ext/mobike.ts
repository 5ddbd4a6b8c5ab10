// Mobility and multihoming: an IKE SA and its Child SAs move to other addresses [RFC 4555]. For hosts on UDP, whose ESP is in
// UDP; a radio has no use for it.
//
// The initiator moves at once, and tells by UPDATE_SA_ADDRESSES. The responder asks first, by COOKIE2, whether the peer is where
// its message came from (return routability, §3.7): until the answer ESP goes where it went (`IkeSa.espPath`), while IKE goes
// to the new place (`IkeSa.path`). Without an answer IKE goes back too: whoever sends a copy of an update from somewhere else
// gains nothing. A cookie counts for the one place to which it was sent.
//
// What is to be told goes into a probe (INFORMATIONAL). All state is notes of the IKE SA: it survives rekeys, and restarts.

import { copy, equal } from '../../base/spans.ts';
import { findNotify, type Writer } from '../codec/message.ts';
import {
  type ErrorType,
  N_COOKIE2,
  N_MOBIKE_SUPPORTED,
  N_NAT_DETECTION_DESTINATION_IP,
  N_NAT_DETECTION_SOURCE_IP,
  N_UNACCEPTABLE_ADDRESSES,
  N_UNEXPECTED_NAT_DETECTED,
  N_UPDATE_SA_ADDRESSES,
} from '../codec/numbers.ts';
import { join, NONE, same, take } from '../codec/octets.ts';
import { addStatus, dataOf, errorOf, type Message } from '../codec/payloads.ts';
import { addList, addNat, followNat, forbids, mayMove, readList } from '../exchange/addresses.ts';
import { createTask, enqueue } from '../exchange/queue.ts';
import { nonce } from '../exchange/registry.ts';
import { due } from '../exchange/schedule.ts';
import { transmitAll } from '../exchange/send.ts';
import { abandon } from '../exchange/session.ts';
import { noteOf, setNote } from '../state/child.ts';
import type { Extension, Ike } from '../state/ike.ts';
import { OUTCOME_PROTOCOL } from '../state/outcome.ts';
import { type Path, samePath } from '../state/path.ts';
import { espPathOf, type IkeSa, STATE_ESTABLISHED } from '../state/sa.ts';
import {
  STEP_AUTH_REQUEST,
  STEP_AUTH_RESPONSE,
  STEP_IDENT_REQUEST,
  STEP_INFORMATIONAL_REQUEST,
  STEP_INFORMATIONAL_RESPONSE,
} from '../state/step.ts';
import { TASK_PROBE } from '../state/task.ts';

/** Notes: it was agreed on, and this side made the first IKE SA (1) or the peer did (2); rekeys change nothing of that. */
const AGREED = 'mobike';
const MOVES_ITSELF = 1;
const FOLLOWS = 2;
/** The peer's other addresses, each behind its length. */
const PEERS = 'mobike-peers';
/** An update: TO_TELL, or TOLD and not answered. */
const UPDATE = 'mobike-update';
const TO_TELL = 1;
const TOLD = 2;
/** The list of this side's other addresses is to be told. */
const LIST = 'mobike-list';
/** A check: TO_ASK; ASKED, or VOID (the path is another one since), behind which is the cookie of the request on its way. */
const CHECK = 'mobike-check';
const TO_ASK = 1;
const ASKED = 2;
const VOID = 3;
/** SPIs of the IKE SA, and the hash by which the peer last saw this side's address. */
const MAPPING = 'mobike-mapping';

/** Octets of our cookies, and of those that are sent back [RFC 4555 §4.2.5]. */
const COOKIE_SIZE = 16;
const COOKIE_MIN = 8;
const COOKIE_MAX = 64;
/** How often a check goes to the new place before IKE goes back. */
const CHECK_TRIES = 3;

/**
 * The host of this extension.
 *
 * @noSelf
 */
export interface MobileHost {
  /** True where `sa` may move: it is on UDP with ESP in UDP, in tunnel mode, and the configuration has it on. */
  wants(sa: IkeSa): boolean;
  /** Responder: true when the peer may be at the end of `path`. */
  accepts(sa: IkeSa, path: Path): boolean;
  /** Other addresses of this side for `sa`, 4 or 16 octets each. */
  others(sa: IkeSa): Uint8Array[];
  /** ESP of `sa` goes from `old` to its present path. */
  moved(sa: IkeSa, old: Path, now: number): void;
  /** Initiator: an update was answered; `error`: 0, UNACCEPTABLE_ADDRESSES or UNEXPECTED_NAT_DETECTED. */
  answered(sa: IkeSa, error: ErrorType | 0, now: number): void;
}

/** What an endpoint gets. */
export interface Mobile {
  /** To stand behind NAT detection. */
  extension: Extension;
  /**
   * Responder: an authenticated ESP packet, the newest, came over `path`, which is another place than that of the SA: true where
   * the SA may follow at once, because only the port is another one. Else a check begins.
   */
  saw(ike: Ike, sa: IkeSa, path: Path, now: number): boolean;
  /** Call it before `pollIke`: it takes checks back that nobody answered. */
  poll(now: number): void;
  /** Call it from `IkeUpper.replaced`: what was told or asked under the IKE SA before `sa` is told or asked once more. */
  replaced(ike: Ike, sa: IkeSa, now: number): void;
}

/** True when both sides of `sa` agreed that it may move. */
export function isMobile(sa: IkeSa): boolean {
  return noteOf(sa.notes, AGREED).length > 0;
}

/** True for the side that moves the IKE SA: the one that made the first of its row [RFC 4555 §1.3]. */
function isMover(sa: IkeSa): boolean {
  return isMobile(sa) && noteOf(sa.notes, AGREED)[0] === MOVES_ITSELF;
}

/** For `IkeConfig.follow`: with MOBIKE only an update moves an IKE SA [RFC 4555 §3.8]. */
export function followMobile(sa: IkeSa, path: Path): void {
  if (!isMobile(sa)) followNat(sa, path);
}

/** The other addresses that the peer told, 4 or 16 octets each. */
export function otherAddresses(sa: IkeSa): Uint8Array[] {
  const list: Uint8Array[] = [];
  const octets = noteOf(sa.notes, PEERS);
  for (let at = 0; at < octets.length; at += 1 + octets[at]) list.push(take(octets, at + 1, octets[at]));
  return list;
}

/** Where the check of an address stands: 0: none is made. */
function checkOf(sa: IkeSa): number {
  const note = noteOf(sa.notes, CHECK);
  return note.length === 0 ? 0 : note[0];
}

/** True while the peer of `sa` is asked whether it is where it seems to be. */
export function isChecking(sa: IkeSa): boolean {
  const state = checkOf(sa);
  return state === TO_ASK || state === ASKED;
}

function mark(sa: IkeSa, name: string, value: number): void {
  const octets = new Uint8Array(1);
  octets[0] = value;
  setNote(sa.notes, name, octets);
}

/** Sends a probe, with what is to be told: one that waits will do, one on its way was sealed before. */
function ask(ike: Ike, sa: IkeSa, now: number): void {
  for (let i = 0; i < sa.tasks.length; i++) if (sa.tasks[i].kind === TASK_PROBE) return;
  enqueue(ike, sa, createTask(TASK_PROBE, null), now);
}

/** IKE of `sa` goes over `path`, and of what rekeys are about to make. */
function move(sa: IkeSa, path: Path): void {
  sa.path = path;
  if (sa.task !== null && sa.task.next !== null) sa.task.next.path = path;
  if (sa.rival !== null) sa.rival.path = path;
  if (sa.held !== null && sa.held.next !== null) sa.held.next.path = path;
  const check = noteOf(sa.notes, CHECK);
  if (check.length > 1) check[0] = VOID;
}

/** The request on its way is sent over the new path at once, and has all its repetitions there. */
function resend(ike: Ike, sa: IkeSa, now: number): void {
  if (sa.request.length === 0) return;
  sa.tries = 1;
  sa.deadline = now + sa.policy.retransmitTime;
  due(ike, sa, sa.deadline);
  transmitAll(ike, sa, sa.request, now);
}

/**
 * Initiator: `sa` goes over `path` from now on, with all Child SAs; the peer is told where both agreed on it (false: they did
 * not). The request on its way is sent there at once.
 */
export function updateAddresses(ike: Ike, sa: IkeSa, path: Path, now: number): boolean {
  if (!isMover(sa) || sa.state !== STATE_ESTABLISHED) return false;
  move(sa, path);
  sa.espPath = null;
  mark(sa, UPDATE, TO_TELL);
  resend(ike, sa, now);
  ask(ike, sa, now);
  return true;
}

/** Tells the peer this side's other addresses, which are others than before. */
export function tellAddresses(ike: Ike, sa: IkeSa, now: number): void {
  if (!isMobile(sa) || sa.state !== STATE_ESTABLISHED) return;
  mark(sa, LIST, TO_TELL);
  ask(ike, sa, now);
}

/** Keeps the peer's list of addresses, if it told one. */
function noteList(sa: IkeSa, m: Message): void {
  const list = readList(m);
  if (list !== null) setNote(sa.notes, PEERS, list);
}

/** Makes the extension, for both roles. */
export function createMobile(host: MobileHost): Mobile {
  /** IKE SAs with a check. */
  let checks: IkeSa[] = [];
  /** Of the request that is being handled: the cookie to send back, whether it has NAT detection, what is wrong with it. */
  let echo: Uint8Array = NONE;
  let hasNat = false;
  let error: ErrorType | 0 = 0;

  /** The peer seems to be at the end of `path`. False: it moves too often. */
  function suppose(ike: Ike, sa: IkeSa, path: Path, now: number): boolean {
    const old = espPathOf(sa);
    if (samePath(path, old)) {
      // Back where it was: that is known.
      if (sa.path !== old) move(sa, old);
      sa.espPath = null;
      if (checkOf(sa) === TO_ASK) setNote(sa.notes, CHECK, NONE);
      return true;
    }
    if (sa.espPath !== null && samePath(path, sa.path)) return true;
    if (!mayMove(sa, now)) return false;
    move(sa, path);
    sa.espPath = old;
    if (checkOf(sa) !== VOID) mark(sa, CHECK, TO_ASK);
    if (checks.indexOf(sa) < 0) checks.push(sa);
    resend(ike, sa, now);
    ask(ike, sa, now);
    return true;
  }

  /** An answer to a request with a cookie. False: it is a wrong one. */
  function judge(ike: Ike, sa: IkeSa, m: Message, now: number): boolean {
    const check = noteOf(sa.notes, CHECK);
    if (check.length < 2) return true;
    const cookie = dataOf(m, N_COOKIE2);
    if (cookie === null || cookie.length !== check.length - 1 || !equal(cookie, 0, check, 1, cookie.length)) {
      abandon(ike, sa, OUTCOME_PROTOCOL, now);
      return false;
    }
    const old = sa.espPath;
    setNote(sa.notes, CHECK, NONE);
    if (old === null) return true;
    if (check[0] === ASKED) {
      sa.espPath = null;
      host.moved(sa, old, now);
    } else {
      mark(sa, CHECK, TO_ASK);
      ask(ike, sa, now);
    }
    return true;
  }

  /** Initiator: what an answer tells of the addresses by which the peer sees this side [RFC 4555 §3.8]. */
  function compareMapping(ike: Ike, sa: IkeSa, m: Message, now: number): void {
    const hash = dataOf(m, N_NAT_DETECTION_DESTINATION_IP);
    if (hash === null || hash.length !== 20) return;
    const seen = join([sa.spis, hash]);
    const before = noteOf(sa.notes, MAPPING);
    setNote(sa.notes, MAPPING, seen);
    if (before.length !== seen.length || !equal(before, 0, seen, 0, 16) || same(before, seen)) return;
    mark(sa, UPDATE, TO_TELL);
    ask(ike, sa, now);
  }

  function onAnswer(ike: Ike, sa: IkeSa, m: Message): void {
    const now = ike.incoming.now;
    if (!judge(ike, sa, m, now)) return;
    const update = noteOf(sa.notes, UPDATE);
    // Where the address is another one since, a newer update is to come.
    const isDone = update.length > 0 && update[0] === TOLD;
    if (isDone) {
      setNote(sa.notes, UPDATE, NONE);
      setNote(sa.notes, MAPPING, NONE);
    }
    const wrong = errorOf(m);
    if (isMover(sa) && wrong === 0 && (isDone || update.length === 0)) compareMapping(ike, sa, m, now);
    if (isDone) {
      const isRefused = wrong === N_UNACCEPTABLE_ADDRESSES || wrong === N_UNEXPECTED_NAT_DETECTED;
      host.answered(sa, isRefused ? wrong : 0, now);
    }
  }

  function onQuestion(ike: Ike, sa: IkeSa, m: Message): void {
    const now = ike.incoming.now;
    const path = ike.incoming.path;
    const cookie = dataOf(m, N_COOKIE2);
    const fits = cookie !== null && cookie.length >= COOKIE_MIN && cookie.length <= COOKIE_MAX;
    // An IKE SA that was rekeyed meanwhile has given its notes away; it still answers.
    const takes = isMobile(sa) || (sa.successor !== null && isMobile(sa.successor));
    echo = fits && takes ? cookie : NONE;
    hasNat = takes && findNotify(m.payloads, m.buffer, N_NAT_DETECTION_SOURCE_IP) >= 0;
    error = 0;
    if (!isMobile(sa)) return;
    if (forbids(ike, m)) {
      error = N_UNEXPECTED_NAT_DETECTED;
      return;
    }
    noteList(sa, m);
    if (isMover(sa) || findNotify(m.payloads, m.buffer, N_UPDATE_SA_ADDRESSES) < 0) return;
    if (!host.accepts(sa, path) || !suppose(ike, sa, path, now)) error = N_UNACCEPTABLE_ADDRESSES;
  }

  function addQuestion(ike: Ike, sa: IkeSa, w: Writer): void {
    const update = noteOf(sa.notes, UPDATE);
    const tells = update.length > 0 && update[0] === TO_TELL;
    if (tells) {
      addStatus(w, N_UPDATE_SA_ADDRESSES, NONE);
      mark(sa, UPDATE, TOLD);
    }
    // In every probe: so it learns of a NAT that has given it another address.
    if (isMover(sa)) addNat(sa, sa.path, w);
    if (noteOf(sa.notes, LIST).length > 0) addList(host.others(sa), w, true);
    setNote(sa.notes, LIST, NONE);
    if (checkOf(sa) !== TO_ASK) return;
    const cookie = nonce(ike, COOKIE_SIZE);
    const check = new Uint8Array(1 + COOKIE_SIZE);
    check[0] = ASKED;
    copy(check, 1, cookie, 0, COOKIE_SIZE);
    setNote(sa.notes, CHECK, check);
    addStatus(w, N_COOKIE2, cookie);
  }

  return {
    extension: {
      add: (ike, sa, step, _draft, w) => {
        if (step === STEP_AUTH_REQUEST && host.wants(sa)) {
          addStatus(w, N_MOBIKE_SUPPORTED, NONE);
          addList(host.others(sa), w, false);
        } else if (step === STEP_AUTH_RESPONSE && noteOf(sa.setup!.notes, AGREED).length > 0) {
          mark(sa, AGREED, FOLLOWS);
          addStatus(w, N_MOBIKE_SUPPORTED, NONE);
          addList(host.others(sa), w, false);
        } else if (step === STEP_INFORMATIONAL_REQUEST && isMobile(sa)) {
          addQuestion(ike, sa, w);
        } else if (step === STEP_INFORMATIONAL_RESPONSE) {
          if (error !== 0) addStatus(w, error, NONE);
          if (hasNat) addNat(sa, ike.incoming.path, w);
          if (echo.length > 0) addStatus(w, N_COOKIE2, echo);
        }
      },
      read: (ike, sa, step, _draft, m) => {
        if (step === STEP_IDENT_REQUEST) return host.wants(sa) && forbids(ike, m) ? N_UNEXPECTED_NAT_DETECTED : 0;
        if (step === STEP_AUTH_REQUEST || step === STEP_AUTH_RESPONSE) {
          if (findNotify(m.payloads, m.buffer, N_MOBIKE_SUPPORTED) < 0 || !host.wants(sa)) return 0;
          if (step === STEP_AUTH_REQUEST) setNote(sa.setup!.notes, AGREED, new Uint8Array(1));
          else mark(sa, AGREED, MOVES_ITSELF);
          noteList(sa, m);
        } else if (step === STEP_INFORMATIONAL_REQUEST) {
          onQuestion(ike, sa, m);
        } else if (step === STEP_INFORMATIONAL_RESPONSE && isMobile(sa)) {
          onAnswer(ike, sa, m);
        }
        return 0;
      },
    },
    saw: (ike, sa, path, now) => {
      const old = espPathOf(sa);
      if (same(old.remote, path.remote) && old.port === path.port) return true;
      if (host.accepts(sa, path)) suppose(ike, sa, path, now);
      return false;
    },
    replaced: (ike, sa, now) => {
      const update = noteOf(sa.notes, UPDATE).length > 0;
      const check = noteOf(sa.notes, CHECK).length > 0;
      if (update) mark(sa, UPDATE, TO_TELL);
      if (check && sa.espPath !== null) mark(sa, CHECK, TO_ASK);
      else setNote(sa.notes, CHECK, NONE);
      if (update || check) ask(ike, sa, now);
    },
    poll: (now) => {
      if (checks.length === 0) return;
      const left: IkeSa[] = [];
      for (let i = 0; i < checks.length; i++) {
        const sa = checks[i].successor === null ? checks[i] : checks[i].successor!;
        const old = sa.espPath;
        if (sa.state !== STATE_ESTABLISHED || old === null || checkOf(sa) === 0) continue;
        const most = Math.min(CHECK_TRIES, sa.policy.retransmitTries - 1);
        if (sa.deadline < 0 || now < sa.deadline || sa.tries < most) {
          left.push(sa);
          continue;
        }
        // What is on its way goes where the peer was, and its answer proves nothing.
        move(sa, old);
        sa.espPath = null;
        if (checkOf(sa) === TO_ASK) setNote(sa.notes, CHECK, NONE);
      }
      checks = left;
    },
  };
}
