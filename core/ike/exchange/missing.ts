// Which Child SAs of its policy an IKE SA lacks: what a host that wants several asks for, and asks for again.

import { CHILD_LIVE, type ChildSa } from '../state/child.ts';
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

/** True for a live Child SA of this policy, which may offer two protocols: by name, as the policy may have been read anew. */
export function isLiveOf(child: ChildSa, policy: ChildPolicy): boolean {
  const name = child.policy.name;
  const eesp = policy.eesp;
  const isAlone = eesp !== undefined && eesp.alone !== null && eesp.alone.name === name;
  return child.retired === CHILD_LIVE && (isAlone || name === policy.name);
}

/** True when an IKE SA has a live Child SA of this policy. */
export function hasChildOf(sa: IkeSa, policy: ChildPolicy): boolean {
  for (let i = 0; i < sa.children.length; i++) if (isLiveOf(sa.children[i], policy)) return true;
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
