// The life of an IKE SA: made, established, replaced, ended; and the requests that wait for their turn.

import { equal } from '../../base/bytes.ts';
import { jittered, removeChild } from '../child/install.ts';
import { beginPayload, endPayload, write8, write16, write32 } from '../codec/message.ts';
import {
  INFORMATIONAL,
  N_AUTHENTICATION_FAILED,
  PAYLOAD_DELETE,
  PROTOCOL_ESP,
  PROTOCOL_IKE,
} from '../codec/numbers.ts';
import { wipe } from '../crypto/keys.ts';
import { wipeSkKey } from '../crypto/sk.ts';
import type { Ike } from '../state/ike.ts';
import type { IkePolicy } from '../state/policy.ts';
import {
  type ChildSa,
  type Draft,
  type IkeSa,
  OUTCOME_NONE,
  OUTCOME_PEER_AUTH,
  OUTCOME_PEER_ID,
  OUTCOME_REPLACED,
  type Path,
  type Setup,
  STATE_CLOSING,
  STATE_ENDED,
  STATE_ESTABLISHED,
  STATE_FORMING,
  STATE_HALF_OPEN,
  TASK_DELETE_IKE,
  TASK_REKEY_IKE,
  type Task,
} from '../state/sa.ts';
import { addStatus, begin, due, forget, NONE, sendRequest, settle, spiKey } from './exchange.ts';

/** Requests that may wait. */
const MAX_TASKS = 16;

export function createTask(kind: number, child: ChildSa | null): Task {
  return { kind: kind, child: child, draft: null, policy: null, ke: -1, regular: false, next: null, after: 0, gone: 0 };
}

/** A random SPI for our side, in place in `spis`. */
function drawSpi(ike: Ike, spis: Uint8Array, at: number): void {
  do {
    ike.provider.random(spis, at, 8);
  } while (equal(spis, at, new Uint8Array(8), 0, 8) || ike.bySpi[spiKey(spis, at)] !== undefined);
}

/** A new IKE SA with an SPI of our side, known to the endpoint. */
export function createIkeSa(ike: Ike, policy: IkePolicy, path: Path, initiator: boolean, state: number): IkeSa {
  const sa: IkeSa = {
    policy: policy,
    path: path,
    espPath: null,
    initiator: initiator,
    state: state,
    outcome: OUTCOME_NONE,
    spis: new Uint8Array(16),
    cipher: null,
    ke: 0,
    skD: NONE,
    skIn: null,
    skOut: null,
    nextId: 0,
    expectedId: 0,
    request: NONE,
    requestExchange: 0,
    tries: 0,
    deadline: -1,
    response: NONE,
    forgetAt: 0,
    fragments: null,
    task: null,
    tasks: [],
    children: [],
    setup: null,
    session: null,
    fragmentation: false,
    vendor: false,
    optimizedRekey: false,
    peerBehindNat: false,
    behindNat: false,
    peerId: NONE,
    peerIdType: 0,
    announced: NONE,
    address: NONE,
    rekeyAt: -1,
    reauthAt: -1,
    heardAt: -1,
    endAt: -1,
    rival: null,
    rivalNonce: NONE,
    rivalOf: null,
    predecessor: null,
    successor: null,
    reported: false,
    tag: 0,
  };
  drawSpi(ike, sa.spis, initiator ? 0 : 8);
  ike.bySpi[spiKey(sa.spis, initiator ? 0 : 8)] = sa;
  ike.sas.push(sa);
  return sa;
}

