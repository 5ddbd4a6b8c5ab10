// Fields of RPKI objects, each wrong in turn: contents, certificates, resources, TALs; and objects with octets changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { readCertificate } from '../../targets/node/risav/rpki/certificate.ts';
import { readAnnouncement, readManifest, readRoa, writeManifest } from '../../targets/node/risav/rpki/contents.ts';
import { readCrl } from '../../targets/node/risav/rpki/crl.ts';
import {
  BOOLEAN,
  bitString,
  context,
  der,
  ia5,
  integer,
  NULL,
  octetString,
  oid,
  readDer,
  sequence,
  time,
} from '../../targets/node/risav/rpki/der.ts';
import {
  type CertificateGiven,
  extension,
  extensionsOf,
  keyOf,
  writeCertificate,
} from '../../targets/node/risav/rpki/issue.ts';
import * as id from '../../targets/node/risav/rpki/oids.ts';
import type { Validation } from '../../targets/node/risav/rpki/relying-party.ts';
import {
  isWithin,
  type Range,
  rangeOf,
  readAddresses,
  readAsNumbers,
  resolve,
} from '../../targets/node/risav/rpki/resources.ts';
import { readSignedObject } from '../../targets/node/risav/rpki/signed-object.ts';
import { readTal } from '../../targets/node/risav/rpki/tal.ts';
import { BASE, keysInTurn, prefix, problems, repository, validated } from './kit.ts';

const afi = (n: number, ...more: number[]): Buffer => octetString(Buffer.of(0, n, ...more));
const v4 = (...octets: number[]): Buffer => bitString(Buffer.from(octets));
const one = (family: number, address: Buffer): Buffer => sequence(afi(family), sequence(address));
const mine = one(1, v4(192, 0, 2, 1));
const version = der(context(0), integer(0));

function table(read: (octets: Buffer) => unknown, good: Buffer, bad: Record<string, [Buffer, RegExp]>): void {
  test(`${read.name}: what is right is read`, () => void read(good));
  for (const [name, [octets, why]] of Object.entries(bad)) {
    test(`${read.name}: ${name}`, () => {
      assert.throws(
        () => read(octets),
        (error: Error) => error.constructor === Error && why.test(error.message),
      );
    });
  }
}

table(readAnnouncement, sequence(integer(1), sequence(mine)), {
  'a version that is the default': [sequence(version, integer(1), sequence(mine)), /version/],
  'no contact': [sequence(integer(1), sequence()), /one or two families/],
  'three families': [sequence(integer(1), sequence(mine, mine, mine)), /one or two families/],
  'one family twice': [sequence(integer(1), sequence(mine, mine)), /each once/],
  'IPv6 before IPv4': [sequence(integer(1), sequence(one(2, bitString(Buffer.alloc(16))), mine)), /before/],
  'two addresses': [
    sequence(integer(1), sequence(sequence(afi(1), sequence(v4(1, 2, 3, 4), v4(1, 2, 3, 5))))),
    /one address/,
  ],
  'a prefix': [sequence(integer(1), sequence(one(1, v4(192, 0, 2)))), /24 bits/],
  'a range': [sequence(integer(1), sequence(one(1, sequence(v4(1, 2, 3, 4), v4(1, 2, 3, 6))))), /./],
  inherit: [sequence(integer(1), sequence(sequence(afi(1), der(NULL)))), /addressesOrRanges/],
  'a SAFI': [sequence(integer(1), sequence(sequence(afi(1, 1), sequence(v4(1, 2, 3, 4))))), /0001 or 0002/],
  'an address with 33 bits': [sequence(integer(1), sequence(one(1, bitString(Buffer.alloc(5), 7)))), /33 bits/],
  'testing FALSE': [sequence(integer(1), sequence(mine), der(BOOLEAN, Buffer.of(0))), /FALSE/],
  'testing TRUE as 1': [sequence(integer(1), sequence(mine), der(BOOLEAN, Buffer.of(1))), /./],
  'a fifth field': [sequence(integer(1), sequence(mine), der(BOOLEAN, Buffer.of(0xff)), integer(1)), /four fields/],
  'an AS number of 33 bits': [sequence(integer(2n ** 32n), sequence(mine)), /AS number/],
  'an AS number below 0': [sequence(integer(-1), sequence(mine)), /./],
  nothing: [Buffer.alloc(0), /./],
});

