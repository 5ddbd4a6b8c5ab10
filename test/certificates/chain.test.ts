// X.509 paths, CRLs and signatures against certificates that OpenSSL made.

import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { Certificate, Extension, GeneralName, SubjectAlternativeName } from '@peculiar/asn1-x509';
import { HASHES, isSignature, signatureOf } from '../../targets/node/host/certificates/algorithms.ts';
import { PATH_MAX, pathProblem, type Trust } from '../../targets/node/host/certificates/chain.ts';
import { isNamed } from '../../targets/node/host/certificates/signatures.ts';
import { CERTIFICATE_MAX, type Cert, readCertificate, readCrl } from '../../targets/node/host/certificates/x509.ts';
import { packageMissing } from '../support/packages.ts';
import { type Issued, openPki, type Pki } from '../support/pki.ts';

const skip = packageMissing('openssl');
const NOW = Date.UTC(2026, 10, 30);

let opened: Pki | undefined;
const pki = (): Pki => (opened ??= openPki());
after(() => opened?.close());

const read = ({ der }: Issued): Cert => readCertificate(der);
const trusting = (root: Issued, more: Partial<Trust> = {}): Trust => ({
  anchors: [read(root)],
  intermediates: [],
  crls: [],
  isCrlRequired: false,
  ...more,
});
const crlOf = (file: string) =>
  readCrl(Buffer.from(readFileSync(file, 'latin1').replace(/-----[^-]*-----|\s/g, ''), 'base64'));

test('paths of one to PATH_MAX certificates, of every kind of key; one more is refused', { skip }, () => {
  for (const kind of ['ed25519', 'p256', 'p384', 'rsa'] as const) {
    const root = pki().issue(`root-${kind}`, { kind, isCa: true });
    const leaf = pki().issue(`leaf-${kind}`, { kind, by: root, names: 'DNS:a.test' });
    assert.equal(pathProblem([read(leaf)], trusting(root), NOW), '', kind);
  }
  const chain = [pki().issue('ca0', { isCa: true })];
  for (let i = 1; i < PATH_MAX; i++) chain.push(pki().issue(`ca${i}`, { isCa: true, by: chain[i - 1] }));
  const [root, ...below] = chain;
  const sub = below.map(read).reverse();
  const near = pki().issue('near', { by: chain[PATH_MAX - 2] });
  const far = pki().issue('far', { by: chain[PATH_MAX - 1] });
  assert.equal(pathProblem([read(near), ...sub.slice(1)], trusting(root), NOW), '');
  // In any order, and with others beside them.
  assert.equal(pathProblem([read(near), read(far), ...sub.slice(1).reverse()], trusting(root), NOW), '');
  assert.match(pathProblem([read(far), ...sub], trusting(root), NOW), /more than 8 certificates/);
  assert.match(pathProblem([read(near)], trusting(root), NOW), /its issuer is not known/);
  assert.equal(pathProblem([read(near)], trusting(root, { intermediates: sub }), NOW), '');
  // An intermediate certificate as anchor ends the path.
  assert.equal(pathProblem([read(near)], trusting(chain[PATH_MAX - 2]), NOW), '');
});

