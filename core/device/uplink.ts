// Keeps up a device's IKE SA with its gateway [RFC 7296]: the host's side of an IKE endpoint (IkeUpper) over a device's SAs,
// new connections with back-off after a failure or the gateway's Delete, and session resumption [RFC 5723]. The caller
// provides the link: a radio in ike-device.ts, UDP sockets in targets/node/sensor/udp-host.ts.

import { copy } from '../base/bytes.ts';
import type { Asymmetric } from '../crypto/asymmetric.ts';
import { addPair, findPair, type Pairs, preferLast, removePair, retirePair } from '../esp/pairs.ts';
import { isAgeing, type SaConfig } from '../esp/sa.ts';
import { scopeOf } from '../esp/sa-table.ts';
import { createPace, isSuspect, mayAsk } from '../esp/search.ts';
import { allocateSpi } from '../esp/spi.ts';
import type { Defragmenter } from '../ike/codec/fragments.ts';
import type { PrivateNumbers } from '../ike/codec/private-numbers.ts';
import { createIke, heard, receiveIke } from '../ike/exchange/endpoint.ts';
import { spiKey } from '../ike/exchange/registry.ts';
import { closeIke, createChild, rekeyChild } from '../ike/exchange/requests.ts';
import { ikeTimeout } from '../ike/exchange/schedule.ts';
import { endIkeSa } from '../ike/exchange/session.ts';
import { pollIke } from '../ike/exchange/timers.ts';
import { connect } from '../ike/setup/initiator.ts';
import { CHILD_LIVE, type ChildSa } from '../ike/state/child.ts';
import type { Extension, Ike, Resumption, Rounds, Unprotected } from '../ike/state/ike.ts';
import { OUTCOME_PEER_CRASHED, OUTCOME_REPLACED, OUTCOME_TIMEOUT } from '../ike/state/outcome.ts';
import type { Path } from '../ike/state/path.ts';
import type { IkePolicy } from '../ike/state/policy.ts';
import { type IkeSa, type Session, STATE_ESTABLISHED } from '../ike/state/sa.ts';
import { earlier } from './device.ts';

/** Milliseconds until the host's request for a rekey is repeated. */
const REKEY_AGAIN = 10000;
/** Milliseconds for which an ended SA stays, for late packets. */
const LINGER = 5000;

/** The cost of setting up an IKE SA, from the first message to the last. */
export interface Attempt {
  /** The gateway took the ticket of a session [RFC 5723]; false after one that it refused. */
  resumed: boolean;
  /** IKE messages, those sent and those received, repetitions too, and their octets above UDP. */
  messages: number;
  /** Octets of these messages, above UDP. */
  octets: number;
  /** Milliseconds. */
  ms: number;
}

/**
 * Events for an application.
 *
 * @noSelf
 */
export interface UplinkEvents {
  /** An attempt to connect begins: after `Uplink.connect`, or at `retryAt`. */
  connecting(now: number): void;
  /**
   * Connected: `sa.session` resumes it later, `sa.address` is an inner address from the gateway, or empty. `attempt` is
   * valid during the call.
   */
  established(sa: IkeSa, attempt: Attempt, now: number): void;
  /**
   * The end of an IKE SA, or of an attempt (OUTCOME_* or an error notify). `retryAt`: when the next attempt is made
   * because of it, or -1.
   */
  ended(sa: IkeSa, outcome: number, retryAt: number, now: number): void;
  /** A rekey: `sa` has the Child SAs of `old`. */
  replaced(old: IkeSa, sa: IkeSa, now: number): void;
  /** A Child SA was installed; keys are valid during the call. */
  installed(sa: IkeSa, child: ChildSa, outgoing: SaConfig, incoming: SaConfig, now: number): void;
  /** A Child SA was removed; its keys are wiped. */
  removed(sa: IkeSa, child: ChildSa, now: number): void;
  /** One that was asked for failed. `problem`: what addPair threw (OUTCOME_REFUSED), else null. */
  childFailed(sa: IkeSa, outcome: number, problem: unknown, now: number): void;
  /** See IkeUpper. */
  keys(sa: IkeSa, octets: Uint8Array, size: number, now: number): void;
}

/** A device's IKE configuration. */
export interface UplinkConfig {
  /** Key exchanges and signatures. */
  asymmetric: Asymmetric;
  /** The gateway: proposals, identities, credentials, the Child SA. */
  policy: IkePolicy;
  /** What it negotiates beside plain ESP (ike/ext), and parts of IKE that a board may leave out: null. */
  extensions: Extension[];
  /** Numbers that IANA has not assigned. */
  numbers: PrivateNumbers;
  /** IKE_INTERMEDIATE [RFC 9242], or null. */
  intermediate: Rounds | null;
  /** IKE_SESSION_RESUME [RFC 5723], or null: every attempt is a whole one. */
  resumption: Resumption | null;
  /** `crashTaker` [RFC 6290]; absent: a gateway that lost its state is found by its silence. */
  unprotected?: Unprotected;
  /** Fragments of IKE messages [RFC 7383], or null: they are dropped. */
  reassembly: Defragmenter | null;
  /** True: `UplinkEvents.keys` gets keys, to decrypt captures. They are secrets. */
  keylog: boolean;
  /** Milliseconds from a failure to the next attempt (doubled each time), and at most; 0: none. */
  retryTime: number;
  /** Milliseconds between attempts at most. */
  retryMax: number;
  /** What the application hears of. */
  events: UplinkEvents;
}

