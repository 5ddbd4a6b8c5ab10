// Offers of other implementations: the protocol in one selector only, very many selectors, several kinds of inner addresses
// [RFC 7296 §2.9, §2.19, §3.15]. Both roles, in IKE_AUTH, CREATE_CHILD_SA and rekeys.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { put16 } from '../../core/base/bytes.ts';
import { CP_INTERNAL_IP4_ADDRESS, CP_INTERNAL_IP6_ADDRESS } from '../../core/ike/codec/numbers.ts';
import { pairSelectors, type Selector, selectorsWithin } from '../../core/ike/codec/selectors.ts';
import { createChild, rekeyChild } from '../../core/ike/exchange/requests.ts';
import type { Extension } from '../../core/ike/state/ike.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import { STEP_AUTH_REQUEST, STEP_AUTH_RESPONSE } from '../../core/ike/state/step.ts';
import { selector } from './examples.ts';
import { assertUp, outcomes, type Scene, scene } from './kit.ts';
import { address } from './pair.ts';

const ANY: [number, number] = [0, 65535];
const COAP: [number, number] = [5683, 5683];
const host = (last: number, protocol = 0, ports = ANY): Selector =>
  selector(protocol, ports, [...address(last)], [...address(last)]);
const range = (from: number, to: number): Selector => selector(0, ANY, [...address(from)], [...address(to)]);
const four = (protocol: number, first: number, last: number, ports = ANY): Selector =>
  selector(protocol, ports, [10, 0, 0, first], [10, 0, 0, last]);

/** The pair of the newest Child SA as both sides have it. */
function agreed(s: Scene, sa: IkeSa): [Selector, Selector] {
  const other = s.world.gateway.ike.sas.find((one) => Buffer.compare(one.spis, sa.spis) === 0)!;
  const child = sa.children.at(-1)!;
  const twin = other.children.find((one) => one.spiIn === child.spiOut)!;
  assert.deepEqual([twin.remote, twin.local], [child.local, child.remote]);
  for (const one of [child, twin]) {
    const pair = [...s.world.device.pairs, ...s.world.gateway.pairs].find(([c]) => c === one)![1];
    assert.equal(pair.outgoing.attributes.tsProto, child.local.protocol);
    assert.equal(pair.incoming.attributes.tsProto, child.local.protocol);
  }
  return [child.local, child.remote];
}

interface Sides {
  device: [Selector[], Selector[]];
  gateway: [Selector[], Selector[]];
  pair: [Selector, Selector] | null;
}

const UDP1 = host(1, 17);
const UDP2 = host(2, 17, COAP);
const rows: Record<string, Sides> = {
  'UDP on the side of the responder, offered': {
    device: [[host(1)], [host(2, 17, COAP)]],
    gateway: [[host(2)], [host(1)]],
    pair: [UDP1, UDP2],
  },
  'UDP on the side of the initiator, offered': {
    device: [[host(1, 17)], [host(2)]],
    gateway: [[host(2)], [host(1)]],
    pair: [UDP1, host(2, 17)],
  },
  'UDP on the side of the responder, its own policy': {
    device: [[host(1)], [host(2)]],
    gateway: [[host(2, 17, COAP)], [host(1)]],
    pair: [UDP1, UDP2],
  },
  'UDP here and TCP there': { device: [[host(1, 17)], [host(2, 6)]], gateway: [[host(2)], [host(1)]], pair: null },
  'UDP offered here, TCP wanted there': {
    device: [[host(1, 17)], [host(2)]],
    gateway: [[host(2, 6)], [host(1)]],
    pair: null,
  },
  'TCP first, which does not go with UDP': {
    device: [[host(1, 6), host(1, 17)], [host(2, 17, COAP)]],
    gateway: [[host(2)], [host(1)]],
    pair: [UDP1, UDP2],
  },
  'IPv4 first, which does not go with IPv6': {
    device: [[four(0, 1, 1), host(1)], [host(2)]],
    gateway: [
      [host(2), four(0, 2, 2)],
      [host(1), four(0, 1, 1)],
    ],
    pair: [host(1), host(2)],
  },
  'the wider one behind that of the packet': {
    device: [
      [host(1, 17, [1000, 1000]), host(1)],
      [host(2, 17, COAP), host(2)],
    ],
    gateway: [[host(2)], [host(1)]],
    pair: [host(1), host(2)],
  },
};

