// Counters of a cluster that failed over [RFC 6311]: a member that takes over an IKE SA with older numbers asks the peer which
// Message IDs come next, and to advance its sequence numbers. The exchange is INFORMATIONAL with Message ID 0, outside the
// window. Numbers only move forward, by a bounded step, and a replayed request moves nothing: each one begins above the last
// (M1) of its IKE SA, and an exact repetition, known by its nonce, gets the same answer again.
//
// Before `syncIke` the member must have raised `IkeSa.skOut.counter` above all that its predecessor may have used: it is the
// IV of the ciphers, and synchronisation cannot mend its repetition.

import { put32, u32 } from '../../base/bytes.ts';
import { equal } from '../../base/spans.ts';
import { findNotify } from '../codec/message.ts';
import {
  FLAG_RESPONSE,
  INFORMATIONAL,
  N_IKEV2_MESSAGE_ID_SYNC,
  N_IKEV2_MESSAGE_ID_SYNC_SUPPORTED,
  N_IPSEC_REPLAY_COUNTER_SYNC,
  N_IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED,
} from '../codec/numbers.ts';
import { join, NONE, take } from '../codec/octets.ts';
import { addStatus, dataOf } from '../codec/payloads.ts';
import { createTask } from '../exchange/queue.ts';
import { nonce } from '../exchange/registry.ts';
import { begin, launch, seal, settle, transmitAll } from '../exchange/send.ts';
import { noteOf, setNote } from '../state/child.ts';
import type { CounterSync, Extension, Ike } from '../state/ike.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../state/sa.ts';
import { STEP_AUTH_REQUEST, STEP_AUTH_RESPONSE } from '../state/step.ts';
import { TASK_PROBE } from '../state/task.ts';

/**
 * Notes: what was agreed (1: Message IDs, 2: sequence numbers too), our question, the peer's last one with the initiator's SPI of
 * its IKE SA, our answer to it. A rekey hands notes on, but Message IDs begin anew.
 */
const AGREED = 'sync';
const ASKED = 'sync-asked';
const SEEN = 'sync-seen';
const ANSWER = 'sync-answer';
/** Nonce, EXPECTED_SEND_REQ_MESSAGE_ID, EXPECTED_RECV_REQ_MESSAGE_ID. */
const SIZE = 12;
/** How far one synchronisation moves a Message ID, and a sequence number, at most. */
const STEP_MAX = 65536;
const DELTA_MAX = 1048576;

/** Both parts of an endpoint with synchronisation. */
export interface CounterSyncParts {
  /** For `IkeConfig.extensions`: agrees on it in IKE_AUTH. */
  extension: Extension;
  /** For `IkeConfig.sync`. */
  sync: CounterSync;
}

function agreed(sa: IkeSa): number {
  const note = noteOf(sa.notes, AGREED);
  return note.length === 0 ? 0 : note[0];
}

/** What the notify says, or null. */
function readIds(ike: Ike): Uint8Array | null {
  const data = dataOf(ike.message, N_IKEV2_MESSAGE_ID_SYNC);
  return data !== null && data.length === SIZE ? data : null;
}

function ids(random: Uint8Array, send: number, receive: number): Uint8Array {
  const data = new Uint8Array(SIZE);
  for (let i = 0; i < 4; i++) data[i] = random[i];
  put32(data, 4, send);
  put32(data, 8, receive);
  return data;
}

/** The peer's last question under this IKE SA, or nothing. */
function seenOf(sa: IkeSa): Uint8Array {
  const seen = noteOf(sa.notes, SEEN);
  return seen.length > 0 && equal(seen, SIZE, sa.spis, 0, 8) ? seen : NONE;
}

/** True when a Message ID may move from `from` to `to`: forward, by a bounded step. */
function moves(from: number, to: number): boolean {
  return to >= from && to - from <= STEP_MAX;
}

/** The next Message ID that the peer has to expect of us: of the request on its way, if there is one. */
function nextOf(sa: IkeSa): number {
  return sa.request.length > 0 ? sa.nextId - 1 : sa.nextId;
}

/**
 * The member's side: asks the peer of `sa` for its numbers, and (`delta` above 0, where both sides agreed) to advance the
 * sequence numbers of its packets by `delta`. `ahead`: how many requests the predecessor may have sent that this side does not
 * know of, at least 1. False: not agreed with this peer, or a request is on its way. Without an answer the SA ends like
 * after any request.
 */
export function syncIke(ike: Ike, sa: IkeSa, delta: number, ahead: number, now: number): boolean {
  const level = agreed(sa);
  if (level === 0 || sa.state !== STATE_ESTABLISHED || sa.request.length > 0 || sa.task !== null) return false;
  const question = ids(nonce(ike, 4), sa.nextId + Math.max(1, ahead), sa.expectedId);
  const w = begin(ike);
  addStatus(w, N_IKEV2_MESSAGE_ID_SYNC, question);
  if (level === 2 && delta > 0) {
    let size = 4;
    for (let i = 0; i < sa.children.length; i++) if (sa.children[i].esn === 1) size = 8;
    const data = new Uint8Array(size);
    put32(data, size - 4, delta);
    addStatus(w, N_IPSEC_REPLAY_COUNTER_SYNC, data);
  }
  const octets = seal(ike, sa, INFORMATIONAL, 0, 0);
  if (octets.length === 0) return false;
  setNote(sa.notes, ASKED, question);
  sa.task = createTask(TASK_PROBE, null);
  launch(ike, sa, INFORMATIONAL, octets, now);
  return true;
}

