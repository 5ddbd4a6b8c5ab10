// Negotiates Diet-ESP for a Child SA, by HCP_PROPOSAL or EHC_SUPPORTED, as its policy says
// [draft-ietf-ipsecme-ikev2-diet-esp-extension]. hcp.ts and ehc.ts have the content of the notifies.

import { rekeyPolicy } from '../child/compression.ts';
import { agreedDscp } from '../codec/dscp.ts';
import {
  beginPayload,
  endPayload,
  findNotify,
  notifyDataAt,
  notifyDataSize,
  type Writer,
  write8,
  write16,
} from '../codec/message.ts';
import { N_NO_PROPOSAL_CHOSEN, PAYLOAD_NOTIFY } from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { addStatus, type Message } from '../codec/payloads.ts';
import type { Draft } from '../state/child.ts';
import type { CompressionChoice, CompressionPolicy } from '../state/compression.ts';
import type { Extension, Ike } from '../state/ike.ts';
import { OUTCOME_COMPRESSION, type Verdict } from '../state/outcome.ts';
import { type IkeSa, privateFits } from '../state/sa.ts';
import { isChildRequest, isChildResponse, type Step } from '../state/step.ts';

/** What a request about `draft` offers; null: nothing. A rekey stays with or without compression. */
export function offerOf(draft: Draft): CompressionPolicy | null {
  const policy = draft.policy.notify === null ? null : draft.policy.compression;
  const old = draft.replaces;
  if (policy === null || old === null) return policy;
  // Without SPI bits an SA takes over from its like, and the peer chooses that again.
  if (old.compression !== null && old.compression.espSpiLsb === 0) return policy;
  const kept = old.compression === null ? null : rekeyPolicy(policy, old.compression);
  // No proposals at all would be every value.
  return kept !== null && kept.proposals.length > 0 ? kept : null;
}

function add(ike: Ike, sa: IkeSa, step: Step, draft: Draft | null, w: Writer): void {
  if (draft === null || !privateFits(sa) || !(isChildRequest(step) || isChildResponse(step))) return;
  const notify = draft.policy.notify;
  const policy = isChildRequest(step) ? offerOf(draft) : draft.policy.compression;
  if (notify === null || policy === null) return;
  if (isChildResponse(step) && draft.compression === null) {
    // EHC_SUPPORTED has a refusal that leaves plain ESP; with HCP_PROPOSAL no answer means that.
    const refusal = notify.refusalType(ike.numbers);
    if (draft.refused && refusal !== N_NO_PROPOSAL_CHOSEN) addStatus(w, refusal, NONE);
    return;
  }
  const at = beginPayload(w, PAYLOAD_NOTIFY);
  write8(w, 0);
  write8(w, 0);
  write16(w, notify.type(ike.numbers));
  if (isChildRequest(step)) notify.addOffer(w, policy);
  else notify.addAnswer(w, draft.compression!);
  endPayload(w, at);
}

function read(ike: Ike, sa: IkeSa, step: Step, draft: Draft | null, m: Message): Verdict {
  if (draft === null || !(isChildRequest(step) || isChildResponse(step))) return 0;
  const notify = draft.policy.notify;
  const policy = isChildResponse(step) ? offerOf(draft) : draft.policy.compression;
  if (notify === null || policy === null) return 0;
  draft.compression = null;
  const p = m.payloads;
  // dscp_cda "sa" indexes a list that both sides know: both stated it, or both are configured with it.
  const list =
    draft.policy.dscp === null
      ? policy.dscpList
      : agreedDscp(policy.dscpList, draft.peerDscp === null ? [] : draft.peerDscp);
  const able: CompressionPolicy = { proposals: policy.proposals, required: policy.required, dscpList: list };
  const i = privateFits(sa) ? findNotify(p, m.buffer, notify.type(ike.numbers)) : -1;
  let choice: CompressionChoice | null = null;
  if (i >= 0) {
    const at = notifyDataAt(m.buffer, p.at[i]);
    const size = notifyDataSize(m.buffer, p.at[i], p.size[i]);
    choice = isChildRequest(step) ? notify.choose(able, m.buffer, at, size) : notify.check(able, m.buffer, at, size);
    draft.refused = choice === null;
    // After an answer outside the offer nobody knows what the peer does to packets.
    if (choice === null && isChildResponse(step)) return OUTCOME_COMPRESSION;
  }
  draft.compression = choice;
  if (choice !== null) draft.dscpList = list;
  if (choice !== null || !policy.required) return 0;
  return isChildRequest(step) ? N_NO_PROPOSAL_CHOSEN : OUTCOME_COMPRESSION;
}

/**
 * Negotiates the attributes of Diet-ESP for each Child SA, as `ChildPolicy.notify` and `compression` say
 * [draft-ietf-ipsecme-ikev2-diet-esp-extension].
 */
export const headerCompression: Extension = { add: add, read: read };
