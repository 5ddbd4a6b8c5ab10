// Additional key exchanges that go wrong: keys that are none, rounds that are left out, links that lead nowhere, IKE_FOLLOWUP_KE in
// each state.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_UNSUPPORTED } from '../../../core/base/drop.ts';
import type { Asymmetric, KeOwn } from '../../../core/crypto/asymmetric.ts';
import { createFollowUps } from '../../../core/ike/child/follow-up.ts';
import { NONE } from '../../../core/ike/codec/octets.ts';
import type { Transforms } from '../../../core/ike/codec/proposals.ts';
import { rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import { dropHeld } from '../../../core/ike/exchange/session.ts';
import {
  additionalKes,
  additionalKeyExchanges,
  createAdditionalKe,
  keyExchangeFollowUps,
  keyExchangeRounds,
} from '../../../core/ike/ext/multiple-ke.ts';
import { createRounds } from '../../../core/ike/setup/rounds.ts';
import { CHILD_LIVE, type ChildSa } from '../../../core/ike/state/child.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import {
  type IkeSa,
  STATE_CLOSING,
  STATE_ESTABLISHED,
  STATE_FORMING,
  STATE_REPLACED,
} from '../../../core/ike/state/sa.ts';
import { createNodeAsymmetric } from '../../../targets/node/host/provider/asymmetric.ts';
import { assertUp, outcomes, type Scene, scene } from '../kit.ts';
import { childPolicy, type Datagram, type Node, policy } from '../pair.ts';
import { craft, picture, sceneOf, take } from '../table-kit.ts';

function withKe(base: Transforms, methods: number[]): Transforms {
  const list = methods.slice(1).map((id, index) => ({ type: 6 + index, id, attributes: NONE }));
  return { ...base, ke: [methods[0] as 31], extra: createAdditionalKe(list) };
}

function attach({ ike }: Node): void {
  ike.asymmetric = createNodeAsymmetric();
  ike.extensions.push(additionalKeyExchanges);
  ike.intermediate = createRounds([keyExchangeRounds]);
  ike.followUps = createFollowUps([keyExchangeFollowUps]);
}

function both(methods: number[], optimized = false, filter?: (datagram: Datagram, s: Scene) => Datagram[]): Scene {
  const common = {
    ike: [withKe(policy('a', 'b', 1, 2).ike[0], methods)],
    optimizedRekey: optimized,
    retransmitTime: 1000,
    fragmentSize: 1280,
  };
  const child = { esp: [withKe(childPolicy(1, 2).esp[0], [31, 35])] };
  const s = scene({
    unobserved: true,
    device: common,
    gateway: common,
    deviceChild: child,
    gatewayChild: child,
    ...(filter === undefined ? {} : { filter }),
  });
  attach(s.world.device);
  attach(s.world.gateway);
  return s;
}

const live = (sa: IkeSa): ChildSa => sa.children.find(({ retired }) => retired === CHILD_LIVE)!;

/** Whatever a key encapsulation sends is changed by `change`. */
function spoiled(change: (own: Uint8Array) => Uint8Array): Asymmetric {
  const own = createNodeAsymmetric();
  return {
    ...own,
    keStart: (method, out, at, use, place) => {
      const caught: KeOwn = { own: NONE };
      const half = own.keStart(method, out, at, use, caught);
      if (place !== undefined && caught.own.length > 0) place.own = change(caught.own);
      return half;
    },
  };
}

const CHANGES: [string, (own: Uint8Array) => Uint8Array][] = [
  ['coefficients above q', (own) => own.slice().fill(255, 0, 3)],
  ['an octet less', (own) => own.slice(1)],
  ['an octet more', (own) => Uint8Array.of(...own, 0)],
  ['nothing', () => NONE],
];

for (const [name, change] of CHANGES) {
  test(`an encapsulation key with ${name}: INVALID_SYNTAX, in each exchange`, () => {
    // In IKE_INTERMEDIATE, and in IKE_SA_INIT, where it is without protection and remembered only.
    for (const methods of [
      [31, 36],
      [35, 31],
    ]) {
      const s = both(methods);
      s.world.device.ike.asymmetric = spoiled(change);
      s.connect();
      s.wait(300000);
      assert.deepEqual(outcomes(s).device, ['INVALID_SYNTAX']);
      assert.equal(s.world.gateway.established.length, 0);
    }
    // In IKE_FOLLOWUP_KE it ends the IKE SA at both ends.
    const s = both([31]);
    const sa = s.connect();
    s.wait(5000);
    assertUp(s, sa);
    s.world.device.ike.asymmetric = spoiled(change);
    rekeyChild(s.world.device.ike, sa, live(sa), s.world.now);
    s.wait(100000);
    assert.deepEqual(outcomes(s), { device: ['INVALID_SYNTAX'], gateway: ['protocol'] });
    assert.deepEqual([s.world.device.pairs.size, s.world.gateway.pairs.size], [0, 0]);
  });
}

