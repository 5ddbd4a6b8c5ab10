import { removeChild } from '../child/install.ts';
import { connect } from '../setup/initiator.ts';
import type { Ike } from '../state/ike.ts';
import {
  type IkeSa,
  OUTCOME_REFUSED,
  OUTCOME_TIMEOUT,
  STATE_ENDED,
  STATE_ESTABLISHED,
  STATE_HALF_OPEN,
} from '../state/sa.ts';
import { due, forget, isSpent, NONE, repeat } from './exchange.ts';
import { probe, rekeyChild, rekeyIke, runTasks } from './requests.ts';
import { endIkeSa } from './session.ts';

/** The request was not answered in all its repetitions. */
function expire(ike: Ike, sa: IkeSa, now: number): void {
  endIkeSa(ike, sa, sa.setup === null || sa.setup.error === 0 ? OUTCOME_TIMEOUT : sa.setup.error, now);
}

/** What an established SA does by the clock. */
function age(ike: Ike, sa: IkeSa, now: number): void {
  const policy = sa.policy;
  if (sa.rekeyAt >= 0 && now >= sa.rekeyAt) {
    sa.rekeyAt = -1;
    rekeyIke(ike, sa, now);
  }
  if (sa.reauthAt >= 0 && now >= sa.reauthAt) {
    sa.reauthAt = -1;
    const next = connect(ike, policy, sa.path, null, now);
    next.predecessor = sa;
    next.tag = sa.tag;
  }
  for (let i = 0; i < sa.children.length; i++) {
    const child = sa.children[i];
    if (child.rekeyAt < 0 || now < child.rekeyAt) continue;
    child.rekeyAt = -1;
    rekeyChild(ike, sa, child, now);
  }
  if (policy.dpdTime > 0 && now >= sa.heardAt + policy.dpdTime && sa.task === null) probe(ike, sa, now);
}

function pollSa(ike: Ike, sa: IkeSa, now: number): void {
  if (sa.deadline >= 0 && now >= sa.deadline && !repeat(ike, sa, now)) {
    expire(ike, sa, now);
    return;
  }
  if (isSpent(sa)) endIkeSa(ike, sa, OUTCOME_REFUSED, now);
  for (let i = sa.children.length - 1; i >= 0; i--) {
    const child = sa.children[i];
    if (child.removeAt >= 0 && now >= child.removeAt) removeChild(ike, sa, child, now);
  }
  // Nothing is woken for this: it is done along with what is due.
  if (now >= sa.forgetAt) sa.response = NONE;
  if (sa.endAt >= 0 && now >= sa.endAt) {
    // A peer that never proved who it is: nobody is told.
    if (sa.state === STATE_HALF_OPEN) sa.reported = true;
    if (sa.state !== STATE_ENDED) endIkeSa(ike, sa, OUTCOME_TIMEOUT, now);
    if (sa.state === STATE_ENDED) forget(ike, sa);
    return;
  }
  if (sa.state === STATE_ESTABLISHED && sa.rivalOf === null) {
    age(ike, sa, now);
    runTasks(ike, sa, now);
  }
}

function sooner(ike: Ike, at: number): void {
  if (at >= 0) due(ike, at);
}

/** Does what is due at `now` (ms). */
export function pollIke(ike: Ike, now: number): void {
  if (ike.due < 0 || now < ike.due) return;
  ike.due = -1;
  const sas: IkeSa[] = [];
  for (let i = 0; i < ike.sas.length; i++) sas.push(ike.sas[i]);
  for (let i = 0; i < sas.length; i++) pollSa(ike, sas[i], now);
  for (let i = 0; i < ike.sas.length; i++) {
    const sa = ike.sas[i];
    sooner(ike, sa.deadline);
    sooner(ike, sa.endAt);
    for (let j = 0; j < sa.children.length; j++) {
      sooner(ike, sa.children[j].removeAt);
      if (sa.state === STATE_ESTABLISHED) sooner(ike, sa.children[j].rekeyAt);
    }
    if (sa.state !== STATE_ESTABLISHED || sa.rivalOf !== null) continue;
    sooner(ike, sa.rekeyAt);
    sooner(ike, sa.reauthAt);
    if (sa.policy.dpdTime > 0 && sa.task === null) sooner(ike, sa.heardAt + sa.policy.dpdTime);
    for (let j = 0; j < sa.tasks.length && sa.task === null; j++) sooner(ike, Math.max(now, sa.tasks[j].after));
  }
}
