// Handshakes with additional key exchanges on bad networks, and rekeys of both kinds after them, while the network is bad again and
// somebody forges messages. At the end both sides have the same SAs, or none and a reason.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFollowUps } from '../../../core/ike/child/follow-up.ts';
import { NONE } from '../../../core/ike/codec/octets.ts';
import type { Transforms } from '../../../core/ike/codec/proposals.ts';
import { rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import {
  additionalKes,
  additionalKeyExchanges,
  createAdditionalKe,
  keyExchangeFollowUps,
  keyExchangeRounds,
} from '../../../core/ike/ext/multiple-ke.ts';
import { createRounds } from '../../../core/ike/setup/rounds.ts';
import { STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { createRandom } from '../../../targets/node/host/radio/random.ts';
import type { Node } from '../pair.ts';
import { agree, handshakes, type Plan } from '../sim-handshake.ts';

/** First method, then those of ADDKE1, 2, ...; the short ones often, for they are fast. */
const CHOICES = [[31, 35], [31, 35], [31, 19], [31, 36], [19, 35, 31], [31, 37], [35, 31], [35], [31]];

function withKe(base: Transforms, methods: number[]): Transforms {
  const list = methods.slice(1).map((id, index) => ({ type: 6 + index, id, attributes: NONE }));
  return { ...base, ke: [methods[0] as 31], extra: createAdditionalKe(list) };
}

function change(plan: Plan, seed: number): void {
  const random = createRandom(seed * 7919 + 5);
  const pick = (): number[] => CHOICES[random.below(CHOICES.length)];
  const [ike, second, esp] = [pick(), pick(), pick()];
  const isOpen = random.below(3) === 0;
  for (const one of [plan.device, plan.gateway]) {
    const base = one.ike[0];
    one.ike = [withKe(base, ike)];
    // Two proposals of which each side may prefer another one.
    if (isOpen) one.ike = one === plan.device ? [...one.ike, withKe(base, second)] : [withKe(base, second), ...one.ike];
    if (random.below(2) === 0) one.fragmentSize = [150, 576, 1280][random.below(3)];
    one.child = { ...one.child, esp: [withKe(one.child.esp[0], esp)] };
  }
  plan.features = `${ike.join('-')}${isOpen ? `|${second.join('-')}` : ''}`;
}

function attach({ ike }: Node): void {
  ike.extensions.push(additionalKeyExchanges);
  ike.intermediate = createRounds([keyExchangeRounds, ...ike.intermediate!.list]);
  ike.followUps = createFollowUps([keyExchangeFollowUps]);
}

test('700 handshakes with rekeys', (t) => {
  let rekeys = 0;
  let left = 0;
  const { text, established } = handshakes(20001, 20700, {
    plan: change,
    net: (net) => [net.device, net.gateway].forEach(attach),
    after: (net, label) => {
      net.faults.until = net.now + 15000;
      for (const node of [net.device, net.gateway]) {
        const sa = node.ike.sas.find(({ children, state }) => state === STATE_ESTABLISHED && children.length > 0);
        if (sa === undefined) continue;
        if (net.random.below(2) === 0) rekeyIke(node.ike, sa, net.now);
        else rekeyChild(node.ike, sa, sa.children[0], net.now);
        if (net.random.below(2) === 0) net.run(net.now + 3000);
      }
      net.run(net.now + 400000);
      const isBusy = (node: Node): boolean => node.ike.sas.some((one) => one.task !== null || one.held !== null);
      for (let i = 0; i < 20 && (isBusy(net.device) || isBusy(net.gateway)); i++) net.run(net.now + 1000);
      // A network that is this bad may end an SA: then at both ends.
      if (!agree(net, `${label} rekeyed`)) return;
      left++;
      const [own] = net.device.ike.sas;
      const theirs = net.gateway.ike.sas[0];
      assert.deepEqual(additionalKes(own.transforms), additionalKes(theirs.transforms), label);
      assert.deepEqual(additionalKes(own.children[0].transforms), additionalKes(theirs.children[0].transforms), label);
      for (const node of [net.device, net.gateway]) {
        rekeys += node.events.filter((event) => event === 'replaced').length;
        for (const { held, setup } of node.ike.sas) assert.deepEqual([held, setup], [null, null], label);
      }
    },
  });
  t.diagnostic(`${text}; ${left} lived on, ${rekeys} rekeys of an IKE SA`);
  assert.ok(established > 350 && left > 200 && rekeys > 100, `${established} ${left} ${rekeys}`);
});
