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

/** Ends a round: derives all SK_* anew if it brought a new SKEYSEED. */
function changeKeys(ike: Ike, sa: IkeSa, seed: Uint8Array): void {
  const setup = sa.setup!;
  setup.intAuthDone = true;
  if (seed.length === 0) return;
  const oldIn = sa.skIn!;
  const oldOut = sa.skOut!;
  deriveSk(ike, sa, join([setup.kx.nonceI, setup.kx.nonceR]), seed, setup);
  wipeSkKey(ike.provider, oldOut);
  if (sa.initiator) {
    wipeSkKey(ike.provider, oldIn);
    return;
  }
  // The request may come again, under the keys that it was sent with.
  if (setup.earlierIn !== null) wipeSkKey(ike.provider, setup.earlierIn);
  setup.earlierIn = oldIn;
}

/** Initiator: sends the next round's request. False: there is none. What does not fit a message ends the SA. */
function start(list: Intermediate[], ike: Ike, sa: IkeSa, now: number): boolean {
  const setup = sa.setup!;
  for (; setup.round < list.length; setup.round++) {
    if (!list[setup.round].request(ike, sa, begin(ike))) continue;
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
  const one = list[sa.setup!.round];
  coverPeer(ike, sa);
  const verdict = one.response(ike, sa);
  if (verdict === 0) changeKeys(ike, sa, one.seed(ike, sa));
  return verdict;
}

/** Responder: answers the round in ike.message. 0, or the error. */
function answer(list: Intermediate[], ike: Ike, sa: IkeSa, now: number): Verdict {
  const setup = sa.setup!;
  if (setup.round >= MAX_ROUNDS) return N_AUTHENTICATION_FAILED;
  setup.round++;
  for (let i = 0; i < list.length; i++) {
    const one = list[i];
    if (!one.takes(ike, sa)) continue;
    coverPeer(ike, sa);
    const verdict = one.answer(ike, sa, begin(ike));
    if (verdict !== 0) return verdict;
    sendResponse(ike, sa, IKE_INTERMEDIATE, now);
    coverOwn(ike, sa, sa.response);
    changeKeys(ike, sa, one.seed(ike, sa));
    return 0;
  }
  return N_AUTHENTICATION_FAILED;
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
