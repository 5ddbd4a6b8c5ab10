// Makes and reads IKE_SA_INIT for both sides [RFC 7296 §1.2, §2.6, §2.7, §3.4].

import { u16 } from '../../base/bytes.ts';
import { beginMessage, endMessage, findPayload } from '../codec/message.ts';
import {
  AUTH_DIGITAL_SIGNATURE,
  FLAG_INITIATOR,
  FLAG_RESPONSE,
  HASH_IDENTITY,
  IKE_SA_INIT,
  N_COOKIE,
  N_FRAGMENTATION_SUPPORTED,
  N_INVALID_SYNTAX,
  N_SIGNATURE_HASH_ALGORITHMS,
  PAYLOAD_KE,
  PAYLOAD_NONCE,
  PROTOCOL_IKE,
} from '../codec/numbers.ts';
import { NONE, take } from '../codec/octets.ts';
import { addStatus, bodyOf, dataOf, type Message } from '../codec/payloads.ts';
import { addAnswer, addSa, type Choice, NO_EXTRA, type Transform, type Transforms } from '../codec/proposals.ts';
import { addKeAndNonce } from '../crypto/key-exchange.ts';
import { extend, readExtensions } from '../exchange/extensions.ts';
import { noteOf } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import type { Verdict } from '../state/outcome.ts';
import type { IkePolicy } from '../state/policy.ts';
import type { IkeSa } from '../state/sa.ts';
import { STEP_INIT_REQUEST, STEP_INIT_RESPONSE, type Step } from '../state/step.ts';

/** The note of a set-up by a ticket whose SA had transforms beyond the usual ones. */
export const TICKET_EXTRA = 'ticket-extra';

function hasOne(list: Transform[], type: number, id: number): boolean {
  for (let i = 0; i < list.length; i++) if (list[i].type === type && list[i].id === id) return true;
  return false;
}

/** True when the chosen transforms beyond the usual ones are those that a proposal asks for; NONE (0) is as good as none. */
function allowsExtra(p: Transforms, sa: IkeSa): boolean {
  const asked = p.extra === undefined ? NO_EXTRA : p.extra.list;
  const chosen = sa.transforms;
  // What a ticket does not tell was agreed when it was given.
  if (noteOf(sa.setup!.notes, TICKET_EXTRA).length > 0) return true;
  for (let i = 0; i < chosen.length; i++) {
    if (chosen[i].id !== 0 && !hasOne(asked, chosen[i].type, chosen[i].id)) return false;
  }
  for (let i = 0; i < asked.length; i++) {
    const type = asked[i].type;
    let isMet = hasOne(asked, type, 0);
    for (let j = 0; j < chosen.length; j++)
      if (chosen[j].type === type && hasOne(asked, type, chosen[j].id)) isMet = true;
    if (!isMet) return false;
  }
  return true;
}

/** True when the policy of the now known peer allows what was agreed for the IKE SA. */
export function allows(policy: IkePolicy, sa: IkeSa): boolean {
  const cipher = sa.cipher!;
  for (let i = 0; i < policy.ike.length; i++) {
    const p = policy.ike[i];
    let hasCipher = false;
    let hasKe = false;
    for (let j = 0; j < p.ciphers.length; j++) {
      const sameIntegrity = cipher.integ === (p.integ.length > 0 ? p.integ[0] : 0);
      if (p.ciphers[j] === cipher.encr && p.keyBits[j] === cipher.keyBits && sameIntegrity) hasCipher = true;
    }
    for (let j = 0; j < p.ke.length; j++) if (p.ke[j] === sa.ke) hasKe = true;
    if (hasCipher && hasKe && allowsExtra(p, sa)) return true;
  }
  return false;
}

/** Our message: a request, or with `choice` the response. Empty: it does not fit. */
export function makeInit(ike: Ike, sa: IkeSa, choice: Choice | null): Uint8Array {
  const setup = sa.setup!;
  const policy = sa.policy;
  const w = ike.writer;
  setup.roundsOffered = false;
  const flags = choice === null ? FLAG_INITIATOR : FLAG_RESPONSE;
  beginMessage(w, 0, sa.spis, IKE_SA_INIT, flags, 0);
  if (setup.cookie.length > 0) addStatus(w, N_COOKIE, setup.cookie);
  if (choice === null) addSa(w, policy.ike, NONE, 0, 0);
  else addAnswer(w, PROTOCOL_IKE, choice, NONE, 0, 0);
  addKeAndNonce(setup.kx, choice === null ? setup.kx.nonceI : setup.kx.nonceR, w);
  if (policy.fragmentSize > 0 && ike.reassembly !== null && (choice === null || setup.fragmentation)) {
    addStatus(w, N_FRAGMENTATION_SUPPORTED, NONE);
  }
  const signatures = policy.signatures;
  const isSigned =
    policy.localAuth === AUTH_DIGITAL_SIGNATURE || policy.remoteAuth === AUTH_DIGITAL_SIGNATURE || setup.hashIdentity;
  if (signatures !== undefined) addStatus(w, N_SIGNATURE_HASH_ALGORITHMS, signatures.hashes);
  else if (isSigned && ike.asymmetric.hasEd25519()) {
    const identity = new Uint8Array(2);
    identity[1] = HASH_IDENTITY;
    addStatus(w, N_SIGNATURE_HASH_ALGORITHMS, identity);
  }
  const step = choice === null ? STEP_INIT_REQUEST : STEP_INIT_RESPONSE;
  extend(ike, sa, step, null, w);
  const size = endMessage(w);
  return size < 0 ? NONE : take(w.buffer, 0, size);
}

/** Reads the parts common to both directions: nonce, notifies, extensions. Returns 0, or the error. */
export function readInit(ike: Ike, sa: IkeSa, step: Step, m: Message): Verdict {
  const setup = sa.setup!;
  const nonce = bodyOf(m, PAYLOAD_NONCE);
  if (nonce.length === 0 || findPayload(m.payloads, PAYLOAD_KE, 0) < 0) return N_INVALID_SYNTAX;
  if (step === STEP_INIT_REQUEST) setup.kx.nonceI = nonce;
  else setup.kx.nonceR = nonce;
  setup.fragmentation = ike.reassembly !== null && dataOf(m, N_FRAGMENTATION_SUPPORTED) !== null;
  const hashes = dataOf(m, N_SIGNATURE_HASH_ALGORITHMS);
  setup.hashIdentity = false;
  if (hashes !== null) {
    for (let i = 0; i + 1 < hashes.length; i += 2) if (u16(hashes, i) === HASH_IDENTITY) setup.hashIdentity = true;
  }
  return readExtensions(ike, sa, step, null, m);
}
