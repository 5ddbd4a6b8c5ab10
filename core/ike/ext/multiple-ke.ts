// Additional key exchanges [RFC 9370]: up to seven beside the first, such as ML-KEM beside X25519. The transforms ADDKE1 to ADDKE7
// negotiate them; their rounds are IKE_INTERMEDIATE before IKE_AUTH, and IKE_FOLLOWUP_KE after CREATE_CHILD_SA.

import { KE_ANSWERS, KE_OPENS } from '../../crypto/asymmetric.ts';
import { createExtra } from '../codec/extra-transforms.ts';
import { findPayload } from '../codec/message.ts';
import {
  N_AUTHENTICATION_FAILED,
  N_INTERMEDIATE_EXCHANGE_SUPPORTED,
  N_INVALID_SYNTAX,
  N_NO_PROPOSAL_CHOSEN,
  PAYLOAD_KE,
  TRANSFORM_ADDKE1,
  TRANSFORM_ADDKE7,
} from '../codec/numbers.ts';
import { join, NONE, wipe } from '../codec/octets.ts';
import { addKe, dataOf } from '../codec/payloads.ts';
import {
  type Choice,
  type ExtraTransforms,
  hasTransform,
  type Transform,
  type Transforms,
} from '../codec/proposals.ts';
import { createKeyExchange, dropKe, finishKe, type KeyExchange, SECRET_SIZE, startKe } from '../crypto/key-exchange.ts';
import { prf, SEED_MAX } from '../crypto/keys.ts';
import { offerRounds } from '../setup/rounds.ts';
import { type Draft, noteOf, setNote } from '../state/child.ts';
import type { Extension, FollowUp, Intermediate } from '../state/ike.ts';
import { OUTCOME_PROTOCOL, type Verdict } from '../state/outcome.ts';
import type { IkeSa } from '../state/sa.ts';
import { STEP_IDENT_REQUEST, STEP_INIT_REQUEST, STEP_INIT_RESPONSE } from '../state/step.ts';

/** Names the rounds, and the note of an IKE SA that is being set up: as many octets as rounds are done. */
const NAME = 'multiple-ke';

function isAdditional(type: number): boolean {
  return type >= TRANSFORM_ADDKE1 && type <= TRANSFORM_ADDKE7;
}

function isOffered(types: number, type: number): boolean {
  return ((types >>> type) & 1) === 1;
}

/** True when `out` has this method: those of one SA must differ, except for NONE [RFC 9370 §2.2.2]. */
function isTaken(out: Transform[], id: number): boolean {
  for (let i = 0; i < out.length; i++) if (out[i].id === id) return id !== 0;
  return false;
}

/** Chooses for the types from `type` on, each with what the ones before it leave. False: there is no such choice. */
function pick(
  list: Transform[],
  buffer: Uint8Array,
  at: number,
  types: number,
  type: number,
  out: Transform[],
): boolean {
  if (type > TRANSFORM_ADDKE7) return true;
  const offered = isOffered(types, type);
  let isOurs = false;
  for (let i = 0; i < list.length; i++) {
    const id = list[i].id;
    if (list[i].type !== type) continue;
    isOurs = true;
    if (!offered && id === 0 && pick(list, buffer, at, types, type + 1, out)) return true;
    if (!offered || isTaken(out, id) || !hasTransform(buffer, at, type, id, 0)) continue;
    out.push({ type: type, id: id, attributes: NONE });
    if (pick(list, buffer, at, types, type + 1, out)) return true;
    out.pop();
  }
  if (isOurs) return false;
  // A type that only the peer has: NONE, if that is on offer.
  if (offered && !hasTransform(buffer, at, type, 0, 0)) return false;
  if (offered) out.push({ type: type, id: 0, attributes: NONE });
  return pick(list, buffer, at, types, type + 1, out);
}

/** Chooses from the peer's proposal at `at`; false: it does not fit. */
function choose(inner: ExtraTransforms, buffer: Uint8Array, at: number, own: Transforms, out: Choice): boolean {
  const chosen: Transform[] = [];
  if (!pick(inner.list, buffer, at, out.types, TRANSFORM_ADDKE1, chosen)) return false;
  if (!inner.without(TRANSFORM_ADDKE1, TRANSFORM_ADDKE7).choose(buffer, at, own, out)) return false;
  for (let i = 0; i < out.extra.length; i++) chosen.push(out.extra[i]);
  out.extra = chosen;
  return true;
}