for (const [name, { device, gateway, pair }] of Object.entries(rows)) {
  test(`selectors: ${name}`, () => {
    const [local, remote] = device;
    const s = scene({
      deviceChild: { local, remote },
      gatewayChild: { local: gateway[0], remote: gateway[1] },
      gateway: { maxChildren: 8 },
      unobserved: true,
    });
    const sa = s.connect();
    if (pair === null) {
      assert.deepEqual(outcomes(s).device, ['TS_UNACCEPTABLE']);
      return;
    }
    assertUp(s, sa);
    assert.deepEqual(agreed(s, sa), pair);
    createChild(s.world.device.ike, sa, s.device.child, s.world.now);
    s.world.settle();
    assert.equal(sa.children.length, 2);
    assert.deepEqual(agreed(s, sa), pair);
    // A regular rekey carries selectors again, in either direction.
    const other = assertUp(s, sa);
    for (const one of [...sa.children, ...other.children]) one.keKnown = false;
    for (const [ike, owner] of [[s.world.device.ike, sa] as const, [s.world.gateway.ike, other] as const]) {
      rekeyChild(ike, owner, owner.children.at(-1)!, s.world.now);
      s.world.settle();
      assert.deepEqual(agreed(s, sa), pair);
    }
    s.close();
  });
}

test('a request that is wrong in proposal and selectors is refused for the proposal', () => {
  const s = scene({
    deviceChild: {
      esp: [{ protocol: 3, ciphers: [20], keyBits: [256], prf: [], integ: [], ke: [], sn: [0] }],
      local: [host(9)],
    },
    unobserved: true,
  });
  s.connect();
  assert.deepEqual(outcomes(s).device, ['NO_PROPOSAL_CHOSEN']);
});

for (const count of [17, 120]) {
  test(`TSi with ${count} selectors is narrowed to the policy`, () => {
    const many = Array.from({ length: count }, (_, i) => four(17, i, i));
    const s = scene({
      deviceChild: { local: many, remote: [four(0, 200, 255)] },
      gatewayChild: { local: [four(0, 0, 255)], remote: [four(0, count - 1, 255)] },
      gateway: { maxChildren: 8 },
      unobserved: true,
    });
    const sa = s.connect();
    assertUp(s, sa);
    const pair = [four(17, count - 1, count - 1), four(17, 200, 255)];
    assert.deepEqual(agreed(s, sa), pair);
    createChild(s.world.device.ike, sa, s.device.child, s.world.now);
    s.world.settle();
    assert.deepEqual(agreed(s, sa), pair);
    s.close();
  });
}

test('an answer with 120 selectors within the offer is taken', () => {
  const all = [four(0, 0, 255)];
  const many = Array.from({ length: 120 }, (_, i) => four(0, i, i));
  const s = scene({
    deviceChild: { local: all, remote: all },
    gatewayChild: { local: all, remote: all },
    unobserved: true,
    config: {
      extensions: [
        {
          add: () => {},
          read: (_ike, _sa, step, draft) => {
            if (step === STEP_AUTH_RESPONSE) assert.deepEqual(draft!.local, [many[0]]);
            return 0;
          },
        },
      ],
    },
  });
  s.world.gateway.ike.extensions.push({
    add: (_ike, _sa, step, draft) => {
      if (step === STEP_AUTH_RESPONSE) draft!.remote = many;
    },
    read: () => 0,
  });
  assert.equal(s.connect().children.length, 1);
});

test('a pair of 255 selectors each is found at the end of both, and lies within both', () => {
  const left = Array.from({ length: 255 }, (_, i) => four(i === 254 ? 17 : 6, i, i));
  const right = Array.from({ length: 255 }, (_, i) => four(i === 254 ? 17 : 1, i, i));
  const all = [four(0, 0, 255)];
  const pair = pairSelectors(left, all, right, all);
  assert.deepEqual(pair, [left[254], right[254]]);
  assert.ok(selectorsWithin([pair[0]!], left) && selectorsWithin([pair[1]!], right));
  assert.deepEqual(pairSelectors(left.slice(0, 254), all, right, all), []);
});

