// Where an IKE SA and a Child SA are in their lives. Constants in a file that imports nothing are numbers in a bundle.

// States of an IKE SA. The tables of initiator and responder say what each does with each message.
/** Initiator: IKE_SA_INIT was sent. */
export const STATE_INIT_SENT = 0 as const;
/** Initiator: IKE_SESSION_RESUME was sent. */
export const STATE_RESUME_SENT = 1 as const;
/** Initiator: a round of IKE_INTERMEDIATE was sent. */
export const STATE_INTERMEDIATE_SENT = 2 as const;
/** Initiator: IKE_AUTH was sent. */
export const STATE_AUTH_SENT = 3 as const;
/** Responder: IKE_SA_INIT or IKE_SESSION_RESUME was answered. */
export const STATE_HALF_OPEN = 4 as const;
export const STATE_ESTABLISHED = 5 as const;
/** Rekeyed: a newer IKE SA has the Child SAs; this one waits for its Delete. */
export const STATE_REPLACED = 6 as const;
/** Our Delete is on its way. */
export const STATE_CLOSING = 7 as const;
export const STATE_ENDED = 8 as const;
/** An IKE SA that a rekey is about to make. */
export const STATE_FORMING = 9 as const;
/** States of an IKE SA. */
export type IkeState =
  | typeof STATE_INIT_SENT
  | typeof STATE_RESUME_SENT
  | typeof STATE_INTERMEDIATE_SENT
  | typeof STATE_AUTH_SENT
  | typeof STATE_HALF_OPEN
  | typeof STATE_ESTABLISHED
  | typeof STATE_REPLACED
  | typeof STATE_CLOSING
  | typeof STATE_ENDED
  | typeof STATE_FORMING;

/** Of a Child SA. In use; a newer one took over, or the host closed it; its Delete is done, late packets still come in. */
export const CHILD_LIVE = 0 as const;
export const CHILD_SUPERSEDED = 1 as const;
export const CHILD_DELETED = 2 as const;
/** Stages of a Child SA. */
export type ChildStage = typeof CHILD_LIVE | typeof CHILD_SUPERSEDED | typeof CHILD_DELETED;
