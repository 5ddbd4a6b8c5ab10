import { INFORMATIONAL } from '../../../core/ike/codec/numbers.ts';
import { CHILD_LIVE, CHILD_SUPERSEDED, STATE_ESTABLISHED } from '../../../core/ike/state/stage.ts';
import { TASK_CHILD, TASK_PROBE, TASK_REKEY_CHILD, TASK_REKEY_IKE } from '../../../core/ike/state/task.ts';
import { espReceived } from '../esp-in.ts';
import { isAgeing, isSuspect } from '../esp-sa.ts';
import { linkHasIke } from '../link.ts';
import type { Profile } from '../profile.ts';
import { askCreate } from './create-child.ts';
import { ikeReauth } from './ike-first.ts';
import { askDelete, sealDelete } from './ike-life.ts';
import { freshIke, type IkeSlot, ikeNow, reauthAt, S, setReauth } from './ike-state.ts';
import { sealRequest } from './messages.ts';
import { beginPayloads } from './payloads.ts';

declare const P: Profile;

/** Milliseconds until a rekey is asked for again, because of packets. */
const ASK_AGAIN = 10000;
/** The first pause and the longest between questions because of doubts. */
const DOUBT_FIRST = 8000;
const DOUBT_MOST = 512000;
/** When the next question may come, and the pause after it: because of packets that fail, because of the application. */
const doubts = /* @__PURE__ */ new Float64Array(4);

/** Begins a waiting request, one at a time: the end, Deletes, rekeys, a Child SA, a probe. */
export function ikeTasks(): void {
  const sa = S.current;
  // A message that waits for the radio would give way to the next.
  if (sa === null || sa.state !== STATE_ESTABLISHED || sa.task !== 0 || linkHasIke()) return;
  // The set-up beside it has the room for keys.
  if (P.reauthTime > 0 && freshIke !== null) return;
  if (S.isCloseAsked) {
    sealDelete(sa, 0);
    return;
  }
  for (let one = S.children; one !== null; one = one.next) {
    if (!one.isDeleteAsked || one.removeAt >= 0) continue;
    S.leaving = one;
    sealDelete(sa, one.spiIn);
    return;
  }
  for (let one = S.children; one !== null; one = one.next) {
    const isAsked = one.isRekeyAsked && one.stage === CHILD_LIVE;
    one.isRekeyAsked = false;
    if (!isAsked) continue;
    askCreate(sa, TASK_REKEY_CHILD, one);
    return;
  }
  if (S.childAt >= 0 && ikeNow >= S.childAt) {
    S.childAt = -1;
    askCreate(sa, TASK_CHILD, null);
  } else if (S.isRekeyAsked) {
    S.isRekeyAsked = false;
    askCreate(sa, TASK_REKEY_IKE, null);
  } else if (S.isProbeAsked) {
    S.isProbeAsked = false;
    beginPayloads();
    sealRequest(sa, INFORMATIONAL, TASK_PROBE);
  } else if (P.reauthTime > 0 && reauthAt >= 0 && ikeNow >= reauthAt) {
    setReauth(-1);
    ikeReauth();
  }
}

/** True when something unproved may be a reason to ask: at once, then after 8 s, 16 s, up to 512 s (core/esp/search.ts). */
export function mayDoubt(first: number): boolean {
  if (ikeNow < doubts[first]) return false;
  if (doubts[first + 1] === 0 || ikeNow - doubts[first] > DOUBT_MOST) doubts[first + 1] = DOUBT_FIRST;
  doubts[first] = ikeNow + doubts[first + 1];
  doubts[first + 1] = Math.min(2 * doubts[first + 1], DOUBT_MOST);
  return true;
}

/** The scheduled work of the current IKE SA. */
export function ikeAge(sa: IkeSlot): void {
  if (S.received !== espReceived) {
    S.received = espReceived;
    sa.heardAt = ikeNow;
  }
  if (S.rekeyAt >= 0 && ikeNow >= S.rekeyAt) {
    S.rekeyAt = -1;
    if (sa.task !== TASK_REKEY_IKE) S.isRekeyAsked = true;
  }
  let isOlder = false;
  for (let one = S.children; one !== null; one = one.next) {
    // Only the newest is needed. Where a collision ended in two, this side deletes the others in the end.
    const isSpare = one.stage === CHILD_SUPERSEDED || (isOlder && one.stage === CHILD_LIVE);
    if (one.stage === CHILD_LIVE) {
      if (isOlder && one.rekeyAt < 0) one.rekeyAt = ikeNow + P.retransmitTime * 64;
      isOlder = true;
    }
    if (one.rekeyAt >= 0 && ikeNow >= one.rekeyAt) {
      one.rekeyAt = -1;
      if (isSpare) {
        askDelete(one);
        continue;
      }
    } else {
      // Lifetimes in packets, and packets that fail.
      if (one.stage !== CHILD_LIVE || ikeNow < one.tag) continue;
      if (!isAgeing(one.spiIn) && !(isSuspect(one.spiIn, ikeNow) && mayDoubt(0))) continue;
      one.tag = ikeNow + ASK_AGAIN;
    }
    const isUnderWay = sa.task === TASK_REKEY_CHILD && S.draft !== null && S.draft.old === one;
    if (one.stage === CHILD_LIVE && !isUnderWay) one.isRekeyAsked = true;
  }
  if (P.dpdTime > 0 && ikeNow >= sa.heardAt + P.dpdTime && sa.task === 0) S.isProbeAsked = true;
}
