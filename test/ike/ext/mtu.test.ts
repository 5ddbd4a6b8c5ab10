// LMAP and PTB between two endpoints [draft-liu-ipsecme-ikev2-mtu-dect]: octets, who agrees, what is ignored, how often it is
// told, what a rekey keeps; and what an ingress makes of it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  createPathMtu,
  PATH_MTU_TIME,
  reassembledMax,
  resetPathMtu,
  TOLD_ABOVE,
  TOLD_FAMILY,
  TOLD_KNOWN,
  TOLD_TAKEN,
  takeLmap,
  takePtb,
  unfragmentedMax,
} from '../../../core/esp/path-mtu.ts';
import { createPayloads, parsePayloads } from '../../../core/ike/codec/message.ts';
import { mtuNumbers } from '../../../core/ike/codec/private-numbers.ts';
import { probe, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import {
  createMtu,
  createTelling,
  hasMtu,
  type MtuUpper,
  tellLmap,
  tellPtb,
  tellsLmap,
  tellsPtb,
} from '../../../core/ike/ext/mtu.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { STEP_INFORMATIONAL_REQUEST } from '../../../core/ike/state/step.ts';
import { createRandom } from '../../../targets/node/host/radio/random.ts';
import { assertUp, type Options, type Scene, scene } from '../kit.ts';
import type { Node } from '../pair.ts';
import { agree, handshakes } from '../sim-handshake.ts';
import { type MtuVector, mtuText, mtuVectors } from './make-mtu-vectors.ts';

const NUMBERS = mtuNumbers();

function listener(told: string[], wants = true): MtuUpper {
  return {
    wants: () => wants,
    lmap: (_sa, version, length) => void told.push(`lmap ${version} ${length}`),
    ptb: (_sa, lmtu, emtuR) => void told.push(`ptb ${lmtu} ${emtuR}`),
    malformed: () => void told.push('malformed'),
  };
}

interface Both {
  s: Scene;
  sa: IkeSa;
  other: IkeSa;
  device: string[];
  gateway: string[];
}

/** `sides`: which side has the extension (and wants it). */
function both(
  options: Options = {},
  sides: { device?: boolean; gateway?: boolean } = { device: true, gateway: true },
): Both {
  const s = scene(options);
  const device: string[] = [];
  const gateway: string[] = [];
  if (sides.device !== undefined) {
    s.world.device.ike.extensions.push(createMtu(NUMBERS, listener(device, sides.device)));
  }
  if (sides.gateway !== undefined) {
    s.world.gateway.ike.extensions.push(createMtu(NUMBERS, listener(gateway, sides.gateway)));
  }
  const sa = s.connect();
  return { s, sa, other: assertUp(s, sa), device, gateway };
}

/** Notifies of these exchanges in hexadecimal digits, and sizes. */
function seen(s: Scene, exchange: number): string[] {
  return s
    .sent()
    .filter((one) => one.exchange === exchange)
    .map((one) => {
      const notifies = one.payloads.filter(
        ({ type, body }) => type === 41 && /^c4f[456]$/.test(body.toString('hex', 2, 4)),
      );
      return `${one.from}${one.isResponse ? ' answers' : ''} ${notifies.map(({ body }) => body.toString('hex')).join(' ')}`.trim();
    });
}

test('the vectors are those of the naive side, and read as it means them', () => {
  const text = readFileSync(new URL('../../vectors/mtu.json', import.meta.url), 'utf8');
  assert.equal(text, mtuText());
  assert.deepEqual((JSON.parse(text) as { vectors: MtuVector[] }).vectors, mtuVectors());
  const { s, sa } = both();
  const told: string[] = [];
  const extension = createMtu(NUMBERS, listener(told));
  for (const vector of mtuVectors()) {
    told.length = 0;
    const buffer = Uint8Array.from(Buffer.from(vector.payload, 'hex'));
    const payloads = createPayloads();
    assert.equal(parsePayloads(payloads, buffer, 41, 0, buffer.length), 0);
    const message = { buffer, payloads, at: 0, size: buffer.length, first: 41 };
    assert.equal(extension.read(s.world.device.ike, sa, STEP_INFORMATIONAL_REQUEST, null, message), 0);
    const expected = vector.kind === 'supported' ? [] : [`${vector.kind} ${vector.values.join(' ')}`.trim()];
    assert.deepEqual(told, expected, vector.id);
  }
  s.close();
});

test('agreed in IKE_AUTH with 8 octets each way; told in a request of either side, answered by an empty message', () => {
  const { s, sa, other, device, gateway } = both();
  assert.deepEqual(seen(s, 35), ['device 0000c4f4', 'gateway answers 0000c4f4']);
  assert.ok(tellLmap(s.world.gateway.ike, other, 4, 1400, s.world.now));
  s.world.settle();
  assert.deepEqual(seen(s, 37), ['gateway 0000c4f540000578', 'device answers']);
  assert.deepEqual(device, ['lmap 4 1400']);
  assert.ok(tellLmap(s.world.device.ike, sa, 6, 1232, s.world.now));
  assert.ok(tellPtb(s.world.device.ike, sa, 1500, 9000, s.world.now));
  s.world.settle();
  // Both went in one request.
  assert.deepEqual(seen(s, 37), ['device 0000c4f5600004d0 0000c4f6000005dc00002328', 'gateway answers']);
  assert.deepEqual(gateway, ['lmap 6 1232', 'ptb 1500 9000']);
  // Told once: a later probe is empty.
  probe(s.world.device.ike, sa, s.world.now);
  s.world.settle();
  assert.deepEqual(seen(s, 37), ['device', 'gateway answers']);
  s.close();
});

test('octets of today without it, and a working SA with every kind of old or unwilling peer', () => {
  const sizes = (
    sides: { device?: boolean; gateway?: boolean },
    options: Options = {},
  ): [number[], boolean, boolean] => {
    const { s, sa, other } = both(options, sides);
    const made = s.sent().map((one) => one.size);
    const result: [number[], boolean, boolean] = [made, hasMtu(sa), hasMtu(other)];
    assert.equal(tellLmap(s.world.gateway.ike, other, 4, 1400, s.world.now), hasMtu(other));
    assert.equal(tellPtb(s.world.device.ike, sa, 1500, 9000, s.world.now), hasMtu(sa));
    s.close();
    return result;
  };
  const [before] = sizes({});
  assert.deepEqual(sizes({ device: false, gateway: false }), [before, false, false]);
  assert.deepEqual(sizes({ gateway: true }), [before, false, false]);
  const asked = [before[0], before[1], before[2] + 8, before[3]];
  assert.deepEqual(sizes({ device: true }), [asked, false, false]);
  assert.deepEqual(sizes({ device: true, gateway: false }), [asked, false, false]);
  assert.deepEqual(sizes({ device: true, gateway: true }), [
    [before[0], before[1], asked[2], before[3] + 8],
    true,
    true,
  ]);
  // A peer without our Vendor ID gets no private number.
  const foreign: Options = { device: { privateAlways: false }, gateway: { privateAlways: false } };
  const noVendor: Options = { ...foreign, filter: (d) => [d] };
  const stranger = scene(noVendor);
  for (const node of [stranger.world.device, stranger.world.gateway]) {
    node.ike.extensions.shift();
    node.ike.extensions.push(createMtu(NUMBERS, listener([])));
  }
  const sa = stranger.connect();
  assert.equal(hasMtu(assertUp(stranger, sa)) || hasMtu(sa), false);
  assert.deepEqual(seen(stranger, 35), ['device', 'gateway answers']);
  stranger.close();
});

test('what was agreed on goes on after a rekey of the IKE SA, and so does what waits', () => {
  const { s, sa, other, device } = both();
  rekeyIke(s.world.device.ike, sa, s.world.now);
  tellLmap(s.world.gateway.ike, other, 4, 1300, s.world.now);
  s.world.run(s.world.now + 60000);
  assert.deepEqual(device, ['lmap 4 1300']);
  const next = s.world.gateway.ike.sas.find((one) => one.state === STATE_ESTABLISHED)!;
  assert.notEqual(next, other);
  assert.ok(tellLmap(s.world.gateway.ike, next, 4, 1200, s.world.now));
  s.world.settle();
  assert.deepEqual(device, ['lmap 4 1300', 'lmap 4 1200']);
  s.close();
});

test('240 handshakes with notifies of both sides under loss and forgery: none is lost, none is invented', (t) => {
  const told = new Map<Node, string[]>();
  const { text, established } = handshakes(31001, 31240, {
    plan: (plan) => void (plan.features = 'mtu'),
    net: (net) => {
      for (const node of [net.device, net.gateway]) {
        const list: string[] = [];
        told.set(node, list);
        node.ike.extensions.push(createMtu(NUMBERS, listener(list)));
      }
    },
    after: (net, label) => {
      net.faults.until = net.now + 15000;
      const expected = new Map<Node, string[]>();
      for (const [node, other] of [
        [net.device, net.gateway],
        [net.gateway, net.device],
      ]) {
        const sa = node.ike.sas.find(({ children, state }) => state === STATE_ESTABLISHED && children.length > 0);
        if (sa === undefined || !hasMtu(sa)) continue;
        const length = 600 + net.random.below(900);
        assert.ok(tellLmap(node.ike, sa, 6, length, net.now), label);
        const list = [`lmap 6 ${length}`];
        if (net.random.below(2) === 0 && tellPtb(node.ike, sa, 1500, 4096, net.now)) list.push('ptb 1500 4096');
        expected.set(other, list);
      }
      net.run(net.now + 400000);
      const isBusy = (node: Node): boolean => node.ike.sas.some((one) => one.task !== null);
      for (let i = 0; i < 20 && (isBusy(net.device) || isBusy(net.gateway)); i++) net.run(net.now + 1000);
      if (!agree(net, label)) return;
      for (const [node, list] of expected) assert.deepEqual(told.get(node), list, label);
    },
  });
  t.diagnostic(text);
  assert.ok(established > 90, `${established} established`);
});

test('an egress tells at once, then at most every 10 s, and the same again only after 60 s of fragments', () => {
  const limits = { threshold: 1, every: 10000, again: 60000 };
  const t = createTelling();
  const at: number[] = [];
  for (let now = 0; now < 130000; now += 100) if (tellsLmap(t, limits, 1400, now)) at.push(now);
  assert.deepEqual(at, [0, 60000, 120000]);
  assert.equal(tellsLmap(t, limits, 1300, 129999), false);
  assert.equal(tellsLmap(t, limits, 1300, 130000), true);
  const other = createTelling();
  assert.deepEqual(
    [0, 1, 2, 3].map((now) => tellsLmap(other, { ...limits, threshold: 3 }, 1400, now)),
    [false, false, true, false],
  );
  assert.deepEqual(
    [0, 1, 59999, 60000].map((now) => tellsPtb(createTelling(), limits, now)),
    [true, true, true, true],
  );
  const ptb = createTelling();
  assert.deepEqual(
    [0, 1, 59999, 60000].map((now) => tellsPtb(ptb, limits, now)),
    [true, false, false, true],
  );
});

test('an ingress: floors, what is ignored, age, and a change of address', () => {
  const p = createPathMtu(4, 1500, 576, PATH_MTU_TIME);
  assert.deepEqual([unfragmentedMax(p, 0), reassembledMax(p, 0)], [1500, 0]);
  assert.equal(takeLmap(p, 4, 1400, 0), TOLD_ABOVE);
  p.sent = 1500;
  assert.equal(takeLmap(p, 6, 1240, 0), TOLD_FAMILY);
  assert.equal(takeLmap(p, 4, 1500, 0), TOLD_KNOWN);
  assert.equal(takeLmap(p, 4, 1400, 1000), TOLD_TAKEN);
  assert.equal(takeLmap(p, 4, 1404, 2000), TOLD_KNOWN);
  assert.equal(unfragmentedMax(p, 2000), 1400);
  // Who is on the path goes no lower than the floor.
  assert.equal(takeLmap(p, 4, 68, 3000), TOLD_TAKEN);
  assert.equal(unfragmentedMax(p, 3000), 576);
  assert.equal(takeLmap(p, 4, 28, 4000), TOLD_KNOWN);
  assert.equal(unfragmentedMax(p, 4000 + PATH_MTU_TIME - 1), 576);
  assert.equal(unfragmentedMax(p, 4000 + PATH_MTU_TIME), 1500);
  takePtb(p, 1300, 4000, 0);
  assert.deepEqual([unfragmentedMax(p, 0), reassembledMax(p, 0)], [1300, 4000]);
  takePtb(p, 9000, 0, 0);
  assert.deepEqual([unfragmentedMax(p, 0), reassembledMax(p, 0)], [576, 576]);
  resetPathMtu(p, 6, 1400, 1280);
  assert.deepEqual([unfragmentedMax(p, 0), reassembledMax(p, 0), p.sent], [1400, 0, 0]);
  p.sent = 1400;
  assert.equal(takeLmap(p, 6, 1250, 0), TOLD_TAKEN);
  assert.equal(unfragmentedMax(p, 0), 1290);
});

test('random LMAPs and PTBs never lower a path below its floor, nor raise it above its link', () => {
  const random = createRandom(77);
  const p = createPathMtu(4, 1500, 576, PATH_MTU_TIME);
  for (let i = 0, now = 0; i < 100000; i++, now += random.below(100000)) {
    p.sent = Math.max(p.sent, random.below(1600));
    if (random.below(20) === 0) takePtb(p, random.below(2) * random.below(70000), random.below(70000), now);
    else takeLmap(p, 4 + 2 * random.below(2), random.below(65536), now);
    const most = unfragmentedMax(p, now);
    assert.ok(most >= 576 && most <= 1500, `${most}`);
    assert.ok(reassembledMax(p, now) === 0 || reassembledMax(p, now) >= 576);
  }
});
