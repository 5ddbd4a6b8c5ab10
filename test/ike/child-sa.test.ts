// The negotiation of a Child SA: addresses by CP, mode, selectors, header compression, DSCP.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MODE_TRANSPORT, MODE_TUNNEL } from '../../core/dietesp/attributes.ts';
import { defaultCompression } from '../../core/ike/child/compression.ts';
import { ehc } from '../../core/ike/child/ehc.ts';
import { hcp } from '../../core/ike/child/hcp.ts';
import { CP_INTERNAL_IP4_ADDRESS, CP_INTERNAL_IP6_ADDRESS } from '../../core/ike/codec/numbers.ts';
import type { Transforms } from '../../core/ike/codec/proposals.ts';
import type { Selector } from '../../core/ike/codec/selectors.ts';
import { createChild, rekeyChild } from '../../core/ike/exchange/requests.ts';
import type { ChildPolicy } from '../../core/ike/state/policy.ts';
import { selector } from './examples.ts';
import { assertUp, nothingLeft, outcomes, type Scene, scene } from './kit.ts';
import { notifyOf } from './observer.ts';
import { address } from './pair.ts';

const range = (from: number, to: number, protocol = 0, ports: [number, number] = [0, 65535]): Selector =>
  selector(protocol, ports, [...address(from)], [...address(to)]);

/** The attempt fails with this outcome on the device, and nothing is left. */
function fails(s: Scene, device: string): void {
  s.connect();
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, [device]);
  assert.equal(s.world.device.established.length, 0);
  nothingLeft(s);
}

// Addresses.

test('CP: an inner address, in the selectors of both sides', () => {
  const any = [range(0, 255)];
  const s = scene({
    device: { requestAddress: CP_INTERNAL_IP6_ADDRESS },
    deviceChild: { local: any, remote: any },
    gatewayChild: { local: any, remote: any },
  });
  const sa = s.connect();
  const other = assertUp(s, sa);
  assert.deepEqual(sa.address, address(77));
  assert.deepEqual(other.address, address(77));
  assert.deepEqual(sa.children[0]!.local, range(77, 77));
  assert.deepEqual(other.children[0]!.remote, range(77, 77));
  const [, , request, response] = s.sent();
  const cp = (m: typeof request): string => m!.payloads.find((p) => p.type === 47)!.body.toString('hex');
  assert.equal(cp(request), '01000000' + '00080000');
  assert.equal(cp(response), '02000000' + '00080011' + Buffer.from(address(77)).toString('hex') + '80');
  s.close();
});

test('CP: an IPv4 address, and none left', () => {
  const four = selector(0, [0, 65535], [10, 0, 0, 0], [10, 0, 0, 255]);
  const all = { local: [four], remote: [four] };
  const s = scene({ device: { requestAddress: CP_INTERNAL_IP4_ADDRESS }, deviceChild: all, gatewayChild: all });
  s.world.gateway.ike.upper.address = () => Uint8Array.of(10, 0, 0, 9);
  const sa = s.connect();
  assertUp(s, sa);
  assert.deepEqual(sa.children[0]!.local, selector(0, [0, 65535], [10, 0, 0, 9], [10, 0, 0, 9]));
  s.close();

  const full = scene({ device: { requestAddress: CP_INTERNAL_IP6_ADDRESS } });
  full.world.gateway.ike.upper.address = () => null;
  fails(full, 'INTERNAL_ADDRESS_FAILURE');
});

