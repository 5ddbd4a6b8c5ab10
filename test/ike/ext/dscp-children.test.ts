// Child SAs by DSCP class on the wire: the DSCP notify, TS_DSCP with its rules, old peers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { N_TS_UNACCEPTABLE } from '../../../core/ike/codec/numbers.ts';
import { appendTsDscp } from '../../../core/ike/codec/ts-dscp.ts';
import { closeChild, rekeyChild } from '../../../core/ike/exchange/requests.ts';
import { dscpNotify } from '../../../core/ike/ext/dscp-notify.ts';
import { tsDscp } from '../../../core/ike/ext/ts-dscp.ts';
import { vendorId } from '../../../core/ike/ext/vendor.ts';
import { noteOf } from '../../../core/ike/state/child.ts';
import { answersDscp, DSCP_SELECTED, dscpOf, NOTE_DSCP } from '../../../core/ike/state/dscp-note.ts';
import { STEP_SELECTORS } from '../../../core/ike/state/step.ts';
import { assertUp } from '../kit.ts';
import { CLASSES, DEFAULT, live, N_DSCP, N_RESOURCE, seen, selected, sides, TSI, textOf, twin } from './several-kit.ts';

test('the DSCP notify: both sides with classes, a gateway without, and rekeys of both kinds', () => {
  for (const isMirror of [false, true]) {
    const { s, sa, told } = sides({
      device: CLASSES,
      gateway: isMirror ? [] : CLASSES,
      first: DEFAULT,
      ...(isMirror ? {} : { gatewayFirst: DEFAULT }),
    });
    assert.deepEqual(seen(s, N_DSCP), ['', '', '2e', '2e', '0a0c', '0a0c']);
    assert.deepEqual(textOf(sa), ['bulk 10,12', 'child', 'voice 46']);
    const other = assertUp(s, sa);
    assert.deepEqual(
      textOf(other),
      isMirror ? ['child', 'child 10,12', 'child 46'] : ['bulk 10,12', 'child', 'voice 46'],
    );
    assert.ok(answersDscp(sa));
    for (const isOptimized of [true, false]) {
      for (const one of [sa, other]) one.optimizedRekey = isOptimized;
      for (const child of live(sa)) rekeyChild(s.world.device.ike, sa, child, s.world.now);
      s.wait(5000);
      for (const child of live(other)) rekeyChild(s.world.gateway.ike, other, child, s.world.now);
      s.wait(5000);
      assert.deepEqual(textOf(sa), ['bulk 10,12', 'child', 'voice 46'], `optimized ${isOptimized}`);
      assert.equal(live(other).length, 3);
      assert.deepEqual(
        live(other)
          .map((child) => [...dscpOf(child).subarray(1)].join())
          .sort(),
        ['', '10,12', '46'],
      );
    }
    assert.deepEqual(told, []);
    s.close();
  }
});

test('a rekey changes the set', () => {
  const { s, sa } = sides({ device: CLASSES, gateway: [], first: DEFAULT });
  const voice = live(sa).find(({ policy }) => policy.name === 'voice')!;
  sa.optimizedRekey = twin(s, sa).optimizedRekey = false;
  voice.policy.dscp = [44, 46];
  rekeyChild(s.world.device.ike, sa, voice, s.world.now);
  s.wait(5000);
  assert.deepEqual(textOf(sa), ['bulk 10,12', 'child', 'voice 44,46']);
  assert.deepEqual(textOf(twin(s, sa)), ['child', 'child 10,12', 'child 44,46']);
  s.close();
});

test('with nothing configured no octet of it is sent, and an old gateway gets one Child SA', () => {
  const none = sides({ device: [], gateway: CLASSES, gatewayFirst: DEFAULT });
  assert.deepEqual(seen(none.s, N_DSCP), ['-', '']);
  assert.deepEqual(seen(none.s, N_RESOURCE), []);
  none.s.close();
  // A peer with our Vendor ID that does not know the notify.
  const old = sides({ device: CLASSES, gateway: [], first: DEFAULT, lacks: dscpNotify });
  assert.deepEqual(seen(old.s, N_DSCP), ['', '-']);
  assert.deepEqual(textOf(old.sa), ['child']);
  assert.deepEqual(old.told, ['no dscp']);
  assertUp(old.s, old.sa);
  old.s.close();
  // Without the Vendor ID none of the numbers is sent.
  const foreign = sides({ device: selected(CLASSES), gateway: [], first: DEFAULT, lacks: vendorId });
  assert.deepEqual(seen(foreign.s, N_DSCP), ['-', '-']);
  assert.deepEqual(textOf(foreign.sa), ['child']);
  foreign.s.close();
});

