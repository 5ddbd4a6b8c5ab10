// The relying party of RISAV against repositories in which one thing is wrong, with the verdicts of rpki-client beside it; objects as
// OpenSSL reads them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { addressText } from '../../targets/node/host/addresses.ts';
import { readAnnouncement, writeAnnouncement } from '../../targets/node/risav/rpki/contents.ts';
import { type CertificateGiven, writeSignedObject } from '../../targets/node/risav/rpki/issue.ts';
import { RISAV_ANNOUNCEMENT, ROA } from '../../targets/node/risav/rpki/oids.ts';
import type { Validation } from '../../targets/node/risav/rpki/relying-party.ts';
import { type Changes, newKey, type RepositoryGiven } from '../../targets/node/risav/rpki/repository.ts';
import { type Family, rangeOf, widthOf } from '../../targets/node/risav/rpki/resources.ts';
import { readSignedObject } from '../../targets/node/risav/rpki/signed-object.ts';
import { packageMissing } from '../support/packages.ts';
import { BASE, keysInTurn, prefix, problems, repository, validated } from './kit.ts';
import { client, compare, noClient } from './rpki-client.ts';

const noOpenssl = packageMissing('openssl');
const HOUR = 3600_000;

const good = repository();
const ALL = ['64500 192.0.2.0/24', '64500 2001:db8:1::/48', '64501 198.51.100.0/24'];
const SECOND = [ALL[2]];

function textOf(family: Family, address: bigint, length: number): string {
  const octets = Buffer.from(address.toString(16).padStart(widthOf(family) / 4, '0'), 'hex');
  return `${addressText(octets)}/${length}`;
}

function ourVrps({ roas }: Validation): string[] {
  return roas
    .flatMap(({ value }) => value.prefixes.map((one) => `${value.as} ${textOf(one.family, one.address, one.length)}`))
    .sort();
}

test('a repository in order: every object is valid, here and for rpki-client', () => {
  const result = validated(good);
  assert.deepEqual(problems(result), {});
  assert.equal(result.verdicts.length, good.files.size);
  assert.deepEqual(ourVrps(result), ALL);
  assert.deepEqual(
    result.announcements.map(({ value }) => value),
    [
      {
        as: 64500,
        contacts: [prefix('192.0.2.1/32'), prefix('2001:db8:1::1/128')],
        testing: false,
      },
    ],
  );
});

test('rpki-client takes it, announcements beside the ROAs', { skip: noClient }, (t) => {
  const its = client(good);
  t.after(its.end);
  assert.deepEqual(its.vrps, ALL);
  assert.ok(its.isGood('AS64500/AS64500.mft'));
});

/** A change of one file's certificate. */
const certificate =
  (file: string, change: (given: CertificateGiven) => Partial<CertificateGiven>): (() => Changes) =>
  () => ({ certificate: (name, given) => (name === file ? { ...given, ...change(given) } : given) });
const octets =
  (file: string, change: (octets: Buffer) => Buffer): (() => Changes) =>
  () => ({ file: (name, value) => (name === file ? change(value) : value) });
const flipLast = (value: Buffer): Buffer => {
  const out = Buffer.from(value);
  out[out.length - 1] ^= 1;
  return out;
};

interface Damage {
  ases?: RepositoryGiven['ases'];
  changes(): Changes;
  /** What is refused, and a part of why. */
  refused: Record<string, RegExp>;
  /** VRPs that are left. */
  left: string[];
  /** What rpki-client 8.2 takes, where that is more: it does not look at this. */
  byClient?: string[];
}

const ROA_FILE = 'AS64500.roa';
const AT_ROA = `AS64500/${ROA_FILE}`;
const AT_RAV = 'AS64500/AS64500.rav';
const roa = (
  change: (given: CertificateGiven) => Partial<CertificateGiven>,
  why: RegExp,
  byClient?: string[],
): Damage => ({
  changes: certificate(ROA_FILE, change),
  refused: { [AT_ROA]: why },
  left: SECOND,
  ...(byClient === undefined ? {} : { byClient }),
});
const announcement = (change: (given: CertificateGiven) => Partial<CertificateGiven>, why: RegExp): Damage => ({
  changes: certificate('AS64500.rav', change),
  refused: { [AT_RAV]: why },
  left: ALL,
});
/** That of no certificate. */
const other = newKey();

