// IKE_AUTH with certificates and with raw keys of every kind, between two endpoints: what is agreed, what is refused and why.

import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { AUTH_DIGITAL_SIGNATURE, AUTH_SHARED_KEY, ID_FQDN } from '../../core/ike/codec/numbers.ts';
import { certificates } from '../../core/ike/ext/certificates.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import { createSignatures, type NodeSignatures } from '../../targets/node/host/certificates/signatures.ts';
import { type Cert, readCertificate } from '../../targets/node/host/certificates/x509.ts';
import { outcomes, type Scene, scene } from '../ike/kit.ts';
import { packageMissing } from '../support/packages.ts';
import { type Issued, type KeyKind, openPki, type Pki } from '../support/pki.ts';

const skip = packageMissing('openssl');
const NOW = Date.UTC(2026, 10, 30);

let opened: Pki | undefined;
const pki = (): Pki => (opened ??= openPki());
after(() => opened?.close());

const read = ({ der }: Issued): Cert => readCertificate(der);
const keyOf = ({ key }: Issued): KeyObject => createPrivateKey(readFileSync(key));

interface Side {
  own?: Issued;
  /** Certificates that go with it, in the place of its own alone. */
  chain?: Issued[];
  ca?: Issued[];
  peerKey?: KeyObject;
  wall?: number;
}

function signaturesOf({ own, chain, ca = [], peerKey, wall = NOW }: Side): NodeSignatures {
  return createSignatures({
    key: own === undefined ? null : keyOf(own),
    chain: (chain ?? (own === undefined ? [] : [own])).map(read),
    peerKey: peerKey ?? null,
    trust: { anchors: ca.map(read), intermediates: [], crls: [], isCrlRequired: false },
    wall: () => wall,
  });
}

const named = (name: string) => ({ type: ID_FQDN, data: Uint8Array.from(Buffer.from(name)) });

function play(device: NodeSignatures, gateway: NodeSignatures, more: Partial<IkePolicy> = {}): Scene {
  const both: Partial<IkePolicy> = {
    localAuth: AUTH_DIGITAL_SIGNATURE,
    remoteAuth: AUTH_DIGITAL_SIGNATURE,
    psk: new Uint8Array(0),
    ...more,
  };
  const [d, g] = [named('device.test'), named('gateway.test')];
  const s = scene({
    unobserved: true,
    device: { ...both, localId: d, remoteId: g, signatures: device },
    gateway: { ...both, localId: g, remoteId: d, signatures: gateway },
  });
  for (const { ike } of [s.world.device, s.world.gateway]) ike.extensions.push(certificates);
  s.connect();
  s.wait(300000);
  return s;
}

const isUp = (s: Scene): boolean => s.world.device.established.length === 1 && s.world.gateway.established.length === 1;

test('certificates of each kind on each side, with an intermediate authority', { skip }, () => {
  const root = pki().issue('root', { isCa: true });
  const middle = pki().issue('middle', { isCa: true, by: root, kind: 'p384' });
  const issue = (name: string, kind: KeyKind): Issued =>
    pki().issue(`${name}-${kind}`, { kind, by: middle, names: `DNS:${name}.test` });
  const kinds: KeyKind[] = ['ed25519', 'p256', 'p384', 'rsa'];
  const devices = kinds.map((kind) => issue('device', kind));
  const gateways = kinds.map((kind) => issue('gateway', kind));
  for (const [at, device] of devices.entries()) {
    const gateway = gateways[(at + 1) % gateways.length];
    for (const transcript of [true, false]) {
      const s = play(
        signaturesOf({ own: device, chain: [device, middle], ca: [root] }),
        signaturesOf({ own: gateway, chain: [gateway, middle], ca: [root] }),
        { transcript },
      );
      assert.ok(isUp(s), `${device.name} ${JSON.stringify(outcomes(s))}`);
      s.close();
    }
  }
  // Without the intermediate one, where the other side does not have it either.
  const lone = signaturesOf({ own: gateways[1], ca: [root] });
  const s = play(signaturesOf({ own: devices[1], ca: [root] }), lone);
  assert.deepEqual(outcomes(s), { device: ['AUTHENTICATION_FAILED'], gateway: ['peer-authentication'] });
  assert.match(lone.reason, /its issuer is not known/);
});

