// The data of IKE_SA_INIT and IKE_AUTH, needed until both sides are authenticated: plain data.

import { NONE } from '../codec/octets.ts';
import type { Transcript } from '../crypto/auth.ts';
import { createKeyExchange } from '../crypto/key-exchange.ts';
import type { SkKey } from '../crypto/sk.ts';
import type { Draft, Note } from './child.ts';
import { OUTCOME_NONE, type Verdict } from './outcome.ts';

/** Where a PPK was mixed in: nowhere yet, in IKE_AUTH [RFC 8784], in IKE_INTERMEDIATE [RFC 9867]. */
export const PPK_NONE = 0 as const;
export const PPK_IN_AUTH = 1 as const;
export const PPK_IN_INTERMEDIATE = 2 as const;
export type PpkUse = typeof PPK_NONE | typeof PPK_IN_AUTH | typeof PPK_IN_INTERMEDIATE;

/** The data of an IKE SA that is needed until it is authenticated. */
export interface Setup extends Transcript {
  cookie: Uint8Array;
  fragmentation: boolean;
  pfsInfo: boolean;
  /** Agreed with the peer: USE_PPK, USE_PPK_INT. */
  usePpk: boolean;
  usePpkInt: boolean;
  ppkUsed: PpkUse;
  /** Its round in IKE_INTERMEDIATE is over. */
  intPpkDone: boolean;
  /** SK_d, SK_pi, SK_pr without the PPK. */
  plainKeys: Uint8Array;
  /** The peer asked for a ticket. */
  ticketAsked: boolean;
  /** PPK_ID that was used. */
  ppkId: Uint8Array;
  /** Keys before IKE_INTERMEDIATE changed them, for a repeated request. */
  earlierIn: SkKey | null;
  /** Restarts made: after a cookie round that failed, for another KE method. */
  restarts: number;
  /** This is the second attempt, from scratch. */
  again: boolean;
  /** An unauthenticated error; it becomes the outcome if nothing better comes. */
  error: Verdict;
  draft: Draft | null;
  /** IKE_INTERMEDIATE was offered by this side; the extension whose round is next (initiator), rounds (responder). */
  roundsOffered: boolean;
  round: number;
  /** Initiator: extensions from `round` on whose payloads are in the request that is on its way. */
  sharing: number;
  notes: Note[];
}

export function createSetup(): Setup {
  return {
    kx: createKeyExchange(),
    cookie: NONE,
    message1: NONE,
    message2: NONE,
    skPi: NONE,
    skPr: NONE,
    transcriptSent: false,
    transcriptReceived: false,
    hashIdentity: false,
    fragmentation: false,
    pfsInfo: false,
    usePpk: false,
    usePpkInt: false,
    ppkUsed: PPK_NONE,
    intPpkDone: false,
    noPpkAuth: NONE,
    plainKeys: NONE,
    intAuth: new Uint8Array(64),
    intAuthDone: false,
    resumed: false,
    ticketAsked: false,
    ppkId: NONE,
    earlierIn: null,
    restarts: 0,
    again: false,
    error: OUTCOME_NONE,
    draft: null,
    roundsOffered: false,
    round: 0,
    sharing: 0,
    notes: [],
  };
}