test('what may not stand in a path, by reason', { skip }, () => {
  const root = pki().issue('root', { isCa: true });
  const trust = trusting(root);
  const refused = (name: string, options: Parameters<Pki['issue']>[1], reason: RegExp): void =>
    assert.match(pathProblem([read(pki().issue(name, { by: root, ...options }))], trust, NOW), reason, name);
  refused('expired', { until: '20261101000000Z' }, /expired expired on 2026-11-01|expired on 2026-11-01/);
  refused('early', { from: '20270101000000Z' }, /not valid before 2027-01-01/);
  refused('encipherment', { extensions: ['keyUsage = keyEncipherment'] }, /no digital signature/);
  refused('mail', { extensions: ['extendedKeyUsage = emailProtection'] }, /extended key usage/);
  refused('odd', { extensions: ['1.2.3.4 = critical,DER:0500'] }, /critical extension 1\.2\.3\.4/);
  refused('small', { kind: 'rsa1024' }, /RSA with 1024 bits/);
  refused('curve', { kind: 'p521' }, /curve secp521r1/);
  refused('sha1', { digest: 'sha1' }, /signature algorithm/);
  const good = ['extendedKeyUsage = serverAuth', 'keyUsage = nonRepudiation'];
  assert.equal(pathProblem([read(pki().issue('server', { by: root, extensions: good }))], trust, NOW), '');

  const under = (name: string, extensions: string[], until?: string): string => {
    const ca = pki().issue(name, { by: root, isCa: true, extensions, ...(until === undefined ? {} : { until }) });
    const leaf = pki().issue(`under-${name}`, { by: ca });
    return pathProblem([read(leaf), read(ca)], trust, NOW);
  };
  assert.match(under('no-ca', ['basicConstraints = CA:FALSE']), /is no CA certificate/);
  assert.match(under('no-constraints', ['keyUsage = keyCertSign']), /is no CA certificate/);
  assert.match(under('no-sign', ['basicConstraints = CA:TRUE', 'keyUsage = cRLSign']), /no certificate signing/);
  assert.match(under('old', ['basicConstraints = CA:TRUE'], '20261101000000Z'), /expired on/);
  const constrained = ['basicConstraints = CA:TRUE', 'nameConstraints = critical,permitted;DNS:a.test'];
  assert.match(under('named', constrained), /critical extension 2\.5\.29\.30/);

  const short = pki().issue('short', { by: root, extensions: ['basicConstraints = critical,CA:TRUE,pathlen:0'] });
  const deep = pki().issue('deep', { by: short, isCa: true });
  const leaf = pki().issue('leaf-deep', { by: deep });
  assert.match(pathProblem([read(leaf), read(deep), read(short)], trust, NOW), /path length 0 is exceeded/);
  const direct = pki().issue('leaf-short', { by: short });
  assert.equal(pathProblem([read(direct), read(short)], trust, NOW), '');

  // Another root of the same name, and a CA that issues itself in a circle.
  const twin = openPki();
  try {
    const other = twin.issue('root', { isCa: true });
    const stranger = twin.issue('stranger', { by: other });
    assert.match(pathProblem([read(stranger)], trust, NOW), /not signed by/);
    assert.match(pathProblem([read(stranger), read(other)], trust, NOW), /issuer is not known|not signed by/);
    // Nothing in them was looked at, and no key of theirs used: they may be made to take long.
    const closed = [stranger, other, ...Array.from({ length: 8 }, () => other)].map(read).map((cert) => ({
      ...cert,
      get key(): never {
        throw new Error('used');
      },
      details: (): never => {
        throw new Error('looked at');
      },
    }));
    assert.match(pathProblem(closed, trust, NOW), /not signed by/);
  } finally {
    twin.close();
  }
});

test('one certificate inside another, as PEM: not two certificates in one', { skip }, () => {
  const root = pki().issue('poly-root', { isCa: true });
  const thief = pki().issue('thief', { by: root, names: 'DNS:thief.test' });
  // The names of another, and in an extension what is signed: OpenSSL reads PEM wherever it finds it.
  const forged = AsnConvert.parse(thief.der, Certificate);
  const list = forged.tbsCertificate.extensions!;
  const names = new SubjectAlternativeName([new GeneralName({ dNSName: 'gateway.test' })]);
  list.find(({ extnID }) => extnID === '2.5.29.17')!.extnValue = new OctetString(AsnConvert.serialize(names));
  const inner = new OctetString(Buffer.concat([Buffer.of(10), readFileSync(thief.certificate)]));
  list.push(new Extension({ extnID: '1.2.3.4', critical: false, extnValue: inner }));
  const octets = Buffer.from(AsnConvert.serialize(forged));
  assert.equal(new X509Certificate(octets).subjectAltName, 'DNS:thief.test');
  assert.throws(() => readCertificate(octets), /is not one certificate in DER/);
  assert.throws(() => readCertificate(readFileSync(thief.certificate)), /is not one certificate in DER/);
  assert.throws(() => readCertificate(Buffer.concat([thief.der, Buffer.of(0)])), /is not one certificate in DER/);
});

test('revocation by CRLs', { skip }, () => {
  const root = pki().issue('crl-root', { isCa: true });
  const [good, bad] = ['kept', 'revoked'].map((name) => pki().issue(name, { by: root }));
  const crl = crlOf(pki().crl('first', root, [bad]));
  const now = crl.thisUpdate + 1000;
  assert.equal(pathProblem([read(good)], trusting(root, { crls: [crl] }), now), '');
  assert.match(pathProblem([read(bad)], trusting(root, { crls: [crl] }), now), /is revoked/);
  assert.equal(pathProblem([read(bad)], trusting(root), now), '');
  const required = { isCrlRequired: true };
  assert.match(pathProblem([read(good)], trusting(root, required), now), /no CRL in force/);
  assert.equal(pathProblem([read(good)], trusting(root, { ...required, crls: [crl] }), now), '');
  const late = now + 40 * 86400000;
  assert.match(pathProblem([read(good)], trusting(root, { ...required, crls: [crl] }), late), /no CRL in force/);
  // What was revoked stays so when the list is old.
  assert.match(pathProblem([read(bad)], trusting(root, { crls: [crl] }), late), /is revoked/);
  // A list that somebody else signed says nothing.
  const forged = { ...crl, signature: Buffer.from(crl.signature), isSigned: new WeakMap() };
  forged.signature[forged.signature.length - 1] ^= 1;
  assert.equal(pathProblem([read(bad)], trusting(root, { crls: [forged] }), now), '');
});

