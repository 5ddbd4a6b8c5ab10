// Rules for CoAP in the negotiation: agreed, refused, ignored, in both forms of the offer, over rekeys, under loss, and with
// notifies that somebody else made.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coapRuleSet } from '../../../core/dietesp/coap-set.ts';
import { ehc } from '../../../core/ike/child/ehc.ts';
import { addStatus, dataOf } from '../../../core/ike/codec/payloads.ts';
import { privateNumbers } from '../../../core/ike/codec/private-numbers.ts';
import { createChild, rekeyChild } from '../../../core/ike/exchange/requests.ts';
import { coapOf, coapProfile } from '../../../core/ike/ext/coap-profile.ts';
import { vendorId } from '../../../core/ike/ext/vendor.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { Extension } from '../../../core/ike/state/ike.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { isChildRequest, isChildResponse, type Step } from '../../../core/ike/state/step.ts';
import { coapSet } from '../../../targets/node/host/config/coap.ts';
import { createRandom } from '../../../targets/node/host/radio/random.ts';
import { nameOf } from '../../coap/naive.ts';
import { assertUp, type Options, outcomes, type Scene, scene } from '../kit.ts';

const NOTIFY = 50460;
const NAME = nameOf(['a']);
const rulesFor = (path: string, isDev: boolean) => coapSet(coapRuleSet([Uint8Array.from(Buffer.from(path))]), isDev);
const of = (path: string, isDev: boolean, required = false) => ({ coap: { rules: rulesFor(path, isDev), required } });

interface Both extends Scene {
  /** Data of the notify, as the gateway and the device read it. */
  offers: string[];
  answers: string[];
}

function both(options: Options & { hasPeer?: boolean; forger?: Extension } = {}): Both {
  const s = scene({ unobserved: true, ...options }) as Both;
  s.offers = [];
  s.answers = [];
  const spy = (list: string[], wanted: (step: Step) => boolean): Extension => ({
    add() {},
    read(_ike, _sa, step, _draft, m) {
      const data = wanted(step) ? dataOf(m, NOTIFY) : null;
      if (data !== null) list.push(Buffer.from(data).toString('hex'));
      return 0;
    },
  });
  s.world.device.ike.extensions.push(spy(s.answers, isChildResponse), coapProfile);
  s.world.gateway.ike.extensions.push(spy(s.offers, isChildRequest));
  if (options.forger !== undefined) s.world.gateway.ike.extensions.push(options.forger);
  if (options.hasPeer !== false) s.world.gateway.ike.extensions.push(coapProfile);
  return s;
}

const newest = (sa: IkeSa): ChildSa => sa.children.at(-1)!;
const agreed = (sa: IkeSa): string => Buffer.from(newest(sa).compression?.coap ?? []).toString('hex');

/** What both sides agreed on; they say the same. */
function same(s: Scene, sa: IkeSa): string {
  const other = assertUp(s, sa);
  assert.equal(agreed(other), agreed(sa));
  assert.ok(newest(sa).compression !== null, 'Diet-ESP');
  assert.equal(coapOf(newest(sa))?.isDev, agreed(sa) === '' ? undefined : true);
  assert.equal(coapOf(newest(other))?.isDev, agreed(sa) === '' ? undefined : false);
  return agreed(sa);
}

