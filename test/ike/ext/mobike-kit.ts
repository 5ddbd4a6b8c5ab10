// Two endpoints with MOBIKE in virtual time, one of which moves.

import assert from 'node:assert/strict';
import { createMobile, followMobile, isChecking, type Mobile, updateAddresses } from '../../../core/ike/ext/mobike.ts';
import { outcomeName } from '../../../core/ike/state/outcome-name.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { NAT_FORCE } from '../../../core/ike/state/policy.ts';
import { childPathOf, espPathOf, type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { type Options, type Scene, scene } from '../kit.ts';
import { address, type Datagram } from '../pair.ts';

export interface Moving {
  s: Scene;
  sa: IkeSa;
  other: IkeSa;
  mobile: Mobile;
  /** Where the device is; what goes elsewhere is lost. */
  at: number;
  /** Addresses to which the gateway's ESP went over. */
  moved: number[];
  answered: number[];
  accepts: boolean;
}

export interface MovingOptions extends Options {
  onDevice?: boolean;
  onGateway?: boolean;
  others?: Uint8Array[];
  /** Sees and changes datagrams before they are delivered. */
  way?: (d: Datagram, m: Moving) => Datagram[];
}

export const last = (one: Uint8Array): number => one[15]!;

export function moving(options: MovingOptions = {}): Moving {
  const m = { at: 1, moved: [], answered: [], accepts: true } as unknown as Moving;
  m.s = scene({
    ...options,
    device: { nat: NAT_FORCE, ...options.device },
    gateway: { nat: NAT_FORCE, ...options.gateway },
    filter: (d) => {
      if (d.from.name === 'gateway' && last(d.path.remote) !== m.at) return [];
      return options.way === undefined ? [d] : options.way(d, m);
    },
  });
  const host = (others: Uint8Array[]) => ({
    wants: () => true,
    accepts: () => m.accepts,
    others: () => others,
    moved: (sa: IkeSa) => void m.moved.push(last(espPathOf(sa).remote)),
    answered: (_sa: IkeSa, error: number) => void m.answered.push(error),
  });
  const { device, gateway } = m.s.world;
  m.mobile = createMobile(host(options.others ?? []));
  const own = createMobile(host([]));
  for (const [node, mobile] of [
    [device, own],
    [gateway, m.mobile],
  ] as const) {
    const { replaced } = node.ike.upper;
    node.ike.upper.replaced = (old, sa, now) => {
      replaced(old, sa, now);
      mobile.replaced(node.ike, sa, now);
    };
  }
  if (options.onDevice !== false) device.ike.extensions.push(own.extension);
  if (options.onGateway !== false) gateway.ike.extensions.push(m.mobile.extension);
  device.ike.follow = followMobile;
  gateway.ike.follow = followMobile;
  m.sa = m.s.connect();
  m.other = gateway.ike.sas.find((one) => one.state === STATE_ESTABLISHED)!;
  assert.equal(m.sa.state, STATE_ESTABLISHED, outcomeName(m.sa.outcome));
  return m;
}

export const from = (sa: IkeSa, number: number): Path => ({ ...sa.path, local: address(number) });

/** The device is at another address, and says so. */
export function go(m: Moving, number: number): boolean {
  m.at = number;
  const current = m.s.world.device.ike.sas.find((one) => one.state === STATE_ESTABLISHED)!;
  return updateAddresses(m.s.world.device.ike, current, from(current, number), m.s.world.now);
}

export const current = (m: Moving, side: 'device' | 'gateway'): IkeSa =>
  m.s.world[side].ike.sas.find((one) => one.state === STATE_ESTABLISHED)!;

/** Runs for `time`, with the host's part of it. */
export function wait(m: Moving, time: number, step = 500): void {
  const end = m.s.world.now + time;
  while (m.s.world.now < end) {
    m.mobile.poll(Math.min(m.s.world.now + step, end));
    m.s.world.run(Math.min(m.s.world.now + step, end));
  }
}

/** Both sides are at the same addresses, with one Child SA that takes that way. */
export function assertAt(m: Moving, number: number): void {
  const [sa, other] = [current(m, 'device'), current(m, 'gateway')];
  assert.deepEqual(Buffer.from(sa.spis), Buffer.from(other.spis));
  assert.deepEqual([last(sa.path.local), last(other.path.remote), other.espPath], [number, number, null]);
  assert.equal(sa.children.filter(({ retired }) => retired === 0).length, 1);
  for (const child of other.children) assert.equal(last(childPathOf(other, child).remote), number);
  assert.equal(isChecking(other), false);
}