function createWrapped(inner: ExtraTransforms): ExtraTransforms {
  return {
    list: inner.list,
    has: (type) => isAdditional(type) || inner.has(type),
    add: (w) => inner.add(w),
    choose: (buffer, at, own, out) => choose(inner, buffer, at, own, out),
    without: (first, last) => createWrapped(inner.without(first, last)),
    answer: inner.answer,
  };
}

/**
 * Makes `Transforms.extra` with additional key exchanges: `list` has transforms of the types 6 to 12 with KE_* as their id, in order
 * of preference within a type, and may have those of other types. Id 0 (NONE): the exchange may be left out. With an empty list
 * a proposal takes NONE of a peer that offers additional key exchanges, and offers nothing itself.
 */
export function createAdditionalKe(list: Transform[]): ExtraTransforms {
  return createWrapped(createExtra(list));
}

/** Methods of the additional key exchanges that were agreed, in their order; empty: none. */
export function additionalKes(transforms: Transform[]): number[] {
  const out: number[] = [];
  for (let i = 0; i < transforms.length; i++) {
    if (isAdditional(transforms[i].type) && transforms[i].id !== 0) out.push(transforms[i].id);
  }
  return out;
}

function offersAny(proposals: Transforms[]): boolean {
  for (let i = 0; i < proposals.length; i++) {
    const extra = proposals[i].extra;
    if (extra !== undefined && additionalKes(extra.list).length > 0) return true;
  }
  return false;
}

/** The method of the next round before IKE_AUTH; 0: none is left. */
function nextRound(sa: IkeSa): number {
  const setup = sa.setup;
  if (setup === null || setup.resumed) return 0;
  const methods = additionalKes(sa.transforms);
  const done = noteOf(setup.notes, NAME).length;
  return done < methods.length ? methods[done] : 0;
}

/** Announces the rounds in IKE_SA_INIT, and sees that none is left out. */
export const additionalKeyExchanges: Extension = {
  add: (_ike, sa, step, _draft, w) => {
    const setup = sa.setup;
    if (setup === null || setup.resumed) return;
    if (step === STEP_INIT_REQUEST && offersAny(sa.policy.ike)) offerRounds(sa, w);
    if (step === STEP_INIT_RESPONSE && nextRound(sa) !== 0) offerRounds(sa, w);
  },
  read: (_ike, sa, step, draft, m) => {
    if (draft !== null) {
      // They add to a key exchange, and never stand for one [RFC 9370 §2.2.4].
      const isAlone = draft.choice.ke === 0 && additionalKes(draft.choice.extra).length > 0;
      return !isAlone ? 0 : draft.own ? OUTCOME_PROTOCOL : N_NO_PROPOSAL_CHOSEN;
    }
    if (nextRound(sa) === 0) return 0;
    if (step === STEP_IDENT_REQUEST) return N_AUTHENTICATION_FAILED;
    if (step !== STEP_INIT_REQUEST && step !== STEP_INIT_RESPONSE) return 0;
    if (dataOf(m, N_INTERMEDIATE_EXCHANGE_SUPPORTED) !== null) return 0;
    return step === STEP_INIT_REQUEST ? N_NO_PROPOSAL_CHOSEN : OUTCOME_PROTOCOL;
  },
};

function endRound(sa: IkeSa): void {
  const notes = sa.setup!.notes;
  setNote(notes, NAME, new Uint8Array(noteOf(notes, NAME).length + 1));
}

/** Rounds of IKE_INTERMEDIATE [RFC 9370 §2.2.2]: SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr). */
export const keyExchangeRounds: Intermediate = {
  name: NAME,
  request: (ike, sa, w) => {
    const method = nextRound(sa);
    if (method === 0) return false;
    const kx = sa.setup!.kx;
    startKe(ike.asymmetric, kx, method, KE_OPENS);
    addKe(w, method, kx.own);
    return true;
  },
  shares: (sa) => additionalKes(sa.transforms).length === noteOf(sa.setup!.notes, NAME).length + 1,
  response: (ike, sa) => {
    if (!finishKe(ike.asymmetric, sa.setup!.kx, ike.message)) return OUTCOME_PROTOCOL;
    endRound(sa);
    return 0;
  },
  takes: (ike, sa) => nextRound(sa) !== 0 && findPayload(ike.message.payloads, PAYLOAD_KE, 0) >= 0,
  answer: (ike, sa, w) => {
    const kx = sa.setup!.kx;
    const method = nextRound(sa);
    startKe(ike.asymmetric, kx, method, KE_ANSWERS);
    if (!finishKe(ike.asymmetric, kx, ike.message)) return N_INVALID_SYNTAX;
    addKe(w, method, kx.own);
    endRound(sa);
    return 0;
  },
  seed: (ike, sa) => {
    const kx = sa.setup!.kx;
    const material = join([kx.secret, kx.nonceI, kx.nonceR]);
    const seed = prf(ike.provider, sa.skD, material);
    wipe(material);
    wipe(kx.secret);
    return seed;
  },
};