const net = sequence(v4(192, 0, 2));
table(readRoa, sequence(integer(1), sequence(sequence(afi(1), sequence(net)))), {
  'a version that is the default': [
    sequence(version, integer(1), sequence(sequence(afi(1), sequence(net)))),
    /version/,
  ],
  'no family': [sequence(integer(1), sequence()), /one or two families/],
  'a family twice': [
    sequence(integer(1), sequence(sequence(afi(1), sequence(net)), sequence(afi(1), sequence(net)))),
    /twice/,
  ],
  'no prefix': [sequence(integer(1), sequence(sequence(afi(1), sequence()))), /malformed/],
  'a longest prefix below the prefix': [
    sequence(integer(1), sequence(sequence(afi(1), sequence(sequence(v4(192, 0, 2), integer(23)))))),
    /maxLength 23: must be 24 to 32/,
  ],
  'a longest prefix of 33': [
    sequence(integer(1), sequence(sequence(afi(1), sequence(sequence(v4(192, 0, 2), integer(33)))))),
    /maxLength 33/,
  ],
  'family 3': [sequence(integer(1), sequence(sequence(afi(3), sequence(net)))), /0001 or 0002/],
  'a third field': [sequence(integer(1), sequence(sequence(afi(1), sequence(net))), integer(1)), /two fields/],
});

const files = (...items: Buffer[]): Buffer => sequence(...items);
const file = (name: string, size = 32, unused = 0): Buffer =>
  sequence(ia5(name), bitString(Buffer.alloc(size), unused));
const manifest = (number: bigint, from: number, to: number, hash: string, list: Buffer, general = true): Buffer =>
  sequence(integer(number), time(from, general), time(to, general), oid(hash), list);
table(readManifest, manifest(1n, 0, 1000, id.SHA256, files(file('a.roa'))), {
  'a version that is the default': [
    sequence(version, integer(1), time(0, true), time(1000, true), oid(id.SHA256), files()),
    /version/,
  ],
  'a number below 0': [manifest(-1n, 0, 1000, id.SHA256, files()), /./],
  'a number of 21 octets': [manifest(2n ** 160n, 0, 1000, id.SHA256, files()), /20 octets/],
  'an end before its beginning': [manifest(1n, 1000, 0, id.SHA256, files()), /nextUpdate/],
  'times of X.509': [manifest(1n, 0, 1000, id.SHA256, files(), false), /./],
  'SHA-384': [manifest(1n, 0, 1000, '2.16.840.1.101.3.4.2.2', files()), /fileHashAlg/],
  'a file twice': [manifest(1n, 0, 1000, id.SHA256, files(file('a.roa'), file('a.roa'))), /twice/],
  'a path': [manifest(1n, 0, 1000, id.SHA256, files(file('../a.roa'))), /file name/],
  'no extension': [manifest(1n, 0, 1000, id.SHA256, files(file('a'))), /file name/],
  'an extension of five letters': [manifest(1n, 0, 1000, id.SHA256, files(file('a.risav'))), /file name/],
  'a hash of 31 octets': [manifest(1n, 0, 1000, id.SHA256, files(file('a.roa', 31))), /32 octets/],
  'a hash of 255 bits': [manifest(1n, 0, 1000, id.SHA256, files(file('a.roa', 32, 1))), /32 octets/],
});
test('readManifest reads what writeManifest wrote', () => {
  const given = { number: 5n, thisUpdate: 1000, nextUpdate: 9000, files: new Map([['x.roa', Buffer.alloc(32, 3)]]) };
  assert.deepEqual(readManifest(writeManifest(given)), given);
});

const addresses = (octets: Buffer) => readAddresses(readDer(octets));
const asNumbers = (octets: Buffer) => readAsNumbers(readDer(octets));
table(addresses, sequence(one(1, v4(10)), one(2, bitString(Buffer.of(0x20, 1)))), {
  empty: [sequence(), /empty/],
  'families in the other order': [sequence(one(2, bitString(Buffer.of(0x20, 1))), one(1, v4(10))), /order/],
  'a list without an entry': [sequence(sequence(afi(1), sequence())), /empty/],
  'two that touch': [sequence(sequence(afi(1), sequence(v4(10), v4(11)))), /touch/],
  'two in the other order': [sequence(sequence(afi(1), sequence(v4(12), v4(10)))), /order/],
  'a range that is a prefix': [sequence(one(1, sequence(v4(10), v4(10)))), /canonical/],
  'a range with too many bits': [sequence(one(1, sequence(v4(10, 0), v4(11, 3)))), /canonical/],
  'a range that ends before it begins': [sequence(one(1, sequence(v4(12), v4(10)))), /./],
  'bits that are not used, and not 0': [sequence(one(1, bitString(Buffer.of(0x0b), 1))), /./],
});
table(asNumbers, sequence(der(context(0), sequence(integer(1), sequence(integer(3), integer(9))))), {
  'routing domains': [sequence(der(context(1), sequence(integer(1)))), /asnum alone/],
  'a range of one': [sequence(der(context(0), sequence(sequence(integer(3), integer(3))))), /malformed/],
  'two that touch': [sequence(der(context(0), sequence(integer(3), integer(4)))), /touch/],
  'a range that ends before it begins': [sequence(der(context(0), sequence(sequence(integer(9), integer(3))))), /./],
});

