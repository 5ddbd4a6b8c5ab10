// INFORMATIONAL: Delete, liveness, and errors that have no other place [RFC 7296 §1.4, §2.4, §2.21.2].

import { u16 } from '../../base/bytes.ts';
import type { Writer } from '../codec/message.ts';
import {
  INFORMATIONAL,
  N_AUTHENTICATION_FAILED,
  N_INVALID_SYNTAX,
  PAYLOAD_DELETE,
  PROTOCOL_IKE,
} from '../codec/numbers.ts';
import { addDelete, errorOf, readSpi } from '../codec/payloads.ts';
import { CHILD_LIVE, CHILD_SUPERSEDED, type ChildSa } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { OUTCOME_CLOSED, OUTCOME_DELETED, OUTCOME_NONE } from '../state/outcome.ts';
import { type IkeSa, STATE_ESTABLISHED, type Task } from '../state/sa.ts';
import { STEP_INFORMATIONAL_REQUEST, STEP_INFORMATIONAL_RESPONSE } from '../state/step.ts';
import { TASK_DELETE_CHILD, TASK_DELETE_IKE } from '../state/task.ts';
import { findChild, retireChild, spiSizeOf } from './children.ts';
import { extend, readExtensions } from './extensions.ts';
import { isAsked } from './queue.ts';
import { jittered } from './registry.ts';
import { begin, sendResponse } from './send.ts';
import { endIkeSa } from './session.ts';
import { decided, succeed } from './succession.ts';

/** True when our Delete for this Child SA is on its way. The answer to the peer's then has none. */
function crossing(sa: IkeSa, child: ChildSa): boolean {
  return sa.task !== null && sa.task.kind === TASK_DELETE_CHILD && sa.task.child === child;
}

/** The Child SA by which the peer has rekeyed `child` and that works; or null. */
function successor(sa: IkeSa, child: ChildSa): ChildSa | null {
  for (let i = 0; i < sa.children.length; i++) {
    if (sa.children[i].replaces === child && sa.children[i].retired === CHILD_LIVE) return sa.children[i];
  }
  return null;
}

/** The peer deleted `child`. If it keeps the one that `child` replaced, so do we. */
function revive(ike: Ike, sa: IkeSa, child: ChildSa, now: number): void {
  const old = child.replaces;
  const asked = sa.task === null ? null : sa.task.child;
  if (asked !== null && asked.rival === child) {
    // Where the peer has replaced what it made beside our request, the successor stands for it.
    asked.rival = successor(sa, child);
  } else if (old === null) {
    return;
  } else if (old.rival === child) {
    old.rival = null;
  } else if (old.retired === CHILD_SUPERSEDED && !isAsked(sa, TASK_DELETE_CHILD, old)) {
    old.retired = CHILD_LIVE;
    old.rekeyAt = jittered(ike, sa, old.policy.rekeyTime, now);
  }
}

/** Writes a Delete for each row of Child SAs of one Security Protocol. */
function addDeletes(w: Writer, children: ChildSa[]): void {
  for (let i = 0; i < children.length; ) {
    const first = children[i];
    const spis: number[] = [];
    for (; i < children.length && children[i].protocol === first.protocol; i++) spis.push(children[i].spiIn);
    addDelete(w, first.protocol, first.spiSize, spis);
  }
}

/** A request is in ike.message: its Deletes are carried out, and answered. */
export function onInformationalRequest(ike: Ike, sa: IkeSa, now: number): void {
  const m = ike.message;
  const p = m.payloads;
  let error = errorOf(m);
  // Ignore other complaints of a peer: anybody can cause them, for example by an ESP packet with a wrong SPI.
  if (error !== N_AUTHENTICATION_FAILED && error !== N_INVALID_SYNTAX) error = 0;
  const answer: ChildSa[] = [];
  let ends = false;
  for (let i = 0; i < p.count; i++) {
    if (p.type[i] !== PAYLOAD_DELETE) continue;
    if (m.buffer[p.at[i]] === PROTOCOL_IKE) ends = true;
  }
  decided(ike, sa, ends, now);
  readExtensions(ike, sa, STEP_INFORMATIONAL_REQUEST, null, m);
  for (let i = 0; i < p.count; i++) {
    if (p.type[i] !== PAYLOAD_DELETE) continue;
    const at = p.at[i];
    const protocol = m.buffer[at];
    const size = spiSizeOf(ike, protocol);
    if (size === 0 || m.buffer[at + 1] !== size) continue;
    const spis = u16(m.buffer, at + 2);
    for (let j = 0; j < spis; j++) {
      const spi = readSpi(m.buffer, at + 4 + size * j, size);
      const child = findChild(sa, protocol, spi);
      if (child === null) {
        if (sa.task !== null) sa.task.gone = spi;
        continue;
      }
      if (!crossing(sa, child)) answer.push(child);
      retireChild(ike, sa, child, now);
      revive(ike, sa, child, now);
    }
  }
  const w = begin(ike);
  if (!ends) addDeletes(w, answer);
  extend(ike, sa, STEP_INFORMATIONAL_RESPONSE, null, w);
  sendResponse(ike, sa, INFORMATIONAL, now);
  if (!ends && error === 0) return;
  const rival = sa.rival;
  if (rival !== null && rival.state === STATE_ESTABLISHED) {
    // The peer's rekey won, and it closes the old SA before our own rekey was answered.
    sa.rival = null;
    rival.reported = false;
    succeed(ike, sa, rival, now);
  }
  endIkeSa(ike, sa, error !== 0 ? error : OUTCOME_DELETED, now);
}

/** The answer to a Delete or a probe. */
export function onInformationalResponse(ike: Ike, sa: IkeSa, task: Task, now: number): void {
  readExtensions(ike, sa, STEP_INFORMATIONAL_RESPONSE, null, ike.message);
  if (task.kind === TASK_DELETE_IKE) endIkeSa(ike, sa, sa.outcome === OUTCOME_NONE ? OUTCOME_CLOSED : sa.outcome, now);
  if (task.kind === TASK_DELETE_CHILD && task.child !== null && task.child.removeAt < 0) {
    retireChild(ike, sa, task.child, now);
  }
}