test('raw keys [RFC 7670]: configured on both sides, sent where they are asked for', { skip }, () => {
  for (const kind of ['ed25519', 'p256', 'p384', 'rsa'] as const) {
    const [device, gateway] = ['d', 'g'].map((name) => pki().issue(`raw-${name}-${kind}`, { kind, isCa: true }));
    const open = (one: Issued): KeyObject => createPublicKey(keyOf(one) as never);
    const own = (one: Issued, peer: Issued): NodeSignatures =>
      signaturesOf({ own: one, chain: [], peerKey: open(peer) });
    const s = play(own(device, gateway), own(gateway, device));
    assert.ok(isUp(s), kind);
    s.close();
    const wrong = own(gateway, gateway);
    const t = play(own(device, gateway), wrong);
    assert.ok(!isUp(t));
    assert.equal(wrong.reason, 'it sent another public key');
  }
});

test('refused, with the reason for this side alone', { skip }, () => {
  const root = pki().issue('refusing', { isCa: true });
  const other = pki().issue('unknown-root', { isCa: true });
  const gateway = pki().issue('gateway', { by: root, names: 'DNS:gateway.test' });
  const device = pki().issue('device', { by: root, names: 'DNS:device.test' });
  const good = (): NodeSignatures => signaturesOf({ own: device, ca: [root] });
  const byDevice = (side: Side, reason: RegExp): void => {
    const refusing = signaturesOf({ own: gateway, ca: [root], ...side });
    const s = play(good(), refusing);
    assert.ok(!isUp(s));
    assert.deepEqual(outcomes(s).device, ['AUTHENTICATION_FAILED']);
    assert.match(refusing.reason, reason);
  };
  byDevice({ ca: [other] }, /issuer is not known/);
  byDevice({ wall: Date.UTC(2101, 0) }, /expired on/);

  const byGateway = (own: Issued, chain: Issued[], reason: RegExp): void => {
    const refusing = signaturesOf({ own: gateway, ca: [root] });
    const s = play(signaturesOf({ own, chain, ca: [root] }), refusing);
    assert.deepEqual(outcomes(s), { device: ['AUTHENTICATION_FAILED'], gateway: ['peer-authentication'] });
    assert.match(refusing.reason, reason);
  };
  const stranger = pki().issue('stranger', { by: root, names: 'DNS:stranger.test' });
  byGateway(stranger, [stranger], /not for its identity/);
  byGateway(device, [], /no certificate/);
  // Somebody else's certificate, without its key.
  byGateway(stranger, [device], /its signature is wrong/);
  // A chain of 20 is longer than a message may be here: it is not sent.
  const long = Array.from({ length: 20 }, () => device);
  const silent = play(
    signaturesOf({ own: device, chain: long, ca: [root] }),
    signaturesOf({ own: gateway, ca: [root] }),
  );
  assert.deepEqual(outcomes(silent), { device: ['refused'], gateway: [] });

  // A certificate on one side, a pre-shared key on the other.
  const half = signaturesOf({ ca: [root] });
  const psk = new Uint8Array(16).fill(3);
  const s = scene({
    unobserved: true,
    device: {
      remoteAuth: AUTH_SHARED_KEY,
      localAuth: AUTH_DIGITAL_SIGNATURE,
      psk,
      signatures: good(),
      localId: named('device.test'),
    },
    gateway: {
      remoteAuth: AUTH_DIGITAL_SIGNATURE,
      localAuth: AUTH_SHARED_KEY,
      psk,
      signatures: half,
      remoteId: named('device.test'),
    },
  });
  for (const { ike } of [s.world.device, s.world.gateway]) ike.extensions.push(certificates);
  s.connect();
  assert.ok(isUp(s), JSON.stringify(outcomes(s)));
  s.close();
});
