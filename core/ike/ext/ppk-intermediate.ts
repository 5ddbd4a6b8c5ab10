// A pre-shared key mixed in before IKE_AUTH, in IKE_INTERMEDIATE, so that the IKE SA itself is protected
// [RFC 9867 §3.1, RFC 9242].

import { equal } from '../../base/spans.ts';
import { findPayload, notifyDataAt, notifyDataSize, notifyType } from '../codec/message.ts';
import {
  IKE_INTERMEDIATE,
  N_AUTHENTICATION_FAILED,
  N_PPK_IDENTITY,
  N_PPK_IDENTITY_KEY,
  PAYLOAD_NOTIFY,
} from '../codec/numbers.ts';
import { join, same, take } from '../codec/octets.ts';
import { addStatus, dataOf, errorOf } from '../codec/payloads.ts';
import { intAuthHeader, updateIntAuth } from '../crypto/auth.ts';
import { prf, prfPlus } from '../crypto/keys.ts';
import { wipeSkKey } from '../crypto/sk.ts';
import { deriveSk } from '../exchange/keying.ts';
import { begin, sendRequest, sendResponse } from '../exchange/send.ts';
import type { Ike, Intermediate } from '../state/ike.ts';
import { OUTCOME_PPK } from '../state/outcome.ts';
import type { IkeSa } from '../state/sa.ts';

/** Octets that confirm the key, behind PPK_ID. */
const CONFIRMATION = 8;
/** PPKs that a request may offer. */
const MAX_OFFERS = 8;

function nonces(sa: IkeSa): Uint8Array {
  return join([sa.setup!.kx.nonceI, sa.setup!.kx.nonceR]);
}

function confirmation(ike: Ike, sa: IkeSa, key: Uint8Array): Uint8Array {
  return take(prf(ike.provider, key, join([nonces(sa), sa.spis])), 0, CONFIRMATION);
}

/** Mixes the key in: new SK_* of everything. */
function mixIn(ike: Ike, sa: IkeSa, key: Uint8Array, id: Uint8Array): void {
  const seed = new Uint8Array(32);
  prfPlus(ike.provider, key, sa.skD, seed, 32);
  deriveSk(ike, sa, nonces(sa), seed, sa.setup);
  sa.setup!.ppkUsed = 2;
  sa.setup!.ppkId = id;
}

/** The payloads of a message of ours that is in the writer, and its header at the front of `message`. */
function authenticate(ike: Ike, sa: IkeSa, message: Uint8Array): void {
  const w = ike.writer;
  const header = intAuthHeader(message, 0, w.first, w.at - w.start);
  updateIntAuth(ike.provider, sa.setup!, sa.initiator, header, take(w.buffer, w.start, w.at - w.start));
}

/** The same for the peer's message in ike.message. */
function authenticatePeer(ike: Ike, sa: IkeSa): void {
  const m = ike.message;
  const header = intAuthHeader(ike.header, 0, m.first, m.size);
  updateIntAuth(ike.provider, sa.setup!, !sa.initiator, header, take(m.buffer, m.at, m.size));
}

/** `find`: the key of a PPK_ID for the responder; null where this side is an initiator only. */
export function createIntermediate(find: ((id: Uint8Array) => Uint8Array | null) | null): Intermediate {
  return {
    start: (ike, sa, now) => {
      const ppk = sa.policy.ppk;
      if (ppk === null || !sa.setup!.usePpkInt) return false;
      addStatus(begin(ike), N_PPK_IDENTITY_KEY, join([ppk.id, confirmation(ike, sa, ppk.key)]));
      if (!sendRequest(ike, sa, IKE_INTERMEDIATE, now)) return false;
      authenticate(ike, sa, sa.request);
      return true;
    },
    response: (ike, sa, _now) => {
      const ppk = sa.policy.ppk!;
      const error = errorOf(ike.message);
      const chosen = dataOf(ike.message, N_PPK_IDENTITY);
      if (error !== 0) return error;
      authenticatePeer(ike, sa);
      sa.setup!.intAuthDone = true;
      if (chosen === null) return ppk.mandatory ? OUTCOME_PPK : 0;
      if (!same(chosen, ppk.id)) return OUTCOME_PPK;
      const oldIn = sa.skIn!;
      const oldOut = sa.skOut!;
      mixIn(ike, sa, ppk.key, ppk.id);
      wipeSkKey(ike.provider, oldIn);
      wipeSkKey(ike.provider, oldOut);
      return 0;
    },
    request: (ike, sa, now) => {
      const m = ike.message;
      const p = m.payloads;
      const setup = sa.setup!;
      if (!setup.usePpkInt || setup.intAuthDone || find === null) return N_AUTHENTICATION_FAILED;
      authenticatePeer(ike, sa);
      let key: Uint8Array | null = null;
      let id: Uint8Array = m.buffer;
      let offers = 0;
      for (let i = findPayload(p, PAYLOAD_NOTIFY, 0); i >= 0; i = findPayload(p, PAYLOAD_NOTIFY, i + 1)) {
        if (notifyType(m.buffer, p.at[i]) !== N_PPK_IDENTITY_KEY || key !== null || ++offers > MAX_OFFERS) continue;
        const at = notifyDataAt(m.buffer, p.at[i]);
        const size = notifyDataSize(m.buffer, p.at[i], p.size[i]) - CONFIRMATION;
        if (size < 1) continue;
        id = take(m.buffer, at, size);
        const known = find(id);
        if (known === null) continue;
        if (equal(confirmation(ike, sa, known), 0, m.buffer, at + size, CONFIRMATION)) key = known;
      }
      const ppk = sa.policy.ppk;
      if (key === null && ppk !== null && ppk.mandatory) return N_AUTHENTICATION_FAILED;
      const w = begin(ike);
      if (key !== null) addStatus(w, N_PPK_IDENTITY, id);
      sendResponse(ike, sa, IKE_INTERMEDIATE, now);
      authenticate(ike, sa, sa.response);
      setup.intAuthDone = true;
      if (key === null) return 0;
      const oldOut = sa.skOut!;
      // The request may come again, under the keys that it was sent with.
      setup.earlierIn = sa.skIn;
      mixIn(ike, sa, key, id);
      wipeSkKey(ike.provider, oldOut);
      return 0;
    },
  };
}