test('TS_DSCP: octets, narrowing and the rest, omission, a value too many, TS_UNACCEPTABLE', () => {
  const list = selected(CLASSES);
  const same = sides({ device: list, gateway: list, first: DEFAULT, gatewayFirst: DEFAULT });
  assert.deepEqual(textOf(same.sa), ['bulk =10,12', 'child', 'voice =46'], same.told.join());
  assert.deepEqual(textOf(twin(same.s, same.sa)), ['bulk =10,12', 'child', 'voice =46']);
  const bodies = same.s
    .sent()
    .filter(({ exchange }) => exchange === 36)
    .map(({ payloads }) => payloads.find(({ type }) => type === TSI)!.body.toString('hex'));
  // One address selector of 40 octets, then the list.
  assert.deepEqual(
    bodies.map((body) => [body.slice(0, 8), body.slice(88)]),
    [
      ['02000000', 'f10000052e'],
      ['02000000', 'f10000052e'],
      ['02000000', 'f10000060a0c'],
      ['02000000', 'f10000060a0c'],
    ],
  );
  for (const isOptimized of [true, false]) {
    for (const one of [same.sa, twin(same.s, same.sa)]) one.optimizedRekey = isOptimized;
    for (const child of live(same.sa)) rekeyChild(same.s.world.device.ike, same.sa, child, same.s.world.now);
    same.s.wait(5000);
    assert.deepEqual(textOf(same.sa), ['bulk =10,12', 'child', 'voice =46']);
    assert.deepEqual(textOf(twin(same.s, same.sa)), ['bulk =10,12', 'child', 'voice =46']);
  }
  same.s.close();

  const wide = sides({
    device: selected([{ name: 'all', dscp: [10, 12, 46] }]),
    gateway: list,
    first: DEFAULT,
    gatewayFirst: DEFAULT,
  });
  wide.wait(3000);
  assert.deepEqual(
    textOf(wide.sa)
      .filter((text) => text !== 'child')
      .map((text) => text.split('=')[1])
      .sort(),
    ['10,12', '46'],
  );
  wide.s.close();

  for (const isKept of [false, true]) {
    const omits = sides({
      device: list.map((one) => ({ ...one, ...(isKept ? { tsDscpOptional: true } : {}) })),
      gateway: CLASSES,
      first: DEFAULT,
      gatewayFirst: DEFAULT,
    });
    omits.wait(500);
    assert.deepEqual(textOf(omits.sa), isKept ? ['bulk 10,12', 'child', 'voice 46'] : ['child']);
    assert.equal(live(twin(omits.s, omits.sa)).length, isKept ? 3 : 1, 'what this side does not take is deleted there');
    if (!isKept) assert.ok(omits.told.includes('selectors'), omits.told.join());
    omits.s.close();
  }
});

test('TS_DSCP of a peer: a value that was not offered, TS_UNACCEPTABLE and the attempt without it', () => {
  const list = selected([{ name: 'voice', dscp: [44, 46] }]);
  const adds = sides({ device: list, gateway: list, first: DEFAULT, gatewayFirst: DEFAULT });
  const { gateway } = adds.s.world;
  adds.sa.optimizedRekey = twin(adds.s, adds.sa).optimizedRekey = false;
  const at = gateway.ike.extensions.indexOf(tsDscp);
  // It answers with a value of its own.
  gateway.ike.extensions[at] = {
    ...tsDscp,
    add: (ike, sa, step, draft, w) => {
      if (step === STEP_SELECTORS && draft?.policy.name === 'voice') appendTsDscp(w, w.next, 241, [45, 46]);
      else tsDscp.add(ike, sa, step, draft, w);
    },
  };
  rekeyChild(
    adds.s.world.device.ike,
    adds.sa,
    live(adds.sa).find(({ policy }) => policy.name === 'voice')!,
    adds.s.world.now,
  );
  adds.s.wait(3000);
  assert.ok(adds.told.includes('protocol'), adds.told.join());
  assert.deepEqual(textOf(adds.sa), ['child', 'voice =44,46'], 'the one that it was to replace');
  assert.equal(live(twin(adds.s, adds.sa)).length <= 2, true);
  adds.s.close();

  const refuses = sides({
    device: selected([{ name: 'voice', dscp: [46] }]),
    gateway: selected([{ name: 'voice', dscp: [46] }]),
    first: DEFAULT,
    gatewayFirst: DEFAULT,
  });
  const other = refuses.s.world.gateway.ike;
  other.extensions[other.extensions.indexOf(tsDscp)] = {
    ...tsDscp,
    read: (ike, sa, step, draft, m) => {
      const code = tsDscp.read(ike, sa, step, draft, m);
      const isAsked = draft !== null && noteOf(draft.notes, NOTE_DSCP)[0] === DSCP_SELECTED;
      return code === 0 && isAsked ? N_TS_UNACCEPTABLE : code;
    },
  };
  const voice = live(refuses.sa).find(({ policy }) => policy.name === 'voice')!;
  closeChild(refuses.s.world.device.ike, refuses.sa, voice, refuses.s.world.now);
  refuses.wait(20000);
  assert.ok(refuses.told.includes('TS_UNACCEPTABLE'), refuses.told.join());
  assert.deepEqual(textOf(refuses.sa), ['child', 'voice 46'], 'as a statement');
  refuses.s.close();
});