export function createSetup(): Setup {
  return {
    nonceI: NONE,
    nonceR: NONE,
    half: null,
    keMethod: 0,
    keOwn: NONE,
    secret: NONE,
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

/** Fresh random octets. */
export function nonce(ike: Ike, size: number): Uint8Array {
  const out = new Uint8Array(size);
  ike.provider.random(out, 0, size);
  return out;
}

/** Ends a key exchange of which nothing came. */
export function dropDraft(ike: Ike, draft: Draft | null): void {
  if (draft === null) return;
  if (draft.half !== null) ike.asymmetric.keWipe(draft.half);
  draft.half = null;
  wipe(draft.secret);
}

/** Ends a request of ours, with what it was about to make. */
export function dropTask(ike: Ike, task: Task | null): void {
  if (task === null) return;
  dropDraft(ike, task.draft);
  if (task.next !== null && task.next.state === STATE_FORMING) forget(ike, task.next);
}

/** Wipes what only the set-up needed. */
export function dropSetup(ike: Ike, sa: IkeSa): void {
  const setup = sa.setup;
  if (setup === null) return;
  if (setup.half !== null) ike.asymmetric.keWipe(setup.half);
  wipe(setup.secret);
  wipe(setup.skPi);
  wipe(setup.skPr);
  wipe(setup.plainKeys);
  if (setup.earlierIn !== null) wipeSkKey(ike.provider, setup.earlierIn);
  dropDraft(ike, setup.draft);
  sa.setup = null;
}

/** Starts the clocks of an IKE SA that both sides have. */
export function startClocks(ike: Ike, sa: IkeSa, now: number): void {
  sa.state = STATE_ESTABLISHED;
  sa.heardAt = now;
  sa.rekeyAt = jittered(ike, sa.policy.rekeyTime, now);
  sa.reauthAt = sa.initiator ? jittered(ike, sa.policy.reauthTime, now) : -1;
  if (sa.policy.dpdTime > 0) due(ike, now + sa.policy.dpdTime);
}

function sameTask(a: Task, kind: number, child: ChildSa | null): boolean {
  return a.kind === kind && a.child === child;
}

/** True when this request is on its way, or waits. */
export function isAsked(sa: IkeSa, kind: number, child: ChildSa | null): boolean {
  if (sa.task !== null && sameTask(sa.task, kind, child)) return true;
  for (let i = 0; i < sa.tasks.length; i++) if (sameTask(sa.tasks[i], kind, child)) return true;
  return false;
}

/** Queues a request of ours; the same one twice is one. */
export function request(ike: Ike, sa: IkeSa, kind: number, child: ChildSa | null, now: number): void {
  if (isAsked(sa, kind, child)) return;
  if (sa.tasks.length < MAX_TASKS) sa.tasks.push(createTask(kind, child));
  due(ike, now);
}

/** Both sides are authenticated. */
export function establish(ike: Ike, sa: IkeSa, now: number): void {
  dropSetup(ike, sa);
  startClocks(ike, sa, now);
  ike.upper.established(sa, now);
  if (sa.tasks.length > 0) due(ike, now);
  let old = sa.predecessor;
  sa.predecessor = null;
  // It may have been rekeyed since.
  while (old !== null && old.successor !== null) old = old.successor;
  if (old !== null && old.state === STATE_ESTABLISHED) {
    old.outcome = OUTCOME_REPLACED;
    request(ike, old, TASK_DELETE_IKE, null, now);
  }
}

/** A reauthentication came to nothing: the SA that it was to replace lives on, until the next attempt. */
function reauthLater(ike: Ike, sa: IkeSa, now: number): void {
  let old = sa.predecessor;
  sa.predecessor = null;
  while (old !== null && old.successor !== null) old = old.successor;
  if (old === null || old.state !== STATE_ESTABLISHED) return;
  old.reauthAt = now + Math.max(sa.policy.reauthTime / 8, 10000);
  due(ike, old.reauthAt);
}

/** Tells the host, once, of the end of an SA that no rekey replaced. */
function report(ike: Ike, sa: IkeSa, now: number): void {
  if (sa.reported || sa.successor !== null) return;
  sa.reported = true;
  ike.upper.ended(sa, sa.outcome, now);
}

/** Ends an IKE SA and its Child SAs. Its last answer stays for a while, for a peer that did not get it. */
export function endIkeSa(ike: Ike, sa: IkeSa, outcome: number, now: number): void {
  if (sa.state === STATE_ENDED) return;
  if (sa.state === STATE_HALF_OPEN) ike.responder!.dropped(ike, sa);
  while (sa.children.length > 0) removeChild(ike, sa, sa.children[0], now);
  const known = sa.outcome !== OUTCOME_NONE && outcome <= 0;
  if (!known) sa.outcome = outcome;
  settle(sa);
  dropTask(ike, sa.task);
  sa.task = null;
  sa.tasks = [];
  dropSetup(ike, sa);
  sa.state = STATE_ENDED;
  const rival = sa.rival;
  sa.rival = null;
  if (sa.response.length > 0) {
    sa.endAt = now + ike.linger;
    due(ike, sa.endAt);
  } else {
    forget(ike, sa);
  }
  if (rival !== null) endIkeSa(ike, rival, outcome, now);
  reauthLater(ike, sa, now);
  report(ike, sa, now);
}

/** True when both are of one peer: an identity counts among the peers of one policy, whose name tells it from others. */
function samePeer(a: IkeSa, b: IkeSa): boolean {
  if (a.policy.name !== b.policy.name || a.peerIdType !== b.peerIdType) return false;
  return a.peerId.length === b.peerId.length && equal(a.peerId, 0, b.peerId, 0, b.peerId.length);
}

/** Ends the IKE SAs that the peer of `sa`, authenticated by now, has besides, but `keep` of them: the last heard. */
export function replaceOthers(ike: Ike, sa: IkeSa, keep: number, now: number): void {
  const others: IkeSa[] = [];
  for (let i = 0; i < ike.sas.length; i++) {
    const other = ike.sas[i];
    // Who is half-open, with the identity of a ticket, has proved nothing.
    const counts = other !== sa && other.state !== STATE_ENDED && other.state !== STATE_HALF_OPEN;
    if (counts && samePeer(other, sa)) others.push(other);
  }
  while (others.length > keep) {
    let oldest = 0;
    for (let i = 1; i < others.length; i++) if (others[i].heardAt < others[oldest].heardAt) oldest = i;
    endIkeSa(ike, others[oldest], OUTCOME_REPLACED, now);
    others[oldest] = others[others.length - 1];
    others.pop();
  }
}

/** Gives the Child SAs of `old` to the IKE SA that was made by its rekey. */
export function succeed(ike: Ike, old: IkeSa, sa: IkeSa, now: number): void {
  for (let i = 0; i < old.children.length; i++) sa.children.push(old.children[i]);
  old.children = [];
  sa.peerId = old.peerId;
  sa.peerIdType = old.peerIdType;
  sa.announced = old.announced;
  sa.espPath = old.espPath;
  sa.address = old.address;
  sa.tag = old.tag;
  sa.session = old.session;
  sa.outcome = old.outcome;
  sa.rivalOf = null;
  sa.endAt = -1;
  old.successor = sa;
  // Requests that were waiting go on under the new keys, but the rekey is done. It proves nobody's identity:
  // reauthentication stays due.
  const reauthAt = old.reauthAt;
  for (let i = 0; i < old.tasks.length; i++) if (old.tasks[i].kind !== TASK_REKEY_IKE) sa.tasks.push(old.tasks[i]);
  due(ike, now);
  old.tasks = [];
  old.rekeyAt = -1;
  old.reauthAt = -1;
  startClocks(ike, sa, now);
  sa.reauthAt = reauthAt;
  ike.upper.replaced(old, sa, now);
}

/** The oldest task of those that wait and may begin, or null. A Delete of the IKE SA goes first. */
export function nextTask(sa: IkeSa, now: number): Task | null {
  let at = -1;
  for (let i = 0; i < sa.tasks.length; i++) {
    const first = at < 0 && now >= sa.tasks[i].after;
    if (first || sa.tasks[i].kind === TASK_DELETE_IKE) at = i;
  }
  if (at < 0) return null;
  const task = sa.tasks[at];
  const rest: Task[] = [];
  for (let i = 0; i < sa.tasks.length; i++) if (i !== at) rest.push(sa.tasks[i]);
  sa.tasks = rest;
  return task;
}

/** Sends INFORMATIONAL with a Delete for the IKE SA (child null), or for a Child SA. */
export function sendDelete(ike: Ike, sa: IkeSa, child: ChildSa | null, now: number): void {
  const w = begin(ike);
  // The peer learns why [RFC 7296 §2.21.2].
  const isStranger = sa.outcome === OUTCOME_PEER_AUTH || sa.outcome === OUTCOME_PEER_ID;
  if (child === null && isStranger) addStatus(w, N_AUTHENTICATION_FAILED, NONE);
  const at = beginPayload(w, PAYLOAD_DELETE);
  write8(w, child === null ? PROTOCOL_IKE : PROTOCOL_ESP);
  write8(w, child === null ? 0 : 4);
  write16(w, child === null ? 0 : 1);
  if (child !== null) write32(w, child.spiIn);
  endPayload(w, at);
  if (child === null) sa.state = STATE_CLOSING;
  sendRequest(ike, sa, INFORMATIONAL, now);
}

/** Ends an IKE SA that we give up: its Child SAs at once, the peer is told. */
export function abandon(ike: Ike, sa: IkeSa, outcome: number, now: number): void {
  if (sa.state === STATE_CLOSING || sa.state === STATE_ENDED) return;
  while (sa.children.length > 0) removeChild(ike, sa, sa.children[0], now);
  if (sa.outcome === OUTCOME_NONE) sa.outcome = outcome;
  settle(sa);
  dropTask(ike, sa.task);
  dropSetup(ike, sa);
  if (sa.rival !== null) endIkeSa(ike, sa.rival, outcome, now);
  sa.rival = null;
  sa.tasks = [];
  sa.task = createTask(TASK_DELETE_IKE, null);
  sendDelete(ike, sa, null, now);
  report(ike, sa, now);
}
