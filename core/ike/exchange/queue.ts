// Our requests that wait for their turn, because the window is 1 [RFC 7296 §2.3].

import type { ChildSa } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import type { ChildPolicy } from '../state/policy.ts';
import type { IkeSa, Task } from '../state/sa.ts';
import { TASK_CHILD, TASK_DELETE_IKE, type TaskKind } from '../state/task.ts';
import { due } from './schedule.ts';

/** Most requests that wait. */
const MAX_TASKS = 16;

export function createTask(kind: TaskKind, child: ChildSa | null): Task {
  return { kind: kind, child: child, draft: null, policy: null, ke: -1, regular: false, next: null, after: 0, gone: 0 };
}

function sameTask(a: Task, kind: TaskKind, child: ChildSa | null): boolean {
  return a.kind === kind && a.child === child;
}

/** True when this request is on its way, or waits. */
export function isAsked(sa: IkeSa, kind: TaskKind, child: ChildSa | null): boolean {
  if (sa.task !== null && sameTask(sa.task, kind, child)) return true;
  for (let i = 0; i < sa.tasks.length; i++) if (sameTask(sa.tasks[i], kind, child)) return true;
  return false;
}

/** Queues a task, which may begin at `at`. */
export function enqueue(ike: Ike, sa: IkeSa, task: Task, at: number): void {
  sa.tasks.push(task);
  due(ike, sa, at);
}

/** Queues a request of ours, unless the same one waits already. */
export function request(ike: Ike, sa: IkeSa, kind: TaskKind, child: ChildSa | null, now: number): void {
  if (isAsked(sa, kind, child)) return;
  if (sa.tasks.length < MAX_TASKS) enqueue(ike, sa, createTask(kind, child), now);
}

/** The oldest waiting task that may begin, or null. A Delete of the IKE SA goes first. */
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

/** Queues the request for one more Child SA. */
export function requestChild(ike: Ike, sa: IkeSa, policy: ChildPolicy, now: number): void {
  const task = createTask(TASK_CHILD, null);
  task.policy = policy;
  enqueue(ike, sa, task, now);
}
