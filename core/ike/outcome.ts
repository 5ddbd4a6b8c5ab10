// Names of outcomes and of error notifies, for people.

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
];

const ERRORS: [number, string][] = [
  [1, 'UNSUPPORTED_CRITICAL_PAYLOAD'],
  [4, 'INVALID_IKE_SPI'],
  [5, 'INVALID_MAJOR_VERSION'],
  [7, 'INVALID_SYNTAX'],
  [9, 'INVALID_MESSAGE_ID'],
  [11, 'INVALID_SPI'],
  [14, 'NO_PROPOSAL_CHOSEN'],
  [17, 'INVALID_KE_PAYLOAD'],
  [24, 'AUTHENTICATION_FAILED'],
  [34, 'SINGLE_PAIR_REQUIRED'],
  [35, 'NO_ADDITIONAL_SAS'],
  [36, 'INTERNAL_ADDRESS_FAILURE'],
  [37, 'FAILED_CP_REQUIRED'],
  [38, 'TS_UNACCEPTABLE'],
  [39, 'INVALID_SELECTORS'],
  [43, 'TEMPORARY_FAILURE'],
  [44, 'CHILD_SA_NOT_FOUND'],
];

/** The name of OUTCOME_* or of an error notify: 'timeout', 'AUTHENTICATION_FAILED', ... */
export function outcomeName(outcome: number): string {
  if (outcome <= 0) return -outcome < LOCAL.length ? LOCAL[-outcome] : String(outcome);
  for (let i = 0; i < ERRORS.length; i++) if (ERRORS[i][0] === outcome) return ERRORS[i][1];
  return 'notify-' + outcome;
}