test('CP: further Child SAs, of either side, have the address with the protocol and ports of the policy', () => {
  const udp = (from: number, to: number, port = 5683) => range(from, to, 17, [port, port]);
  const child = { local: [udp(0, 255)], remote: [udp(9, 9)] };
  const s = scene({
    device: { requestAddress: CP_INTERNAL_IP6_ADDRESS, maxChildren: 8 },
    gateway: { maxChildren: 8 },
    deviceChild: child,
    // Here the policy has the peer's outer address, in whose place it got another.
    gatewayChild: { local: [udp(9, 9)], remote: [udp(2, 2)] },
  });
  const sa = s.connect();
  const other = assertUp(s, sa);
  createChild(s.world.device.ike, sa, sa.policy.child, s.world.now);
  s.world.settle();
  createChild(s.world.gateway.ike, other, other.policy.child, s.world.now);
  s.world.settle();
  assert.equal(sa.children.length, 3);
  for (const one of sa.children) assert.deepEqual([one.local, one.remote], [udp(77, 77), udp(9, 9)]);
  for (const one of other.children) assert.deepEqual([one.local, one.remote], [udp(9, 9), udp(77, 77)]);
  s.close();

  // A peer that asks for more than the gateway's policy has gets no more with the address that it was given.
  const wide = scene({
    device: { requestAddress: CP_INTERNAL_IP6_ADDRESS },
    deviceChild: { local: [range(0, 255)], remote: [range(0, 255)] },
    gatewayChild: { local: [udp(9, 9)], remote: [udp(0, 255)] },
  });
  const up = wide.connect();
  assertUp(wide, up);
  assert.deepEqual(up.children[0]!.local, udp(77, 77));
  wide.close();
});

// Mode.

for (const mode of [MODE_TUNNEL, MODE_TRANSPORT] as const) {
  test(mode === MODE_TUNNEL ? 'tunnel mode' : 'transport mode', () => {
    const s = scene({ deviceChild: { mode }, gatewayChild: { mode } });
    const sa = s.connect();
    const other = assertUp(s, sa);
    for (const one of [sa, other]) assert.equal(one.children[0]!.mode, mode);
    const auth = s.sent().filter((m) => m.exchange === 35);
    for (const type of [16391, 16394])
      for (const m of auth) assert.equal(notifyOf(m, type) !== null, mode === MODE_TRANSPORT);
    // A regular rekey says it again, an optimized one inherits it.
    for (const optimized of [false, true]) {
      sa.children[0]!.keKnown = other.children[0]!.keKnown = optimized;
      rekeyChild(s.world.device.ike, sa, sa.children[0]!, s.world.now);
      s.wait(5000);
      const create = s.sent().filter((m) => m.exchange === 36);
      assert.equal(create.length, 2);
      for (const type of [16391, 16394])
        for (const m of create) assert.equal(notifyOf(m, type) !== null, mode === MODE_TRANSPORT && !optimized);
      for (const one of [sa, other]) assert.equal(one.children[0]!.mode, mode);
    }
    s.close();
  });
}

test('the mode that the policy has, or no Child SA', () => {
  fails(scene({ gatewayChild: { mode: MODE_TRANSPORT } }), 'NO_PROPOSAL_CHOSEN');
  fails(scene({ deviceChild: { mode: MODE_TRANSPORT } }), 'selectors');
});

// Selectors.

const wide: Partial<ChildPolicy> = { local: [range(0, 255)], remote: [range(0, 255)] };

test('selectors are narrowed to what both allow', () => {
  const s = scene({
    deviceChild: wide,
    gatewayChild: { local: [range(16, 31, 17, [5683, 5684])], remote: [range(1, 1, 17)] },
  });
  const sa = s.connect();
  const other = assertUp(s, sa);
  assert.deepEqual(sa.children[0]!.remote, range(16, 31, 17, [5683, 5684]));
  assert.deepEqual(sa.children[0]!.local, range(1, 1, 17));
  assert.deepEqual(other.children[0]!.local, range(16, 31, 17, [5683, 5684]));
  assert.deepEqual(other.children[0]!.remote, range(1, 1, 17));
  const pair = s.world.device.pairs.get(sa.children[0]!)!;
  assert.deepEqual(pair.outgoing.attributes.tsPortDstStart, 5683);
  assert.deepEqual(pair.incoming.attributes.tsIpSrcStart, address(16));
  s.close();
});

test('a narrower answer is refused where the policy says so', () => {
  const s = scene({ deviceChild: { ...wide, narrow: false }, gatewayChild: { local: [range(2, 2)] } });
  fails(s, 'selectors');
  const same = scene({ deviceChild: { narrow: false } });
  assertUp(same, same.connect());
  same.close();
});

test('nothing in common: TS_UNACCEPTABLE', () => {
  fails(scene({ deviceChild: { remote: [range(200, 201)] } }), 'TS_UNACCEPTABLE');
  fails(
    scene({ deviceChild: { remote: [range(2, 2, 6)] }, gatewayChild: { local: [range(2, 2, 17)] } }),
    'TS_UNACCEPTABLE',
  );
});

