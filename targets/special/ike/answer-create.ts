// The gateway's CREATE_CHILD_SA: a new Child SA, its rekey, the rekey of the IKE SA, in either form, alone or while ours is on its
// way [RFC 7296 §1.3, §2.8, §2.25]. As core/ike/child/create.ts and its neighbours.

import { copy, put16, put32, u32 } from '../../../core/base/bytes.ts';
import {
  CREATE_CHILD_SA,
  N_CHILD_SA_NOT_FOUND,
  N_INVALID_KE_PAYLOAD,
  N_INVALID_SYNTAX,
  N_IPCOMP_SUPPORTED,
  N_NO_ADDITIONAL_SAS,
  N_NO_PROPOSAL_CHOSEN,
  N_REKEY_SA,
  N_SA_RESOURCE_INFO,
  N_TEMPORARY_FAILURE,
  N_TS_MAX_QUEUE,
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
import { STATE_REPLACED } from '../../../core/ike/state/stage.ts';
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
import { fitsEhc } from './ike-ehc.ts';
import { endIke, hasLiveChild, ikeAdopt, supersede } from './ike-life.ts';
import { type ChildSlot, type IkeSlot, ikeNow, S } from './ike-state.ts';
import { AT_CIPHER, sealAnswer } from './messages.ts';
import {
  addNote,
  addPayloads,
  addRoom,
  beginPayloads,
  chain,
  foundAt,
  foundSize,
  note,
  putAll,
  seek,
  W,
} from './payloads.ts';
import { chooseProposal, chosenAt, chosenEncr, chosenKe, chosenNumber, keepCipher } from './proposal.ts';

declare const P: Profile;

/** Most Child SAs, replaced ones and those that wait for late packets among them. */
const CHILDREN_MAX = 12;
/** Offsets of the low octets of the cipher and of the KE method in P.ikeSaOne. */
const ONE_ENCR = 27;
const ONE_KE = 47;
/** The method that INVALID_KE_PAYLOAD asks for. */
let wantedKe = 0;

/** The live or superseded Child SA with the gateway's inbound SPI, or null. */
export function childWith(sa: IkeSlot, spi: number): ChildSlot | null {
  let one = sa === S.current && spi !== 0 ? S.children : null;
  while (one !== null && (one.spiOut !== spi || one.removeAt >= 0)) one = one.next;
  return one;
}

/** Answers CREATE_CHILD_SA, of which form it may be: 0 when that is done, or why it is refused. */
function answerAsked(sa: IkeSlot): number {
  const task = sa.task;
  const short = P.optimizedType !== 0 && S.optimized && note(P.optimizedType);
  const isRekey = note(N_REKEY_SA);
  const rekeyAt = foundAt;
  const hasSa = seek(PAYLOAD_SA, 0, 0);
  const isIke = !isRekey && (short || (hasSa && foundSize > 5 && chain[foundAt + 5] === PROTOCOL_IKE));
  const size = isIke ? 8 : 4;
  let old: ChildSlot | null = null;
  // One after the other: the peer has to delete the SA that this one replaced first.
  if (sa !== S.current || S.rival !== null) return N_TEMPORARY_FAILURE;
  if (isIke) {
    if (task !== 0 && task !== TASK_REKEY_IKE && task !== TASK_PROBE) return N_TEMPORARY_FAILURE;
    for (let one = S.list; one !== null; one = one.next) if (one.state === STATE_REPLACED) return N_TEMPORARY_FAILURE;
  } else {
    if (task === TASK_REKEY_IKE) return N_TEMPORARY_FAILURE;
    if (isRekey) {
      // Protocol, size of the SPI, type and SPI stand before the data.
      if (chain[rekeyAt - 8] !== PROTOCOL_ESP || chain[rekeyAt - 7] !== 4) return N_INVALID_SYNTAX;
      old = childWith(sa, u32(chain, rekeyAt - 4));
      if (old === null) {
        // It may be the one of which the answer is still on its way.
        return task === TASK_CHILD || task === TASK_REKEY_CHILD ? N_TEMPORARY_FAILURE : N_CHILD_SA_NOT_FOUND;
      }
      // Superseded, and no Delete from here: the peer did not take what an earlier rekey made.
      if (old.rival !== null || old.isDeleteAsked) return N_TEMPORARY_FAILURE;
    } else if (hasLiveChild()) return note(N_SA_RESOURCE_INFO) ? N_TS_MAX_QUEUE : N_NO_ADDITIONAL_SAS;
    let count = 0;
    for (let one = S.children; one !== null; one = one.next) count++;
    if (count >= CHILDREN_MAX) return N_TEMPORARY_FAILURE;
  }
  const ni = peerNonce();
  if (ni.length === 0) return N_INVALID_SYNTAX;
  let method = isIke ? S.ke : old !== null ? old.ke : 0;
  let id = 0;
  let at = 0;
  if (P.ikeCiphers > 1) keepCipher(sa.ids[AT_CIPHER]);
  if (P.optimizedType !== 0 && short) {
    if (!note(P.optimizedType) || foundSize !== size) return N_INVALID_SYNTAX;
    at = foundAt;
    const isMixed = seek(PAYLOAD_TSI, 0, 0) || seek(PAYLOAD_TSR, 0, 0) || keMethod() !== method;
    // No Child SA here has IPComp, as in core/ike/child/create-child.ts.
    if (hasSa || isMixed || note(N_IPCOMP_SUPPORTED)) return N_NO_PROPOSAL_CHOSEN;
  } else {
    if (
      !chooseProposal(isIke ? P.ikeWant : P.espWantKe, isIke ? PROTOCOL_IKE : PROTOCOL_ESP, size, keMethod(), false)
    ) {
      return N_NO_PROPOSAL_CHOSEN;
    }
    at = chosenAt;
    method = chosenKe;
    if (!isIke) {
      if (!fitsSelectors(false)) return N_TS_UNACCEPTABLE;
      if (P.ehc) id = fitsEhc(false) ? 1 : 0;
      else if (P.hcpType !== 0) id = dietOf(false);
      if (P.hcpType !== 0 && id === 0) return N_NO_PROPOSAL_CHOSEN;
      if (P.childKe !== 0 && !P.childKeOptional && method === 0) return N_NO_PROPOSAL_CHOSEN;
    }
  }
  const spiOut = u32(chain, at);
  if (!isIke && spiOut < 256) return N_INVALID_SYNTAX;
  wantedKe = method;
  if (method !== 0 && keMethod() !== method) return N_INVALID_KE_PAYLOAD;
  const nr = newNonce();
  const spi = new Uint8Array(size);
  const spis = new Uint8Array(16);
  let secret: Uint8Array | null = null;
  if (isIke) {
    copy(spis, 0, chain, at, 8);
    randomOctets(spi, 0, 8);
    putAll(spis, 8, spi);
  } else put32(spi, 0, newSpi());
  beginPayloads();
  if (P.optimizedType !== 0 && short) putAll(W, addNote(P.optimizedType, size), spi);
  else {
    if (!isIke && P.transportMode) addNote(N_USE_TRANSPORT_MODE, 0);
    if (!isIke && P.hcpType !== 0) {
      const at = addPayloads(PAYLOAD_NOTIFY, P.hcpAnswer, 0);
      if (!P.ehc) W[at + 8] = id;
    }
    const body = addPayloads(
      PAYLOAD_SA,
      isIke ? P.ikeSaOne : P.childKe !== 0 && method !== 0 ? P.espSaOne : P.espSa,
      0,
    );
    W[body + 8] = chosenNumber;
    if (P.ikeCiphers > 1 && isIke) W[body + ONE_ENCR] = chosenEncr;
    if (P.keMethods > 1 && method !== 0) W[body + (isIke ? ONE_KE : P.espKeAt)] = method;
    putAll(W, body + 12, spi);
  }
  putNonce(nr);
  if (method !== 0) {
    const x = new Uint8Array(32);
    putKe(method, x);
    secret = keSecret(method, x);
    if (secret === null) return N_INVALID_SYNTAX;
  }
  if (!isIke && !short) putSelectors(false);
  sealAnswer(sa, CREATE_CHILD_SA);
  if (isIke) {
    const next = nextIke(sa, 0, spis, secret!, ni, nr);
    S.ke = method;
    if (task === TASK_REKEY_IKE) {
      S.rival = next;
      S.rivalNonce = lowerNonce(ni, nr);
      // The loser deletes the SA that it made; a side without an answer does not know of it.
      next.endAt = ikeNow + P.retransmitTime * 64;
    } else ikeAdopt(next);
    return 0;
  }
  const child = newChild(u32(spi, 0), spiOut, secret, ni, nr, ROLE_ANSWERED);
  child.ke = method;
  child.replaces = old;
  if (old === null) return 0;
  if (task === TASK_REKEY_CHILD && S.draft!.old === old) {
    old.rival = child;
    old.rivalNonce = lowerNonce(ni, nr);
  } else supersede(old);
  return 0;
}

/** A request CREATE_CHILD_SA is in the chain. */
export function onCreateAsked(sa: IkeSlot): void {
  // The gateway uses the IKE SA that its rekey made while ours is on its way: it has decided.
  if (sa === S.rival) ikeAdopt(sa);
  const verdict = answerAsked(sa);
  if (verdict === 0) return;
  beginPayloads();
  if (verdict === N_CHILD_SA_NOT_FOUND) {
    note(N_REKEY_SA);
    put16(W, addPayloads(PAYLOAD_NOTIFY, '0000000c03040000', 0) + 6, verdict);
    copy(W, addRoom(4), chain, foundAt - 4, 4);
  } else {
    const data = addNote(verdict, verdict === N_INVALID_KE_PAYLOAD ? 2 : 0);
    if (verdict === N_INVALID_KE_PAYLOAD) put16(W, data, wantedKe);
  }
  sealAnswer(sa, CREATE_CHILD_SA);
  // What the peer makes is not what this side reads [RFC 7296 §2.21.3].
  if (verdict === N_INVALID_SYNTAX) endIke(sa, OUTCOME_PROTOCOL);
}
