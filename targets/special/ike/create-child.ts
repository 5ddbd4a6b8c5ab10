// CREATE_CHILD_SA of this side: a Child SA, its rekey, the rekey of the IKE SA, in the regular or the optimized form; and what
// becomes of the answers [RFC 7296 §1.3, §2.8, §2.25; draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt]. As
// core/ike/child/create-child.ts and rekey.ts.

import { copy, fill, put32, u16, u32 } from '../../../core/base/bytes.ts';
import { KE_P256, KE_X25519 } from '../../../core/crypto/asymmetric.ts';
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
import { TASK_REKEY_IKE } from '../../../core/ike/state/task.ts';
import { hmacOf, randomOctets } from '../crypto.ts';
import { newSpi } from '../esp-sa.ts';
import { onChildFailed } from '../events.ts';
import type { Profile } from '../profile.ts';
import {
  addChild,
  childVerdict,
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
import { takeToken } from './ike-auth.ts';
import { abandonIke, askDelete, childGone, clearDraft, endIke, ikeAdopt, sealDelete, supersede } from './ike-life.ts';
import { type ChildSlot, type DraftSlot, type IkeSlot, ikeNow, S } from './ike-state.ts';
import { AT_CIPHER, deriveIke, newIke, randomPart, sealRequest } from './messages.ts';
import {
  addNote,
  addPayloads,
  addRoom,
  beginPayloads,
  chain,
  chainError,
  foundAt,
  foundSize,
  note,
  putAll,
  W,
} from './payloads.ts';
import { chooseProposal, chosenAt, chosenEncr, chosenKe, keepCipher } from './proposal.ts';

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
  putAll(next.ids, 0, spis);
  if (P.ikeCiphers > 1) next.ids[AT_CIPHER] = chosenEncr;
  hmacOf(sa.d!, W, 0, putAll(W, putAll(W, putAll(W, 0, secret), ni), nr), seed, 0);
  fill(secret, 0, 32, 0);
  deriveIke(next, seed, ni, nr, null);
  return next;
}

/** Sends the request for which `task` is: a rekey of the IKE SA, of the Child SA `old`, or one more Child SA (null). */
export function askCreate(sa: IkeSlot, task: number, old: ChildSlot | null): void {
  const isIke = task === TASK_REKEY_IKE;
  const asked = (P.childKe !== 0 || P.keMethods > 1) && S.askedKe !== 0;
  const draft: DraftSlot = {
    old: old,
    spi: new Uint8Array(isIke ? 8 : 4),
    nonce: newNonce(),
    method: asked ? S.askedKe : isIke ? S.ke : old !== null && old.ke >= 0 ? old.ke : P.childKe,
    x: new Uint8Array(32),
    short:
      P.optimizedType !== 0 &&
      S.optimized &&
      !asked &&
      (isIke ? !S.isRegular : old !== null && old.ke >= 0 && !old.isRegular),
  };
  const size = draft.spi.length;
  S.draft = draft;
  S.askedKe = 0;
  if (isIke) randomOctets(draft.spi, 0, 8);
  else put32(draft.spi, 0, newSpi());
  beginPayloads();
  if (old !== null) {
    // This is the rekey that was due; a time that came meanwhile would find a successor, and end this one as spare.
    old.rekeyAt = -1;
    addPayloads(PAYLOAD_NOTIFY, '0000000c03044009', 0);
    put32(W, addRoom(4), old.spiIn);
  }
  if (P.optimizedType !== 0 && draft.short) putAll(W, addNote(P.optimizedType, size), draft.spi);
  else {
    if (P.childTail !== '' && !isIke) addPayloads(P.childTailType, P.childTail, P.childTailLast);
    putAll(W, addPayloads(PAYLOAD_SA, isIke ? P.ikeSaRekey : P.espSaKe, 0) + 12, draft.spi);
  }
  putNonce(draft.nonce);
  if (draft.method !== 0) putKe(draft.method, draft.x);
  if (!isIke && !draft.short) putSelectors(true);
  sealRequest(sa, CREATE_CHILD_SA, task);
}

