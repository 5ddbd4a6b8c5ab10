// Agreement on optimized rekeys [draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt §3] and on PFS of the first Child SA
// [draft-pwouters-ipsecme-child-pfs-info]. The exchange itself is in create.ts.

import { findNotify } from '../codec/message.ts';
import { NONE } from '../codec/octets.ts';
import { addStatus } from '../codec/payloads.ts';
import type { Extension } from '../state/ike.ts';
import { privateFits } from '../state/sa.ts';
import { STEP_AUTH_REQUEST, STEP_AUTH_RESPONSE, STEP_INIT_REQUEST, STEP_INIT_RESPONSE } from '../state/step.ts';

/**
 * Rekeys without SA and TS payloads where both sides offer them (`IkePolicy.optimizedRekey`)
 * [draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt].
 */
export const optimizedRekeys: Extension = {
  add: (ike, sa, step, _draft, w) => {
    if (!sa.policy.optimizedRekey) return;
    // In IKE_SA_INIT's request nobody knows yet who the peer is; between peers that are configured for each other the
    // first Child SA's rekeys are as its policy says.
    if (sa.policy.privateAlways && step < STEP_AUTH_REQUEST) return;
    if (step === STEP_INIT_REQUEST || (step === STEP_INIT_RESPONSE && sa.setup!.pfsInfo)) {
      addStatus(w, ike.numbers.childSaPfsInfoSupported, NONE);
    }
    if ((step === STEP_AUTH_REQUEST && privateFits(sa)) || (step === STEP_AUTH_RESPONSE && sa.optimizedRekey)) {
      addStatus(w, ike.numbers.optimizedRekeySupported, NONE);
    }
  },
  read: (ike, sa, step, _draft, m) => {
    if (!sa.policy.optimizedRekey || !privateFits(sa)) return 0;
    if (step === STEP_INIT_REQUEST || step === STEP_INIT_RESPONSE) {
      sa.setup!.pfsInfo = findNotify(m.payloads, m.buffer, ike.numbers.childSaPfsInfoSupported) >= 0;
    }
    if (step === STEP_AUTH_REQUEST || step === STEP_AUTH_RESPONSE) {
      sa.optimizedRekey = findNotify(m.payloads, m.buffer, ike.numbers.optimizedRekeySupported) >= 0;
    }
    return 0;
  },
};