/** Writes `before` and `behind` around the attribute in the CP payload, the last one in the message. */
function around(step: number, before: number[], behind: number[]): Extension {
  return {
    add: (_ike, _sa, now, _draft, w) => {
      if (now !== step) return;
      assert.equal(w.buffer[w.next + 4], step === STEP_AUTH_REQUEST ? 1 : 2);
      const own = w.buffer.slice(w.next + 8, w.at);
      const whole = Uint8Array.of(...before, ...own, ...behind);
      w.buffer.set(whole, w.next + 8);
      put16(w.buffer, w.next + 2, 8 + whole.length);
      w.at = w.next + 8 + whole.length;
    },
    read: () => 0,
  };
}

const ASK4 = [0, 1, 0, 0];
const ASK6 = [0, 8, 0, 17, ...new Array<number>(17).fill(0)];
const DNS = [0, 3, 0, 0, 0x40, 10, 0, 0];
const SUBNET = [0, 13, 0, 8, 10, 0, 0, 0, 255, 0, 0, 0];
const SIX = [range(0, 255)];
const FOUR = [four(0, 0, 255)];

interface Kinds {
  name: string;
  own: typeof CP_INTERNAL_IP4_ADDRESS | typeof CP_INTERNAL_IP6_ADDRESS;
  before: number[];
  behind: number[];
  has: number[];
  policy: Selector[];
  served: Uint8Array | null;
}
const v4 = Uint8Array.of(10, 0, 0, 9);
const kinds: Kinds[] = [
  {
    name: 'IPv4 and IPv6, IPv6 in the pool',
    own: 8,
    before: ASK4,
    behind: [],
    has: [8],
    policy: SIX,
    served: address(77),
  },
  { name: 'IPv6 and IPv4, IPv4 in the pool', own: 1, before: ASK6, behind: [], has: [1], policy: FOUR, served: v4 },
  { name: 'IPv6 behind others', own: 8, before: DNS, behind: ASK4, has: [8], policy: SIX, served: address(77) },
  {
    name: 'IPv4 first, in the pool, without selectors',
    own: 8,
    before: ASK4,
    behind: DNS,
    has: [1, 8],
    policy: SIX,
    served: address(77),
  },
  { name: 'three times the same kind', own: 8, before: ASK6, behind: ASK6, has: [8], policy: SIX, served: address(77) },
  { name: 'neither is there', own: 8, before: ASK4, behind: ASK6, has: [], policy: SIX, served: null },
];

for (const { name, own, before, behind, has, policy, served } of kinds) {
  test(`CP asks for more: ${name}`, () => {
    const s = scene({
      device: { requestAddress: own },
      deviceChild: { local: policy, remote: policy },
      gatewayChild: { local: policy, remote: policy },
      unobserved: true,
    });
    s.world.device.ike.extensions.unshift(around(STEP_AUTH_REQUEST, before, behind));
    const asked: number[] = [];
    s.world.gateway.ike.upper.address = (_sa, type) => {
      asked.push(type);
      if (!has.includes(type)) return null;
      return type === CP_INTERNAL_IP4_ADDRESS ? v4 : address(77);
    };
    const sa = s.connect();
    assert.equal(new Set(asked).size, asked.length, 'each kind is asked for once');
    if (served === null) {
      assert.deepEqual(outcomes(s).device, ['INTERNAL_ADDRESS_FAILURE']);
      return;
    }
    assert.deepEqual(assertUp(s, sa).address, served);
    assert.deepEqual(sa.address, served);
    assert.deepEqual(agreed(s, sa)[0].start, served);
  });
}

test('an answer with other addresses and an empty one before the address', () => {
  const s = scene({
    device: { requestAddress: CP_INTERNAL_IP6_ADDRESS },
    deviceChild: { local: SIX, remote: SIX },
    gatewayChild: { local: SIX, remote: SIX },
    unobserved: true,
  });
  const others = [0, 1, 0, 4, 10, 0, 0, 9, ...SUBNET, 0, 8, 0, 0];
  s.world.gateway.ike.extensions.unshift(around(STEP_AUTH_RESPONSE, others, [...DNS, ...ASK6]));
  const sa = s.connect();
  assertUp(s, sa);
  assert.deepEqual(sa.address, address(77));
});
