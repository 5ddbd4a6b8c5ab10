// Keeps up several Child SAs of one IKE SA: asks for those that are missing, and again after a pause that grows. The host tells
// it of every change; packets meanwhile go over those that stand.

import { N_TS_UNACCEPTABLE } from '../../../core/ike/codec/numbers.ts';
import { hasChildOf, isLiveOf, isMissing } from '../../../core/ike/exchange/missing.ts';
import { takesResources } from '../../../core/ike/ext/per-resource.ts';
import { CHILD_LIVE } from '../../../core/ike/state/child.ts';
import { answersDscp, DSCP_SELECTED, dscpOf } from '../../../core/ike/state/dscp-note.ts';
import type { ChildPolicy } from '../../../core/ike/state/policy.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';

/** Milliseconds until one that failed or ended is asked for again, doubled each time, and at most. */
const RETRY_TIME = 2000;
const RETRY_MAX = 300000;
/** Milliseconds after which one that stood ended by chance. */
const LASTED = 60000;

/** What a keeper does and tells. */
export interface ChildKeeping {
  /** Asks for a Child SA. */
  ask(sa: IkeSa, policy: ChildPolicy, now: number): void;
  /** One is missing, and is asked for in `wait` ms. */
  missing(sa: IkeSa, name: string, wait: number): void;
  /** The peer takes no further Child SAs of this kind: it does not know what tells them apart. */
  declined(sa: IkeSa, what: 'dscp' | 'resources'): void;
}

/** A line about a Child SA that is missing, and is asked for in `wait` ms. */
export function missingText(name: string, wait: number): string {
  return `Child SA ${name} is missing: the others carry its packets, it is asked for in ${Math.round(wait / 1000)} s`;
}

/** A line about a peer that does not know several Child SAs of a kind. */
export function declinedText(what: 'dscp' | 'resources'): string {
  const lacks = what === 'dscp' ? 'the DSCP notify' : 'several Child SAs with the same selectors [RFC 9611]';
  return `the peer does not know ${lacks}: one Child SA carries all`;
}

/** Keeps Child SAs up. Times are milliseconds. */
export interface ChildKeeper {
  /** Looks at an IKE SA that came up. */
  look(sa: IkeSa, now: number): void;
  /** A Child SA of it came or ended: it is looked at in the next `poll`, when the exchange is over. */
  changed(sa: IkeSa): void;
  /** A Child SA that was asked for failed. */
  failed(sa: IkeSa, outcome: number, now: number): void;
  /** A rekey: `sa` has the Child SAs of `old`. */
  replaced(old: IkeSa, sa: IkeSa, now: number): void;
  ended(sa: IkeSa): void;
  poll(now: number): void;
  /** When to call `poll`, or -1. */
  nextTimeout(): number;
}

interface Slot {
  /** When to ask for it, -1: it stands, or was asked for. */
  at: number;
  wait: number;
  /** When it was seen to stand, -1: it does not. */
  since: number;
}

interface Kept {
  slots: Map<string, Slot>;
  /** What a peer that narrowed TS_DSCP left over. */
  rests: ChildPolicy[];
  /** Whose TS_DSCP the peer does not accept. */
  without: Set<string>;
  told: Set<string>;
}

/** True when a host asks for some of the Child SAs of an IKE SA. */
function opens(sa: IkeSa): boolean {
  return sa.policy.children?.some(({ passive }) => passive !== true) === true;
}

/** The values of a policy's TS_DSCP that no Child SA is for, though it stands. */
function restOf(sa: IkeSa, policy: ChildPolicy): number[] {
  const own = sa.children.filter((child) => isLiveOf(child, policy));
  const agreed = own.map(dscpOf).filter((note) => note[0] === DSCP_SELECTED);
  if (agreed.length === 0) return [];
  return policy.dscp!.filter((value) => !agreed.some((note) => note.subarray(1).includes(value)));
}