const DAMAGES: Record<string, Damage> = {
  'a ROA that has expired': roa(() => ({ notAfter: Date.now() - 1000 }), /expired/),
  'a ROA that is not valid yet': roa(() => ({ notBefore: Date.now() + HOUR }), /not valid before/),
  'a ROA with another issuer': roa(() => ({ issuer: 'somebody' }), /issuer/),
  'a ROA signed by another key': roa(() => ({ by: other }), /authorityKeyIdentifier/),
  'a ROA with addresses that its CA has not': roa(
    (given) => ({ resources: { ...given.resources, v4: [rangeOf(prefix('203.0.113.0/24'))] } }),
    /claims addresses that its issuer does not hold/,
  ),
  'a ROA for addresses that its certificate has not': roa(
    (given) => ({ resources: { ...given.resources, v4: [] } }),
    /not among the addresses of its certificate/,
  ),
  'a ROA with inherit': roa(() => ({ resources: { v4: 'inherit', v6: 'inherit', as: [] } }), /inherit/),
  'a ROA with AS numbers': roa(
    (given) => ({ resources: { ...given.resources, as: [[64500n, 64500n]] } }),
    /has AS numbers/,
  ),
  'a ROA that names another place': roa(() => ({ object: `${BASE}AS64500/other.roa` }), /subjectInfoAccess/, ALL),
  'a ROA with the CRL of another': roa(() => ({ crl: `${BASE}AS64501/AS64501.crl` }), /cRLDistributionPoints/, ALL),
  'a ROA below another certificate': roa(() => ({ issuerUri: `${BASE}ta/AS64501.cer` }), /authorityInfoAccess/, ALL),
  'a ROA whose signature is wrong': {
    changes: octets(ROA_FILE, flipLast),
    refused: { [AT_ROA]: /signature/ },
    left: SECOND,
  },
  'a ROA that is cut off': {
    changes: octets(ROA_FILE, (value) => value.subarray(0, value.length - 9)),
    refused: { [AT_ROA]: /./ },
    left: SECOND,
  },
  'a ROA with something behind it': {
    changes: octets(ROA_FILE, (value) => Buffer.concat([value, Buffer.of(5, 0)])),
    refused: { [AT_ROA]: /./ },
    left: SECOND,
    byClient: ALL,
  },
  'a ROA that is revoked': {
    changes: () => ({ revoked: (ca) => (ca === 'AS64500' ? [good.serials.get(ROA_FILE)!] : []) }),
    refused: { [AT_ROA]: /revoked/ },
    left: SECOND,
  },
  'a CA that is revoked': {
    changes: () => ({ revoked: (ca) => (ca === 'ta' ? [good.serials.get('AS64500.cer')!] : []) }),
    refused: { 'ta/AS64500.cer': /revoked/ },
    left: SECOND,
  },
  'a CA that has expired': {
    changes: certificate('AS64500.cer', () => ({ notAfter: Date.now() - 1000 })),
    refused: { 'ta/AS64500.cer': /expired/ },
    left: SECOND,
  },
  'a manifest that has expired': {
    changes: certificate('AS64500.mft', () => ({ notAfter: Date.now() - 1000 })),
    refused: { 'AS64500/AS64500.mft': /expired/ },
    left: SECOND,
  },
  'a manifest whose signature is wrong': {
    changes: octets('AS64500.mft', flipLast),
    refused: { 'AS64500/AS64500.mft': /signature/ },
    left: SECOND,
  },
  'a manifest whose certificate has addresses of its own': {
    changes: certificate('AS64500.mft', () => ({
      resources: { v4: [rangeOf(prefix('192.0.2.0/24'))], v6: [], as: [] },
    })),
    refused: { 'AS64500/AS64500.mft': /must inherit/ },
    left: SECOND,
  },
  'a CRL whose signature is wrong': {
    changes: octets('AS64500.crl', flipLast),
    refused: { 'AS64500/AS64500.mft': /crl: .*signature/ },
    left: SECOND,
  },
  'an announcement that has expired': announcement(() => ({ notAfter: Date.now() - 1000 }), /expired/),
  'an announcement of an AS that its CA has not': announcement(
    (given) => ({ resources: { ...given.resources, as: [[64501n, 64501n]] } }),
    /./,
  ),
  'an announcement of another AS than its certificate': announcement(
    () => ({ resources: { v4: [rangeOf(prefix('192.0.2.0/24'))], v6: [], as: [] } }),
    /AS64500 is not among/,
  ),
  "an announcement with another's address as its contact": {
    changes: () => ({}),
    ases: [
      {
        as: 64500,
        prefixes: [prefix('192.0.2.0/24'), prefix('2001:db8:1::/48')],
        contacts: [prefix('198.51.100.1/32')],
      },
      { as: 64501, prefixes: [prefix('198.51.100.0/24')], contacts: null },
    ],
    refused: { [AT_RAV]: /contact is not among the addresses of its CA/ },
    left: ALL,
  },
  'an announcement with inherit': announcement(() => ({ resources: { v4: [], v6: [], as: 'inherit' } }), /inherit/),
  'an announcement with a content of another type': {
    changes: () => ({
      more: (ca): Record<string, Buffer> => (ca === 'AS64500' ? { 'more.xyz': good.files.get(BASE + AT_ROA)! } : {}),
    }),
    refused: { 'AS64500/more.xyz': /not what the name/ },
    left: ALL,
  },
};

