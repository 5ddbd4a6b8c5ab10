// An IKE endpoint and its interfaces: to its host, to extensions, and to parts that a build may omit.

import type { Asymmetric } from '../../crypto/asymmetric.ts';
import type { Provider } from '../../crypto/provider.ts';
import type { SaConfig } from '../../esp/sa.ts';
import type { Defragmenter } from '../codec/fragments.ts';
import type { Payloads, Writer } from '../codec/message.ts';
import type { AddressType, Exchange } from '../codec/numbers.ts';
import type { Content, Message } from '../codec/payloads.ts';
import type { PrivateNumbers } from '../codec/private-numbers.ts';
import type { Choice } from '../codec/proposals.ts';
import type { ChildSa, Draft } from './child.ts';
import type { End, Verdict } from './outcome.ts';
import type { Path } from './path.ts';
import type { Numbers } from './record.ts';
import type { IkeSa, Session, Task } from './sa.ts';
import type { Step } from './step.ts';

/**
 * An extension adds payloads to our messages and reads the peer's. `draft` is the Child SA in question.
 *
 * @noSelf
 */
export interface Extension {
  /** Adds payloads to the message of this step. It is called at every step; an extension picks its own. */
  add(ike: Ike, sa: IkeSa, step: Step, draft: Draft | null, w: Writer): void;
  /** 0, or the error or outcome with which the message is refused. */
  read(ike: Ike, sa: IkeSa, step: Step, draft: Draft | null, message: Message): Verdict;
  /** Error notifies of its own, for `outcomeName`: number and name. */
  errors?: [number, string][];
}

/**
 * The host.
 *
 * @noSelf
 */
export interface IkeUpper {
  /**
   * Sends an IKE message (without the non-ESP marker) over `path`: an answer where its request came from. `replyTo`: the path of the message that is being
   * handled, which nobody may have proved; null outside of `receiveIke`. The octets are valid during the call only.
   */
  transmit(path: Path, replyTo: Path | null, buffer: Uint8Array, offset: number, length: number, now: number): void;
  /** An authenticated message of an established SA came over `path`, so the peer is there. */
  proved(sa: IkeSa, path: Path, now: number): void;
  /**
   * An SPI for an inbound SA between the tunnel ends of `path`, prefix-free for every number of bits in `offers`;
   * throws when none is free.
   */
  allocateSpi(path: Path, offers: number[], now: number): number;
  /**
   * Takes a pair of SAs; the keys in it are wiped after the call. `first`: outgoing packets use it from now on, else
   * only when no older SA with its selectors is left. False: not taken (the Child SA fails).
   */
  install(sa: IkeSa, child: ChildSa, outgoing: SaConfig, incoming: SaConfig, first: boolean, now: number): boolean;
  /** Outgoing packets stop using this Child SA; its inbound SA stays for packets on their way. */
  retire(sa: IkeSa, child: ChildSa, now: number): void;
  /** Ends both SAs of a Child SA. */
  remove(sa: IkeSa, child: ChildSa, now: number): void;
  /**
   * Both sides proved who they are, and the first Child SA (if any) is installed. `resumed`: with a ticket that was taken
   * [RFC 5723]; after a refused one it is false.
   */
  established(sa: IkeSa, resumed: boolean, now: number): void;
  /** A newer IKE SA has the Child SAs of `old` (rekey). */
  replaced(old: IkeSa, sa: IkeSa, now: number): void;
  /** The end of an IKE SA (OUTCOME_*, or an error notify); its Child SAs were removed before. */
  ended(sa: IkeSa, outcome: End, now: number): void;
  /** A Child SA that was asked for failed, while the IKE SA lives on. */
  childFailed(sa: IkeSa, outcome: End, now: number): void;
  /**
   * A CREATE_CHILD_SA of the peer (the request is in `Ike.message`) that this side refused, with an error notify for
   * `reason`; the IKE SA lives on, unless `ended` follows.
   */
  refused(sa: IkeSa, reason: End, now: number): void;
  /** The key log: SK_ei, SK_er (keys with salts) and integrity keys; called only where `keylog` is set. */
  keys(sa: IkeSa, octets: Uint8Array, size: number, now: number): void;
  /** Responder: an inner address for the peer, or null (INTERNAL_ADDRESS_FAILURE). `type`: CP_INTERNAL_*. */
  address(sa: IkeSa, type: AddressType, now: number): Uint8Array | null;
}

/** A received datagram: an IKE message (without the non-ESP marker) at buffer[offset..offset+length), at `now` (ms). */
export interface Incoming {
  path: Path;
  buffer: Uint8Array;
  offset: number;
  length: number;
  now: number;
}

/**
 * The responder's part. A device without it answers no IKE_SA_INIT.
 *
 * @noSelf
 */
export interface Responder {
  /** A request with SPIr 0 is in `ike.incoming`. 0, or a drop code. */
  begin(ike: Ike): number;
  /** A protected request of a half-open IKE SA is in `ike.message`. */
  request(ike: Ike, sa: IkeSa, exchange: Exchange, now: number): void;
  /** The peer of `sa` proved its identity, or a rekey made `sa` with it. */
  joined(sa: IkeSa): void;
  /** An IKE SA ends, for any reason. */
  dropped(sa: IkeSa): void;
}