/** True when the device has the method that the gateway asks for, and has not asked with another one already. */
function mayAsk(isIke: boolean, draft: DraftSlot, asked: number): boolean {
  const old = draft.old;
  const usual = isIke ? S.ke : old !== null && old.ke >= 0 ? old.ke : P.childKe;
  return draft.method === usual && (asked === KE_X25519 || asked === KE_P256);
}

/** A request failed: it is made again in another way or later, or the application is told. */
function createFailed(sa: IkeSlot, isIke: boolean, draft: DraftSlot, error: number): void {
  const old = draft.old;
  if (error === N_INVALID_SYNTAX) {
    // Fatal on both sides, no Delete follows [RFC 7296 §2.21.3].
    endIke(sa, error);
    return;
  }
  const isBusy = error === N_TEMPORARY_FAILURE;
  let again = draft.short && !isBusy && error !== N_CHILD_SA_NOT_FOUND;
  if ((P.childKe !== 0 || P.keMethods > 1) && error === N_INVALID_KE_PAYLOAD && note(N_INVALID_KE_PAYLOAD)) {
    const asked = foundSize === 2 ? u16(chain, foundAt) : 0;
    if (asked !== draft.method && (P.keMethods > 1 ? mayAsk(isIke, draft, asked) : asked === P.keMethod)) {
      S.askedKe = asked;
      again = true;
    }
  }
  // Both sides may try at once, so don't repeat at the same moment.
  const later = ikeNow + P.retransmitTime + randomPart(P.retransmitTime, 64);
  if (isIke) {
    if (again) {
      S.isRegular = true;
      S.isRekeyAsked = true;
    } else if (S.rival !== null) ikeAdopt(S.rival);
    else S.rekeyAt = isBusy ? later : ikeNow + Math.max(P.ikeRekeyTime / 8, 10000);
  } else if (old === null) {
    if (again || isBusy) S.childAt = isBusy ? later : ikeNow;
    else onChildFailed(error, ikeNow);
  } else if (again) {
    old.isRegular = true;
    old.isRekeyAsked = true;
  } else if (old.rival !== null) {
    if (old.isDeleteAsked) askDelete(old.rival);
    supersede(old);
    old.rival = null;
  } else if (old.stage === CHILD_LIVE) {
    if (error === N_CHILD_SA_NOT_FOUND) {
      // The peer has lost it, so make a new one.
      childGone(old);
      S.childAt = ikeNow;
      return;
    }
    old.rekeyAt = isBusy ? later : ikeNow + Math.max(P.childRekeyTime / 8, 10000);
    if (!isBusy) onChildFailed(error, ikeNow);
  }
}

/** The answer to a rekey of the IKE SA brought the gateway's SPI and a secret. */
function finishIkeRekey(sa: IkeSlot, draft: DraftSlot, spi: Uint8Array, secret: Uint8Array, nr: Uint8Array): void {
  const spis = new Uint8Array(16);
  putAll(spis, putAll(spis, 0, draft.spi), spi);
  const next = nextIke(sa, FLAG_INITIATOR, spis, secret, draft.nonce, nr);
  const rival = S.rival;
  if (P.crashTokens) takeToken(next);
  if (rival !== null && isLower(lowerNonce(draft.nonce, nr), S.rivalNonce)) {
    abandonIke(next, 0);
    ikeAdopt(rival);
    return;
  }
  // The gateway deletes it, unless the answer to its rekey did not arrive before the Delete of the old one.
  if (rival !== null) rival.endAt = Math.min(rival.endAt, ikeNow + P.retransmitTime * 4);
  S.ke = draft.method;
  ikeAdopt(next);
  sa.endAt = -1;
  sealDelete(sa, 0);
}

