// The runner's interface to our side, whichever program it is.

import type { Case, Outcome } from './cases.ts';
import type { LoggedKeys } from './keys.ts';
import type { Family } from './namespaces.ts';
import type { Setup } from './setup.ts';
import type { EchoResult } from './traffic.ts';

/** UDP port on which inner addresses of both sides answer echoes. */
export const ECHO_PORT = 7;

/** One side of one case. A method throws when what it does fails or takes too long. */
export interface OurSide {
  /**
   * Starts it in `setup.space` as `setup` says. As initiator the handshake begins with this; as responder it is ready
   * for one when this returns.
   */
  start(setup: Setup): Promise<void>;
  /** Waits until the handshake has ended: a Child SA is up, or none will be. */
  outcome(): Promise<Outcome>;
  /** What it calls the reason of a failure, where the outcome is one; undefined: it has no such names. */
  reason(): string | undefined;
  /** Child SAs in use: SPIs as 8 hexadecimal digits. */
  childSpis(): Promise<{ in: string; out: string }[]>;
  /** How many IKE SAs there are. */
  ikeCount(): Promise<number>;
  /** It sends ICMP echoes, and its inner addresses answer them (UDP echoes on ECHO_PORT they always do). */
  readonly pings: boolean;
  /** The port from which alone it may be asked for UDP echoes; absent: any. */
  readonly askedFrom?: number;
  /** Inner families that its Child SA of a case carries. */
  families(entry: Case): readonly Family[];
  /** ICMP echoes from its inner address. */
  ping(to: string, count: number): Promise<EchoResult>;
  /** UDP echoes from its inner address to one behind charon. */
  echo(to: string, port: number, size: number, count: number): Promise<EchoResult>;
  /** One datagram through the tunnel. */
  sendUdp(to: string, port: number, size: number): Promise<void>;
  /** Each ends when the exchange has ended. */
  rekeyChild(): Promise<void>;
  rekeyIke(): Promise<void>;
  /** An empty INFORMATIONAL exchange; false when there was no answer. */
  probe(): Promise<boolean>;
  deleteChild(): Promise<void>;
  deleteIke(): Promise<void>;
  /** Keys so far, if it tells them; the runner compares them with charon's. */
  keys?(): Promise<LoggedKeys>;
  /** The log, for the message of a failed case. */
  log(): string;
  close(): Promise<void>;
  /** Ends it without a word to the peer. */
  kill(): Promise<void>;
}

export interface OurProgram {
  create(): OurSide;
  /** Why it cannot do a case, for `skip`. */
  lacks(entry: Case): string | false;
}
