// When each IKE SA has work to do. `Ike.sas` is a binary heap by `dueAt`, and each SA knows its place in it: to find what is
// due, to add an SA or to take one out costs the logarithm of their number, and one SA costs nothing.

import type { Ike } from '../state/ike.ts';
import { type IkeSa, NEVER } from '../state/sa.ts';

/** Puts `sa` where it belongs, beginning at the free place `at`. */
function place(sas: IkeSa[], sa: IkeSa, at: number): void {
  while (at > 0) {
    const above = sas[(at - 1) >>> 1];
    if (above.dueAt <= sa.dueAt) break;
    sas[at] = above;
    above.place = at;
    at = (at - 1) >>> 1;
  }
  for (let next = 2 * at + 1; next < sas.length; next = 2 * at + 1) {
    if (next + 1 < sas.length && sas[next + 1].dueAt < sas[next].dueAt) next++;
    const below = sas[next];
    if (below.dueAt >= sa.dueAt) break;
    sas[at] = below;
    below.place = at;
    at = next;
  }
  sas[at] = sa;
  sa.place = at;
}

/** Lists a new SA. */
export function schedule(ike: Ike, sa: IkeSa): void {
  ike.sas.push(sa);
  place(ike.sas, sa, ike.sas.length - 1);
}

function isListed(ike: Ike, sa: IkeSa): boolean {
  return sa.place < ike.sas.length && ike.sas[sa.place] === sa;
}

/** Takes an SA off the list. */
export function unschedule(ike: Ike, sa: IkeSa): void {
  if (!isListed(ike, sa)) return;
  const last = ike.sas.pop()!;
  if (last !== sa) place(ike.sas, last, sa.place);
}

/** Sets when `sa` has its next work. */
export function setDue(ike: Ike, sa: IkeSa, at: number): void {
  sa.dueAt = at;
  if (isListed(ike, sa)) place(ike.sas, sa, sa.place);
}

/** Notes that `sa` has work at `at`. */
export function due(ike: Ike, sa: IkeSa, at: number): void {
  if (at < sa.dueAt) setDue(ike, sa, at);
}

/** When to call `pollIke`, or -1. */
export function ikeTimeout(ike: Ike): number {
  const at = ike.sas.length === 0 ? NEVER : ike.sas[0].dueAt;
  return at === NEVER ? -1 : at;
}