/** The answer about a Child SA brought its keys: 0, or why there is no new one. */
function finishChildAnswer(
  sa: IkeSlot,
  draft: DraftSlot,
  spiOut: number,
  secret: Uint8Array | null,
  nr: Uint8Array,
): number {
  const old = draft.old;
  if (sa.gone === spiOut) {
    // The peer deleted it before its answer came.
    if (old === null) return OUTCOME_DELETED;
    old.rival = null;
    askDelete(old);
    return 0;
  }
  const rival = old === null ? null : old.rival;
  const loses = rival !== null && isLower(lowerNonce(draft.nonce, nr), old!.rivalNonce);
  const role = loses ? ROLE_LOST : ROLE_ASKED;
  const child = newChild(u32(draft.spi, 0), spiOut, secret, draft.nonce, nr, role);
  child.ke = draft.method;
  if (old === null) return 0;
  child.replaces = old;
  old.rival = null;
  // The gateway's choice was closed meanwhile, and so is its successor.
  if (old.isDeleteAsked) askDelete(loses ? rival! : child);
  // The exchange with the lowest nonce is redundant; its initiator deletes the SA that it made [RFC 7296 §2.8.1].
  if (loses) {
    supersede(old);
    askDelete(child);
  } else {
    if (old.removeAt < 0) askDelete(old);
    // The gateway deletes what it made, unless it has forgotten why: then this side does, in the end.
    if (rival !== null) {
      supersede(rival);
      rival.rekeyAt = ikeNow + P.retransmitTime * 64;
    }
  }
  return 0;
}

/** The answer to our CREATE_CHILD_SA is in the chain. */
export function onCreateAnswer(sa: IkeSlot, task: number): void {
  const draft = S.draft!;
  const isIke = task === TASK_REKEY_IKE;
  const size = draft.spi.length;
  const nr = peerNonce();
  const spi = new Uint8Array(size);
  let secret: Uint8Array | null = null;
  let at = 0;
  let end = chainError;
  if (P.ikeCiphers > 1) keepCipher(sa.ids[AT_CIPHER]);
  if (end === 0 && P.optimizedType !== 0 && draft.short) {
    if (note(P.optimizedType) && foundSize === size) at = foundAt;
  } else if (end === 0) {
    if (isIke) end = chooseProposal(P.ikeWant, PROTOCOL_IKE, 8, 0, true) ? 0 : OUTCOME_PROTOCOL;
    else end = childVerdict(P.espWantKe);
    if (end !== OUTCOME_PROTOCOL) {
      at = chosenAt;
      // The peer may choose no key exchange if NONE is on offer.
      if (P.childKeOptional && !isIke && chosenKe === 0) draft.method = 0;
      if (chosenKe !== draft.method) end = OUTCOME_PROTOCOL;
    }
  }
  if (at > 0) copy(spi, 0, chain, at, size);
  if (end === 0) {
    if (draft.method !== 0) secret = keSecret(draft.method, draft.x);
    if (at === 0 || nr.length === 0 || (secret === null) !== (draft.method === 0)) end = OUTCOME_PROTOCOL;
    if (draft.method === 0 && keMethod() !== 0) end = OUTCOME_PROTOCOL;
  }
  const spiOut = u32(spi, 0);
  if (!isIke && spiOut < 256 && end === 0) end = OUTCOME_PROTOCOL;
  if (end === 0) {
    if (isIke) finishIkeRekey(sa, draft, spi, secret!, nr);
    else end = finishChildAnswer(sa, draft, spiOut, secret, nr);
  } else if (!isIke && spiOut > 255) {
    // The peer has made it, so it must be deleted there as well.
    addChild(u32(draft.spi, 0), 0, CHILD_SUPERSEDED).isDeleteAsked = true;
  }
  if (end !== 0) createFailed(sa, isIke, draft, end);
  if (S.draft === draft) clearDraft();
}
