// IKE_AUTH with certificates and with raw keys of every kind, between two endpoints: what is agreed, what is refused and why.

import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { AUTH_DIGITAL_SIGNATURE, AUTH_SHARED_KEY, ID_FQDN } from '../../core/ike/codec/numbers.ts';
import { certificates, peerCertificates } from '../../core/ike/ext/certificates.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import { createOwnKey } from '../../targets/node/host/certificates/choice.ts';
import { createSignatures, type NodeSignatures } from '../../targets/node/host/certificates/signatures.ts';
import { type Cert, keyHashOf, readCertificate } from '../../targets/node/host/certificates/x509.ts';
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
  /** Further keys, each with its certificate alone. */
  others?: Issued[];
  ca?: Issued[];
  peerKey?: KeyObject;
  wall?: number;
}

function signaturesOf({ own, chain, others = [], ca = [], peerKey, wall = NOW }: Side): NodeSignatures {
  const anchors = ca.map(read);
  const owns = own === undefined ? [] : [createOwnKey(keyOf(own), (chain ?? [own]).map(read), anchors)];
  return createSignatures({
    owns: [...owns, ...others.map((one) => createOwnKey(keyOf(one), [read(one)], anchors))],
    peerKey: peerKey ?? null,
    trust: { anchors, intermediates: [], crls: [], isCrlRequired: false },
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

test('which of several keys: by what the peer announces [RFC 9593], by its authorities, by its hashes', {
  skip,
}, () => {
  const [a, b] = ['a', 'b'].map((name) => pki().issue(`choice-${name}`, { isCa: true }));
  const names = 'DNS:device.test';
  const rsa = pki().issue('choice-rsa', { kind: 'rsa', by: a, names });
  const p256 = pki().issue('choice-p256', { kind: 'p256', by: b, names });
  const ed25519 = pki().issue('choice-ed25519', { kind: 'ed25519', by: b, names });
  const gateway = pki().issue('choice-gateway', { by: a, names: 'DNS:gateway.test' });
  const serving = (kind: KeyKind): Issued =>
    pki().issue(`choice-serving-${kind}`, { kind, by: a, names: 'DNS:gateway.test' });
  const [ECDSA, ED25519, PSS_512] = [
    '300a06082a8648ce3d040302',
    '300506032b6570',
    '304106092a864886f70d01010a3034a00f300d06096086480165030402030500a11c301a06092a864886f70d010108300d06096086480165030402030500a203020140',
  ];
  const blob = (identifier: string, certLink = '00'): string => {
    return (3 + identifier.length / 2).toString(16).padStart(2, '0') + '0e' + certLink + identifier;
  };
  const hash = (one: Issued): string => keyHashOf(read(one)).toString('hex');
  /** What the device sends to a gateway that says this: its certificate, and the algorithm of its signature. */
  const chosen = (says: { announced?: string; requests?: string[]; hashes?: string }): [string, string] => {
    const device = signaturesOf({ own: rsa, others: [p256, ed25519], ca: [a, b] });
    const asks = signaturesOf({ own: gateway, ca: [a, b] });
    const { announced, requests, hashes } = says;
    let sent: [string, string] = ['', ''];
    const taking: NodeSignatures = {
      ...asks,
      ...(announced === undefined ? {} : { announced: Uint8Array.from(Buffer.from(announced, 'hex')) }),
      ...(requests === undefined
        ? {}
        : { requests: requests.map((text) => ({ encoding: 4, octets: Uint8Array.from(Buffer.from(text, 'hex')) })) }),
      ...(hashes === undefined ? {} : { hashes: Uint8Array.from(Buffer.from(hashes, 'hex')) }),
      check(setup, id, octets, data) {
        const der = Buffer.from(peerCertificates(setup)[0].octets);
        const own = [rsa, p256, ed25519].find((one) => one.der.equals(der));
        sent = [own?.name ?? 'none', Buffer.from(data.subarray(1, 1 + data[0])).toString('hex')];
        return asks.check(setup, id, octets, data);
      },
    };
    const s = play(device, taking, announced === undefined ? {} : { announce: [AUTH_DIGITAL_SIGNATURE] });
    assert.ok(isUp(s), JSON.stringify([says, outcomes(s), device.reason, asks.reason]));
    s.close();
    return sent;
  };
  const [R, P, E] = [rsa, p256, ed25519].map(({ name }) => name);
  // Nothing is said but that both authorities are taken.
  assert.equal(chosen({})[0], R);
  // CERTREQ.
  assert.equal(chosen({ requests: [hash(b)] })[0], P);
  assert.equal(chosen({ requests: ['00'.repeat(20)] })[0], R);
  // SIGNATURE_HASH_ALGORITHMS: Identity alone.
  assert.deepEqual(chosen({ hashes: '0005' }), [E, ED25519]);
  // The order of what is announced is the peer's preference; unknown ones are passed over.
  assert.deepEqual(chosen({ announced: blob(ED25519) + blob(ECDSA) }), [E, ED25519]);
  assert.deepEqual(chosen({ announced: blob('300306012a') + blob(ECDSA) + blob(ED25519) }), [P, ECDSA]);
  assert.deepEqual(chosen({ announced: blob(PSS_512) }), [R, PSS_512]);
  assert.equal(chosen({ announced: '0202' + blob('300306012a'), requests: [hash(b)] })[0], P);
  // A link to an authority, the second over all payloads; one that leads nowhere.
  assert.equal(chosen({ announced: '030e02', requests: [hash(a), hash(b)] })[0], P);
  assert.equal(chosen({ announced: '030e02', requests: [hash(b) + hash(a)] })[0], R);
  assert.deepEqual(chosen({ announced: blob(ECDSA, '09') + blob(ED25519, '01'), requests: [hash(b)] }), [E, ED25519]);
  // The responder chooses by what comes in IKE_AUTH.
  const serves = { own: gateway, others: ['p256', 'ed25519'].map((kind) => serving(kind as KeyKind)), ca: [b] };
  const asks = signaturesOf({ own: p256, ca: [a, b] });
  let algorithm = '';
  const device: NodeSignatures = {
    ...asks,
    announced: Uint8Array.from(Buffer.from(blob(ED25519) + blob(ECDSA), 'hex')),
    check(setup, id, octets, data) {
      algorithm = Buffer.from(data.subarray(1, 1 + data[0])).toString('hex');
      return asks.check(setup, id, octets, data);
    },
  };
  for (const [announce, expected] of [
    [[AUTH_DIGITAL_SIGNATURE], ED25519],
    [[], ECDSA],
  ] as const) {
    const s = play(device, signaturesOf(serves), { announce: [...announce] });
    assert.ok(isUp(s), JSON.stringify(outcomes(s)));
    assert.equal(algorithm, expected);
    s.close();
  }
  // What is announced by itself.
  const all = signaturesOf({ own: gateway, ca: [a] }).announced!;
  assert.equal(chosen({ announced: Buffer.from(all).toString('hex') })[0], P);
});
