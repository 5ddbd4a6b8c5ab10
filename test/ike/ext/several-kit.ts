import { createChild } from '../../../core/ike/exchange/requests.ts';
import { perResource } from '../../../core/ike/ext/per-resource.ts';
import { severalChildren } from '../../../core/ike/ext/several-children.ts';
import { tsDscp } from '../../../core/ike/ext/ts-dscp.ts';
import { CHILD_LIVE, type ChildSa } from '../../../core/ike/state/child.ts';
import { DSCP_SELECTED, dscpOf } from '../../../core/ike/state/dscp-note.ts';
import type { Extension } from '../../../core/ike/state/ike.ts';
import { outcomeName } from '../../../core/ike/state/outcome-name.ts';
import type { ChildPolicy, IkePolicy } from '../../../core/ike/state/policy.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { createChildKeeper } from '../../../targets/node/host/child-keeper.ts';
import { type Options, type Scene, scene } from '../kit.ts';
import { notifyOf } from '../observer.ts';
import { childPolicy } from '../pair.ts';

export const N_DSCP = 50410;
export const N_RESOURCE = 16444;
export const TSI = 44;

export type Change = Partial<ChildPolicy>;

/** A policy's further Child SAs with the same selectors. */
export function children(isDevice: boolean, list: Change[]): ChildPolicy[] {
  const base = { ...childPolicy(isDevice ? 1 : 2, isDevice ? 2 : 1), notify: null, compression: null };
  return list.map((change) => ({ ...base, ...change }));
}

export interface Sides {
  device: Change[];
  gateway: Change[];
  /** Of the first Child SA. */
  first?: Change;
  gatewayFirst?: Change;
  gatewayPolicy?: Partial<IkePolicy>;
  /** An extension that the gateway does without. */
  lacks?: Extension;
  filter?: Options['filter'];
}

/** Both sides with the extensions of a Node host; the device keeps its Child SAs up. */
export function sides(given: Sides) {
  const plain = { notify: null, compression: null };
  const gatewayChildren = children(false, given.gateway);
  const s = scene({
    device: { children: children(true, given.device), maxChildren: 16, retransmitTime: 500, retransmitTries: 8 },
    gateway: {
      ...(gatewayChildren.length > 0 ? { children: gatewayChildren } : {}),
      maxChildren: 16,
      ...given.gatewayPolicy,
    },
    deviceChild: { ...plain, ...given.first },
    gatewayChild: { ...plain, ...given.gatewayFirst },
    ...(given.filter === undefined ? {} : { filter: given.filter, unobserved: true }),
  });
  const told: string[] = [];
  const { device, gateway } = s.world;
  device.ike.extensions.push(tsDscp, severalChildren, perResource);
  gateway.ike.extensions.push(tsDscp, severalChildren, perResource);
  gateway.ike.extensions = gateway.ike.extensions.filter((one) => one !== given.lacks);
  // As hosts do: an optimized rekey goes on with the list of what it replaces.
  const gatewayInstall = gateway.ike.upper.install;
  gateway.ike.upper.install = (sa, child, ...rest) => {
    dscpOf(child);
    return gatewayInstall(sa, child, ...rest);
  };
  const keeper = createChildKeeper({
    ask: (sa, policy, now) => createChild(device.ike, sa, policy, now),
    missing: (_sa, name, wait) => void told.push(`${name} in ${wait}`),
    declined: (_sa, what) => void told.push(`no ${what}`),
  });
  const { upper } = device.ike;
  const { install, remove, childFailed } = upper;
  device.ike.upper = {
    ...upper,
    established: (sa, _resumed, now) => {
      device.established.push(sa);
      keeper.look(sa, now);
    },
    install: (sa, child, outgoing, incoming, first, now) => {
      const isTaken = install(sa, child, outgoing, incoming, first, now);
      dscpOf(child);
      keeper.changed(sa);
      return isTaken;
    },
    remove: (sa, child, now) => {
      remove(sa, child, now);
      keeper.changed(sa);
    },
    childFailed: (sa, outcome, now) => {
      childFailed(sa, outcome, now);
      told.push(outcomeName(outcome));
      keeper.failed(sa, outcome, now);
    },
  };
  const wait = (time: number): void => {
    for (const end = s.world.now + time; s.world.now < end; ) {
      keeper.poll(s.world.now);
      s.world.run(Math.min(end, s.world.now + 100));
    }
  };
  const sa = s.connect();
  wait(1000);
  return { s, sa, told, wait };
}

export const live = (sa: IkeSa): ChildSa[] => sa.children.filter(({ retired }) => retired === CHILD_LIVE);
/** Name, and the values of outgoing packets: `voice 46`, `voice =46` for TS_DSCP. */
export const textOf = (sa: IkeSa): string[] =>
  live(sa)
    .map((child) => {
      const note = dscpOf(child);
      return `${child.policy.name} ${note[0] === DSCP_SELECTED ? '=' : ''}${[...note.subarray(1)].join()}`.trim();
    })
    .sort();
export const twin = (s: Scene, sa: IkeSa): IkeSa =>
  s.world.gateway.ike.sas.find((one) => one.state === STATE_ESTABLISHED && Buffer.compare(one.spis, sa.spis) === 0)!;

/** SA_RESOURCE_INFO or DSCP of each message about a Child SA, in hexadecimal; '-': none. */
export function seen(s: Scene, type: number): string[] {
  return s
    .sent()
    .filter(({ exchange }) => exchange === 35 || exchange === 36)
    .map((message) => notifyOf(message, type)?.toString('hex') ?? '-');
}

export const CLASSES = [
  { name: 'voice', dscp: [46] },
  { name: 'bulk', dscp: [10, 12] },
];
export const selected = (list: Change[]): Change[] => list.map((one) => ({ ...one, tsDscp: true }));
export const DEFAULT = { dscp: [] };

export const RESOURCES = [2, 3, 4].map((resource) => ({ name: `child/${resource}`, resource }));
export const FIRST = { resource: 1 };