export function createChildKeeper(keeping: ChildKeeping): ChildKeeper {
  const all = new Map<IkeSa, Kept>();
  const changed = new Set<IkeSa>();
  let next = -1;

  function keptOf(sa: IkeSa): Kept {
    const kept = all.get(sa) ?? { slots: new Map(), rests: [], without: new Set(), told: new Set() };
    all.set(sa, kept);
    return kept;
  }

  /** False, and told once: the peer would not know it from the others. */
  function isUnderstood(sa: IkeSa, kept: Kept, policy: ChildPolicy): boolean {
    const isClass = policy.dscp !== null && policy.dscp.length > 0;
    const isResource = policy.resource !== undefined && policy.resource > 1;
    if (!(isClass && !answersDscp(sa)) && !(isResource && !takesResources(sa))) return true;
    const what = isClass ? 'dscp' : 'resources';
    if (!kept.told.has(what)) keeping.declined(sa, what);
    kept.told.add(what);
    return false;
  }

  function wantedOf(sa: IkeSa, kept: Kept): ChildPolicy[] {
    const { child, children = [] } = sa.policy;
    const list = [...children, ...kept.rests].filter((one) => one.passive !== true && isUnderstood(sa, kept, one));
    // Without any the host's own attempts make the first.
    const stands = sa.children.some(({ retired }) => retired === CHILD_LIVE);
    return stands ? [child, ...list] : list;
  }

  function later(at: number): void {
    if (next < 0 || at < next) next = at;
  }

  function note(sa: IkeSa, kept: Kept, policy: ChildPolicy, now: number): void {
    const { name } = policy;
    const slot = kept.slots.get(name);
    if (!isMissing(sa, policy)) {
      const stands = hasChildOf(sa, policy);
      if (slot === undefined) kept.slots.set(name, { at: -1, wait: RETRY_TIME, since: stands ? now : -1 });
      else {
        slot.at = -1;
        if (stands && slot.since < 0) slot.since = now;
      }
      return;
    }
    if (slot === undefined) {
      kept.slots.set(name, { at: now, wait: RETRY_TIME, since: -1 });
      later(now);
      return;
    }
    if (slot.at >= 0) return;
    if (slot.since >= 0 && now - slot.since >= LASTED) slot.wait = RETRY_TIME;
    slot.at = now + slot.wait;
    slot.since = -1;
    keeping.missing(sa, name, slot.wait);
    slot.wait = Math.min(2 * slot.wait, RETRY_MAX);
    later(slot.at);
  }

  function look(sa: IkeSa, now: number): void {
    if (sa.state !== STATE_ESTABLISHED || sa.rivalOf !== null || !opens(sa)) return;
    const kept = keptOf(sa);
    for (const policy of [...(sa.policy.children ?? []), ...kept.rests]) {
      if (policy.tsDscp !== true || kept.rests.some(({ name }) => name === `${policy.name}/rest`)) continue;
      const dscp = restOf(sa, policy);
      if (dscp.length > 0) kept.rests.push({ ...policy, name: `${policy.name}/rest`, dscp });
    }
    for (const policy of wantedOf(sa, kept)) note(sa, kept, policy, now);
  }

  return {
    look,
    changed(sa) {
      if (!opens(sa)) return;
      changed.add(sa);
      later(0);
    },
    failed(sa, outcome, now) {
      const kept = all.get(sa);
      if (kept !== undefined && outcome === N_TS_UNACCEPTABLE) {
        // One is asked for at a time: it is the one that neither waits nor stands.
        const one = wantedOf(sa, kept).find((policy) => {
          return policy.tsDscp === true && kept.slots.get(policy.name)?.at === -1 && isMissing(sa, policy);
        });
        if (one !== undefined && !kept.without.has(one.name)) {
          kept.without.add(one.name);
          kept.slots.delete(one.name);
        }
      }
      look(sa, now);
    },
    replaced(old, sa, now) {
      const kept = all.get(old);
      all.delete(old);
      if (kept !== undefined) all.set(sa, kept);
      look(sa, now);
    },
    ended(sa) {
      all.delete(sa);
      changed.delete(sa);
    },
    poll(now) {
      if (next < 0 || now < next) return;
      next = -1;
      for (const sa of changed) look(sa, now);
      changed.clear();
      for (const [sa, kept] of all) {
        if (sa.state !== STATE_ESTABLISHED) continue;
        for (const policy of wantedOf(sa, kept)) {
          const slot = kept.slots.get(policy.name);
          if (slot === undefined || slot.at < 0) continue;
          if (slot.at > now) {
            later(slot.at);
            continue;
          }
          slot.at = -1;
          const { tsDscp: _, ...plain } = policy;
          if (isMissing(sa, policy)) keeping.ask(sa, kept.without.has(policy.name) ? plain : policy, now);
        }
      }
    },
    nextTimeout: () => next,
  };
}
