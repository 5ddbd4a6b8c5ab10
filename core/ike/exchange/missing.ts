// Which Child SAs of its policy an IKE SA lacks: what a host that wants several asks for, and asks for again.

import { CHILD_LIVE } from '../state/child.ts';
import { type ChildPolicy, childPolicies } from '../state/policy.ts';
import type { IkeSa, Task } from '../state/sa.ts';
import { TASK_CHILD } from '../state/task.ts';

function asks(task: Task | null, policy: ChildPolicy): boolean {
  return task !== null && task.kind === TASK_CHILD && task.policy !== null && task.policy.name === policy.name;
}

/** True when the request for a Child SA of this policy is on its way, or waits. */
function isAskedFor(sa: IkeSa, policy: ChildPolicy): boolean {
  for (let i = 0; i < sa.tasks.length; i++) if (asks(sa.tasks[i], policy)) return true;
  return asks(sa.task, policy);
}

/** True when a Child SA with this name came from the policy, which may offer two protocols. */
function isOf(name: string, policy: ChildPolicy): boolean {
  const eesp = policy.eesp;
  if (eesp !== undefined && eesp.alone !== null && eesp.alone.name === name) return true;
  return name === policy.name;
}

/** True when an IKE SA has a live Child SA of this policy: by name, as the policy may have been read anew. */
function hasChildOf(sa: IkeSa, policy: ChildPolicy): boolean {
  for (let i = 0; i < sa.children.length; i++) {
    const child = sa.children[i];
    if (child.retired === CHILD_LIVE && isOf(child.policy.name, policy)) return true;
  }
  return false;
}

/** True when an IKE SA has no live Child SA of this policy, and no request for one is under way. */
export function isMissing(sa: IkeSa, policy: ChildPolicy): boolean {
  return !hasChildOf(sa, policy) && !isAskedFor(sa, policy);
}

/**
 * The policies of an IKE SA that have no live Child SA, and no request for one under way; those that are only accepted are left
 * out. `createChild` asks for one.
 */
export function missingChildren(sa: IkeSa): ChildPolicy[] {
  const list: ChildPolicy[] = [];
  const all = childPolicies(sa.policy);
  for (let i = 0; i < all.length; i++) if (all[i].passive !== true && isMissing(sa, all[i])) list.push(all[i]);
  return list;
}
