// IKE SAs that outlive a process: what a host stores of them, and how they come back [RFC 7296 §2.1: both sides go on with the
// same Message IDs and keys].
//
// A host stores `recordIke` and `recordChild` once, and `recordProgress` before a message that it describes leaves. A request
// that was on its way is sent again, octet for octet. A rekey of ours goes on with the private half of its key exchange, where
// that can be kept; else its answer is refused. An IKE SA that the peer's rekey has replaced comes back too: the peer may not
// have the answer yet.

import { u32 } from '../../base/bytes.ts';
import type { KeMethod } from '../../crypto/asymmetric.ts';
import { CREATE_CHILD_SA, PROTOCOL_ESP } from '../codec/numbers.ts';
import { join, NONE, take } from '../codec/octets.ts';
import { spiOctets } from '../codec/payloads.ts';
import { createChoice } from '../codec/proposals.ts';
import { createSkKey } from '../crypto/sk.ts';
import { cipherOf } from '../crypto/suites.ts';
import { securityOf, spiSizeOf } from '../exchange/children.ts';
import { createTask } from '../exchange/queue.ts';
import { createIkeSa, rename } from '../exchange/registry.ts';
import { due } from '../exchange/schedule.ts';
import { launch } from '../exchange/send.ts';
import { CHILD_DELETED, CHILD_LIVE, CHILD_SUPERSEDED, type ChildSa, type Draft } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { OUTCOME_PROTOCOL } from '../state/outcome.ts';
import type { Path } from '../state/path.ts';
import { type ChildPolicy, childPolicies, type IkePolicy } from '../state/policy.ts';
import type { ChildRecord, ExchangeRecord, IkeProgress, IkeRecord, RestoredChild } from '../state/record.ts';
import { type IkeSa, STATE_ESTABLISHED, STATE_REPLACED, type Task } from '../state/sa.ts';
import { selectorsOf } from '../state/selector-note.ts';
import { TASK_CHILD, TASK_DELETE_CHILD, TASK_REKEY_CHILD, TASK_REKEY_IKE } from '../state/task.ts';
import { inherit } from './create-child.ts';
import { configOf, continueBehind, suiteOf, wipeConfig } from './install.ts';
import { createDraft } from './negotiate.ts';
import { createNext } from './rekey.ts';

function left(at: number, now: number): number {
  return at < 0 ? -1 : Math.max(0, at - now);
}

function from(time: number, now: number): number {
  return time < 0 ? -1 : now + time;
}

/** The lasting part of an established IKE SA. `keys`: what `IkeUpper.keys` gave for it. */
export function recordIke(sa: IkeSa, keys: Uint8Array): IkeRecord {
  const cipher = sa.cipher!;
  return {
    spis: sa.spis,
    initiator: sa.initiator,
    encr: cipher.encr,
    keyBits: cipher.keyBits,
    integ: cipher.integ,
    ke: sa.ke,
    skD: sa.skD,
    keys: keys,
    peerIdType: sa.peerIdType,
    peerId: sa.peerId,
    fragmentation: sa.fragmentation,
    vendor: sa.vendor,
    optimizedRekey: sa.optimizedRekey,
    peerBehindNat: sa.peerBehindNat,
    behindNat: sa.behindNat,
    address: sa.address,
    announced: sa.announced,
    transforms: sa.transforms,
  };
}

function exchangeOf(task: Task | null): ExchangeRecord | null {
  const draft = task === null ? null : task.draft;
  if (draft === null || draft.verdict !== 0 || (task!.kind !== TASK_REKEY_IKE && task!.kind !== TASK_REKEY_CHILD)) {
    return null;
  }
  const half = draft.kx.half;
  return {
    spi: task!.next === null ? spiOctets(draft.spiIn, 4) : take(task!.next.spis, 0, 8),
    nonce: draft.kx.nonceI,
    optimized: draft.optimized,
    method: draft.kx.method as KeMethod | 0,
    half: half === null || half.octets === undefined ? NONE : half.octets,
  };
}

/** What the exchanges of an established IKE SA changed so far; `now` in milliseconds. Views, valid until it changes again. */
export function recordProgress(sa: IkeSa, now: number): IkeProgress {
  const task = sa.request.length > 0 ? sa.task : null;
  const child = task === null ? null : task.child;
  const draft = task === null ? null : task.draft;
  return {
    nextId: sa.nextId,
    expectedId: sa.expectedId,
    counter: sa.skOut!.counter,
    request: task === null ? NONE : sa.request,
    requestExchange: task === null ? 0 : sa.requestExchange,
    task: task === null ? 0 : task.kind,
    taskSpi: child !== null ? child.spiIn : draft !== null ? draft.spiIn : 0,
    exchange: sa.requestExchange === CREATE_CHILD_SA ? exchangeOf(task) : null,
    replaced: sa.state === STATE_REPLACED,
    response: sa.response,
    rekeyIn: left(sa.rekeyAt, now),
    reauthIn: left(sa.reauthAt, now),
    path: sa.path,
    espPath: sa.espPath,
    notes: sa.notes,
  };
}

