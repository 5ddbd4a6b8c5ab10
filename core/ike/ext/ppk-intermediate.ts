// Mixes a pre-shared key into the keys before IKE_AUTH, in IKE_INTERMEDIATE, so that it protects the IKE SA itself
// [RFC 9867 §3.1, RFC 9242].

import { equal } from '../../base/spans.ts';
import { findPayload, notifyDataAt, notifyDataSize, notifyType } from '../codec/message.ts';
import { N_AUTHENTICATION_FAILED, N_PPK_IDENTITY, N_PPK_IDENTITY_KEY, PAYLOAD_NOTIFY } from '../codec/numbers.ts';
import { join, NONE, same, take } from '../codec/octets.ts';
import { addStatus, dataOf } from '../codec/payloads.ts';
import { PRF_SIZE, prf, prfPlus } from '../crypto/keys.ts';
import type { Ike, Intermediate } from '../state/ike.ts';
import { OUTCOME_PPK } from '../state/outcome.ts';
import type { IkeSa } from '../state/sa.ts';
import { PPK_IN_INTERMEDIATE } from '../state/setup.ts';

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

/** The key of the first offer in ike.message that this side knows, and its PPK_ID in `setup.ppkId`; null: none. */
function chosen(ike: Ike, sa: IkeSa, find: FindPpk): Uint8Array | null {
  const m = ike.message;
  const p = m.payloads;
  let offers = 0;
  for (let i = findPayload(p, PAYLOAD_NOTIFY, 0); i >= 0; i = findPayload(p, PAYLOAD_NOTIFY, i + 1)) {
    if (notifyType(m.buffer, p.at[i]) !== N_PPK_IDENTITY_KEY || ++offers > MAX_OFFERS) continue;
    const at = notifyDataAt(m.buffer, p.at[i]);
    const size = notifyDataSize(m.buffer, p.at[i], p.size[i]) - CONFIRMATION;
    if (size < 1) continue;
    const id = take(m.buffer, at, size);
    const known = find(id);
    if (known === null || !equal(confirmation(ike, sa, known), 0, m.buffer, at + size, CONFIRMATION)) continue;
    sa.setup!.ppkId = id;
    return known;
  }
  return null;
}

/** The key of a PPK_ID, or null. */
export type FindPpk = (id: Uint8Array) => Uint8Array | null;

/** `find`: for the responder; null where this side is an initiator only. */
export function createIntermediate(find: FindPpk | null): Intermediate {
  // What the round that is being handled brings: no key, or the PPK.
  let key: Uint8Array | null = null;
  return {
    name: 'ppk',
    request: (ike, sa, w) => {
      const ppk = sa.policy.ppk;
      if (ppk === null || !sa.setup!.usePpkInt || sa.setup!.intPpkDone) return false;
      addStatus(w, N_PPK_IDENTITY_KEY, join([ppk.id, confirmation(ike, sa, ppk.key)]));
      return true;
    },
    response: (ike, sa) => {
      const ppk = sa.policy.ppk!;
      const setup = sa.setup!;
      const answer = dataOf(ike.message, N_PPK_IDENTITY);
      key = null;
      setup.intPpkDone = true;
      if (answer === null) return ppk.mandatory ? OUTCOME_PPK : 0;
      if (!same(answer, ppk.id)) return OUTCOME_PPK;
      setup.ppkId = ppk.id;
      key = ppk.key;
      return 0;
    },
    joins: (ike) => dataOf(ike.message, N_PPK_IDENTITY_KEY) !== null,
    takes: (_ike, sa) => find !== null && sa.setup!.usePpkInt && !sa.setup!.intPpkDone,
    answer: (ike, sa, w) => {
      const setup = sa.setup!;
      const ppk = sa.policy.ppk;
      key = chosen(ike, sa, find!);
      setup.intPpkDone = true;
      if (key === null && ppk !== null && ppk.mandatory) return N_AUTHENTICATION_FAILED;
      if (key !== null) addStatus(w, N_PPK_IDENTITY, setup.ppkId);
      return 0;
    },
    seed: (ike, sa) => {
      if (key === null) return NONE;
      const seed = new Uint8Array(PRF_SIZE);
      prfPlus(ike.provider, key, sa.skD, seed, PRF_SIZE);
      key = null;
      sa.setup!.ppkUsed = PPK_IN_INTERMEDIATE;
      return seed;
    },
  };
}
