// Downgrade prevention: AUTH covers both IKE_SA_INIT messages when both sides sent the notify
// [draft-ietf-ipsecme-ikev2-downgrade-prevention]. The response has the notify even if the request lacks it.

import { findNotify } from '../codec/message.ts';
import { N_FULL_TRANSCRIPT_AUTH } from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { addStatus } from '../codec/payloads.ts';
import type { Extension } from '../state/ike.ts';
import { STEP_INIT_REQUEST, STEP_INIT_RESPONSE } from '../state/step.ts';

/**
 * Authenticates the whole of IKE_SA_INIT where both sides offer it (`IkePolicy.transcript`)
 * [draft-ietf-ipsecme-ikev2-downgrade-prevention].
 */
export const downgradePrevention: Extension = {
  add: (_ike, sa, step, _draft, w) => {
    if ((step !== STEP_INIT_REQUEST && step !== STEP_INIT_RESPONSE) || !sa.policy.transcript) return;
    if (sa.setup!.resumed) return;
    sa.setup!.transcriptSent = true;
    addStatus(w, N_FULL_TRANSCRIPT_AUTH, NONE);
  },
  read: (_ike, sa, step, _draft, m) => {
    if (step !== STEP_INIT_REQUEST && step !== STEP_INIT_RESPONSE) return 0;
    sa.setup!.transcriptReceived = findNotify(m.payloads, m.buffer, N_FULL_TRANSCRIPT_AUTH) >= 0;
    return 0;
  },
};
