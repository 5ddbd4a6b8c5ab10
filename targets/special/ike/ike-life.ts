// The lives of IKE SAs and Child SAs: retired, removed, given up, ended, replaced [RFC 7296 §1.4.1, §2.4, §2.8].

import { fill, put32 } from '../../../core/base/bytes.ts';
import { INFORMATIONAL, N_AUTHENTICATION_FAILED, PAYLOAD_DELETE } from '../../../core/ike/codec/numbers.ts';
import {
  OUTCOME_NONE,
  OUTCOME_PEER_AUTH,
  OUTCOME_PEER_CRASHED,
  OUTCOME_PEER_ID,
  OUTCOME_REPLACED,
  OUTCOME_TIMEOUT,
} from '../../../core/ike/state/outcome.ts';
import {
  CHILD_DELETED,
  CHILD_SUPERSEDED,
  STATE_CLOSING,
  STATE_ENDED,
  STATE_ESTABLISHED,
  STATE_REPLACED,
} from '../../../core/ike/state/stage.ts';
import { TASK_DELETE_CHILD, TASK_DELETE_IKE } from '../../../core/ike/state/task.ts';
import { wipeAead } from '../crypto.ts';
import { removePair, retirePair } from '../esp-sa.ts';
import { onEnded, onRemoved, onReplaced } from '../events.ts';
import type { Profile } from '../profile.ts';
import { type ChildSlot, freshIke, type IkeSlot, ikeNow, S, setFresh, setReauth } from './ike-state.ts';
import { randomPart, sealRequest, settleRequest } from './messages.ts';
import { addNote, addPayloads, addRoom, beginPayloads, W } from './payloads.ts';

declare const P: Profile;

/** Milliseconds that an ended SA stays, for late packets and repeated requests. */
const IKE_LINGER = 5000;

/** The end of a lifetime, shortened by up to an eighth, so that both sides seldom rekey at once. -1: none. */
export function lifeEnd(time: number): number {
  return time <= 0 ? -1 : ikeNow + time - randomPart(time, 2048);
}

/** Tries again after a random delay, so that devices do not all try at once. */
export function tryLater(): void {
  if (S.isWanted && P.retryTime > 0) S.retryAt = ikeNow + S.wait + randomPart(S.wait, 1024);
}

/** A Child SA is used no more, unless its successor comes to nothing. */
export function supersede(child: ChildSlot): void {
  if (child.stage < CHILD_SUPERSEDED) child.stage = CHILD_SUPERSEDED;
  child.rekeyAt = -1;
}

/** Asks for the Delete of a Child SA, which waits its turn. */
export function askDelete(child: ChildSlot): void {
  supersede(child);
  child.isDeleteAsked = true;
}

/** Takes a Child SA out for good. */
export function childGone(child: ChildSlot): void {
  if (S.children === child) S.children = child.next;
  for (let one = S.children; one !== null; one = one.next) {
    // Don't keep a chain of all earlier SAs.
    if (one.replaces === child) one.replaces = null;
    if (one.next === child) one.next = child.next;
  }
  if (child.spiOut === 0) return;
  removePair(child.spiIn);
  onRemoved(child.spiIn, ikeNow);
  tryLater();
}

/** Stops its outgoing packets; late packets still come in for a while. */
export function childOver(child: ChildSlot): void {
  retirePair(child.spiIn);
  tryLater();
  supersede(child);
  child.stage = CHILD_DELETED;
  child.removeAt = ikeNow + IKE_LINGER;
}

/** Removes an IKE SA and wipes its keys. */
export function forgetIke(sa: IkeSlot): void {
  if (S.list === sa) S.list = sa.next;
  for (let one = S.list; one !== null; one = one.next) if (one.next === sa) one.next = sa.next;
  sa.endAt = -1;
  if (sa.d === null) return;
  fill(sa.d, 0, 32, 0);
  wipeAead(sa.out!);
  wipeAead(sa.into!);
  sa.d = null;
}

/** Gives up the exchange of ours that makes keys. */
export function clearDraft(): void {
  if (S.draft !== null) fill(S.draft.x, 0, 32, 0);
  S.draft = null;
}

/** Wipes what only the set-up needed. */
export function clearSetup(): void {
  const setup = S.setup;
  S.setup = null;
  clearDraft();
  if (setup === null) return;
  fill(setup.pi, 0, setup.pi.length, 0);
  fill(setup.pr, 0, setup.pr.length, 0);
  if (P.ppk) fill(setup.plain, 0, setup.plain.length, 0);
}

