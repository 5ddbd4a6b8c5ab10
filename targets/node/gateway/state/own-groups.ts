// Which records belong together where gateways share a store: those of an IKE SA, of what replaces it, and of its Child SAs. And
// by what packets are known whose owner is gone.
//
//   esp/SPI      ESP with this inbound SPI, in UDP
//   ike/SPI      an IKE message with this SPI of ours
//   at/ADDRESS   anything from this outer address on a radio
//   to/ADDRESS   an inner packet to this address

import { randomBytes } from 'node:crypto';
import type { ChildSa } from '../../../../core/ike/state/child.ts';
import { childPathOf, type IkeSa } from '../../../../core/ike/state/sa.ts';
import type { SharedState } from '../../host/state/shared.ts';
import type { Association } from '../associations.ts';

/** Hints. */
export const espHint = (spi: number): string => `esp/${spi.toString(16)}`;
export const ikeHint = (spi: Uint8Array): string => `ike/${Buffer.from(spi).toString('hex')}`;
export const atHint = (address: Uint8Array): string => `at/${Buffer.from(address).toString('hex')}`;
export const toHint = (address: Uint8Array): string => `to/${Buffer.from(address).toString('hex')}`;

export const isInner = (hint: string): boolean => hint.startsWith('to/');

/** The inner addresses among hints. */
export function addressesOf(hints: readonly string[]): Uint8Array[] {
  return hints.filter(isInner).map((hint) => Uint8Array.from(Buffer.from(hint.slice(3), 'hex')));
}

export interface OwnGroups {
  /** A Child SA with this id, before it is written first. */
  child(id: string, child: ChildSa, out: Association): void;
  /** An IKE SA with this SPI of ours, likewise. */
  ike(spi: string, sa: IkeSa): void;
  /** `sa` has taken the place of `old`. */
  inherit(old: IkeSa, sa: IkeSa): void;
  ended(sa: IkeSa): void;
  /** True while messages of this IKE SA may leave. */
  mayAct(sa: IkeSa): boolean;
  /** IKE SAs of groups that are another gateway's now. */
  lose(groups: string[]): IkeSa[];
}

export function createOwnGroups(shared: SharedState | null): OwnGroups {
  const groups = new WeakMap<IkeSa, string>();
  const members = new Map<string, Set<IkeSa>>();
  const lost = new WeakSet<IkeSa>();

  function join(sa: IkeSa, group: string): void {
    groups.set(sa, group);
    members.set(group, (members.get(group) ?? new Set()).add(sa));
  }

  /** `key`: a record of it, which may be there already. */
  function groupOf(sa: IkeSa, key: string): string {
    const known = groups.get(sa) ?? shared!.groupOf(key) ?? randomBytes(8).toString('hex');
    if (!groups.has(sa)) join(sa, known);
    return known;
  }

  return {
    child(id, child, out) {
      const sa = out.owner?.ike;
      if (shared === null || sa === undefined) return;
      const { remote } = childPathOf(sa, child);
      const hints = [espHint(child.spiIn), atHint(remote)];
      const { start, end } = child.remote;
      if (Buffer.compare(start, end) === 0) hints.push(toHint(start));
      const group = groupOf(sa, '');
      for (const key of [`num/${id}`, `sa/${id}`]) shared.belongs(key, group, key.startsWith('num/') ? hints : []);
    },
    ike(spi, sa) {
      if (shared === null) return;
      const group = groupOf(sa, `ike/${spi}`);
      const inner = sa.address.length === 0 ? [] : [toHint(sa.address)];
      shared.belongs(`ike/${spi}`, group, [`ike/${spi}`, atHint(sa.path.remote), ...inner]);
      shared.belongs(`now/${spi}`, group, []);
    },
    inherit(old, sa) {
      const group = groups.get(old);
      if (shared !== null && group !== undefined) join(sa, group);
    },
    ended(sa) {
      const group = groups.get(sa);
      const all = group === undefined ? undefined : members.get(group);
      if (group === undefined || all === undefined) return;
      all.delete(sa);
      if (all.size === 0) members.delete(group);
    },
    mayAct: (sa) => shared === null || (shared.isHeld() && !lost.has(sa)),
    lose(list) {
      const all = list.flatMap((group) => [...(members.get(group) ?? [])]);
      for (const group of list) members.delete(group);
      for (const sa of all) lost.add(sa);
      return all;
    },
  };
}
