// Rekeys, Deletes and probes of a specialised device and its gateway, at random moments and at once, with packets under the
// Child SAs. On a link without loss a rekey loses no packet. On any link both sides have the same SAs in the end.

import assert from 'node:assert/strict';
import { closeChild, closeIke, probe, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import type { ChildSa } from '../../core/ike/state/child.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import type { Node } from '../ike/pair.ts';
import { agree, type Kind, type Scene, sceneOf } from './ike-net.ts';

/** Operations end, and faults with them; then packets. */
const BUSY = 30000;
const END = 240000;

export interface Sum {
  packets: number;
  rekeys: number;
  survived: number;
  lost: number;
}

/** The gateway's order of outgoing SAs, as core/esp/pairs.ts has it. */
function orderOf(node: Node): ChildSa[] {
  const order: ChildSa[] = [];
  const { upper } = node.ike;
  const { install, retire, remove } = upper;
  upper.install = (sa, child, outgoing, incoming, first, now) => {
    if (first) order.unshift(child);
    else order.push(child);
    return install(sa, child, outgoing, incoming, first, now);
  };
  const drop = (child: ChildSa): void => {
    const at = order.indexOf(child);
    if (at >= 0) order.splice(at, 1);
  };
  upper.retire = (sa, child, now) => {
    drop(child);
    retire(sa, child, now);
  };
  upper.remove = (sa, child, now) => {
    drop(child);
    remove(sa, child, now);
  };
  return order;
}

/** The SA that works at the gateway; the newest. */
function current(node: Node): IkeSa | null {
  const list = node.established.filter((sa) => sa.state === STATE_ESTABLISHED);
  return list.length > 0 ? list[list.length - 1] : null;
}

function operate(scene: Scene, isDevice: boolean, kind: number): void {
  const { net, device } = scene;
  const { now } = net;
  if (isDevice) {
    if (kind <= 3) device.rekey(now);
    else if (kind <= 6) device.rekeyIke(now);
    else if (kind === 7) device.probe(now);
    else if (kind === 10) device.close(now);
    return;
  }
  const { ike } = net.gateway;
  const sa = current(net.gateway);
  if (sa === null) return;
  const child = sa.children.find((one) => one.retired === 0);
  if (kind <= 3 && child !== undefined) rekeyChild(ike, sa, child, now);
  else if (kind <= 6) rekeyIke(ike, sa, now);
  else if (kind === 7) probe(ike, sa, now);
  else if (kind <= 9 && child !== undefined) closeChild(ike, sa, child, now);
  else if (kind === 10) closeIke(ike, sa, now);
}

/** Plays the seed; throws where something does not hold. */
export function play(kinds: readonly Kind[], seed: number, sum: Sum): void {
  const random = createRandom(seed * 7919 + 3);
  const kind = kinds[seed % kinds.length];
  const clean = random.below(3) === 0;
  const keeps = clean || random.below(2) === 0;
  const gateway = kind.gateway();
  if (random.below(3) === 0) gateway.child.rekeyTime = 9000;
  if (random.below(3) === 0) gateway.rekeyTime = 12000;
  if (random.below(4) === 0) gateway.optimizedRekey = false;
  const faults = {
    loss: clean ? 0 : random.below(5) * 0.08,
    reorder: clean ? 0 : random.below(2) * 0.3,
    duplicate: clean ? 0 : random.below(2) * 0.2,
    corrupt: 0,
    truncate: 0,
    attack: 0,
    until: 0,
    latency: 5 + random.below(100),
  };
  const scene = sceneOf(kind, seed, faults, gateway);
  const { net, device, host } = scene;
  const order = orderOf(net.gateway);
  const label = `seed ${seed} (${kind.name}) ${JSON.stringify({ ...faults, clean, keeps })}`;
  device.connect(false, 0);
  net.run(2000);
  assert.ok(device.isReady(), `${label}: not up`);
  if (!clean) faults.until = BUSY;
  let packets = 0;
  let lost = 0;
  const traffic = (isDevice: boolean): void => {
    packets++;
    const spi = isDevice ? host.pairs.find((one) => !one.retired)?.spiOut : order[0]?.spiOut;
    if (spi === undefined) {
      if (clean) assert.fail(`${label}: no SA for a packet at ${net.now}`);
    } else {
      net.carry(() => {
        const isTaken = isDevice
          ? [...net.gateway.pairs.keys()].some(({ spiIn }) => spiIn === spi)
          : host.pairs.some(({ spiIn }) => spiIn === spi);
        if (!isTaken) lost++;
      });
    }
    if (net.now < BUSY + 2000) net.at(net.now + 20 + random.below(60), () => traffic(isDevice));
  };
  traffic(true);
  traffic(false);
  for (let left = 2 + random.below(10); left > 0; left--) {
    const at = 2000 + random.below(BUSY - 2000);
    const isDevice = random.below(2) === 0;
    const what = random.below(keeps ? 8 : 11);
    net.at(at, () => operate(scene, isDevice, what));
    if (random.below(2) === 0) {
      const other = random.below(2) === 0 ? what : random.below(keeps ? 8 : 11);
      net.at(at + random.below(3) * random.below(200), () => operate(scene, !isDevice, other));
    }
  }
  const isClosed = (): boolean => !device.S.isWanted;
  const calm = (): void => {
    // No more rekeys by the clock, or it is never quiet; the device's times are constants.
    gateway.rekeyTime = gateway.child.rekeyTime = 0;
    for (const sa of net.gateway.ike.sas) {
      sa.rekeyAt = -1;
      for (const child of sa.children) child.rekeyAt = -1;
    }
    device.S.rekeyAt = -1;
    // Others are to be deleted.
    let newest = device.S.children;
    while (newest !== null && newest.stage !== 0) newest = newest.next;
    if (newest !== null) newest.rekeyAt = -1;
    if (net.now < END - 60000) net.at(net.now + 1000, calm);
  };
  net.at(BUSY + 5000, calm);
  try {
    net.run(END);
    for (let i = 0; i < 20 && (device.S.current?.task ?? 0) !== 0; i++) net.run(net.now + 500);
    for (let i = 0; i < 20 && net.gateway.ike.sas.some((sa) => sa.task !== null); i++) net.run(net.now + 500);
  } catch (error) {
    throw new Error(`${label}: ${(error as Error).message}`, { cause: error });
  }
  const works = agree(scene, label);
  // It connects again, unless its application ended it.
  assert.equal(works, !isClosed(), `${label}: ${host.events.slice(-8).join()}`);
  if (works) assert.equal(host.pairs.length, 1, `${label}: no Child SA`);
  if (clean) {
    assert.equal(lost, 0, `${label}: packets lost`);
    assert.deepEqual(host.outcomes, [], `${label}: the IKE SA is lost`);
    assert.ok(!host.events.some((event) => event.startsWith('childFailed')), `${label}: a rekey failed`);
  }
  sum.packets += packets;
  sum.rekeys += host.events.filter((event) => /^(installed|replaced)/.test(event)).length - 1;
  if (works) sum.survived++;
  else sum.lost++;
}
