// The gateway's CREATE_CHILD_SA: a new Child SA, its rekey, the rekey of the IKE SA, in either form, alone or while ours is on its
// way [RFC 7296 §1.3, §2.8, §2.25]. As core/ike/child/create.ts and its neighbours.

import { copy, put16, put32, u32 } from '../../../core/base/bytes.ts';
import {
  CREATE_CHILD_SA,
  N_CHILD_SA_NOT_FOUND,
  N_INVALID_KE_PAYLOAD,
  N_INVALID_SYNTAX,
  N_NO_ADDITIONAL_SAS,
  N_NO_PROPOSAL_CHOSEN,
  N_REKEY_SA,
  N_TEMPORARY_FAILURE,
  N_TS_UNACCEPTABLE,
  N_USE_TRANSPORT_MODE,
  PAYLOAD_NOTIFY,
  PAYLOAD_SA,
  PAYLOAD_TSI,
  PAYLOAD_TSR,
  PROTOCOL_ESP,
  PROTOCOL_IKE,
} from '../../../core/ike/codec/numbers.ts';
import { OUTCOME_PROTOCOL } from '../../../core/ike/state/outcome.ts';
import { CHILD_SUPERSEDED, STATE_REPLACED } from '../../../core/ike/state/stage.ts';
import { TASK_CHILD, TASK_PROBE, TASK_REKEY_CHILD, TASK_REKEY_IKE } from '../../../core/ike/state/task.ts';
import { randomOctets } from '../crypto.ts';
import { newSpi } from '../esp-sa.ts';
import type { Profile } from '../profile.ts';
import {
  dietOf,
  fitsSelectors,
  keMethod,
  keSecret,
  lowerNonce,
  newChild,
  newNonce,
  peerNonce,
  putKe,
  putNonce,
  putSelectors,
  ROLE_ANSWERED,
} from './child-parts.ts';
import { nextIke } from './create-child.ts';
import { endIke, hasLiveChild, ikeAdopt, ikeDecided } from './ike-life.ts';
import { type ChildSlot, type IkeSlot, S } from './ike-state.ts';
import { sealAnswer } from './messages.ts';
import { addNote, addPayloads, addRoom, beginPayloads, chain, foundAt, foundSize, seek, W } from './payloads.ts';
import { addChosen, chooseProposal, chosenKe, chosenSpiAt } from './proposal.ts';

declare const P: Profile;

/** Most Child SAs, replaced ones and those that wait for late packets among them. */
const CHILDREN_MAX = 12;
/** The method that INVALID_KE_PAYLOAD asks for. */
let wantedKe = 0;

/** The live or superseded Child SA with the gateway's inbound SPI, or null. */
export function childWith(sa: IkeSlot, spi: number): ChildSlot | null {
  if (sa !== S.current) return null;
  for (let one = S.children; one !== null; one = one.next) {
    if (one.spiOut === spi && spi !== 0 && one.removeAt < 0) return one;
  }
  return null;
}

