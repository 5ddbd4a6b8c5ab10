// Every failure in IKE_AUTH: both sides name it, and no state stays. Also messages that nobody can use.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AUTH_DIGITAL_SIGNATURE, ID_FQDN } from '../../core/ike/codec/numbers.ts';
import { receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { rekeyChild } from '../../core/ike/exchange/requests.ts';
import type { Extension } from '../../core/ike/state/ike.ts';
import { STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { STEP_AUTH_REQUEST, STEP_AUTH_RESPONSE, STEP_CHILD_REQUEST } from '../../core/ike/state/step.ts';
import { watchedAsymmetric } from './halves.ts';
import { assertUp, nothingLeft, type Options, outcomes, scene } from './kit.ts';
import { path } from './pair.ts';

const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const named = (text: string) => ({ type: ID_FQDN, data: ascii(text) }) as const;
const key = new Uint8Array(32).fill(1);

interface Failure {
  name: string;
  options: Options;
  device: string;
  /** What the gateway's host is told, where it is. */
  gateway: string[];
}

const failures: Failure[] = [
  {
    name: 'another key',
    options: { gateway: { psk: ascii('another key') } },
    device: 'AUTHENTICATION_FAILED',
    gateway: ['peer-authentication'],
  },
  {
    name: 'no key',
    options: { gateway: { psk: new Uint8Array(0) } },
    device: 'AUTHENTICATION_FAILED',
    gateway: ['peer-authentication'],
  },
  {
    name: 'a device that the gateway does not know',
    options: { responder: { findPolicy: () => null } },
    device: 'AUTHENTICATION_FAILED',
    gateway: ['peer-authentication'],
  },
  {
    name: 'another identity of the device',
    options: { device: { localId: named('somebody') } },
    device: 'AUTHENTICATION_FAILED',
    gateway: ['peer-authentication'],
  },
  {
    name: 'an identity that the gateway does not have (IDr)',
    options: { device: { remoteId: named('somebody') } },
    device: 'AUTHENTICATION_FAILED',
    gateway: ['peer-authentication'],
  },
  {
    name: 'another identity of the gateway',
    options: { device: { nameRemote: false }, gateway: { localId: named('somebody') } },
    device: 'peer-identity',
    gateway: ['deleted', 'AUTHENTICATION_FAILED'],
  },
  {
    name: 'another method of the device',
    options: { gateway: { remoteAuth: AUTH_DIGITAL_SIGNATURE, publicKey: key } },
    device: 'AUTHENTICATION_FAILED',
    gateway: ['peer-authentication'],
  },
  {
    name: 'another method of the gateway',
    options: { device: { remoteAuth: AUTH_DIGITAL_SIGNATURE, publicKey: key } },
    device: 'peer-authentication',
    gateway: ['deleted', 'AUTHENTICATION_FAILED'],
  },
  {
    name: 'a signature that the gateway cannot make',
    options: {
      device: { remoteAuth: AUTH_DIGITAL_SIGNATURE, publicKey: key },
      gateway: { localAuth: AUTH_DIGITAL_SIGNATURE },
    },
    device: 'AUTHENTICATION_FAILED',
    gateway: ['peer-authentication'],
  },
  {
    name: 'a signature under another key',
    options: {
      device: { localAuth: AUTH_DIGITAL_SIGNATURE, privateKey: key },
      gateway: { remoteAuth: AUTH_DIGITAL_SIGNATURE, publicKey: key },
    },
    device: 'AUTHENTICATION_FAILED',
    gateway: ['peer-authentication'],
  },
];

for (const { name, options, device, gateway } of failures) {
  test('IKE_AUTH fails: ' + name, () => {
    const s = scene({ ...options, unobserved: true });
    s.connect();
    s.wait(300000);
    assert.deepEqual(outcomes(s).device, [device]);
    assert.ok(outcomes(s).gateway.length <= 1);
    for (const outcome of outcomes(s).gateway) assert.ok(gateway.includes(outcome), outcome);
    assert.equal(s.world.device.established.length, 0);
    assert.ok(!s.world.device.events.includes('install'));
    nothingLeft(s);
  });
}

test('Ed25519 where the provider has none, or the peer does not verify it', () => {
  for (const side of ['device', 'gateway'] as const) {
    const s = scene({
      device: { localAuth: AUTH_DIGITAL_SIGNATURE, privateKey: key },
      gateway: { remoteAuth: AUTH_DIGITAL_SIGNATURE, publicKey: key },
      unobserved: true,
    });
    const asymmetric = { ...watchedAsymmetric().asymmetric, hasEd25519: () => false };
    s.world[side].ike.asymmetric = asymmetric;
    s.connect();
    s.wait(300000);
    assert.deepEqual(outcomes(s).device, ['AUTHENTICATION_FAILED']);
    nothingLeft(s);
  }
});

/** Adds a payload at a step. */
function adding(steps: number[], type: number, octets: number[], critical: boolean): Extension {
  return {
    add: (_ike, _sa, step, _draft, w) => {
      if (!steps.includes(step)) return;
      const at = w.at;
      if (w.next < 0) w.first = type;
      else w.buffer[w.next] = type;
      w.buffer.set([0, critical ? 0x80 : 0, 0, 4 + octets.length, ...octets], at);
      w.next = at;
      w.at += 4 + octets.length;
    },
    read: () => 0,
  };
}

test('unknown payloads in IKE_AUTH: passed over, refused where they are critical in a request', () => {
  for (const [critical, step, outcome] of [
    [false, STEP_AUTH_REQUEST, ''],
    [false, STEP_AUTH_RESPONSE, ''],
    [true, STEP_AUTH_RESPONSE, ''],
    [true, STEP_AUTH_REQUEST, 'UNSUPPORTED_CRITICAL_PAYLOAD'],
  ] as const) {
    const s = scene({ unobserved: true });
    const node = step === STEP_AUTH_REQUEST ? s.world.device : s.world.gateway;
    node.ike.extensions.push(adding([step], 201, [1, 2], critical));
    const sa = s.connect();
    if (outcome === '') {
      assertUp(s, sa);
      s.close();
      continue;
    }
    s.wait(300000);
    assert.deepEqual(outcomes(s).device, [outcome]);
    assert.deepEqual(outcomes(s).gateway, []);
    nothingLeft(s);
  }
});

test('an unknown critical payload in CREATE_CHILD_SA: refused, the IKE SA stays', () => {
  const s = scene({ device: { optimizedRekey: false }, unobserved: true });
  s.world.device.ike.extensions.push(adding([STEP_CHILD_REQUEST], 201, [], true));
  const sa = s.connect();
  const old = sa.children[0];
  rekeyChild(s.world.device.ike, sa, old!, s.world.now);
  s.wait(5000);
  assert.equal(sa.state, STATE_ESTABLISHED);
  assert.equal(sa.children[0], old);
  assert.ok(s.world.device.events.includes('childFailed 1'));
  s.close();
});

test('payloads that do not parse, in the answer to IKE_AUTH and in CREATE_CHILD_SA', () => {
  const s = scene({ unobserved: true });
  s.world.gateway.ike.extensions.push(adding([STEP_AUTH_RESPONSE], 41, [0, 9, 0, 0], false));
  s.connect();
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['protocol']);
  nothingLeft(s);

  const c = scene({ device: { optimizedRekey: false }, unobserved: true });
  c.world.device.ike.extensions.push(adding([STEP_CHILD_REQUEST], 41, [0, 9, 0, 0], false));
  const sa = c.connect();
  rekeyChild(c.world.device.ike, sa, sa.children[0]!, c.world.now);
  c.wait(300000);
  assert.deepEqual(outcomes(c), { device: ['INVALID_SYNTAX'], gateway: ['protocol'] });
  nothingLeft(c);
});

test('more payloads than the limit', () => {
  const s = scene({ unobserved: true });
  for (let i = 0; i < 32; i++) s.world.device.ike.extensions.push(adding([STEP_AUTH_REQUEST], 43, [i], false));
  s.connect();
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['INVALID_SYNTAX']);
  nothingLeft(s);
});

