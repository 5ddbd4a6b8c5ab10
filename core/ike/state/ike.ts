// What an IKE endpoint is made of, and what it asks of others: its host, its extensions, and the parts that a build may
// leave out.

import type { Asymmetric } from '../../crypto/asymmetric.ts';
import type { Provider } from '../../crypto/provider.ts';
import type { SaConfig } from '../../esp/sa.ts';
import type { Defragmenter } from '../codec/fragments.ts';
import type { Payloads, Writer } from '../codec/message.ts';
import type { Message, Opened } from '../codec/payloads.ts';
import type { PrivateNumbers } from '../codec/private-numbers.ts';
import type { ChildSa, Draft } from './child.ts';
import type { Path } from './path.ts';
import type { IkeSa, Session } from './sa.ts';

/** An extension: what it adds to messages of ours and reads from the peer's. `draft` is the Child SA in question. */
/** @noSelf */
export interface Extension {
  add(ike: Ike, sa: IkeSa, step: number, draft: Draft | null, w: Writer): void;
  /** 0, or the error (N_* or OUTCOME_*) with which the message is refused. */
  read(ike: Ike, sa: IkeSa, step: number, draft: Draft | null, message: Message): number;
}

/** The host. */
/** @noSelf */
export interface IkeUpper {
  /** Sends an IKE message (without the non-ESP marker). The octets are valid during the call only. */
  transmit(path: Path, buffer: Uint8Array, offset: number, length: number, now: number): void;
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
  /** Outgoing packets use this Child SA no more; its inbound SA stays for packets still on their way. */
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
  ended(sa: IkeSa, outcome: number, now: number): void;
  /** A Child SA that was asked for failed, while the IKE SA lives on. */
  childFailed(sa: IkeSa, outcome: number, now: number): void;
  /** The key log: SK_ei, SK_er (keys with salts) and integrity keys; called only where `keylog` is set. */
  keys(sa: IkeSa, octets: Uint8Array, size: number, now: number): void;
  /** Responder: an inner address for the peer, or null (INTERNAL_ADDRESS_FAILURE). `type`: CP_INTERNAL_*. */
  address(sa: IkeSa, type: number, now: number): Uint8Array | null;
}

/** What the responder adds; a device without it answers no IKE_SA_INIT. */
/** @noSelf */
export interface Responder {
  /** A request with SPIr 0. 0, or a drop code. */
  begin(ike: Ike, path: Path, buffer: Uint8Array, offset: number, length: number, now: number): number;
  /** A protected request of a half-open IKE SA. */
  request(ike: Ike, sa: IkeSa, exchange: number, message: Message, now: number): void;
  /** A half-open IKE SA that ends, whatever for. */
  dropped(ike: Ike, sa: IkeSa): void;
}

/** An IKE endpoint: what its functions share. */
export interface Ike {
  provider: Provider;
  asymmetric: Asymmetric;
  upper: IkeUpper;
  extensions: Extension[];
  numbers: PrivateNumbers;
  responder: Responder | null;
  /** Largest message sent or taken, in octets. */
  maxMessage: number;
  keylog: boolean;
  /** Milliseconds that an SA stays after its end, to repeat its last answer; and a Child SA for late packets. */
  linger: number;
  sas: IkeSa[];
  /** By this side's SPI. */
  bySpi: Record<string, IkeSa>;
  /** Messages dropped by negated drop code; COUNT_* behind them. */
  counters: Float64Array;
  /** Nothing is due before; -1: nothing at all. */
  due: number;
  /** IKE_INTERMEDIATE [RFC 9242] and IKE_SESSION_RESUME [RFC 5723], where the build has them. */
  intermediate: Intermediate | null;
  resumption: Resumption | null;
  /** Takes the fragments of RFC 7383 where the build has them, else null. */
  reassembly: Defragmenter | null;
  /** IKE header of the protected message that is being handled. */
  header: Uint8Array;
  // Scratch: what is written before it is sealed; payloads as they arrived, and those inside SK.
  writer: Writer;
  sealer: Writer;
  outer: Payloads;
  message: Message;
  opened: Opened;
}

/** IKE_INTERMEDIATE: see ext/ppkint.ts. */
/** @noSelf */
export interface Intermediate {
  /** Sends the request if this SA needs one: true then. */
  start(ike: Ike, sa: IkeSa, now: number): boolean;
  /** The answer: 0, or the error or OUTCOME_* that ends the SA. */
  response(ike: Ike, sa: IkeSa, now: number): number;
  /** Answers a request; 0, or the error. */
  request(ike: Ike, sa: IkeSa, now: number): number;
}

/** The initiator's side of session resumption: see ext/resume.ts. */
/** @noSelf */
export interface Resumption {
  /** Makes IKE_SESSION_RESUME from the session; false when it cannot be used. */
  start(ike: Ike, sa: IkeSa, session: Session, now: number): boolean;
  /** The answer in ike.message: 1 keys are there, 0 ignored, or -1: the ticket is refused. */
  response(ike: Ike, sa: IkeSa, header: Uint8Array, offset: number, length: number, now: number): number;
}