test('isWithin finds what a search finds, in lists as long as objects can have', () => {
  const random = createRandom(23);
  for (let round = 0; round < 300; round++) {
    const outer: Range[] = [];
    for (let at = random.below(4); outer.length < random.below(12); at += 1 + random.below(5)) {
      const to = at + random.below(5);
      outer.push([BigInt(at), BigInt(to)]);
      at = to + 1;
    }
    for (let from = 0; from < 40; from++) {
      for (const to of [from, from + 1, from + 4]) {
        const range: Range = [BigInt(from), BigInt(to)];
        const wanted = outer.some(([low, high]) => low <= range[0] && range[1] <= high);
        assert.equal(isWithin([range], outer), wanted);
      }
    }
  }
  const many = Array.from({ length: 100_000 }, (_, at): Range => [BigInt(4 * at), BigInt(4 * at + 1)]);
  assert.ok(isWithin(many, many));
  assert.ok(!isWithin([...many, [2n, 2n]], many));
});

test('a certificate below another one: inherit, and one number too many', () => {
  const above = { v4: [rangeOf(prefix('10.0.0.0/8'))], v6: [], as: [[1n, 5n] as Range] };
  assert.deepEqual(resolve({ v4: 'inherit', v6: 'inherit', as: [[2n, 3n]] }, above), { ...above, as: [[2n, 3n]] });
  assert.throws(() => resolve({ v4: [], v6: [], as: [[5n, 6n]] }, above), /AS numbers that its issuer does not hold/);
  assert.throws(() => resolve({ v4: [], v6: [rangeOf(prefix('::/0'))], as: [] }, above), /addresses/);
});

const key = keysInTurn()();
const given: CertificateGiven = {
  ...{ serial: 1n, issuer: 'ca', subject: 'ee', notBefore: 0, notAfter: 4e12, key, by: key, isCa: false },
  resources: { v4: [rangeOf(prefix('192.0.2.0/24'))], v6: [], as: [] },
  crl: 'rsync://x/y/ca.crl',
  issuerUri: 'rsync://x/y/ca.cer',
  repository: '',
  object: 'rsync://x/y/ee.roa',
};
const asCa: CertificateGiven = { ...given, isCa: true, repository: 'rsync://x/y/', object: 'rsync://x/y/ee.mft' };
const made = (base: CertificateGiven, change: (all: Map<string, Buffer>) => void = () => {}): Buffer => {
  const all = extensionsOf(base);
  change(all);
  return writeCertificate(base, all);
};

for (const base of [given, asCa]) {
  const what = base.isCa ? 'a CA' : 'an end entity';
  test(`the certificate of ${what}: each extension missing, twice critical, and one more`, () => {
    assert.equal(readCertificate(made(base)).isCa, base.isCa);
    for (const name of extensionsOf(base).keys()) {
      // Without addresses it has no resources; without basicConstraints the rest is wrong.
      assert.throws(() => readCertificate(made(base, (all) => void all.delete(name))), Error, `without ${name}`);
      const flipped = made(base, (all) => {
        const value = extensionsOf(base).get(name)!;
        const isCritical = value.includes(Buffer.from('0101ff', 'hex')) && ![id.BASIC_CONSTRAINTS].includes(name);
        const at = value.indexOf(0x04, 2 + value[3] + 2);
        const inner = value.subarray(at + 2);
        if (name !== id.BASIC_CONSTRAINTS && inner.length < 120) all.set(name, extension(name, !isCritical, inner));
        else all.delete(name);
      });
      assert.throws(() => readCertificate(flipped), Error, `critical: ${name}`);
    }
    const more = made(base, (all) => void all.set('1.2.3', extension('1.2.3', false, integer(1))));
    assert.throws(() => readCertificate(more), /extension 1\.2\.3 may not be there/);
  });
}

for (const [name, change, why] of [
  ['serial number 0', { serial: 0n }, /serialNumber/],
  ['a serial number below 0', { serial: -5n }, /serialNumber|INTEGER/],
  ['a serial number of 21 octets', { serial: 2n ** 160n }, /serialNumber/],
  ['no resources', { resources: { v4: [], v6: [], as: [] } }, /no resources/],
  ['a CRL by https', { crl: 'https://x/y/ca.crl' }, /no rsync URI/],
  ['an issuer by http', { issuerUri: 'http://x/y' }, /no rsync URI/],
  ['a place that leaves its folder', { object: 'rsync://x/y/../z' }, /no rsync URI/],
] as const) {
  test(`the certificate has ${name}`, () => {
    assert.throws(() => readCertificate(made({ ...given, ...(change as Partial<CertificateGiven>) })), why);
  });
}