/** A Child SA with a suite. `keysOut`, `keysIn`: key, salt and integrity key of each direction, joined. */
export function recordChild(child: ChildSa, keysOut: Uint8Array, keysIn: Uint8Array, now: number): ChildRecord {
  const suite = child.suite!;
  return {
    protocol: child.protocol,
    name: child.policy.name,
    spiIn: child.spiIn,
    spiOut: child.spiOut,
    encr: suite.encr,
    integ: suite.integ,
    keyBits: child.keyBits,
    esn: child.esn,
    mode: child.mode,
    local: child.local,
    remote: child.remote,
    compression: child.compression,
    dscpList: child.dscpList,
    ke: child.ke,
    keKnown: child.keKnown,
    transforms: child.transforms,
    path: child.path,
    notes: child.notes,
    rekeyIn: left(child.rekeyAt, now),
    keysOut: keysOut,
    keysIn: keysIn,
  };
}

function policyOf(policy: IkePolicy, name: string): ChildPolicy | null {
  const all = childPolicies(policy);
  for (let i = 0; i < all.length; i++) if (all[i].name === name) return all[i];
  return null;
}

/** Gives the pair of SAs of ESP back to the host. */
function giveBack(ike: Ike, sa: IkeSa, child: ChildSa, restored: RestoredChild, first: boolean, now: number): boolean {
  const outgoing = configOf(sa, child, true, restored.record.keysOut, 0);
  const incoming = configOf(sa, child, false, restored.record.keysIn, 0);
  continueBehind(outgoing, incoming, restored.numbers);
  const isTaken = ike.upper.install(sa, child, outgoing, incoming, first, now);
  wipeConfig(outgoing);
  wipeConfig(incoming);
  return isTaken;
}

/** Gives a Child SA back to the host. False: its policy or its suite is no more, or the host does not take it. */
function restoreChild(ike: Ike, sa: IkeSa, restored: RestoredChild, first: boolean, now: number): boolean {
  const r = restored.record;
  const policy = policyOf(sa.policy, r.name);
  const protocol = r.protocol === undefined ? PROTOCOL_ESP : r.protocol;
  const security = securityOf(ike, protocol);
  const suite = policy === null ? null : suiteOf(policy, r.encr, r.integ);
  if (policy === null || suite === null || (security === null && protocol !== PROTOCOL_ESP)) return false;
  const child: ChildSa = {
    policy: policy,
    spiIn: r.spiIn,
    spiOut: r.spiOut,
    suite: suite,
    keyBits: r.keyBits,
    esn: r.esn,
    mode: r.mode,
    local: r.local,
    remote: r.remote,
    compression: r.compression,
    dscpList: r.dscpList,
    ke: r.ke,
    keKnown: r.keKnown,
    protocol: protocol,
    spiSize: spiSizeOf(ike, protocol),
    transforms: r.transforms,
    path: r.path,
    notes: r.notes,
    replaces: null,
    retired: restored.stage,
    rekeyAt: restored.stage === CHILD_LIVE ? from(r.rekeyIn, now) : -1,
    removeAt: -1,
    rivalNonce: NONE,
    rival: null,
    tag: 0,
  };
  const isTaken =
    security !== null
      ? security.install(sa, child, r.keysOut, r.keysIn, first, now, restored.numbers)
      : giveBack(ike, sa, child, restored, first, now);
  if (!isTaken) return false;
  sa.children.push(child);
  if (child.rekeyAt >= 0) due(ike, sa, child.rekeyAt);
  return true;
}

function childOf(sa: IkeSa, spiIn: number): ChildSa | null {
  for (let i = 0; i < sa.children.length; i++) if (sa.children[i].spiIn === spiIn) return sa.children[i];
  return null;
}

/** A draft whose answer cannot be used: its key exchange is gone. */
function lostDraft(sa: IkeSa, policy: ChildPolicy, replaces: ChildSa | null, spiIn: number): Draft {
  const draft = createDraft(policy, replaces, true);
  if (replaces !== null) {
    const offered = selectorsOf(replaces);
    draft.local = offered.local;
    draft.remote = offered.remote;
  }
  draft.optimized = replaces !== null && replaces.keKnown && sa.optimizedRekey;
  draft.choice = createChoice();
  draft.spiIn = spiIn;
  draft.verdict = OUTCOME_PROTOCOL;
  return draft;
}

/** Takes up the key exchange of a request that was on its way. False: its private half is lost. */
function takeUp(ike: Ike, draft: Draft, exchange: ExchangeRecord): boolean {
  const kx = draft.kx;
  kx.nonceI = exchange.nonce;
  kx.method = exchange.method;
  draft.optimized = exchange.optimized;
  if (exchange.method === 0) return true;
  if (exchange.half.length === 0 || ike.asymmetric.keRestore === undefined) return false;
  kx.half = ike.asymmetric.keRestore(exchange.method, exchange.half);
  return true;
}

