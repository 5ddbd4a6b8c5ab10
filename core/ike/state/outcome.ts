// Why an IKE SA or a Child SA ended, and what a message is refused with: outcomes of this side (negative), error notifies
// (positive, ErrorType), 0 for none. verdict.ts makes one of another.

import type { ErrorType } from '../codec/numbers.ts';

/** Nothing has ended. */
export const OUTCOME_NONE = 0 as const;
/** No answer to all repetitions of a request. */
export const OUTCOME_TIMEOUT = -1 as const;
/** The peer's AUTH payload did not verify. */
export const OUTCOME_PEER_AUTH = -2 as const;
/** The peer's identity is not the configured one. */
export const OUTCOME_PEER_ID = -3 as const;
/** The peer's answer breaks the rules, or is outside the offer. */
export const OUTCOME_PROTOCOL = -4 as const;
/** Header compression was required, and refused or ignored. */
export const OUTCOME_COMPRESSION = -5 as const;
/** A PPK was required. */
export const OUTCOME_PPK = -6 as const;
/** Ended by this side, by the peer's Delete, or because a newer IKE SA replaced it. */
export const OUTCOME_CLOSED = -7 as const;
export const OUTCOME_DELETED = -8 as const;
export const OUTCOME_REPLACED = -9 as const;
/** The host did not take the Child SA. */
export const OUTCOME_REFUSED = -10 as const;
/** The negotiated selectors are narrower than the policy accepts, or the address is missing. */
export const OUTCOME_SELECTORS = -11 as const;
/** A part that IKE uses (an extension, the cryptography, the host) threw an error in the middle of an exchange. */
export const OUTCOME_INTERNAL = -12 as const;
/** The peer proved by its token that it has lost the IKE SA [RFC 6290]. */
export const OUTCOME_PEER_CRASHED = -13 as const;
export type Outcome =
  | typeof OUTCOME_NONE
  | typeof OUTCOME_TIMEOUT
  | typeof OUTCOME_PEER_AUTH
  | typeof OUTCOME_PEER_ID
  | typeof OUTCOME_PROTOCOL
  | typeof OUTCOME_COMPRESSION
  | typeof OUTCOME_PPK
  | typeof OUTCOME_CLOSED
  | typeof OUTCOME_DELETED
  | typeof OUTCOME_REPLACED
  | typeof OUTCOME_REFUSED
  | typeof OUTCOME_SELECTORS
  | typeof OUTCOME_INTERNAL
  | typeof OUTCOME_PEER_CRASHED;

/** How something ended: an outcome of this side, or the peer's error. */
export type End = Outcome | ErrorType;
/** 0: a message is fine; else why it is refused. */
export type Verdict = 0 | End;
