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
// The cells have shorter names, for a table that fits the eye: what is not named is dropped.
import {
  ACT_DROP,
  ACT_AUTH as AUTH,
  ACT_DROP as DROP,
  EVENT_AUTH_REQUEST,
  EVENT_AUTH_RESPONSE,
  EVENT_CREATE_REQUEST,
  EVENT_CREATE_RESPONSE,
  EVENT_FOLLOWUP_REQUEST,
  EVENT_FOLLOWUP_RESPONSE,
  EVENT_INFORMATIONAL_REQUEST,
  EVENT_INFORMATIONAL_RESPONSE,
  EVENT_INIT_RESPONSE,
  EVENT_INTERMEDIATE_REQUEST,
  EVENT_INTERMEDIATE_RESPONSE,
  EVENT_NONE,
  EVENT_RESUME_RESPONSE,
  ACT_FOLLOWUP as GO,
  ACT_FOLLOWUP_RESPONSE as GOES,
  ACT_HALF_OPEN as HALF,
  type IkeAction,
  type IkeEvent,
  ACT_INIT as INIT,
  ACT_LATER as LATER,
  ACT_CREATE_RESPONSE as MADE,
  ACT_CREATE as MAKE,
  ACT_INTERMEDIATE as ROUND,
  ACT_INFORMATIONAL as TELL,
  ACT_INFORMATIONAL_RESPONSE as TOLD,
} from './action.ts';
import type { IkeState } from './sa.ts';

export * from './action.ts';

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