for (const [name, { changes, ases, refused, left, byClient }] of Object.entries(DAMAGES)) {
  test(name, (t) => {
    const repo = repository({ changes: changes(), ...(ases === undefined ? {} : { ases }) });
    const result = validated(repo);
    const found = problems(result);
    assert.deepEqual(Object.keys(found), Object.keys(refused), JSON.stringify(found));
    for (const [file, why] of Object.entries(refused)) assert.match(found[file], why);
    assert.deepEqual(ourVrps(result), left);
    // Without its certificate or its manifest nothing of a CA is used.
    const isOut = Object.keys(refused).some((file) => file === AT_RAV || /\.(cer|mft)$/.test(file));
    assert.equal(result.announcements.length, isOut ? 0 : 1);
    compare(t, repo, byClient ?? left, Object.keys(refused));
  });
}

for (const [name, change] of Object.entries({
  'is missing': (files: Map<string, Buffer>) => files.delete(BASE + AT_ROA),
  'has another hash': (files: Map<string, Buffer>) => files.set(BASE + AT_ROA, flipLast(files.get(BASE + AT_ROA)!)),
})) {
  test(`one file of a manifest ${name}: nothing of its CA is used`, (t) => {
    const repo = { ...good, files: new Map(good.files) };
    change(repo.files);
    const result = validated(repo);
    assert.match(problems(result)['AS64500/AS64500.mft'], /AS64500\.roa/);
    assert.deepEqual([ourVrps(result), result.announcements], [SECOND, []]);
    compare(t, repo, SECOND, ['AS64500/AS64500.mft']);
  });
}

test('manifests and CRLs of yesterday', (t) => {
  const repo = repository({ now: Date.now() - 25 * HOUR });
  assert.match(problems(validated(repo))['ta/ta.mft'], /nextUpdate has passed/);
  assert.deepEqual(validated(repo).roas, []);
  compare(t, repo, [], ['ta/ta.mft']);
});

test('a manifest that is older than the one before', () => {
  const newer = validated(repository({ number: 7n }));
  const older = problems(validated(good, { manifests: newer.manifests }));
  assert.match(older['ta/ta.mft'], /manifestNumber 1: 7 was there before/);
  assert.deepEqual(problems(validated(good, { manifests: validated(good).manifests })), {});
  // A run in between, in which it was not good, does not make it be forgotten.
  const files = new Map(good.files);
  files.delete(`${BASE}ta/ta.mft`);
  const without = validated({ ...good, files }, { manifests: newer.manifests });
  assert.match(problems(validated(good, { manifests: without.manifests }))['ta/ta.mft'], /7 was there before/);
});

