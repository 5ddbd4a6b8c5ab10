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
import type { Session } from './session.ts';
import type { Setup } from './setup.ts';
import type { IkeState } from './stage.ts';
import type { TaskKind } from './task.ts';

export {
  type IkeState,
  STATE_AUTH_SENT,
  STATE_CLOSING,
  STATE_ENDED,
  STATE_ESTABLISHED,
  STATE_FORMING,
  STATE_HALF_OPEN,
  STATE_INIT_SENT,
  STATE_INTERMEDIATE_SENT,
  STATE_REPLACED,
  STATE_RESUME_SENT,
} from './stage.ts';

/** `dueAt` of an SA that waits for nothing. */
export const NEVER = 9007199254740991 as const;

export type { Session } from './session.ts';

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
  /** When to give it up. */
  until: number;
  /** ADDITIONAL_KEY_EXCHANGE of the next request. */
  link: Uint8Array;
}

/**
 * A live IKE SA. Hosts hold it to pass it on (`rekeyIke`, `closeIke`), and read it with `describeIkeSa`; extensions
 * keep what is theirs in `notes`. It holds keys.
 */
export interface IkeSa extends KeySet {
  /** The peer's policy; of a responder, `ResponderConfig.fallback` until the peer is known. */
  policy: IkePolicy;
  /** The path of IKE messages. */
  path: Path;
  /** The path of ESP, if it differs (for example with IKE over a reliable transport); null: the same path. */
  espPath: Path | null;
  /** STATE_*. */
  state: IkeState;
  /** Why it ended; OUTCOME_NONE before. */
  outcome: End;
  /** KE method that was used; 0: none yet. */
  ke: KeMethod | 0;
  /** Message IDs: of our next request, and the one expected from the peer. @internal */
  nextId: number;
  /** @internal */
  expectedId: number;
  /** The request on its way (one or more messages behind each other), empty: none. @internal */
  request: Uint8Array;
  /** @internal */
  requestExchange: Exchange | 0;
  /** @internal */
  tries: number;
  /** When to send it again, -1: nothing is waited for. @internal */
  deadline: number;
  /** The peer may have lost this SA: its request is repeated without growing pauses. @internal */
  hurried: boolean;
  /** The last answer, for repetitions; and from when on it need not be kept. @internal */
  response: Uint8Array;
  /** @internal */
  forgetAt: number;
  /** @internal */
  fragments: Fragments | null;
  /** @internal */
  task: Task | null;
  /** @internal */
  tasks: Task[];
  /** What the peer's CREATE_CHILD_SA asked for, while IKE_FOLLOWUP_KE is awaited. @internal */
  held: Held | null;
  /** Child SAs, those of a rekey among them. */
  children: ChildSa[];
  /** @internal */
  setup: Setup | null;
  /** Chosen transforms beyond the usual ones, and what extensions keep. */
  transforms: Transform[];
  /** What extensions keep. */
  notes: Note[];
  /** Initiator: what resumes it later; null: no ticket came. */
  session: Session | null;
  /** Agreed with the peer. */
  fragmentation: boolean;
  /** The peer sent the same Vendor ID. */
  vendor: boolean;
  /** Both sides do optimized rekeys. */
  optimizedRekey: boolean;
  /** The peer is behind a NAT. */
  peerBehindNat: boolean;
  /** This side is behind a NAT. */
  behindNat: boolean;
  /** The peer's proved identity. */
  peerId: Uint8Array;
  /** ID_* of the peer's identity; 0 before it proved one. */
  peerIdType: number;
  /** The methods that the peer says it can verify (ext/announce.ts); empty: none stated. Advice, for the host's report. */
  announced: Uint8Array;
  /** Inner address that was given to this side, or that this side gave; empty: none. */
  address: Uint8Array;
  /** When to rekey, to authenticate anew (-1: never); last authenticated message or packet; end of a replaced SA. */
  rekeyAt: number;
  /** When to authenticate anew, milliseconds; -1: never. */
  reauthAt: number;
  /** When a message without protection last was a reason to ask the peer, milliseconds. @internal */
  hintedAt: number;
  /** When an authenticated message or packet last came, milliseconds. */
  heardAt: number;
  /** @internal */
  endAt: number;
  /** Its next work, milliseconds or NEVER; and its index in `Ike.sas`. @internal */
  dueAt: number;
  /** @internal */
  place: number;
  /** Simultaneous IKE rekey: the SA that the peer's request made, and the lowest of its nonces. @internal */
  rival: IkeSa | null;
  /** @internal */
  rivalNonce: Uint8Array;
  /** Of an SA that a rekey makes: the one that it may replace. @internal */
  rivalOf: IkeSa | null;
  /** A new authentication is under way: the SA that this one replaces when it is established. @internal */
  predecessor: IkeSa | null;
  /** What took its place. @internal */
  successor: IkeSa | null;
  /** The SA whose place it took, while that one waits for its end. @internal */
  former: IkeSa | null;
  /** The next IKE SA in a responder's index of peers. @internal */
  sibling: IkeSa | null;
  /** The host was told of its end. @internal */
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

/** True when private numbers are valid with the peer: it sent our Vendor ID, or is configured to know them. */
export function privateFits(sa: IkeSa): boolean {
  return sa.vendor || sa.policy.privateAlways;
}

/**
 * The newest packet of `child` came over `path`: a NAT may have given the peer another address [RFC 7296 §2.23]. True: packets
 * to the peer take that path from now on.
 */
export function movePath(sa: IkeSa, child: ChildSa, path: Path): boolean {
  const old = childPathOf(sa, child);
  if (!old.encapsulated || sa.behindNat || samePath(old, path)) return false;
  if (child.path !== null) child.path = path;
  else if (sa.espPath !== null) sa.espPath = path;
  else sa.path = path;
  return true;
}
