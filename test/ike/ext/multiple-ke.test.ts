// Additional key exchanges [RFC 9370] and ML-KEM between two endpoints: what is chosen, how often, under which keys, in rekeys of
// both kinds, under loss, and what is refused.

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
import { CHILD_LIVE, type ChildSa } from '../../../core/ike/state/child.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { createNodeAsymmetric } from '../../../targets/node/host/provider/asymmetric.ts';
import { assertUp, outcomes, type Scene, scene } from '../kit.ts';
import { childPolicy, type Datagram, type Node, policy } from '../pair.ts';

const IKE = policy('a', 'b', 1, 2).ike[0];
const ESP: Transforms = childPolicy(1, 2).esp[0];

/** A proposal with the first method, and lists of methods for ADDKE1, 2, ... */
function withKe(base: Transforms, first: number, ...more: number[][]): Transforms {
  const list = more.flatMap((ids, index) => ids.map((id) => ({ type: 6 + index, id, attributes: NONE })));
  return { ...base, ke: [first as 31], extra: createAdditionalKe(list) };
}

interface Given {
  ike?: Transforms[];
  peer?: Transforms[];
  esp?: Transforms[];
  /** The gateway has no RFC 9370 at all. */
  isOld?: boolean;
  optimized?: boolean;
  filter?: (datagram: Datagram, count: number) => Datagram[];
  device?: Record<string, unknown>;
}

interface Both extends Scene {
  exchanges: number[];
}

function attach(node: Node): void {
  const { ike } = node;
  ike.asymmetric = createNodeAsymmetric();
  ike.extensions.push(additionalKeyExchanges);
  ike.intermediate = createRounds([keyExchangeRounds, ...(ike.intermediate?.list ?? [])]);
  ike.followUps = createFollowUps([keyExchangeFollowUps]);
}

function both(given: Given = {}): Both {
  const ike = given.ike ?? [withKe(IKE, 31, [36])];
  const exchanges: number[] = [];
  let count = 0;
  const common = { optimizedRekey: given.optimized ?? false, retransmitTime: 1000, fragmentSize: 1280 };
  const s = scene({
    unobserved: true,
    device: { ...common, ike, ...given.device },
    gateway: { ...common, ike: given.peer ?? ike },
    deviceChild: given.esp === undefined ? {} : { esp: given.esp },
    gatewayChild: given.esp === undefined ? {} : { esp: given.esp },
    filter: (datagram) => {
      exchanges.push(datagram.octets[18]);
      count++;
      return given.filter?.(datagram, count) ?? [datagram];
    },
  }) as Both;
  attach(s.world.device);
  if (given.isOld !== true) attach(s.world.gateway);
  s.exchanges = exchanges;
  return s;
}

const live = (sa: IkeSa): ChildSa => sa.children.find(({ retired }) => retired === CHILD_LIVE)!;

/** Both sides have the same keys, for IKE and for ESP. */
function agree(s: Both, sa: IkeSa): void {
  const { device, gateway } = s.world;
  const other = gateway.ike.sas.find((one) => Buffer.compare(one.spis, sa.spis) === 0)!;
  assert.deepEqual(Buffer.from(sa.skD), Buffer.from(other.skD));
  const ours = device.pairs.get(live(sa))!;
  const theirs = gateway.pairs.get(live(other))!;
  assert.deepEqual(ours.outgoing.key, theirs.incoming.key);
  assert.deepEqual(ours.incoming.key, theirs.outgoing.key);
  assert.deepEqual(additionalKes(live(sa).transforms), additionalKes(live(other).transforms));
}

const messages = (s: Both, exchange: number): number => s.exchanges.filter((one) => one === exchange).length;

for (const [name, ike, methods] of [
  ['x25519-mlkem512', withKe(IKE, 31, [35]), [35]],
  ['x25519-mlkem768', withKe(IKE, 31, [36]), [36]],
  ['x25519-mlkem1024', withKe(IKE, 31, [37]), [37]],
  ['x25519-p256', withKe(IKE, 31, [19]), [19]],
  ['p256-x25519-mlkem768-mlkem1024', withKe(IKE, 19, [31], [36], [37]), [31, 36, 37]],
  ['mlkem512', withKe(IKE, 35), []],
  ['mlkem768', withKe(IKE, 36), []],
  ['mlkem1024', withKe(IKE, 37), []],
  ['mlkem768-x25519', withKe(IKE, 36, [31]), [31]],
] as const) {
  test(`${name}: handshake, and rekeys of both kinds from both sides`, () => {
    const esp = [withKe(ESP, 31, [36], [19])];
    const s = both({ ike: [ike], esp });
    let sa = s.connect();
    s.wait(5000);
    assertUp(s, sa);
    agree(s, sa);
    assert.deepEqual(additionalKes(sa.transforms), methods);
    for (const node of [s.world.device, s.world.gateway]) {
      const old = live(sa);
      const one = node.ike.sas[0];
      rekeyChild(node.ike, one, live(one), s.world.now);
      s.wait(20000);
      assert.notEqual(live(sa).spiIn, old.spiIn);
      assert.deepEqual(additionalKes(live(sa).transforms), [36, 19]);
      agree(s, sa);
    }
    for (const node of [s.world.device, s.world.gateway]) {
      rekeyIke(node.ike, node.ike.sas.find(({ skIn }) => skIn !== null)!, s.world.now);
      s.wait(20000);
      const next = s.world.device.established.at(-1)!;
      assert.notEqual(next, sa);
      sa = next;
      assert.deepEqual(additionalKes(sa.transforms), methods);
      agree(s, sa);
    }
    assert.ok(messages(s, 44) >= 4 * 2 + 2 * 2 * methods.length);
    s.close();
  });
}