/** Takes from the current IKE SA what it has, and from every one its request; with the current one its rival ends. */
function stripIke(sa: IkeSlot, outcome: number): void {
  const rival = S.rival;
  settleRequest(sa);
  if (sa === rival) S.rival = null;
  if (P.reauthTime > 0 && sa === freshIke) {
    // The SA that it should have replaced lives on, until the next attempt.
    setFresh(null);
    clearSetup();
    setReauth(ikeNow + Math.max(P.reauthTime / 8, 10000));
    if (outcome !== OUTCOME_NONE) onEnded(outcome, -1, ikeNow);
  }
  if (sa !== S.current) return;
  S.rival = null;
  while (S.children !== null) childGone(S.children);
  S.childAt = -1;
  S.rekeyAt = -1;
  S.isRekeyAsked = false;
  S.isProbeAsked = false;
  S.isCloseAsked = false;
  if (P.reauthTime === 0 || freshIke === null) clearSetup();
  if (rival !== null) endIke(rival, outcome);
}

/** If it was the current IKE SA: tells the application of its end, and plans the next attempt. */
function ikeGone(sa: IkeSlot): void {
  // A new authentication has replaced it.
  if (P.reauthTime > 0 && sa !== S.current && sa.outcome === OUTCOME_REPLACED) onEnded(sa.outcome, -1, ikeNow);
  if (sa !== S.current) return;
  // What is being set up beside it is the next attempt.
  S.current = P.reauthTime > 0 ? freshIke : null;
  if (P.reauthTime > 0) setFresh(null);
  const isLost = sa.outcome === OUTCOME_TIMEOUT || sa.outcome === OUTCOME_PEER_CRASHED;
  // After a Delete of either side its ticket is void [RFC 5723 §6.2].
  if (P.tickets && !isLost) S.session = null;
  tryLater();
  // The gateway is there, and said so.
  if (P.crashTokens && sa.outcome === OUTCOME_PEER_CRASHED && S.retryAt >= 0) S.retryAt = ikeNow;
  onEnded(sa.outcome, S.retryAt, ikeNow);
}

/** Ends an IKE SA, and with the current one its Child SAs. Its last answer stays for a while. */
export function endIke(sa: IkeSlot, outcome: number): void {
  if (sa.state === STATE_ENDED) return;
  if (sa.outcome === OUTCOME_NONE || outcome > 0) sa.outcome = outcome;
  sa.state = STATE_ENDED;
  sa.endAt = ikeNow + IKE_LINGER;
  stripIke(sa, outcome);
  if (sa.response === null) forgetIke(sa);
  ikeGone(sa);
}

/** Sends INFORMATIONAL with a Delete for the IKE SA, or for the Child SA with inbound SPI `spi`. */
export function sealDelete(sa: IkeSlot, spi: number): void {
  beginPayloads();
  if (spi === 0) {
    sa.state = STATE_CLOSING;
    // The peer learns why [RFC 7296 §2.21.2].
    if (sa.outcome === OUTCOME_PEER_AUTH || sa.outcome === OUTCOME_PEER_ID) addNote(N_AUTHENTICATION_FAILED, 0);
  }
  addPayloads(PAYLOAD_DELETE, spi === 0 ? '0000000801000000' : '0000000c03040001', 0);
  if (spi !== 0) put32(W, addRoom(4), spi);
  sealRequest(sa, INFORMATIONAL, spi === 0 ? TASK_DELETE_IKE : TASK_DELETE_CHILD);
}

/** Ends an IKE SA that this side gives up: its Child SAs at once, and the gateway is told. */
export function abandonIke(sa: IkeSlot, outcome: number): void {
  if (sa.state >= STATE_CLOSING) return;
  stripIke(sa, outcome);
  if (sa.outcome === OUTCOME_NONE) sa.outcome = outcome;
  sealDelete(sa, 0);
  ikeGone(sa);
}

/** A new authentication has taken the place of `elder`: its Child SAs send no more, and the gateway is told. */
export function ikeElder(elder: IkeSlot): void {
  for (let one = S.children!.next; one !== null; one = one.next) if (one.removeAt < 0) childOver(one);
  elder.outcome = OUTCOME_REPLACED;
  sealDelete(elder, 0);
}

/** Gives what the current IKE SA has to the one that a rekey made, which lives from now on. */
export function ikeFollows(next: IkeSlot): void {
  next.state = STATE_ESTABLISHED;
  next.outcome = S.current!.outcome;
  next.endAt = -1;
  next.heardAt = ikeNow;
  S.current = next;
  S.rival = null;
  // Waiting requests go on under the new keys, except the rekey, which is done.
  S.isRekeyAsked = false;
  S.isRegular = false;
  S.rekeyAt = lifeEnd(P.ikeRekeyTime);
  clearDraft();
  onReplaced(ikeNow);
}

/** `next` takes the place of the current IKE SA, which waits for its end. */
export function ikeAdopt(next: IkeSlot): void {
  const old = S.current!;
  ikeFollows(next);
  old.state = STATE_REPLACED;
  old.endAt = ikeNow + P.retransmitTime * 64;
}

/** True when a Child SA carries packets out. */
export function hasLiveChild(): boolean {
  for (let one = S.children; one !== null; one = one.next) if (one.stage < CHILD_SUPERSEDED) return true;
  return false;
}
