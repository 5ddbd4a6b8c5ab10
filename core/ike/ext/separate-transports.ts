// IKE over TCP beside ESP over UDP or IP: SEPARATE_TRANSPORTS [draft-ietf-ipsecme-ikev2-reliable-transport]. The notify goes in
// IKE_SA_INIT, which may itself go over UDP port 4500 or over TCP. Where both sides sent it, all that follows goes over TCP,
// and what rekeys make too. Without it IKE over TCP has its ESP in the same connection [RFC 9329].
//
// An SA on a stream has a policy of its own, which the host makes: its messages are not repeated in the same connection, and not
// sent in fragments. The host opens connections, and says which paths are streams.

import { NONE } from '../codec/octets.ts';
import { addStatus, dataOf } from '../codec/payloads.ts';
import { SEPARATE_TRANSPORTS } from '../codec/private-numbers.ts';
import { transmitAll } from '../exchange/send.ts';
import { endIkeSa } from '../exchange/session.ts';
import { restart } from '../setup/initiator.ts';
import { noteOf, setNote } from '../state/child.ts';
import { type Extension, type Ike, RESUME_DONE, type Resumption, type Rounds } from '../state/ike.ts';
import type { Path } from '../state/path.ts';
import { type IkePolicy, NAT_FORCE } from '../state/policy.ts';
import { type IkeSa, privateFits, STATE_HALF_OPEN } from '../state/sa.ts';
import { STEP_INIT_REQUEST, STEP_INIT_RESPONSE } from '../state/step.ts';

/** The note of an IKE SA whose peers agreed on it; of a set-up, that the peer sent it. */
const NOTE = 'separate-transports';
/** The note of a set-up that this side offers it. */
const OFFER = 'separate-transports-offer';
const IKE_PORT = 500;

/** How a new IKE SA begins. */
export interface Begin {
  /** The path of IKE_SA_INIT. */
  path: Path;
  /** The policy for messages over UDP. */
  policy: IkePolicy;
  /** Whether SEPARATE_TRANSPORTS is offered. */
  offer: boolean;
}

/**
 * The host of this extension.
 *
 * @noSelf
 */
export interface TransportHost {
  /** True for a path that is a stream. */
  isStream(path: Path): boolean;
  /** The same policy for an SA on a stream: requests are sent once, and messages whole [RFC 9329 §6.2, §9.1]. */
  streamed(policy: IkePolicy): IkePolicy;
  /** Initiator: how `sa` begins, the same each time that it is asked; null: as always. */
  begins(sa: IkeSa): Begin | null;
  /** Initiator: a new stream to the peer of `sa`, for what follows an IKE_SA_INIT over UDP. */
  open(sa: IkeSa): Path;
  /** Responder: true when streams are taken at the address that `sa` came to. */
  accepts(sa: IkeSa): boolean;
  /** The path of ESP in UDP to the peer of `sa` whose IKE came over a stream from the first message on. */
  espPath(sa: IkeSa): Path;
}

/** What an endpoint gets: the parts go where their names say in `IkeConfig`. */
export interface SeparateTransports {
  /** To stand in front of all extensions: it chooses the path. */
  begin: Extension;
  /** To stand behind NAT detection. */
  notify: Extension;
  /** Wraps the endpoint's rounds, which begin when IKE_SA_INIT is done. */
  rounds(inner: Rounds): Rounds;
  /** The same after IKE_SESSION_RESUME. */
  resumption(inner: Resumption): Resumption;
}

/** True when both sides of `sa` agreed on separate transports. */
export function isSeparate(sa: IkeSa): boolean {
  return noteOf(sa.notes, NOTE).length > 0;
}

/** ESP over IP protocol 50 to the end of `path` [RFC 4303]. */
export function plainEspPath(path: Path): Path {
  return {
    local: path.local,
    localPort: IKE_PORT,
    remote: path.remote,
    remotePort: IKE_PORT,
    encapsulated: false,
    port: path.port,
    link: path.link,
  };
}

/** A NAT is there, or is to be assumed: ESP has to be in UDP. */
export function needsUdp(sa: IkeSa): boolean {
  return sa.behindNat || sa.peerBehindNat || sa.policy.nat === NAT_FORCE;
}

/** ESP leaves the path of IKE: `udp` is its path in UDP. */
function part(sa: IkeSa, udp: Path): void {
  sa.espPath = needsUdp(sa) ? udp : plainEspPath(udp);
  const yes = new Uint8Array(1);
  yes[0] = 1;
  setNote(sa.notes, NOTE, yes);
}

/** Marks a set-up, or takes the mark away. */
function mark(sa: IkeSa, note: string, isSet: boolean): void {
  setNote(sa.setup!.notes, note, isSet ? new Uint8Array(1) : NONE);
}