test('optimized rekeys keep what was agreed', () => {
  const s = both({ esp: [withKe(ESP, 31, [36])], optimized: true });
  let sa = s.connect();
  s.wait(5000);
  assertUp(s, sa);
  for (const node of [s.world.device, s.world.gateway]) {
    for (let n = 0; n < 2; n++) {
      const before = messages(s, 44);
      const one = node.ike.sas[0];
      rekeyChild(node.ike, one, live(one), s.world.now);
      s.wait(20000);
      assert.deepEqual(additionalKes(live(sa).transforms), [36]);
      assert.ok(messages(s, 44) >= before + 2);
      agree(s, sa);
    }
  }
  rekeyIke(s.world.device.ike, sa, s.world.now);
  s.wait(20000);
  sa = s.world.device.established.at(-1)!;
  assert.deepEqual(additionalKes(sa.transforms), [36]);
  agree(s, sa);
  s.close();
});

test('peers that are configured for each other: the policy says what rekeys of the first Child SA have', () => {
  const s = both({ esp: [withKe(ESP, 31, [35, 0], [19])], optimized: true, device: { privateAlways: true } });
  s.gateway.privateAlways = true;
  const sa = s.connect();
  s.wait(5000);
  assertUp(s, sa);
  assert.deepEqual(live(sa).transforms, []);
  for (const node of [s.world.device, s.world.gateway]) {
    const one = node.ike.sas[0];
    rekeyChild(node.ike, one, live(one), s.world.now);
    s.wait(20000);
    assert.deepEqual(additionalKes(live(sa).transforms), [35, 19]);
    agree(s, sa);
  }
  s.close();
});

test('NONE where both have it, and where only the peer names the type', () => {
  for (const [ike, peer, methods] of [
    [[withKe(IKE, 31, [36, 0])], [withKe(IKE, 31, [37, 0])], []],
    [[withKe(IKE, 31, [36, 0])], [withKe(IKE, 31)], []],
    [[withKe(IKE, 31, [36, 0], [19])], [withKe(IKE, 31, [37, 0], [19])], [19]],
    // Of what fits in two ways, that in which the methods differ.
    [[withKe(IKE, 31, [36, 37], [36])], [withKe(IKE, 31, [36, 37], [36])], [37, 36]],
  ] as const) {
    const s = both({ ike: [...ike], peer: [...peer] });
    const sa = s.connect();
    s.wait(5000);
    assertUp(s, sa);
    assert.deepEqual(additionalKes(sa.transforms), methods);
    assert.equal(messages(s, 43) > 0, methods.length > 0);
    s.close();
  }
});

test('the same method twice is not agreed on', () => {
  const s = both({ ike: [withKe(IKE, 31, [36], [36])] });
  s.connect();
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['NO_PROPOSAL_CHOSEN']);
});

test('a peer without RFC 9370 takes the proposal without, or ends with the name of why', () => {
  const s = both({ ike: [withKe(IKE, 31, [36]), withKe(IKE, 31)], peer: [IKE], isOld: true });
  const sa = s.connect();
  s.wait(5000);
  assertUp(s, sa);
  assert.deepEqual([additionalKes(sa.transforms), messages(s, 43)], [[], 0]);
  s.close();
  const other = both({ peer: [IKE], isOld: true });
  other.connect();
  other.wait(300000);
  assert.deepEqual(outcomes(other).device, ['NO_PROPOSAL_CHOSEN']);
});

for (let lost = 1; lost <= 26; lost++) {
  test(`datagram ${lost} is lost`, () => {
    const s = both({ esp: [withKe(ESP, 31, [36])], filter: (one, count) => (count === lost ? [] : [one]) });
    const sa = s.connect();
    s.wait(30000);
    assertUp(s, sa);
    rekeyChild(s.world.device.ike, sa, live(sa), s.world.now);
    s.wait(60000);
    agree(s, sa);
    assert.deepEqual(additionalKes(live(sa).transforms), [36]);
    s.close();
  });
}
