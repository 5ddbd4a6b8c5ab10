// What an IKE SA does with each message in each state: a table per role. Rows are states, columns events.
//
// Initiator:  INIT_SENT | RESUME_SENT -> [INTERMEDIATE_SENT] -> AUTH_SENT -> ESTABLISHED
// Responder:  HALF_OPEN (IKE_INTERMEDIATE stays there) -> ESTABLISHED
// Both:       ESTABLISHED -> REPLACED (the peer rekeyed) | CLOSING (our Delete) -> ENDED
//
// Responses count only for the current request, requests only with the next Message ID; both are checked before.

import {
  CREATE_CHILD_SA,
  IKE_AUTH,
  IKE_FOLLOWUP_KE,
  IKE_INTERMEDIATE,
  IKE_SA_INIT,
  IKE_SESSION_RESUME,
  INFORMATIONAL,
} from '../codec/numbers.ts';
import type { IkeState } from './sa.ts';

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

// Names of cells, at most six letters for a readable table. A message without a cell is dropped.
const DROP: IkeAction = ACT_DROP;
const INIT: IkeAction = ACT_INIT;
const ROUND: IkeAction = ACT_INTERMEDIATE;
const AUTH: IkeAction = ACT_AUTH;
const MADE: IkeAction = ACT_CREATE_RESPONSE;
const TOLD: IkeAction = ACT_INFORMATIONAL_RESPONSE;
const HALF: IkeAction = ACT_HALF_OPEN;
const MAKE: IkeAction = ACT_CREATE;
const TELL: IkeAction = ACT_INFORMATIONAL;
const LATER: IkeAction = ACT_LATER;
const GOES: IkeAction = ACT_FOLLOWUP_RESPONSE;
const GO: IkeAction = ACT_FOLLOWUP;

// Columns: INIT, RESUME, INTERMEDIATE, AUTH, CREATE, INFORMATIONAL responses; INTERMEDIATE, AUTH, CREATE,
// INFORMATIONAL requests; FOLLOWUP response and request.
const DROP_ALL = [DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP];
const ESTABLISHED = [DROP, DROP, DROP, DROP, MADE, TOLD, DROP, DROP, MAKE, TELL, GOES, GO];
/** REPLACED and CLOSING. */
const LEAVING = [DROP, DROP, DROP, DROP, DROP, TOLD, DROP, DROP, LATER, TELL, DROP, LATER];

export const INITIATOR: IkeAction[][] = [
  [INIT, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP], // INIT_SENT
  [DROP, INIT, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP], // RESUME_SENT
  [DROP, DROP, ROUND, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP], // INTERMEDIATE_SENT
  [DROP, DROP, DROP, AUTH, DROP, DROP, DROP, DROP, DROP, DROP, DROP, DROP], // AUTH_SENT
  DROP_ALL, // HALF_OPEN
  ESTABLISHED,
  LEAVING, // REPLACED
  LEAVING, // CLOSING
  DROP_ALL, // ENDED
  DROP_ALL, // FORMING
];

export const RESPONDER: IkeAction[][] = [
  DROP_ALL, // INIT_SENT
  DROP_ALL, // RESUME_SENT
  DROP_ALL, // INTERMEDIATE_SENT
  DROP_ALL, // AUTH_SENT
  [DROP, DROP, DROP, DROP, DROP, DROP, HALF, HALF, DROP, DROP, DROP, DROP], // HALF_OPEN
  ESTABLISHED,
  LEAVING, // REPLACED
  LEAVING, // CLOSING
  DROP_ALL, // ENDED
  DROP_ALL, // FORMING
];

/** The event of a message with this exchange type. */
export function eventOf(exchange: number, isResponse: boolean): IkeEvent {
  if (exchange === IKE_SA_INIT) return isResponse ? EVENT_INIT_RESPONSE : EVENT_NONE;
  if (exchange === IKE_SESSION_RESUME) return isResponse ? EVENT_RESUME_RESPONSE : EVENT_NONE;
  if (exchange === IKE_INTERMEDIATE) return isResponse ? EVENT_INTERMEDIATE_RESPONSE : EVENT_INTERMEDIATE_REQUEST;
  if (exchange === IKE_AUTH) return isResponse ? EVENT_AUTH_RESPONSE : EVENT_AUTH_REQUEST;
  if (exchange === CREATE_CHILD_SA) return isResponse ? EVENT_CREATE_RESPONSE : EVENT_CREATE_REQUEST;
  if (exchange === INFORMATIONAL) return isResponse ? EVENT_INFORMATIONAL_RESPONSE : EVENT_INFORMATIONAL_REQUEST;
  if (exchange === IKE_FOLLOWUP_KE) return isResponse ? EVENT_FOLLOWUP_RESPONSE : EVENT_FOLLOWUP_REQUEST;
  return EVENT_NONE;
}

/** The action of a role for an event in a state. */
export function actionOf(initiator: boolean, state: IkeState, event: IkeEvent): IkeAction {
  return event === EVENT_NONE ? ACT_DROP : (initiator ? INITIATOR : RESPONDER)[state][event];
}
