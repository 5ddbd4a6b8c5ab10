// AUTH of both sides in every form, on real handshakes, against the observer's own computation: shared key and Ed25519,
// with and without downgrade prevention, PPK, IntAuth, a resumed session. The same observer checks the tests of features.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { AUTH_DIGITAL_SIGNATURE, AUTH_SHARED_KEY } from '../../core/ike/codec/numbers.ts';
import type { IkePolicy, Ppk } from '../../core/ike/state/policy.ts';
import { assertUp, type Scene, scene } from './kit.ts';
import { notifyOf } from './observer.ts';

const NONE = new Uint8Array(0);

function pair(): { privateKey: Uint8Array; publicKey: Uint8Array } {
  const keys = generateKeyPairSync('ed25519');
  return {
    privateKey: keys.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(16),
    publicKey: keys.publicKey.export({ format: 'der', type: 'spki' }).subarray(12),
  };
}

export function ppk(changes: Partial<Ppk> = {}): Ppk {
  const id = Uint8Array.of(2, 0x70, 0x70, 0x6b);
  return { id, key: new Uint8Array(32).fill(9), mandatory: true, intermediate: false, ...changes };
}

function up(s: Scene, proofs = 2): void {
  assertUp(s, s.connect());
  assert.equal(s.observer.proofs, proofs);
  s.close();
}

for (const [ours, theirs] of [
  [true, true],
  [true, false],
  [false, true],
  [false, false],
] as const) {
  test(`shared keys, downgrade prevention ${ours} and ${theirs}`, () => {
    const s = scene({ device: { transcript: ours }, gateway: { transcript: theirs } });
    s.connect();
    const [request, response] = s.sent();
    assert.equal(notifyOf(request!, 16447) !== null, ours);
    assert.equal(notifyOf(response!, 16447) !== null, theirs);
    s.close();
    assert.equal(s.observer.proofs, 2);
  });
}

for (const [name, local, remote] of [
  ['both', AUTH_DIGITAL_SIGNATURE, AUTH_DIGITAL_SIGNATURE],
  ['the device alone', AUTH_DIGITAL_SIGNATURE, AUTH_SHARED_KEY],
  ['the gateway alone', AUTH_SHARED_KEY, AUTH_DIGITAL_SIGNATURE],
] as const) {
  test('Ed25519: ' + name, () => {
    const a = pair();
    const b = pair();
    const s = scene({
      device: { localAuth: local, remoteAuth: remote, privateKey: a.privateKey, publicKey: b.publicKey },
      gateway: { localAuth: remote, remoteAuth: local, privateKey: b.privateKey, publicKey: a.publicKey },
    });
    up(s);
    assert.equal(s.watched.calls.sign, local === AUTH_DIGITAL_SIGNATURE ? 1 : 0);
    assert.equal(s.watched.calls.verify, remote === AUTH_DIGITAL_SIGNATURE ? 1 : 0);
  });
}

for (const intermediate of [false, true]) {
  for (const transcript of [false, true]) {
    test(`PPK ${intermediate ? 'in IKE_INTERMEDIATE' : 'in IKE_AUTH'}, downgrade prevention ${transcript}`, () => {
      const both: Partial<IkePolicy> = { transcript, ppk: ppk({ intermediate }) };
      const s = scene({ device: both, gateway: both });
      up(s);
    });
  }
}

test('a PPK that the responder lacks: AUTH without it', () => {
  const s = scene({
    device: { ppk: ppk({ mandatory: false }) },
    gateway: { ppk: ppk({ mandatory: false, id: Uint8Array.of(2, 1) }) },
  });
  up(s);
});

test('Ed25519 with a PPK in IKE_INTERMEDIATE', () => {
  const a = pair();
  const b = pair();
  const both = {
    localAuth: AUTH_DIGITAL_SIGNATURE,
    remoteAuth: AUTH_DIGITAL_SIGNATURE,
    psk: NONE,
    ppk: ppk({ intermediate: true }),
  } as const;
  const s = scene({
    device: { ...both, privateKey: a.privateKey, publicKey: b.publicKey },
    gateway: { ...both, privateKey: b.privateKey, publicKey: a.publicKey },
  });
  up(s);
});

test('a resumed session', () => {
  const s = scene({ device: { ticketLifetime: 600 }, gateway: { ticketLifetime: 600 } });
  const first = s.connect();
  const session = first.session;
  assert.ok(session !== null);
  const sa = s.connect(session);
  assert.equal(sa.initiator, true);
  s.wait(5000);
  assert.equal(s.observer.proofs, 4);
  s.close();
});
