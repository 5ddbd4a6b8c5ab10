// Certificates and CRLs that an authority signed, and that RFC 5280 does not allow; requests for certificates of very many authorities.

import assert from 'node:assert/strict';
import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  type RSAPSSKeyPairKeyObjectOptions,
  sign,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { Certificate, CertificateList, Extension, Extensions, RevokedCertificate, Time } from '@peculiar/asn1-x509';
import { HASHES, isSignature, keyProblem, signatureOf } from '../../targets/node/host/certificates/algorithms.ts';
import { pathProblem } from '../../targets/node/host/certificates/chain.ts';
import { anyOf, createSignatures, isNamed } from '../../targets/node/host/certificates/signatures.ts';
import { type Cert, readCertificate, readCrl } from '../../targets/node/host/certificates/x509.ts';
import { packageMissing } from '../support/packages.ts';
import { openPki, type Pki } from '../support/pki.ts';

const skip = packageMissing('openssl');
const NOW = Date.UTC(2026, 10, 30);

let opened: Pki | undefined;
const pki = (): Pki => (opened ??= openPki());
after(() => opened?.close());

/** A SEQUENCE of these, of 256 octets and more. */
function sequence(...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const size = body.length < 65536 ? 2 : 3;
  const length = Buffer.alloc(size);
  length.writeUIntBE(body.length, 0, size);
  return Buffer.concat([Buffer.of(0x30, 0x80 + size), length, body]);
}

/** What is signed, with the signature of this key: ECDSA with SHA-256. */
function signed(key: KeyObject, octets: Uint8Array): Buffer {
  const signature = sign('sha256', octets, key);
  const algorithm = Buffer.from('300a06082a8648ce3d040302', 'hex');
  return sequence(octets, algorithm, Buffer.of(3, signature.length + 1, 0), signature);
}

const extension = (extnID: string, critical: boolean, hex: string): Extension =>
  new Extension({ extnID, critical, extnValue: new OctetString(Buffer.from(hex, 'hex')) });

test('certificates that an authority signed, and that nobody should go by', { skip }, () => {
  const root = pki().issue('root', { isCa: true });
  const leaf = pki().issue('leaf', { by: root, names: 'DNS:leaf.test' });
  const key = createPrivateKey(readFileSync(root.key));
  const trust = { anchors: [readCertificate(root.der)], intermediates: [], crls: [], isCrlRequired: false };
  const judge = (der: Buffer): string => pathProblem([readCertificate(der)], trust, NOW);
  const tbsOf = (change: (tbs: Certificate['tbsCertificate']) => void): Buffer => {
    const { tbsCertificate } = AsnConvert.parse(leaf.der, Certificate);
    change(tbsCertificate);
    return Buffer.from(AsnConvert.serialize(tbsCertificate));
  };
  const more = (...list: Extension[]): string =>
    judge(
      signed(
        key,
        tbsOf((tbs) => tbs.extensions!.push(...list)),
      ),
    );
  assert.equal(more(), '');
  assert.match(more(extension('2.5.29.17', false, '300682046576696c')), /extension 2\.5\.29\.17 stands in it twice/);
  const constraints = extension('2.5.29.30', false, '300ca00a3008820661');
  // OpenSSL may refuse what is in it by itself.
  assert.match(more(constraints), /name constraints are not supported|not signed/);
  const old = tbsOf((tbs) => {
    tbs.version = 0;
  });
  assert.match(judge(signed(key, old)), /has extensions and is not of version 3/);

  const time = (tag: number, text: string): Buffer => Buffer.concat([Buffer.of(tag, text.length), Buffer.from(text)]);
  const during = (from: Buffer, until: Buffer): string => {
    const tbs = tbsOf(() => undefined);
    const at = tbs.indexOf('170d', 'hex') - 2;
    const validity = Buffer.concat([Buffer.of(0x30, from.length + until.length), from, until]);
    const behind = tbs.subarray(at + 2 + tbs[at + 1]);
    return judge(signed(key, sequence(tbs.subarray(4, at), validity, behind)));
  };
  const [utc, general] = [0x17, 0x18];
  const from = time(utc, '200101000000Z');
  assert.equal(during(from, time(utc, '491231235959Z')), '');
  assert.equal(during(from, time(general, '99991231235959Z')), '');
  assert.match(during(from, time(utc, '500101000000Z')), /expired on 1950/);
  for (const text of ['20301231235959', '20301231235959.5Z', '20301231235959+0100', '203012312359Z', '20309999999999Z'])
    assert.match(during(from, time(general, text)), /validity is malformed/, text);
  for (const text of ['200101000000+0100', '2001010000Z', 'xxxxxxxxxxxxZ', '201301000000Z'])
    assert.match(during(time(utc, text), time(utc, '491231235959Z')), /validity is malformed/, text);

  // A name of nobody is not that of somebody; what others wrote comes into the log in ASCII, and not all of it.
  const nameless = readCertificate(
    signed(
      key,
      tbsOf((tbs) => tbs.subject.splice(0)),
    ),
  );
  assert.equal(nameless.name, 'DNS:leaf.test');
  assert.equal(pathProblem([nameless], trust, NOW), '');
  assert.ok(!isNamed(nameless, Buffer.from('090000003000', 'hex')));
  const loud = readCertificate(
    signed(
      key,
      tbsOf((tbs) => {
        tbs.subject[0][0].value.utf8String = '\u202e\u001b[2J'.repeat(1000);
        tbs.subject[0][0].value.printableString = undefined;
      }),
    ),
  );
  assert.match(loud.name, /^[ -~]{1,100}$/);
});

