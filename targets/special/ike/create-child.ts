// CREATE_CHILD_SA of this side: a Child SA, its rekey, the rekey of the IKE SA, in the regular or the optimized form; and what
// becomes of the answers [RFC 7296 §1.3, §2.8, §2.25; draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt]. As
// core/ike/child/create-child.ts and rekey.ts.

import { copy, fill, put32, u16, u32 } from '../../../core/base/bytes.ts';
import {
  CREATE_CHILD_SA,
  FLAG_INITIATOR,
  N_CHILD_SA_NOT_FOUND,
  N_INVALID_KE_PAYLOAD,
  N_INVALID_SYNTAX,
  N_TEMPORARY_FAILURE,
  PAYLOAD_NOTIFY,
  PAYLOAD_SA,
  PROTOCOL_IKE,
} from '../../../core/ike/codec/numbers.ts';
import { OUTCOME_DELETED, OUTCOME_PROTOCOL } from '../../../core/ike/state/outcome.ts';
import { CHILD_LIVE, CHILD_SUPERSEDED, STATE_ESTABLISHED } from '../../../core/ike/state/stage.ts';
import { TASK_CHILD, TASK_REKEY_CHILD, TASK_REKEY_IKE } from '../../../core/ike/state/task.ts';
import { hmacOf, randomOctets } from '../crypto.ts';
import { newSpi } from '../esp-sa.ts';
import { onChildFailed } from '../events.ts';
import type { Profile } from '../profile.ts';
import {
  isLower,
  keMethod,
  keSecret,
  lowerNonce,
  newChild,
  newNonce,
  peerNonce,
  putKe,
  putNonce,
  putSelectors,
  ROLE_ASKED,
  ROLE_LOST,
} from './child-parts.ts';
import { childVerdict, takeToken } from './ike-auth.ts';
import { abandonIke, askDelete, childGone, clearDraft, endIke, ikeAdopt, sealDelete } from './ike-life.ts';
import { type ChildSlot, type DraftSlot, type IkeSlot, S } from './ike-state.ts';
import { deriveIke, newIke, randomOctet, sealRequest, workPut } from './messages.ts';
import {
  addNote,
  addPayloads,
  addRoom,
  beginPayloads,
  chain,
  chainError,
  foundAt,
  foundSize,
  seek,
  W,
} from './payloads.ts';
import { chooseProposal, chosenKe, chosenSpiAt } from './proposal.ts';

declare const P: Profile;

/** The IKE SA that a rekey of `sa` makes with these SPIs [RFC 7296 §2.18]. The secret is wiped. */
export function nextIke(
  sa: IkeSlot,
  flag: number,
  spis: Uint8Array,
  secret: Uint8Array,
  ni: Uint8Array,
  nr: Uint8Array,
): IkeSlot {
  const next = newIke(flag, STATE_ESTABLISHED);
  const seed = new Uint8Array(32);
  copy(next.ids, 0, spis, 0, 16);
  hmacOf(sa.d!, W, 0, workPut(workPut(workPut(0, secret), ni), nr), seed, 0);
  fill(secret, 0, 32, 0);
  deriveIke(next, seed, ni, nr, null);
  return next;
}

/** Sends the request of a Child SA that replaces `old`, or of one more. */
export function askChild(sa: IkeSlot, old: ChildSlot | null, now: number): void {
  const spi = new Uint8Array(4);
  put32(spi, 0, newSpi());
  const optimized =
    P.optimizedType !== 0 && S.optimized && old !== null && old.ke >= 0 && !old.isRegular && S.askedKe === 0;
  const draft: DraftSlot = {
    old: old,
    spi: spi,
    nonce: newNonce(),
    method: S.askedKe !== 0 ? S.askedKe : old !== null && old.ke >= 0 ? old.ke : P.childKe,
    x: new Uint8Array(32),
    optimized: optimized,
  };
  S.draft = draft;
  S.askedKe = 0;
  beginPayloads();
  if (old !== null) {
    addPayloads(PAYLOAD_NOTIFY, '0000000c03044009', 0);
    put32(W, addRoom(4), old.spiIn);
  }
  if (P.optimizedType !== 0 && optimized) copy(W, addNote(P.optimizedType, 4), spi, 0, 4);
  else {
    if (P.childTail !== '') addPayloads(P.childTailType, P.childTail, P.childTailLast);
    copy(W, addPayloads(PAYLOAD_SA, P.espSaKe, 0) + 12, spi, 0, 4);
  }
  putNonce(draft.nonce);
  if (draft.method !== 0) putKe(draft.method, draft.x);
  if (!optimized) putSelectors(true);
  sealRequest(sa, CREATE_CHILD_SA, old === null ? TASK_CHILD : TASK_REKEY_CHILD, now);
}