test('a certificate is that of the identities in its alternative names alone', { skip }, () => {
  const root = pki().issue('id-root', { isCa: true });
  const names = 'DNS:Gate.test,email:gate@test,IP:192.0.2.1,IP:2001:db8::1';
  const cert = read(pki().issue('gate.other', { by: root, names }));
  const id = (type: number, data: Uint8Array): Uint8Array => Uint8Array.of(type, 0, 0, 0, ...data);
  const text = (value: string): Buffer => Buffer.from(value);
  const six = Buffer.from('20010db8000000000000000000000001', 'hex');
  assert.ok(isNamed(cert, id(2, text('gate.test'))) && isNamed(cert, id(2, text('Gate.test'))));
  assert.ok(isNamed(cert, id(3, text('gate@test'))));
  assert.ok(isNamed(cert, id(1, Uint8Array.of(192, 0, 2, 1))));
  assert.ok(isNamed(cert, id(5, six)));
  assert.ok(isNamed(cert, id(9, Buffer.from(cert.details().subject, 'hex'))));
  for (const [type, data] of [
    [2, text('gate.other')],
    // A third way to write it.
    [2, text('gate.TEST')],
    [2, text('ate.test')],
    [2, text('gate.test\0')],
    [3, text('gate.test')],
    [1, Uint8Array.of(192, 0, 2, 2)],
    [5, Uint8Array.of(192, 0, 2, 1)],
    [9, text('gate')],
    [11, text('gate.test')],
    [2, text('')],
  ] as const)
    assert.ok(!isNamed(cert, id(type, data)), `${type} ${Buffer.from(data).toString('hex')}`);
});

test('signatures: each kind of key with each hash, and nothing else', { skip }, () => {
  const octets = Buffer.from('what AUTH covers');
  for (const [kind, hashes] of [
    ['ed25519', [5]],
    ['p256', [2, 3, 4]],
    ['p384', [3, 2, 4]],
    ['rsa', [2, 3, 4]],
  ] as const) {
    const key = createPrivateKey(readFileSync(pki().issue(`sign-${kind}`, { kind, isCa: true }).key));
    const open = createPublicKey(key as never);
    for (const hash of hashes) {
      const data = signatureOf(key, Uint8Array.of(0, hash), octets);
      assert.ok(isSignature(open, octets, data), `${kind} ${hash}`);
      assert.ok(!isSignature(open, Buffer.from('what AUTH covered'), data));
      for (const at of [0, 1, data[0], data[0] + 1, data.length - 1]) {
        const changed = Uint8Array.from(data);
        changed[at] ^= 1;
        assert.ok(!isSignature(open, octets, changed), `${kind} ${hash} octet ${at}`);
      }
      assert.ok(!isSignature(open, octets, data.subarray(0, data[0])) && !isSignature(open, octets, new Uint8Array(0)));
    }
    // SHA-1 alone, or nothing: no signature is made.
    assert.equal(signatureOf(key, Uint8Array.of(0, 1), octets).length, 0);
    assert.equal(signatureOf(key, new Uint8Array(0), octets).length, 0);
    assert.ok(signatureOf(key, HASHES, octets).length > 0);
  }
});

test('octets that are no certificate: an error, and in bounded time', { skip }, () => {
  const { der } = pki().issue('fuzzed', { isCa: true, names: 'DNS:a.test,IP:192.0.2.1' });
  assert.throws(() => readCertificate(new Uint8Array(CERTIFICATE_MAX + 1)), /16385 octets: at most 16384/);
  assert.throws(() => readCertificate(new Uint8Array(0)));
  let state = 1;
  const random = (below: number): number => (state = (state * 48271) % 2147483647) % below;
  let taken = 0;
  for (let i = 0; i < 3000; i++) {
    const changed = Uint8Array.from(der.subarray(0, random(8) === 0 ? random(der.length) : der.length));
    for (let n = 0; n <= random(4) && changed.length > 0; n++) changed[random(changed.length)] = random(256);
    try {
      const cert = readCertificate(changed);
      taken++;
      assert.equal(
        typeof pathProblem([cert], { anchors: [cert], intermediates: [cert], crls: [], isCrlRequired: true }, NOW),
        'string',
      );
    } catch (error) {
      assert.ok(error instanceof Error && !(error instanceof assert.AssertionError));
    }
  }
  assert.ok(taken > 100);
});