for (const [form, more] of [
  ['HCP_PROPOSAL', {}],
  ['EHC_SUPPORTED', { notify: ehc }],
] as const) {
  test(`${form}: the same rules are agreed on, octet for octet, and kept over rekeys of both kinds and sides`, () => {
    const s = both({
      deviceChild: { ...more, ...of('a', true, true) },
      gatewayChild: { ...more, ...of('a', false, true) },
      gateway: { maxChildren: 8 },
    });
    const sa = s.connect();
    assert.equal(same(s, sa), NAME);
    assert.deepEqual([s.offers, s.answers], [[`f000${NAME}`], [`f001${NAME}`]]);
    createChild(s.world.device.ike, sa, s.device.child, s.world.now);
    s.world.settle();
    assert.equal(same(s, sa), NAME);
    const other = assertUp(s, sa);
    for (const isOptimized of [true, false]) {
      for (const [ike, owner] of [[s.world.device.ike, sa] as const, [s.world.gateway.ike, other] as const]) {
        for (const one of [...sa.children, ...other.children]) one.keKnown = isOptimized;
        const told = s.offers.length + s.answers.length;
        rekeyChild(ike, owner, newest(owner), s.world.now);
        s.world.settle();
        assert.equal(same(s, sa), NAME);
        // The optimized form has no settings. Each side's spy sees one kind of message.
        if (isOptimized) assert.equal(s.offers.length + s.answers.length, told);
      }
    }
    s.close();
  });

  test(`${form}: other rules, the same role, none, an old peer: Diet-ESP alone`, () => {
    const rows: [string, Options & { hasPeer?: boolean }][] = [
      ['others', { gatewayChild: { ...more, ...of('b', false) } }],
      ['role', { gatewayChild: { ...more, ...of('a', true) } }],
      ['none', { gatewayChild: { ...more } }],
      ['old peer', { gatewayChild: { ...more, ...of('a', false) }, hasPeer: false }],
    ];
    for (const [name, options] of rows) {
      const s = both({ deviceChild: { ...more, ...of('a', true) }, ...options });
      assert.equal(same(s, s.connect()), '', name);
      assert.deepEqual([s.offers.length, s.answers], [1, []], name);
      s.close();
    }
  });

  test(`${form}: rules that a side requires`, () => {
    const device = both({
      deviceChild: { ...more, ...of('a', true, true) },
      gatewayChild: { ...more, ...of('b', false) },
    });
    device.connect();
    assert.deepEqual(outcomes(device).device, ['compression-refused']);
    const gateway = both({
      deviceChild: { ...more, ...of('a', true) },
      gatewayChild: { ...more, ...of('b', false, true) },
    });
    gateway.connect();
    assert.deepEqual(outcomes(gateway).device, ['NO_PROPOSAL_CHOSEN']);
    const old = both({ deviceChild: { ...more }, gatewayChild: { ...more, ...of('a', false, true) } });
    old.connect();
    assert.deepEqual(outcomes(old).device, ['NO_PROPOSAL_CHOSEN']);
  });
}

test('nothing is sent without Diet-ESP, to peers without our Vendor ID, or without rules', () => {
  for (const options of [
    { deviceChild: of('a', true), config: { extensions: [] } },
    { deviceChild: { ...of('a', true), notify: null, compression: null }, gatewayChild: of('a', false) },
    { deviceChild: {}, gatewayChild: of('a', false) },
  ]) {
    const s = both(options);
    const sa = s.connect();
    assertUp(s, sa);
    assert.deepEqual([s.offers, agreed(sa)], [[], '']);
    s.close();
  }
  // Configured for each other: then also without a Vendor ID.
  const s = both({
    deviceChild: of('a', true),
    gatewayChild: of('a', false),
    device: { privateAlways: true },
    gateway: { privateAlways: true },
  });
  for (const { ike } of [s.world.device, s.world.gateway]) ike.extensions.splice(ike.extensions.indexOf(vendorId), 1);
  assert.equal(same(s, s.connect()), NAME);
  s.close();
});

test('numbers of the configuration; a peer with others is an old peer', () => {
  const numbers = { ...privateNumbers(), iipcProfile: 50999, iipcCoap: 9 };
  const s = both({ deviceChild: of('a', true), gatewayChild: of('a', false), config: { numbers } });
  assert.equal(same(s, s.connect()), '');
  s.close();
  const t = both({ deviceChild: of('a', true), gatewayChild: of('a', false), config: { numbers } });
  t.world.gateway.ike.numbers = numbers;
  assert.equal(same(t, t.connect()), NAME);
  assert.deepEqual(t.offers, []);
  t.close();
});

