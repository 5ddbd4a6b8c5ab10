// INFORMATIONAL: Deletes, probes, and what nothing protects [RFC 7296 §1.4, §1.5, §2.4; RFC 6290]. As
// core/ike/exchange/informational.ts and core/ike/ext/crash-taker.ts.

import { equal, put32, u16, u32 } from '../../../core/base/bytes.ts';
import {
  INFORMATIONAL,
  N_AUTHENTICATION_FAILED,
  N_INVALID_IKE_SPI,
  N_INVALID_SPI,
  N_INVALID_SYNTAX,
  N_QCD_TOKEN,
  PAYLOAD_DELETE,
  PAYLOAD_NOTIFY,
  PROTOCOL_ESP,
  PROTOCOL_IKE,
} from '../../../core/ike/codec/numbers.ts';
import {
  OUTCOME_CLOSED,
  OUTCOME_DELETED,
  OUTCOME_NONE,
  OUTCOME_PEER_CRASHED,
} from '../../../core/ike/state/outcome.ts';
import { CHILD_LIVE, CHILD_SUPERSEDED, STATE_ESTABLISHED } from '../../../core/ike/state/stage.ts';
import { TASK_DELETE_CHILD, TASK_DELETE_IKE } from '../../../core/ike/state/task.ts';
import type { Profile } from '../profile.ts';
import { childWith } from './answer-create.ts';
import { takeToken } from './ike-auth.ts';
import { childOver, endIke, ikeAdopt, ikeFollows, lifeEnd } from './ike-life.ts';
import { type ChildSlot, type IkeSlot, ikeNow, S } from './ike-state.ts';
import { hurryRequest, sealAnswer } from './messages.ts';
import {
  addPayloads,
  addRoom,
  beginPayloads,
  chain,
  chainError,
  foundAt,
  foundSize,
  note,
  seek,
  W,
} from './payloads.ts';

declare const P: Profile;

/** Milliseconds for which the gateway was silent before a stranger's word is a reason to ask, and between such questions. */
const HINT_QUIET = 1000;
const HINT_PAUSE = 30000;

/** The gateway deleted `child`. If it keeps the one that `child` replaced, so does this side. */
function childBack(child: ChildSlot): void {
  const old = child.replaces;
  const asked = S.draft === null ? null : S.draft.old;
  if (asked !== null && asked.rival === child) {
    // Where the gateway has replaced what it made beside this side's request, the successor stands for it.
    asked.rival = null;
    for (let one = S.children; one !== null; one = one.next) {
      if (one.replaces === child && one.stage === CHILD_LIVE) asked.rival = one;
    }
  } else if (old === null) {
    return;
  } else if (old.rival === child) {
    old.rival = null;
  } else if (old.stage === CHILD_SUPERSEDED && !old.isDeleteAsked) {
    old.stage = CHILD_LIVE;
    old.rekeyAt = lifeEnd(P.childRekeyTime);
  }
}

/** A request is in the chain: its Deletes are carried out, and answered. */
export function onInformational(sa: IkeSlot): void {
  // Ignore other complaints of a peer: anybody can cause them, for example by an ESP packet with a wrong SPI.
  const error = chainError === N_AUTHENTICATION_FAILED || chainError === N_INVALID_SYNTAX ? chainError : 0;
  let ends = false;
  for (let i = 0; seek(PAYLOAD_DELETE, 0, i); i++) if (chain[foundAt] === PROTOCOL_IKE) ends = true;
  // The gateway uses the IKE SA that its rekey made while ours is on its way: it has decided.
  if (sa === S.rival && !ends) ikeAdopt(sa);
  if (P.crashTokens) takeToken(sa);
  beginPayloads();
  let at = 0;
  let count = 0;
  for (let i = 0; seek(PAYLOAD_DELETE, 0, i); i++) {
    if (chain[foundAt] !== PROTOCOL_ESP || chain[foundAt + 1] !== 4) continue;
    const end = foundAt + 4 + 4 * u16(chain, foundAt + 2);
    for (let s = foundAt + 4; s < end; s += 4) {
      const child = childWith(sa, u32(chain, s));
      if (child === null) {
        sa.gone = u32(chain, s);
        continue;
      }
      // Both Deletes cross: the answer to the peer's has none [RFC 7296 §1.4.1].
      const crosses = sa.task === TASK_DELETE_CHILD && S.leaving === child;
      if (!ends && !crosses) {
        if (count++ === 0) at = addPayloads(PAYLOAD_DELETE, '0000000003040000', 0);
        put32(W, addRoom(4), child.spiIn);
        W[at + 3] = 8 + 4 * count;
        W[at + 7] = count;
      }
      childOver(child);
      childBack(child);
    }
  }
  sealAnswer(sa, INFORMATIONAL);
  if (!ends && error === 0) return;
  // The peer's rekey won, and it closes the old SA before our own rekey was answered.
  if (sa === S.current && S.rival !== null) ikeFollows(S.rival);
  endIke(sa, error !== 0 ? error : OUTCOME_DELETED);
}

/** The answer to a Delete or a probe. */
export function onInformationalAnswer(sa: IkeSlot, task: number): void {
  if (task === TASK_DELETE_IKE) endIke(sa, sa.outcome === OUTCOME_NONE ? OUTCOME_CLOSED : sa.outcome);
  if (task === TASK_DELETE_CHILD && S.leaving !== null && S.leaving.removeAt < 0) childOver(S.leaving);
}

/** Somebody says that the gateway knows an SPI of ours no longer: asks the gateway, at most so often [RFC 7296 §1.5]. */
export function onStray(): void {
  const sa = S.current;
  if (!note(N_INVALID_SPI) || foundSize !== 4 || sa === null || sa.state !== STATE_ESTABLISHED) return;
  let mayBe = false;
  for (let one = S.children; one !== null; one = one.next) {
    // With fewer bits on the wire the first four octets are an SPI only in part.
    if (one.stage === CHILD_LIVE && (P.spiLsb < 32 || one.spiOut === u32(chain, foundAt))) mayBe = true;
  }
  if (!mayBe || ikeNow < sa.heardAt + HINT_QUIET || ikeNow < S.hintedAt + HINT_PAUSE) return;
  S.hintedAt = ikeNow;
  hurryRequest(sa);
  S.isProbeAsked = true;
}

/** An answer without SK: the gateway lost the IKE SA, and proves it by its token, or says so [RFC 6290 §4.5]. */
export function onHint(sa: IkeSlot): void {
  if (sa.state < STATE_ESTABLISHED || !note(N_INVALID_IKE_SPI)) return;
  const token = sa.token;
  for (let i = 0; token !== null && seek(PAYLOAD_NOTIFY, N_QCD_TOKEN, i); i++) {
    if (foundSize !== token.length || !equal(chain, foundAt, token, 0, foundSize)) continue;
    endIke(sa, OUTCOME_PEER_CRASHED);
    return;
  }
  hurryRequest(sa);
}