test('an answer beyond the offer is refused', () => {
  const s = scene({});
  // The gateway writes what it would like.
  s.world.gateway.ike.extensions.push({
    add: (_ike, _sa, step, draft, w) => {
      if (step === 3 && draft !== null && w !== null) draft.local = [range(0, 255)];
    },
    read: () => 0,
  });
  fails(s, 'protocol');
});

test('no proposal for ESP in common', () => {
  const esp: Transforms[] = [{ protocol: 3, ciphers: [20], keyBits: [128], prf: [], integ: [], ke: [], sn: [0] }];
  fails(scene({ deviceChild: { esp } }), 'NO_PROPOSAL_CHOSEN');
});

test('a host that does not take the Child SA', () => {
  const s = scene();
  s.world.device.ike.upper.install = () => false;
  fails(s, 'refused');
  const g = scene();
  g.world.gateway.ike.upper.install = () => false;
  fails(g, 'NO_PROPOSAL_CHOSEN');
  const spi = scene();
  spi.world.device.ike.upper.allocateSpi = () => {
    throw new Error('none');
  };
  fails(spi, 'refused');
});

// Header compression.

const lsb = (spi: number): ChildPolicy['compression'] => ({
  ...defaultCompression(),
  proposals: [{ allowed: [[1, 1], [1, 1], [1, 1], [0, 0], [spi, spi], [8, 16], []] }],
});

for (const notify of [hcp, ehc]) {
  const type = notify === hcp ? 53735 : 53733;

  test(`${notify.name}: chosen, in both directions the same, again in a regular rekey, inherited by an optimized one`, () => {
    const s = scene({ deviceChild: { notify }, gatewayChild: { notify } });
    const sa = s.connect();
    const other = assertUp(s, sa);
    const choice = sa.children[0]!.compression!;
    assert.deepEqual(other.children[0]!.compression, choice);
    assert.ok(choice.espSpiLsb < 32 && choice.espSnLsb < 32);
    for (const m of s.sent().filter((one) => one.exchange === 35)) assert.ok(notifyOf(m, type) !== null);
    for (const optimized of [false, true]) {
      sa.children[0]!.keKnown = other.children[0]!.keKnown = optimized;
      rekeyChild(s.world.device.ike, sa, sa.children[0]!, s.world.now);
      s.wait(5000);
      for (const m of s.sent().filter((one) => one.exchange === 36))
        assert.equal(notifyOf(m, type) !== null, !optimized);
      for (const one of [sa, other]) assert.deepEqual(one.children[0]!.compression, choice);
      const pair = s.world.gateway.pairs.get(other.children[0]!)!;
      assert.deepEqual(
        [pair.incoming.attributes.espSpiLsb, pair.outgoing.attributes.espSnLsb],
        [choice.espSpiLsb, choice.espSnLsb],
      );
    }
    s.close();
  });

  test(`${notify.name}: ignored by a peer that has none, unless it is required`, () => {
    const s = scene({ deviceChild: { notify }, gatewayChild: { notify: null, compression: null } });
    const sa = s.connect();
    assertUp(s, sa);
    assert.equal(sa.children[0]!.compression, null);
    assert.equal(s.world.device.pairs.get(sa.children[0]!)!.outgoing.attributes.espSpiLsb, 32);
    s.close();
    const compression = { ...defaultCompression(), required: true };
    fails(scene({ deviceChild: { notify, compression }, gatewayChild: { notify: null } }), 'compression-refused');
    fails(scene({ deviceChild: { notify: null }, gatewayChild: { notify, compression } }), 'NO_PROPOSAL_CHOSEN');
  });

  test(`${notify.name}: nothing acceptable`, () => {
    const s = scene({ deviceChild: { notify, compression: lsb(8) }, gatewayChild: { notify, compression: lsb(16) } });
    const sa = s.connect();
    assertUp(s, sa);
    assert.equal(sa.children[0]!.compression, null);
    const answer = s.sent().at(-1)!;
    assert.equal(notifyOf(answer, type), null);
    assert.equal(notifyOf(answer, 53734) !== null, notify === ehc);
    s.close();
    const required = { ...lsb(8)!, required: true };
    fails(
      scene({ deviceChild: { notify, compression: required }, gatewayChild: { notify, compression: lsb(16) } }),
      'compression-refused',
    );
    fails(
      scene({ deviceChild: { notify, compression: lsb(16) }, gatewayChild: { notify, compression: required } }),
      'NO_PROPOSAL_CHOSEN',
    );
  });

  test(`${notify.name}: an answer outside the offer ends the attempt`, () => {
    const s = scene({ deviceChild: { notify, compression: lsb(8) }, gatewayChild: { notify, compression: lsb(8) } });
    s.world.gateway.ike.extensions.unshift({
      add: (_ike, _sa, step, draft) => {
        if (step === 3 && draft?.compression) draft.compression = { ...draft.compression, espSpiLsb: 16 };
      },
      read: () => 0,
    });
    fails(s, 'compression-refused');
  });
}