/** A rekey of ours goes on, where it can. */
function resumeRekey(ike: Ike, sa: IkeSa, task: Task, exchange: ExchangeRecord | null): void {
  const child = task.child;
  const spi = exchange === null || child === null ? 0 : u32(exchange.spi, 0);
  const draft = lostDraft(sa, child === null ? sa.policy.child : child.policy, child, spi);
  task.draft = draft;
  if (child === null) task.next = createNext(ike, sa, true);
  if (exchange === null) return;
  if (task.next !== null) rename(ike, task.next, join([exchange.spi, new Uint8Array(8)]));
  if (exchange.optimized && child !== null) inherit(draft, child);
  if (exchange.optimized && child === null) draft.choice.extra = sa.transforms;
  if (takeUp(ike, draft, exchange)) draft.verdict = 0;
}

/** Sends the request again that was on its way. */
function resume(ike: Ike, sa: IkeSa, progress: IkeProgress, now: number): void {
  if (progress.request.length === 0 || progress.requestExchange === 0 || progress.task === 0) return;
  const kind = progress.task;
  const child = childOf(sa, progress.taskSpi);
  const task = createTask(kind, child);
  if (kind === TASK_REKEY_IKE || (kind === TASK_REKEY_CHILD && child !== null)) {
    resumeRekey(ike, sa, task, progress.exchange);
  } else if (kind === TASK_CHILD || (child === null && kind === TASK_DELETE_CHILD)) {
    task.draft = lostDraft(sa, sa.policy.child, null, progress.taskSpi);
  }
  sa.task = task;
  launch(ike, sa, progress.requestExchange, take(progress.request, 0, progress.request.length), now);
}

/**
 * Brings an established IKE SA back, with those of its Child SAs that the host takes (`IkeUpper.install`), and tells the host
 * (`back`) before that. Null: the policy does not have its cipher. Its request that was on its way goes out during the call.
 */
export function restoreIke(
  ike: Ike,
  policy: IkePolicy,
  record: IkeRecord,
  progress: IkeProgress,
  children: RestoredChild[],
  now: number,
  back: (sa: IkeSa) => void,
): IkeSa | null {
  const choice = createChoice();
  choice.encr = record.encr;
  choice.keyBits = record.keyBits;
  choice.integ = record.integ;
  const cipher = cipherOf(policy.ciphers, choice);
  if (cipher === null) return null;
  const path: Path = progress.path;
  const sa = createIkeSa(ike, policy, path, record.initiator, STATE_ESTABLISHED);
  rename(ike, sa, record.spis);
  const encr = cipher.keyLength + cipher.saltLength;
  const auth = cipher.authKeyLength;
  const ofInitiator = createSkKey(ike.provider, cipher, record.keys, 0, 2 * encr);
  const ofResponder = createSkKey(ike.provider, cipher, record.keys, encr, 2 * encr + auth);
  sa.cipher = cipher;
  sa.skOut = sa.initiator ? ofInitiator : ofResponder;
  sa.skIn = sa.initiator ? ofResponder : ofInitiator;
  sa.skOut.counter = progress.counter;
  sa.skD = take(record.skD, 0, record.skD.length);
  sa.ke = record.ke;
  sa.peerIdType = record.peerIdType;
  sa.peerId = record.peerId;
  sa.fragmentation = record.fragmentation;
  sa.vendor = record.vendor;
  sa.optimizedRekey = record.optimizedRekey;
  sa.peerBehindNat = record.peerBehindNat;
  sa.behindNat = record.behindNat;
  sa.address = record.address;
  sa.announced = record.announced;
  sa.transforms = record.transforms;
  sa.notes = progress.notes;
  sa.espPath = progress.espPath;
  sa.nextId = progress.nextId;
  sa.expectedId = progress.expectedId;
  sa.response = progress.response;
  sa.forgetAt = now + 300000;
  // The peer was last heard before the restart, nobody knows when: silence counts from now on.
  sa.heardAt = now;
  if (ike.responder !== null) ike.responder.joined(sa);
  if (progress.replaced) {
    sa.state = STATE_REPLACED;
    sa.reported = true;
    sa.endAt = now + policy.retransmitTime * 64;
    due(ike, sa, sa.endAt);
    back(sa);
    return sa;
  }
  sa.rekeyAt = from(progress.rekeyIn, now);
  sa.reauthAt = from(progress.reauthIn, now);
  if (sa.rekeyAt >= 0) due(ike, sa, sa.rekeyAt);
  if (sa.reauthAt >= 0) due(ike, sa, sa.reauthAt);
  if (policy.dpdTime > 0) due(ike, sa, now + policy.dpdTime);
  back(sa);
  let first = true;
  for (let i = 0; i < children.length; i++) if (children[i].stage === CHILD_SUPERSEDED) first = false;
  for (let i = 0; i < children.length; i++) {
    // The peer may not have the new one yet. The other kind waits for late packets alone.
    if (children[i].stage !== CHILD_DELETED) restoreChild(ike, sa, children[i], first, now);
  }
  resume(ike, sa, progress, now);
  return sa;
}
