// What the two messages of IKE_SA_INIT and those of IKE_AUTH need, until both sides are authenticated: plain data.

import { NONE } from '../codec/octets.ts';
import type { Transcript } from '../crypto/auth.ts';
import { createKeyExchange } from '../crypto/key-exchange.ts';
import type { SkKey } from '../crypto/sk.ts';
import type { Draft } from './child.ts';

/** What is needed until the IKE SA is authenticated. */
export interface Setup extends Transcript {
  cookie: Uint8Array;
  fragmentation: boolean;
  pfsInfo: boolean;
  /** Notifies of the peer on PPK: USE_PPK, USE_PPK_INT and INTERMEDIATE_EXCHANGE_SUPPORTED. */
  usePpk: boolean;
  usePpkInt: boolean;
  intermediate: boolean;
  /** 0 none, 1 [RFC 8784] in IKE_AUTH, 2 [RFC 9867] done. */
  ppkUsed: number;
  /** What SK_d, SK_pi, SK_pr were without the PPK. */
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
  /** An error that came unauthenticated: it counts when nothing better comes. */
  error: number;
  draft: Draft | null;
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
    intermediate: false,
    ppkUsed: 0,
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
    error: 0,
    draft: null,
  };
}
