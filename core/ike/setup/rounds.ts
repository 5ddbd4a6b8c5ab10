// IKE_INTERMEDIATE [RFC 9242]: rounds of extensions between IKE_SA_INIT and IKE_AUTH, one after the other in the order of
// the list. Each round is part of what AUTH covers, and may end with new keys.

import type { Writer } from '../codec/message.ts';
import { IKE_INTERMEDIATE, N_AUTHENTICATION_FAILED, N_INTERMEDIATE_EXCHANGE_SUPPORTED } from '../codec/numbers.ts';
import { join, NONE, take } from '../codec/octets.ts';
import { addStatus, errorOf } from '../codec/payloads.ts';
import { intAuthHeader, updateIntAuth } from '../crypto/auth.ts';
import { wipeSkKey } from '../crypto/sk.ts';
import { deriveSk } from '../exchange/keying.ts';
import { begin, sendRequest, sendResponse } from '../exchange/send.ts';
import { endIkeSa } from '../exchange/session.ts';
import type { Ike, Intermediate, Rounds } from '../state/ike.ts';
import { OUTCOME_REFUSED, type Verdict } from '../state/outcome.ts';
import { type IkeSa, STATE_INTERMEDIATE_SENT } from '../state/sa.ts';

/** Most rounds that a peer may ask for before it has proved its identity. */
const MAX_ROUNDS = 16;

/** Announces rounds in IKE_SA_INIT, once for all extensions that have some. */
export function offerRounds(sa: IkeSa, w: Writer): void {
  const setup = sa.setup!;
  if (setup.roundsOffered) return;
  setup.roundsOffered = true;
  addStatus(w, N_INTERMEDIATE_EXCHANGE_SUPPORTED, NONE);
}

/** The part of our message in the writer that AUTH covers; its header is at the front of `message`. */
function coverOwn(ike: Ike, sa: IkeSa, message: Uint8Array): void {
  const w = ike.writer;
  const header = intAuthHeader(message, 0, w.first, w.at - w.start);
  updateIntAuth(ike.provider, sa.setup!, sa.initiator, header, take(w.buffer, w.start, w.at - w.start));
}

/** The same for the peer's message in ike.message. */
function coverPeer(ike: Ike, sa: IkeSa): void {
  const m = ike.message;
  const header = intAuthHeader(ike.header, 0, m.first, m.size);
  updateIntAuth(ike.provider, sa.setup!, !sa.initiator, header, take(m.buffer, m.at, m.size));
}

/**
 * Ends the round of one extension: derives all SK_* anew if it brought a new SKEYSEED. `isFirst`: no other extension of the
 * same message did before, so that the message came with the keys that are there. True: the keys are others now.
 */
function changeKeys(ike: Ike, sa: IkeSa, seed: Uint8Array, isFirst: boolean): boolean {
  const setup = sa.setup!;
  setup.intAuthDone = true;
  if (seed.length === 0) return false;
  const oldIn = sa.skIn!;
  const oldOut = sa.skOut!;
  deriveSk(ike, sa, join([setup.kx.nonceI, setup.kx.nonceR]), seed, setup);
  wipeSkKey(ike.provider, oldOut);
  if (sa.initiator || !isFirst) {
    wipeSkKey(ike.provider, oldIn);
    return true;
  }
  // The request may come again, under the keys that it was sent with.
  if (setup.earlierIn !== null) wipeSkKey(ike.provider, setup.earlierIn);
  setup.earlierIn = oldIn;
  return true;
}

/** Adds what the next extensions may send in the same message; how many extensions it has. */
function addShared(list: Intermediate[], ike: Ike, sa: IkeSa): number {
  let at = sa.setup!.round;
  const first = at;
  for (; at + 1 < list.length; at++) {
    const shares = list[at].shares;
    if (shares === undefined || !shares(sa) || !list[at + 1].request(ike, sa, ike.writer)) break;
  }
  return at + 1 - first;
}

/** Initiator: sends the next round's request. False: there is none. What does not fit a message ends the SA. */
function start(list: Intermediate[], ike: Ike, sa: IkeSa, now: number): boolean {
  const setup = sa.setup!;
  for (; setup.round < list.length; setup.round++) {
    if (!list[setup.round].request(ike, sa, begin(ike))) continue;
    setup.sharing = addShared(list, ike, sa);
    if (!sendRequest(ike, sa, IKE_INTERMEDIATE, now)) {
      // IKE_AUTH without the round would be an SA with less than was agreed.
      endIkeSa(ike, sa, OUTCOME_REFUSED, now);
      return true;
    }
    coverOwn(ike, sa, sa.request);
    sa.state = STATE_INTERMEDIATE_SENT;
    return true;
  }
  return false;
}

/** Initiator: the answer to a round is in ike.message. 0, or what ends the SA. */
function read(list: Intermediate[], ike: Ike, sa: IkeSa): Verdict {
  const error = errorOf(ike.message);
  if (error !== 0) return error;
  const setup = sa.setup!;
  coverPeer(ike, sa);
  for (let i = 0; i < setup.sharing; i++) {
    const one = list[setup.round + i];
    const verdict = one.response(ike, sa);
    if (verdict !== 0) return verdict;
    changeKeys(ike, sa, one.seed(ike, sa), true);
  }
  return 0;
}

/** Responder: answers the round in ike.message. 0, or the error. */
function answer(list: Intermediate[], ike: Ike, sa: IkeSa, now: number): Verdict {
  const setup = sa.setup!;
  if (setup.round >= MAX_ROUNDS) return N_AUTHENTICATION_FAILED;
  setup.round++;
  const ours: Intermediate[] = [];
  for (let i = 0; i < list.length; i++) {
    const joins = list[i].joins;
    const isMore = ours.length > 0 && (joins === undefined || !joins(ike));
    if (!isMore && list[i].takes(ike, sa)) ours.push(list[i]);
  }
  if (ours.length === 0) return N_AUTHENTICATION_FAILED;
  coverPeer(ike, sa);
  begin(ike);
  for (let i = 0; i < ours.length; i++) {
    const verdict = ours[i].answer(ike, sa, ike.writer);
    if (verdict !== 0) return verdict;
  }
  sendResponse(ike, sa, IKE_INTERMEDIATE, now);
  coverOwn(ike, sa, sa.response);
  let isFirst = true;
  for (let i = 0; i < ours.length; i++) if (changeKeys(ike, sa, ours[i].seed(ike, sa), isFirst)) isFirst = false;
  return 0;
}

/** The part of an endpoint for IKE_INTERMEDIATE, with the rounds of these extensions. */
export function createRounds(list: Intermediate[]): Rounds {
  return {
    list: list,
    start: (ike, sa, now) => start(list, ike, sa, now),
    read: (ike, sa) => read(list, ike, sa),
    answer: (ike, sa, now) => answer(list, ike, sa, now),
  };
}
