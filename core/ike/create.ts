// CREATE_CHILD_SA: a new Child SA, the rekey of one, the rekey of the IKE SA; begun by either side, and by both at once
// [RFC 7296 §1.3, §2.8, §2.25]. In the optimized form one notify stands for SA, TSi and TSr
// [draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt].

import { put32, u16, u32 } from '../bytes.ts';
import { keSize } from '../crypto/asymmetric.ts';
import {
  addAnswerSelectors,
  addChildRequest,
  addChildResponse,
  addChildSelectors,
  below,
  createDraft,
  findChild,
  installChild,
  lowest,
  prepareDraft,
  readChildRequest,
  readChildResponse,
  removeChild,
} from './child.ts';
import {
  addKe,
  addNonce,
  addStatus,
  begin,
  bodyOf,
  dataOf,
  due,
  errorOf,
  forget,
  NONE,
  sendNotify,
  sendRequest,
  sendResponse,
} from './exchange.ts';
import { cipherOf } from './init.ts';
import { deriveSk, join, rekeySeed, take, wipe } from './keys.ts';
import { addNotify, findNotify, findPayload, type Writer } from './message.ts';
import {
  CREATE_CHILD_SA,
  N_CHILD_SA_NOT_FOUND,
  N_INVALID_KE_PAYLOAD,
  N_INVALID_SYNTAX,
  N_NO_ADDITIONAL_SAS,
  N_NO_PROPOSAL_CHOSEN,
  N_REKEY_SA,
  N_TEMPORARY_FAILURE,
  PAYLOAD_KE,
  PAYLOAD_NONCE,
  PAYLOAD_SA,
  PAYLOAD_TSI,
  PAYLOAD_TSR,
  PROTOCOL_ESP,
  PROTOCOL_IKE,
} from './numbers.ts';
import { addAnswer, addSa, checkSaAnswer, chooseSa, createChoice } from './proposals.ts';
import {
  abandon,
  createIkeSa,
  createTask,
  dropDraft,
  nonce,
  request,
  sendDelete,
  startClocks,
  succeed,
} from './session.ts';
import {
  type ChildSa,
  type Draft,
  type Ike,
  type IkeSa,
  type Message,
  OUTCOME_PROTOCOL,
  OUTCOME_REFUSED,
  STATE_ESTABLISHED,
  STATE_FORMING,
  STATE_REPLACED,
  STEP_CHILD_REQUEST,
  STEP_CHILD_RESPONSE,
  TASK_CHILD,
  TASK_DELETE_CHILD,
  TASK_DELETE_IKE,
  TASK_PROBE,
  TASK_REKEY_CHILD,
  TASK_REKEY_IKE,
  type Task,
} from './state.ts';

const four = /* @__PURE__ */ new Uint8Array(4);

// Requests of ours.

/** Begins a key exchange in a draft; method 0: none. */
function startKe(ike: Ike, draft: Draft, method: number): void {
  draft.keMethod = method;
  if (method === 0) return;
  draft.keOwn = new Uint8Array(keSize(method));
  draft.half = ike.asymmetric.keStart(method, draft.keOwn, 0);
}

function addNonceAndKe(draft: Draft, nonceOctets: Uint8Array, w: Writer): void {
  addNonce(w, nonceOctets);
  if (draft.keMethod !== 0) addKe(w, draft.keMethod, draft.keOwn);
}

function addOptimized(ike: Ike, w: Writer, octets: Uint8Array): void {
  addStatus(w, ike.numbers.optimizedRekey, octets);
}

function spiOctets(spi: number): Uint8Array {
  put32(four, 0, spi);
  return four;
}

function addRekey(w: Writer, spi: number): void {
  addNotify(w, PROTOCOL_ESP, N_REKEY_SA, spiOctets(spi), 0, 4, NONE, 0, 0);
}

/** The KE method for a Child SA of a policy: the first on offer, 0 for none. */
function firstKe(list: number[]): number {
  return list.length > 0 ? list[0] : 0;
}