/** An answer is in ike.message: if it is the one to our question, moves our numbers. */
function onAnswer(sa: IkeSa, answer: Uint8Array): void {
  const question = noteOf(sa.notes, ASKED);
  if (question.length === 0 || !equal(question, 0, answer, 0, 4)) return;
  const send = u32(answer, 4);
  const receive = u32(answer, 8);
  if (!moves(u32(question, 4), receive) || !moves(u32(question, 8), send)) return;
  setNote(sa.notes, ASKED, NONE);
  settle(sa);
  sa.task = null;
  sa.nextId = Math.max(sa.nextId, receive);
  sa.expectedId = Math.max(sa.expectedId, send);
  // It belongs to an ID that is over.
  sa.response = NONE;
}

/** The value of IPSEC_REPLAY_COUNTER_SYNC; 0: none; -1: it cannot be. */
function deltaOf(ike: Ike): number {
  const data = dataOf(ike.message, N_IPSEC_REPLAY_COUNTER_SYNC);
  if (data === null) return 0;
  if (data.length !== 4 && data.length !== 8) return -1;
  const high = data.length === 8 ? u32(data, 0) : 0;
  const low = u32(data, data.length - 4);
  return high > 0 || low > DELTA_MAX ? -1 : low;
}

/**
 * `advance` moves the sequence numbers of all packets to the peer of an IKE SA forward by a number up to 1,048,576; null: this
 * side does not offer that.
 */
export function createCounterSync(advance: ((sa: IkeSa, delta: number) => void) | null): CounterSyncParts {
  /** A question of the peer is in ike.message. */
  function onQuestion(ike: Ike, sa: IkeSa, question: Uint8Array, now: number): void {
    const seen = seenOf(sa);
    if (seen.length > 0 && equal(seen, 0, question, 0, SIZE)) {
      transmitAll(ike, sa, noteOf(sa.notes, ANSWER), now);
      return;
    }
    const theirs = u32(question, 4);
    const ours = u32(question, 8);
    const delta = deltaOf(ike);
    const isNew = seen.length === 0 || theirs > u32(seen, 4);
    if (!isNew || !moves(sa.expectedId, theirs) || ours > sa.nextId + STEP_MAX || delta < 0) return;
    const send = Math.max(nextOf(sa), ours);
    const before = sa.nextId;
    sa.nextId = Math.max(sa.nextId, ours);
    addStatus(begin(ike), N_IKEV2_MESSAGE_ID_SYNC, ids(question, send, theirs));
    const octets = seal(ike, sa, INFORMATIONAL, FLAG_RESPONSE, 0);
    if (octets.length === 0) {
      sa.nextId = before;
      return;
    }
    sa.expectedId = theirs;
    sa.response = NONE;
    setNote(sa.notes, SEEN, join([take(question, 0, SIZE), take(sa.spis, 0, 8)]));
    setNote(sa.notes, ANSWER, octets);
    if (delta > 0 && advance !== null && agreed(sa) === 2) advance(sa, delta);
    transmitAll(ike, sa, octets, now);
  }

  return {
    extension: {
      add: (_ike, sa, step, _draft, w) => {
        const isAnswer = step === STEP_AUTH_RESPONSE;
        const offers = step === STEP_AUTH_REQUEST && sa.policy.counterSync !== false;
        if (!offers && !(isAnswer && agreed(sa) > 0)) return;
        addStatus(w, N_IKEV2_MESSAGE_ID_SYNC_SUPPORTED, NONE);
        if (advance !== null && (!isAnswer || agreed(sa) === 2)) {
          addStatus(w, N_IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED, NONE);
        }
      },
      read: (_ike, sa, step, _draft, m) => {
        if (step !== STEP_AUTH_REQUEST && step !== STEP_AUTH_RESPONSE) return 0;
        if (findNotify(m.payloads, m.buffer, N_IKEV2_MESSAGE_ID_SYNC_SUPPORTED) < 0) return 0;
        const level = new Uint8Array(1);
        const hasBoth = findNotify(m.payloads, m.buffer, N_IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED) >= 0;
        level[0] = hasBoth && advance !== null ? 2 : 1;
        setNote(sa.notes, AGREED, level);
        return 0;
      },
    },
    sync: {
      take: (ike, sa, isResponse, now) => {
        const data = agreed(sa) === 0 ? null : readIds(ike);
        if (data === null) return false;
        if (isResponse) onAnswer(sa, data);
        else onQuestion(ike, sa, data, now);
        return true;
      },
    },
  };
}
