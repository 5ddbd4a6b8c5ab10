// Steps: which message of ours, or of the peer, an extension handles.

/** Messages that an extension adds to and reads: IKE_SA_INIT, or IKE_SESSION_RESUME. */
export const STEP_INIT_REQUEST = 0 as const;
export const STEP_INIT_RESPONSE = 1 as const;
/** IKE_AUTH. */
export const STEP_AUTH_REQUEST = 2 as const;
export const STEP_AUTH_RESPONSE = 3 as const;
/** CREATE_CHILD_SA about a Child SA; not in the optimized form, which carries no settings. */
export const STEP_CHILD_REQUEST = 4 as const;
export const STEP_CHILD_RESPONSE = 5 as const;
/** IKE_AUTH again, before AUTH is computed or verified; without a draft. */
export const STEP_IDENT_REQUEST = 6 as const;
export const STEP_IDENT_RESPONSE = 7 as const;
/** The answer to CREATE_CHILD_SA about the IKE SA: `sa` is the new one, and has both SPIs. */
export const STEP_REKEY_RESPONSE = 8 as const;
/** INFORMATIONAL: a probe. */
export const STEP_INFORMATIONAL_REQUEST = 9 as const;
/** Between TSi and TSr of either message about a Child SA: `Writer.next` is where TSi begins. */
export const STEP_SELECTORS = 10 as const;
/** The answer to it, and to a Delete. */
export const STEP_INFORMATIONAL_RESPONSE = 11 as const;
/** Steps of an extension. */
export type Step =
  | typeof STEP_INIT_REQUEST
  | typeof STEP_INIT_RESPONSE
  | typeof STEP_AUTH_REQUEST
  | typeof STEP_AUTH_RESPONSE
  | typeof STEP_CHILD_REQUEST
  | typeof STEP_CHILD_RESPONSE
  | typeof STEP_IDENT_REQUEST
  | typeof STEP_IDENT_RESPONSE
  | typeof STEP_REKEY_RESPONSE
  | typeof STEP_INFORMATIONAL_REQUEST
  | typeof STEP_SELECTORS
  | typeof STEP_INFORMATIONAL_RESPONSE;

/** True for a request about a Child SA. */
export function isChildRequest(step: Step): boolean {
  return step === STEP_AUTH_REQUEST || step === STEP_CHILD_REQUEST;
}

/** True for an answer about a Child SA. */
export function isChildResponse(step: Step): boolean {
  return step === STEP_AUTH_RESPONSE || step === STEP_CHILD_RESPONSE;
}
