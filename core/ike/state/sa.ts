// What an IKE SA and its Child SAs are made of: plain data. Functions that work on it are in the other files.

import type { KePrivate } from '../../crypto/asymmetric.ts';
import type { Suite } from '../../esp/suites.ts';
import type { CompressionChoice } from '../child/compression.ts';
import type { Fragments } from '../codec/fragments.ts';
import type { Choice } from '../codec/proposals.ts';
import type { Selector } from '../codec/selectors.ts';
import type { SkKey } from '../crypto/sk.ts';
import type { IkeCipher } from '../crypto/suites.ts';
import type { ChildPolicy, IkePolicy } from './policy.ts';

// States of an IKE SA. The initiator's and the responder's tables say what each does with each message.
export const STATE_INIT_SENT = 0;
export const STATE_RESUME_SENT = 1;
export const STATE_INTERMEDIATE_SENT = 2;
export const STATE_AUTH_SENT = 3;
/** Responder: IKE_SA_INIT or IKE_SESSION_RESUME was answered. */
export const STATE_HALF_OPEN = 4;
export const STATE_ESTABLISHED = 5;
/** Rekeyed: a newer IKE SA has the Child SAs; waits for its Delete. */
export const STATE_REPLACED = 6;
/** Our Delete is on its way. */
export const STATE_CLOSING = 7;
export const STATE_ENDED = 8;
/** An IKE SA that a rekey is about to make. */
export const STATE_FORMING = 9;

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

/** Where messages go and come from. Addresses are 4 or 16 octets. */
export interface Path {
  local: Uint8Array;
  localPort: number;
  remote: Uint8Array;
  remotePort: number;
  /** ESP goes in UDP, and IKE behind the non-ESP marker [RFC 3948]. */
  encapsulated: boolean;
  /** The host's own: which socket, which radio. */
  port: number;
}

export interface ChildSa {
  policy: ChildPolicy;
  spiIn: number;
  spiOut: number;
  suite: Suite;
  keyBits: number;
  esn: number;
  /** MODE_* */
  mode: number;
  local: Selector;
  remote: Selector;
  compression: CompressionChoice | null;
  dscpList: number[];
  /** KE method of rekeys, 0: none; and false where it is not known (the first Child SA without child-pfs-info). */
  ke: number;
  keKnown: boolean;
  /** The Child SA that it took over from. */
  replaces: ChildSa | null;
  /** 1 when a newer one took over, 2 when its Delete is under way. */
  retired: number;
  /** When to rekey it, -1: never; and when to remove it for good, -1: not yet. */
  rekeyAt: number;
  removeAt: number;
  /** What a simultaneous rekey by the peer made: the lowest of its nonces, and the Child SA. */
  rivalNonce: Uint8Array;
  rival: ChildSa | null;
  /** For the host. */
  tag: number;
}

/** A Child SA in negotiation. */
export interface Draft {
  policy: ChildPolicy;
  /** The Child SA that it replaces, or null. */
  replaces: ChildSa | null;
  optimized: boolean;
  /** We began the exchange. */
  own: boolean;
  spiIn: number;
  spiOut: number;
  choice: Choice;
  mode: number;
  local: Selector[];
  remote: Selector[];
  compression: CompressionChoice | null;
  /** The peer's offer of compression was not acceptable. */
  refused: boolean;
  dscpList: number[];
  /** DSCP values that the peer states; null: it did not. */
  peerDscp: number[] | null;
  nonceI: Uint8Array;
  nonceR: Uint8Array;
  half: KePrivate | null;
  keMethod: number;
  /** Public value of our side, for the answer. */
  keOwn: Uint8Array;
  secret: Uint8Array;
}

