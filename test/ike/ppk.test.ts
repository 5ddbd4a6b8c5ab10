// Post-quantum pre-shared keys, in IKE_AUTH [RFC 8784] and in IKE_INTERMEDIATE [RFC 9867]: each side has one, another or
// none, mandatory or not. The observer computes keys and AUTH with the PPK if the messages say that it was used.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rekeyChild } from '../../core/ike/exchange/requests.ts';
import type { IkePolicy, Ppk } from '../../core/ike/state/policy.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { assertUp, nothingLeft, outcomes, type Scene, scene } from './kit.ts';
import { notifyOf } from './observer.ts';

const key = (mandatory: boolean, intermediate = false, name = 0x61): Ppk => ({
  id: Uint8Array.of(2, name),
  key: new Uint8Array(32).fill(name),
  mandatory,
  intermediate,
});

interface Case {
  name: string;
  device: Ppk | null;
  gateway: Ppk | null;
  /** Exchanges behind IKE_SA_INIT up to the end; whether the PPK was used; or the outcome. */
  used?: boolean;
  fails?: string;
}

const cases: Case[] = [];
for (const i of [false, true]) {
  const how = i ? 'IKE_INTERMEDIATE' : 'IKE_AUTH';
  cases.push(
    { name: how + ', both, mandatory', device: key(true, i), gateway: key(true, i), used: true },
    { name: how + ', both, optional', device: key(false, i), gateway: key(false, i), used: true },
    { name: how + ', the gateway has none', device: key(false, i), gateway: null, used: false },
    { name: how + ', the device has none', device: null, gateway: key(false, i), used: false },
    { name: how + ', mandatory, the gateway has none', device: key(true, i), gateway: null, fails: 'ppk' },
    {
      name: how + ', the device has none, mandatory',
      device: null,
      gateway: key(true, i),
      fails: 'NO_PROPOSAL_CHOSEN',
    },
    { name: how + ', another one, optional', device: key(false, i), gateway: key(false, i, 0x62), used: false },
    {
      name: how + ', another one, mandatory for the gateway',
      device: key(false, i),
      gateway: key(true, i, 0x62),
      fails: 'AUTHENTICATION_FAILED',
    },
    {
      name: how + ', another one, mandatory for the device',
      device: key(true, i),
      gateway: key(false, i, 0x62),
      fails: i ? 'ppk' : 'AUTHENTICATION_FAILED',
    },
  );
}
cases.push(
  { name: 'the gateway knows IKE_AUTH only', device: key(true, true), gateway: key(true), used: true },
  { name: 'the device knows IKE_AUTH only', device: key(true), gateway: key(true, true), used: true },
);

for (const { name, device, gateway, used, fails } of cases) {
  test('PPK: ' + name, () => {
    const s = scene({ device: { ppk: device }, gateway: { ppk: gateway } });
    const sa = s.connect();
    if (fails !== undefined) {
      s.wait(300000);
      assert.deepEqual(outcomes(s).device, [fails]);
      assert.equal(s.world.device.established.length, 0);
      nothingLeft(s);
      return;
    }
    assertUp(s, sa);
    const messages = s.sent();
    const answered = messages.some((m) => m.isResponse && m.exchange !== 34 && notifyOf(m, 16436) !== null);
    assert.equal(answered, used);
    const both = (device?.intermediate ?? false) && (gateway?.intermediate ?? false);
    assert.equal(messages.filter((m) => m.exchange === 43).length, both ? 2 : 0);
    // Later keys stand on SK_d.
    rekeyChild(s.world.device.ike, sa, sa.children[0]!, s.world.now);
    s.wait(5000);
    assertUp(s, sa);
    s.close();
  });
}

test('a PPK_ID that is known with another key', () => {
  for (const [intermediate, mandatory, outcome] of [
    [false, true, 'AUTHENTICATION_FAILED'],
    [true, true, 'AUTHENTICATION_FAILED'],
    [true, false, ''],
  ] as const) {
    const own = key(mandatory, intermediate);
    const s = scene({ device: { ppk: own }, gateway: { ppk: { ...own, key: new Uint8Array(32) } } });
    const sa = s.connect();
    if (outcome === '') {
      // The confirmation did not fit: without.
      assertUp(s, sa);
      s.close();
      continue;
    }
    s.wait(300000);
    assert.deepEqual(outcomes(s).device, [outcome]);
    nothingLeft(s);
  }
});

test('IKE_INTERMEDIATE answers with an identity that was not offered', () => {
  const both: Partial<IkePolicy> = { ppk: key(true, true) };
  const s = scene({ device: both, gateway: both, unobserved: true });
  // The device forgets what it offered.
  const round = s.world.device.ike.intermediate!.list[0];
  const request = round.request;
  round.request = (ike, sa, w) => {
    const done = request(ike, sa, w);
    sa.policy = { ...sa.policy, ppk: key(true, true, 0x63) };
    return done;
  };
  s.connect();
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['ppk']);
  nothingLeft(s);
});

test('IKE_INTERMEDIATE with every single message lost once, twice, and repeated without need', () => {
  for (let lost = 0; lost < 6; lost++) {
    for (const times of [1, 2]) {
      for (const fragmentSize of [0, 100]) {
        let number = 0;
        let left = times;
        const both: Partial<IkePolicy> = { ppk: key(true, true), fragmentSize };
        const s: Scene = scene({
          device: both,
          gateway: both,
          filter: (d) => {
            if (left > 0 && number++ === lost) {
              left--;
              number = lost;
              return [];
            }
            return [d, d];
          },
        });
        const sa: IkeSa = s.connect();
        s.wait(60000);
        assert.equal(sa.state, STATE_ESTABLISHED, `message ${lost} lost ${times} times`);
        assertUp(s, sa);
        s.close();
      }
    }
  }
});

test('IKE_INTERMEDIATE where nobody agreed on it is refused', () => {
  const s = scene({ device: { ppk: key(true, true) }, gateway: { ppk: key(true, true) }, unobserved: true });
  // The device believes that both did.
  s.world.gateway.ike.intermediate = null;
  s.world.device.ike.extensions.push({
    add: () => {},
    read: (_ike, sa, step) => {
      if (step === 1) sa.setup!.usePpkInt = true;
      return 0;
    },
  });
  s.connect();
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['INVALID_SYNTAX']);
  nothingLeft(s);
});
