// The seam of extensions, by one that uses all of it: what it agrees on is kept, carried through rekeys, proof against
// loss, and refused or left out by a peer without it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Transforms } from '../../../core/ike/codec/proposals.ts';
import { rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import { CHILD_LIVE, type ChildSa } from '../../../core/ike/state/child.ts';
import { outcomeName } from '../../../core/ike/state/outcome-name.ts';
import type { ChildPolicy } from '../../../core/ike/state/policy.ts';
import { childPathOf, espPathOf, type IkeSa, movePath } from '../../../core/ike/state/sa.ts';
import { describeIkeSa } from '../../../core/ike/state/view.ts';
import { assertUp, outcomes, type Scene, scene } from '../kit.ts';
import { address, childPolicy, path, policy } from '../pair.ts';
import { attachDummy, type Dummy, PROTOCOL_DUMMY, ROUNDS, TRANSFORM, withDummy } from './dummy.ts';

const IKE = policy('a', 'b', 1, 2).ike[0];
const ESP: Transforms = { ...childPolicy(1, 2).esp[0], ke: [31] };
const OTHER: Transforms = {
  protocol: PROTOCOL_DUMMY,
  ciphers: [14],
  keyBits: [128],
  prf: [],
  integ: [],
  ke: [],
  sn: [0],
};

function named(name: string, local: number, remote: number, esp: Transforms[]): ChildPolicy {
  return { ...childPolicy(local, remote), name, esp, notify: null, compression: null };
}

/** Three Child SAs: that of IKE_AUTH, one of ESP with a path of its own, one of another protocol. */
const children = (device: boolean, esp = [withDummy(ESP)]): ChildPolicy[] => {
  const pair = (n: number): [number, number] => (device ? [n, n + 1] : [n + 1, n]);
  return [named('aside', ...pair(11), esp), named('other', ...pair(21), [OTHER])];
};

type Loss = (count: number) => boolean;

interface Both extends Scene {
  own: Dummy;
  theirs: Dummy | null;
  exchanges: number[];
}

function both(given: { ike?: Transforms[]; peer?: Transforms[]; hasPeer?: boolean; loses?: Loss } = {}): Both {
  const exchanges: number[] = [];
  let count = 0;
  const ike = given.ike ?? [withDummy(IKE)];
  const peer = given.peer ?? ike;
  const hasPeer = given.hasPeer ?? true;
  const common = { maxChildren: 8, optimizedRekey: false, retransmitTime: 1000 };
  const esp = [withDummy(ESP)];
  const s = scene({
    unobserved: true,
    device: { ...common, ike, children: children(true) },
    gateway: { ...common, ike: peer, children: hasPeer ? children(false) : children(false, [ESP]) },
    deviceChild: { name: 'first', esp },
    gatewayChild: { name: 'first', esp: hasPeer ? esp : [ESP] },
    filter: (datagram) => {
      exchanges.push(datagram.octets[18]);
      count++;
      return given.loses?.(count) === true ? [] : [datagram];
    },
  }) as Both;
  let spi = 256;
  for (const node of [s.world.device, s.world.gateway]) {
    // SPIs of two octets, too.
    node.ike.upper.allocateSpi = (_path, offers) => (offers[0] === 16 ? ++spi : 0x20000 + ++spi);
  }
  s.own = attachDummy(s.world.device.ike);
  s.theirs = hasPeer ? attachDummy(s.world.gateway.ike) : null;
  s.exchanges = exchanges;
  for (const dummy of [s.own, s.theirs]) dummy?.aside.set('aside', { ...path(), port: 7, link: new Uint8Array(2) });
  return s;
}

const live = (sa: IkeSa): ChildSa[] => sa.children.filter(({ retired }) => retired === CHILD_LIVE);
const byName = (sa: IkeSa, name: string): ChildSa => live(sa).find((child) => child.policy.name === name)!;

/** Both sides have the same Child SAs under the same keys. */
function agree(s: Both, sa: IkeSa): void {
  const { device, gateway } = s.world;
  const other = gateway.ike.sas.find((one) => Buffer.compare(one.spis, sa.spis) === 0)!;
  assert.deepEqual(Buffer.from(sa.skD), Buffer.from(other.skD));
  const names = (one: IkeSa): string[] =>
    live(one)
      .map(({ policy: { name } }) => name)
      .sort();
  assert.deepEqual(names(sa), ['aside', 'first', 'other']);
  assert.deepEqual(names(other), names(sa));
  for (const name of ['first', 'aside']) {
    const ours = device.pairs.get(byName(sa, name))!;
    const theirs = gateway.pairs.get(byName(other, name))!;
    assert.deepEqual(ours.outgoing.key, theirs.incoming.key, name);
    assert.deepEqual(ours.incoming.key, theirs.outgoing.key, name);
    assert.notDeepEqual(ours.incoming.key, ours.outgoing.key, name);
  }
  const of = (dummy: Dummy, child: ChildSa) => dummy.installed.find((one) => one.child === child)!;
  const ours = of(s.own, byName(sa, 'other'));
  const theirs = of(s.theirs!, byName(other, 'other'));
  assert.deepEqual([ours.outgoing, ours.incoming], [theirs.incoming, theirs.outgoing]);
  assert.equal(ours.outgoing.length, 40);
}

test('transforms, rounds, Child SAs, another protocol, a path: all of it, and through rekeys', () => {
  const s = both();
  let sa = s.connect();
  s.wait(5000);
  assertUp(s, sa);
  assert.deepEqual(sa.transforms, [TRANSFORM]);
  assert.equal(s.own.rounds, ROUNDS);
  assert.equal(s.exchanges.filter((one) => one === 43).length, 2 * ROUNDS);
  agree(s, sa);
  // That of IKE_AUTH has no key exchange, and so no additional one.
  assert.deepEqual([byName(sa, 'first').transforms, byName(sa, 'aside').transforms], [[], [TRANSFORM]]);
  assert.equal(s.own.follows, 1);
  const other = byName(sa, 'other');
  assert.deepEqual([other.protocol, other.spiSize, other.suite, other.spiIn < 65536], [PROTOCOL_DUMMY, 2, null, true]);
  assert.equal(childPathOf(sa, byName(sa, 'aside')).port, 7);
  assert.equal(childPathOf(sa, other), espPathOf(sa));

  for (const name of ['first', 'aside', 'other']) {
    const old = byName(sa, name);
    for (const node of [s.world.device, s.world.gateway]) {
      const one = node.ike.sas[0];
      rekeyChild(node.ike, one, byName(one, name), s.world.now);
      s.wait(20000);
    }
    assert.notEqual(byName(sa, name).spiIn, old.spiIn, name);
    assert.equal(byName(sa, name).policy.name, name);
    agree(s, sa);
  }
  assert.equal(childPathOf(sa, byName(sa, 'aside')).port, 7);
  // aside twice, and first, whose rekeys have a key exchange.
  assert.equal(s.own.follows, 5);

  for (const node of [s.world.device, s.world.gateway]) {
    const before = sa;
    rekeyIke(node.ike, node.ike.sas.find(({ skIn }) => skIn !== null)!, s.world.now);
    s.wait(20000);
    sa = s.world.device.established.at(-1)!;
    assert.notEqual(sa, before);
    assert.deepEqual(sa.transforms, [TRANSFORM]);
    agree(s, sa);
  }
  assert.equal(s.own.follows, 7);
  const view = describeIkeSa(sa);
  assert.deepEqual(
    view.children.map(({ protocol }) => protocol).sort((a, b) => a - b),
    [3, 3, PROTOCOL_DUMMY],
  );
  s.close();
});

for (let lost = 1; lost <= 18; lost++) {
  test(`message ${lost} is lost`, () => {
    const s = both({ loses: (count) => count === lost });
    const sa = s.connect();
    s.wait(30000);
    assertUp(s, sa);
    agree(s, sa);
    s.close();
  });
}

test('a peer without the extension: what may be left out is', () => {
  const s = both({ ike: [withDummy(IKE), IKE], peer: [IKE], hasPeer: false });
  s.device.child.esp = [withDummy(ESP), ESP];
  for (const child of s.device.children!) if (child.name !== 'other') child.esp = [withDummy(ESP), ESP];
  const sa = s.connect();
  s.wait(5000);
  assertUp(s, sa);
  assert.deepEqual([sa.transforms, s.own.rounds, s.own.follows], [[], 0, 0]);
  assert.deepEqual(
    live(sa).map(({ policy: { name } }) => name),
    ['first', 'aside'],
  );
  // The protocol that it does not have.
  assert.ok(s.world.device.events.includes('childFailed 14'));
  s.close();
});

test('a proposal without the type is taken where the type may be left out', () => {
  const s = both({ ike: [IKE], peer: [withDummy(IKE, true)] });
  const sa = s.connect();
  s.wait(5000);
  assertUp(s, sa);
  assert.deepEqual(sa.transforms, []);
  agree(s, sa);
  s.close();
});

test('a peer without the extension: what may not be left out ends with the name of why', () => {
  const s = both({ peer: [IKE], hasPeer: false });
  s.connect();
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['NO_PROPOSAL_CHOSEN']);
});