test('answers of any other content are refused, requests of any other content are answered without', () => {
  const good = Buffer.from(`f001${NAME}`, 'hex');
  const contents: Uint8Array[] = [];
  for (let length = 0; length < 20; length++) if (length !== good.length) contents.push(Buffer.alloc(length, 0xf0));
  for (let i = 0; i < good.length; i++) contents.push(good.map((octet, at) => (at === i ? octet ^ 1 : octet)));
  for (const content of contents) {
    const data = Uint8Array.from(content);
    const forger: Extension = {
      add: (_ike, _sa, step, draft, w) => {
        if (draft !== null && isChildResponse(step)) addStatus(w, NOTIFY, data);
      },
      read: () => 0,
    };
    const s = both({ deviceChild: of('a', true), gatewayChild: {}, forger });
    s.connect();
    assert.deepEqual(outcomes(s).device, ['compression-refused'], Buffer.from(data).toString('hex'));
  }
  // 10^5 requests: read by the gateway's half alone.
  const s = both({ deviceChild: of('a', true), gatewayChild: of('a', false) });
  const sa = s.connect();
  const other = assertUp(s, sa);
  const random = createRandom(9).fill;
  const octets = new Uint8Array(24);
  const draft = { policy: other.policy.child, compression: newest(other).compression! } as never;
  const offer = Buffer.from(`f000${NAME}`, 'hex');
  let taken = 0;
  for (let n = 0; n < 100000; n++) {
    random(octets, 0, 24);
    const length = octets[23] % 24;
    if (octets[22] < 128) octets.set(offer);
    if (octets[22] < 64) octets[octets[21] % 10] ^= 1 << (octets[20] & 7);
    const size = octets[22] < 128 && octets[20] < 200 ? offer.length : length;
    delete newest(other).compression!.coap;
    const buffer = Uint8Array.from([0, 0, NOTIFY >>> 8, NOTIFY & 255, ...octets.subarray(0, size)]);
    const payloads = { count: 1, type: [41], at: [0], size: [buffer.length] };
    const m = { buffer, payloads } as never;
    assert.equal(coapProfile.read(s.world.gateway.ike, other, 2, draft, m), 0);
    const isGood = size === offer.length && Buffer.compare(octets.subarray(0, size), offer) === 0;
    assert.equal(agreed(other) === NAME, isGood);
    if (isGood) taken++;
  }
  assert.ok(taken > 10000, String(taken));
});

test('a Child SA whose rules are not those of the configuration any more is refused by name', () => {
  const s = both({ deviceChild: of('a', true), gatewayChild: of('a', false) });
  const child = newest(s.connect());
  child.policy = { ...child.policy, ...of('b', true) };
  assert.throws(() => coapOf(child), /coap: rules agreed before: must be those of the configuration/);
  child.policy = { ...child.policy, coap: null };
  assert.throws(() => coapOf(child), /coap/);
});

const SEEDS = process.env['DIETESP_LONG'] === '1' ? 400 : 60;

test('seeded handshakes and rekeys under loss, repetition and a forger: both sides agree, on the rules or on none', () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = createRandom(seed);
    const isSame = random.below(3) > 0;
    const s = both({
      deviceChild: of('a', true),
      gatewayChild: of(isSame ? 'a' : 'b', false),
      device: { retransmitTime: 1000, retransmitTries: 9 },
      gateway: { retransmitTime: 1000, retransmitTries: 9 },
      filter: (datagram) => {
        const list = random.below(5) === 0 ? [] : [datagram];
        if (random.below(5) === 0) list.push({ ...datagram, octets: datagram.octets.slice() });
        if (random.below(5) === 0) {
          const octets = datagram.octets.slice();
          octets[random.below(octets.length)] ^= 1 << random.below(8);
          list.unshift({ ...datagram, octets });
        }
        return list;
      },
    });
    s.connect();
    s.wait(600000);
    const sa = s.world.device.established.at(-1);
    if (sa === undefined || s.world.device.outcomes.length > 0) continue;
    assert.equal(same(s, sa), isSame ? NAME : '', String(seed));
    for (const one of sa.children) one.keKnown = random.below(2) === 0;
    rekeyChild(s.world.device.ike, sa, newest(sa), s.world.now);
    s.wait(600000);
    if (s.world.device.outcomes.length > 0) continue;
    seen.add(same(s, sa));
  }
  assert.deepEqual([...seen].sort(), ['', NAME]);
});