/** Sends an IKE message; the octets are valid during the call only. */
export type Transmit = (path: Path, buffer: Uint8Array, offset: number, length: number, now: number) => void;

/**
 * Keeps one IKE SA to a gateway: connects, resumes, and tries again with growing pauses. Times are milliseconds.
 *
 * @noSelf
 */
export interface Uplink {
  /** The IKE endpoint: counters, and what rekeyIke and its kin take. */
  ike: Ike;
  /** The current IKE SA, null between attempts. */
  current(): IkeSa | null;
  /** Packets can go out: the IKE SA is established and has a Child SA. */
  isReady(): boolean;
  /** When the next attempt is made, or -1. */
  retryAt(): number;
  /**
   * Connects; by resumption if a session is given and its ticket has not expired. Forgets the current IKE SA, like a device
   * that slept.
   */
  connect(session: Session | null, now: number): void;
  /** Sends Delete and makes no new attempts. */
  close(now: number): void;
  /** Takes an IKE message. Returns 0, or a drop code. */
  receive(path: Path, buffer: Uint8Array, offset: number, length: number, now: number): number;
  /**
   * Call it after packets came in or went out: it judges silence, lifetimes and lost sequence numbers by the SAs' counters.
   */
  carried(now: number): void;
  /**
   * The Child SAs may not carry packets though the IKE SA lives: asks for their rekey, at most as often as `mayAsk` says, and
   * however often packets that fail were a reason to ask.
   */
  suspect(now: number): void;
  /** Does the work that is due at `now`: repetitions, rekeys, the next attempt. */
  poll(now: number): void;
  /** When to call `poll`, or -1. */
  nextTimeout(): number;
}

/** True when `sa` has a Child SA for outgoing packets. */
function hasChild(sa: IkeSa): boolean {
  for (let i = 0; i < sa.children.length; i++) if (sa.children[i].retired === CHILD_LIVE) return true;
  return false;
}

/**
 * Makes an uplink over `sas` to the gateway at the end of `path`. IKE messages have at most `maxMessage` octets. An inner
 * address from the gateway is written to `address` if both have the same length.
 */