test('private numbers: behind the Vendor ID of the other side, or by configuration', () => {
  const plain = (): Scene => {
    const s = scene({ deviceChild: { dscp: [10] }, gatewayChild: { dscp: [10] } });
    return s;
  };
  const isPrivate = (s: Scene, exchange: number): number[] =>
    s.observer.messages
      .filter((m) => m.exchange === exchange)
      .flatMap((m) => m.payloads.filter((p) => p.type === 41).map((p) => p.body.readUInt16BE(2)))
      .filter((type) => type >= 40960);
  const known = plain();
  assertUp(known, known.connect());
  assert.deepEqual(new Set(isPrivate(known, 35)), new Set([50400, 50410, 53735]));

  // A gateway that is not ours.
  const s = plain();
  s.world.gateway.ike.extensions.shift();
  const sa = s.connect();
  assertUp(s, sa);
  assert.ok(!sa.vendor && sa.children[0]!.compression === null && !sa.optimizedRekey);
  assert.deepEqual(isPrivate(s, 35), []);
  assert.ok(s.observer.messages[1]!.payloads.every((p) => p.type !== 43));
  s.close();

  // A device that is not ours.
  const d = plain();
  d.world.device.ike.extensions.shift();
  const sb = d.connect();
  assertUp(d, sb);
  assert.ok(sb.children[0]!.compression === null && !sb.optimizedRekey);
  assert.deepEqual(isPrivate(d, 35), []);
  d.close();

  // Configured for each other: no Vendor ID is needed.
  const c = scene({ device: { privateAlways: true }, gateway: { privateAlways: true } });
  const sc = c.connect();
  assertUp(c, sc);
  assert.ok(c.observer.messages.every((m) => m.payloads.every((p) => p.type !== 43)));
  assert.ok(sc.children[0]!.compression !== null && sc.optimizedRekey);
  c.close();
});

test('the list of the DSCP notify is the one that dscp_cda sa indexes', () => {
  const compression = (dscpList: number[]): ChildPolicy['compression'] => ({
    proposals: [{ allowed: [[2, 2], [1, 1], [1, 1], [0, 0], [8, 8], [8, 8], []] }],
    required: false,
    dscpList,
  });
  const list = [10, 12, 46];
  const s = scene({
    deviceChild: { dscp: list, compression: compression(list) },
    gatewayChild: { dscp: [46, 10, 12], compression: compression([46, 12, 10]) },
  });
  const sa = s.connect();
  const other = assertUp(s, sa);
  for (const m of s.sent().filter((one) => one.exchange === 35))
    assert.deepEqual(notifyOf(m, 50410), Buffer.from(list));
  for (const [node, one] of [
    [s.world.device, sa],
    [s.world.gateway, other],
  ] as const) {
    const attributes = node.pairs.get(one.children[0]!)!.outgoing.attributes;
    assert.equal(attributes.dscpCda, 2);
    assert.deepEqual(attributes.dscpList, list);
  }
  s.close();

  const differ = scene({
    deviceChild: { dscp: list, compression: compression(list) },
    gatewayChild: { dscp: [10], compression: compression([10]) },
  });
  const sb = differ.connect();
  assertUp(differ, sb);
  assert.equal(sb.children[0]!.compression, null);
  differ.close();
});