test('CRLs with entries for another issuer, or without times, are refused', { skip }, () => {
  const root = pki().issue('lists', { isCa: true });
  const file = readFileSync(pki().crl('list', root, []), 'latin1');
  const list = AsnConvert.parse(Buffer.from(file.replace(/-----[^-]*-----|\s/g, ''), 'base64'), CertificateList);
  const key = createPrivateKey(readFileSync(root.key));
  const made = (...extensions: Extension[]): Buffer => {
    const entry = new RevokedCertificate();
    entry.userCertificate = new Uint8Array([1]).buffer;
    entry.revocationDate = new Time(new Date(NOW));
    if (extensions.length > 0) entry.crlEntryExtensions = new Extensions(extensions) as Extension[];
    list.tbsCertList.revokedCertificates = [entry];
    return signed(key, Buffer.from(AsnConvert.serialize(list.tbsCertList)));
  };
  assert.deepEqual([...readCrl(made()).revoked], ['01']);
  assert.deepEqual([...readCrl(made(extension('2.5.29.21', true, '0a0101'))).revoked], ['01']);
  assert.throws(() => readCrl(made(extension('2.5.29.29', true, '3000'))), /2\.5\.29\.29 of an entry is not supported/);
  const many = Array.from({ length: 4000 }, (_, index) => {
    const entry = new RevokedCertificate();
    entry.userCertificate = Uint8Array.of(1, index >> 8, index & 255).buffer;
    entry.revocationDate = new Time(new Date(NOW));
    return entry;
  });
  list.tbsCertList.revokedCertificates = many;
  assert.equal(readCrl(signed(key, Buffer.from(AsnConvert.serialize(list.tbsCertList)))).revoked.size, 4000);
  for (const octets of [
    Buffer.alloc(0),
    Buffer.from('3080', 'hex'),
    made().subarray(0, -1),
    Buffer.concat([made(), Buffer.of(0)]),
  ])
    assert.throws(() => readCrl(octets), /DER/);
  const torn = made();
  torn.write('x', torn.indexOf('170d', 'hex') + 2);
  assert.throws(() => readCrl(torn), /times are malformed/);
});

test('keys for RSASSA-PSS alone sign with what they say, or are refused', { skip }, () => {
  const octets = Buffer.from('what AUTH covers');
  const make = (hashAlgorithm: string, mgf1HashAlgorithm: string, saltLength: number) => {
    // The types have a text for the length of the salt.
    const options = {
      modulusLength: 2048,
      hashAlgorithm,
      mgf1HashAlgorithm,
      saltLength,
    } as unknown as RSAPSSKeyPairKeyObjectOptions;
    return generateKeyPairSync('rsa-pss', options);
  };
  for (const [hash, salt, number] of [['sha512', 20, 4]] as const) {
    const { privateKey, publicKey } = make(hash, hash, salt);
    assert.equal(keyProblem(privateKey), '');
    assert.ok(isSignature(publicKey, octets, signatureOf(privateKey, HASHES, octets)), hash);
    assert.ok(signatureOf(privateKey, Uint8Array.of(0, number), octets).length > 0);
    assert.equal(signatureOf(privateKey, Uint8Array.of(0, 2), octets).length, 0);
  }
  for (const [hash, mask, salt] of [
    ['sha256', 'sha256', 48],
    ['sha512', 'sha256', 64],
  ] as const)
    assert.match(keyProblem(make(hash, mask, salt).privateKey), /RSASSA-PSS with other parameters/);
});

test('very many authorities: CERTREQ asks for any certificate, in a few octets', { skip }, () => {
  const one = readCertificate(pki().issue('many', { isCa: true }).der);
  const certs: Cert[] = Array.from({ length: 17 }, () => ({ ...one, key: generateKeyPairSync('ed25519').publicKey }));
  const taking = (anchors: readonly Cert[]) =>
    createSignatures({
      owns: [],
      peerKey: null,
      trust: { anchors, intermediates: [], crls: [], isCrlRequired: false },
      wall: () => NOW,
    });
  const sizes = (...all: ReturnType<typeof taking>[]): number[] =>
    anyOf(all)!.requests.map(({ octets }) => octets.length);
  const few = certs.slice(0, 16).map((ca) => taking([ca]));
  assert.deepEqual(sizes(...few, ...few), [320]);
  assert.deepEqual(sizes(...few, taking(certs.slice(16))), [0]);
  assert.deepEqual(sizes(taking(certs), few[0]), [0]);
});