test('an error of the extension has its number on the wire, and its name', () => {
  const s = both();
  s.theirs!.forbidden.push('aside');
  const failed: number[] = [];
  s.world.device.ike.upper.childFailed = (_sa, outcome) => void failed.push(outcome);
  const sa = s.connect();
  s.wait(5000);
  assertUp(s, sa);
  assert.deepEqual(
    failed.map((one) => outcomeName(one, s.world.device.ike.extensions)),
    ['DUMMY_FORBIDDEN'],
  );
  assert.equal(outcomeName(failed[0]), 'notify-8999');
  assert.deepEqual(
    live(sa)
      .map(({ policy: { name } }) => name)
      .sort(),
    ['first', 'other'],
  );
  s.close();
});

test('what is held is given up when its rounds do not come', () => {
  let isCut = false;
  const s = both({ loses: () => isCut });
  const sa = s.connect();
  s.wait(5000);
  const { gateway } = s.world;
  const before = gateway.ike.sas[0].children.length;
  rekeyChild(s.world.device.ike, sa, byName(sa, 'aside'), s.world.now);
  const transmit = gateway.ike.upper.transmit;
  gateway.ike.upper.transmit = (...given) => {
    transmit(...given);
    isCut = true;
  };
  s.wait(1);
  assert.notEqual(gateway.ike.sas[0].held, null);
  s.wait(70000);
  assert.equal(gateway.ike.sas[0].held, null);
  assert.equal(gateway.ike.sas[0].children.length, before);
});

test('a packet from elsewhere moves what has that path, and nothing else', () => {
  const s = both();
  const sa = s.connect();
  s.wait(5000);
  const aside = byName(sa, 'aside');
  const there = { ...path(), remote: address(99), encapsulated: true };
  assert.equal(movePath(sa, aside, there), false, 'no NAT, no move');
  aside.path = { ...aside.path!, encapsulated: true };
  assert.equal(movePath(sa, aside, there), true);
  assert.equal(aside.path, there);
  assert.notEqual(espPathOf(sa), there);
  sa.path = { ...sa.path, encapsulated: true };
  assert.equal(movePath(sa, byName(sa, 'first'), there), true);
  assert.equal(espPathOf(sa), there);
});
