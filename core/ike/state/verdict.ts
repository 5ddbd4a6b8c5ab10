// The one place where a verdict becomes a notify, and a notify an outcome.

import { type ErrorType, N_AUTHENTICATION_FAILED, N_NO_PROPOSAL_CHOSEN } from '../codec/numbers.ts';
import { type End, OUTCOME_PEER_AUTH, type Verdict } from './outcome.ts';

/** The error to answer for a verdict that is not 0: what is no notify is not told apart. */
export function notifyOf(verdict: Verdict): ErrorType {
  return verdict > 0 ? (verdict as ErrorType) : N_NO_PROPOSAL_CHOSEN;
}

/** How an SA ends whose request was answered with `error`: the peer did not prove itself, or the error itself. */
export function endOf(error: ErrorType): End {
  return error === N_AUTHENTICATION_FAILED ? OUTCOME_PEER_AUTH : error;
}