export function createUplink(
  sas: Pairs,
  config: UplinkConfig,
  path: Path,
  address: Uint8Array,
  maxMessage: number,
  transmit: Transmit,
): Uplink {
  const endpoint = sas.endpoint;
  const provider = endpoint.provider;
  const events = config.events;
  let sa: IkeSa | null = null;
  let session: Session | null = null;
  let problem: unknown = null;
  let isWanted = false;
  let wait = config.retryTime;
  let retryAt = -1;
  let received = 0;
  let begun = 0;
  // A forger can use up the first one, but not make a server silent.
  const pace = createPace();
  const doubts = createPace();
  const attempt: Attempt = { resumed: false, messages: 0, octets: 0, ms: 0 };

  function reset(): void {
    attempt.messages = 0;
    attempt.octets = 0;
  }

  /** Counts a message of the IKE SA that is being set up, whoever began it: a reauthentication is an attempt too. */
  function tally(buffer: Uint8Array, offset: number, length: number, now: number): void {
    const one = length < 8 ? undefined : ike.bySpi[spiKey(buffer, offset)];
    if (one === undefined || !one.initiator || one.state >= STATE_ESTABLISHED) return;
    if (attempt.messages === 0) begun = now;
    attempt.messages++;
    attempt.octets += length;
  }

  /** Tries again after a random delay, so that devices do not all try at once. */
  function later(now: number): void {
    if (!isWanted || config.retryTime === 0) return;
    provider.random(endpoint.spare, 0, 1);
    retryAt = now + wait + Math.floor((wait * endpoint.spare[0]) / 1024);
  }

  function begin(now: number): void {
    const old = session;
    // A ticket is used once [RFC 5723 §4.3.4].
    session = null;
    reset();
    events.connecting(now);
    sa = connect(ike, config.policy, path, old !== null && old.expires > now ? old : null, now);
  }

  const ike: Ike = createIke({
    provider: provider,
    asymmetric: config.asymmetric,
    upper: {
      transmit: (to, _replyTo, buffer, offset, length, now) => {
        tally(buffer, offset, length, now);
        transmit(to, buffer, offset, length, now);
      },
      proved: () => {},
      allocateSpi: (ends, offers) => {
        const scope = scopeOf(ends.local, ends.remote, 0);
        try {
          return allocateSpi(endpoint, scope, offers);
        } catch (_problem) {
          // An SA that waits for late packets blocks the SPI when few SPI bits (or none) are sent.
          for (let i = sas.outgoing.length - 1; i >= 0; i--) {
            if (sas.outgoing[i].ended !== 0) removePair(sas, sas.incoming[i].spi);
          }
          return allocateSpi(endpoint, scope, offers);
        }
      },
      install: (owner, child, outgoing, incoming, first, now) => {
        problem = null;
        try {
          addPair(sas, outgoing, incoming);
        } catch (error) {
          problem = error;
          return false;
        }
        if (first) preferLast(sas);
        wait = config.retryTime;
        events.installed(owner, child, outgoing, incoming, now);
        return true;
      },
      retire: (owner, child, now) => {
        retirePair(sas, child.spiIn);
        if (owner === sa) later(now);
      },
      remove: (owner, child, now) => {
        removePair(sas, child.spiIn);
        events.removed(owner, child, now);
        if (owner === sa) later(now);
      },
      established: (owner, resumed, now) => {
        sa = owner;
        wait = config.retryTime;
        retryAt = -1;
        if (owner.address.length === address.length) copy(address, 0, owner.address, 0, address.length);
        attempt.resumed = resumed;
        attempt.ms = now - begun;
        events.established(owner, attempt, now);
        reset();
      },
      replaced: (old, next, now) => {
        if (sa === old) sa = next;
        events.replaced(old, next, now);
      },
      ended: (owner, outcome, now) => {
        reset();
        const isCurrent = owner === sa;
        if (isCurrent) {
          sa = null;
          // After a Delete of either side its ticket is void [RFC 5723 §6.2].
          session = outcome === OUTCOME_TIMEOUT || outcome === OUTCOME_PEER_CRASHED ? owner.session : null;
          later(now);
          // The gateway is there, and said so.
          if (outcome === OUTCOME_PEER_CRASHED && retryAt >= 0) retryAt = now;
        }
        events.ended(owner, outcome, isCurrent ? retryAt : -1, now);
      },
      childFailed: (owner, outcome, now) => {
        if (owner === sa) later(now);
        events.childFailed(owner, outcome, problem, now);
        problem = null;
      },
      refused: () => {},
      keys: events.keys,
      address: () => null,
    },
    extensions: config.extensions,
    numbers: config.numbers,
    responder: null,
    intermediate: config.intermediate,
    resumption: config.resumption,
    unprotected: config.unprotected,
    reassembly: config.reassembly,
    maxMessage: maxMessage,
    keylog: config.keylog,
    linger: LINGER,
  });

  return {
    ike: ike,
    current: () => sa,
    isReady: () => sa !== null && sa.state === STATE_ESTABLISHED && hasChild(sa),
    retryAt: () => retryAt,
    connect: (given, now) => {
      const old = sa;
      sa = null;
      if (old !== null) endIkeSa(ike, old, OUTCOME_REPLACED, now);
      isWanted = true;
      wait = config.retryTime;
      retryAt = -1;
      session = given;
      begin(now);
    },
    close: (now) => {
      isWanted = false;
      retryAt = -1;
      if (sa !== null) closeIke(ike, sa, now);
    },
    receive: (from, buffer, offset, length, now) => {
      tally(buffer, offset, length, now);
      return receiveIke(ike, from, buffer, offset, length, now);
    },
    carried: (now) => {
      if (sa === null) return;
      if (endpoint.received !== received) {
        received = endpoint.received;
        heard(sa, now);
      }
      for (let i = 0; i < sa.children.length; i++) {
        const child = sa.children[i];
        const at = findPair(sas, child.spiIn);
        if (child.retired !== CHILD_LIVE || at < 0 || now < child.tag) continue;
        const incoming = sas.incoming[at];
        if (!isAgeing(sas.outgoing[at], now) && !isAgeing(incoming, now)) {
          if (!isSuspect(incoming, now) || !mayAsk(pace, now)) continue;
        }
        child.tag = now + REKEY_AGAIN;
        rekeyChild(ike, sa, child, now);
      }
    },
    suspect: (now) => {
      if (sa === null || !mayAsk(doubts, now)) return;
      for (let i = 0; i < sa.children.length; i++) rekeyChild(ike, sa, sa.children[i], now);
    },
    poll: (now) => {
      pollIke(ike, now);
      if (retryAt < 0 || now < retryAt) return;
      retryAt = -1;
      if (sa !== null && (sa.state !== STATE_ESTABLISHED || hasChild(sa))) return;
      wait = Math.min(2 * wait, config.retryMax);
      if (sa === null) begin(now);
      else createChild(ike, sa, config.policy.child, now);
    },
    nextTimeout: () => earlier(ikeTimeout(ike), retryAt),
  };
}