/** What is needed until the IKE SA is authenticated. */
export interface Setup {
  nonceI: Uint8Array;
  nonceR: Uint8Array;
  half: KePrivate | null;
  keMethod: number;
  keOwn: Uint8Array;
  secret: Uint8Array;
  cookie: Uint8Array;
  /** IKE_SA_INIT as sent and received. */
  message1: Uint8Array;
  message2: Uint8Array;
  skPi: Uint8Array;
  skPr: Uint8Array;
  /** Downgrade prevention: sent, received. */
  transcriptSent: boolean;
  transcriptReceived: boolean;
  /** The peer verifies Ed25519. */
  hashIdentity: boolean;
  fragmentation: boolean;
  pfsInfo: boolean;
  /** Notifies of the peer on PPK: USE_PPK, USE_PPK_INT and INTERMEDIATE_EXCHANGE_SUPPORTED. */
  usePpk: boolean;
  usePpkInt: boolean;
  intermediate: boolean;
  /** 0 none, 1 [RFC 8784] in IKE_AUTH, 2 [RFC 9867] done. */
  ppkUsed: number;
  /** AUTH data for the case that the PPK is not there [RFC 8784 §3]; what SK_d, SK_pi, SK_pr were without it. */
  noPpkAuth: Uint8Array;
  plainKeys: Uint8Array;
  /** IntAuth of IKE_INTERMEDIATE: initiator's and responder's, 32 octets each; and whether there was one. */
  intAuth: Uint8Array;
  intAuthDone: boolean;
  resumed: boolean;
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

/** What a device keeps to resume a session [RFC 5723]; plain data, for storage that survives sleep. */
export interface Session {
  ticket: Uint8Array;
  skD: Uint8Array;
  encr: number;
  keyBits: number;
  ke: number;
  /** Milliseconds on the endpoint's clock at which the ticket ends. */
  expires: number;
}

/** Requests that wait for their turn: the window is 1. */
export interface Task {
  /** TASK_* */
  kind: number;
  child: ChildSa | null;
  draft: Draft | null;
  policy: ChildPolicy | null;
  /** The KE method that the peer asked for, -1: it did not. */
  ke: number;
  /** Not in the optimized form, which was refused. */
  regular: boolean;
  /** The IKE SA that a rekey makes. */
  next: IkeSa | null;
  /** Not before this time. */
  after: number;
  /** SPI of an SA unknown here that the peer deleted meanwhile: it may be what this request makes. 0: none. */
  gone: number;
}

export interface IkeSa {
  policy: IkePolicy;
  /** Where IKE messages go. */
  path: Path;
  /** Where ESP goes when that is elsewhere (IKE over a reliable transport, say); null: the same way. */
  espPath: Path | null;
  /** This side began it: the I flag. */
  initiator: boolean;
  /** STATE_* */
  state: number;
  outcome: number;
  /** SPIi | SPIr */
  spis: Uint8Array;
  cipher: IkeCipher | null;
  ke: number;
  skD: Uint8Array;
  skIn: SkKey | null;
  skOut: SkKey | null;
  /** Message IDs: of our next request, and the one expected from the peer. */
  nextId: number;
  expectedId: number;
  /** The request on its way (one or more messages behind each other), empty: none. */
  request: Uint8Array;
  requestExchange: number;
  tries: number;
  /** When to send it again, -1: nothing is waited for. */
  deadline: number;
  /** The last answer, for repetitions; and from when on it need not be kept. */
  response: Uint8Array;
  forgetAt: number;
  fragments: Fragments | null;
  task: Task | null;
  tasks: Task[];
  children: ChildSa[];
  setup: Setup | null;
  session: Session | null;
  /** Agreed with the peer. */
  fragmentation: boolean;
  vendor: boolean;
  optimizedRekey: boolean;
  peerBehindNat: boolean;
  behindNat: boolean;
  /** The peer's identity as it proved it. */
  peerId: Uint8Array;
  peerIdType: number;
  /** What the peer says it can verify (ext/announce.ts); empty: nothing. Advice, for the host's report. */
  announced: Uint8Array;
  /** Inner address that was given to this side, or that this side gave; empty: none. */
  address: Uint8Array;
  /** When to rekey, to authenticate anew (-1: never); last authenticated message or packet; end of a replaced SA. */
  rekeyAt: number;
  reauthAt: number;
  heardAt: number;
  endAt: number;
  /** Simultaneous IKE rekey: the SA that the peer's request made, and the lowest of its nonces. */
  rival: IkeSa | null;
  rivalNonce: Uint8Array;
  /** Of such a rival: the SA that it may replace. */
  rivalOf: IkeSa | null;
  /** A new authentication is under way: the SA that this one replaces when it is established. */
  predecessor: IkeSa | null;
  /** What took its place. */
  successor: IkeSa | null;
  /** The host was told of its end. */
  reported: boolean;
  /** For the host. */
  tag: number;
}

/** Where a message of ours, or of the peer, stands; for extensions. */
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

/** Requests by their reasons. */
export const TASK_CHILD = 1;
export const TASK_REKEY_CHILD = 2;
export const TASK_REKEY_IKE = 3;
export const TASK_DELETE_CHILD = 4;
export const TASK_DELETE_IKE = 5;
export const TASK_PROBE = 6;