/** Sends the request about a Child SA; false when it cannot be made. */
export function startChild(ike: Ike, sa: IkeSa, task: Task, now: number): boolean {
  const old = task.child;
  const policy = old !== null ? old.policy : task.policy !== null ? task.policy : sa.policy.child;
  const draft = createDraft(policy, old, true);
  task.draft = draft;
  draft.nonceI = nonce(ike, sa.policy.nonceSize);
  draft.optimized = old !== null && old.keKnown && sa.optimizedRekey && !task.regular;
  if (!prepareDraft(ike, sa, draft, now)) return false;
  const usual = old !== null && old.keKnown ? old.ke : firstKe(policy.esp[0].ke);
  startKe(ike, draft, task.ke >= 0 ? task.ke : usual);
  const w = begin(ike);
  if (old !== null) addRekey(w, old.spiIn);
  if (draft.optimized) {
    addOptimized(ike, w, spiOctets(draft.spiIn));
    addNonceAndKe(draft, draft.nonceI, w);
  } else {
    addChildRequest(ike, sa, STEP_CHILD_REQUEST, draft, w);
    addNonceAndKe(draft, draft.nonceI, w);
    addChildSelectors(sa, draft, w);
  }
  return sendRequest(ike, sa, CREATE_CHILD_SA, now);
}

/** An IKE SA that continues `old`, with what was agreed for it. */
function createNext(ike: Ike, old: IkeSa, initiator: boolean): IkeSa {
  const next = createIkeSa(ike, old.policy, old.path, initiator, STATE_FORMING);
  next.ke = old.ke;
  next.fragmentation = old.fragmentation;
  next.vendor = old.vendor;
  next.optimizedRekey = old.optimizedRekey;
  next.peerBehindNat = old.peerBehindNat;
  next.behindNat = old.behindNat;
  next.reported = true;
  return next;
}

/** Sends the request to rekey the IKE SA. */
export function startIkeRekey(ike: Ike, sa: IkeSa, task: Task, now: number): boolean {
  const draft = createDraft(sa.policy.child, null, true);
  task.draft = draft;
  draft.optimized = sa.optimizedRekey && !task.regular;
  draft.nonceI = nonce(ike, sa.policy.nonceSize);
  startKe(ike, draft, task.ke >= 0 ? task.ke : sa.ke);
  task.next = createNext(ike, sa, true);
  const w = begin(ike);
  if (draft.optimized) addOptimized(ike, w, take(task.next.spis, 0, 8));
  else addSa(w, sa.policy.ike, task.next.spis, 0, 8);
  addNonceAndKe(draft, draft.nonceI, w);
  return sendRequest(ike, sa, CREATE_CHILD_SA, now);
}

/** Ends an IKE SA that a rekey would have made. */
function dropNext(ike: Ike, next: IkeSa | null): void {
  if (next !== null && next.state === STATE_FORMING) forget(ike, next);
}

/** The shared secret of the peer's KE payload into the draft: false when it is wrong, missing, or not asked for. */
function finishKe(ike: Ike, draft: Draft, m: Message): boolean {
  const i = findPayload(m.payloads, PAYLOAD_KE, 0);
  if (draft.keMethod === 0) return i < 0;
  if (i < 0 || draft.half === null) return false;
  const at = m.payloads.at[i];
  if (u16(m.buffer, at) !== draft.keMethod) return false;
  draft.secret = new Uint8Array(32);
  const fine = ike.asymmetric.keFinish(draft.half, m.buffer, at + 4, m.payloads.size[i] - 4, draft.secret, 0);
  if (fine) draft.half = null;
  return fine;
}

/** What the peer's optimized answer or request says: the new SPI, empty when it is not there or too long or short. */
function optimizedSpi(ike: Ike, m: Message, size: number): Uint8Array {
  const data = dataOf(m, ike.numbers.optimizedRekey);
  return data === null || data.length !== size ? NONE : data;
}

