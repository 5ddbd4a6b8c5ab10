// Where a message of ours, or of the peer, stands; for extensions.

export const STEP_INIT_REQUEST = 0;
export const STEP_INIT_RESPONSE = 1;
export const STEP_AUTH_REQUEST = 2;
export const STEP_AUTH_RESPONSE = 3;
/** CREATE_CHILD_SA about a Child SA; not in the optimized form, which carries no settings. */
export const STEP_CHILD_REQUEST = 4;
export const STEP_CHILD_RESPONSE = 5;
/** IKE_AUTH once more, before AUTH is computed or verified; without a draft. */
export const STEP_IDENT_REQUEST = 6;
export const STEP_IDENT_RESPONSE = 7;
