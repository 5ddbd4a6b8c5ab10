// What can come to an IKE SA, and what it does about it: the words of the tables in table.ts.

/** Events: responses, then requests. */
export const EVENT_INIT_RESPONSE = 0 as const;
export const EVENT_RESUME_RESPONSE = 1 as const;
export const EVENT_INTERMEDIATE_RESPONSE = 2 as const;
export const EVENT_AUTH_RESPONSE = 3 as const;
export const EVENT_CREATE_RESPONSE = 4 as const;
export const EVENT_INFORMATIONAL_RESPONSE = 5 as const;
export const EVENT_INTERMEDIATE_REQUEST = 6 as const;
export const EVENT_AUTH_REQUEST = 7 as const;
export const EVENT_CREATE_REQUEST = 8 as const;
export const EVENT_INFORMATIONAL_REQUEST = 9 as const;
export const EVENT_FOLLOWUP_RESPONSE = 10 as const;
export const EVENT_FOLLOWUP_REQUEST = 11 as const;
export const EVENTS = 12;
/** An exchange that is not known. */
export const EVENT_NONE = -1 as const;

export type IkeEvent =
  | typeof EVENT_INIT_RESPONSE
  | typeof EVENT_RESUME_RESPONSE
  | typeof EVENT_INTERMEDIATE_RESPONSE
  | typeof EVENT_AUTH_RESPONSE
  | typeof EVENT_CREATE_RESPONSE
  | typeof EVENT_INFORMATIONAL_RESPONSE
  | typeof EVENT_INTERMEDIATE_REQUEST
  | typeof EVENT_AUTH_REQUEST
  | typeof EVENT_CREATE_REQUEST
  | typeof EVENT_INFORMATIONAL_REQUEST
  | typeof EVENT_FOLLOWUP_RESPONSE
  | typeof EVENT_FOLLOWUP_REQUEST
  | typeof EVENT_NONE;

/** Actions. */
export const ACT_DROP = 0 as const;
export const ACT_INIT = 1 as const;
export const ACT_INTERMEDIATE = 2 as const;
export const ACT_AUTH = 3 as const;
export const ACT_CREATE_RESPONSE = 4 as const;
export const ACT_INFORMATIONAL_RESPONSE = 5 as const;
/** The responder's, for a half-open SA. */
export const ACT_HALF_OPEN = 6 as const;
export const ACT_CREATE = 7 as const;
export const ACT_INFORMATIONAL = 8 as const;
/** TEMPORARY_FAILURE [RFC 7296 §2.25]. */
export const ACT_LATER = 9 as const;
/** Further rounds after CREATE_CHILD_SA [RFC 9370]. */
export const ACT_FOLLOWUP_RESPONSE = 10 as const;
export const ACT_FOLLOWUP = 11 as const;
export type IkeAction =
  | typeof ACT_DROP
  | typeof ACT_INIT
  | typeof ACT_INTERMEDIATE
  | typeof ACT_AUTH
  | typeof ACT_CREATE_RESPONSE
  | typeof ACT_INFORMATIONAL_RESPONSE
  | typeof ACT_HALF_OPEN
  | typeof ACT_CREATE
  | typeof ACT_INFORMATIONAL
  | typeof ACT_LATER
  | typeof ACT_FOLLOWUP_RESPONSE
  | typeof ACT_FOLLOWUP;