/** A request of ours failed: what to do about it. */
function failed(ike: Ike, sa: IkeSa, task: Task, error: number, m: Message, now: number): void {
  const child = task.child;
  if (task.draft !== null) dropDraft(ike, task.draft);
  dropNext(ike, task.next);
  const retry = createTask(task.kind, child);
  retry.policy = task.policy;
  retry.ke = task.ke;
  retry.regular = task.regular;
  if (error === N_INVALID_KE_PAYLOAD && task.ke < 0) {
    const asked = dataOf(m, N_INVALID_KE_PAYLOAD);
    retry.ke = asked !== null && asked.length === 2 ? u16(asked, 0) : 0;
    if (ike.asymmetric.hasKe(retry.ke)) {
      sa.tasks.push(retry);
      due(ike, now);
      return;
    }
  }
  if (task.draft !== null && task.draft.optimized && error !== N_TEMPORARY_FAILURE && error !== N_CHILD_SA_NOT_FOUND) {
    retry.regular = true;
    sa.tasks.push(retry);
    due(ike, now);
    return;
  }
  const later = now + sa.policy.retransmitTime * 2;
  if (task.kind === TASK_REKEY_IKE) {
    if (sa.rival !== null && sa.rival.state === STATE_ESTABLISHED) {
      adopt(ike, sa, sa.rival, now);
      return;
    }
    sa.rekeyAt = error === N_TEMPORARY_FAILURE ? later : now + Math.max(sa.policy.rekeyTime / 8, 10000);
    due(ike, sa.rekeyAt);
    return;
  }
  if (child === null) {
    if (error === N_TEMPORARY_FAILURE) {
      sa.tasks.push(retry);
      due(ike, now);
    } else {
      ike.upper.childFailed(sa, error, now);
    }
    return;
  }
  if (child.rival !== null) {
    child.retired = Math.max(child.retired, 1);
    child.rival = null;
  } else if (error === N_CHILD_SA_NOT_FOUND) {
    // The peer lost it: a new one in its place.
    removeChild(ike, sa, child, now);
    retry.kind = TASK_CHILD;
    retry.child = null;
    retry.policy = child.policy;
    sa.tasks.push(retry);
    due(ike, now);
  } else if (child.retired === 0) {
    child.rekeyAt = error === N_TEMPORARY_FAILURE ? later : now + Math.max(child.policy.rekeyTime / 8, 10000);
    due(ike, child.rekeyAt);
    if (error !== N_TEMPORARY_FAILURE) ike.upper.childFailed(sa, error, now);
  }
}

/** The answer to a request about a Child SA is in ike.message. */
function childAnswered(ike: Ike, sa: IkeSa, task: Task, now: number): void {
  const m = ike.message;
  const draft = task.draft!;
  const error = errorOf(m);
  if (error !== 0) return failed(ike, sa, task, error, m, now);
  draft.nonceR = bodyOf(m, PAYLOAD_NONCE);
  let code = draft.nonceR.length === 0 ? OUTCOME_PROTOCOL : 0;
  if (code === 0 && draft.optimized) {
    const spi = optimizedSpi(ike, m, 4);
    if (spi.length === 0) code = OUTCOME_PROTOCOL;
    else draft.spiOut = u32(spi, 0);
    draft.mode = draft.replaces!.mode;
  } else if (code === 0) {
    code = readChildResponse(ike, sa, STEP_CHILD_RESPONSE, draft, m);
    if (code === 0 && draft.choice.ke !== draft.keMethod) code = OUTCOME_PROTOCOL;
  }
  if (code === 0 && !finishKe(ike, draft, m)) code = OUTCOME_PROTOCOL;
  const old = task.child;
  const mine = code === 0 ? lowest(draft.nonceI, draft.nonceR) : NONE;
  const loses = code === 0 && old !== null && old.rival !== null && below(mine, old.rivalNonce);
  const child = code === 0 ? installChild(ike, sa, draft, !loses, now) : null;
  if (child === null) {
    // The peer has made it: it must go there as well.
    if (draft.spiOut !== 0) orphan(ike, sa, draft, now);
    return failed(ike, sa, task, code !== 0 ? code : OUTCOME_REFUSED, m, now);
  }
  if (old === null) return;
  old.rival = null;
  if (loses) {
    // The exchange with the lowest nonce is redundant; who began it deletes what it made [RFC 7296 §2.8.1].
    child.retired = 1;
    child.rekeyAt = -1;
    old.retired = Math.max(old.retired, 1);
    request(ike, sa, TASK_DELETE_CHILD, child, now);
  } else if (old.removeAt < 0) {
    old.retired = Math.max(old.retired, 1);
    old.rekeyAt = -1;
    request(ike, sa, TASK_DELETE_CHILD, old, now);
  }
}