/**
 * What an endpoint makes of messages without protection, and of those that no key of its own protects [RFC 7296 §1.5,
 * RFC 6290]. They count as dropped, whatever is made of them.
 *
 * @noSelf
 */
export interface Unprotected {
  /** A request that is not the first of an IKE SA, under SPIs unknown here, is in `ike.incoming`. */
  unknown(ike: Ike): void;
  /** A message without SPIr came to an endpoint without a responder; it is in `ike.incoming`. */
  stray(ike: Ike): void;
  /** An unprotected answer to the request of `sa` that is on its way: its payloads are in `ike.outer`. */
  hint(ike: Ike, sa: IkeSa): void;
}

/**
 * Synchronisation of counters by INFORMATIONAL with Message ID 0 [RFC 6311].
 *
 * @noSelf
 */
export interface CounterSync {
  /** A verified INFORMATIONAL with Message ID 0 is in `ike.message`. True: it was one of these, and is done or dropped. */
  take(ike: Ike, sa: IkeSa, isResponse: boolean, now: number): boolean;
}

/** An authenticated message of the peer of `sa` came over `path`: `sa` may follow it. */
export type Follow = (sa: IkeSa, path: Path) => void;

/** An IKE endpoint: the state that its functions share. */
export interface Ike {
  /** Symmetric cryptography and random octets. */
  provider: Provider;
  /** Key exchanges and signatures. */
  asymmetric: Asymmetric;
  /** The host. */
  upper: IkeUpper;
  /** As in `IkeConfig`. */
  extensions: Extension[];
  /** Numbers that IANA has not assigned. */
  numbers: PrivateNumbers;
  /** The part that answers strangers; null: none. */
  responder: Responder | null;
  /** Largest message sent or taken, in octets. */
  maxMessage: number;
  /** Whether `IkeUpper.keys` gets keys. */
  keylog: boolean;
  /** Milliseconds for which an ended SA stays to repeat its last answer, and an ended Child SA for late packets. */
  linger: number;
  /** Every IKE SA, ended ones that linger among them: a heap, the one with the next work first. */
  sas: IkeSa[];
  /** By this side's SPI. @internal */
  bySpi: Record<string, IkeSa>;
  /** Dropped messages by negated drop code, then COUNT_*. */
  counters: Float64Array;
  /** Synchronisation of counters; absent: none. */
  sync: CounterSync | undefined;
  /** Follows a peer to another address; absent: none. */
  follow: Follow | undefined;
  /** Crash detection; absent: what nothing protects is dropped. */
  unprotected: Unprotected | undefined;
  /** IKE_FOLLOWUP_KE [RFC 9370], and Security Protocols beside ESP. */
  followUps: FollowUps | undefined;
  /** Security Protocols beside ESP. */
  protocols: SecurityProtocol[];
  /** IKE_INTERMEDIATE [RFC 9242] and IKE_SESSION_RESUME [RFC 5723], if the build has them. */
  intermediate: Rounds | null;
  /** IKE_SESSION_RESUME [RFC 5723]; null: without. */
  resumption: Resumption | null;
  /** Takes the fragments of RFC 7383; null: the build has none. */
  reassembly: Defragmenter | null;
  /** What is being handled, and where an answer to it goes (null: nothing is). @internal */
  incoming: Incoming;
  /** The IKE SA that an authenticated message is changing, or a first one is making. @internal */
  hand: IkeSa | null;
  /** Where an answer goes; null: nothing is being handled. */
  replyTo: Path | null;
  /** KE method, in two octets, that the INVALID_KE_PAYLOAD about to be sent asks for. @internal */
  wantedKe: Uint8Array;
  /** IKE header of the current protected message. @internal */
  header: Uint8Array;
  // Scratch: what is written before it is sealed; payloads as they arrived, and those inside SK.
  /** @internal */
  writer: Writer;
  /** @internal */
  sealer: Writer;
  /** @internal */
  outer: Payloads;
  /** The message that is being read. */
  message: Message;
  /** @internal */
  opened: Content;
}

/**
 * Rounds of one extension between IKE_SA_INIT and IKE_AUTH [RFC 9242].
 *
 * @noSelf
 */
export interface Intermediate {
  /** The name by which other parts ask for it. */
  name: string;
  /** Initiator: adds the request of its next round; false: it has none, or no more. */
  request(ike: Ike, sa: IkeSa, w: Writer): boolean;
  /**
   * Initiator, after `request`: true when no round of it comes after that one, and the next extension of the list may use the same
   * message. Absent: rounds of their own.
   */
  shares?(sa: IkeSa): boolean;
  /** Initiator: the answer is in ike.message. */
  response(ike: Ike, sa: IkeSa): Verdict;
  /** Responder: true when the request in ike.message is one of this extension, and may come now. */
  takes(ike: Ike, sa: IkeSa): boolean;
  /** Responder: true when the request has payloads of this extension beside those of another. Absent: never. */
  joins?(ike: Ike): boolean;
  /** Responder: reads it and adds the answer. */
  answer(ike: Ike, sa: IkeSa, w: Writer): Verdict;
  /** After a round: the SKEYSEED that replaces all keys, empty: they stay. */
  seed(ike: Ike, sa: IkeSa): Uint8Array;
}

