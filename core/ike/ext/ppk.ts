// Post-quantum protection by a pre-shared key that is mixed into SK_d and SK_p [RFC 8784]. It protects the Child SAs and
// later SAs, but not the first IKE SA's own messages (ppk-intermediate.ts does).

import { copy } from '../../base/spans.ts';
import { idBody } from '../codec/ident.ts';
import {
  N_AUTHENTICATION_FAILED,
  N_INTERMEDIATE_EXCHANGE_SUPPORTED,
  N_NO_PPK_AUTH,
  N_NO_PROPOSAL_CHOSEN,
  N_PPK_IDENTITY,
  N_USE_PPK,
  N_USE_PPK_INT,
} from '../codec/numbers.ts';
import { join, NONE, same } from '../codec/octets.ts';
import { addStatus, dataOf } from '../codec/payloads.ts';
import { type Claim, makeAuth } from '../crypto/auth.ts';
import { mixPpk } from '../crypto/keys.ts';
import { offerRounds } from '../setup/rounds.ts';
import { type Extension, hasIntermediate, type Ike } from '../state/ike.ts';
import { OUTCOME_PPK } from '../state/outcome.ts';
import type { IkeSa } from '../state/sa.ts';
import { PPK_IN_AUTH, PPK_IN_INTERMEDIATE, PPK_NONE, type Setup } from '../state/setup.ts';
import { STEP_IDENT_REQUEST, STEP_IDENT_RESPONSE, STEP_INIT_REQUEST, STEP_INIT_RESPONSE } from '../state/step.ts';

/** Mixes the PPK into SK_d, SK_pi and SK_pr, and keeps what they were. */
function mix(ike: Ike, sa: IkeSa, setup: Setup, key: Uint8Array): void {
  setup.plainKeys = join([sa.skD, setup.skPi, setup.skPr]);
  mixPpk(ike.provider, key, sa.skD);
  mixPpk(ike.provider, key, setup.skPi);
  mixPpk(ike.provider, key, setup.skPr);
  setup.ppkUsed = PPK_IN_AUTH;
}

/** Removes the PPK again, because the peer does not have it. */
function unmix(sa: IkeSa, setup: Setup): void {
  copy(sa.skD, 0, setup.plainKeys, 0, 32);
  copy(setup.skPi, 0, setup.plainKeys, 32, 32);
  copy(setup.skPr, 0, setup.plainKeys, 64, 32);
  setup.ppkUsed = PPK_NONE;
}

/**
 * Mixes a pre-shared key into the keys, in IKE_AUTH [RFC 8784] or IKE_INTERMEDIATE [RFC 9867], as `IkePolicy.ppk` says.
 */
export const postQuantumKey: Extension = {
  add: (ike, sa, step, _draft, w) => {
    const ppk = sa.policy.ppk;
    const setup = sa.setup;
    if (ppk === null || setup === null || setup.resumed) return;
    if (step === STEP_INIT_REQUEST) {
      addStatus(w, N_USE_PPK, NONE);
      if (!ppk.intermediate || !hasIntermediate(ike, 'ppk')) return;
      addStatus(w, N_USE_PPK_INT, NONE);
      offerRounds(sa, w);
    } else if (step === STEP_INIT_RESPONSE) {
      if (setup.usePpkInt) {
        addStatus(w, N_USE_PPK_INT, NONE);
        offerRounds(sa, w);
      } else if (setup.usePpk) {
        addStatus(w, N_USE_PPK, NONE);
      }
    } else if (step === STEP_IDENT_REQUEST && setup.usePpk && setup.ppkUsed === PPK_NONE) {
      addStatus(w, N_PPK_IDENTITY, ppk.id);
      if (!ppk.mandatory) {
        const claim: Claim = { ofInitiator: true, id: idBody(sa.policy.localId), messageId: sa.nextId };
        addStatus(w, N_NO_PPK_AUTH, makeAuth(ike, sa.policy, setup, claim));
      }
      mix(ike, sa, setup, ppk.key);
    } else if (step === STEP_IDENT_RESPONSE && setup.ppkUsed === PPK_IN_AUTH) {
      addStatus(w, N_PPK_IDENTITY, NONE);
    }
  },
  read: (ike, sa, step, _draft, m) => {
    const ppk = sa.policy.ppk;
    const setup = sa.setup;
    if (setup === null || setup.resumed) return 0;
    if (step === STEP_INIT_REQUEST || step === STEP_INIT_RESPONSE) {
      const both = dataOf(m, N_USE_PPK_INT) !== null && dataOf(m, N_INTERMEDIATE_EXCHANGE_SUPPORTED) !== null;
      setup.usePpkInt = both && ppk !== null && ppk.intermediate && hasIntermediate(ike, 'ppk');
      setup.usePpk = ppk !== null && dataOf(m, N_USE_PPK) !== null;
      if (ppk === null || !ppk.mandatory || setup.usePpk || setup.usePpkInt) return 0;
      return step === STEP_INIT_REQUEST ? N_NO_PROPOSAL_CHOSEN : OUTCOME_PPK;
    }
    const identity = dataOf(m, N_PPK_IDENTITY);
    if (step === STEP_IDENT_REQUEST) {
      const fits = ppk !== null && identity !== null && setup.usePpk && same(identity, ppk.id);
      if (setup.ppkUsed === PPK_IN_INTERMEDIATE)
        return ppk !== null && same(setup.ppkId, ppk.id) ? 0 : N_AUTHENTICATION_FAILED;
      if (fits) {
        mix(ike, sa, setup, ppk.key);
        return 0;
      }
      if (ppk !== null && ppk.mandatory) return N_AUTHENTICATION_FAILED;
      if (identity === null) return 0;
      // The peer has a PPK that we lack, and sends AUTH data without it.
      const without = dataOf(m, N_NO_PPK_AUTH);
      if (without === null || without.length === 0) return N_AUTHENTICATION_FAILED;
      setup.noPpkAuth = without;
      return 0;
    }
    if (step === STEP_IDENT_RESPONSE && ppk !== null && setup.ppkUsed !== PPK_IN_INTERMEDIATE) {
      if (identity === null && setup.ppkUsed === PPK_IN_AUTH) unmix(sa, setup);
      if (ppk.mandatory && setup.ppkUsed === PPK_NONE) return OUTCOME_PPK;
    }
    return 0;
  },
};
