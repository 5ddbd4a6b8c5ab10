// Why an IKE SA or a Child SA ended: a notify type of an error (what the peer said), or one of these.
export const OUTCOME_NONE = 0;
/** No answer to all repetitions of a request. */
export const OUTCOME_TIMEOUT = -1;
/** The peer's AUTH payload did not verify. */
export const OUTCOME_PEER_AUTH = -2;
/** The peer's identity is not the configured one. */
export const OUTCOME_PEER_ID = -3;
/** The peer's answer breaks the rules, or is not within the offer. */
export const OUTCOME_PROTOCOL = -4;
/** Header compression was required, and refused or ignored. */
export const OUTCOME_COMPRESSION = -5;
/** A PPK was required. */
export const OUTCOME_PPK = -6;
/** Ended by this side, by the peer's Delete, or since a newer IKE SA took its place. */
export const OUTCOME_CLOSED = -7;
export const OUTCOME_DELETED = -8;
export const OUTCOME_REPLACED = -9;
/** The host did not take the Child SA. */
export const OUTCOME_REFUSED = -10;
/** The negotiated selectors are narrower than the policy accepts, or the address is missing. */
export const OUTCOME_SELECTORS = -11;