/** Deletes at the peer a Child SA that this side did not take. */
function orphan(ike: Ike, sa: IkeSa, draft: Draft, now: number): void {
  const ghost = createTask(TASK_DELETE_CHILD, null);
  ghost.draft = draft;
  sa.tasks.push(ghost);
  due(ike, now);
}

/** `next` continues `sa`, which waits for its end. */
function adopt(ike: Ike, sa: IkeSa, next: IkeSa, now: number): void {
  sa.rival = null;
  next.reported = false;
  succeed(ike, sa, next, now);
  sa.state = STATE_REPLACED;
  sa.endAt = now + sa.policy.retransmitTime * 64;
  due(ike, sa.endAt);
}

/** The answer to a rekey of the IKE SA. */
function ikeAnswered(ike: Ike, sa: IkeSa, task: Task, now: number): void {
  const m = ike.message;
  const draft = task.draft!;
  const next = task.next!;
  const error = errorOf(m);
  if (error !== 0) return failed(ike, sa, task, error, m, now);
  draft.nonceR = bodyOf(m, PAYLOAD_NONCE);
  let fine = draft.nonceR.length > 0;
  next.cipher = sa.cipher;
  if (fine && draft.optimized) {
    const spi = optimizedSpi(ike, m, 8);
    fine = spi.length === 8;
    for (let i = 0; i < 8 && fine; i++) next.spis[8 + i] = spi[i];
  } else if (fine) {
    const i = findPayload(m.payloads, PAYLOAD_SA, 0);
    const c = draft.choice;
    fine = i >= 0 && checkSaAnswer(m.buffer, m.payloads.at[i], m.payloads.size[i], sa.policy.ike, 8, c) === 0;
    fine = fine && c.ke === draft.keMethod;
    if (fine) {
      next.cipher = cipherOf(sa.policy.ciphers, c);
      next.ke = c.ke;
      for (let j = 0; j < 8; j++) next.spis[8 + j] = m.buffer[c.spiAt + j];
      fine = next.cipher !== null;
    }
  }
  if (!fine || !finishKe(ike, draft, m)) return failed(ike, sa, task, OUTCOME_PROTOCOL, m, now);
  const nonces = join([draft.nonceI, draft.nonceR]);
  deriveSk(ike, next, nonces, rekeySeed(ike.provider, sa.skD, draft.secret, nonces), null);
  wipe(draft.secret);
  const rival = sa.rival;
  if (rival !== null && rival.state === STATE_ESTABLISHED && below(lowest(draft.nonceI, draft.nonceR), sa.rivalNonce)) {
    next.state = STATE_ESTABLISHED;
    abandon(ike, next, 0, now);
    adopt(ike, sa, rival, now);
    return;
  }
  adopt(ike, sa, next, now);
  sa.endAt = -1;
  sa.task = createTask(TASK_DELETE_IKE, null);
  sendDelete(ike, sa, null, now);
}

export function onCreateResponse(ike: Ike, sa: IkeSa, task: Task, now: number): void {
  if (task.kind === TASK_REKEY_IKE) ikeAnswered(ike, sa, task, now);
  else childAnswered(ike, sa, task, now);
}

/** No answer to our request came, or another Delete was faster: what it held is dropped. */
export function dropTask(ike: Ike, task: Task): void {
  dropDraft(ike, task.draft);
  dropNext(ike, task.next);
}

// Requests of the peer.

function refuse(ike: Ike, sa: IkeSa, type: number, now: number): void {
  sendNotify(ike, sa, CREATE_CHILD_SA, type, NONE, now);
}

/** The peer's KE payload and our half: 0, or the error to answer; INVALID_KE_PAYLOAD asks for `method`. */
function answerKe(ike: Ike, draft: Draft, m: Message, method: number): number {
  const i = findPayload(m.payloads, PAYLOAD_KE, 0);
  if (method === 0) return 0;
  if (i < 0 || u16(m.buffer, m.payloads.at[i]) !== method) return N_INVALID_KE_PAYLOAD;
  startKe(ike, draft, method);
  return finishKe(ike, draft, m) ? 0 : N_INVALID_SYNTAX;
}

function keHintOf(m: Message): number {
  const i = findPayload(m.payloads, PAYLOAD_KE, 0);
  return i < 0 ? 0 : u16(m.buffer, m.payloads.at[i]);
}