test('keys of other kinds and sizes are refused', async () => {
  const { generateKeyPairSync } = await import('node:crypto');
  for (const secret of [
    generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
    generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).privateKey,
  ]) {
    assert.throws(() => readCertificate(made({ ...given, key: keyOf(secret) })), /RSA with 2048 bits/);
  }
});

for (const [text, why] of [
  ['', /must have URIs/],
  ['rsync://x/y.cer\n', /must have URIs|Base64/],
  ['ftp://x/y.cer\n\nAAAA\n', /line 1/],
  ['https://x/y.cer\n\nAAAA\n', /no rsync URI/],
  ['rsync://x/y.cer\n\n***\n', /Base64/],
] as const) {
  test(`a TAL that is none: ${JSON.stringify(text)}`, () => assert.throws(() => readTal(text, 'tal'), why));
}
test('a TAL with comments and CR LF', () => {
  assert.deepEqual(readTal('# one\r\nhttps://x/y.cer\r\nrsync://x/y.cer\r\n\r\nAAAA\r\nBBBB\r\n', 'tal'), {
    uris: ['rsync://x/y.cer'],
    spki: Buffer.from('AAAABBBB', 'base64'),
  });
});

/** Whole repositories among them. */
const WHOLE = process.env.DIETESP_LONG === '1' ? 3000 : 70;
const MUTATIONS = process.env.DIETESP_LONG === '1' ? 100_000 : 3000;
const good = repository();

test(`${MUTATIONS} objects with octets changed: refused, or the same in what counts`, () => {
  let seed = 7;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  const all = [...good.files].filter(([uri]) => uri.includes('AS64500') || uri.endsWith('ta.crl'));
  const anchor = readCertificate(good.files.get(`${BASE}ta.cer`)!, true);
  const issuer = readCertificate(good.files.get(`${BASE}ta/AS64500.cer`)!);
  let refused = 0;
  for (let n = 0; n < MUTATIONS; n++) {
    const [uri, value] = all[n % all.length];
    const changed = Buffer.from(value);
    for (let i = 0; i <= below(3); i++) changed[below(changed.length)] ^= 1 << below(8);
    const cut = below(8) === 0 ? changed.subarray(0, below(changed.length)) : changed;
    try {
      if (uri.endsWith('.crl')) {
        const by = uri.includes('/ta/') ? anchor : issuer;
        assert.deepEqual(readCrl(cut, by, Date.now()), readCrl(value, by, Date.now()));
      } else if (uri.endsWith('.cer')) {
        // Whether its issuer signed it is looked at later: what was read differs from what was signed.
        const read = readCertificate(cut);
        assert.ok(
          !read.tbs.equals(readCertificate(value).tbs) || !read.signature.equals(readCertificate(value).signature),
        );
      } else {
        const [one, before] = [readSignedObject(cut), readSignedObject(value)];
        assert.ok(one.content.equals(before.content) && one.type === before.type);
      }
    } catch (error) {
      // An error that says what is wrong with it, and none of this program.
      assert.equal((error as Error).constructor, Error, String(error));
      refused++;
    }
  }
  assert.ok(refused > MUTATIONS / 2, `${refused} refused`);
});

test(`${WHOLE} repositories with octets of an object changed: it is refused, or says the same`, () => {
  const random = createRandom(29);
  const names = ['AS64500.roa', 'AS64500.rav', 'AS64500.crl', 'AS64500.mft', 'AS64500.cer', 'AS64501.roa', 'ta.mft'];
  const values = ({ roas, announcements }: Validation): string[] =>
    [...roas, ...announcements].map(({ value }) => inspect(value, { depth: 9 }));
  const all = values(validated(good));
  let refused = 0;
  for (let n = 0; n < WHOLE; n++) {
    const name = names[n % names.length];
    const change = (file: string, value: Buffer): Buffer => {
      const out = Buffer.from(value);
      for (let i = random.below(3); i >= 0 && file === name; i--) out[random.below(out.length)] ^= 1 << random.below(8);
      return out;
    };
    const result = validated(repository({ changes: { file: change } }));
    const found = values(result);
    assert.ok(found.every((one) => all.includes(one)));
    if (Object.keys(problems(result)).length > 0) refused++;
    else assert.equal(found.length, all.length);
  }
  assert.ok(refused > WHOLE / 2, `${refused} refused`);
});
