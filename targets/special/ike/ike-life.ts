// The lives of IKE SAs and Child SAs: retired, removed, given up, ended, replaced [RFC 7296 §1.4.1, §2.4, §2.8].

import { fill, put32 } from '../../../core/base/bytes.ts';
import { INFORMATIONAL, N_AUTHENTICATION_FAILED, PAYLOAD_DELETE } from '../../../core/ike/codec/numbers.ts';
import {
  OUTCOME_NONE,
  OUTCOME_PEER_AUTH,
  OUTCOME_PEER_CRASHED,
  OUTCOME_PEER_ID,
  OUTCOME_TIMEOUT,
} from '../../../core/ike/state/outcome.ts';
import {
  CHILD_DELETED,
  CHILD_LIVE,
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
import { type ChildSlot, type IkeSlot, S } from './ike-state.ts';
import { randomOctet, sealRequest, settleRequest } from './messages.ts';
import { addNote, addPayloads, addRoom, beginPayloads, W } from './payloads.ts';

declare const P: Profile;

/** Milliseconds that an ended SA stays, for late packets and repeated requests. */
export const IKE_LINGER = 5000;

/** A lifetime, shortened by up to an eighth, so that both sides seldom rekey at once. -1: none. */
export function lifeEnd(time: number, now: number): number {
  return time <= 0 ? -1 : now + time - Math.floor((time * randomOctet()) / 2048);
}

/** Tries again after a random delay, so that devices do not all try at once. */
export function tryLater(now: number): void {
  if (S.isWanted && P.retryTime > 0) S.retryAt = now + S.wait + Math.floor((S.wait * randomOctet()) / 1024);
}

/** Takes a Child SA out for good. */
export function childGone(child: ChildSlot, now: number): void {
  let before: ChildSlot | null = null;
  for (let one = S.children; one !== null; one = one.next) {
    // Don't keep a chain of all earlier SAs.
    if (one.replaces === child) one.replaces = null;
    if (one.next === child) before = one;
  }
  if (before === null) S.children = child.next;
  else before.next = child.next;
  if (child.spiOut === 0) return;
  removePair(child.spiIn);
  onRemoved(child.spiIn, now);
  tryLater(now);
}

/** Stops its outgoing packets; late packets still come in for a while. */
export function childOver(child: ChildSlot, now: number): void {
  if (child.stage < CHILD_DELETED && child.spiOut !== 0) {
    retirePair(child.spiIn);
    tryLater(now);
  }
  child.stage = CHILD_DELETED;
  child.rekeyAt = -1;
  child.removeAt = now + IKE_LINGER;
}

/** Asks for the Delete of a Child SA, which waits its turn. */
export function askDelete(child: ChildSlot): void {
  if (child.stage < CHILD_SUPERSEDED) child.stage = CHILD_SUPERSEDED;
  child.isDeleteAsked = true;
}

/** Removes an IKE SA and wipes its keys. */
function forgetIke(sa: IkeSlot): void {
  if (S.list === sa) S.list = sa.next;
  for (let one = S.list; one !== null; one = one.next) if (one.next === sa) one.next = sa.next;
  sa.state = STATE_ENDED;
  sa.endAt = -1;
  sa.response = null;
  if (sa.d === null) return;
  fill(sa.d, 0, 32, 0);
  wipeAead(sa.out!);
  wipeAead(sa.into!);
  sa.d = null;
}

/** Wipes what only the set-up needed. */
export function clearSetup(): void {
  const setup = S.setup;
  if (setup === null) return;
  S.setup = null;
  fill(setup.x, 0, setup.x.length, 0);
  fill(setup.pi, 0, setup.pi.length, 0);
  fill(setup.pr, 0, setup.pr.length, 0);
}

/** Gives up the CREATE_CHILD_SA that is on its way. */
export function clearDraft(): void {
  if (S.draft !== null) fill(S.draft.x, 0, S.draft.x.length, 0);
  S.draft = null;
}

/** Takes from the current IKE SA what it has. */
function stripIke(now: number): void {
  while (S.children !== null) childGone(S.children, now);
  S.childAt = -1;
  S.isRekeyAsked = false;
  S.isProbeAsked = false;
  S.isCloseAsked = false;
  S.rekeyAt = -1;
  clearDraft();
  clearSetup();
}

/** The current IKE SA is no more: tells the application, and plans the next attempt. */
function currentGone(sa: IkeSlot, now: number): void {
  S.current = null;
  S.messages = 0;
  S.octets = 0;
  // After a Delete of either side its ticket is void [RFC 5723 §6.2].
  if (P.tickets && sa.outcome !== OUTCOME_TIMEOUT && sa.outcome !== OUTCOME_PEER_CRASHED) S.session = null;
  tryLater(now);
  // The gateway is there, and said so.
  if (P.crashTokens && sa.outcome === OUTCOME_PEER_CRASHED && S.retryAt >= 0) S.retryAt = now;
  onEnded(sa.outcome, S.retryAt, now);
}

/** Ends an IKE SA, and with the current one its Child SAs. Its last answer stays for a while. */
export function endIke(sa: IkeSlot, outcome: number, now: number): void {
  if (sa.state === STATE_ENDED) return;
  if (sa.outcome === OUTCOME_NONE || outcome > 0) sa.outcome = outcome;
  sa.state = STATE_ENDED;
  sa.endAt = now + IKE_LINGER;
  settleRequest(sa);
  const rival = S.rival;
  const isCurrent = sa === S.current;
  if (isCurrent || sa === rival) S.rival = null;
  if (isCurrent) stripIke(now);
  if (sa.response === null) forgetIke(sa);
  if (isCurrent && rival !== null) endIke(rival, outcome, now);
  if (isCurrent) currentGone(sa, now);
}

/** Forgets an ended IKE SA whose time is over, or ends one that was waited for. */
export function expireIke(sa: IkeSlot, now: number): void {
  if (sa.state !== STATE_ENDED) endIke(sa, OUTCOME_TIMEOUT, now);
  forgetIke(sa);
}

/** Sends INFORMATIONAL with a Delete for the IKE SA, or for the Child SA with inbound SPI `spi`. */
export function sealDelete(sa: IkeSlot, spi: number, now: number): void {
  beginPayloads();
  if (spi === 0) {
    sa.state = STATE_CLOSING;
    // The peer learns why [RFC 7296 §2.21.2].
    if (sa.outcome === OUTCOME_PEER_AUTH || sa.outcome === OUTCOME_PEER_ID) addNote(N_AUTHENTICATION_FAILED, 0);
    addPayloads(PAYLOAD_DELETE, '0000000801000000', 0);
  } else {
    addPayloads(PAYLOAD_DELETE, '0000000c03040001', 0);
    put32(W, addRoom(4), spi);
  }
  sealRequest(sa, INFORMATIONAL, spi === 0 ? TASK_DELETE_IKE : TASK_DELETE_CHILD, now);
}

/** Ends an IKE SA that this side gives up: its Child SAs at once, and the gateway is told. */
export function abandonIke(sa: IkeSlot, outcome: number, now: number): void {
  if (sa.state === STATE_CLOSING || sa.state === STATE_ENDED) return;
  const isCurrent = sa === S.current;
  const rival = S.rival;
  settleRequest(sa);
  if (isCurrent) stripIke(now);
  if (sa.outcome === OUTCOME_NONE) sa.outcome = outcome;
  if (isCurrent && rival !== null) {
    S.rival = null;
    endIke(rival, outcome, now);
  }
  sealDelete(sa, 0, now);
  if (isCurrent) currentGone(sa, now);
}

/** Gives what the current IKE SA has to the one that a rekey made, which lives from now on. */
export function ikeFollows(next: IkeSlot, now: number): void {
  const old = S.current!;
  next.state = STATE_ESTABLISHED;
  next.outcome = old.outcome;
  next.endAt = -1;
  next.heardAt = now;
  S.current = next;
  S.rival = null;
  // Waiting requests go on under the new keys, except the rekey, which is done.
  S.isRekeyAsked = false;
  S.isRegular = false;
  S.rekeyAt = lifeEnd(P.ikeRekeyTime, now);
  clearDraft();
  onReplaced(now);
}

/** `next` takes the place of the current IKE SA, which waits for its end. */
export function ikeAdopt(next: IkeSlot, now: number): void {
  const old = S.current!;
  ikeFollows(next, now);
  old.state = STATE_REPLACED;
  old.endAt = now + P.retransmitTime * 64;
}

/** The gateway uses the IKE SA that its rekey made while ours is on its way, or (`ends`) deletes it as redundant. */
export function ikeDecided(sa: IkeSlot, ends: boolean, now: number): void {
  if (sa === S.rival && !ends) ikeAdopt(sa, now);
}

/** True when a Child SA carries packets out. */
export function hasLiveChild(): boolean {
  for (let one = S.children; one !== null; one = one.next) if (one.stage === CHILD_LIVE) return true;
  return false;
}