/** Answers an error; INVALID_KE_PAYLOAD with the method that we want. */
function refuseKe(ike: Ike, sa: IkeSa, type: number, method: number, now: number): void {
  const data = new Uint8Array(2);
  data[0] = (method >>> 8) & 0xff;
  data[1] = method & 0xff;
  sendNotify(ike, sa, CREATE_CHILD_SA, type, type === N_INVALID_KE_PAYLOAD ? data : NONE, now);
}

function liveChildren(sa: IkeSa): number {
  let live = 0;
  for (let i = 0; i < sa.children.length; i++) if (sa.children[i].retired === 0) live++;
  return live;
}

function onChildRequest(ike: Ike, sa: IkeSa, old: ChildSa | null, optimized: boolean, now: number): void {
  const m = ike.message;
  const task = sa.task;
  if (old === null && liveChildren(sa) >= sa.policy.maxChildren) return refuse(ike, sa, N_NO_ADDITIONAL_SAS, now);
  const draft = createDraft(old !== null ? old.policy : sa.policy.child, old, false);
  draft.nonceI = bodyOf(m, PAYLOAD_NONCE);
  draft.nonceR = nonce(ike, sa.policy.nonceSize);
  if (draft.nonceI.length === 0) return refuse(ike, sa, N_INVALID_SYNTAX, now);
  let code = 0;
  let method = 0;
  if (optimized) {
    const p = m.payloads;
    const spi = optimizedSpi(ike, m, 4);
    draft.optimized = true;
    draft.mode = old!.mode;
    if (spi.length === 0) return refuse(ike, sa, N_INVALID_SYNTAX, now);
    draft.spiOut = u32(spi, 0);
    const mixed = findPayload(p, PAYLOAD_SA, 0) + findPayload(p, PAYLOAD_TSI, 0) + findPayload(p, PAYLOAD_TSR, 0);
    method = old!.ke;
    if (mixed !== -3 || !old!.keKnown || keHintOf(m) !== method || !prepareDraft(ike, sa, draft, now)) {
      code = N_NO_PROPOSAL_CHOSEN;
    }
  } else {
    code = readChildRequest(ike, sa, STEP_CHILD_REQUEST, draft, m, keHintOf(m), now);
    method = draft.choice.ke;
  }
  if (code === 0) code = answerKe(ike, draft, m, method);
  if (code !== 0) return code < 0 ? refuse(ike, sa, N_NO_PROPOSAL_CHOSEN, now) : refuseKe(ike, sa, code, method, now);
  const mine = lowest(draft.nonceI, draft.nonceR);
  const child = installChild(ike, sa, draft, false, now);
  if (child === null) return refuse(ike, sa, N_NO_PROPOSAL_CHOSEN, now);
  if (old !== null) {
    if (task !== null && task.kind === TASK_REKEY_CHILD && task.child === old) {
      old.rival = child;
      old.rivalNonce = mine;
    } else {
      old.retired = Math.max(old.retired, 1);
      old.rekeyAt = -1;
    }
  }
  const w = begin(ike);
  if (optimized) {
    addOptimized(ike, w, spiOctets(draft.spiIn));
    addNonceAndKe(draft, draft.nonceR, w);
  } else {
    addChildResponse(ike, sa, STEP_CHILD_RESPONSE, draft, w);
    addNonceAndKe(draft, draft.nonceR, w);
    addAnswerSelectors(draft, w);
  }
  sendResponse(ike, sa, CREATE_CHILD_SA, now);
}