test('a time-out of IKE_AUTH and of a rekey', () => {
  const s = scene({ filter: (d) => (d.octets[18] === 35 ? [] : [d]) });
  s.connect();
  s.wait(300000);
  assert.deepEqual(outcomes(s), { device: ['timeout'], gateway: [] });
  nothingLeft(s);

  let cut = false;
  const r = scene({ filter: (d) => (cut ? [] : [d]) });
  const sa = r.connect();
  cut = true;
  rekeyChild(r.world.device.ike, sa, sa.children[0]!, r.world.now);
  r.wait(300000);
  assert.deepEqual(outcomes(r).device, ['timeout']);
  assert.equal(r.world.device.ike.sas.length + r.world.device.pairs.size, 0);
});

test('messages that nobody has a use for change nothing', () => {
  const s = scene({ unobserved: true });
  const sa = s.connect();
  const other = assertUp(s, sa);
  const before = JSON.stringify([sa.nextId, sa.expectedId, other.nextId, other.expectedId]);
  for (const node of [s.world.device, s.world.gateway]) {
    for (const { octets } of [...s.world.log]) {
      // Each message of before, to both; as it was, and with every field of the header changed.
      for (let at = -1; at < 28; at++) {
        const copy = Buffer.from(octets);
        if (at >= 0) copy[at]! ^= at === 19 ? 0x28 : 1;
        receiveIke(node.ike, path(), copy, 0, copy.length, s.world.now);
      }
      receiveIke(node.ike, path(), Buffer.from(octets), 0, Math.min(27, octets.length), s.world.now);
    }
  }
  assert.equal(JSON.stringify([sa.nextId, sa.expectedId, other.nextId, other.expectedId]), before);
  assert.equal(s.world.device.pairs.size, 1);
  assert.deepEqual(outcomes(s), { device: [], gateway: [] });
  rekeyChild(s.world.device.ike, sa, sa.children[0]!, s.world.now);
  s.wait(300000);
  assertUp(s, sa);
  s.close();
});