/** The method of the next round after CREATE_CHILD_SA; 0: none is left. */
function nextFollowUp(kx: KeyExchange, transforms: Transform[]): number {
  const methods = additionalKes(transforms);
  const done = kx.more.length / SECRET_SIZE;
  return done < methods.length ? methods[done] : 0;
}

/** Puts the next secret behind the others: 0; or `error` where the keys could not be derived with nonces of this length. */
function append(kx: KeyExchange, secret: Uint8Array, error: Verdict): Verdict {
  const old = kx.more;
  kx.more = join([old, secret]);
  wipe(old);
  wipe(secret);
  const size = SECRET_SIZE + kx.nonceI.length + kx.nonceR.length + kx.more.length;
  return size > SEED_MAX ? error : 0;
}

/** The first choice of each additional key exchange of a proposal. */
function firstChoices(list: Transform[]): Transform[] {
  const out: Transform[] = [];
  for (let i = 0; i < list.length; i++) {
    const isFirst = out.length === 0 || out[out.length - 1].type !== list[i].type;
    if (isAdditional(list[i].type) && isFirst) out.push(list[i]);
  }
  return out;
}

function hasAdditional(transforms: Transform[]): boolean {
  for (let i = 0; i < transforms.length; i++) if (isAdditional(transforms[i].type)) return true;
  return false;
}

/**
 * The first Child SA between peers that are configured for each other was made without negotiation of its rekeys: the policy
 * decides about their key exchange, and so about the additional ones.
 */
function completeChoice(sa: IkeSa, draft: Draft): void {
  const old = draft.replaces;
  const proposal = draft.policy.esp[0];
  if (!draft.optimized || old === null || old.ke === 0 || hasAdditional(draft.choice.extra)) return;
  if (!sa.policy.privateAlways || proposal.extra === undefined || proposal.ke[0] !== old.ke) return;
  // The transforms of the old Child SA stay its own.
  const list = firstChoices(proposal.extra.list);
  for (let i = 0; i < draft.choice.extra.length; i++) list.push(draft.choice.extra[i]);
  draft.choice.extra = list;
}

/** Rounds of IKE_FOLLOWUP_KE [RFC 9370 §2.2.4]: SK(1) to SK(n) stand behind the nonces in what keys are derived from. */
export const keyExchangeFollowUps: FollowUp = {
  holds: (_ike, sa, draft) => {
    completeChoice(sa, draft);
    return additionalKes(draft.choice.extra).length > 0;
  },
  request: (ike, _sa, draft, w) => {
    const kx = draft.kx;
    const method = nextFollowUp(kx, draft.choice.extra);
    if (method === 0) return false;
    startKe(ike.asymmetric, kx, method, KE_OPENS);
    addKe(w, method, kx.own);
    return true;
  },
  response: (ike, _sa, draft) => {
    const kx = draft.kx;
    // SK(0) stays where it is; it is needed at the end.
    const first = kx.secret;
    kx.secret = NONE;
    const fine = finishKe(ike.asymmetric, kx, ike.message);
    const secret = kx.secret;
    kx.secret = first;
    return fine ? append(kx, secret, OUTCOME_PROTOCOL) : OUTCOME_PROTOCOL;
  },
  answer: (ike, _sa, draft, w) => {
    const method = nextFollowUp(draft.kx, draft.choice.extra);
    const one = createKeyExchange();
    startKe(ike.asymmetric, one, method, KE_ANSWERS);
    if (!finishKe(ike.asymmetric, one, ike.message)) {
      dropKe(ike.asymmetric, one);
      return N_INVALID_SYNTAX;
    }
    addKe(w, method, one.own);
    return append(draft.kx, one.secret, N_NO_PROPOSAL_CHOSEN);
  },
  isDone: (_ike, _sa, draft) => nextFollowUp(draft.kx, draft.choice.extra) === 0,
};
