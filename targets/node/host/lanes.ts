// Child SAs as lanes of outgoing packets: what was agreed about DSCP and resources decides between SAs with the same selectors.

import { DROP_SELECTOR } from '../../../core/base/drop.ts';
import { drop } from '../../../core/esp/endpoint.ts';
import { admits, createLane, type Lane, setClass } from '../../../core/esp/lanes.ts';
import { findPair, type Pairs } from '../../../core/esp/pairs.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import { DSCP_SELECTED, dscpOf } from '../../../core/ike/state/dscp-note.ts';
import { limitSa } from './selectors.ts';

/** Gives a lane what was agreed for its Child SA. */
export function layLane(lane: Lane, child: ChildSa): void {
  const dscp = dscpOf(child);
  setClass(lane, dscp, 1);
  lane.strict = dscp.length > 1 && dscp[0] === DSCP_SELECTED;
  lane.resource = child.policy.resource ?? 0;
}

/** DSCP values that a Child SA is for; empty: all. */
export function dscpValues(child: ChildSa): number[] {
  return [...dscpOf(child).subarray(1)];
}

/** A place in the order in which packets try SAs: Child SAs with selectors of their own come first. */
export function rankOf(child: ChildSa | undefined): number {
  return child?.policy.rank ?? 0;
}

/** The lanes of a host with few SAs. */
export interface Lanes {
  /** In the order in which packets try them. */
  readonly list: readonly Lane[];
  installed(child: ChildSa): void;
  removed(): void;
  /** True when the inner packet that came in under `sa` may; else it is counted as a drop. */
  admits(sa: Sa, packet: Uint8Array): boolean;
}

export function createLanes(sas: Pairs): Lanes {
  const children = new Map<Sa, ChildSa>();
  const incoming = new Map<Sa, Lane>();
  let list: Lane[] = [];

  /** `sas` has the newest first; those of a rank stay in that order. */
  function order(): void {
    const known = new Map(list.map((lane) => [lane.sa, lane]));
    list = sas.outgoing.flatMap((sa) => {
      const child = children.get(sa);
      if (child === undefined) return [];
      const lane = known.get(sa) ?? createLane(sa);
      layLane(lane, child);
      return [lane];
    });
    list.sort((a, b) => rankOf(children.get(a.sa)) - rankOf(children.get(b.sa)));
    for (const sa of [...children.keys()]) if (!sas.outgoing.includes(sa)) children.delete(sa);
    for (const sa of [...incoming.keys()]) if (!sas.incoming.includes(sa)) incoming.delete(sa);
  }

  return {
    get list() {
      return list;
    },
    installed(child) {
      const at = findPair(sas, child.spiIn);
      if (at < 0) return;
      children.set(sas.outgoing[at], child);
      limitSa(sas.outgoing[at], child, 'out');
      limitSa(sas.incoming[at], child, 'in');
      const lane = createLane(sas.incoming[at]);
      layLane(lane, child);
      incoming.set(sas.incoming[at], lane);
      order();
    },
    removed: order,
    admits(sa, packet) {
      const lane = incoming.get(sa);
      if (lane === undefined || admits(lane, packet, 0)) return true;
      sa.dropSelector++;
      drop(sas.endpoint, DROP_SELECTOR);
      return false;
    },
  };
}