test('a trust anchor with another key than its TAL', (t) => {
  const tal = good.tal.replace(/\n\n[\s\S]*/, `\n\n${other.spki.toString('base64')}\n`);
  const result = validated({ ...good, tal });
  assert.match(problems(result)['ta.cer'], /key of its TAL/);
  assert.deepEqual(result.roas, []);
  compare(t, { ...good, tal }, [], []);
});

test('a RISAVAnnouncement in DER, as the example of the draft', () => {
  const content = writeAnnouncement({ as: 64500, contacts: [prefix('192.0.2.1/32')], testing: false });
  assert.equal(content.toString('hex'), '3016020300fbf4300f300d04020001300703 0500c0000201'.replaceAll(' ', ''));
  assert.deepEqual(readAnnouncement(content), { as: 64500, contacts: [prefix('192.0.2.1/32')], testing: false });
});

test('OpenSSL reads what is made here', { skip: noOpenssl }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-rpki-'));
  try {
    const run = (...args: string[]): string => {
      const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8', timeout: 30000 });
      assert.equal(status, 0, stderr);
      return stdout;
    };
    for (const [uri, value] of good.files) writeFileSync(join(folder, uri.slice(uri.lastIndexOf('/') + 1)), value);
    for (const file of readdirSync(folder)) {
      if (/\.(roa|mft|rav)$/.test(file)) {
        run(
          'cms',
          '-verify',
          '-noverify',
          '-inform',
          'DER',
          '-in',
          file,
          '-signer',
          `${file}.pem`,
          '-out',
          `${file}.content`,
        );
        const { content } = readSignedObject(readFileSync(join(folder, file)));
        assert.ok(readFileSync(join(folder, `${file}.content`)).equals(content), file);
      }
      if (file.endsWith('.cer')) run('x509', '-inform', 'DER', '-in', file, '-out', `${file}.pem`);
    }
    assert.match(
      run('x509', '-in', 'AS64500.cer.pem', '-noout', '-text'),
      /IPv4:\s+192\.0\.2\.0\/24[\s\S]*2001:db8:1::\/48[\s\S]*64500/,
    );
    // The chain, with its resources [RFC 3779].
    run(
      'verify',
      '-CAfile',
      'ta.cer.pem',
      '-untrusted',
      'AS64500.cer.pem',
      'AS64500.roa.pem',
      'AS64500.rav.pem',
      'AS64500.mft.pem',
    );
    run('crl', '-inform', 'DER', '-in', 'AS64500.crl', '-CAfile', 'AS64500.cer.pem', '-noout');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a signed object whose signer says another thing', () => {
  // Of the ROA: the order in which the repository takes its keys.
  const key = [...Array(3)].map(keysInTurn())[2];
  const object = readSignedObject(good.files.get(BASE + AT_ROA)!);
  const make = (changes: Parameters<typeof writeSignedObject>[5]): Buffer =>
    writeSignedObject(ROA, object.content, object.certificate.der, key, Date.now(), changes);
  const cases: [Parameters<typeof writeSignedObject>[5], RegExp][] = [
    [{ attributeType: RISAV_ANNOUNCEMENT }, /content-type/],
    [{ digest: Buffer.alloc(32) }, /message-digest/],
    [{ version: 1 }, /version/],
    [{ keyId: Buffer.alloc(20) }, /sid/],
    [{ signature: Buffer.alloc(256) }, /signature of its content/],
    [{ certificates: [] }, /certificates/],
    [{ certificates: [object.certificate.der, object.certificate.der] }, /certificates has 2/],
  ];
  assert.ok(readSignedObject(make({})).content.equals(object.content));
  for (const [changes, why] of cases) assert.throws(() => readSignedObject(make(changes)), why);
});