/**
 * An endpoint's IKE_INTERMEDIATE, made by createRounds.
 *
 * @noSelf
 */
export interface Rounds {
  /** Extensions with rounds, in the order in which their rounds go. */
  list: Intermediate[];
  /** Initiator: sends the next round's request. False: there is none. What does not fit a message ends the SA. */
  start(ike: Ike, sa: IkeSa, now: number): boolean;
  /** Initiator: the answer is in ike.message. 0, or what ends the SA. */
  read(ike: Ike, sa: IkeSa): Verdict;
  /** Responder: answers the request in ike.message. 0, or the error. */
  answer(ike: Ike, sa: IkeSa, now: number): Verdict;
}

/** True when the endpoint has these rounds. */
export function hasIntermediate(ike: Ike, name: string): boolean {
  const rounds = ike.intermediate;
  if (rounds === null) return false;
  for (let i = 0; i < rounds.list.length; i++) if (rounds.list[i].name === name) return true;
  return false;
}

/**
 * Rounds of one extension after CREATE_CHILD_SA, IKE_FOLLOWUP_KE [RFC 9370]. The SA of CREATE_CHILD_SA is made when they are
 * done. Their contribution to the keys goes to `draft.kx.more`.
 *
 * @noSelf
 */
export interface FollowUp {
  /** True when what was agreed needs rounds of this extension. */
  holds(ike: Ike, sa: IkeSa, draft: Draft): boolean;
  /** Initiator: adds the request of the next round; false: no more. */
  request(ike: Ike, sa: IkeSa, draft: Draft, w: Writer): boolean;
  /** Initiator: the answer is in ike.message. */
  response(ike: Ike, sa: IkeSa, draft: Draft): Verdict;
  /** Responder: reads the request in ike.message and adds the answer. */
  answer(ike: Ike, sa: IkeSa, draft: Draft, w: Writer): Verdict;
  /** Responder: true when that was the last round. */
  isDone(ike: Ike, sa: IkeSa, draft: Draft): boolean;
}

/**
 * An endpoint's IKE_FOLLOWUP_KE, made by createFollowUps.
 *
 * @noSelf
 */
export interface FollowUps {
  /** Initiator: sends the next round's request about `task`; false: none is left, or (draft.verdict) it cannot be sent. */
  start(ike: Ike, sa: IkeSa, task: Task, now: number): boolean;
  /** Initiator: the answer is in ike.message. */
  onResponse(ike: Ike, sa: IkeSa, task: Task, now: number): void;
  /**
   * Responder: keeps `draft`, and the IKE SA that it makes (a rekey), where rounds have to come, and writes their link into the
   * answer in `Ike.writer`; false: none.
   */
  hold(ike: Ike, sa: IkeSa, draft: Draft, next: IkeSa | null, now: number): boolean;
  /** Responder: a request is in ike.message. */
  onRequest(ike: Ike, sa: IkeSa, now: number): void;
}

/**
 * A Security Protocol beside ESP. The proposals of a Child SA's policy name it (`Transforms.protocol`).
 *
 * @noSelf
 */
export interface SecurityProtocol {
  /** Security Protocol Identifier [RFC 7296 §3.3.1]. */
  protocol: number;
  /** Octets of its SPIs, 1 to 4. */
  spiSize: number;
  /** Octets of the keys of one direction, for what was chosen. */
  keySize(choice: Choice): number;
  /**
   * Takes a pair of SAs, like IkeUpper.install. IkeUpper's `retire` and `remove` tell their end. `continued`: they had sent and
   * received before a restart.
   */
  install(
    sa: IkeSa,
    child: ChildSa,
    outgoing: Uint8Array,
    incoming: Uint8Array,
    first: boolean,
    now: number,
    continued?: Numbers,
  ): boolean;
}

/** The answer to a ticket: useless, refused, or keys are there. */
export const RESUME_IGNORED = 0 as const;
export const RESUME_REFUSED = 1 as const;
export const RESUME_DONE = 2 as const;
/** What came of IKE_SESSION_RESUME. */
export type ResumeResult = typeof RESUME_IGNORED | typeof RESUME_REFUSED | typeof RESUME_DONE;

/**
 * The initiator's side of session resumption: see ext/resume.ts.
 *
 * @noSelf
 */
export interface Resumption {
  /** Makes IKE_SESSION_RESUME from the session. False: the session cannot be used. */
  start(ike: Ike, sa: IkeSa, session: Session, now: number): boolean;
  /** The answer is in ike.message. */
  response(ike: Ike, sa: IkeSa): ResumeResult;
}