/** A request to rekey the IKE SA: 0 when it has been answered, or why it is refused. */
function answerIkeRekey(sa: IkeSlot, optimized: boolean, now: number): number {
  const task = sa.task;
  if (sa !== S.current || (task !== 0 && task !== TASK_REKEY_IKE && task !== TASK_PROBE)) return N_TEMPORARY_FAILURE;
  // One after the other: the peer has to delete the SA that this one replaced first.
  if (S.rival !== null) return N_TEMPORARY_FAILURE;
  for (let one = S.list; one !== null; one = one.next) if (one.state === STATE_REPLACED) return N_TEMPORARY_FAILURE;
  const ni = peerNonce();
  if (ni === null) return N_INVALID_SYNTAX;
  const spis = new Uint8Array(16);
  let method = S.ke;
  if (P.optimizedType !== 0 && optimized) {
    if (seek(PAYLOAD_SA, 0, 0) || keMethod() !== method) return N_NO_PROPOSAL_CHOSEN;
    if (!seek(PAYLOAD_NOTIFY, P.optimizedType, 0) || foundSize !== 8) return N_INVALID_SYNTAX;
    copy(spis, 0, chain, foundAt, 8);
  } else {
    const verdict = chooseProposal(P.ikeWant, PROTOCOL_IKE, 8, keMethod(), 0);
    if (verdict !== 0) return verdict;
    method = chosenKe;
    copy(spis, 0, chain, chosenSpiAt, 8);
  }
  wantedKe = method;
  if (method === 0) return N_NO_PROPOSAL_CHOSEN;
  if (keMethod() !== method) return N_INVALID_KE_PAYLOAD;
  const nr = newNonce();
  const x = new Uint8Array(32);
  randomOctets(spis, 8, 8);
  beginPayloads();
  if (P.optimizedType !== 0 && optimized) copy(W, addNote(P.optimizedType, 8), spis, 8, 8);
  else copy(W, addChosen(PROTOCOL_IKE, 8), spis, 8, 8);
  putNonce(nr);
  putKe(method, x);
  const secret = keSecret(method, x);
  if (secret === null) return N_INVALID_SYNTAX;
  sealAnswer(sa, CREATE_CHILD_SA, now);
  S.ke = method;
  const next = nextIke(sa, 0, spis, secret, ni, nr);
  if (task === TASK_REKEY_IKE) {
    S.rival = next;
    S.rivalNonce = lowerNonce(ni, nr);
    // The loser deletes the SA that it made; a side without an answer does not know of it.
    next.endAt = now + P.retransmitTime * 64;
  } else ikeAdopt(next, now);
  return 0;
}

/** A request for a Child SA, or for the rekey of `old`: 0 when it has been answered, or why it is refused. */
function answerChild(sa: IkeSlot, old: ChildSlot | null, optimized: boolean, now: number): number {
  let count = 0;
  if (old === null && hasLiveChild()) return N_NO_ADDITIONAL_SAS;
  for (let one = S.children; one !== null; one = one.next) count++;
  if (count >= CHILDREN_MAX || sa !== S.current) return N_TEMPORARY_FAILURE;
  const ni = peerNonce();
  if (ni === null) return N_INVALID_SYNTAX;
  const short = P.optimizedType !== 0 && optimized && old !== null;
  let method = 0;
  let spiOut = 0;
  let number = 0;
  if (short) {
    if (!seek(PAYLOAD_NOTIFY, P.optimizedType, 0) || foundSize !== 4) return N_INVALID_SYNTAX;
    spiOut = u32(chain, foundAt);
    method = old.ke;
    const isMixed = seek(PAYLOAD_SA, 0, 0) || seek(PAYLOAD_TSI, 0, 0) || seek(PAYLOAD_TSR, 0, 0);
    if (spiOut > 255 && (isMixed || keMethod() !== method)) return N_NO_PROPOSAL_CHOSEN;
  } else {
    const verdict = chooseProposal(P.espWantKe, PROTOCOL_ESP, 4, keMethod(), 0);
    if (verdict !== 0) return verdict;
    spiOut = u32(chain, chosenSpiAt);
    method = chosenKe;
    if (spiOut > 255) {
      if (!fitsSelectors(false)) return N_TS_UNACCEPTABLE;
      if (P.hcpType !== 0) {
        number = dietOf(false);
        if (number === 0) return N_NO_PROPOSAL_CHOSEN;
      }
      if (method === 0 && P.childKe !== 0 && !P.childKeOptional) return N_NO_PROPOSAL_CHOSEN;
    }
  }
  if (spiOut < 256) return N_INVALID_SYNTAX;
  wantedKe = method;
  if (method !== 0 && keMethod() !== method) return N_INVALID_KE_PAYLOAD;
  const spiIn = newSpi();
  const nr = newNonce();
  let secret: Uint8Array | null = null;
  beginPayloads();
  if (short) put32(W, addNote(P.optimizedType, 4), spiIn);
  else {
    if (P.transportMode) addNote(N_USE_TRANSPORT_MODE, 0);
    if (P.hcpType !== 0) W[addPayloads(PAYLOAD_NOTIFY, P.hcpAnswer, 0) + 8] = number;
    put32(W, addChosen(PROTOCOL_ESP, 4), spiIn);
  }
  putNonce(nr);
  if (method !== 0) {
    const x = new Uint8Array(32);
    putKe(method, x);
    secret = keSecret(method, x);
    if (secret === null) return N_INVALID_SYNTAX;
  }
  if (!short) putSelectors(false);
  sealAnswer(sa, CREATE_CHILD_SA, now);
  const child = newChild(spiIn, spiOut, secret, ni, nr, ROLE_ANSWERED, now);
  child.ke = method;
  child.replaces = old;
  if (old === null) return 0;
  if (sa.task === TASK_REKEY_CHILD && S.draft !== null && S.draft.old === old) {
    old.rival = child;
    old.rivalNonce = lowerNonce(ni, nr);
  } else {
    if (old.stage < CHILD_SUPERSEDED) old.stage = CHILD_SUPERSEDED;
    old.rekeyAt = -1;
  }
  return 0;
}

