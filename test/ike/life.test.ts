// The life of an IKE SA: reauthentication, liveness, Deletes, INITIAL_CONTACT, repetitions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INFORMATIONAL } from '../../core/ike/codec/numbers.ts';
import { addStatus } from '../../core/ike/codec/payloads.ts';
import { createTask } from '../../core/ike/exchange/queue.ts';
import { closeChild, closeIke, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { begin, sendRequest } from '../../core/ike/exchange/send.ts';
import { STATE_ENDED, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { TASK_PROBE } from '../../core/ike/state/task.ts';
import { assertUp, nothingLeft, outcomes, type Scene, scene } from './kit.ts';
import { notifyOf } from './observer.ts';

const live = (s: Scene): number => s.world.device.ike.sas.filter((sa) => sa.state === STATE_ESTABLISHED).length;

// Reauthentication.

test('reauthentication by lifetime: the new SA is there before the old one goes', () => {
  const s = scene({ device: { reauthTime: 100000 } });
  const first = s.connect();
  assertUp(s, first);
  s.sent();
  let least = 9;
  for (let i = 0; i < 100; i++) {
    s.wait(1000);
    least = Math.min(least, [...s.world.device.pairs.values()].filter((pair) => !pair.retired).length);
  }
  assert.equal(least, 1);
  assert.equal(s.world.device.established.length, 2);
  const next = s.world.device.established[1]!;
  assert.equal(next.tag, first.tag);
  const exchanges = s.sent().map((m) => m.exchange);
  assert.deepEqual(exchanges.slice(0, 6), [34, 34, 35, 35, INFORMATIONAL, INFORMATIONAL]);
  assert.deepEqual(outcomes(s).device, ['replaced']);
  s.world.device.outcomes.length = 0;
  assertUp(s, next);
  // No INITIAL_CONTACT, which would have ended the old one at once.
  const auth = s.observer.messages.filter((m) => m.exchange === 35 && !m.isResponse);
  assert.deepEqual(
    auth.map((m) => notifyOf(m, 16384) !== null),
    [true, false],
  );
  for (let i = 0; i < 4; i++) s.wait(100000);
  assert.ok(s.world.device.established.length >= 5);
  assert.equal(live(s), 1);
  s.device.reauthTime = 0;
  s.close();
});

test('reauthentication stays due through rekeys of the IKE SA', () => {
  const s = scene({ device: { reauthTime: 100000 } });
  const first = s.connect();
  const other = assertUp(s, first);
  const due = first.reauthAt;
  rekeyIke(s.world.device.ike, first, s.world.now);
  s.wait(40000);
  const second = s.world.device.established.at(-1)!;
  assert.equal(second.reauthAt, due);
  // Also where the other side rekeyed, and this side answers.
  const theirs = s.world.gateway.ike.sas.find((sa) => sa.state === STATE_ESTABLISHED)!;
  assert.notEqual(theirs, other);
  rekeyIke(s.world.gateway.ike, theirs, s.world.now);
  s.wait(10000);
  const third = s.world.device.established.at(-1)!;
  assert.deepEqual([third.initiator, third.reauthAt], [false, due]);
  s.sent();
  s.wait(100000);
  assert.ok(s.sent().some((m) => m.exchange === 34 && m.from === 'device'));
  assert.equal(live(s), 1);
  s.device.reauthTime = 0;
  s.close();
});

test('a reauthentication that comes to nothing is tried again, and the old SA lives', () => {
  let lost = false;
  const s = scene({ device: { reauthTime: 100000 }, filter: (d) => (lost && d.octets[18] === 34 ? [] : [d]) });
  const first = s.connect();
  lost = true;
  s.wait(100000 + 126000);
  assert.equal(first.state, STATE_ESTABLISHED);
  assert.equal(s.world.device.pairs.size, 1);
  s.wait(30000);
  lost = false;
  s.wait(126000);
  assert.equal(first.state, STATE_ENDED);
  assert.equal(live(s), 1);
  s.device.reauthTime = 0;
  s.close();
});

test('a rekey while the reauthentication is under way: the old SA goes all the same', () => {
  let held = false;
  const s = scene({ device: { reauthTime: 100000 }, filter: (d) => (held && d.octets[18] === 34 ? [] : [d]) });
  const first = s.connect();
  held = true;
  s.wait(100000);
  rekeyIke(s.world.device.ike, first, s.world.now);
  s.wait(1000);
  held = false;
  s.wait(60000);
  assert.equal(live(s), 1);
  assert.equal(s.world.gateway.ike.sas.filter((sa) => sa.state === STATE_ESTABLISHED).length, 1);
  assert.equal(s.world.device.pairs.size, 1);
  s.device.reauthTime = 0;
  s.close();
});

// Liveness.

test('DPD: silence is asked about, and nobody there ends the SA', () => {
  let cut = false;
  const s = scene({ device: { dpdTime: 20000 }, filter: (d) => (cut ? [] : [d]) });
  const sa = s.connect();
  assertUp(s, sa);
  s.sent();
  s.wait(19000);
  assert.deepEqual(s.sent(), []);
  s.wait(2000);
  const probes = s.sent();
  assert.deepEqual(
    probes.map((m) => [m.from, m.exchange, m.payloads.length]),
    [
      ['device', INFORMATIONAL, 0],
      ['gateway', INFORMATIONAL, 0],
    ],
  );
  s.wait(100000);
  assert.equal(s.sent().length, 10);
  cut = true;
  s.wait(150000);
  assert.deepEqual(outcomes(s).device, ['timeout']);
  assert.equal(s.world.device.ike.sas.length, 0);
  assert.equal(s.world.device.pairs.size, 0);
});

test('DPD: what was heard is no silence', () => {
  const s = scene({ device: { dpdTime: 20000 } });
  const sa = s.connect();
  s.sent();
  for (let i = 0; i < 10; i++) {
    s.wait(15000);
    sa.heardAt = s.world.now;
  }
  assert.deepEqual(s.sent(), []);
  s.close();
});

// Deletes.

test('a Child SA is deleted, by either side; its answer names the other half', () => {
  for (const side of ['device', 'gateway'] as const) {
    const s = scene();
    const sa = s.connect();
    const other = assertUp(s, sa);
    s.sent();
    const [node, one, peer] = side === 'device' ? [s.world.device, sa, other] : [s.world.gateway, other, sa];
    const child = one.children[0]!;
    closeChild(node.ike, one, child, s.world.now);
    s.world.settle();
    const [request, response] = s.sent();
    const spi = (value: number): string => '03040001' + value.toString(16).padStart(8, '0');
    assert.equal(request!.payloads[0]!.body.toString('hex'), spi(child.spiIn));
    assert.equal(response!.payloads[0]!.body.toString('hex'), spi(child.spiOut));
    s.wait(5000);
    assert.equal(one.children.length + peer.children.length, 0);
    assert.equal(s.world.device.pairs.size + s.world.gateway.pairs.size, 0);
    assert.equal(one.state, STATE_ESTABLISHED);
    s.close();
  }
});

test('Deletes of both sides that cross', () => {
  for (const kind of ['child', 'ike'] as const) {
    const s = scene();
    const sa = s.connect();
    const other = assertUp(s, sa);
    s.sent();
    if (kind === 'child') {
      closeChild(s.world.device.ike, sa, sa.children[0]!, s.world.now);
      closeChild(s.world.gateway.ike, other, other.children[0]!, s.world.now);
    } else {
      closeIke(s.world.device.ike, sa, s.world.now);
      closeIke(s.world.gateway.ike, other, s.world.now);
    }
    s.world.settle();
    const messages = s.sent();
    assert.equal(messages.length, 4);
    for (const m of messages) assert.equal(m.payloads.length, m.isResponse ? 0 : 1);
    s.wait(5000);
    assert.equal(s.world.device.pairs.size + s.world.gateway.pairs.size, 0);
    const up = kind === 'child' ? STATE_ESTABLISHED : STATE_ENDED;
    assert.deepEqual([sa.state, other.state], [up, up]);
    if (kind === 'ike') {
      nothingLeft(s);
      assert.deepEqual(outcomes(s), { device: ['closed'], gateway: ['closed'] });
    } else s.close();
  }
});

test('the IKE SA is deleted: the Child SAs go with it, on both sides', () => {
  for (const side of ['device', 'gateway'] as const) {
    const s = scene();
    const sa = s.connect();
    const other = assertUp(s, sa);
    s.sent();
    if (side === 'device') closeIke(s.world.device.ike, sa, s.world.now);
    else closeIke(s.world.gateway.ike, other, s.world.now);
    s.world.settle();
    const [request, response] = s.sent();
    assert.equal(request!.payloads[0]!.body.toString('hex'), '01000000');
    assert.equal(response!.payloads.length, 0);
    s.wait(5000);
    nothingLeft(s);
    const told = outcomes(s);
    assert.deepEqual(told[side], ['closed']);
    assert.deepEqual(told[side === 'device' ? 'gateway' : 'device'], ['deleted']);
  }
});

test('a lost answer to the last Delete is repeated for a while', () => {
  let lost = 0;
  const s = scene({ filter: (d) => (d.octets[18] === 37 && (d.octets[19]! & 0x20) !== 0 && lost++ === 0 ? [] : [d]) });
  s.world.gateway.ike.linger = 10000;
  const sa = s.connect();
  closeIke(s.world.device.ike, sa, s.world.now);
  s.wait(60000);
  assert.ok(lost >= 2);
  assert.deepEqual(outcomes(s), { device: ['closed'], gateway: ['deleted'] });
  nothingLeft(s);
});

test('complaints about ESP packets end nothing, AUTHENTICATION_FAILED does', () => {
  for (const [type, ends] of [
    [11, false],
    [39, false],
    [8192, false],
    [16384, false],
    [24, true],
    [7, true],
  ] as const) {
    const s = scene({ unobserved: true });
    const sa = s.connect();
    const other = assertUp(s, sa);
    const ike = s.world.gateway.ike;
    addStatus(begin(ike), type, new Uint8Array(0));
    other.task = createTask(TASK_PROBE, null);
    assert.ok(sendRequest(ike, other, INFORMATIONAL, s.world.now));
    s.world.settle();
    assert.equal(sa.state, ends ? STATE_ENDED : STATE_ESTABLISHED, String(type));
  }
});

// INITIAL_CONTACT.

test('INITIAL_CONTACT: what is left of an earlier life goes', () => {
  for (const initialContact of [true, false]) {
    const s = scene({ device: { initialContact } });
    s.connect();
    s.world.device.ike.sas = [];
    s.world.device.ike.bySpi = {};
    s.world.device.pairs.clear();
    const sa = s.connect();
    assert.equal(sa.state, STATE_ESTABLISHED);
    const established = s.world.gateway.ike.sas.filter((one) => one.state === STATE_ESTABLISHED);
    assert.equal(established.length, initialContact ? 1 : 2);
    assert.deepEqual(outcomes(s).gateway, initialContact ? ['replaced'] : []);
    assert.equal(s.world.gateway.pairs.size, initialContact ? 1 : 2);
  }
});

// Repetition.

test('requests are repeated octet for octet, and answered again without being done again', () => {
  let lost = 0;
  const s = scene({ filter: (d) => (d.from.name === 'gateway' && lost++ % 3 !== 2 ? [] : [d]) });
  const sa = s.connect();
  s.wait(60000);
  assertUp(s, sa);
  assert.equal(s.world.gateway.events.filter((event) => event === 'install').length, 1);
  const auth = s.world.log.filter((m) => m.octets[18] === 35);
  for (const from of ['device', 'gateway']) {
    const of = auth.filter((m) => m.from === from).map((m) => Buffer.from(m.octets).toString('hex'));
    assert.equal(of.length, 3);
    assert.equal(new Set(of).size, 1);
  }
  s.close();
});