test('a forged ciphertext gives another secret: nothing is established, and the peer is told', () => {
  const s = both([31, 36]);
  const own = createNodeAsymmetric();
  s.world.gateway.ike.asymmetric = {
    ...own,
    keFinish: (half, peer, offset, length, out, at) => {
      const fine = own.keFinish(half, peer, offset, length, out, at);
      if (fine && length > 1000) out[at] ^= 1;
      return fine;
    },
  };
  s.connect();
  s.wait(300000);
  assert.deepEqual([s.world.device.established.length, s.world.gateway.established.length], [0, 0]);
  assert.equal(outcomes(s).device.length, 1);
});

test('IKE_AUTH before all rounds are done is refused', () => {
  for (const rounds of [0, 1]) {
    const s = both([31, 35, 19]);
    let done = 0;
    s.world.device.ike.intermediate = createRounds([
      { ...keyExchangeRounds, request: (...given) => done++ < rounds && keyExchangeRounds.request(...given) },
    ]);
    s.connect();
    s.wait(300000);
    assert.deepEqual(outcomes(s).device, ['AUTHENTICATION_FAILED']);
    assert.equal(s.world.gateway.established.length, 0);
  }
});

test('a round that fits no message ends the SA; IKE_AUTH does not follow', () => {
  const exchanges: number[] = [];
  const s = both([31, 37], false, (datagram) => {
    exchanges.push(datagram.octets[18]);
    return [datagram];
  });
  s.device.fragmentSize = 0;
  s.world.device.ike.maxMessage = 1280;
  s.connect();
  s.wait(300000);
  assert.deepEqual([outcomes(s).device, exchanges.includes(35)], [['refused'], false]);
});

for (const optimized of [false, true]) {
  for (const [name, lose] of [
    ['what is held is gone', (sa: IkeSa, ike: Ike) => dropHeld(ike, sa)],
    ['the link is of another attempt', (sa: IkeSa) => void (sa.held!.link = new Uint8Array(4))],
  ] as const) {
    test(`${name}${optimized ? ', optimized' : ''}: STATE_NOT_FOUND, and the rekey is begun anew`, () => {
      let isArmed = false;
      let lost = 0;
      const s = both([31, 35], optimized, (datagram, self) => {
        const { gateway } = self.world;
        if (isArmed && datagram.octets[18] === 44 && datagram.from.name === 'device') {
          isArmed = false;
          lost++;
          lose(gateway.ike.sas.find(({ held }) => held !== null)!, gateway.ike);
        }
        return [datagram];
      });
      let sa = s.connect();
      s.wait(5000);
      assertUp(s, sa);
      const old = live(sa);
      isArmed = true;
      rekeyChild(s.world.device.ike, sa, old, s.world.now);
      s.wait(60000);
      assert.notEqual(live(sa).spiIn, old.spiIn);
      assert.deepEqual(additionalKes(live(sa).transforms), [35]);
      isArmed = true;
      rekeyIke(s.world.device.ike, sa, s.world.now);
      s.wait(60000);
      assert.equal(lost, 2);
      assert.notEqual(s.world.device.established.at(-1), sa);
      sa = s.world.device.established.at(-1)!;
      assert.deepEqual(additionalKes(sa.transforms), [35]);
      assert.equal(s.world.device.events.filter((event) => event.startsWith('childFailed')).length, 0);
      s.close();
    });
  }
}

for (const initiator of [true, false]) {
  test(`IKE_FOLLOWUP_KE in each state of the ${initiator ? 'initiator' : 'responder'}`, () => {
    let answered = 0;
    for (let state = 0; state <= STATE_FORMING; state++) {
      for (const isResponse of [false, true]) {
        const one = sceneOf(initiator, state);
        if (one === null) continue;
        one.node.ike.followUps = createFollowUps([keyExchangeFollowUps]);
        const before = picture(one) as { letters: number };
        const isUp = state === STATE_ESTABLISHED;
        const answers = !isResponse && (isUp || state === STATE_REPLACED || state === STATE_CLOSING);
        const id = isResponse ? Math.max(0, one.sa.nextId - 1) : one.sa.expectedId;
        const octets = craft(one, 44, isResponse, id);
        const code = take(one, octets);
        const after = picture(one) as { letters: number };
        const label = `${state} ${isResponse}`;
        if (!answers) {
          // A response to nothing that was asked is counted, in whatever state.
          assert.equal(code, DROP_UNSUPPORTED, label);
          assert.deepEqual(after, before, label);
          continue;
        }
        answered++;
        assert.equal(code, 0, label);
        assert.equal(after.letters, before.letters + 1, label);
        assert.equal(one.sa.state, state, label);
        assert.equal(one.sa.response[18], 44);
      }
    }
    assert.equal(answered, 3);
  });
}
