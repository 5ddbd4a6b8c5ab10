// Negotiation of subspaces: the octets of the transform, what two sides agree on, peers that do not know it, compression beside
// it, rekeys, wrong answers, and bad networks [draft-ponchon-ipsecme-anti-replay-subspaces-03].

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FULL_PARTS } from '../../../core/esp/full-parts.ts';
import { createSa } from '../../../core/esp/sa.ts';
import { createExtra } from '../../../core/ike/codec/extra-transforms.ts';
import { createWriter } from '../../../core/ike/codec/message.ts';
import { NONE } from '../../../core/ike/codec/octets.ts';
import { privateNumbers } from '../../../core/ike/codec/private-numbers.ts';
import { addSa, checkSaAnswer, chooseSa, createChoice, type Transforms } from '../../../core/ike/codec/proposals.ts';
import { rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import { applySubspaces, subspaces, subspacesOf, subspaceTransform } from '../../../core/ike/ext/subspaces.ts';
import type { ChildPolicy } from '../../../core/ike/state/policy.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { createRandom } from '../../../targets/node/host/radio/random.ts';
import { hex, provider } from '../../core/support.ts';
import { assertUp, outcomes, type Scene, scene } from '../kit.ts';
import { childPolicy, type Node } from '../pair.ts';
import { agree, handshakes, type Plan } from '../sim-handshake.ts';

const NUMBERS = privateNumbers();
const BASE = childPolicy(1, 2).esp[0];

/** A proposal with these counts of subspaces, beside these kinds of numbers. */
function proposal(counts: number[], sn: (0 | 1)[] = [0, 1], ke: 31[] = []): Transforms {
  const made = { ...BASE, sn, ke };
  return counts.length === 0
    ? made
    : { ...made, extra: createExtra(counts.map((count) => subspaceTransform(count, NUMBERS))) };
}

const plain = (esp: Transforms): Partial<ChildPolicy> => ({ esp: [esp], notify: null, compression: null });

interface Given {
  own?: Partial<ChildPolicy>;
  theirs?: Partial<ChildPolicy>;
  /** Sides that know the extension. */
  knows?: ('device' | 'gateway')[];
  vendor?: boolean;
  optimized?: boolean;
}

function both(given: Given): Scene {
  const common = { optimizedRekey: given.optimized ?? false, privateAlways: false };
  const s = scene({
    unobserved: true,
    device: common,
    gateway: common,
    deviceChild: given.own ?? plain(proposal([16])),
    gatewayChild: given.theirs ?? plain(proposal([16])),
  });
  for (const name of given.knows ?? (['device', 'gateway'] as const)) {
    const { ike } = s.world[name];
    ike.extensions.push(subspaces);
    // The Vendor ID stands first.
    if (given.vendor === false) ike.extensions.shift();
  }
  return s;
}

/** What both sides agreed on: subspaces, ESN, compression; the SAs of both can be made. */
function agreed(s: Scene, sa: IkeSa): { count: number; esn: number; compressed: boolean } {
  const other = assertUp(s, sa);
  const views = [sa, other].map(({ children }) => {
    const child = children[children.length - 1];
    return {
      count: subspacesOf(child.transforms, NUMBERS),
      esn: child.esn,
      compressed: child.compression !== null,
    };
  });
  assert.deepEqual(views[0], views[1]);
  for (const node of [s.world.device, s.world.gateway]) {
    for (const [child, { outgoing, incoming }] of node.pairs) {
      applySubspaces(child, outgoing, incoming, NUMBERS);
      for (const config of [outgoing, incoming]) {
        const made = createSa(FULL_PARTS, provider, config);
        assert.equal(made.subspaces?.count ?? 0, subspacesOf(child.transforms, NUMBERS));
      }
    }
  }
  return views[0];
}

function outcome(given: Given): ReturnType<typeof agreed> {
  const s = both(given);
  const result = agreed(s, s.connect());
  s.close();
  return result;
}

test('octets of the proposal and of the answer', () => {
  const w = createWriter(new Uint8Array(400));
  const spi = Uint8Array.of(1, 2, 3, 4);
  addSa(w, [proposal([16, 65536])], spi, 0, 4);
  const expected = [
    '00000050', // SA payload
    '0000004c010304' + '06' + '01020304',
    '0300000c' + '0100001d' + '800e0080',
    '0300000c' + '0100000e' + '800e0080',
    '03000008' + '05000000',
    '03000008' + '05000001',
    '0300000c' + '05000402' + 'c0000010',
    '0000000c' + '05000402' + 'c0000000',
  ].join('');
  assert.equal(hex(w.buffer.subarray(0, w.at)), expected);
  const choice = createChoice();
  const read = (text: string, own: Transforms, isAnswer = false): number => {
    const octets = Uint8Array.from(Buffer.from(text, 'hex'));
    return isAnswer
      ? checkSaAnswer(octets, 4, octets.length - 4, [own], 4, choice)
      : chooseSa(octets, 4, octets.length - 4, [own], 4, 0, choice);
  };
  const cases: [own: number[], sn: (0 | 1)[], count: number, esn: number][] = [
    [[16], [0, 1], 16, 0],
    [[16], [1], 16, 0],
    [[15], [0, 1], 0, 0],
    [[15], [1], 0, 1],
    [[65535], [], 16, 0],
    [[65536], [], 16, 0],
    [[], [1, 0], 0, 1],
    [[], [0], 0, 0],
  ];
  for (const [own, sn, count, esn] of cases) {
    assert.equal(read(expected, proposal(own, sn)), 0);
    assert.deepEqual([subspacesOf(choice.extra, NUMBERS), choice.sn], [count, esn]);
  }
  assert.notEqual(read(expected, proposal([15], [])), 0, 'nothing in common');

  // Answers: one transform of the type, with the attribute as it was offered.
  const answer = (sn: string, transforms = 2): string => {
    const body = '0300000c' + '0100001d' + '800e0080' + sn;
    const length = (size: number): string => size.toString(16).padStart(4, '0');
    const size = 12 + body.length / 2;
    return `0000${length(size + 4)}0000${length(size)}0103040${transforms}01020304${body}`;
  };
  const answers: [string, boolean][] = [
    [answer('0000000c05000402c0000010'), true],
    [answer('0000000c05000402c0000000'), true],
    [answer('0000000805000000'), true],
    [answer('0000000805000001'), true],
    [answer('0000000805000402'), false],
    [answer('0000000c050004024000' + '0000'), false],
    [answer('0000000c05000402c0010010'), false],
    [answer('0000001005000402c0000010c0000010'), false],
    [answer('0000000c05000403c0000010'), false],
    [answer('0300000c05000402c0000010' + '0000000805000000', 3), false],
  ];
  for (const [text, isFine] of answers) assert.equal(read(text, proposal([16, 65536]), true) === 0, isFine, text);
});

test('what two sides agree on', () => {
  const cases: [own: number[], theirs: number[], count: number][] = [
    [[16], [16], 16],
    [[1], [65536], 1],
    [[65535], [65536], 65535],
    [[65536], [65536], 65536],
    [[65536], [65535], 0],
    [[64, 16], [16], 16],
    [[16, 64], [64], 16],
    [[64, 16], [8], 0],
    [[], [16], 0],
    [[16], [], 0],
  ];
  for (const [own, theirs, count] of cases) {
    const result = outcome({ own: plain(proposal(own, [0])), theirs: plain(proposal(theirs, [0])) });
    assert.deepEqual(result, { count, esn: 0, compressed: false }, `${own} ${theirs}`);
  }
});

test('a peer without the extension, or without private numbers, has one counter', () => {
  const old = plain(proposal([], [1]));
  assert.deepEqual(outcome({ theirs: old, knows: ['device'] }), { count: 0, esn: 1, compressed: false });
  assert.deepEqual(outcome({ own: old, knows: ['gateway'] }), { count: 0, esn: 1, compressed: false });
  assert.deepEqual(outcome({ vendor: false }), { count: 0, esn: 0, compressed: false });
  const s = both({ own: plain(proposal([16], [])), theirs: plain(proposal([])), knows: ['device'] });
  s.connect();
  s.wait(100);
  assert.deepEqual(outcomes(s), { device: ['NO_PROPOSAL_CHOSEN'], gateway: ['deleted'] });
});

test('where compression is agreed, subspaces are not', () => {
  const squeezed = (required: boolean, sn: (0 | 1)[]): Partial<ChildPolicy> => {
    const { compression, notify } = childPolicy(1, 2);
    return { esp: [proposal([16], sn)], notify, compression: { ...compression!, required } };
  };
  for (const required of [false, true]) {
    const result = outcome({ own: squeezed(required, [0]), theirs: squeezed(required, [0, 1]) });
    assert.deepEqual(result, { count: 0, esn: 0, compressed: true });
  }
  // The initiator wants nothing but subspaces.
  const alone = outcome({ own: squeezed(false, []), theirs: squeezed(false, [0]) });
  assert.deepEqual(alone, { count: 16, esn: 0, compressed: false });
  const s = both({ own: squeezed(true, []), theirs: squeezed(true, [0]) });
  s.connect();
  s.wait(100);
  assert.deepEqual(outcomes(s), { device: ['NO_PROPOSAL_CHOSEN'], gateway: ['deleted'] });
  // A peer that takes both.
  const wrong = both({ own: squeezed(false, [0]), theirs: squeezed(false, []) });
  wrong.world.gateway.ike.extensions.pop();
  wrong.connect();
  wrong.wait(100);
  assert.deepEqual(outcomes(wrong).device, ['protocol']);
});

test('rekeys of both kinds and of the IKE SA keep the subspaces', () => {
  for (const optimized of [false, true]) {
    const s = both({
      own: plain(proposal([16], [0], optimized ? [] : [31])),
      theirs: plain(proposal([16], [0], optimized ? [] : [31])),
      optimized,
    });
    let sa = s.connect();
    s.wait(1000);
    const spis = new Set<number>();
    for (const node of [s.world.device, s.world.gateway]) {
      for (let i = 0; i < 2; i++) {
        const one = node.ike.sas.find(({ skIn }) => skIn !== null)!;
        rekeyChild(node.ike, one, one.children[one.children.length - 1], s.world.now);
        s.wait(20000);
        assert.deepEqual(agreed(s, sa), { count: 16, esn: 0, compressed: false });
        spis.add(sa.children[sa.children.length - 1].spiIn);
      }
      rekeyIke(node.ike, node.ike.sas.find(({ skIn }) => skIn !== null)!, s.world.now);
      s.wait(20000);
      sa = s.world.device.established.at(-1)!;
      agreed(s, sa);
    }
    assert.equal(spis.size, 4);
    s.close();
  }
});

test('an answer outside the offer ends the attempt', () => {
  // The gateway is made to answer with another count.
  const s = both({});
  s.world.gateway.ike.extensions.push({
    add: (_ike, _sa, _step, draft) => {
      for (const one of draft?.choice.extra ?? []) one.attributes = Uint8Array.of(0xc0, 0, 0, 8);
    },
    read: () => 0,
  });
  s.connect();
  s.wait(100);
  assert.deepEqual(outcomes(s).device, ['protocol']);
});

function change(plan: Plan, seed: number): void {
  const random = createRandom(seed * 6007 + 3);
  const counts = [[16], [64, 16], [65536], [1], []];
  const isPlain = random.below(2) === 0;
  for (const one of [plan.device, plan.gateway]) {
    const esp = proposal(counts[random.below(counts.length)], [0]);
    one.child = { ...one.child, esp: [esp] };
    if (isPlain) one.child = { ...one.child, notify: null, compression: null };
  }
}

test('250 handshakes with rekeys on bad networks, with a forger', (t) => {
  let split = 0;
  let left = 0;
  const { text, established } = handshakes(31001, 31250, {
    plan: change,
    net: (net) => [net.device, net.gateway].forEach(({ ike }: Node) => void ike.extensions.push(subspaces)),
    after: (net, label) => {
      net.faults.until = net.now + 15000;
      for (const node of [net.device, net.gateway]) {
        const sa = node.ike.sas.find(({ children, state }) => state === STATE_ESTABLISHED && children.length > 0);
        if (sa !== undefined) rekeyChild(node.ike, sa, sa.children[0], net.now);
      }
      net.run(net.now + 400000);
      const isBusy = ({ ike }: Node): boolean => ike.sas.some((one) => one.task !== null || one.held !== null);
      for (let i = 0; i < 20 && (isBusy(net.device) || isBusy(net.gateway)); i++) net.run(net.now + 1000);
      if (!agree(net, `${label} rekeyed`)) return;
      left++;
      const of = ({ ike }: Node): object[] =>
        ike.sas[0].children.map(({ transforms, compression, esn }) => {
          const count = subspacesOf(transforms, NUMBERS);
          assert.ok(count === 0 || compression === null, label);
          return { count, isCompressed: compression !== null, esn };
        });
      assert.deepEqual(of(net.device), of(net.gateway), label);
      if (subspacesOf(net.device.ike.sas[0].children[0].transforms, NUMBERS) > 0) split++;
    },
  });
  t.diagnostic(`${text}; ${left} lived on, ${split} with subspaces`);
  assert.ok(established > 120 && left > 60 && split > 12, `${established} ${left} ${split}`);
});

test('overridden private numbers', () => {
  const numbers = { ...NUMBERS, subspaces: 2000, subspaceCount: 17000 };
  const transform = subspaceTransform(3, numbers);
  assert.deepEqual([transform.id, hex(transform.attributes!)], [2000, 'c2680003']);
  assert.equal(subspacesOf([transform], numbers), 3);
  assert.equal(subspacesOf([transform], NUMBERS), 0);
  assert.equal(subspacesOf([{ ...transform, attributes: NONE }], numbers), 0);
});