/** Sends the request to rekey the IKE SA. */
export function askIkeRekey(sa: IkeSlot, now: number): void {
  const draft: DraftSlot = {
    old: null,
    spi: new Uint8Array(8),
    nonce: newNonce(),
    method: S.askedKe !== 0 ? S.askedKe : S.ke,
    x: new Uint8Array(32),
    optimized: P.optimizedType !== 0 && S.optimized && !S.isRegular,
  };
  S.draft = draft;
  S.askedKe = 0;
  randomOctets(draft.spi, 0, 8);
  beginPayloads();
  if (P.optimizedType !== 0 && draft.optimized) copy(W, addNote(P.optimizedType, 8), draft.spi, 0, 8);
  else copy(W, addPayloads(PAYLOAD_SA, P.ikeSaRekey, 0) + 12, draft.spi, 0, 8);
  putNonce(draft.nonce);
  putKe(draft.method, draft.x);
  sealRequest(sa, CREATE_CHILD_SA, TASK_REKEY_IKE, now);
}

/** A request failed: it is made again in another way or later, or the application is told. */
function createFailed(sa: IkeSlot, task: number, draft: DraftSlot, error: number, now: number): void {
  const old = draft.old;
  clearDraft();
  if (error === N_INVALID_SYNTAX) {
    // Fatal on both sides, no Delete follows [RFC 7296 §2.21.3].
    endIke(sa, error, now);
    return;
  }
  let again = false;
  if (error === N_INVALID_KE_PAYLOAD && draft.method !== 0 && seek(PAYLOAD_NOTIFY, N_INVALID_KE_PAYLOAD, 0)) {
    const asked = foundSize === 2 ? u16(chain, foundAt) : 0;
    // The optimized form cannot choose a method.
    if (asked !== draft.method && (asked === P.keMethod || (P.otherKe !== 0 && asked === P.otherKe))) {
      S.askedKe = asked;
      again = true;
    }
  }
  if (draft.optimized && error !== N_TEMPORARY_FAILURE && error !== N_CHILD_SA_NOT_FOUND) again = true;
  if (again) {
    if (task === TASK_REKEY_IKE) {
      S.isRegular = true;
      S.isRekeyAsked = true;
    } else if (old === null) S.childAt = now;
    else {
      old.isRegular = true;
      old.isRekeyAsked = true;
    }
    return;
  }
  // Both sides may try at once, so don't repeat at the same moment.
  const later = now + P.retransmitTime + Math.floor((P.retransmitTime * randomOctet()) / 64);
  if (task === TASK_REKEY_IKE) {
    if (S.rival !== null) ikeAdopt(S.rival, now);
    else S.rekeyAt = error === N_TEMPORARY_FAILURE ? later : now + Math.max(P.ikeRekeyTime / 8, 10000);
  } else if (old === null) {
    if (error === N_TEMPORARY_FAILURE) S.childAt = later;
    else onChildFailed(error, now);
  } else if (old.rival !== null) {
    if (old.isDeleteAsked) askDelete(old.rival);
    if (old.stage < CHILD_SUPERSEDED) old.stage = CHILD_SUPERSEDED;
    old.rival = null;
  } else if (error === N_CHILD_SA_NOT_FOUND && old.removeAt < 0 && old.stage === CHILD_LIVE) {
    // The peer has lost it, so make a new one.
    childGone(old, now);
    S.childAt = now;
  } else if (old.stage === CHILD_LIVE) {
    old.rekeyAt = error === N_TEMPORARY_FAILURE ? later : now + Math.max(P.childRekeyTime / 8, 10000);
    if (error !== N_TEMPORARY_FAILURE) onChildFailed(error, now);
  }
}

/** The answer to a rekey of the IKE SA is in the chain: 0, or why there is no new one. */
function finishIkeRekey(sa: IkeSlot, draft: DraftSlot, now: number): number {
  const nr = peerNonce();
  const spis = new Uint8Array(16);
  let spiAt = -1;
  if (chainError !== 0) return chainError;
  if (nr === null) return OUTCOME_PROTOCOL;
  if (P.optimizedType !== 0 && draft.optimized) {
    if (seek(PAYLOAD_NOTIFY, P.optimizedType, 0) && foundSize === 8) spiAt = foundAt;
  } else if (chooseProposal(P.ikeWant, PROTOCOL_IKE, 8, 0, 1) === 0 && chosenKe === draft.method) spiAt = chosenSpiAt;
  if (spiAt < 0) return OUTCOME_PROTOCOL;
  copy(spis, 0, draft.spi, 0, 8);
  copy(spis, 8, chain, spiAt, 8);
  const secret = keSecret(draft.method, draft.x);
  if (secret === null) return OUTCOME_PROTOCOL;
  const next = nextIke(sa, FLAG_INITIATOR, spis, secret, draft.nonce, nr);
  if (P.crashTokens) takeToken(next);
  const rival = S.rival;
  if (rival !== null && isLower(lowerNonce(draft.nonce, nr), S.rivalNonce)) {
    abandonIke(next, 0, now);
    ikeAdopt(rival, now);
    return 0;
  }
  S.ke = draft.method;
  ikeAdopt(next, now);
  sa.endAt = -1;
  sealDelete(sa, 0, now);
  return 0;
}