/** Answers CREATE_CHILD_SA, of which form it may be: 0 when that is done, or why it is refused. */
function answerForm(sa: IkeSlot, now: number): number {
  const optimized = P.optimizedType !== 0 && S.optimized && seek(PAYLOAD_NOTIFY, P.optimizedType, 0);
  const isIke = seek(PAYLOAD_SA, 0, 0) && foundSize > 5 && chain[foundAt + 5] === PROTOCOL_IKE;
  const isRekey = seek(PAYLOAD_NOTIFY, N_REKEY_SA, 0);
  if (!isRekey && (optimized || isIke)) return answerIkeRekey(sa, optimized, now);
  if (S.rival !== null || sa.task === TASK_REKEY_IKE) return N_TEMPORARY_FAILURE;
  if (!isRekey) return answerChild(sa, null, false, now);
  // Protocol, size of the SPI, type and SPI stand before the data.
  if (chain[foundAt - 8] !== PROTOCOL_ESP || chain[foundAt - 7] !== 4) return N_INVALID_SYNTAX;
  const spi = u32(chain, foundAt - 4);
  const child = childWith(sa, spi);
  if (child === null) {
    // It may be the one of which the answer is still on its way.
    if (sa.task === TASK_CHILD || sa.task === TASK_REKEY_CHILD) return N_TEMPORARY_FAILURE;
    beginPayloads();
    const at = addPayloads(PAYLOAD_NOTIFY, '0000000c03040000', 0);
    put16(W, at + 6, N_CHILD_SA_NOT_FOUND);
    put32(W, addRoom(4), spi);
    sealAnswer(sa, CREATE_CHILD_SA, now);
    return 0;
  }
  // Superseded, and no Delete from here: the peer did not take what an earlier rekey made.
  if (child.rival !== null || child.isDeleteAsked) return N_TEMPORARY_FAILURE;
  return answerChild(sa, child, optimized, now);
}

/** A request CREATE_CHILD_SA is in the chain. */
export function onCreateAsked(sa: IkeSlot, now: number): void {
  ikeDecided(sa, false, now);
  const verdict = answerForm(sa, now);
  if (verdict === 0) return;
  beginPayloads();
  const data = addNote(verdict, verdict === N_INVALID_KE_PAYLOAD ? 2 : 0);
  if (verdict === N_INVALID_KE_PAYLOAD) put16(W, data, wantedKe);
  sealAnswer(sa, CREATE_CHILD_SA, now);
  // What the peer makes is not what this side reads [RFC 7296 §2.21.3].
  if (verdict === N_INVALID_SYNTAX) endIke(sa, OUTCOME_PROTOCOL, now);
}
