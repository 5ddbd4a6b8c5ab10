// Names of outcomes and error notifies, for people.

import {
  N_AUTHENTICATION_FAILED,
  N_CHILD_SA_NOT_FOUND,
  N_FAILED_CP_REQUIRED,
  N_INTERNAL_ADDRESS_FAILURE,
  N_INVALID_IKE_SPI,
  N_INVALID_KE_PAYLOAD,
  N_INVALID_MAJOR_VERSION,
  N_INVALID_MESSAGE_ID,
  N_INVALID_SELECTORS,
  N_INVALID_SPI,
  N_INVALID_SYNTAX,
  N_NO_ADDITIONAL_SAS,
  N_NO_PROPOSAL_CHOSEN,
  N_SINGLE_PAIR_REQUIRED,
  N_STATE_NOT_FOUND,
  N_TEMPORARY_FAILURE,
  N_TS_MAX_QUEUE,
  N_TS_UNACCEPTABLE,
  N_UNACCEPTABLE_ADDRESSES,
  N_UNEXPECTED_NAT_DETECTED,
  N_UNSUPPORTED_CRITICAL_PAYLOAD,
} from '../codec/numbers.ts';
import type { Extension } from './ike.ts';

const LOCAL = [
  'none',
  'timeout',
  'peer-authentication',
  'peer-identity',
  'protocol',
  'compression-refused',
  'ppk',
  'closed',
  'deleted',
  'replaced',
  'refused',
  'selectors',
  'internal',
  'peer-crashed',
];

const ERRORS: [number, string][] = [
  [N_UNSUPPORTED_CRITICAL_PAYLOAD, 'UNSUPPORTED_CRITICAL_PAYLOAD'],
  [N_INVALID_IKE_SPI, 'INVALID_IKE_SPI'],
  [N_INVALID_MAJOR_VERSION, 'INVALID_MAJOR_VERSION'],
  [N_INVALID_SYNTAX, 'INVALID_SYNTAX'],
  [N_INVALID_MESSAGE_ID, 'INVALID_MESSAGE_ID'],
  [N_INVALID_SPI, 'INVALID_SPI'],
  [N_NO_PROPOSAL_CHOSEN, 'NO_PROPOSAL_CHOSEN'],
  [N_INVALID_KE_PAYLOAD, 'INVALID_KE_PAYLOAD'],
  [N_AUTHENTICATION_FAILED, 'AUTHENTICATION_FAILED'],
  [N_SINGLE_PAIR_REQUIRED, 'SINGLE_PAIR_REQUIRED'],
  [N_NO_ADDITIONAL_SAS, 'NO_ADDITIONAL_SAS'],
  [N_INTERNAL_ADDRESS_FAILURE, 'INTERNAL_ADDRESS_FAILURE'],
  [N_FAILED_CP_REQUIRED, 'FAILED_CP_REQUIRED'],
  [N_TS_UNACCEPTABLE, 'TS_UNACCEPTABLE'],
  [N_INVALID_SELECTORS, 'INVALID_SELECTORS'],
  [N_UNACCEPTABLE_ADDRESSES, 'UNACCEPTABLE_ADDRESSES'],
  [N_UNEXPECTED_NAT_DETECTED, 'UNEXPECTED_NAT_DETECTED'],
  [N_TEMPORARY_FAILURE, 'TEMPORARY_FAILURE'],
  [N_CHILD_SA_NOT_FOUND, 'CHILD_SA_NOT_FOUND'],
  [N_STATE_NOT_FOUND, 'STATE_NOT_FOUND'],
  [N_TS_MAX_QUEUE, 'TS_MAX_QUEUE'],
];

/**
 * The name of an outcome or of an error notify: 'timeout', 'AUTHENTICATION_FAILED', ... Those of extensions are found
 * where their list is given.
 */
export function outcomeName(outcome: number, extensions?: Extension[]): string {
  if (outcome <= 0) return -outcome < LOCAL.length ? LOCAL[-outcome] : String(outcome);
  for (let i = 0; i < ERRORS.length; i++) if (ERRORS[i][0] === outcome) return ERRORS[i][1];
  for (let i = 0; extensions !== undefined && i < extensions.length; i++) {
    const errors = extensions[i].errors;
    for (let j = 0; errors !== undefined && j < errors.length; j++) if (errors[j][0] === outcome) return errors[j][1];
  }
  return 'notify-' + outcome;
}