/** The answer about a Child SA is in the chain: 0, or why there is no new one; the gateway's SPI in `spi`. */
function readCreateAnswer(draft: DraftSlot, spi: Uint8Array): number {
  if (chainError !== 0) return chainError;
  if (P.optimizedType !== 0 && draft.optimized) {
    if (!seek(PAYLOAD_NOTIFY, P.optimizedType, 0) || foundSize !== 4 || u32(chain, foundAt) < 256)
      return OUTCOME_PROTOCOL;
    copy(spi, 0, chain, foundAt, 4);
    return 0;
  }
  const verdict = childVerdict(P.espWantKe);
  // What does not do is known by its SPI, for its Delete.
  if (verdict !== OUTCOME_PROTOCOL) copy(spi, 0, chain, chosenSpiAt, 4);
  if (verdict !== 0) return verdict;
  // The peer may choose no key exchange if NONE is on offer.
  if (P.childKe !== 0 && P.childKeOptional && chosenKe === 0) draft.method = 0;
  return chosenKe === draft.method ? 0 : OUTCOME_PROTOCOL;
}

/** The answer about a Child SA is in the chain: 0, or why there is no new one. */
function finishChildAnswer(sa: IkeSlot, draft: DraftSlot, now: number): number {
  const old = draft.old;
  const nr = peerNonce();
  const spi = new Uint8Array(4);
  const spiIn = u32(draft.spi, 0);
  let secret: Uint8Array | null = null;
  let verdict = readCreateAnswer(draft, spi);
  const spiOut = u32(spi, 0);
  if (verdict === 0 && nr === null) verdict = OUTCOME_PROTOCOL;
  if (verdict === 0 && draft.method === 0 && keMethod() !== 0) verdict = OUTCOME_PROTOCOL;
  if (verdict === 0 && draft.method !== 0) {
    secret = keSecret(draft.method, draft.x);
    if (secret === null) verdict = OUTCOME_PROTOCOL;
  }
  if (verdict !== 0) {
    // The peer has made it, so it must be deleted there as well.
    if (spiOut !== 0) ghost(spiIn);
    return verdict;
  }
  if (sa.gone === spiOut) {
    // The peer deleted it before its answer came.
    if (old === null) return OUTCOME_DELETED;
    old.rival = null;
    askDelete(old);
    return 0;
  }
  const loses = old !== null && old.rival !== null && isLower(lowerNonce(draft.nonce, nr!), old.rivalNonce!);
  const child = newChild(spiIn, spiOut, secret, draft.nonce, nr!, loses ? ROLE_LOST : ROLE_ASKED, now);
  child.ke = draft.method;
  if (old === null) return 0;
  child.replaces = old;
  // The application has closed it meanwhile, so its successor is closed too.
  if (old.isDeleteAsked) askDelete(loses && old.rival !== null ? old.rival : child);
  old.rival = null;
  if (loses) {
    // The exchange with the lowest nonce is redundant; its initiator deletes the SA that it made [RFC 7296 §2.8.1].
    child.rekeyAt = -1;
    if (old.stage < CHILD_SUPERSEDED) old.stage = CHILD_SUPERSEDED;
    askDelete(child);
  } else if (old.removeAt < 0) {
    old.rekeyAt = -1;
    askDelete(old);
  }
  return 0;
}

/** A Child SA that only the gateway has waits for its Delete. */
function ghost(spiIn: number): void {
  const child: ChildSlot = {
    spiIn: spiIn,
    spiOut: 0,
    stage: CHILD_SUPERSEDED,
    ke: -1,
    rekeyAt: -1,
    removeAt: -1,
    replaces: null,
    rival: null,
    rivalNonce: null,
    isRekeyAsked: false,
    isDeleteAsked: true,
    isRegular: false,
    tag: 0,
    next: S.children,
  };
  S.children = child;
}

/** The answer to our CREATE_CHILD_SA is in the chain. */
export function onCreateAnswer(sa: IkeSlot, task: number, now: number): void {
  const draft = S.draft!;
  const end = task === TASK_REKEY_IKE ? finishIkeRekey(sa, draft, now) : finishChildAnswer(sa, draft, now);
  if (end !== 0) createFailed(sa, task, draft, end, now);
  else clearDraft();
}