function isMarked(sa: IkeSa, note: string): boolean {
  return noteOf(sa.setup!.notes, note).length > 0;
}

/** Initiator: the answer was good. Goes on over a stream where both sides have the notify. */
function proceed(host: TransportHost, sa: IkeSa): void {
  if (!isMarked(sa, NOTE)) return;
  mark(sa, NOTE, false);
  const before = sa.path;
  if (host.isStream(before)) {
    part(sa, host.espPath(sa));
    return;
  }
  part(sa, before);
  sa.path = host.open(sa);
  sa.policy = host.streamed(sa.policy);
}

function numberOf(ike: Ike): number {
  const own = ike.numbers.separateTransports;
  return own === undefined ? SEPARATE_TRANSPORTS : own;
}

/** Makes the extension, for both roles. */
export function createSeparateTransports(host: TransportHost): SeparateTransports {
  const begin: Extension = {
    add: (_ike, sa, step) => {
      if (step !== STEP_INIT_REQUEST) return;
      const how = host.begins(sa);
      mark(sa, OFFER, how !== null && how.offer);
      if (how === null) return;
      sa.path = how.path;
      sa.policy = host.isStream(how.path) ? host.streamed(how.policy) : how.policy;
    },
    read: (_ike, sa, step) => {
      // The responder's answers to what came over a stream.
      if (step === STEP_INIT_REQUEST && host.isStream(sa.path)) sa.policy = host.streamed(sa.policy);
      return 0;
    },
  };
  const notify: Extension = {
    add: (ike, sa, step, _draft, w) => {
      if (step === STEP_INIT_REQUEST && isMarked(sa, OFFER)) addStatus(w, numberOf(ike), NONE);
      if (step !== STEP_INIT_RESPONSE || !isMarked(sa, NOTE)) return;
      addStatus(w, numberOf(ike), NONE);
      // From here on this side sends over the stream that will come; ESP comes from where IKE_SA_INIT came.
      part(sa, host.isStream(sa.path) ? host.espPath(sa) : sa.path);
      sa.policy = host.streamed(sa.policy);
    },
    read: (ike, sa, step, _draft, m) => {
      if (step !== STEP_INIT_REQUEST && step !== STEP_INIT_RESPONSE) return 0;
      // Its data, if there are any, say nothing.
      const isThere = dataOf(m, numberOf(ike)) !== null && privateFits(sa);
      mark(sa, NOTE, isThere && (step === STEP_INIT_REQUEST ? host.accepts(sa) : isMarked(sa, OFFER)));
      return 0;
    },
  };
  return {
    begin: begin,
    notify: notify,
    rounds: (inner) => ({
      list: inner.list,
      start: (ike, sa, now) => {
        proceed(host, sa);
        return inner.start(ike, sa, now);
      },
      read: inner.read,
      answer: inner.answer,
    }),
    resumption: (inner) => ({
      start: inner.start,
      response: (ike, sa) => {
        const result = inner.response(ike, sa);
        if (result === RESUME_DONE) proceed(host, sa);
        return result;
      },
    }),
  };
}

/**
 * `sa` has a new connection, `path`: what it has asked goes out there once more [RFC 9329 §6.3]. So does its last answer: it may
 * be lost with the connection, and of an IKE SA that a rekey has replaced it is the only message that tells the peer where to
 * repeat its request.
 */
export function resendOver(ike: Ike, sa: IkeSa, path: Path, now: number): void {
  sa.path = path;
  if (sa.request.length > 0) transmitAll(ike, sa, sa.request, now);
  if (sa.response.length > 0) transmitAll(ike, sa, sa.response, now);
}

/**
 * Initiator: begins anew, as the host's `begins` says now: a connection could not be opened, or nothing comes over UDP
 * [draft-ietf-ipsecme-ikev2-reliable-transport]. Nothing for an SA whose peer is authenticated.
 */
export function startOver(ike: Ike, sa: IkeSa, now: number): void {
  if (!sa.initiator || sa.state >= STATE_HALF_OPEN) return;
  sa.espPath = null;
  setNote(sa.notes, NOTE, NONE);
  sa.behindNat = false;
  sa.peerBehindNat = false;
  sa.fragments = null;
  restart(ike, sa, now);
}

/** An error in an unprotected answer that came over a stream is believed: nobody else can have sent it [RFC 9329 §6.5]. */
export function believe(ike: Ike, sa: IkeSa, now: number): void {
  if (sa.setup === null || sa.setup.error === 0 || sa.state >= STATE_HALF_OPEN) return;
  endIkeSa(ike, sa, sa.setup.error, now);
}

/** ESP of the Child SAs of `sa` goes over `path` from now on; null: where its IKE goes. */
export function moveEsp(sa: IkeSa, path: Path | null): void {
  sa.espPath = path;
  for (let i = 0; i < sa.children.length; i++) sa.children[i].path = null;
}
