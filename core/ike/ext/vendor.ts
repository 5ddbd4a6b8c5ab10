// Our Vendor ID in IKE_SA_INIT: only a sender of it knows the meaning of the private numbers [RFC 7296 §3.12]. A peer that is
// configured to know them needs none.

import { beginPayload, endPayload, findPayload, write8 } from '../codec/message.ts';
import { PAYLOAD_VENDOR } from '../codec/numbers.ts';
import { VENDOR_ID } from '../codec/private-numbers.ts';
import type { Extension } from '../state/ike.ts';
import { STEP_INIT_REQUEST, STEP_INIT_RESPONSE } from '../state/step.ts';

/**
 * Exchanges a Vendor ID [RFC 7296 §3.12]: private notifies go only to peers that sent the same, if not
 * `IkePolicy.privateAlways`. List it in front of the extensions that use private numbers.
 */
export const vendorId: Extension = {
  add: (_ike, sa, step, _draft, w) => {
    const asks = step === STEP_INIT_REQUEST && !sa.policy.privateAlways;
    if (!asks && !(step === STEP_INIT_RESPONSE && sa.vendor)) return;
    const at = beginPayload(w, PAYLOAD_VENDOR);
    for (let i = 0; i < VENDOR_ID.length; i++) write8(w, VENDOR_ID[i]);
    endPayload(w, at);
  },
  read: (_ike, sa, step, _draft, m) => {
    if (step !== STEP_INIT_REQUEST && step !== STEP_INIT_RESPONSE) return 0;
    const p = m.payloads;
    sa.vendor = false;
    for (let i = findPayload(p, PAYLOAD_VENDOR, 0); i >= 0; i = findPayload(p, PAYLOAD_VENDOR, i + 1)) {
      let same = p.size[i] === VENDOR_ID.length;
      for (let j = 0; j < VENDOR_ID.length && same; j++) same = m.buffer[p.at[i] + j] === VENDOR_ID[j];
      if (same) sa.vendor = true;
    }
    return 0;
  },
};
