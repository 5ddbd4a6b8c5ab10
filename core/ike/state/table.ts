// What an IKE SA does with which message in which state: one table per role. Rows are states, columns events.
//
// Initiator:  INIT_SENT | RESUME_SENT -> [INTERMEDIATE_SENT] -> AUTH_SENT -> ESTABLISHED
// Responder:  HALF_OPEN (IKE_INTERMEDIATE stays there) -> ESTABLISHED
// Both:       ESTABLISHED -> REPLACED (the peer rekeyed) | CLOSING (our Delete) -> ENDED
//
// Responses count only for the request on its way, requests only with the next Message ID: that is checked before.

import {
  CREATE_CHILD_SA,
  IKE_AUTH,
  IKE_INTERMEDIATE,
  IKE_SA_INIT,
  IKE_SESSION_RESUME,
  INFORMATIONAL,
} from '../codec/numbers.ts';

/** Events: responses, then requests. */
export const EVENT_INIT_RESPONSE = 0;
export const EVENT_RESUME_RESPONSE = 1;
export const EVENT_INTERMEDIATE_RESPONSE = 2;
export const EVENT_AUTH_RESPONSE = 3;
export const EVENT_CREATE_RESPONSE = 4;
export const EVENT_INFORMATIONAL_RESPONSE = 5;
export const EVENT_INTERMEDIATE_REQUEST = 6;
export const EVENT_AUTH_REQUEST = 7;
export const EVENT_CREATE_REQUEST = 8;
export const EVENT_INFORMATIONAL_REQUEST = 9;
export const EVENTS = 10;

/** Actions. */
export const ACT_DROP = 0;
export const ACT_INIT = 1;
export const ACT_INTERMEDIATE = 2;
export const ACT_AUTH = 3;
export const ACT_CREATE_RESPONSE = 4;
export const ACT_INFORMATIONAL_RESPONSE = 5;
/** The responder's, for a half-open SA. */
export const ACT_HALF_OPEN = 6;
export const ACT_CREATE = 7;
export const ACT_INFORMATIONAL = 8;
/** TEMPORARY_FAILURE [RFC 7296 §2.25]. */
export const ACT_LATER = 9;

// Columns: INIT, RESUME, INTERMEDIATE, AUTH, CREATE, INFORMATIONAL responses; INTERMEDIATE, AUTH, CREATE,
// INFORMATIONAL requests.
const DROP_ALL = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const ESTABLISHED = [0, 0, 0, 0, 4, 5, 0, 0, 7, 8];
/** REPLACED and CLOSING. */
const LEAVING = [0, 0, 0, 0, 0, 5, 0, 0, 9, 8];

export const INITIATOR: number[][] = [
  [1, 0, 0, 0, 0, 0, 0, 0, 0, 0], // INIT_SENT
  [0, 1, 0, 0, 0, 0, 0, 0, 0, 0], // RESUME_SENT
  [0, 0, 2, 0, 0, 0, 0, 0, 0, 0], // INTERMEDIATE_SENT
  [0, 0, 0, 3, 0, 0, 0, 0, 0, 0], // AUTH_SENT
  DROP_ALL, // HALF_OPEN
  ESTABLISHED,
  LEAVING, // REPLACED
  LEAVING, // CLOSING
  DROP_ALL, // ENDED
  DROP_ALL, // FORMING
];

export const RESPONDER: number[][] = [
  DROP_ALL, // INIT_SENT
  DROP_ALL, // RESUME_SENT
  DROP_ALL, // INTERMEDIATE_SENT
  DROP_ALL, // AUTH_SENT
  [0, 0, 0, 0, 0, 0, 6, 6, 0, 0], // HALF_OPEN
  ESTABLISHED,
  LEAVING, // REPLACED
  LEAVING, // CLOSING
  DROP_ALL, // ENDED
  DROP_ALL, // FORMING
];

/** The event of a message, or -1 for an exchange that is not known. */
export function eventOf(exchange: number, isResponse: boolean): number {
  if (exchange === IKE_SA_INIT) return isResponse ? EVENT_INIT_RESPONSE : -1;
  if (exchange === IKE_SESSION_RESUME) return isResponse ? EVENT_RESUME_RESPONSE : -1;
  if (exchange === IKE_INTERMEDIATE) return isResponse ? EVENT_INTERMEDIATE_RESPONSE : EVENT_INTERMEDIATE_REQUEST;
  if (exchange === IKE_AUTH) return isResponse ? EVENT_AUTH_RESPONSE : EVENT_AUTH_REQUEST;
  if (exchange === CREATE_CHILD_SA) return isResponse ? EVENT_CREATE_RESPONSE : EVENT_CREATE_REQUEST;
  if (exchange === INFORMATIONAL) return isResponse ? EVENT_INFORMATIONAL_RESPONSE : EVENT_INFORMATIONAL_REQUEST;
  return -1;
}

/** ACT_* for an event in a state. */
export function actionOf(initiator: boolean, state: number, event: number): number {
  return event < 0 ? ACT_DROP : (initiator ? INITIATOR : RESPONDER)[state][event];
}
