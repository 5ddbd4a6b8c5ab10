// An IKE SA and its waiting requests: plain data.

import type { KeMethod } from '../../crypto/asymmetric.ts';
import type { Fragments } from '../codec/fragments.ts';
import type { Exchange } from '../codec/numbers.ts';
import type { Transform } from '../codec/proposals.ts';
import type { KeySet } from '../crypto/keys.ts';
import type { ChildSa, Draft, Note } from './child.ts';
import type { End } from './outcome.ts';
import { type Path, samePath } from './path.ts';
import type { ChildPolicy, IkePolicy } from './policy.ts';
import type { Setup } from './setup.ts';
import type { TaskKind } from './task.ts';

// States of an IKE SA. The tables of initiator and responder say what each does with each message.
export const STATE_INIT_SENT = 0 as const;
export const STATE_RESUME_SENT = 1 as const;
export const STATE_INTERMEDIATE_SENT = 2 as const;
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

/** A device keeps this to resume a session [RFC 5723]: plain data, for storage that survives sleep. */
export interface Session {
  ticket: Uint8Array;
  skD: Uint8Array;
  encr: number;
  keyBits: number;
  ke: KeMethod | 0;
  /** Milliseconds on the endpoint's clock at which the ticket ends. */
  expires: number;
}

/** Requests that wait for their turn: the window is 1. */
export interface Task {
  kind: TaskKind;
  child: ChildSa | null;
  draft: Draft | null;
  policy: ChildPolicy | null;
  /** The KE method that the peer asked for, -1: it did not. */
  ke: KeMethod | 0 | -1;
  /** Not in the optimized form, which was refused. */
  regular: boolean;
  /** The IKE SA that a rekey makes. */
  next: IkeSa | null;
  /** Not before this time. */
  after: number;
  /** SPI of an SA unknown here that the peer deleted meanwhile: it may be what this request makes. 0: none. */
  gone: number;
}

/** A draft of the peer that waits for IKE_FOLLOWUP_KE. */
export interface Held {
  draft: Draft;
  /** The IKE SA that it makes (a rekey). */
  next: IkeSa | null;
  /** It is given up then. */
  until: number;
}

export interface IkeSa extends KeySet {
  policy: IkePolicy;
  /** Where IKE messages go. */
  path: Path;
  /** Where ESP goes when that is elsewhere (IKE over a reliable transport, say); null: the same way. */
  espPath: Path | null;
  state: IkeState;
  outcome: End;
  ke: KeMethod | 0;
  /** Message IDs: of our next request, and the one expected from the peer. */
  nextId: number;
  expectedId: number;
  /** The request on its way (one or more messages behind each other), empty: none. */
  request: Uint8Array;
  requestExchange: Exchange | 0;
  tries: number;
  /** When to send it again, -1: nothing is waited for. */
  deadline: number;
  /** The last answer, for repetitions; and from when on it need not be kept. */
  response: Uint8Array;
  forgetAt: number;
  fragments: Fragments | null;
  task: Task | null;
  tasks: Task[];
  /** What the peer's CREATE_CHILD_SA asked for, while IKE_FOLLOWUP_KE is awaited. */
  held: Held | null;
  children: ChildSa[];
  setup: Setup | null;
  /** Chosen transforms beyond the usual ones, and what extensions keep. */
  transforms: Transform[];
  notes: Note[];
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

/** The path of its Child SAs' ESP packets, unless one has a path of its own. */
export function espPathOf(sa: IkeSa): Path {
  return sa.espPath === null ? sa.path : sa.espPath;
}

/** The path of a Child SA's packets. */
export function childPathOf(sa: IkeSa, child: ChildSa): Path {
  return child.path === null ? espPathOf(sa) : child.path;
}

/** Private numbers count with a peer that sent our Vendor ID, or that is configured to know them. */
export function privateFits(sa: IkeSa): boolean {
  return sa.vendor || sa.policy.privateAlways;
}

/**
 * A packet of the peer came over `path`, the newest of `child`: the peer may have got another address from a NAT
 * [RFC 7296 §2.23]. True when what goes to it takes that path from now on.
 */
export function movePath(sa: IkeSa, child: ChildSa, path: Path): boolean {
  const old = childPathOf(sa, child);
  if (!old.encapsulated || sa.behindNat || samePath(old, path)) return false;
  if (child.path !== null) child.path = path;
  else if (sa.espPath !== null) sa.espPath = path;
  else sa.path = path;
  return true;
}