function onIkeRequest(ike: Ike, sa: IkeSa, optimized: boolean, now: number): void {
  const m = ike.message;
  const p = m.payloads;
  const task = sa.task;
  if (task !== null && task.kind !== TASK_REKEY_IKE && task.kind !== TASK_PROBE) {
    return refuse(ike, sa, N_TEMPORARY_FAILURE, now);
  }
  if (sa.rival !== null) return refuse(ike, sa, N_TEMPORARY_FAILURE, now);
  const draft = createDraft(sa.policy.child, null, false);
  draft.nonceI = bodyOf(m, PAYLOAD_NONCE);
  draft.nonceR = nonce(ike, sa.policy.nonceSize);
  if (draft.nonceI.length === 0) return refuse(ike, sa, N_INVALID_SYNTAX, now);
  let cipher = sa.cipher;
  let method = sa.ke;
  let spi: Uint8Array = NONE;
  const choice = createChoice();
  if (optimized) {
    spi = optimizedSpi(ike, m, 8);
    if (spi.length === 0) return refuse(ike, sa, N_INVALID_SYNTAX, now);
    if (findPayload(p, PAYLOAD_SA, 0) >= 0 || keHintOf(m) !== method) return refuse(ike, sa, N_NO_PROPOSAL_CHOSEN, now);
  } else {
    const i = findPayload(p, PAYLOAD_SA, 0);
    const code = chooseSa(m.buffer, p.at[i], p.size[i], sa.policy.ike, 8, keHintOf(m), choice);
    if (code !== 0) return refuse(ike, sa, code, now);
    cipher = cipherOf(sa.policy.ciphers, choice);
    method = choice.ke;
    spi = take(m.buffer, choice.spiAt, 8);
    if (cipher === null) return refuse(ike, sa, N_NO_PROPOSAL_CHOSEN, now);
  }
  const code = method === 0 ? N_NO_PROPOSAL_CHOSEN : answerKe(ike, draft, m, method);
  if (code !== 0) return refuseKe(ike, sa, code, method, now);
  const next = createNext(ike, sa, false);
  next.cipher = cipher;
  next.ke = method;
  for (let i = 0; i < 8; i++) next.spis[i] = spi[i];
  const nonces = join([draft.nonceI, draft.nonceR]);
  deriveSk(ike, next, nonces, rekeySeed(ike.provider, sa.skD, draft.secret, nonces), null);
  wipe(draft.secret);
  const w = begin(ike);
  if (optimized) addOptimized(ike, w, take(next.spis, 8, 8));
  else addAnswer(w, PROTOCOL_IKE, choice, next.spis, 8, 8);
  addNonceAndKe(draft, draft.nonceR, w);
  sendResponse(ike, sa, CREATE_CHILD_SA, now);
  if (task !== null && task.kind === TASK_REKEY_IKE) {
    sa.rival = next;
    sa.rivalNonce = lowest(draft.nonceI, draft.nonceR);
    startClocks(ike, next, now);
  } else {
    adopt(ike, sa, next, now);
  }
}

/** A request CREATE_CHILD_SA is in ike.message. */
export function onCreateRequest(ike: Ike, sa: IkeSa, now: number): void {
  const m = ike.message;
  const p = m.payloads;
  const rekey = findNotify(p, m.buffer, N_REKEY_SA);
  const optimized = sa.optimizedRekey && findNotify(p, m.buffer, ike.numbers.optimizedRekey) >= 0;
  const sai = findPayload(p, PAYLOAD_SA, 0);
  if (rekey < 0 && (optimized || (sai >= 0 && p.size[sai] > 5 && m.buffer[p.at[sai] + 5] === PROTOCOL_IKE))) {
    return onIkeRequest(ike, sa, optimized, now);
  }
  if (sa.rival !== null || (sa.task !== null && sa.task.kind === TASK_REKEY_IKE)) {
    return refuse(ike, sa, N_TEMPORARY_FAILURE, now);
  }
  if (rekey < 0) return onChildRequest(ike, sa, null, false, now);
  const at = p.at[rekey];
  if (m.buffer[at] !== PROTOCOL_ESP || m.buffer[at + 1] !== 4) return refuse(ike, sa, N_INVALID_SYNTAX, now);
  const spi = u32(m.buffer, at + 4);
  const child = findChild(sa, spi, true);
  if (child === null) {
    addNotify(begin(ike), PROTOCOL_ESP, N_CHILD_SA_NOT_FOUND, spiOctets(spi), 0, 4, NONE, 0, 0);
    return sendResponse(ike, sa, CREATE_CHILD_SA, now);
  }
  const closing = sa.task !== null && sa.task.kind === TASK_DELETE_CHILD && sa.task.child === child;
  if (child.retired > 0 || child.rival !== null || closing) return refuse(ike, sa, N_TEMPORARY_FAILURE, now);
  onChildRequest(ike, sa, child, optimized, now);
}
